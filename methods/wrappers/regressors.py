"""What the regressors that users bring may offer, by name of method."""

from typing import Any, Protocol, runtime_checkable


class Regressor(Protocol):
    """What scikit-learn's regressors and pipelines, and those of others, have in common."""

    def fit(self, X: Any, y: Any) -> Any:
        """Learn from n rows; what it returns is not used.

        Parameters
        ----------
        X : array or DataFrame, shape (n, d)
            Inputs.
        y : array, shape (n,)
            Target.

        Returns
        -------
        object
            Not used.
        """

    def predict(self, X: Any) -> Any:
        """Return a number for each row, (n,) or (n, 1).

        Parameters
        ----------
        X : array or DataFrame, shape (n, d)
            Inputs.

        Returns
        -------
        array, shape (n,) or (n, 1)
            Predictions.
        """


@runtime_checkable
class Parametrised(Protocol):
    """An estimator whose settings can be read and set by name, as scikit-learn's can."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings, with ``deep`` those of nested estimators too.

        Parameters
        ----------
        deep : bool, default True
            Include those of nested estimators.

        Returns
        -------
        dict
            Settings by name.
        """

    def set_params(self, **params: Any) -> Any:
        """Set some of them.

        Parameters
        ----------
        **params : object
            Settings by name.

        Returns
        -------
        object
            Not used.
        """


@runtime_checkable
class Conformal(Regressor, Protocol):
    """A model that is calibrated on rows that it did not learn, as those of MAPIE are."""

    def conformalize(self, X: Any, y: Any) -> Any:
        """Calibrate the intervals of a fitted model.

        Parameters
        ----------
        X : array or DataFrame, shape (n, d)
            Inputs.
        y : array, shape (n,)
            Target.

        Returns
        -------
        object
            Not used.
        """


@runtime_checkable
class CrossConformal(Protocol):
    """A model that parts rows into folds itself, to fit and to calibrate."""

    def fit_conformalize(self, X: Any, y: Any) -> Any:
        """Fit and calibrate.

        Parameters
        ----------
        X : array or DataFrame, shape (n, d)
            Inputs.
        y : array, shape (n,)
            Target.

        Returns
        -------
        object
            Not used.
        """

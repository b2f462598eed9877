"""How a user's own model is judged and called: the settings of any model that is no `Method`."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class UserModelOptions:
    """How a user's own model is judged and called.

    Parameters
    ----------
    fitted : bool, default False
        Whether the model was already fitted, to other rows.
    n_folds : int, default 5
        Number of folds of the out-of-fold residuals.
    noise : {"auto", "own", "residual", "cv_plus"}, default "auto"
        Whose distribution it is judged by.
    distribution : callable or str, optional
        Takes the fitted model and X, and returns the distribution that the model states;
        ``module:function`` names one.
    draws : int, optional
        Draws of a torch module that draws at every call.
    deterministic : bool, default False
        Whether the model claims that a fit depends on its rows and settings alone.
    batch_size : int, optional
        Most rows in a call of a fitted model; all if None.
    retries : int, default 0
        How often a failed call of a fitted model is made again.
    """

    fitted: bool = False
    n_folds: int = 5
    noise: str = "auto"
    distribution: Any = None
    draws: int | None = None
    deterministic: bool = False
    batch_size: int | None = None
    retries: int = 0

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return the options by name, at their defaults.

        Returns
        -------
        dict of str to object
            Defaults by name.
        """
        return asdict(cls())

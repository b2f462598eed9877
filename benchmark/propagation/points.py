"""The points around which inputs are noisy, as an array of numbers."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from howrobust.base.tables.frame import Frame
from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Points:
    """n points of d inputs.

    Parameters
    ----------
    X : array of shape (n, d)
        The points.
    names : tuple of hashable
        Names of the d inputs.
    frame : Frame, optional
        How X stands for a table; None for points that were given as an array.
    """

    X: Array
    names: tuple[Hashable, ...]
    frame: Frame | None

    def where(self, columns: tuple[Hashable, ...]) -> list[int]:
        """Return the positions of noisy inputs.

        Parameters
        ----------
        columns : tuple of hashable
            Names of inputs.

        Returns
        -------
        list of int
            Their positions.

        Raises
        ------
        BadInput
            For an input that the points do not have, that holds no numbers, or that is missing.
        """
        for column in columns:
            if column not in self.names:
                known = ", ".join(map(str, self.names))
                raise BadInput(f"there is noise on {column!r}, but the point has only {known}")
            j = self.names.index(column)
            kind = "number" if self.frame is None else self.frame.columns[j].kind
            if kind != "number":
                what = "dates" if kind == "date" else "no numbers"
                raise BadInput(f"there is noise on {column!r}, which holds {what}; leave it out")
            if np.isnan(self.X[:, j]).any():
                raise BadInput(
                    f"there is noise on {column!r}, which is missing at a point; fill it in, or "
                    "leave its noise out"
                )
        return [self.names.index(column) for column in columns]

    def inputs(self, x: Array) -> dict[str, Any]:
        """Return the inputs of one row by name.

        Parameters
        ----------
        x : array of shape (d,)
            A row.

        Returns
        -------
        dict of str to object
            Numbers, dates, and the values of categories; NaN for what is missing.
        """
        if self.frame is None:
            return dict(zip(map(str, self.names), x.tolist(), strict=True))
        row = self.frame.decode(x[None]).iloc[0]
        return {str(name): value for name, value in row.items()}


def points_of(X: Any, arguments: tuple[str, ...]) -> Points:
    """Return the points that a user gives.

    Parameters
    ----------
    X : dict, Series, DataFrame or array of shape (d,) or (n, d)
        One point, or n.
    arguments : tuple of str
        Names of the arguments of the function: those of the d columns of an array, where there are
        as many. Otherwise the columns are x0, x1 and so on.

    Returns
    -------
    Points
        The points.

    Raises
    ------
    BadInput
        For no points, for values that are infinite or of no kind, and for missing numbers of an
        array.
    """
    table = _table(X)
    if table is not None and table.empty:
        raise BadInput("X holds no point; give at least one input and one row")
    if table is not None:
        frame = Frame.of(table)
        rows = frame.encode(table)
        names = frame.names
    else:
        frame = None
        try:
            rows = np.atleast_2d(np.asarray(X, dtype=np.float64))
        except (TypeError, ValueError):
            raise BadInput(
                "a point must be a dict of inputs, a pandas Series or DataFrame, or an array of "
                f"numbers, not {type(X).__name__}"
            ) from None
        if rows.ndim != 2:
            raise BadInput(f"X has the shape {rows.shape}; it must be (d,) or (n, d)")
        if not np.isfinite(rows).all():
            raise BadInput("X has values that are missing or infinite; noise needs finite points")
        d = rows.shape[1]
        names = arguments if len(arguments) == d > 1 else tuple(f"x{j}" for j in range(d))
    if not rows.size:
        raise BadInput("X holds no point; give at least one row")
    return Points(rows, names, frame)


def _table(X: Any) -> "pd.DataFrame | None":
    """Return named points as a table; None for an array."""
    if isinstance(X, Mapping):
        import pandas as pd

        return pd.DataFrame({name: np.atleast_1d(value) for name, value in X.items()})
    if hasattr(X, "to_frame") and hasattr(X, "index") and not hasattr(X, "columns"):
        table: pd.DataFrame = X.to_frame().T.infer_objects()
        return table
    return X if hasattr(X, "columns") else None

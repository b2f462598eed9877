"""Forecast new rows by a model that is fitted to all rows of a data set."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from howrobust.analysis.new_rows.forecasts import NewRows
from howrobust.analysis.new_rows.seen import Seen, numbered
from howrobust.base.data import Dataset, Source
from howrobust.base.method import Method, Posterior, Problem
from howrobust.base.tables.frame import Frame
from howrobust.datasets.tables.given import as_pandas
from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput
from howrobust.execution.prepared import infer
from howrobust.seeds import derive

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Rows:
    """New rows as a model takes them, and as they are compared with training rows.

    Parameters
    ----------
    given : array or DataFrame of shape (m, d)
        What the model is given.
    encoded : array of shape (m, d)
        Numbers and indices of categories, NaN for anything else.
    values : sequence of d arrays of shape (m,)
        The columns as they were given.
    index : tuple of hashable
        Label of each row.
    """

    given: "Array | pd.DataFrame"
    encoded: Array
    values: Sequence[NDArray[Any]]
    index: tuple[Hashable, ...]


@dataclass(frozen=True)
class Fitted:
    """A model that has learnt all rows of a data set.

    Parameters
    ----------
    posterior : Posterior
        The fitted model.
    takes_tables : bool
        Whether it takes a table as it is, see `Method`.
    frame : Frame or None
        How the rows stand for a table, where they do.
    seen : Seen
        The rows.
    seed : int
        Seed of the draws of its forecasts.
    """

    posterior: Posterior
    takes_tables: bool
    frame: Frame | None
    seen: Seen
    seed: int

    @classmethod
    def of(cls, model: Method, source: Source, seed: int) -> "Fitted":
        """Fit a model to all rows of a data set.

        Parameters
        ----------
        model : Method
            The model.
        source : Source
            The data set.
        seed : int
            Seed of the run.

        Returns
        -------
        Fitted
            The fitted model.

        Raises
        ------
        BadInput
            Where the model cannot be fitted to all rows.
        """
        rows = all_rows(source, seed)
        truth = source.truth if type(model).sees_truth else None
        fit_seed = derive(seed, "all rows")
        problem = Problem(rows.X, rows.y, fit_seed, truth, source.frame, rows.index)
        try:
            with threadpool_limits(limits=1):  # as every other fit had
                (posterior,) = infer(model, [problem], source.target_transform)
        except BadInput:
            raise
        except Exception as error:  # a user's model may raise anything
            raise BadInput(f"the model cannot be fitted to all rows: {reason(error)}") from error
        columns = source.frame.columns if source.frame else numbered(rows.features)
        seen = Seen(rows.X, columns, float(rows.y.min()))
        draws = derive(seed, "new rows")
        return cls(posterior, model.takes_tables, source.frame, seen, draws)

    def forecast(self, X: Any) -> NewRows:
        """Forecast new rows.

        Parameters
        ----------
        X : array or DataFrame of shape (m, d)
            The rows. A frame may have more columns, which are ignored.

        Returns
        -------
        NewRows
            The forecasts.

        Raises
        ------
        BadInput
            For columns that are absent, and for values that the model cannot use, by name.
        """
        rows = self._rows(X)
        if not len(rows.encoded):
            raise BadInput("there are no new rows to forecast; give at least one")
        try:
            distribution = self.posterior.predictive(rows.given, seed=self.seed)  # type: ignore[arg-type]  # Method.takes_tables
        except BadInput:
            raise
        except Exception as error:  # a user's model may raise anything
            raise BadInput(self._refusal(rows, error)) from error
        places = self.seen.places(rows.encoded, rows.values)
        return NewRows(distribution, places, rows.index, self.seen.least_target)

    def _rows(self, X: Any) -> Rows:
        import pandas as pd

        X = pd.DataFrame(X) if isinstance(X, Mapping) else as_pandas(X, "X")
        table = X if isinstance(X, pd.DataFrame) else None
        if self.frame is not None:
            if table is None:
                names = ", ".join(map(str, self.frame.names))
                row = "; of one row, X.iloc[[0]]" if isinstance(X, pd.Series) else ""
                raise BadInput(f"the model was given a table; give a data frame with {names}{row}")
            encoded = self.frame.locate(table)
            given = self.frame.select(table) if self.takes_tables else encoded
            columns = [table[name].to_numpy(dtype=object) for name in self.frame.names]
            if not self.takes_tables:
                _require_read(self.frame, encoded, columns, table.index)
            return Rows(given, encoded, columns, tuple(table.index))
        encoded = self._numbers(X if table is None else self._in_order(table))
        if not self.takes_tables:
            self._require_usable(encoded)
        index = range(len(encoded)) if table is None else table.index
        return Rows(encoded, encoded, list(encoded.T), tuple(index))

    def _require_usable(self, X: Array) -> None:
        """Raise BadInput for infinite numbers, and missing ones where no training row has a gap."""
        unusable = np.isinf(X) | (np.isnan(X) & ~np.isnan(self.seen.X).any(axis=0))
        for row, column in np.argwhere(unusable)[:1]:
            raise BadInput(
                f"{self.seen.names[column]!r} of new row {row} is {X[row, column]}; "
                "the model needs a finite number: fill it in, or leave the row out"
            )

    def _in_order(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """Return the columns of the model by name; all of an unnamed model's, in their order."""
        names = list(self.seen.names)
        absent = [name for name in names if name not in table.columns]
        if absent and names == [f"x{j}" for j in range(len(names))]:
            return table
        if absent:
            raise BadInput(
                f"the table has no column {absent[0]!r}, which the model was given; add it"
            )
        return table[names]

    def _numbers(self, X: Any) -> Array:
        try:
            numbers = np.asarray(X, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise BadInput(
                f"new rows must be numbers, as the training rows were: {error}"
            ) from None
        d = len(self.seen.names)
        if numbers.ndim != 2 or numbers.shape[1] != d:
            raise BadInput(f"new rows must be (m, {d}), not {numbers.shape}; reshape them")
        return numbers

    def _refusal(self, rows: Rows, error: Exception) -> str:
        """Say why a model failed, with the unknown category that it named, or else with all."""
        why = reason(error)
        unknown = self.seen.unknown(rows.encoded, rows.values)
        if not unknown:
            return f"the model cannot forecast the new rows: {why}"
        named = [pair for pair in unknown if str(pair[1]) in str(error)] or unknown
        holds = " and ".join(f"{name!r} holds {level!r}" for name, level in named)
        return (
            f"the model cannot forecast the new rows: {holds}, which no training row has "
            f"({why}); let its encoder take unknown levels, as "
            "OneHotEncoder(handle_unknown='ignore') does, or leave those rows out"
        )


@dataclass(frozen=True)
class Forecaster:
    """Forecasts of new rows by a model that is fitted to all rows of a data set.

    Parameters
    ----------
    model : Method
        The model; it is fitted at the first call.
    source : Source
        The data set.
    seed : int
        Seed of the run.
    """

    model: Method
    source: Source
    seed: int

    def __call__(self, X: Any, dataset: str) -> NewRows:
        """Forecast new rows.

        Parameters
        ----------
        X : array or data frame of shape (m, d)
            The inputs, with the columns of the data set.
        dataset : str
            Name of the data set; there is only one.

        Returns
        -------
        NewRows
            The forecasts.
        """
        return self.fitted.forecast(X)

    @cached_property
    def fitted(self) -> Fitted:
        """The model, fitted."""
        return Fitted.of(self.model, self.source, self.seed)


def _require_read(frame: Frame, X: Array, values: Sequence[NDArray[Any]], index: Any) -> None:
    """Raise BadInput for a value that is there and is no number, or no date, of its column."""
    import pandas as pd

    for column, codes, given in zip(frame.columns, X.T, values, strict=True):
        for row in np.flatnonzero(np.isnan(codes) & ~pd.isna(given))[:1]:
            kind = "date" if column.kind == "date" else "finite number"
            raise BadInput(
                f"{column.name!r} of new row {index[row]} is {given[row]!r}, and no {kind}; "
                "correct it, leave it empty if it is missing, or leave the row out"
            )


def all_rows(source: Source, seed: int) -> Dataset:
    """Return all rows of a data set.

    Parameters
    ----------
    source : Source
        The data set.
    seed : int
        Seed of the run.

    Returns
    -------
    Dataset
        The rows; of a split by time, those up to the end of its last block.
    """
    train, test = source.realise(source.splits()[-1], seed)
    return train.join(test)


def reason(error: Exception) -> str:
    """Return an exception of a user's model as one line.

    Parameters
    ----------
    error : Exception
        The exception.

    Returns
    -------
    str
        The name of its class, and the first line of its message.
    """
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__

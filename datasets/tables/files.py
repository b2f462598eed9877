"""A user's own table: a .csv or .parquet file with a named target column."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from howrobust import seeds
from howrobust.base.data import FEWEST_ROWS, Dataset, Provenance, Source, checked
from howrobust.base.split_names import (
    OWN_SPLITS,
    known_family,
    numbered,
    split_number,
    table_splits,
)
from howrobust.base.splits import group_split, row_split, time_split
from howrobust.base.tables.frame import Frame
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.read import read_table
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

_TIME_SPLITS = 5
_MOST_VALUES = 20  # values of a column that are encoded, or a twentieth of the rows if more


class TableFile(Source):
    """The rows of a file, split at random, by whole groups or by time.

    A file split at random also has the families that hold out a third of its rows; one split by
    groups or by time has that family alone, since its rows are not exchangeable.

    Parameters
    ----------
    path : str
        A .csv or .parquet file, whose name is that of the data set.
    target : str, optional
        The target; None: the last column.
    one_hot : bool, default=False
        Whether a column of text becomes one 0/1 column per value; otherwise it is an error.
    groups : str, optional
        A column, no feature, whose groups are held out whole.
    time : str, optional
        A column, no feature, that orders the rows: later ones are held out.
    mixed : bool, default=False
        Whether columns of text are categories of the ``frame``.

    Raises
    ------
    BadInput
        For a file that cannot be read or that no regression can be learnt from.
    """

    def __init__(
        self,
        path: str,
        target: str | None = None,
        one_hot: bool = False,
        groups: str | None = None,
        time: str | None = None,
        mixed: bool = False,
    ) -> None:
        if groups and time:
            raise BadInput("a file is split by groups or by time, not by both")
        self.name = Path(path).name  # the same data in another folder is the same data
        self.family = "group" if groups else "time" if time else "random"
        table = read_frame(Path(path))
        if len(table) < FEWEST_ROWS:
            raise BadInput(f"{path} has {len(table)} rows; at least {FEWEST_ROWS} are needed")
        target = target if target is not None else str(table.columns[-1])
        for column in (target, groups, time):
            _require_column(table, column, path)
        by = groups or time
        if by is not None and by == target:
            raise BadInput(f"{by!r} is the target of {path}; split by another column")
        self.by: NDArray[np.generic] | None = None
        if by is not None:
            if table[by].isna().any():
                raise BadInput(f"column {by!r} of {path} has missing values; fill them in")
            order = table.pop(by)
            self.by = _times(order, path) if time else _labels(order)
        if mixed and len(table.columns) > 1:
            self.frame = _described(table.drop(columns=target), path)
        self.data = _dataset(table, target, one_hot, path, self.frame)
        self.provenance = Provenance(f"rows of {Path(path).name}", path, "the user's own", "-")

    @property
    def sha256(self) -> str:
        # The column that splits the rows is part of the data, though it is no feature; and so are
        # the categories that codes stand for.
        by = b"" if self.by is None else self.by.tobytes()
        frame = b"" if self.frame is None else self.frame.digest().encode()
        if not by and not frame:
            return self.data.sha256
        return hashlib.sha256(self.data.sha256.encode() + by + frame).hexdigest()

    def splits(self, count: int | None = None, family: str | None = None) -> list[str]:
        if self.by is None:
            return table_splits("random", count, family, len(self.data.features), self.name)
        default = _TIME_SPLITS if self.family == "time" else OWN_SPLITS
        known_family(family, (self.family,), self.name)
        names = numbered(self.family, count, default, None, self.name)
        if self.family == "group":
            return names
        # The rows of block k depend on the number of blocks: the name states both.
        return [f"time-{len(names)}-{k}" for k in range(len(names))]

    def realise(self, split: str, seed: int) -> tuple[Dataset, Dataset]:
        if self.by is None:
            train, test = row_split(split, self.data.X, seed, self.name)
        elif self.family == "group":
            split_number(split, "group", self.name)
            train, test = group_split(self.by, seeds.derive(seed, self.name, split))
        else:
            count = split.split("-")[1]
            number = split_number(split, f"time-{count}", self.name)
            split_seed = seeds.derive(seed, self.name, split)
            train, test = time_split(self.by, number, int(count), split_seed)
        return self.data.take(train), self.data.take(test)


def read_frame(path: Path, options: ReadOptions | None = None) -> "pd.DataFrame":
    """Return the columns of a table in a file that has no problem.

    Parameters
    ----------
    path : Path
        The file.
    options : ReadOptions, optional
        What the user says; the default finds everything.

    Returns
    -------
    pandas.DataFrame of shape (n, d)
        The columns.

    Raises
    ------
    BadInput
        Where the file cannot be read, and for all problems of its cells.
    """
    table = read_table(path, options or ReadOptions())
    if table.problems:
        raise BadInput(f"{path}: {'; '.join(table.problems)}")
    return table.frame


def _labels(column: "pd.Series") -> NDArray[np.int64]:
    """Return the number of each row's group."""
    return np.unique(column.astype(str).to_numpy(), return_inverse=True)[1].astype(np.int64)


def _times(column: "pd.Series", path: str) -> NDArray[np.float64]:
    """Return times as numbers; BadInput for text that is no unambiguous date."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64)
    try:
        dates = pd.to_datetime(column, format=None if column.dtype.kind == "M" else "ISO8601")
    except (ValueError, TypeError):
        raise BadInput(
            f"column {column.name!r} of {path} is neither a number nor a date like 2026-01-31, "
            "so it cannot order the rows; convert it"
        ) from None
    return dates.to_numpy().astype("datetime64[ns]").astype(np.float64)


def _require_column(table: "pd.DataFrame", column: str | None, path: str) -> None:
    if column is not None and column not in table.columns:
        known = ", ".join(str(name) for name in table.columns[:12])
        raise BadInput(f"{path} has no column {column!r}; its columns are: {known}")


def _require_text(column: "pd.Series", path: str) -> None:
    """Raise BadInput for a text column with gaps, or one that was meant to be numbers."""
    import pandas as pd

    if column.isna().any():
        raise BadInput(
            f"column {column.name!r} of {path} has missing values; "
            "remove those rows or fill them in before the run"
        )
    texts = column.astype(str)
    if texts.str.fullmatch(r"-?\d+,\d+").mean() > 0.5:
        raise BadInput(f"column {column.name!r} of {path} has ',' in its decimals; use '.'")
    wrong = pd.to_numeric(texts, errors="coerce").isna()
    if wrong.mean() < 0.5:
        row = int(np.argmax(wrong))
        raise BadInput(
            f"column {column.name!r} of {path} is numbers except for {int(wrong.sum())} cells, the "
            f"first of them {texts.iloc[row]!r} in row {row + 1}; correct or remove those rows"
        )


def _described(table: "pd.DataFrame", path: str) -> Frame:
    """Return the frame of a table's features; a BadInput names the file too."""
    try:
        return Frame.of(table)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def _dataset(
    table: "pd.DataFrame", target: str, one_hot: bool, path: str, frame: Frame | None
) -> Dataset:
    import pandas as pd

    text = [c for c in table.columns if not pd.api.types.is_numeric_dtype(table[c])]
    if target in text:
        _require_text(table[target], path)
        raise BadInput(f"the target {target!r} of {path} is text; a regression needs numbers")
    # A copy: the column is a view of the whole table, which would stay.
    y = table.pop(target).to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    for column in text:
        _require_text(table[column], path)
    if frame is not None:
        return checked(Dataset(frame.encode(table), y, tuple(map(str, frame.names)), target), path)
    if text and not one_hot:
        raise BadInput(
            f"column {text[0]!r} of {path} is text or dates; drop it, encode it as numbers, "
            "or use --one-hot for one 0/1 column per value; it may stay as it is where every "
            "method of the run is a model of your own that encodes it"
        )
    for column in text:
        count = table[column].nunique()
        if count > max(_MOST_VALUES, len(table) // 20):
            raise BadInput(
                f"column {column!r} of {path} has {count} different texts, too many for a 0/1 "
                "column each; drop it, group its values or encode it as numbers"
            )
    table = pd.get_dummies(table, columns=text, dtype=float) if text else table
    X = table.to_numpy(dtype=np.float64, na_value=np.nan)
    return checked(Dataset(X, y, tuple(map(str, table.columns)), target), path)

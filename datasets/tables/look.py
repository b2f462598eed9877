"""What is found in a table before anything is fitted: its columns, problems and warnings."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

Role = Literal["feature", "target", "groups", "time", "left out"]
_EXAMPLES = 3
_SEARCHED = 1000  # rows in which examples are sought first
_LONGEST = 40  # characters of the examples of a column
MOST_COLUMNS = 40  # that are shown one by one


@dataclass(frozen=True)
class ColumnLook:
    """What is found in a column.

    Parameters
    ----------
    name : str
        Its name.
    kind : str
        What its values are: number, category, date or id.
    missing : int
        Number of missing values.
    examples : str
        First distinct values.
    role : {"feature", "target", "groups", "time", "left out"}
        What the column is for.
    becomes : str
        What becomes of it.
    """

    name: str
    kind: str
    missing: int
    examples: str
    role: Role
    becomes: str


@dataclass(frozen=True)
class Look:
    """What is found in a table.

    Parameters
    ----------
    name : str
        Name of the table.
    columns : tuple of ColumnLook, default=()
        Its columns; none where it could not be read.
    n_rows : int, default=0
        Number of rows that are used.
    notes : tuple of str, default=()
        Clauses on how the file was read.
    problems : tuple of str, default=()
        Why it cannot be used: a clause on each problem, with what to do.
    warnings : tuple of str, default=()
        Sentences on what changes how results are to be read.
    """

    name: str
    columns: tuple[ColumnLook, ...] = ()
    n_rows: int = 0
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def refusal(self) -> str:
        """Why the table cannot be used: a line, and one for each of several problems."""
        return refusal(self.name, self.problems)

    def shown(self) -> tuple[tuple[ColumnLook, ...], tuple[str, ...]]:
        """Return the columns that are shown one by one, and a count of the others.

        Returns
        -------
        columns : tuple of ColumnLook
            Up to `MOST_COLUMNS`: all that are no ordinary feature come first.
        others : tuple of str
            Clauses such as "310 more numbers"; none where all columns are shown.
        """
        if len(self.columns) <= MOST_COLUMNS:
            return self.columns, ()
        special = [each for each in self.columns if each.role != "feature"]
        features = [each for each in self.columns if each.role == "feature"]
        room = max(MOST_COLUMNS - len(special), 1)
        kept = {id(each) for each in [*special[:MOST_COLUMNS], *features[:room]]}
        rest = Counter(each.kind for each in self.columns if id(each) not in kept)
        shown = tuple(each for each in self.columns if id(each) in kept)
        return shown, tuple(f"{count} more of kind {kind}" for kind, count in rest.items())


def refusal(name: str, problems: Sequence[str]) -> str:
    """Return why a table cannot be used.

    Parameters
    ----------
    name : str
        Name of the table.
    problems : sequence of str
        One or more clauses.

    Returns
    -------
    str
        One line for one problem; for several a line that counts them, and a line for each.
    """
    if len(problems) == 1:
        return f"{name} cannot be used as it is: {problems[0]}"
    lines = [f"{number}. {problem}" for number, problem in enumerate(problems, start=1)]
    return "\n".join([f"{name} cannot be used as it is: {len(problems)} problems", *lines])


def examples_of(column: "pd.Series") -> str:
    """Return the first distinct values of a column.

    Parameters
    ----------
    column : pandas.Series of shape (n,)
        The column.

    Returns
    -------
    str
        Up to three values, cut after 40 characters; "" where all are missing.
    """
    values = column.head(_SEARCHED).dropna()
    if not len(values):
        values = column.dropna().head(1)
    text = ", ".join(_distinct_texts(values))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _distinct_texts(values: "pd.Series") -> Iterator[str]:
    seen: set[str] = set()
    for value in values:
        text = _text(value)
        if text not in seen:
            seen.add(text)
            yield text
        if len(seen) == _EXAMPLES:
            return


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text.removesuffix(" 00:00:00").removesuffix("+00:00")

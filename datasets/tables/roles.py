"""What a user says about the columns of a table, and what is wrong with that."""

import codecs
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from howrobust.base.tables.column import KINDS
from howrobust.datasets.tables.reading.header import header_of
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.errors import BadInput

_MOST_NAMED = 12
_TABS = ("\\t", "tab")
_KIND = re.compile(rf"(?P<column>.+)=(?P<kind>{'|'.join(KINDS)}|date:.+)", re.DOTALL)


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are for, as far as a user says.

    Parameters
    ----------
    target : str, optional
        The target; None: the last column that is not left out.
    groups : str, optional
        A column, no feature, whose groups are held out whole.
    time : str, optional
        A column, no feature, that orders the rows: later ones are held out.
    drop : tuple of str, default=()
        Columns that are left out.
    read : ReadOptions, optional
        How the file is to be read, and the kinds of columns.
    """

    target: str | None = None
    groups: str | None = None
    time: str | None = None
    drop: tuple[str, ...] = ()
    read: ReadOptions = field(default_factory=ReadOptions)

    def __post_init__(self) -> None:
        if self.groups is not None and self.time is not None:
            raise BadInput("a file is split by groups or by time, not by both")

    @property
    def by(self) -> str | None:
        """The column that splits the rows, if any."""
        return self.groups if self.groups is not None else self.time

    def target_of(self, names: Sequence[str]) -> str | None:
        """Return the target of a table.

        Parameters
        ----------
        names : sequence of str
            Names of its columns.

        Returns
        -------
        str or None
            The target; None where no column is left for it.
        """
        if self.target is not None:
            return self.target
        left = [name for name in names if name not in self.drop and name != self.by]
        return left[-1] if left else None

    def problems(self, names: Sequence[str]) -> list[str]:
        """Return what is wrong with these roles for a table.

        Parameters
        ----------
        names : sequence of str
            Names of its columns.

        Returns
        -------
        list of str
            A clause on each problem: a column that is not there, or that has two roles.
        """
        return list(self._problems(names))

    def _problems(self, names: Sequence[str]) -> Iterator[str]:
        asked = {
            "--target": [self.target], "--groups": [self.groups], "--time": [self.time],
            "--drop": self.drop, "--as": self.read.kinds,
        }  # fmt: skip
        for flag, columns in asked.items():
            for column in columns:
                if column is not None and column not in names:
                    yield f"{flag}: there is no column {column!r}; {suggestion(column, names)}"
        target = self.target_of(names)
        if self.by is not None and self.by == target:
            yield f"{self.by!r} is the target; split by another column"
        for column in dict.fromkeys([self.target, self.groups, self.time]):
            if column is not None and column in self.drop:
                yield f"{column!r} is left out by --drop and has another role; choose one"
        if target is not None and self.read.kinds.get(target, "number") != "number":
            yield f"{target!r} is the target, which must be a number; leave out its --as"


def header_problems(path: Path, roles: Roles) -> list[str]:
    """Return what is wrong with roles for the columns of a file, of which no row is read.

    Parameters
    ----------
    path : Path
        The file.
    roles : Roles
        What its columns are for, and how it is to be read.

    Returns
    -------
    list of str
        See `Roles.problems`.

    Raises
    ------
    BadInput
        Where there is no such file, or its header cannot be read.
    """
    return roles.problems(header_of(path, roles.read))


def suggestion(name: str, known: Sequence[str], others: str = "the columns are") -> str:
    """Return the known name that is most like another one, or all of them.

    Parameters
    ----------
    name : str
        Any name.
    known : sequence of str
        The names that there are.
    others : str, default="the columns are"
        What comes before the list of all of them.

    Returns
    -------
    str
        A clause, such as "did you mean 'price'?".
    """
    by_lower = {str(each).lower(): str(each) for each in known}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1)
    if close:
        return f"did you mean {by_lower[close[0]]!r}?"
    more = ", ..." if len(known) > _MOST_NAMED else ""
    return f"{others}: {', '.join(map(str, known[:_MOST_NAMED]))}{more}"


def read_options(
    kinds: Iterable[tuple[str, str]] = (),
    missing: Iterable[str] = (),
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    drop: Iterable[str] = (),
) -> ReadOptions:
    """Return how a file is to be read.

    Parameters
    ----------
    kinds : iterable of (str, str)
        Kinds of columns by name, as of `parsed_kinds`.
    missing : iterable of str
        Words that stand for a missing value.
    separator : str, optional
        The character between columns; ``tab`` and ``\\t`` stand for a tabulator.
    decimal : {".", ","}, optional
        The decimal mark.
    encoding : str, optional
        Name of the encoding.
    drop : iterable of str
        Columns that are not read.

    Returns
    -------
    ReadOptions
        The options.

    Raises
    ------
    BadInput
        For a separator that is no single character, and for marks and encodings that are unknown.
    """
    separator = "\t" if separator in _TABS else separator
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        raise BadInput(f"--separator is one character, such as ';' or tab, not {separator!r}")
    if decimal not in (None, ".", ","):
        raise BadInput(f"--decimal is '.' or ',', not {decimal!r}")
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except (LookupError, ValueError):
            raise BadInput(
                f"--encoding {encoding!r} is unknown; give one such as utf-8 or cp1252"
            ) from None
    by_column = {column: word.partition(":") for column, word in kinds}
    return ReadOptions(
        separator,
        decimal,
        encoding,
        tuple(missing),
        {
            column: kind
            for column, (word, _, _) in by_column.items()
            for kind in KINDS
            if kind == word
        },
        {column: form for column, (_, _, form) in by_column.items() if form},
        tuple(drop),
    )


def parsed_kinds(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return kinds of columns from texts such as ``code=category``.

    Parameters
    ----------
    texts : iterable of str
        Each COLUMN=KIND; the column may hold ``=``, and the kind of a date may have the form of its
        texts, as in ``day=date:%d/%m/%Y``.

    Returns
    -------
    tuple of (str, str)
        Columns and their kinds, each column once.

    Raises
    ------
    BadInput
        For any other text and an unknown kind.
    """
    kinds: dict[str, str] = {}
    for text in texts:
        match = _KIND.fullmatch(text)
        if match is None:
            raise BadInput(
                f"--as {text}: give COLUMN=KIND, with a kind of {', '.join(KINDS)}, or "
                "COLUMN=date:FORM"
            )
        kinds[match["column"]] = match["kind"]
    return tuple(kinds.items())

"""What a user says about how a file is to be read, where the rules would say otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from howrobust.base.tables.column import Kind


@dataclass(frozen=True)
class ReadOptions:
    """How a file is to be read; None stands for what the rules find.

    Parameters
    ----------
    separator : str, optional
        The character between columns; ``" "`` stands for runs of blanks.
    decimal : {".", ","}, optional
        The decimal mark of numbers.
    encoding : str, optional
        Name of the encoding, as Python knows it.
    missing : tuple of str, default=()
        Words that stand for a missing value in every column.
    kinds : mapping of str to str, default={}
        Kinds of columns by name.
    date_formats : mapping of str to str, default={}
        How dates of a column are written, by name, in the signs of `datetime.strptime`.
    drop : tuple of str, default=()
        Columns that are not read.
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    missing: tuple[str, ...] = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    date_formats: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()

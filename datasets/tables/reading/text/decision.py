"""What a column is, from what all its cells are and from the file's other columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from howrobust.base.tables.values import EXACT
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.text.cells import Form
from howrobust.datasets.tables.reading.text.survey import INT64, Survey
from howrobust.errors import printable

Shape = Literal["number", "date", "time", "boolean", "text"]
_KINDS: tuple[Shape, ...] = ("number", "date", "time", "boolean")
_PLURAL = {"number": "numbers", "date": "dates", "time": "times", "boolean": "true or false"}
MARKS = (".", ",")
_OTHERS = ("category", "date", "id")


@dataclass(frozen=True)
class Decision:
    """What a column is.

    Parameters
    ----------
    shape : {"number", "date", "time", "boolean", "text"}
        What its cells are read as.
    decimal : {".", ","}, default="."
        The decimal mark of its numbers.
    is_whole : bool, default=False
        Whether all its numbers are whole.
    sign : str, default=""
        The percent or currency sign of its numbers.
    problem : str, optional
        A sentence on what cannot be read.
    notes : tuple of str, default=()
        Clauses on what was taken for granted.
    """

    shape: Shape
    decimal: str = "."
    is_whole: bool = False
    sign: str = ""
    problem: str | None = None
    notes: tuple[str, ...] = ()


def decimal_marks(surveys: Iterable[Survey], options: ReadOptions) -> set[str]:
    """Return the decimal marks that columns of numbers are sure of.

    Parameters
    ----------
    surveys : iterable of Survey
        The columns.
    options : ReadOptions
        What the user says: columns that are called something else than numbers do not count.

    Returns
    -------
    set of str
        Marks of columns whose cells allow one mark alone.
    """
    marks: set[str] = set()
    for survey in surveys:
        if survey.name in options.date_formats or options.kinds.get(survey.name) in _OTHERS:
            continue
        own = _own_marks(survey)
        if len(own) == 1 and _main(survey) == "number":
            marks |= own.keys()
    return marks


def decide(survey: Survey, options: ReadOptions, separator: str, marks: set[str]) -> Decision:
    """Return what a column is.

    Parameters
    ----------
    survey : Survey
        What all its cells are.
    options : ReadOptions
        What the user says.
    separator : str
        The character between columns.
    marks : set of str
        Decimal marks that columns of the file are sure of.

    Returns
    -------
    Decision
        What it is, or what is wrong.
    """
    kind = options.kinds.get(survey.name)
    if survey.name in options.date_formats:
        return Decision("date")
    if kind == "category":
        return Decision("text")
    if kind == "date":
        return Decision("date")
    natural = _natural(survey, options, separator, marks, kind == "number")
    return Decision("text") if kind == "id" and natural.problem else natural


def _natural(
    survey: Survey, options: ReadOptions, separator: str, marks: set[str], forced: bool
) -> Decision:
    shape: Shape = "number" if forced else _main(survey)
    if shape == "text":
        return Decision("text")
    others = [form for form in survey.counts if form.kind not in (shape, "empty", "missing")]
    if shape == "number":
        if _is_code(survey) and not forced:
            return Decision("text")
        if infinite := [form for form in others if form.kind == "infinite"]:
            return Decision("text", problem=_infinite(survey, infinite))
    if others:
        return Decision("text", problem=_exceptions(survey, shape, others))
    return _number(survey, options, separator, marks) if shape == "number" else Decision(shape)


def _main(survey: Survey) -> Shape:
    """Return what more than half of the cells with a value are, or text.

    A column without any value is one of numbers, all missing. Words are no exceptions in a column
    of booleans: "true", "false" and "maybe" are three words.
    """
    totals = {kind: survey.total(kind) for kind in (*_KINDS, "infinite", "word")}
    present = sum(totals.values())
    totals["number"] += totals.pop("infinite")
    if not present:
        return "number"
    if totals["boolean"]:
        return "boolean" if totals["boolean"] == present else "text"
    return next((kind for kind in _KINDS if 2 * totals[kind] > present), "text")


def _is_code(survey: Survey) -> bool:
    """Return whether numbers are digits alone, and some of them begin with a 0."""
    numbers = survey.forms("number")
    plain = all(form == Form("number", is_whole=True, is_code=form.is_code) for form in numbers)
    return plain and any(form.is_code for form in numbers)


def _own_marks(survey: Survey) -> dict[str, list[Form]]:
    """Return the decimal marks that cells are sure of, with the forms of those cells."""
    marks: dict[str, list[Form]] = {}
    for form in survey.forms("number"):
        if form.dot == "decimal" or form.comma == "group":
            marks.setdefault(".", []).append(form)
        if form.comma == "decimal" or form.dot == "group":
            marks.setdefault(",", []).append(form)
    return marks


def _number(survey: Survey, options: ReadOptions, separator: str, file_marks: set[str]) -> Decision:
    numbers = survey.forms("number")
    signs = sorted({form.sign for form in numbers if form.sign})
    if len(signs) > 1:
        where = _named(survey, [form for form in numbers if form.sign == signs[1]])
        return Decision("text", problem=(
            f"column {_name(survey)} has amounts in {signs[0]!r} and in {signs[1]!r} ({where}); "
            f"convert them to one, or give {_as(survey, 'category')}"
        ))  # fmt: skip
    decimal = _decimal(survey, options.decimal, separator, file_marks)
    if isinstance(decimal, Decision):
        return decimal
    is_whole = all(form.is_whole for form in numbers) and not any(
        _mark(form, decimal) == "either" for form in numbers
    )
    missing = survey.total("missing") + survey.total("empty")
    if is_whole and numbers and survey.largest > (EXACT if missing else INT64):
        return Decision("text", notes=(f"{_name(survey)} holds whole numbers beyond 2^53 as text",))
    notes = _notes(survey, numbers, decimal, signs)
    return Decision("number", decimal, is_whole, "".join(signs), notes=notes)


def _notes(survey: Survey, numbers: list[Form], decimal: str, signs: list[str]) -> tuple[str, ...]:
    other = "," if decimal == "." else "."
    name = _name(survey)
    notes = []
    if decimal == "," and any(form.comma for form in numbers):
        notes.append(f"{name} has ',' as its decimal mark")
    if any(_mark(form, other) for form in numbers):
        notes.append(f"{name} has {other!r} between groups of three digits")
    if signs:
        notes.append(f"{name} is in {signs[0]}")
    if any(form.negative for form in numbers):
        notes.append(f"{name} has negative numbers in parentheses")
    return tuple(notes)


def _mark(form: Form, mark: str) -> str:
    return form.dot if mark == "." else form.comma


def _decimal(
    survey: Survey, given: str | None, separator: str, file_marks: set[str]
) -> str | Decision:
    """Return the decimal mark of a column of numbers, or why there is none."""
    own = _own_marks(survey)
    if given is not None:
        if wrong := [form for mark, forms in own.items() if mark != given for form in forms]:
            return Decision("text", problem=(
                f"column {_name(survey)} has numbers whose decimal mark is not {given!r}: "
                f"{_named(survey, wrong)}; correct them, or what --decimal says"
            ))  # fmt: skip
        return given
    if len(own) > 1:
        both = " and ".join(_named(survey, own[mark]) for mark in MARKS)
        return Decision("text", problem=(
            f"column {_name(survey)} has numbers with '.' and with ',' as their decimal mark: "
            f"{both}; write them alike, or give {_as(survey, 'category')}"
        ))  # fmt: skip
    if own:
        return next(iter(own))
    open_forms = [f for f in survey.forms("number") if "either" in (f.dot, f.comma)]
    if not open_forms or len(file_marks) == 1:
        return next(iter(file_marks)) if len(file_marks) == 1 else "."
    commas = any(form.comma for form in open_forms)
    if not file_marks and (separator == "," or (separator != ";" and not commas)):
        return "."
    cell, line = survey.earliest(open_forms)
    mark = next(mark for mark in MARKS if mark in cell)
    readings = [cell.replace(mark, "."), cell.replace(mark, "")]
    flags = [mark, "," if mark == "." else "."]
    return Decision("text", problem=(
        f"column {_name(survey)} can be read in two ways: {_shown(cell)} (line {line}) is "
        f"{printable(readings[0])} with --decimal {flags[0]} and {printable(readings[1])} with "
        f"--decimal {flags[1]}; say which"
    ))  # fmt: skip


def _infinite(survey: Survey, forms: list[Form]) -> str:
    count = sum(survey.counts[form] for form in forms)
    cell, line = survey.earliest(forms)
    return (
        f"column {_name(survey)} has {count} infinite value{'s' if count > 1 else ''}, the first "
        f"{_shown(cell)} in line {line}; correct the rows, or give --missing {printable(cell)}"
    )


def _exceptions(survey: Survey, shape: Shape, others: Sequence[Form]) -> str:
    count = sum(survey.counts[form] for form in others)
    cell, line = survey.earliest(others)
    return exceptions(survey.name, _PLURAL[shape], count, cell, line)


def exceptions(name: str, kind: str, count: int, cell: str, line: int) -> str:
    """Return the sentence on cells that are not what the others of their column are.

    Parameters
    ----------
    name : str
        The column.
    kind : str
        What the others are, in the plural.
    count : int
        How many cells.
    cell : str
        The first of them.
    line : int
        Its line.

    Returns
    -------
    str
        The sentence.
    """
    cells = "1 cell" if count == 1 else f"{count} cells, the first"
    return (
        f"column {_quoted(name)} is {kind} except for {cells}: {_shown(cell)} in line {line}; "
        f"correct it, or give --missing {_word(cell)} if it stands for a missing value, or --as "
        f"{_word(f'{name}=category')} if the column holds words"
    )


def _named(survey: Survey, forms: Iterable[Form]) -> str:
    cell, line = survey.earliest(forms)
    return f"{_shown(cell)} (line {line})"


def _as(survey: Survey, kind: str) -> str:
    return f"--as {_word(f'{survey.name}={kind}')}"


def _word(text: str) -> str:
    """Return a text as an argument of the command line."""
    text = printable(text[:40])
    return text if text.replace("=", "").replace("_", "").isalnum() else f'"{text}"'


def _name(survey: Survey) -> str:
    return _quoted(survey.name)


def _quoted(name: str) -> str:
    return repr(printable(name))


def _shown(cell: str) -> str:
    return repr(printable(cell if len(cell) <= 40 else cell[:39] + "…"))

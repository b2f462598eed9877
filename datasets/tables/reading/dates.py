"""Dates and times in the cells of a column, in the one way in which all of them can be read."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

from howrobust.datasets.tables.reading.cells import MONTHS
from howrobust.errors import printable

_MICROSECOND = 1_000  # nanoseconds
_SECOND = 1_000_000_000
_DAY_S = 86_400
_EPOCH = datetime(1970, 1, 1)
_BLANK = "[ \u00a0\u202f]"
_CLOCK = rf"""(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(:(?P<second>\d\d)([.,](?P<fraction>\d+))?)?
    ({_BLANK}?(?P<half>[AaPp])[Mm])?"""
_ZONE = rf"{_BLANK}?(?P<zone>Z|UTC|GMT|[+-]\d\d(:?\d\d)?)"
_WHEN = re.compile(
    rf"""( (?P<year>\d{{4}})([-/.])(?P<month>\d{{1,2}})\3(?P<day>\d{{1,2}})
    | (?P<one>\d{{1,2}})(?P<mark>[-/.])(?P<two>\d{{1,2}})(?P=mark)(?P<last>\d{{4}})
    | (?P<day2>\d{{1,2}})[-\ ](?P<word>[A-Za-z]+)[-\ ,]\ ?(?P<year2>\d{{4}})
    | (?P<word2>[A-Za-z]+)\.?\ (?P<day3>\d{{1,2}}),?\ (?P<year3>\d{{4}}) )
    ([T\ ]\ ?{_CLOCK}({_ZONE})?)?""",
    re.VERBOSE | re.ASCII,
)
_COMPACT = re.compile(r"(\d{4})-?(\d\d)(\d\d)?", re.ASCII)
_SPAN = re.compile(
    rf"""((?P<days>-?\d+)\ days?\ ?,?\ ?\+?)?(?P<sign>-)?(?P<hour>\d+):(?P<minute>\d\d)
    (:(?P<second>\d\d)([.,](?P<fraction>\d+))?)?({_BLANK}?(?P<half>[AaPp])[Mm])?""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True)
class Instants:
    """Dates or durations as numbers.

    Parameters
    ----------
    values : mapping of str to int
        Nanoseconds since 1970-01-01, or of the duration, by cell.
    has_zone : bool, default=False
        Whether they are stated in UTC or with another offset.
    problem : str, optional
        A sentence on what cannot be read.
    bad : tuple of str, default=()
        Cells that are none.
    """

    values: Mapping[str, int]
    has_zone: bool = False
    problem: str | None = None
    bad: tuple[str, ...] = ()

    @property
    def is_fine(self) -> bool:
        """Whether nanoseconds are needed, and hold them: the years 1678 to 2261."""
        values = self.values.values()
        return any(value % _MICROSECOND for value in values) and all(
            abs(value) < 2**63 for value in values
        )


class _Date(NamedTuple):
    """A date that is written with two numbers and a year, of which either can be the day."""

    cell: str
    one: int
    two: int
    year: int
    time_ns: int
    mark: str


def dates_of(name: str, lines: Mapping[str, int], free: bool = False) -> Instants:
    """Read the dates of a column.

    Parameters
    ----------
    name : str
        The column.
    lines : mapping of str to int
        Line of the first occurrence of each cell with a value.
    free : bool, default=False
        Whether years and months, and eight digits, are dates too.

    Returns
    -------
    Instants
        The dates, or what is wrong.
    """
    values: dict[str, int] = {}
    doubtful: list[_Date] = []
    bad: list[str] = []
    zones: dict[bool, str] = {}
    for cell in lines:
        match = _WHEN.fullmatch(cell)
        try:
            if match is None:
                values[cell] = _compact(cell, free)
                zones.setdefault(False, cell)
                continue
            parts = match.groupdict()
            time_ns = _clock_ns(parts) - _offset_ns(parts["zone"])
            zones.setdefault(parts["zone"] is not None, cell)
            if parts["last"]:
                date = (int(parts["one"]), int(parts["two"]), int(parts["last"]))
                doubtful.append(_Date(cell, *date, time_ns, parts["mark"]))
            else:
                values[cell] = _day_ns(*_stated(parts)) + time_ns
        except ValueError:
            bad.append(cell)
    order = _order(name, doubtful, lines)
    if isinstance(order, str):
        return Instants({}, problem=order)
    for date in doubtful:
        day, month = (date.one, date.two) if order else (date.two, date.one)
        try:
            values[date.cell] = _day_ns(date.year, month, day) + date.time_ns
        except ValueError:
            bad.append(date.cell)
    if len(zones) > 1:
        with_zone, without = (
            f"{printable(zones[flag])!r} (line {lines[zones[flag]]})" for flag in (True, False)
        )
        return Instants({}, problem=(
            f"column {printable(name)!r} has times with an offset from UTC, {with_zone}, and "
            f"without one, {without}; write them alike"
        ))  # fmt: skip
    return Instants(values, True in zones, bad=tuple(bad))


def formatted_dates(lines: Iterable[str], form: str) -> Instants:
    """Read dates that are written in a form that is given.

    Parameters
    ----------
    lines : iterable of str
        The cells.
    form : str
        The form, in the signs of `datetime.strptime`.

    Returns
    -------
    Instants
        The dates, and the cells that are written otherwise.
    """
    values: dict[str, int] = {}
    bad = []
    has_zone = False
    for cell in lines:
        try:
            when = datetime.strptime(cell, form)
        except (ValueError, re.error):
            bad.append(cell)
            continue
        if when.tzinfo is not None:
            has_zone = True
            when = when.astimezone(UTC).replace(tzinfo=None)
        values[cell] = _since_epoch_ns(when)
    return Instants(values, has_zone, bad=tuple(bad))


def times_of(name: str, lines: Mapping[str, int]) -> Instants:
    """Read the times of day or the durations of a column.

    Parameters
    ----------
    name : str
        The column.
    lines : mapping of str to int
        Line of the first occurrence of each cell with a value.

    Returns
    -------
    Instants
        The durations, those of times of day since midnight; or what is wrong.
    """
    values: dict[str, int] = {}
    bad: list[str] = []
    for cell in lines:
        match = _SPAN.fullmatch(cell)
        parts = match.groupdict() if match else {}
        try:
            values[cell] = _span_ns(parts)
        except ValueError:
            bad.append(cell)
            continue
        if not parts["second"] and not parts["days"] and int(parts["hour"]) >= 24:
            return Instants({}, problem=(
                f"column {printable(name)!r} can be read in two ways: {cell!r} (line "
                f"{lines[cell]}) is hours and minutes, or minutes and seconds; write it with "
                "seconds, as in 36:15:00"
            ))  # fmt: skip
    return Instants(values, bad=tuple(bad))


def _span_ns(parts: Mapping[str, str | None]) -> int:
    if not parts:
        raise ValueError("no duration")
    if parts["half"]:
        return _clock_ns(parts)
    hours, minutes, seconds = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    if minutes > 59 or seconds > 59 or hours > 10**6 or abs(int(parts["days"] or 0)) > 10**5:
        raise ValueError("no such time")
    span = (hours * 3600 + minutes * 60 + seconds) * _SECOND + _fraction_ns(parts["fraction"])
    days = int(parts["days"] or 0) * _DAY_S * _SECOND
    return days + (-span if parts["sign"] else span)


def _order(name: str, dates: list[_Date], lines: Mapping[str, int]) -> bool | str:
    """Return whether the first number of all dates is the day, or why that is open."""
    first = [date for date in dates if date.one > 12 >= date.two]
    second = [date for date in dates if date.two > 12 >= date.one]
    column = f"column {printable(name)!r}"
    if first and second:
        cells = (f"{date.cell!r} (line {lines[date.cell]})" for date in (first[0], second[0]))
        return (
            f"{column} has dates that begin with the day and with the month: {' and '.join(cells)}"
            "; write them alike, such as 2026-01-31"
        )
    doubtful = [d for d in dates if d.one != d.two and d.one <= 12 and d.two <= 12]
    if not doubtful or first or second or all(date.mark == "." for date in dates):
        return not second
    date = doubtful[0]
    forms = " or ".join(f"%{a}{date.mark}%{b}{date.mark}%Y" for a, b in ("dm", "md"))
    months = [MONTHS[number - 1].capitalize() for number in (date.two, date.one)]
    return (
        f"{column} can be read in two ways: {date.cell!r} (line {lines[date.cell]}) is "
        f"{date.one} {months[0]} or {date.two} {months[1]}; give its form, {forms}, with --as "
        f"{printable(name)}=date:FORM"
    )


def _stated(parts: Mapping[str, str | None]) -> tuple[int, int, int]:
    """Return year, month and day of a date that states which is which."""
    if parts["year"]:
        return tuple(int(parts[name] or 0) for name in ("year", "month", "day"))  # type: ignore[return-value]
    word = (parts["word"] or parts["word2"] or "").lower()[:3]
    number = next((k for k, month in enumerate(MONTHS, 1) if month.startswith(word)), 0)
    return (
        int(parts["year2"] or parts["year3"] or 0), number, int(parts["day2"] or parts["day3"] or 0)
    )  # fmt: skip


def _compact(cell: str, free: bool) -> int:
    match = _COMPACT.fullmatch(cell) if free else None
    if match is None:
        raise ValueError("no date")
    return _day_ns(int(match[1]), int(match[2]), int(match[3] or 1))


def _day_ns(year: int, month: int, day: int) -> int:
    return _since_epoch_ns(datetime(year, month, day))


def _since_epoch_ns(when: datetime) -> int:
    return (when - _EPOCH) // timedelta(microseconds=1) * _MICROSECOND


def _clock_ns(parts: Mapping[str, str | None]) -> int:
    """Return the nanoseconds since midnight; ValueError for a time that no day has."""
    if parts["hour"] is None:
        return 0
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    if parts["half"]:
        if not 1 <= hour <= 12:
            raise ValueError("no such hour")
        hour = hour % 12 + (12 if parts["half"] in "pP" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("no such time")
    return (hour * 3600 + minute * 60 + second) * _SECOND + _fraction_ns(parts["fraction"])


def _fraction_ns(digits: str | None) -> int:
    return int((digits or "")[:9].ljust(9, "0"))


def _offset_ns(zone: str | None) -> int:
    if zone is None or zone in ("Z", "UTC", "GMT"):
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timezone(timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))
    seconds = int(offset.utcoffset(None).total_seconds())
    return (seconds if zone[0] == "+" else -seconds) * _SECOND

"""What one cell of a text can be: a number, a date, a time, a word, or nothing."""

import re
from typing import NamedTuple

NA_WORDS = frozenset(
    "na n/a n.a. nan <na> null nil none nat missing - -- --- ? . #n/a #na \\n".split()
)
SYMBOLS = "%\u2030$€£¥₹₩₽₺₫฿"
CODES = (
    "USD EUR GBP JPY CHF CNY INR AUD CAD NZD SEK NOK DKK PLN CZK HUF BRL MXN ZAR KRW SGD HKD TRY"
).split()
GROUPING_BLANKS = " \u00a0\u202f\u2009'\u2019"
_BLANK = "[ \u00a0\u202f]"
_GROUP = f"[{GROUPING_BLANKS}]"
_D = "[09]"
_SIGN = f"(?:[{re.escape(SYMBOLS)}]|{'|'.join(CODES)})"
_BODY = rf"""
    (?P<whole>{_D}+)(?P<fraction>(?P<mark>[.,]){_D}*)?
  | (?P<bare>[.,]{_D}+)
  | 9{_D}{{0,2}}(?P<groups>(?P<group>[.,]|{_GROUP}){_D}{{3}}(?:(?P=group){_D}{{3}})*)
    (?P<tail>(?!(?P=group))[.,]{_D}*)?
"""
_NUMBER = re.compile(
    rf"""(?P<open>\()?(?P<plus>[+-])?(?:(?P<before>{_SIGN}){_BLANK}?)?(?P<minus>[+-])?
    (?:{_BODY})(?P<exponent>[eE][+-]?{_D}+)?(?:{_BLANK}?(?P<after>{_SIGN}))?(?P<close>\))?""",
    re.VERBOSE,
)
_INFINITE = re.compile(r"[+-]?(inf|infinity|∞)", re.IGNORECASE)
_CLOCK = rf"{_D}{{1,2}}:{_D}{{2}}(:{_D}{{2}}([.,]{_D}+)?)?({_BLANK}?[AaPp][Mm])?"
_ZONE = rf"{_BLANK}?(Z|UTC|GMT|[+-]{_D}{{2}}(:?{_D}{{2}})?)"
MONTHS = (
    "january february march april may june july august september october november december"
).split()
_MONTH = f"(?i:{'|'.join(f'{name}|{name[:3]}' for name in MONTHS)}|sept)"
_DATE = re.compile(
    rf"""( {_D}{{4}}([-/.]){_D}{{1,2}}\2{_D}{{1,2}}
    | {_D}{{1,2}}([-/.]){_D}{{1,2}}\3{_D}{{4}}
    | {_D}{{1,2}}[-\ ]{_MONTH}[-\ ,]\ ?{_D}{{4}}
    | {_MONTH}\.?\ {_D}{{1,2}},?\ {_D}{{4}} )
    ([T\ ]\ ?{_CLOCK}({_ZONE})?)?""",
    re.VERBOSE,
)
_TIME = re.compile(
    rf"(-?{_D}+ days? ?,? ?\+?)?-?{_D}+:{_D}{{2}}(:{_D}{{2}}([.,]{_D}+)?)?({_BLANK}?[AaPp][Mm])?"
)
_LEADING = ("\0", "-", "+", " ", "(", "\u00a0", *SYMBOLS)
_TO_SHAPE = str.maketrans("\x010123456789\u2212", "0" + "9" * 10 + "-")


class Form(NamedTuple):
    """What a cell can be.

    Parameters
    ----------
    kind : str
        One of "empty", "missing", "number", "infinite", "date", "time", "boolean" and "word".
    dot, comma : {"", "decimal", "group", "either"}
        What the mark is in a number.
    sign : str
        The percent or currency sign of a number.
    negative : bool
        Whether a number is in parentheses.
    is_whole : bool
        Whether a number has digits and groups alone.
    is_code : bool
        Whether a number is digits alone, of which the first is a 0 and not the only one.
    """

    kind: str
    dot: str = ""
    comma: str = ""
    sign: str = ""
    negative: bool = False
    is_whole: bool = False
    is_code: bool = False


EMPTY = Form("empty")
WORD = Form("word")


def shapes_of(cells: list[str]) -> list[str]:
    """Return cells with a 9 for each digit, and a 0 for one that begins a number.

    Parameters
    ----------
    cells : list of str
        Cells without outer blanks.

    Returns
    -------
    list of str
        The shapes.
    """
    text = "\0" + "\0".join(cells)
    if "\x01" in text:
        text = text.replace("\x01", "\ufffd")
    for mark in _LEADING:
        text = text.replace(mark + "0", mark + "\x01")
    return text[1:].translate(_TO_SHAPE).split("\0")


def form_of(shape: str) -> Form:
    """Return what cells of a shape are.

    Parameters
    ----------
    shape : str
        The shape.

    Returns
    -------
    Form
        What they are.
    """
    if not shape:
        return EMPTY
    if shape.lower() in NA_WORDS:
        return Form("missing")
    if (match := _NUMBER.fullmatch(shape)) and (form := _number(match)):
        return form
    if _INFINITE.fullmatch(shape):
        return Form("infinite")
    if shape.lower() in ("true", "false"):
        return Form("boolean")
    if _DATE.fullmatch(shape):
        return Form("date")
    return Form("time") if _TIME.fullmatch(shape) else WORD


def _number(match: "re.Match[str]") -> Form | None:
    parts = match.groupdict()
    negative = parts["open"] is not None
    signs = [parts[name] for name in ("plus", "minus") if parts[name]]
    affixes = [parts[name] for name in ("before", "after") if parts[name]]
    if negative != (parts["close"] is not None) or len(signs) + negative > 1 or len(affixes) > 1:
        return None
    marks = _marks(parts)
    is_whole = not parts["exponent"] and "decimal" not in marks.values()
    code = parts["whole"] if not (parts["fraction"] or parts["exponent"] or signs) else None
    is_code = bool(code and len(code) > 1 and code[0] == "0" and not affixes)
    sign = affixes[0] if affixes else ""
    return Form("number", marks["."], marks[","], sign, negative, is_whole, is_code)


def _marks(parts: dict[str, str | None]) -> dict[str, str]:
    """Return what the two marks of a number are."""
    marks = {".": "", ",": ""}
    whole, fraction, mark = parts["whole"], parts["fraction"], parts["mark"]
    if parts["bare"]:
        marks[parts["bare"][0]] = "decimal"
    elif whole and fraction and mark:
        grouped = len(whole) <= 3 and whole[0] != "0" and len(fraction) == 4
        marks[mark] = "either" if grouped and not parts["exponent"] else "decimal"
    elif parts["groups"]:
        group = parts["group"]
        if group in marks:
            marks[group] = "group"
        if parts["tail"]:
            marks[parts["tail"][0]] = "decimal"
    return marks

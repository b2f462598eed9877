"""Noise as the command line has it, such as "F=50" or "L=norm(0, 10)"."""

import re
from typing import Any

from scipy import stats

from howrobust.errors import BadInput

DISTRIBUTIONS = (
    "norm", "uniform", "triang", "truncnorm", "t", "laplace", "logistic", "lognorm", "expon",
    "gamma", "beta", "weibull_min", "rayleigh", "arcsine",
)  # fmt: skip
_CALL = re.compile(r"([a-z_]\w*)\s*\((.*)\)")
_WORD = re.compile(r"[a-z]\w*")


def parsed_noise(text: str) -> tuple[str, Any]:
    """Return the input and the noise that a text describes.

    Nothing is executed: a name is looked up in a list, and its arguments are numbers.

    Parameters
    ----------
    text : str
        "INPUT=SD" or "INPUT=NAME(NUMBER, ..., KEY=NUMBER)", NAME one of `DISTRIBUTIONS`.

    Returns
    -------
    tuple of (str, float or frozen distribution)
        The input and its noise.

    Raises
    ------
    BadInput
        For any other text.

    Examples
    --------
    >>> parsed_noise("F=50")
    ('F', 50.0)
    >>> column, noise = parsed_noise("L=uniform(-5, 10)")
    >>> column, float(noise.mean())
    ('L', 0.0)
    """
    column, equals, value = (part.strip() for part in text.partition("="))
    if not (column and equals and value):
        raise BadInput(f"the noise {text!r} is not INPUT=SD; write it as F=50 or L=norm(0,10)")
    call = _CALL.fullmatch(value)
    if call is None:
        return column, _number(value, text)
    if call[1] not in DISTRIBUTIONS:
        raise BadInput(
            f"the noise {text!r} has the unknown distribution {call[1]!r}; known are "
            f"{', '.join(DISTRIBUTIONS)}"
        )
    values, keywords = [], {}
    for argument in filter(None, (part.strip() for part in call[2].split(","))):
        key, named, number = (part.strip() for part in argument.rpartition("="))
        if key in keywords:
            raise BadInput(f"the noise {text!r} gives {key} twice; give it once")
        if not named:
            values.append(_number(number, text))
        elif _WORD.fullmatch(key):
            keywords[key] = _number(number, text)
        else:
            raise BadInput(f"the noise {text!r} has the argument {argument!r}; give numbers")
    try:
        return column, getattr(stats, call[1])(*values, **keywords)
    except TypeError:
        raise BadInput(
            f"the noise {text!r} has other arguments than scipy.stats.{call[1]}, whose last two "
            "are loc and scale"
        ) from None


def _number(value: str, text: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise BadInput(
            f"the noise {text!r} has {value!r} where a number is needed; write it as F=50 or "
            "L=norm(0,10)"
        ) from None

"""Numbers as text that a person reads."""

import math

from howrobust.analysis.statistics import Estimate

MOST_DIGITS = 6


def number(estimate: Estimate | None) -> str:
    """Return mean ± standard error, rounded to two digits of the error.

    Parameters
    ----------
    estimate : Estimate or None
        The mean and its standard error; None where there is none.

    Returns
    -------
    str
        No more than six digits of the larger; both share a power of ten where they are far from 1.
        Four digits of the mean alone where there is no error, and a dash for None.
    """
    if estimate is None:
        return "-"
    mean, se = estimate.mean, estimate.se
    if not 0 < se < math.inf:  # one split, or equal scores
        return significant(mean)
    power = _power(mean, se)
    if not -5 < power < 6:
        return f"({_mean_and_error(mean / 10.0**power, se / 10.0**power)})e{power:+03d}"
    return _mean_and_error(mean, se)


def significant(value: float) -> str:
    """Return four significant digits; a power of ten only far from 1.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    str
        The number as text.
    """
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e6 else f"{value:.4g}"


def signed(estimate: Estimate) -> str:
    """Return a difference with its interval, to two digits of its error.

    Parameters
    ----------
    estimate : Estimate
        The difference.

    Returns
    -------
    str
        Such as "+0.023 [-0.004, 0.051]"; the difference alone where there is no interval.
    """
    mean, se = estimate.mean, estimate.se
    if not 0 < se < math.inf:
        return f"{mean:+.4g}"
    shape = f".{_decimals(mean, se)}f" if -5 < _power(mean, se) < 6 else ".2e"
    return f"{mean:+{shape}} [{estimate.lower:{shape}}, {estimate.upper:{shape}}]"


def two_digits(value: float) -> str:
    """Return two significant digits, a whole number from ten on.

    Parameters
    ----------
    value : float
        The number, at least 0.

    Returns
    -------
    str
        The number as text.
    """
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"


def single_line(text: str) -> str:
    """Return text on one line, without control characters.

    Parameters
    ----------
    text : str
        Any text: names come from files and plug-ins.

    Returns
    -------
    str
        The text, with a space in place of each character that cannot be printed.
    """
    return "".join(c if c.isprintable() else " " for c in text)


def _power(mean: float, se: float) -> int:
    """Decimal exponent of the larger."""
    return math.floor(math.log10(max(abs(mean), se)))


def _decimals(mean: float, se: float) -> int:
    error = 1 - math.floor(math.log10(se))
    return max(0, min(error, MOST_DIGITS - 1 - _power(mean, se)))


def _mean_and_error(mean: float, se: float) -> str:
    decimals = _decimals(mean, se)
    error = f"{se:.{decimals}f}"
    if not float(error):
        error = f"<{10.0**-decimals:.{decimals}f}"
    return f"{mean:.{decimals}f} ± {error}"

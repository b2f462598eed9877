"""Forecasts in a file, scored a block of rows at a time."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from howrobust._score import in_blocks, normal_words, scores_of
from howrobust.base.data import discrete_step
from howrobust.datasets.tables.number_columns import Columns, read_columns
from howrobust.datasets.tables.reading.header import header_of
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.distributions.arrays import Array
from howrobust.distributions.closed_form import Normal
from howrobust.distributions.intervals import IntervalForecast
from howrobust.distributions.predictive import Predictive
from howrobust.distributions.quantiles import QuantileForecast
from howrobust.distributions.samples import SampleForecast
from howrobust.errors import BadInput
from howrobust.metrics.stated import Scores

LEVEL_RULE = (
    "a quantile's column is the prefix and its level, as in q_0.05 and q_0.95, or in percent, as "
    "in q_5 and q_95"
)


@dataclass(frozen=True)
class ForecastFile:
    """A file of forecasts, and which of its columns are what.

    Parameters
    ----------
    path : Path
        The file.
    y : str
        Column of the observed targets.
    mean, sd, lower, upper : str, optional
        Columns of those names.
    quantiles, samples : str, optional
        What the columns of quantiles begin with, before the level; what those of draws begin with,
        before a whole number.
    level : float, optional
        Probability of the interval from ``lower`` to ``upper``.
    separator : str, default=","
        The character between columns.
    decimal : str, default="."
        The decimal point.
    """

    path: Path
    y: str
    mean: str | None = None
    sd: str | None = None
    quantiles: str | None = None
    samples: str | None = None
    lower: str | None = None
    upper: str | None = None
    level: float | None = None
    separator: str = ","
    decimal: str = "."


def score_file(file: ForecastFile) -> Scores:
    """Score the forecasts of a file.

    Parameters
    ----------
    file : ForecastFile
        The file and its columns.

    Returns
    -------
    Scores
        The scores.

    Raises
    ------
    BadInput
        For columns that are not there or make no form, and for lines that cannot be used.
    """
    columns, words, build = _form_of(file)
    source = f"the forecasts of {file.path.name}"
    names = list(dict.fromkeys([file.y, *columns]))
    blocks = read_columns(file.path, names, file.separator, file.decimal)
    if build is not None:
        return scores_of(((b.values[file.y], build(b)) for b in blocks), source, words)
    # The density of a discrete target needs its step, and that all targets.
    held = list(blocks)
    whole = {name: np.concatenate([b.values[name] for b in held]) for name in names}
    y, mean, sd = (whole[name] for name in (file.y, *columns))
    (low,) = np.nonzero(sd <= 0)
    if low.size:
        lines = [line for block in held for line in block.lines]
        value = f"{sd[low[0]]:g}"
        raise BadInput(
            f"{file.path}, line {lines[low[0]]}: {columns[1]!r} is {value}; an sd must be above 0"
        )
    normals = in_blocks(y, lambda part: Normal(mean[part], sd[part]))
    return scores_of(normals, source, words, discrete_step(y))


Build = Callable[[Columns], Predictive]


def _form_of(file: ForecastFile) -> tuple[Sequence[str], str, Build | None]:
    """Return the columns of the form that is chosen, its words, and how a block is made.

    None stands for a normal distribution.
    """
    interval = (file.lower, file.upper, file.level)
    chosen = [
        file.sd is not None,
        file.quantiles is not None,
        file.samples is not None,
        any(part is not None for part in interval),
    ]
    if sum(chosen) != 1:
        raise BadInput(
            "choose one form of forecast: --mean COL --sd COL, --quantiles PREFIX, --samples "
            "PREFIX, or --lower COL --upper COL --level P"
        )
    if file.sd is not None:
        if file.mean is None:
            raise BadInput("--sd needs --mean COL beside it")
        return [file.mean, file.sd], normal_words(file.mean, file.sd), None
    if file.quantiles is not None:
        return _quantiles(file, file.quantiles)
    if file.samples is not None:
        if file.mean is not None:
            raise BadInput("--samples has a mean already; leave --mean out")
        return _samples(file, file.samples)
    return _interval(file)


def _interval(file: ForecastFile) -> tuple[Sequence[str], str, Build]:
    lower, upper, level = file.lower, file.upper, file.level
    if lower is None or upper is None or level is None:
        raise BadInput("an interval needs --lower COL, --upper COL and --level P, such as .9")
    if not 0 < level < 1:
        raise BadInput(f"--level must be between 0 and 1, such as .9, not {level:g}")

    def build(block: Columns) -> Predictive:
        (crossed,) = np.nonzero(block.values[lower] > block.values[upper])
        if crossed.size:
            line = block.lines[crossed[0]]
            raise BadInput(f"{file.path}, line {line}: {lower!r} is above {upper!r}")
        return IntervalForecast(block.values[lower], block.values[upper], level, _mean(file, block))

    words = f"an interval of {100 * level:g} % ({lower} to {upper})"
    return [lower, upper, *_mean_column(file)], words, build


def _samples(file: ForecastFile, prefix: str) -> tuple[Sequence[str], str, Build]:
    names = [n for n in _starting(file, prefix) if n.removeprefix(prefix).isdecimal()]
    if len(names) < 2:
        raise BadInput(
            f"{file.path} has {len(names)} columns of {prefix!r} and a whole number, as in "
            f"{prefix}1; draws need two or more"
        )

    def build(block: Columns) -> Predictive:
        return SampleForecast(np.stack([block.values[name] for name in names]))

    return names, f"{len(names)} draws ({names[0]} to {names[-1]})", build


def _quantiles(file: ForecastFile, prefix: str) -> tuple[Sequence[str], str, Build]:
    levels = quantile_levels(_starting(file, prefix), prefix)

    def build(block: Columns) -> Predictive:
        values = np.stack([block.values[name] for name in levels])
        return QuantileForecast(list(levels.values()), values, _mean(file, block))

    words = f"{len(levels)} quantiles ({', '.join(levels)})"
    return [*levels, *_mean_column(file)], words, build


def _mean_column(file: ForecastFile) -> list[str]:
    return [] if file.mean is None else [file.mean]


def _mean(file: ForecastFile, block: Columns) -> Array | None:
    return None if file.mean is None else block.values[file.mean]


def _starting(file: ForecastFile, prefix: str) -> list[str]:
    """Return the columns that begin with a prefix, but for those of the targets and the mean."""
    header = header_of(file.path, ReadOptions(separator=file.separator))
    names = [n for n in header if n.startswith(prefix) and n not in (file.y, file.mean)]
    if not names:
        known = ", ".join(header[:20]) + (", ..." if len(header) > 20 else "")
        raise BadInput(
            f"{file.path} has no column that begins with {prefix!r}; its columns are: {known}"
        )
    return names


def quantile_levels(names: Sequence[str], prefix: str) -> dict[str, float]:
    """Return the level of each column of quantiles.

    Parameters
    ----------
    names : sequence of str
        Columns that begin with the prefix.
    prefix : str
        The prefix.

    Returns
    -------
    dict of str to float
        Levels, in (0, 1), by column. Columns without a number after the prefix are left out.

    Raises
    ------
    BadInput
        Where there is no such column, where levels and percent are mixed, and where a number could
        be read in two ways.

    Examples
    --------
    >>> quantile_levels(["q_0.05", "q_.5", "quality"], "q_")
    {'q_0.05': 0.05, 'q_.5': 0.5}
    >>> quantile_levels(["q5", "q97.5"], "q")
    {'q5': 0.05, 'q97.5': 0.975}
    """
    texts = {name: name.removeprefix(prefix) for name in names}
    numbers = {name: text for name, text in texts.items() if re.fullmatch(r"\d*\.?\d+", text)}
    if not numbers:
        raise BadInput(f"no column has a number after {prefix!r}; {LEVEL_RULE}")
    padded = [name for name, text in numbers.items() if re.fullmatch(r"0\d+", text)]
    if padded:
        digits = numbers[padded[0]]
        raise BadInput(
            f"the column {padded[0]!r} could be the level 0.{digits.lstrip('0') or '0'} or "
            f"0.{digits[1:]}; {LEVEL_RULE}"
        )
    values = {name: float(text) for name, text in numbers.items()}
    if all(0 < value < 1 for value in values.values()):
        return values
    if all(1 <= value < 100 for value in values.values()):
        return {name: round(value / 100, 12) for name, value in values.items()}
    raise BadInput(
        f"the columns {', '.join(list(values)[:6])} mix levels and percent, or go beyond them; "
        f"{LEVEL_RULE}"
    )

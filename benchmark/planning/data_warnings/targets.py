"""Targets whose scale says how their forecasts are to be read."""

from collections.abc import Iterator

import numpy as np

from howrobust.base.data import Dataset, discrete_step
from howrobust.datasets.tables.rows import RowSource
from howrobust.distributions.arrays import Array

PILE_SHARE = 0.005  # of all rows
PILE_ROWS = 5
PILE_RATIO = 5  # times the rows of a usual value
SKEWED = 1.5  # skewness, in absolute value: that of an exponential distribution is 2
TRANSFORMS = {
    "log": "methods that are no model of your own learn its logarithm",
    "yeo-johnson": "methods that are no model of your own learn its Yeo-Johnson transform",
    "auto": "methods that are no model of your own learn it as it is or its Yeo-Johnson "
    "transform, whichever fits the training rows better",
    "auto above 0": "methods that are no model of your own learn it as it is or its logarithm, "
    "whichever fits the training rows better",
}


def cut_off(train: Dataset, test: Dataset) -> list[str]:
    """Warn of a continuous target with many rows at its smallest or largest value.

    Parameters
    ----------
    train, test : Dataset
        The rows of a split.

    Returns
    -------
    list of str
        A sentence for each end with many rows.

    Notes
    -----
    Many are PILE_ROWS rows, PILE_SHARE of all rows and PILE_RATIO times the median number of rows
    per value: on a scale of few, uneven values every value is repeated.
    """
    y = np.concatenate([train.y, test.y])
    if discrete_step(y) > 0:
        return []
    values, counts = np.unique(y, return_counts=True)
    pile = max(PILE_ROWS, PILE_SHARE * len(y), PILE_RATIO * float(np.median(counts)))
    return [
        f"the target {train.target} is {values[end]:g}, its {which} value, in {counts[end]} of "
        f"{len(y)} rows: it may be censored there"
        for end, which in ((0, "smallest"), (-1, "largest"))
        if counts[end] >= pile
    ]


def about_target(source: RowSource) -> list[str]:
    """Return what a discrete, skewed or positive target means for forecasts.

    Parameters
    ----------
    source : RowSource
        The rows.

    Returns
    -------
    list of str
        Sentences.
    """
    transform = source.target_transform.removesuffix(" without log")
    return list(_about(source.data.y, source.data.target, transform))


def _about(y: Array, name: str, transform: str) -> Iterator[str]:
    step = discrete_step(y)
    if step > 0:
        values = len(np.unique(y))
        yield (
            f"the target {name} is discrete: {values} values in steps of {step:g}; a forecast is "
            "scored by the probability that it gives to each"
        )
    skew = skewness(y)
    skewed = abs(skew) > SKEWED and step == 0
    near_0 = float(y.min()) > 0 and float(y.mean() - 2 * y.std()) < 0
    if not (skewed or near_0):
        return
    what = f"skewed (skewness {skew:.1f})" if skewed else "near 0 for its spread"
    if float(y.min()) > 0:
        what = f"positive and {what}"
        transform = "auto above 0" if transform == "auto" else transform
    if transform in TRANSFORMS:
        others = "" if transform == "log" else "forecasts without a logarithm, and "
        bounds = f"; {others}models of your own may state bounds below 0" if near_0 else ""
        yield f"the target {name} is {what}: {TRANSFORMS[transform]}{bounds}"
    elif near_0:
        yield (
            f"the target {name} is {what}, and is not transformed: forecasts may state negative "
            "bounds; --target-transform auto keeps them positive where a log fits"
        )


def skewness(y: Array) -> float:
    """Return the skewness of a target.

    Parameters
    ----------
    y : array of shape (n,)
        Targets, not all equal.

    Returns
    -------
    float
        mean((y - m)^3) / sd^3.
    """
    z = (y - y.mean()) / y.std()
    return float(np.mean(z**3))

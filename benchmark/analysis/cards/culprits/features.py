"""Which feature a stress on one feature at a time hurts most, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from howrobust import seeds
from howrobust.analysis.measured import Measured, Result, mean_over_splits
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.split_values import distinct_rows
from howrobust.base.metric import Undefined
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast

RESAMPLES = 1000
# Of two features with the same effect, chance makes one the worst in this share of the resamples
# in one of 20 worlds: 2.5 % at each end.
SURE = 0.975
LEAD = float(np.log(1.1))  # of log rmse: a smaller lead does not matter, whatever it is due to
_SAME = 1e-9  # difference of log rmse that rounding makes
_AT_ONCE = 4_000_000  # weights of rows in memory


@dataclass(frozen=True, eq=False)
class StressedPoints:
    """Squared errors of one split under a stress on one feature at a time.

    Parameters
    ----------
    squares : array of shape (v, n)
        Squared errors of v variants of n test rows, in squared target units; v is a multiple of
        the number of features d, and variant k stresses feature k % d.
    rows : array of int of shape (n,)
        Index of the distinct row that each test row is: overlapping splits share rows.
    """

    squares: Array
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class Culprit:
    """The feature that hurts most, and how sure that is.

    Parameters
    ----------
    feature : int
        Its number, from 0.
    share : float
        Share of the resamples of test rows in which it stays the worst.
    sure : bool
        Whether it leads by a tenth in .975 of the resamples and, with two splits or more, would
        do so with other training rows: see `culprit`.
    """

    feature: int
    share: float
    sure: bool


def log_rmse(splits: Sequence[StressedPoints], d: int, weights: Array | None = None) -> Array:
    """Return the log rmse of each feature on each split, of several variants the worst.

    Parameters
    ----------
    splits : sequence of StressedPoints
        J splits.
    d : int
        Number of features.
    weights : array of shape (b, r), optional
        How often each of r distinct rows is in each of b resamples; once each by default, b = 1.

    Returns
    -------
    array of shape (J, b, d)
        Log rmse, that of the least normal number where it is 0; NaN where no row of a split is in
        a resample.
    """
    values = []
    for split in splits:
        ones = np.ones((1, split.squares.shape[1]))
        w = ones if weights is None else weights[:, split.rows]
        with np.errstate(invalid="ignore"):  # no row
            mse = (w @ split.squares.T) / w.sum(axis=1, keepdims=True)
        worst = mse.reshape(len(w), -1, d).max(axis=1)
        values.append(0.5 * np.log(np.maximum(worst, np.finfo(np.float64).tiny)))
    return np.array(values)


def culprit(splits: Sequence[StressedPoints], d: int, overlap: float, seed: int) -> Culprit:
    """Find the feature with the largest rmse, and how sure that is.

    Parameters
    ----------
    splits : sequence of StressedPoints
        J splits.
    d : int
        Number of features.
    overlap : float
        n_test / n_train for random splits of one table; 0 for independent data.
    seed : int
        Seed of the resamples.

    Returns
    -------
    Culprit
        The feature with the largest mean over splits of log rmse.

    Notes
    -----
    Distinct rows are resampled with replacement, each with all its appearances over the splits
    (a cluster bootstrap). Features that are equally bad up to rounding are no worst feature. It is
    sure only where its rmse is more than 1.1 times that of every other feature in .975 of the
    resamples.

    The bootstrap holds the fits fixed, and a fit on other rows might name another feature. Over J
    splits, the 95 % t interval (J - 1 degrees of freedom) of the mean difference of log rmse from
    every other feature must be above log 1.1, too. Its variance is s^2 / J for independent data,
    and that of the delete-d jackknife (Shao & Wu 1989), s^2 n_train / n_test, for splits of one
    table, whose fits share most of their rows.
    """
    values = log_rmse(splits, d)[:, 0]
    worst = int(np.argmax(values.mean(axis=0)))
    if d == 1:
        return Culprit(worst, 1.0, True)
    others = np.arange(d) != worst
    means = np.concatenate(_resampled(splits, d, seed))
    lead = means[:, worst] - means[:, others].max(axis=1)
    is_ahead = float(np.mean(lead > LEAD)) >= SURE
    ahead = (values[:, [worst]] - values[:, others]).T  # (d - 1, J)
    share = float(np.mean(lead > _SAME))
    return Culprit(worst, share, is_ahead and _would_repeat(ahead, overlap))


def _would_repeat(ahead: Array, overlap: float) -> bool:
    """Whether the leads (m, J) of a feature over m others would last with other fits."""
    J = ahead.shape[1]
    if J == 1:
        return True
    variance = ahead.var(axis=1, ddof=1) * (1 / overlap if overlap else 1 / J)
    lower = ahead.mean(axis=1) - stats.t.ppf(0.975, J - 1) * np.sqrt(variance)
    return bool((lower > LEAD).all())


def _resampled(splits: Sequence[StressedPoints], d: int, seed: int) -> list[Array]:
    """Return means over splits of log rmse (b, d), of 1000 resamples in blocks of b."""
    distinct = 1 + max(int(split.rows.max()) for split in splits)
    rng = seeds.generator(seed, "worst feature")
    block = max(1, min(RESAMPLES, _AT_ONCE // distinct))
    means = []
    for start in range(0, RESAMPLES, block):
        b = min(block, RESAMPLES - start)
        drawn = rng.integers(distinct, size=(b, distinct)) + distinct * np.arange(b)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=b * distinct).reshape(b, distinct)
        # A resample without a row of a split says nothing of that split.
        means.append(np.nanmean(log_rmse(splits, d, counts.astype(np.float64)), axis=0))
    return means


def worst_feature(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Geometric mean over splits of the worst feature's rmse / clean rmse at the highest level.

    The worst feature has the largest mean; of two ways in which a feature is stressed the worse
    counts. It is sure where its rmse is more than 1.1 times that of every other feature in 97.5 %
    of 1000 resamples of the distinct test rows and, with several splits, would be with fits on
    other training rows (95 % interval of the delete-d jackknife).

    Parameters
    ----------
    scores : Scores
        The run.
    dataset, method, stress : str
        Names of the data set, the method and the stress.

    Returns
    -------
    Measured or Undefined
        The ratio with its interval, ``feature`` and, in ``note``, how sure that feature is.
    """
    features = next(data.turned(stress) for data in scores.data if data.name == dataset)
    top = scores.stresses()[stress][-1]
    splits = _stressed_points(scores, dataset, method, stress, top)
    if not splits:
        return Undefined(f"no split has a forecast under {stress}")
    seed = seeds.derive(int(scores.about.seed), "culprit", dataset, stress)
    worst = culprit(splits, len(features), scores.overlap(dataset), seed)
    name = features[worst.feature]
    stressed = feature_values(scores, dataset, method, "rmse", stress, top, name)
    ratios = stressed / scores.values(dataset, method, "rmse", first=True)
    logs = pd.Series(np.log(ratios[(ratios > 0) & np.isfinite(ratios)]))
    mean = mean_over_splits(scores, dataset, logs)
    if isinstance(mean, Undefined):
        return mean
    lower, upper = (None if v is None else float(np.exp(v)) for v in (mean.lower, mean.upper))
    measured = Measured(float(np.exp(mean.value)), lower, upper)
    return replace(measured, feature=name, note=_note(name, worst, len(features), len(splits)))


def feature_values(
    scores: Scores, dataset: str, method: str, metric: str, stress: str, level: float, feature: str
) -> pd.Series:
    """Return the values of a metric by split where one feature was stressed.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset, method, metric, stress : str
        Names of the data set, the method, the metric and the stress.
    level : float
        Level of the stress.
    feature : str
        Name of the feature.

    Returns
    -------
    Series of shape (J,)
        Values by split; empty where there are none.
    """
    r = scores.feature_records
    kept = r[
        (r["dataset"] == dataset) & (r["method"] == method) & (r["metric"] == metric)
        & (r["stress"] == stress) & (r["level"] == level) & (r["feature"] == feature)
        & (r["status"] == "ok")
    ]  # fmt: skip
    return pd.Series(kept["value"].to_numpy(), index=kept["split"].to_numpy(), dtype=float)


def _stressed_points(
    scores: Scores, dataset: str, method: str, stress: str, level: float
) -> list[StressedPoints]:
    cells = [c for c in scores.finished(dataset, method) if (stress, level) in c.held]
    if not cells:
        return []
    y = [scores.held_out(cell).y for cell in cells]
    rows = distinct_rows([scores.held_out(cell) for cell in cells])
    return [
        StressedPoints(_squares(scores.results.cell_forecasts(cell, [(stress, level)]), targets), r)
        for cell, targets, r in zip(cells, y, rows, strict=True)
    ]


def _squares(forecasts: dict[tuple[str, float], Forecast], y: Array) -> Array:
    (forecast,) = forecasts.values()
    return np.asarray((y - forecast.mean.reshape(forecast.variants, -1)) ** 2, dtype=np.float64)


def _note(name: str, worst: Culprit, d: int, splits: int) -> str:
    """How sure a worst feature is."""
    if d == 1:
        return f"{name}, the only feature"
    share = f"{100 * worst.share:.0f} % of resamples"
    if worst.sure:
        return f"{name} (in {share})" + (", of this one fit" if splits == 1 else "")
    if worst.share >= SURE:
        return f"{name}, not sure (in {share}, but others are near, or fits on other rows differ)"
    return f"{name}, not sure (in {share})"

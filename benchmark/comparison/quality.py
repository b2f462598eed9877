"""Changes: is a method better or worse than it was in an earlier run?

A change counts if it is statistically significant and large enough to matter.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from howrobust.analysis.statistics import Estimate, holm, over_splits
from howrobust.base.cells import CLEAN
from howrobust.comparison.baseline import Snapshot

WORSE, BETTER, UNCHANGED, INCONCLUSIVE = "worse", "better", "unchanged", "inconclusive"
ROUNDING = 1e-3  # of the least difference that matters: what processors differ by
MOST_SPLITS = 1000
NOMINAL = 0.9


@dataclass(frozen=True)
class Gate:
    """A metric that is compared: the least difference of its loss that matters, and its unit.

    A loss is lower for the better: the nll itself, the logarithm of an error, how far the mean
    coverage is from nominal.
    """

    size: float
    unit: str
    clean_alone: bool = False


# Under stress an nll is the log density of the few points that are farthest out.
GATES = {
    "nll": Gate(0.02, "nats", clean_alone=True),
    "rmse": Gate(float(np.log(1.02)), "%"),
    "crps": Gate(float(np.log(1.02)), "%"),
    "coverage_90": Gate(0.02, "points"),
}


@dataclass(frozen=True)
class Change:
    """A metric of a method, new less base: on one data set, or (``dataset`` empty) on all of them.

    Under a stress it is the mean over the levels. ``base`` and ``new`` are means of the metric
    (NaN over several data sets), ``estimate`` is of the difference of losses (see `Gate`), with a
    95 % interval. ``p`` is one-sided, of no change in the direction seen, adjusted for all tests of
    that direction (Holm); NaN where nothing was tested: one split, or no difference but rounding
    (``same``). ``splits_needed`` is how many splits would tell, were the difference what it looks
    like; None where that is no question or no number would.
    """

    dataset: str
    method: str
    stress: str
    metric: str
    base: float
    new: float
    estimate: Estimate
    p: float
    splits: int
    verdict: str
    same: bool
    splits_needed: int | None = None

    @property
    def in_sizes(self) -> float:
        """The difference over the least that matters; above 1 it does, for the worse."""
        return self.estimate.mean / GATES[self.metric].size


def changes(base: Snapshot, new: Snapshot, apart: Set[str], alpha: float) -> list[Change]:
    """Compare the scores of common cells, but for the data sets that are ``apart``.

    Tested are the means over common splits per method, data set and metric, clean and under each
    stress, and over all data sets together. The corrected resampled t (Nadeau & Bengio 2003, eq. 9)
    of both directions is adjusted by Holm (1979), so that an unchanged method is called worse with
    probability ``alpha`` at most, in the whole comparison. It is paired where the runs have the
    same seed and thus the same rows on every split, and of two samples where they have not. What
    differs by no more than rounding on every split cannot be called worse and is not counted as a
    test.
    """
    pairs = _pairs(base, new, apart)
    if pairs.empty:
        return []
    tests = [_test(where, group, base, new) for where, group in _groups(pairs)]
    tests += _together(tests)
    p = {sign: holm(np.array([test.p(sign) for test in tests])) for sign in (1, -1)}
    counted = sum(not np.isnan(test.p(1)) for test in tests)
    return [
        _judged(test, float(p[1 if test.mean > 0 else -1][k]), alpha, counted)
        for k, test in enumerate(tests)
    ]


def _pairs(base: Snapshot, new: Snapshot, apart: Set[str]) -> pd.DataFrame:
    """Scores that both runs have: dataset, method, stress, level, metric, split, base, new and
    their losses (loss_base, loss_new); means over the repeats that both have."""
    key = ["dataset", "method", "stress", "level", "metric", "split", "repeat"]
    frames = [pd.DataFrame(_rows(taken), columns=[*key, "value"]) for taken in (base, new)]
    pairs = frames[0].merge(frames[1], on=key, suffixes=("_base", "_new"))
    moved = {*base.moves_targets, *new.moves_targets}
    clean_alone = [name for name, gate in GATES.items() if gate.clean_alone]
    pairs = pairs[
        pairs["metric"].isin(list(GATES))
        & ~pairs["dataset"].isin(list(apart))
        & ~pairs["stress"].isin(list(moved))
        & ((pairs["stress"] == CLEAN[0]) | ~pairs["metric"].isin(clean_alone))
    ]
    pairs = pairs.rename(columns={"value_base": "base", "value_new": "new"})
    pairs = pairs.groupby(key[:-1], sort=False)[["base", "new"]].mean().reset_index()
    for run in ("base", "new"):
        pairs[f"loss_{run}"] = _losses(pairs, run)
    return pairs


def _rows(taken: Snapshot) -> Iterator[tuple[Any, ...]]:
    for cell in taken.cells:
        for scored in cell.scores:
            place = (cell.dataset, cell.method, scored.stress, scored.level)
            for metric, value in scored.values.items():
                yield *place, metric, cell.split, cell.repeat, value


def _losses(pairs: pd.DataFrame, run: str) -> "pd.Series[float]":
    """Losses of a run's values: see `Gate`.

    The mean over splits of a coverage's is |mean coverage - nominal|: each split's distance has
    the sign of the mean's.
    """
    values = pairs[run]
    where = [pairs[name] for name in ("dataset", "method", "stress", "level", "metric")]
    distance = values - NOMINAL
    sign = np.where(distance.groupby(where).transform("mean") < 0, -1.0, 1.0)
    errors = np.log(np.maximum(values, np.finfo(float).tiny))
    return pd.Series(
        np.select(
            [pairs["metric"] == "coverage_90", pairs["metric"] == "nll"],
            [sign * distance, values],
            errors,
        ),
        pairs.index,
    )


@dataclass(frozen=True)
class _Test:
    """A mean loss difference with its standard error and degrees of freedom.

    ``same``: no split differs by more than rounding. ``overlap`` and ``splits`` are what the error
    came from, of one data set.
    """

    where: tuple[str, str, str, str]
    mean: float
    se: float
    df: float
    splits: int
    same: bool
    overlap: float = np.nan
    base: float = np.nan
    new: float = np.nan

    def p(self, sign: int) -> float:
        """One-sided p of no difference in the direction of ``sign``."""
        if self.same or not self.df >= 1:
            return np.nan
        if self.se == 0:
            return float(sign * self.mean <= 0)
        return float(stats.t.sf(sign * self.mean / self.se, self.df))

    def estimate(self) -> Estimate:
        """The mean with its 95 % interval."""
        half = float(stats.t.ppf(0.975, self.df)) * self.se if self.df >= 1 else np.nan
        return Estimate(self.mean, self.se, self.mean - half, self.mean + half)


def _groups(pairs: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str, str], pd.DataFrame]]:
    names = ["dataset", "method", "stress", "metric"]
    for where, group in pairs.groupby(names, sort=False):
        dataset, method, stress, metric = map(str, where)
        yield (dataset, method, stress, metric), group


def _test(
    where: tuple[str, str, str, str], group: pd.DataFrame, base: Snapshot, new: Snapshot
) -> _Test:
    losses = group.groupby("split", sort=False)[["loss_base", "loss_new"]].mean()
    values = (losses["loss_new"] - losses["loss_base"]).to_numpy()
    facts = [taken.data[where[0]] for taken in (base, new)]
    overlap = max(data.overlap for data in facts)
    se, df = over_splits(values, overlap).se, len(values) - 1
    if base.seed != new.seed:  # rows of a split are others, but for published splits
        errors = [over_splits(losses[run].to_numpy(), overlap).se for run in losses]
        se = float(np.sqrt(np.sum(np.square(errors))))
        df *= 2
    if where[3] == "coverage_90" and len(values) > 1:
        # Shares of n points repeat from split to split, by chance. A difference d takes n |d|
        # points that one run covers alone, each with a variance of 1 / n^2 where all is chance.
        chance = np.mean(np.abs(values)) / min(data.n_test for data in facts)
        se = max(se, float(np.sqrt(chance * (1 / len(values) + overlap))))
    rounding = ROUNDING * GATES[where[3]].size
    same = bool(((group["loss_new"] - group["loss_base"]).abs() <= rounding).all())
    means = (float(group["base"].mean()), float(group["new"].mean()))
    return _Test(where, float(values.mean()), se, df, len(values), same, overlap, *means)


def _together(tests: list[_Test]) -> list[_Test]:
    """Means over the data sets of a method's differences, where several data sets have one.

    Its error is of independent data sets, with Welch and Satterthwaite's degrees of freedom:
    (sum_k se_k^2)^2 / sum_k (se_k^4 / df_k).
    """
    by_method: dict[tuple[str, str, str], list[_Test]] = {}
    for test in tests:
        if not np.isnan(test.p(1)):
            by_method.setdefault(test.where[1:], []).append(test)
    found = []
    for rest, own in by_method.items():
        if len(own) < 2:
            continue
        squares = np.array([test.se**2 for test in own])
        mean, total = float(np.mean([test.mean for test in own])), squares.sum()
        df = np.array([test.df for test in own])
        shared = float(total**2 / np.sum(squares**2 / df)) if total > 0 else float(df.sum())
        se = float(np.sqrt(total)) / len(own)
        splits = sum(test.splits for test in own)
        found.append(_Test(("", *rest), mean, se, shared, splits, same=False))
    return found


def _judged(test: _Test, p: float, alpha: float, counted: int) -> Change:
    size = GATES[test.where[3]].size
    verdict, needed = UNCHANGED, None
    if not test.same and abs(test.mean) > size:
        if p < alpha:
            verdict = WORSE if test.mean > 0 else BETTER
        elif test.mean > 0:
            verdict = INCONCLUSIVE
            needed = _splits_needed(test, alpha / max(counted, 1))
    means = (test.base, test.new)
    return Change(*test.where, *means, test.estimate(), p, test.splits, verdict, test.same, needed)


def _splits_needed(test: _Test, alpha: float) -> int | None:
    """The least number of splits with which such a difference would be significant at ``alpha``,
    the strictest step of Holm's."""
    if not test.df >= 1 or np.isnan(test.overlap):
        return None
    J = np.arange(2, MOST_SPLITS + 1)
    spread = test.se / np.sqrt(1 / test.splits + test.overlap)
    df = (J - 1) * test.df / (test.splits - 1)
    least = stats.t.isf(alpha, df) * spread * np.sqrt(1 / J + test.overlap)
    enough = np.flatnonzero(least < test.mean)
    return int(J[enough[0]]) if len(enough) else None

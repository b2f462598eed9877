"""Which methods differ: on one data set, over its splits, and over data sets, by ranks and by runs.

Nothing is imputed. On one data set a pair of methods is compared on the splits that both have; over
data sets only complete blocks count, and what is left out is named.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
from scipy import stats

from howrobust.analysis.complete_blocks import Blocks, losses, over_datasets, ranked_methods
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.statistics import Estimate, friedman, holm, nemenyi, paired, signed_rank
from howrobust.base.metric import Undefined
from howrobust.distributions.arrays import Array

ALPHA = 0.05


@dataclass(frozen=True)
class Difference:
    """A metric of ``method`` minus that of ``other`` on one data set, over their common splits.

    ``estimate`` and ``p`` are those of `howrobust.analysis.statistics.paired` over ``pairs`` splits (NaN
    limits and p for one); ``p_holm`` is adjusted for all pairs of methods on the data set.
    ``missing`` counts the planned splits that one of the two lacks. On gaps and tails, whose
    overlap counts as 0, all this speaks of those gaps of that table alone.
    """

    dataset: str
    method: str
    other: str
    estimate: Estimate
    p: float
    p_holm: float
    pairs: int
    missing: int

    @property
    def distinguishable(self) -> bool:
        """Whether the two are told apart at a family-wise 5 %."""
        return self.p_holm < ALPHA


@dataclass(frozen=True)
class Pair:
    """p of Wilcoxon's signed rank test of two methods over data sets, and adjusted by Holm."""

    method: str
    other: str
    p: float
    p_holm: float

    @property
    def distinguishable(self) -> bool:
        """Whether the two are told apart at a family-wise 5 %."""
        return self.p_holm < ALPHA


@dataclass(frozen=True)
class Improvement:
    """Probability that a run of ``method`` scores better than a run of ``other``, with limits.

    On a data set drawn at random from ``datasets``; how much better does not count. Limits are NaN
    where there are none, and ``reason`` says why.
    """

    method: str
    other: str
    probability: float
    lower: float
    upper: float
    datasets: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True)
class Contest:
    """Ranks of methods over data sets, by the means over splits of a metric; rank 1 is best.

    ``methods`` stand in the order of their mean ranks, and so do the pairs (the better rank first).
    ``datasets`` are the complete blocks: every method has a value on every planned split.
    ``missing`` are all (data set, method) without that, whether the method was left out, having no
    complete data set, or the data set. ``groups`` are the maximal sets of two methods or more of
    which no pair is told apart; members are in rank order, but need not be neighbours in it: a bar
    over a group must mark them. ``critical_difference`` is Nemenyi's, a scale for mean ranks: the
    groups do not rest on it. ``note`` says what was left out, and whether any pair could be told
    apart with so few data sets.
    """

    metric: str
    methods: list[str]
    datasets: list[str]
    missing: list[tuple[str, str]]
    mean_ranks: dict[str, float]
    friedman_p: float
    pairs: list[Pair]
    groups: list[tuple[str, ...]]
    critical_difference: float
    note: str


def differences(scores: Scores, dataset: str, metric: str = "nll") -> list[Difference]:
    """Return the paired difference of every two ranked methods with a common split on a data set.

    Pairs are in the order of the run's methods. Repeats of a split are averaged first.
    """
    values = {m: scores.values(dataset, m, metric) for m in ranked_methods(scores)}
    planned, overlap = scores.planned_splits(dataset), scores.overlap(dataset)
    found = []
    for one, two in combinations(values, 2):
        common = values[one].index.intersection(values[two].index)
        if len(common):
            first, second = (values[m][common].to_numpy() for m in (one, two))
            found.append((one, two, paired(first, second, overlap), len(common)))
    adjusted = holm(np.array([pair.p for _, _, pair, _ in found]))
    return [
        Difference(dataset, one, two, pair.estimate, pair.p, float(p), count, planned - count)
        for (one, two, pair, count), p in zip(found, adjusted, strict=True)
    ]


def contest(scores: Scores, metric: str = "nll") -> Contest | Undefined:
    """Rank the methods of a run over its data sets and test their ranks.

    Friedman's test of all and Wilcoxon's of every pair, on means over splits, adjusted by Holm
    (Demsar 2006; Benavoli, Corani & Mangili 2016 for why not Nemenyi's). `Undefined` under two
    complete data sets or two methods. Raises BadInput for a metric that cannot rank.
    """
    blocks = losses(scores, metric)
    if len(blocks.values) < 2 or len(blocks.methods) < 2:
        return Undefined(
            "ranks over data sets need 2 methods with a value on every planned split of the same 2 "
            f"data sets; complete are {_count(len(blocks.methods), 'method')} on "
            f"{_count(len(blocks.values), 'data set')}"
            + (f". {_left_out(blocks).removesuffix('.')}" if _left_out(blocks) else "")
        )
    means = np.array([block.mean(axis=1) for block in blocks.values.values()])
    ranks = stats.rankdata(means, axis=1).mean(axis=0)
    order = np.argsort(ranks, kind="stable")
    methods = [blocks.methods[k] for k in order]
    pairs = _pairs(methods, means[:, order])
    N = len(means)
    return Contest(
        metric=metric,
        methods=methods,
        datasets=list(blocks.values),
        missing=blocks.missing,
        mean_ranks=dict(zip(methods, ranks[order].tolist(), strict=True)),
        friedman_p=friedman(means),
        pairs=pairs,
        groups=groups(methods, [(p.method, p.other) for p in pairs if p.distinguishable]),
        critical_difference=nemenyi(len(methods), N),
        note=" ".join(filter(None, (_left_out(blocks), _attainable(N, len(pairs))))),
    )


def improvements(scores: Scores, metric: str = "nll") -> list[Improvement] | Undefined:
    """Return the probability of improvement of every ordered pair of ranked methods.

    (1/M) sum_m P(X_m > Y_m), P by Mann & Whitney's U of all J^2 pairs of runs of a data set, ties
    counted half (Agarwal et al. 2021, section 4.3). `Undefined` without two methods on a complete
    data set. Raises BadInput for a metric that cannot rank.
    """
    blocks = losses(scores, metric)
    if not blocks.values or len(blocks.methods) < 2:
        return Undefined(
            "a probability of improvement needs 2 methods with a value on every planned split of a "
            "data set"
        )
    shares = np.array([_wins(block) for block in blocks.values.values()])
    mean, lower, upper, reason = over_datasets(scores, blocks, shares)
    return [
        Improvement(
            blocks.methods[a], blocks.methods[b], float(mean[a, b]), float(lower[a, b]),
            float(upper[a, b]), tuple(blocks.values), reason,
        )
        for a, b in permutations(range(len(blocks.methods)), 2)
    ]  # fmt: skip


def _pairs(methods: list[str], means: Array) -> list[Pair]:
    """Tests of all pairs of k methods, means (N, k)."""
    columns = list(combinations(range(len(methods)), 2))
    p = np.array([signed_rank(means[:, a] - means[:, b]) for a, b in columns])
    return [
        Pair(methods[a], methods[b], float(raw), float(adjusted))
        for (a, b), raw, adjusted in zip(columns, p, holm(p), strict=True)
    ]


def _wins(block: Array) -> Array:
    """Shares (k, k) of pairs of runs in which the first loses less, ties half; losses (k, J)."""
    one, two = block[:, None, :, None], block[None, :, None, :]
    return np.asarray(((one < two) + 0.5 * (one == two)).mean(axis=(2, 3)))


def groups(methods: list[str], apart: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Return the maximal sets of two methods or more of which no pair is ``apart``, in order.

    Insert and absorb (Piepho 2004): begin with all; a pair that is apart splits every set with both
    into one without either. What is a subset of another is dropped. A set without pairs apart is
    never lost: it lies in a set before the split, and lacks one of the two.
    """
    sets = [frozenset(methods)]
    for one, two in apart:
        parts = {
            part for s in sets for part in ((s - {one}, s - {two}) if {one, two} <= s else (s,))
        }
        sets = [part for part in parts if not any(part < other for other in parts)]
    ordered = sorted(sorted(methods.index(m) for m in s) for s in sets if len(s) > 1)
    return [tuple(methods[k] for k in members) for members in ordered]


def _attainable(N: int, pairs: int) -> str:
    """A sentence if not even a method that wins on all N data sets could be told apart.

    The least two-sided p of the signed rank test is 2 / 2^N; Holm multiplies it by the pairs.
    """
    least = pairs * 2 / 2**N
    if least < ALPHA:
        return ""
    needed = math.floor(math.log2(2 * pairs / ALPHA)) + 1
    return (
        f"{N} data sets cannot tell any of {_count(pairs, 'pair')} apart: the least p that "
        f"Wilcoxon's test with Holm's correction can reach is {min(least, 1.0):.2g}; "
        f"it takes {needed} data sets."
    )


def _left_out(blocks: Blocks) -> str:
    """Sentences on methods and data sets that are left out, and for lack of what."""
    alone = dict.fromkeys(m for _, m in blocks.missing if m not in blocks.methods)
    found = [f"{m} is left out: it is complete on no data set." for m in alone]
    lacking: dict[str, list[str]] = {}
    for dataset, method in blocks.missing:
        if method in blocks.methods:
            lacking.setdefault(dataset, []).append(method)
    found += [
        f"{dataset} is left out for missing splits of {', '.join(methods)}."
        for dataset, methods in lacking.items()
    ]
    return " ".join(found)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"

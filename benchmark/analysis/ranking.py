"""Comparison of methods over data sets, by ranks and by runs.

Nothing is imputed: only complete blocks count, and what is left out is named.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
from scipy import stats

from howrobust.analysis.complete_blocks import Blocks, losses, over_datasets
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.statistics import ALPHA, friedman, holm, nemenyi, signed_rank
from howrobust.base.metric import Undefined
from howrobust.distributions.arrays import Array


@dataclass(frozen=True)
class Pair:
    """The test of two methods over data sets.

    Parameters
    ----------
    method, other : str
        Labels of the methods.
    p : float
        Two-sided p-value of Wilcoxon's signed-rank test.
    p_holm : float
        The same, adjusted for all pairs.
    """

    method: str
    other: str
    p: float
    p_holm: float

    @property
    def distinguishable(self) -> bool:
        """Whether the difference is significant at a family-wise level of 5 %."""
        return self.p_holm < ALPHA


@dataclass(frozen=True)
class Improvement:
    """Probability that a run of one method is better than a run of another.

    Parameters
    ----------
    method, other : str
        Labels of the methods.
    probability : float
        That on a data set drawn at random from ``datasets`` the run of ``method`` is better, by
        however much.
    lower, upper : float
        Its limits; NaN where there are none.
    datasets : tuple of str
        Data sets of the runs.
    reason : str, default=""
        Why there are no limits.
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
    """Ranks of methods over data sets, and their tests.

    Parameters
    ----------
    metric : str
        Name of the metric.
    methods : list of str
        Labels of the methods, in the order of their mean ranks; rank 1 is best. Ranks are by the
        means of the metric over splits.
    datasets : list of str
        Data sets on which every method has a value on every planned split.
    missing : list of tuple of (str, str)
        Each data set and method without a value on every planned split.
    mean_ranks : dict of str to float
        Mean rank by method.
    friedman_p : float
        p-value of Friedman's test that all methods have equal ranks.
    pairs : list of Pair
        Tests of all pairs, the method of the better mean rank first.
    groups : list of tuple of str
        Maximal sets of two methods or more without a significant difference, in the order of
        ranks. Members need not be neighbours in it: a bar over a group must mark them.
    critical_difference : float
        Nemenyi's, a scale for mean ranks; ``groups`` do not depend on it.
    note : str
        What was left out, and whether any difference could be significant with so few data sets.
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


def contest(scores: Scores, metric: str = "nll") -> Contest | Undefined:
    """Rank the methods of a run over its data sets and test their ranks.

    Parameters
    ----------
    scores : Scores
        The run.
    metric : str, default="nll"
        Name of the metric.

    Returns
    -------
    Contest or Undefined
        Ranks and tests; `Undefined` for less than two complete data sets or two methods.

    Raises
    ------
    BadInput
        For a metric of which neither low nor high is better.

    Notes
    -----
    Friedman's test of all methods and Wilcoxon's signed-rank test of every pair, on means over
    splits, adjusted by Holm's method (Demsar 2006, section 3.2; Benavoli, Corani & Mangili 2016 on
    why pairs are not tested by mean ranks, as Nemenyi's test does).
    """
    blocks = losses(scores, metric)
    left_out = " ".join(_left_out(blocks))
    if len(blocks.values) < 2 or len(blocks.methods) < 2:
        return Undefined(
            "ranks over data sets need 2 methods with a value on every planned split of the same 2 "
            f"data sets; {_count(len(blocks.methods), 'method')} on "
            f"{_count(len(blocks.values), 'data set')} are complete"
            + (f". {left_out.removesuffix('.')}" if left_out else "")
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
        note=" ".join(filter(None, (left_out, _attainable(N, len(pairs))))),
    )


def improvements(scores: Scores, metric: str = "nll") -> list[Improvement] | Undefined:
    """Return the probability of improvement of every pair of methods.

    Parameters
    ----------
    scores : Scores
        The run.
    metric : str, default="nll"
        Name of the metric.

    Returns
    -------
    list of Improvement or Undefined
        One per ordered pair; `Undefined` without two methods on a complete data set.

    Raises
    ------
    BadInput
        For a metric of which neither low nor high is better.

    Notes
    -----
    (1/M) sum_m P(X_m > Y_m), P the Mann-Whitney U of all J^2 pairs of runs of data set m over J^2,
    ties counted half (Agarwal et al. 2021, section 4.3).
    """
    blocks = losses(scores, metric)
    if not blocks.values or len(blocks.methods) < 2:
        return Undefined(
            "a probability of improvement needs 2 methods with a value on every planned split of a "
            "data set"
        )
    shares = np.array([_wins(block) for block in blocks.values.values()])
    mean = over_datasets(scores, blocks, shares)
    return [
        Improvement(
            method=blocks.methods[a],
            other=blocks.methods[b],
            probability=float(mean.mean[a, b]),
            lower=float(mean.lower[a, b]),
            upper=float(mean.upper[a, b]),
            datasets=tuple(blocks.values),
            reason=mean.reason,
        )
        for a, b in permutations(range(len(blocks.methods)), 2)
    ]


def groups(methods: list[str], apart: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Return the maximal sets of methods without a significant difference.

    Parameters
    ----------
    methods : list of str
        Labels of the methods.
    apart : sequence of tuple of (str, str)
        Pairs with a significant difference.

    Returns
    -------
    list of tuple of str
        Sets of two methods or more, each in the order of ``methods``.

    Notes
    -----
    Insert and absorb (Piepho 2004): begin with all; a pair in ``apart`` splits every set with both
    into one without either, and subsets of another set are dropped. A set without such a pair is
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


def _attainable(N: int, pairs: int) -> str:
    """A sentence if no difference could be significant, even of a method that wins on all N.

    The smallest two-sided p of the signed-rank test is 2 / 2^N; Holm multiplies it by the pairs.
    """
    smallest = pairs * 2 / 2**N
    if smallest < ALPHA:
        return ""
    needed = math.floor(math.log2(2 * pairs / ALPHA)) + 1
    return (
        f"No difference can be significant with {N} data sets and {_count(pairs, 'pair')} of "
        f"methods: the smallest p-value of Wilcoxon's test with Holm's correction is "
        f"{min(smallest, 1.0):.2g}; at least {needed} data sets are needed."
    )


def _left_out(blocks: Blocks) -> Iterator[str]:
    """Sentences on the methods and data sets that are left out."""
    for method in dict.fromkeys(m for _, m in blocks.missing if m not in blocks.methods):
        yield f"{method} is left out: it is complete on no data set."
    lacking: dict[str, list[str]] = {}
    for dataset, method in blocks.missing:
        if method in blocks.methods:
            lacking.setdefault(dataset, []).append(method)
    for dataset, methods in lacking.items():
        yield f"{dataset} is left out: splits of {', '.join(methods)} are missing."


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"

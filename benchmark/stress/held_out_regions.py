"""Regions of the inputs held out: a gap in the middle of a feature, or a tail of it."""

import numpy as np
from scipy.stats import spearmanr

from howrobust.base.data import Source
from howrobust.base.split_names import PLACES
from howrobust.base.stress import SplitStress
from howrobust.base.stress_context import changed_features

_MOST_FEATURES = 3
_FEWEST_VALUES = 10


def _predictive_features(source: Source, seed: int) -> list[int]:
    """Return the three features with the largest rank correlation with the target, or fewer.

    Holding out a region of a feature that does not predict the target tests nothing; a category, an
    identifier, and a feature with fewer than ten values, has no such region. Rows without a value
    do not count. Ties keep the order of columns.
    """
    train, test = source.realise(source.splits(1)[0], seed)
    rows = train.join(test)
    strength = {}
    for j in np.flatnonzero(changed_features("numbers or dates", source.frame, rows.X.shape[1])):
        known = ~np.isnan(rows.X[:, j])
        x, y = rows.X[known, j], rows.y[known]
        if len(np.unique(x)) >= _FEWEST_VALUES and np.ptp(y) > 0:
            strength[int(j)] = abs(float(spearmanr(x, y).statistic))
    return sorted(strength, key=lambda j: -strength[j])[:_MOST_FEATURES]


def _regions(source: Source, family: str, seed: int) -> list[str]:
    """Return the splits of a family by predictive features that hold out any of their values."""
    known, sides = source.splits(family=family), len(PLACES[family])
    names = []
    for j in _predictive_features(source, seed):
        for name in (f"{family}-{sides * j + k}" for k in range(sides)):
            if name in known:
                train, test = source.realise(name, seed)
                if not np.isin(test.X[:, j], train.X[:, j]).all():
                    names.append(name)
    return names


class Gap(SplitStress):
    """The middle third of a feature held out, for each of the most predictive.

    These are at most three, by the rank correlation with the target.
    """

    name = "gap"
    family = "gap"
    title = "the middle third of a feature never trained on"

    def splits(self, source: Source, seed: int) -> list[str]:
        return _regions(source, self.family, seed)


class Tail(SplitStress):
    """An outer third of a feature held out, for each of the most predictive.

    These are at most three, by the rank correlation with the target.
    """

    name = "tail"
    family = "tail"
    title = "an outer third of a feature never trained on"

    def splits(self, source: Source, seed: int) -> list[str]:
        return _regions(source, self.family, seed)


class Thirds(SplitStress):
    """A third of the rows held out at random, to compare a gap or a tail with."""

    name = "third"
    family = "third"
    title = "a third of the rows held out at random"

    def splits(self, source: Source, seed: int) -> list[str]:
        return source.splits(family=self.family)

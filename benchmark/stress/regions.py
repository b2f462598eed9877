"""Regions of the inputs held out whole: a gap in the middle of a feature, or a tail of it."""

import numpy as np
from scipy.stats import spearmanr

from howrobust.data import PLACES, Source
from howrobust.stress.contract import SplitStress

MOST_FEATURES = 3
FEWEST_VALUES = 10


def telling_features(source: Source, seed: int) -> list[int]:
    """Return at most three features, those whose ranks go most with the target's.

    To leave out the middle of a feature that says nothing tests nothing; a category, and a feature
    with fewer than ten values, has no middle. Ties keep the order of the columns.
    """
    train, test = source.realise(source.splits(1)[0], seed)
    rows = train.join(test)
    d = rows.X.shape[1]
    category = np.zeros(d, np.bool_) if source.frame is None else source.frame.categorical
    strength = {
        j: abs(float(spearmanr(rows.X[:, j], rows.y).statistic))
        for j in range(d)
        if not category[j] and len(np.unique(rows.X[:, j])) >= FEWEST_VALUES
    }
    return sorted(strength, key=lambda j: -strength[j])[:MOST_FEATURES]


class Gap(SplitStress):
    """The middle third of each of the telling features is held out."""

    name = "gap"
    family = "gap"
    title = "the middle third of a feature never trained on"

    def splits(self, source: Source, seed: int) -> list[str]:
        known = source.splits(family=self.family)
        return [name for j in telling_features(source, seed) if (name := f"gap-{j}") in known]


class Tail(SplitStress):
    """Each outer third of each of the telling features is held out."""

    name = "tail"
    family = "tail"
    title = "an outer third of a feature never trained on"

    def splits(self, source: Source, seed: int) -> list[str]:
        known = source.splits(family=self.family)
        sides = len(PLACES[self.family])
        wanted = [sides * j + k for j in telling_features(source, seed) for k in range(sides)]
        return [name for number in wanted if (name := f"tail-{number}") in known]


class Thirds(SplitStress):
    """As many rows as a gap holds out, at random: what a gap and a tail are held against."""

    name = "third"
    family = "third"
    title = "a third of the rows held out at random"

    def splits(self, source: Source, seed: int) -> list[str]:
        return source.splits(family=self.family)

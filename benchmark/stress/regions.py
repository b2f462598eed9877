"""Regions of the inputs held out whole: a gap in the middle of a feature, or a tail of it."""

import numpy as np
from scipy.stats import spearmanr

from howrobust.data import PLACES, Source, held_feature
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


def held_out(source: Source, names: list[str], seed: int) -> list[str]:
    """Return those of these splits that hold out values of their feature at all."""
    kept = []
    for name in names:
        train, test = source.realise(name, seed)
        j = held_feature(name)
        if j is not None and not np.isin(test.X[:, j], train.X[:, j]).all():
            kept.append(name)
    return kept


class Gap(SplitStress):
    """The middle third of each of the telling features is held out."""

    name = "gap"
    family = "gap"
    title = "the middle third of a feature never trained on"

    def splits(self, source: Source, seed: int) -> list[str]:
        known = source.splits(family=self.family)
        wanted = [f"gap-{j}" for j in telling_features(source, seed)]
        return held_out(source, [name for name in wanted if name in known], seed)


class Tail(SplitStress):
    """Each outer third of each of the telling features is held out."""

    name = "tail"
    family = "tail"
    title = "an outer third of a feature never trained on"

    def splits(self, source: Source, seed: int) -> list[str]:
        known = source.splits(family=self.family)
        sides = len(PLACES[self.family])
        features = telling_features(source, seed)
        wanted = [f"tail-{sides * j + k}" for j in features for k in range(sides)]
        return held_out(source, [name for name in wanted if name in known], seed)


class Thirds(SplitStress):
    """As many rows as a gap holds out, at random: what a gap and a tail are held against."""

    name = "third"
    family = "third"
    title = "a third of the rows held out at random"

    def splits(self, source: Source, seed: int) -> list[str]:
        return source.splits(family=self.family)

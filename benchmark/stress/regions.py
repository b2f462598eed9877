"""Regions of the inputs held out whole: a gap in the middle of a feature, or a tail of it."""

import numpy as np
from scipy.stats import spearmanr

from howrobust.base.data import Source
from howrobust.base.split_names import PLACES
from howrobust.base.stress import SplitStress

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


def telling_regions(source: Source, family: str, seed: int) -> list[str]:
    """Return the splits of a family on the telling features that hold out any value of theirs.

    Raises BadInput for a source without the family.
    """
    known, sides = source.splits(family=family), len(PLACES[family])
    found = []
    for j in telling_features(source, seed):
        for name in (f"{family}-{sides * j + k}" for k in range(sides)):
            if name in known:
                train, test = source.realise(name, seed)
                if not np.isin(test.X[:, j], train.X[:, j]).all():
                    found.append(name)
    return found


class Gap(SplitStress):
    """The middle third of each of the telling features is held out."""

    name = "gap"
    family = "gap"
    title = "the middle third of a feature never trained on"

    def splits(self, source: Source, seed: int) -> list[str]:
        return telling_regions(source, self.family, seed)


class Tail(SplitStress):
    """Each outer third of each of the telling features is held out."""

    name = "tail"
    family = "tail"
    title = "an outer third of a feature never trained on"

    def splits(self, source: Source, seed: int) -> list[str]:
        return telling_regions(source, self.family, seed)


class Thirds(SplitStress):
    """As many rows as a gap holds out, at random: what a gap and a tail are held against."""

    name = "third"
    family = "third"
    title = "a third of the rows held out at random"

    def splits(self, source: Source, seed: int) -> list[str]:
        return source.splits(family=self.family)

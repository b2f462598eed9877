"""What a reader of scores should know of the data beforehand, in sentences with numbers."""

from collections.abc import Sequence

import numpy as np

from howrobust.data import Dataset, Source, discrete_step, held_feature

REPEATED_SHARE = 0.005  # of the test rows
PILE_SHARE = 0.005  # of all rows
PILE_ROWS = 5
PILE_RATIO = 5  # times the rows of a usual value


def cautions(source: Source, splits: Sequence[str], seed: int) -> list[str]:
    """Return a sentence on each thing to beware of in these splits (one or more) of a source.

    They are: test rows that are training rows too, features that are constant, a target that may
    be cut off, and gaps or tails that hold no value of their feature out. Features and target are
    judged by all rows of the first split. Empty where there is nothing to say.
    """
    train, test = source.realise(splits[0], seed)
    rows = train.join(test)
    shares, covered = [], []
    for split in splits:
        train, test = source.realise(split, seed)
        shares.append(repeated_share(train, test))
        feature = held_feature(split)
        if feature is not None and np.isin(test.X[:, feature], train.X[:, feature]).all():
            covered.append(f"{split} ({test.features[feature]})")
    return [
        *_repeated(float(np.mean(shares))),
        *_constant(rows),
        *_cut_off(rows),
        *_covered(covered),
    ]


def repeated_share(train: Dataset, test: Dataset) -> float:
    """Return the share of test rows whose whole row, X and y, is also a training row."""
    known = set(_rows(train))
    return float(np.mean([row in known for row in _rows(test)]))


def _rows(data: Dataset) -> list[bytes]:
    """The bytes of each row; equal bytes for equal numbers, as -0.0 + 0.0 is 0.0."""
    table = np.column_stack([data.X, data.y]) + 0.0
    text, width = table.tobytes(), table.shape[1] * table.itemsize
    return [text[k : k + width] for k in range(0, len(text), width)]


def _repeated(share: float) -> list[str]:
    if share <= REPEATED_SHARE:
        return []
    return [
        f"{100 * share:.1f} % of the test rows (mean over splits) are also training rows, inputs "
        "and target alike: a model that remembers them looks better than it is"
    ]


def _constant(rows: Dataset) -> list[str]:
    constant = np.ptp(rows.X, axis=0) == 0
    names = [name for name, same in zip(rows.features, constant, strict=True) if same]
    return [f"features with one value in all rows: {', '.join(names)}"] if names else []


def _cut_off(rows: Dataset) -> list[str]:
    """A continuous target with a pile of rows at its least or at its largest value.

    A pile has PILE_ROWS rows, PILE_SHARE of all rows and PILE_RATIO times the median number of rows
    per value: on a scale of few, uneven values each value repeats, and its ends are no piles.
    """
    if discrete_step(rows.y) > 0:
        return []
    values, counts = np.unique(rows.y, return_counts=True)
    pile = max(PILE_ROWS, PILE_SHARE * len(rows.y), PILE_RATIO * float(np.median(counts)))
    return [
        f"the target {rows.target} is {values[end]:g}, its {which} value, in {counts[end]} of "
        f"{len(rows.y)} rows: it may be cut off there"
        for end, which in ((0, "least"), (-1, "largest"))
        if counts[end] >= pile
    ]


def _covered(splits: list[str]) -> list[str]:
    if not splits:
        return []
    return [
        f"nothing is left out by {', '.join(splits)}: every test value of the feature is a "
        "training value too"
    ]

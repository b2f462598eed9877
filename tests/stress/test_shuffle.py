import numpy as np

from howrobust.stress.shuffle import Shuffle


def test_a_shuffle_permutes_rows_and_targets_alike(rows):
    X, y = rows
    inputs, targets = Shuffle().apply(X, y, 1.0, seed=1)
    order = [int(np.flatnonzero(y == target)[0]) for target in targets]
    assert sorted(order) == list(range(200))
    assert order != sorted(order)
    assert (inputs == X[order]).all()


def test_shuffles_are_numbered_and_drawn_apart(rows):
    X, y = rows
    assert not Shuffle().ladder
    drawn = [Shuffle().apply(X, y, level, seed=1)[1] for level in Shuffle.levels]
    again = [Shuffle().apply(X, y, int(level), seed=1)[1] for level in Shuffle.levels]
    assert np.array_equal(drawn, again)  # 1 and 1.0 are one shuffle
    last_fifths = {frozenset(targets[160:]) for targets in drawn}
    assert len(last_fifths) == len(Shuffle.levels)


def test_level_zero_is_the_rows_as_they_are(rows):
    X, y = Shuffle().apply(*rows, 0.0, seed=1)
    assert (X is rows[0], y is rows[1]) == (True, True)

import numpy as np

from howrobust.base.stress_context import Context
from howrobust.stress.far import Far


def test_every_entry_moves_by_the_level_in_sds_up_or_down(line):
    context = Context.of(line.X)
    n = len(line.X)
    moves = []
    for level in Far.levels:
        stressed = Far().apply(line.X, line.y, context, level, seed=1)
        moves.append((stressed - line.X) / (level * context.sd))
        # An sd of .1 beside values of 5: differences round at 1e-14 of that.
        np.testing.assert_allclose(np.abs(moves[-1]), 1, rtol=1e-12)
    np.testing.assert_allclose(moves[1], moves[0], rtol=1e-12)
    # Means and products of n fair signs have the standard error 1/sqrt(n); 5 of those.
    signs = np.sign(moves[0])
    assert (np.abs(signs.mean(axis=0)) < 5 / np.sqrt(n)).all()
    assert (np.abs(signs.T @ signs / n - np.eye(3)) < 5 / np.sqrt(n)).all()


def test_level_zero_is_the_inputs_themselves(line):
    assert Far().apply(line.X, line.y, Context.of(line.X), 0.0, seed=1) is line.X

import numpy as np
import pytest
from scipy.stats import chi2, f, f_oneway

from howrobust import seeds
from howrobust.analysis.variability import instability, variance_split
from howrobust.base.metric import Undefined

# A share of 2,000 simulated 95 % intervals has sd sqrt(.05 .95 / 2000) = .0049; 3.5 of them.
SIMULATED = 2_000
MARGIN = 3.5 * np.sqrt(0.05 * 0.95 / SIMULATED)


def test_instability_is_the_root_mean_variance_over_the_rmse():
    # Variances 2 and 8, mean 5.
    found = instability(np.array([[0.0, 1.0], [2.0, 5.0]]), rmse=2.0)
    assert found.value == pytest.approx(np.sqrt(5) / 2, rel=1e-12)


def test_the_interval_of_one_point_is_the_textbook_one_of_a_variance():
    means = seeds.generator(0, "one point").standard_normal((7, 1))
    found = instability(means, rmse=1.0, confidence=0.9)
    sd = means.std(ddof=1)
    assert found.df == pytest.approx(6, rel=1e-12)
    assert found.lower == pytest.approx(sd * np.sqrt(6 / chi2.ppf(0.95, 6)), rel=1e-9)
    assert found.upper == pytest.approx(sd * np.sqrt(6 / chi2.ppf(0.05, 6)), rel=1e-9)


def test_degrees_of_freedom_run_from_one_shape_of_disagreement_to_unrelated_ones():
    shape = np.array([1.0, -2.0, 0.5, 3.0])
    assert instability(np.outer([0.3, -1.0, 2.0], shape), 1.0).df == pytest.approx(2, rel=1e-9)
    # Centred unit vectors: r - 1 equal eigenvalues, df (r - 1)^2.
    assert instability(np.eye(5), 1.0).df == pytest.approx(16, rel=1e-9)


def test_degrees_of_freedom_are_those_of_the_covariance_between_points():
    means = seeds.generator(0, "degrees").standard_normal((4, 30))
    covariance = np.cov(means, rowvar=False)
    expected = 3 * np.trace(covariance) ** 2 / np.trace(covariance @ covariance)
    assert instability(means, 1.0).df == pytest.approx(expected, rel=1e-9)


def test_refits_that_agree_are_perfectly_stable():
    found = instability(np.tile([0.1, 0.7, 1e9 / 3], (3, 1)), rmse=0.5)
    assert (found.value, found.lower, found.upper) == (0, 0, 0)


def test_instability_is_undefined_without_a_second_refit_or_an_error_to_compare_with():
    assert "2 refits" in instability(np.ones((1, 4)), 1.0).reason
    assert isinstance(instability(np.eye(2), 0.0), Undefined)
    assert isinstance(instability(np.array([[1.0], [np.inf]]), 1.0), Undefined)


def test_instability_does_not_see_the_order_of_rows_or_refits_nor_a_common_shift():
    rng = seeds.generator(0, "order")
    means, shift = rng.standard_normal((4, 9)), rng.standard_normal(9)
    plain = instability(means, 1.0)
    moved = instability(means[::-1][:, rng.permutation(9)] + shift, 1.0)
    assert (moved.value, moved.df) == pytest.approx((plain.value, plain.df), rel=1e-9)


def smooth(n, length):
    """A square root (n, n) of the covariance of a Gaussian process on [0, 1]."""
    x = np.linspace(0, 1, n)
    covariance = np.exp(-0.5 * ((x[:, None] - x) / length) ** 2)
    return np.linalg.cholesky(covariance + 1e-9 * np.eye(n))


# The root covariance (n, k) of refits, and whether df is exact. Where it is estimated the least
# coverage found, in 119 settings of 20,000 sets, was .937.
REFITS = {
    "one shape": (np.ones((60, 1)), True),
    "smooth": (smooth(60, 0.3), False),
    "a constant and independent points": (np.hstack([np.ones((60, 1)), np.eye(60) / 2]), False),
}


@pytest.mark.parametrize("refits", REFITS)
@pytest.mark.parametrize("r", [3, 5, 10])
def test_the_interval_of_instability_covers_for_independent_gaussian_refits(r, refits):
    root, exact = REFITS[refits]
    truth = np.sqrt(np.mean(np.sum(root**2, axis=1)))
    rng = seeds.generator(0, "coverage of instability", refits, r)
    held = 0
    for _ in range(SIMULATED):
        found = instability(rng.standard_normal((r, root.shape[1])) @ root.T, rmse=1.0)
        held += found.lower <= truth <= found.upper
    if exact:
        assert held / SIMULATED == pytest.approx(0.95, abs=MARGIN)
    else:
        assert held / SIMULATED > 0.937 - MARGIN


M = np.array([0.0, 10, 20, 30, 40])


def test_two_components_of_a_table_computed_by_hand():
    # MS_split = 2 * 1000 / 4 = 500, MS_restart = 5 * 2 / 5 = 2.
    found = variance_split(M[:, None] + [-1, 1])
    split, restart = found.components
    assert (split.name, restart.name) == ("split", "restart")
    assert (split.variance, split.raw) == pytest.approx((249, 249), rel=1e-12)
    assert restart.variance == pytest.approx(2, rel=1e-12)
    assert (split.share, restart.share) == pytest.approx((249 / 251, 2 / 251), rel=1e-12)
    assert (found.splits, found.left_out) == (5, 0)


def test_three_components_of_a_table_computed_by_hand():
    # MS_split = 4 * 1000 / 4 = 1000, MS_restart = 2 * 5 * 18 / 5 = 36, MS_draws = 20 / 10 = 2.
    found = variance_split(M[:, None, None] + np.array([[-3], [3]]) + [-1, 1])
    assert [part.name for part in found.components] == ["split", "restart", "draws"]
    raw = [part.raw for part in found.components]
    assert raw == pytest.approx([241, 17, 2], rel=1e-12)


def test_limits_are_those_of_the_formula_written_out():
    found = variance_split(M[:, None, None] + np.array([[-3], [3]]) + [-1, 1], confidence=0.9)
    split, restart, draws = found.components
    for limit, p in (("lower", 0.95), ("upper", 0.05)):
        expected = (
            (1000 - 36 * f.ppf(p, 4, 5)) * 4 / (4 * chi2.ppf(p, 4)),
            (36 - 2 * f.ppf(p, 5, 10)) * 5 / (2 * chi2.ppf(p, 5)),
            2 * 10 / chi2.ppf(p, 10),
        )
        for part, value in zip((split, restart, draws), expected, strict=True):
            assert getattr(part, limit) == pytest.approx(value, rel=1e-9)


def test_mean_squares_are_those_of_a_slow_analysis_of_variance():
    values = seeds.generator(0, "anova").standard_normal((6, 3, 4))
    J, R, D = values.shape
    ss_split = sum(R * D * (values[j].mean() - values.mean()) ** 2 for j in range(J))
    ss_restart = sum(
        D * (values[j, k].mean() - values[j].mean()) ** 2 for j in range(J) for k in range(R)
    )
    ss_draws = np.sum((values - values.mean()) ** 2) - ss_split - ss_restart
    ms = ss_split / (J - 1), ss_restart / (J * (R - 1)), ss_draws / (J * R * (D - 1))
    raw = [part.raw for part in variance_split(values).components]
    expected = [(ms[0] - ms[1]) / (R * D), (ms[1] - ms[2]) / D, ms[2]]
    assert raw == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_the_ratio_of_mean_squares_is_scipys():
    values = seeds.generator(0, "ratio").standard_normal((7, 4))
    split, restart = variance_split(values).components
    assert (4 * split.raw + restart.raw) / restart.raw == pytest.approx(
        f_oneway(*values).statistic, rel=1e-9
    )


def test_a_negative_component_is_shown_as_zero_with_its_raw_value():
    # All splits have mean 0: MS_split = 0, MS_restart = 2, raw split -2 / 2.
    split, restart = variance_split(np.tile([-1.0, 1.0], (5, 1))).components
    assert (split.variance, split.share, split.lower, split.upper) == (0, 0, 0, 0)
    assert split.raw == pytest.approx(-1)
    assert restart.share == 1


def test_one_draw_is_part_of_the_restart():
    values = seeds.generator(0, "one draw").standard_normal((5, 3))
    assert variance_split(values[:, :, None]) == variance_split(values)


def test_splits_with_a_missing_cell_are_left_out_and_counted():
    values = seeds.generator(0, "missing").standard_normal((8, 3, 2))
    broken = values.copy()
    broken[1, 2, 0] = np.nan
    broken[4] = np.nan
    found = variance_split(broken)
    assert (found.splits, found.left_out) == (6, 2)
    assert found.components == variance_split(np.delete(values, [1, 4], axis=0)).components


def test_the_variance_split_is_undefined_for_too_few_cells_and_for_equal_ones():
    values = seeds.generator(0, "few").standard_normal((5, 2))
    assert "5 complete splits" in variance_split(values[:4]).reason
    assert isinstance(variance_split(values[:, :1]), Undefined)
    assert isinstance(variance_split(np.full((0, 2), 1.0)), Undefined)
    values[0, 0] = np.nan
    assert "4 of 5 splits are complete" in variance_split(values).reason
    assert isinstance(variance_split(np.full((5, 2), 0.1)), Undefined)


def test_a_shift_changes_no_component_and_a_unit_changes_them_by_its_square():
    values = seeds.generator(0, "unit").standard_normal((6, 2, 3))
    plain = variance_split(values).components
    moved = variance_split(5 + 10 * values).components
    for one, other in zip(plain, moved, strict=True):
        assert other.raw == pytest.approx(100 * one.raw, rel=1e-9)
        assert other.share == pytest.approx(one.share, rel=1e-9)


@pytest.mark.parametrize("truth", [(2.0, 1.0, 0.5), (0.1, 0.0, 3.0)])
def test_known_components_are_met_on_average_and_held_by_their_intervals(truth):
    J, R, D = 6, 3, 2
    rng = seeds.generator(0, "components", *truth)
    shapes = [(SIMULATED, J, 1, 1), (SIMULATED, J, R, 1), (SIMULATED, J, R, D)]
    parts = [np.sqrt(v) * rng.standard_normal(s) for v, s in zip(truth, shapes, strict=True)]
    tables = sum(parts)
    found = [variance_split(table).components for table in tables]
    # Var MS = 2 (E MS)^2 / df; mean squares are independent.
    split, restart, draws = truth
    expected_ms = (draws + D * restart + R * D * split, draws + D * restart, draws)
    df, repeats = (J - 1, J * (R - 1), J * R * (D - 1)), (R * D, D, 1)
    noise = [2 * ms**2 / n for ms, n in zip(expected_ms, df, strict=True)] + [0.0]
    for k, true in enumerate(truth):
        se = np.sqrt((noise[k] + noise[k + 1]) / SIMULATED) / repeats[k]
        assert np.mean([one[k].raw for one in found]) == pytest.approx(true, abs=4 * se)
        held = np.mean([one[k].lower <= true <= one[k].upper for one in found])
        assert held > 0.95 - MARGIN
        if k == 2:  # the innermost interval is exact
            assert held < 0.95 + MARGIN
        if true == 0:  # only the lower limit can miss: exactly 2.5 %
            assert held == pytest.approx(0.975, abs=MARGIN)

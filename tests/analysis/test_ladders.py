import numpy as np
import pytest

from howrobust import seeds
from howrobust.analysis.statistics import over_splits
from howrobust.analysis.stress_curves import (
    Crossing,
    Tolerance,
    awareness,
    degradation_area,
    first_level_above,
    tolerance_over_splits,
)
from howrobust.base.metric import Undefined

LEVELS = (0.05, 0.1, 0.2, 0.4, 0.8)
RMSE = np.array([1.02, 1.1, 1.4, 2.1, 3.9])


def tolerance(levels, rmse, clean_rmse):
    """The crossing of one split, or why there is none."""
    found = tolerance_over_splits(levels, np.atleast_2d(rmse), np.array([clean_rmse]), 0.0)
    return found if isinstance(found, Undefined) else found.crossing


@pytest.mark.parametrize("constant", [1.0, 0.3, 7.0])
def test_an_sd_that_is_the_true_error_up_to_a_constant_scores_one(constant):
    assert awareness(RMSE, constant * RMSE, 0.9, constant * 0.9) == pytest.approx(1, rel=1e-12)


def test_a_constant_sd_is_unaware_and_one_that_grows_twice_as_fast_scores_two():
    assert awareness(RMSE, np.full(5, 0.7), 1.0, 0.7) == 0
    assert awareness(RMSE, RMSE**2, 1.0, 1.0) == pytest.approx(2, rel=1e-12)


def test_awareness_is_the_least_squares_slope_through_the_origin():
    sd = np.exp(seeds.generator(0, "awareness").standard_normal(5))
    slope = np.linalg.lstsq(np.log(RMSE / 0.9)[:, None], np.log(sd / 2), rcond=None)[0]
    assert awareness(RMSE, sd, 0.9, 2.0) == pytest.approx(slope[0], rel=1e-9)


def test_awareness_is_undefined_where_the_error_did_not_grow():
    found = awareness([1.0, 1.099], [1.0, 2.0], 1.0, 1.0)
    assert isinstance(found, Undefined)
    assert found.reason.startswith("error did not grow")
    assert awareness([1.0, 1.101], [1.0, 1.101], 1.0, 1.0) == pytest.approx(1)


def test_tolerance_is_linear_in_the_level_from_the_clean_error():
    # From (0, 1) to (.4, 5): 2 at a quarter of the way.
    assert tolerance([0.4, 0.8], [5.0, 6.0], 1.0) == Crossing(pytest.approx(0.1), False)
    # A linear model of noise 1 under input noise: rmse sqrt(1 + s^2), 2 between s = 1 and s = 2.
    levels = np.array([1.0, 2.0, 4.0])
    expected = 1 + (2 - np.sqrt(2)) / (np.sqrt(5) - np.sqrt(2))
    found = tolerance(levels, 3 * np.sqrt(1 + levels**2), 3.0)
    assert found == Crossing(pytest.approx(expected, rel=1e-12), False)


def test_tolerance_is_the_first_of_several_crossings():
    assert tolerance([1, 2, 3, 4], [1.0, 3.0, 1.0, 9.0], 1.0) == Crossing(pytest.approx(1.5), False)


def test_a_curve_that_never_doubles_is_censored_at_the_top_level():
    assert tolerance(LEVELS, [1.0, 1.1, 1.3, 1.6, 1.999], 1.0) == Crossing(0.8, True)
    assert tolerance(LEVELS, [1.0, 1.1, 1.3, 1.6, 2.0], 1.0) == Crossing(0.8, False)


def test_the_tolerance_of_one_split_is_its_own_and_has_no_interval():
    found = tolerance_over_splits(LEVELS, 0.9 * RMSE[None], [0.9], overlap=1 / 9)
    alone = tolerance(LEVELS, 0.9 * RMSE, 0.9)
    assert found == Tolerance(Crossing(pytest.approx(alone.level, rel=1e-12), False), None, None)


def test_equal_splits_have_an_interval_of_no_width():
    found = tolerance_over_splits(LEVELS, np.tile(RMSE, (4, 1)), np.ones(4), overlap=1 / 9)
    for limit in (found.lower, found.upper):
        assert limit == Crossing(pytest.approx(found.crossing.level, rel=1e-12), False)


def first_reach(curve):
    """Independent and slow: the first of 200,001 interpolated points that reaches 2."""
    fine = np.linspace(0, LEVELS[-1], 200_001)
    reached = np.interp(fine, [0, *LEVELS], [1, *curve]) >= 2
    return Crossing(
        pytest.approx(fine[reached][0] if reached.any() else LEVELS[-1], abs=0.8 / 200_000),
        not reached.any(),
    )


def test_the_interval_of_tolerance_inverts_the_limits_of_the_mean_log_ratio():
    rng = seeds.generator(0, "tolerance")
    clean = np.exp(rng.standard_normal(6))
    rmse = clean[:, None] * RMSE * np.exp(0.2 * rng.standard_normal((6, 5)))
    found = tolerance_over_splits(LEVELS, rmse, clean, overlap=1 / 9)
    means = [over_splits(np.log(rmse[:, k] / clean), 1 / 9) for k in range(5)]
    assert found.crossing == first_reach([np.exp(m.mean) for m in means])
    assert found.lower == first_reach([np.exp(m.upper) for m in means])
    assert found.upper == first_reach([np.exp(m.lower) for m in means])
    assert found.lower.level < found.crossing.level < found.upper.level


def test_an_interval_may_be_censored_on_one_side_only():
    spread = np.array([0.7, 1.0, 1.0, 1.3])[:, None]
    found = tolerance_over_splits([1, 2], spread * [1.5, 2.2], np.ones(4), overlap=0)
    assert not found.crossing.censored
    assert not found.lower.censored
    assert found.upper == Crossing(2.0, True)


def test_two_splits_that_disagree_beyond_measure_give_the_widest_interval():
    found = tolerance_over_splits([1, 2], [[1.0, 1.0], [1e300, 1e300]], [1.0, 1.0], overlap=0)
    assert found.lower == Crossing(0.0, False)
    assert found.upper == Crossing(2.0, True)


# Equally correlated splits, by rho = 1/10 in every log ratio: with overlap rho / (1 - rho) = 1/9
# the limits of a mean are exactly Student's. At a level the interval of the crossing then misses
# 5 %; between levels, and beyond the top where only one side can miss, no more.
# The share of 2,000 simulated intervals has sd sqrt(.05 .95 / 2000) = .0049; 3.5 of them.
SIMULATED = 2_000
MARGIN = 3.5 * np.sqrt(0.05 * 0.95 / SIMULATED)


@pytest.mark.parametrize(
    ("curve", "exact"),
    [([1.4, 2.0, 3.5], True), ([1.3, 1.6, 2.8], False), ([1.1, 1.3, 1.7], False)],
)
def test_the_interval_of_tolerance_holds_the_crossing_of_the_true_curve(curve, exact):
    levels, J = [1.0, 2.0, 4.0], 8
    truth = tolerance(levels, curve, 1.0)
    rng = seeds.generator(0, "coverage of tolerance", curve[0])
    held = 0
    for _ in range(SIMULATED):
        residual, shared = rng.standard_normal((J, 3)), rng.standard_normal(3)
        noise = np.sqrt(0.9) * residual + np.sqrt(0.1) * shared
        rmse = curve * np.exp(0.1 * noise)
        found = tolerance_over_splits(levels, rmse, np.ones(J), overlap=1 / 9)
        beyond = truth.level + truth.censored  # censored: anywhere above the top
        held += (found.lower.level <= beyond) and (
            found.upper.censored or found.upper.level >= beyond
        )
    assert held / SIMULATED > 0.95 - MARGIN
    if exact:
        assert held / SIMULATED < 0.95 + MARGIN


def test_the_first_level_above_a_reference_is_a_level_of_the_ladder():
    marginal = np.full(5, 2.0)
    assert first_level_above(LEVELS, RMSE, marginal) == 0.4
    assert first_level_above(LEVELS, RMSE, np.full(5, 3.9)) is None
    assert first_level_above((0, *LEVELS), [2.5, *RMSE], np.full(6, 2.0)) == 0


def test_splits_are_compared_with_a_reference_in_pairs():
    rmse, reference = np.array([[4.0, 4.0], [1.0, 1.0]]), np.array([[2.0, 2.0], [3.0, 1.5]])
    # Ratios 2 and 1/3, then 2 and 2/3: geometric means .82 and 1.15.
    assert first_level_above([1, 2], rmse, reference) == 2


def test_the_degradation_area_is_the_average_of_log2_over_the_ladder():
    levels = np.array(LEVELS)
    # log2 of the ratio rises linearly from 0 to 2: on average the error doubled.
    assert degradation_area(levels, 5 * 4 ** (levels / 0.8), 5.0) == pytest.approx(1, rel=1e-12)
    assert degradation_area(levels, np.full(5, 3.0), 3.0) == 0
    # Two halves: 0 to 1, then 1 to -1.
    assert degradation_area([1, 2], [2.0, 0.5], 1.0) == pytest.approx(0.25, rel=1e-12)


def test_the_unit_of_the_target_changes_nothing():
    for found in (awareness, lambda r, s, c, t: tolerance(LEVELS, r, c).level):
        plain = found(RMSE, np.sqrt(RMSE), 0.9, 1.1)
        assert found(1e3 * RMSE, 1e3 * np.sqrt(RMSE), 0.9e3, 1.1e3) == pytest.approx(plain)


@pytest.mark.parametrize("bad", [0.0, np.inf, np.nan])
def test_a_ratio_to_no_number_is_undefined(bad):
    broken = np.array([*RMSE[:4], bad])
    clean = np.array([1.0, bad])
    found = [
        awareness(broken, RMSE, 1.0, 1.0),
        awareness(RMSE, broken, 1.0, 1.0),
        tolerance(LEVELS, RMSE, bad),
        tolerance_over_splits(LEVELS, np.tile(RMSE, (2, 1)), clean, overlap=0),
        first_level_above(LEVELS, RMSE, broken),
        degradation_area(LEVELS, broken, 1.0),
    ]
    assert all(isinstance(one, Undefined) for one in found)

"""Which feature and which segment a model is weak in, and how sure that is."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

import howrobust as hr
from howrobust.analysis.cards.culprits.error_ratio import error_ratio
from howrobust.analysis.cards.culprits.features import SURE, StressedPoints, culprit, log_rmse
from howrobust.analysis.cards.culprits.least_change import least_moves, median_of_moves
from howrobust.analysis.cards.culprits.segments import (
    Condition,
    best_split,
    in_segment,
    segment_text,
    worst_leaf,
)
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.split_values import distinct_rows
from howrobust.storage.arrays import HeldOut


def least_squares_on_folds(weights, seed, stress, n=200, folds=5):
    """Squared errors of least squares on each fold of y = Xw + e, each feature stressed alone."""
    rng = np.random.default_rng(seed)
    d = len(weights)
    X = rng.normal(size=(n, d))
    y = X @ weights + rng.normal(size=n)
    splits = []
    for test in np.array_split(rng.permutation(n), folds):
        train = np.setdiff1d(np.arange(n), test)
        slopes = LinearRegression().fit(X[train], y[train])
        residuals = y[test] - slopes.predict(X[test])
        if stress == "offset":
            moves = [np.full((len(test), d), 2.0)]
        else:
            moves = [end(X[train], axis=0) - X[test] for end in (np.min, np.max)]
        squares = [(residuals - slopes.coef_[j] * m[:, j]) ** 2 for m in moves for j in range(d)]
        splits.append(StressedPoints(np.array(squares), test))
    return splits


@pytest.mark.parametrize("stress", ["offset", "stuck"])
def test_a_feature_that_alone_matters_is_named_and_of_equal_ones_none_is_sure(stress):
    worst = [
        culprit(least_squares_on_folds([3.0, 0.0], seed, stress), 2, 1 / 4, seed)
        for seed in range(20)
    ]
    assert all(each.feature == 0 and each.sure for each in worst)
    equal = [
        culprit(least_squares_on_folds([1.0, 1.0], seed, stress), 2, 1 / 4, seed)
        for seed in range(40)
    ]
    assert not any(each.sure for each in equal)
    # The resamples alone hold the fits fixed: they would be sure of either feature.
    assert sum(each.share >= SURE for each in equal) > 20


def test_a_copy_of_the_worst_feature_leaves_none_sure():
    (split,) = least_squares_on_folds([3.0, 0.0], 0, "offset", folds=2)[:1]
    twice = StressedPoints(split.squares[[0, 1, 0]], split.rows)
    assert culprit([twice], 3, 0.0, seed=1).share == 0


def test_the_share_is_that_of_a_slow_bootstrap_of_rows_with_all_their_appearances():
    rng = np.random.default_rng(3)
    rows = [rng.permutation(30)[:20] for _ in range(3)]
    splits = [StressedPoints(rng.exponential(1.0, size=(6, 20)), r) for r in rows]
    known = culprit(splits, 3, 0.1, seed=5)
    stays = []
    for _ in range(400):
        drawn = rng.integers(30, size=30)
        means = np.zeros(3)
        for split in splits:
            kept = np.concatenate([np.flatnonzero(split.rows == k) for k in drawn])
            mse = split.squares[:, kept].mean(axis=1)
            means += np.log(np.maximum(mse[:3], mse[3:])) / 6
        stays.append(np.argmax(means) == known.feature)
    # 400 and 1000 resamples: five standard errors of their difference.
    assert abs(np.mean(stays) - known.share) < 5 * np.sqrt(0.25 / 400 + 0.25 / 1000)
    once = log_rmse(splits, 3)[:, 0].mean(axis=0)
    assert known.feature == np.argmax(once)


def test_a_tree_of_depth_two_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    values = rng.exponential(1 + 4 * ((X[:, 2] > 0.3) & (X[:, 0] < 0)))
    tree = DecisionTreeRegressor(max_depth=2, min_samples_leaf=30).fit(X, values)
    leaf = tree.apply(X)
    worst = max(set(leaf), key=lambda each: values[leaf == each].mean())
    segment = worst_leaf(X, values, 30)
    np.testing.assert_array_equal(in_segment(segment, X), leaf == worst)
    assert {condition.feature for condition in segment} == {0, 2}
    assert best_split(np.ones((40, 2)), values[:40], 5) is None
    assert worst_leaf(X[:50], values[:50], 30) == ()


def test_the_interval_of_an_error_ratio_covers_it():
    rng = np.random.default_rng(1)
    known, covered = 1.5, 0
    for _ in range(400):
        rows = np.repeat(np.arange(120), 2)  # every row in two test sets
        inside = rows < 30
        errors = np.repeat(rng.normal(size=120), 2) * np.where(inside, known, 1)
        ratio = error_ratio(errors**2, inside, rows)
        covered += ratio.lower < known < ratio.upper
    # Four standard errors of a share of .95 in 400, and what 30 rows lack of a normal logarithm.
    assert covered / 400 > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 400)


def test_equal_rows_have_a_segment_that_is_worse_in_one_world_of_twenty_at_most():
    claims = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        X, squares = rng.normal(size=(400, 5)), rng.normal(size=400) ** 2
        segment = worst_leaf(X[:200], squares[:200], 20)
        inside = in_segment(segment, X[200:])
        claims += error_ratio(squares[200:], inside, np.arange(200)).lower > 1
        # The half that finds it would always claim it.
        here = in_segment(segment, X[:200])
        assert np.mean(squares[:200][here]) > np.mean(squares[:200][~here])
    # .025 is expected; more than 17 of 300 would be in .1 % of such tests.
    assert claims <= 17


def test_segments_are_named_in_units_and_categories():
    features, categories = ["age", "smoker", "colour"], {"smoker": ["0", "1"]}
    categories |= {"colour": ["blue", "green", "red"]}
    old_smokers = (Condition(0, 54.1999, True), Condition(1, 0.5, True))
    assert segment_text(old_smokers, features, categories) == "age > 54.2 and smoker = 1"
    between = (Condition(0, 30.0, True), Condition(0, 40.0, False))
    assert segment_text(between, features, categories) == "30 < age <= 40"
    days = (Condition(0, 20484.5, True), Condition(0, 20500.0, False))
    assert (
        segment_text(days[:1], features, categories, dates=["age"]) == "age > 2026-01-31 12:00:00"
    )
    assert segment_text(days, features, categories, dates=["age"]) == (
        "2026-01-31 12:00:00 < age <= 2026-02-16"
    )
    few = (Condition(2, 0.5, True), Condition(0, 1e6, False))
    assert segment_text(few, features, categories) == "colour in {green, red} and age <= 1e+06"


def test_missing_values_stand_above_every_threshold():
    """Against a tree on a column whose gaps are the value above all others."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(300, 3))
    X[rng.random(X.shape) < 0.2] = np.nan
    missing = np.isnan(X[:, 1])
    for bad in (missing, ~(X[:, 0] <= 0.4)):
        values = rng.exponential(1 + 6 * bad)
        filled = np.where(np.isnan(X), 100.0, X)
        tree = DecisionTreeRegressor(max_depth=2, min_samples_leaf=30).fit(filled, values)
        leaf = tree.apply(filled)
        worst = max(set(leaf), key=lambda each: values[leaf == each].mean())
        segment = worst_leaf(X, values, 30)
        np.testing.assert_array_equal(in_segment(segment, X), leaf == worst)
        assert (Condition(1, np.inf, True) in segment) == (bad is missing)


def test_segments_with_missing_values_are_named():
    features, categories = ["age", "colour"], {"colour": ["blue", "green", "red"]}

    def text(*segment, gaps=("age", "colour")):
        return segment_text(segment, features, categories, gaps)

    assert text(Condition(0, np.inf, True)) == "age missing"
    assert text(Condition(0, np.inf, False)) == "age not missing"
    assert text(Condition(0, 3.0, True)) == "age > 3 or missing"
    assert text(Condition(0, 3.0, True), gaps=()) == "age > 3"
    assert text(Condition(0, 3.0, True), Condition(0, np.inf, False)) == "age > 3"
    assert text(Condition(0, 3.0, False)) == "age <= 3"
    assert text(Condition(1, 1.5, True)) == "colour = red or missing"
    assert text(Condition(1, np.inf, True)) == "colour missing"


def test_a_row_with_missing_values_is_one_row_in_all_its_test_sets():
    X = np.array([[1.0, np.nan], [np.nan, 1.0], [0.0, 1.0], [1.0, 0.0]])
    held = [HeldOut(X[rows], np.ones(len(rows)), 1.0, 0.0, 9) for rows in ([0, 1, 2], [1, 3, 0])]
    first, second = distinct_rows(held)
    assert (second[0], second[2]) == (first[1], first[0])
    assert len({*first, *second}) == 4


def test_the_first_crossing_is_linear_between_moves():
    levels, changes = np.array([1.0, 2.0, 4.0]), np.array([[1.0, 0.0], [4.0, 0.0], [3.0, 5.0]])
    np.testing.assert_allclose(least_moves(levels, changes, np.array([0.5, 2.5])), [0.5, 3.0])
    np.testing.assert_allclose(least_moves(levels, changes, np.array([2.5, 6.0])), [1.5, np.inf])


def test_the_median_of_moves_is_censored_where_half_need_more():
    some = median_of_moves(np.array([*np.arange(1.0, 61.0), *[np.inf] * 39]), 60.0, 99.0)
    assert (some.value, some.censored, some.upper_censored) == (50.0, False, False)
    most = median_of_moves(np.array([*np.arange(1.0, 39.0), *[np.inf] * 61]), 60.0, 99.0)
    assert (most.value, most.censored, most.lower_censored) == (60.0, True, True)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Least squares on y = 3 a + 0 b, with errors three times as large for b > 1 and kind y."""
    rng = np.random.default_rng(0)
    n = 1200
    X = pd.DataFrame({"a": 2 * rng.normal(size=n), "b": rng.normal(size=n)})
    X["kind"] = rng.choice(["x", "y"], n)
    y = 3 * X["a"] + rng.normal(size=n) * (1 + 2 * ((X["b"] > 0.5) & (X["kind"] == "y")))
    out = tmp_path_factory.mktemp("culprits")
    hr.assess(
        Numbers(), X, y, stress=["stuck_sensor", "single_feature"], splits=3, repeats=1, n_folds=3,
        out=out,
    )  # fmt: skip
    return hr.load(out)


class Numbers(LinearRegression):
    """Least squares on the columns of numbers."""

    def fit(self, X, y):
        return super().fit(X[["a", "b"]], y)

    def predict(self, X):
        return super().predict(X[["a", "b"]])


def test_cards_name_the_culprit_the_segment_and_the_least_change(results):
    card = results.card("Numbers")
    records = card.records()
    worst = records[records["measure"] == "worst feature's rmse ratio"]
    assert worst["feature"].tolist() == ["a"]
    segment = records[records["measure"] == "weakest segment's error ratio"].iloc[0]
    assert "kind = y" in segment["segment"]
    assert "b > 0.5" in segment["segment"] or "b > 0.4" in segment["segment"]
    assert segment["lower"] > 1
    sentences = card.culprits("data")
    assert "Worst feature under stuck sensor: a (in 100 % of resamples)" in sentences[0]
    assert any("other feature needs more" in s or "b > 4" in s for s in sentences)
    for sentence in sentences:
        assert sentence in str(card)
    page = results.report().read_text()
    assert "Worst feature under stuck sensor: a (in 100 % of resamples)" in page


def test_the_least_change_of_a_linear_model_is_its_half_width_over_its_slope(results):
    scores = Scores(results)
    moves = []
    for cell in scores.finished("data", "Numbers"):
        held, forecast = scores.held_out(cell), scores.clean(cell)
        slope = np.polyfit(held.X[:, 0], forecast.mean, 1)[0]  # that of b is some .03
        half = (forecast.quantile(0.95) - forecast.quantile(0.05)) / 2
        moves.append(half / abs(slope) / 2.0)  # the sd of a is 2, as drawn
    card = results.card("Numbers")
    # The sd of 1,080 rows is 2 to some 2 %, and the slope of a alone is that beside b.
    assert card.value("least_change_a") == pytest.approx(np.median(moves), rel=0.1)
    with pytest.raises(hr.errors.BadInput, match="no move changes a prediction"):
        card.value("least_change_kind")
    records = card.records().set_index("measure")
    assert records.loc["least_change_b", "feature"] == "b"
    assert bool(records.loc["least_change_b", "censored"])

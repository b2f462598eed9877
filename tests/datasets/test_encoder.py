"""The encoder of tables: what becomes of a column, rows as numbers, gradients, law 6."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import OneHotEncoder

from howrobust.base.tables.column import Column
from howrobust.base.tables.frame import Frame
from howrobust.datasets.tables.encoder import Encoder
from howrobust.datasets.tables.target_means import TargetMeans, cross_fitted
from howrobust.datasets.tables.treatment import date_parts, treatment_of

NUMBER = Column("size", "number", np.dtype(float))
DATE = Column("day", "date", np.dtype("datetime64[ns]"))
ID = Column("part", "id", object, tuple(f"p{k}" for k in range(400)))
NAN = np.nan


def colour(k: int) -> Column:
    return Column("colour", "category", object, tuple(f"c{j:03d}" for j in range(k)))


def repeated(*counts: int) -> np.ndarray:
    """Codes 0, 1, ... so many times each."""
    return np.repeat(np.arange(len(counts), dtype=np.float64), counts)


@pytest.mark.parametrize(
    ("column", "codes", "text", "names"),
    [
        (NUMBER, [1.0, 2.0, 3.0], "number", ["size"]),
        (None, [1.0, 2.0, 3.0], "number", ["size"]),
        (NUMBER, [1.0, NAN, 3.0], "number with a column for missing", ["size", "size: missing"]),
        (NUMBER, [2.0, 2.0], "left out: constant", []),
        (NUMBER, [NAN, NAN], "left out: constant", []),
        (NUMBER, [2.0, NAN], "0/1 for missing", ["size: missing"]),
        (ID, [0.0, 1.0, 2.0], "left out: names the rows", []),
        (colour(2), [0.0, 1.0, 1.0], "0/1", ["colour"]),
        (
            colour(2),
            [0.0, NAN, 1.0],
            "0/1 with a column for missing",
            ["colour", "colour: missing"],
        ),
        (colour(2), [1.0, 1.0], "left out: constant", []),
        (colour(2), [1.0, NAN], "0/1 for missing", ["colour: missing"]),
        (
            colour(4),
            repeated(110, 300, 10, 9),
            "one-hot of 3 levels and the rest",
            ["colour: c001", "colour: c000", "colour: c002", "colour: rest"],
        ),
        (
            colour(3),
            [*repeated(12, 10, 11), *[NAN] * 10],
            "one-hot of 4 levels",
            ["colour: c000", "colour: c002", "colour: c001", "colour: missing"],
        ),
        (colour(41), repeated(*[20] * 41), "one-hot of 40 levels and the rest", None),
        (
            colour(60),
            repeated(*[20] * 60),
            "target means of 60 levels",
            ["colour: mean of the target"],
        ),
        (colour(20), repeated(*[5] * 20), "target means of 20 levels", None),
        (
            DATE,
            [0.0, 31.0, 400.0],
            "year, month, weekday, days since",
            ["day: year", "day: month", "day: weekday", "day: days since"],
        ),
        (DATE, [3.0, 10.0, 17.0], "days since", ["day: days since"]),
        (DATE, [3.0, NAN, 17.0], "days since with a column for missing", None),
    ],
)  # fmt: skip
def test_what_becomes_of_a_column(column, codes, text, names):
    treatment = treatment_of(column, np.asarray(codes, dtype=np.float64))
    assert treatment.text == text
    if names is not None:
        assert list(treatment.names(column or NUMBER)) == names


def test_parts_of_dates_are_those_of_the_calendar():
    rng = np.random.default_rng(0)
    days = rng.integers(-30_000, 30_000, 500).astype(np.float64)
    dates = [date.fromordinal(719163 + int(day)) for day in days]
    expected = [
        [d.year, d.month, d.weekday(), 18.0, day] for d, day in zip(dates, days, strict=True)
    ]
    np.testing.assert_array_equal(date_parts(days + 0.75, 0.75).T, expected)
    assert np.isnan(date_parts(np.array([NAN]), 0.0)).all()


def test_one_hot_columns_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    codes = rng.choice(55, p=(p := np.arange(1.0, 56) ** -1.6) / p.sum(), size=3000).astype(
        np.float64
    )
    fresh = np.array([0.0, 54.0, 77.0, 3.0])  # 77: no training row has it
    encoder = Encoder.fit(Frame((colour(78),)), codes[:, None], codes, 0)
    reference = OneHotEncoder(
        min_frequency=10, max_categories=41, handle_unknown="infrequent_if_exist"
    ).fit(codes[:, None])
    assert encoder.features[-1] == "colour: rest"
    names = [f"{float(name.rpartition('c')[2]):.1f}" for name in encoder.features[:-1]]
    theirs = [name.removeprefix("x0_") for name in reference.get_feature_names_out()]
    order = [theirs.index(name) for name in [*names, "infrequent_sklearn"]]
    for rows in (codes, fresh):
        expected = reference.transform(rows[:, None]).toarray()[:, order]
        np.testing.assert_array_equal(encoder.transform(rows[:, None]), expected)
    np.testing.assert_array_equal(encoder.training, encoder.transform(codes[:, None]))


def test_gaps_take_medians_and_a_column_says_where_they_are():
    X = np.array([[1.0, 0.0], [NAN, 1.0], [4.0, 1.0], [9.0, NAN]])
    frame = Frame((NUMBER, colour(2)))
    encoder = Encoder.fit(frame, X, np.zeros(4), 0)
    expected = [[1, 0, 0, 0], [4, 1, 1, 0], [4, 0, 1, 0], [9, 0, 2 / 3, 1]]
    np.testing.assert_allclose(encoder.training, expected)
    unseen = encoder.transform(np.array([[NAN, 7.0]]))
    np.testing.assert_allclose(unseen, [[4, 1, 2 / 3, 0]])


def test_finite_arrays_and_tables_of_numbers_are_handed_on_as_they_are():
    rng = np.random.default_rng(2)
    X, fresh = rng.normal(size=(30, 3)), rng.normal(size=(5, 3))
    frame = Frame(tuple(replace(NUMBER, name=k) for k in "abc"))
    for described in (None, frame):
        encoder = Encoder.fit(described, X, X[:, 0], 0)
        assert encoder.training is X
        assert encoder.transform(fresh) is fresh
        assert encoder.gradient(fresh, fresh) is fresh
    X[:, 1] = 3.0
    assert Encoder.fit(None, X, X[:, 0], 0).training is X
    assert Encoder.fit(frame, X, X[:, 0], 0).features == ("a", "c")
    gap = fresh.copy()
    gap[2, 0] = NAN
    filled = Encoder.fit(None, X, X[:, 0], 0).transform(gap)
    gap[2, 0] = np.median(X[:, 0])
    np.testing.assert_array_equal(filled, gap)


def test_a_table_of_constants_alone_becomes_one_column_of_zeros():
    encoder = Encoder.fit(Frame((NUMBER,)), np.ones((4, 1)), np.arange(4.0), 0)
    np.testing.assert_array_equal(encoder.training, np.zeros((4, 1)))
    np.testing.assert_array_equal(encoder.transform(np.full((2, 1), 5.0)), np.zeros((2, 1)))


def random_means(levels: int, n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(levels, size=n).astype(np.float64)
    effects = rng.normal(size=levels)
    return codes, effects[codes.astype(int)] + rng.normal(0, 0.7, n), effects


def test_no_target_is_a_part_of_its_own_mean():
    codes, y, _ = random_means(60, 400, 3)
    levels = tuple(map(float, np.unique(codes)))
    before = cross_fitted(codes, y, levels, 5)
    for row in (0, 17, 399):
        moved = y.copy()
        moved[row] += 1e6
        after = cross_fitted(codes, moved, levels, 5)
        assert after[row] == before[row]
        assert (after != before).sum() > 200


def test_effects_are_the_best_linear_predictions_of_a_mixed_model():
    # With the variances known, the shrunken mean is n t / (n t + s) times the difference: here
    # both are estimated from 3,000 rows, whose moments are within a tenth of the truth.
    codes, y, effects = random_means(60, 3000, 4)
    means = TargetMeans.of(codes, y, tuple(map(float, range(60))))
    counts = np.bincount(codes.astype(int))
    plain = np.bincount(codes.astype(int), y - y.mean()) / counts
    expected = plain * counts / (counts + 0.49 / effects.var())
    np.testing.assert_allclose(means.effects, expected, atol=0.01)
    assert means.at(np.array([1000.0, NAN])).tolist() == [0.0, 0.0]


def test_a_category_of_500_levels_teaches_nothing_about_pure_noise():
    rng = np.random.default_rng(6)
    codes = rng.integers(500, size=(4000, 1)).astype(np.float64)
    y = rng.normal(size=4000)
    encoder = Encoder.fit(Frame((colour(500),)), codes[:2000], y[:2000], 0)
    assert encoder.features == ("colour: mean of the target",)
    model = Ridge(1e-6).fit(encoder.training, y[:2000])
    inside = model.score(encoder.training, y[:2000])
    outside = model.score(encoder.transform(codes[2000:]), y[2000:])
    # R^2 of one column of noise has the sd sqrt(2) / n; means of the own targets would give 0.25.
    assert abs(inside) < 0.01
    assert abs(outside) < 0.03
    naive = np.bincount(codes[:2000, 0].astype(int), y[:2000], minlength=500)
    naive /= np.maximum(1, np.bincount(codes[:2000, 0].astype(int), minlength=500))
    own = naive[codes[:2000, 0].astype(int)][:, None]
    assert Ridge(1e-6).fit(own, y[:2000]).score(own, y[:2000]) > 0.2


def mixed(n: int, seed: int) -> tuple[Frame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    columns = (NUMBER, DATE, colour(3), replace(colour(90), name="shop"), replace(ID, name="id"))
    X = np.column_stack([
        rng.normal(size=n), rng.integers(0, 3000, n), rng.integers(3, size=n),
        rng.integers(90, size=n), np.arange(n),
    ]).astype(np.float64)  # fmt: skip
    X[rng.random(X.shape) < 0.1] = NAN
    return Frame(columns), X, rng.normal(size=n)


def test_rows_that_are_not_training_rows_change_nothing():
    # Law 6: the encoder is a function of the training rows; other rows are encoded one by one.
    frame, X, y = mixed(300, 7)
    encoder = Encoder.fit(frame, X[:200], y[:200], 1)
    first = encoder.transform(X[200:])
    changed = X.copy()
    changed[250:] = NAN
    again = Encoder.fit(frame, changed[:200].copy(), y[:200].copy(), 1)
    np.testing.assert_array_equal(again.training, encoder.training)
    np.testing.assert_array_equal(again.transform(changed[200:250]), first[:50])
    assert np.isfinite(encoder.training).all()
    assert np.isfinite(first).all()


def test_gradients_are_those_of_finite_differences():
    frame, X, y = mixed(200, 8)
    encoder = Encoder.fit(frame, X, y, 1)
    weights = np.random.default_rng(9).normal(size=len(encoder.features))
    parts = [
        k
        for k, name in enumerate(encoder.features)
        if name in ("day: year", "day: month", "day: weekday")
    ]
    weights[parts] = 0  # steps: their derivative is 0
    gradient = encoder.gradient(np.tile(weights, (200, 1)), X)
    for j in range(X.shape[1]):
        moved = X.copy()
        moved[:, j] += 0.25 if j < 2 else 0.0
        expected = (encoder.transform(moved) - encoder.transform(X)) @ weights / 0.25
        np.testing.assert_allclose(gradient[:, j], expected, atol=1e-9)


def test_a_kept_encoder_has_no_training_rows():
    frame, X, y = mixed(200, 10)
    encoder = Encoder.fit(frame, X, y, 1)
    kept = encoder.for_new_rows
    assert kept.training.shape == (0, len(encoder.features))
    np.testing.assert_array_equal(kept.transform(X), encoder.transform(X))

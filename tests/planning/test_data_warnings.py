import numpy as np
import pandas as pd
import pytest
from scipy.stats import skew, spearmanr

from howrobust.base.data import Dataset, Provenance
from howrobust.datasets.tables.given import given
from howrobust.datasets.tables.rows import USERS_OWN, RowSource
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.data_warnings.findings import data_warnings
from howrobust.planning.data_warnings.giveaways import rank_correlation
from howrobust.planning.data_warnings.order import lag_correlation, residuals
from howrobust.planning.data_warnings.repeated import repeated_share
from howrobust.planning.data_warnings.targets import skewness

SETS = ("boston", "concrete", "energy", "kin8nm", "naval", "power", "protein", "wine", "yacht")
ABOUT = Provenance("rows", "tests", "none needed", "-")


def rows(n=400, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=n)


def warnings_for(X, y, family=None):
    names = tuple("abcdefgh"[: X.shape[1]])
    source = RowSource("rows", Dataset(X, y, names, "strength"), ABOUT)
    return data_warnings(source, source.splits(None, family), 0)


@pytest.mark.parametrize("family", [None, "gap", "tail", "third"])
def test_ordinary_rows_give_no_warning(family):
    assert warnings_for(*rows(), family) == []


@pytest.mark.parametrize("name", ["quintic", "friedman1", "diabetes"])
def test_the_data_of_the_quick_suite_give_no_warning(name):
    source = DataSpec(name).open()
    for family in (None, "third"):
        assert data_warnings(source, source.splits(None, family), 0) == []


def test_the_share_of_repeated_rows_is_that_of_a_slow_count():
    rng = np.random.default_rng(0)
    X, y = rng.integers(3, size=(60, 2)) - 1.0, rng.integers(3, size=60) - 1.0
    data = Dataset(X, y, ("a", "b"))
    train, test = data.take(np.arange(40)), data.take(np.arange(40, 60))
    known = {(*x, target) for x, target in zip(train.X.tolist(), train.y.tolist(), strict=True)}
    seen = [(*x, t) in known for x, t in zip(test.X.tolist(), test.y.tolist(), strict=True)]
    assert 0 < np.mean(seen) < 1
    assert repeated_share(train, test) == np.mean(seen)


def test_minus_zero_is_zero():
    data = Dataset(np.array([[0.0], [-0.0]]), np.array([-0.0, 0.0]), ("a",))
    assert repeated_share(data.take(np.array([0])), data.take(np.array([1]))) == 1


def test_rows_that_stand_in_training_and_test_are_counted():
    X, y = rows()
    X[:40], y[:40] = X[40:80], y[40:80]
    (text,) = warnings_for(X, y)
    # A fifth of the rows has a twin, which is in training with probability 359/399 or so: 18 % on
    # average, and 20 splits of 40 test rows have a standard error of 1.4 %.
    assert float(text.split(" %")[0]) == pytest.approx(20 * 360 / 399, abs=4 * 1.4)
    assert "of the test rows (mean over splits) are also training rows" in text


def test_equal_inputs_with_other_targets_are_no_repeated_rows():
    X, y = rows()
    X[:40] = X[40:80]
    assert warnings_for(X, y) == []


def test_a_share_of_repeated_rows_below_half_a_percent_gives_no_warning():
    X, y = rows(2000)
    X[0], y[0] = X[1], y[1]  # one of the two is among the 200 test rows of every fifth split
    assert warnings_for(X, y) == []


def test_constant_features_are_named():
    X, y = rows()
    X[:, 0], X[:, 2] = 7.5, 0.0
    assert warnings_for(X, y) == ["features with one value in all rows: a, c"]
    X[3, 2] = 1e-9  # one other value, in training or in test, is enough
    assert warnings_for(X, y) == ["features with one value in all rows: a"]


@pytest.mark.parametrize(("end", "value", "which"), [(1, 1.0, "largest"), (-1, -1.0, "smallest")])
def test_many_targets_at_one_end_may_be_censored(end, value, which):
    X, y = rows()
    cut = end * np.minimum(end * y, 1.0)
    count = int((cut == value).sum())
    assert warnings_for(X, cut) == [
        f"the target strength is {value:g}, its {which} value, in {count} of 400 rows: "
        "it may be censored there"
    ]


def test_a_target_may_be_censored_at_both_ends():
    X, y = rows()
    assert len(warnings_for(X, np.clip(y, -1, 1))) == 2


@pytest.mark.parametrize(("n", "least"), [(400, 5), (4000, 20)])
def test_a_pile_has_five_rows_and_half_a_percent_of_them(n, least):
    X, y = rows(n)
    top = np.argsort(y)
    for count, sentences in ((least - 1, 0), (least, 1)):
        cut = y.copy()
        cut[top[-count:]] = y.max()
        assert len(warnings_for(X, cut)) == sentences


def test_the_ends_of_a_coarse_scale_are_no_piles():
    X, _ = rows()
    rng = np.random.default_rng(1)
    assert warnings_for(X, rng.choice([1.0, np.pi, 10.0, 100.0], 400)) == []  # an uneven scale
    for y in (rng.integers(3, 9, 400), np.repeat([0, 1, 2, 3, 4], [300, 70, 20, 8, 2])):
        assert (
            warnings_for(X, y.astype(float)) == []
        )  # discrete: a rating, a count that is mostly 0


def test_gaps_and_tails_that_hold_no_value_out_are_named():
    X, y = rows()
    X[:, 1] = np.random.default_rng(2).integers(2, size=400)
    for family, names in (("gap", "gap-1 (b)"), ("tail", "tail-2 (b), tail-3 (b)")):
        assert warnings_for(X, y, family) == [
            f"nothing is held out by {names}: every test value of the feature is also a "
            "training value"
        ]
    assert warnings_for(X, y) == warnings_for(X, y, "third") == []
    X[:, 1] = np.arange(400) % 10  # ten values: a third holds out some of them whole
    assert warnings_for(X, y, "gap") == warnings_for(X, y, "tail") == []


def of(name, family=None):
    source = DataSpec(f"uci/{name}").open()
    return " | ".join(data_warnings(source, source.splits(None, family), 0))


def test_a_quarter_of_the_test_rows_of_wine_are_training_rows(uci):
    assert "26.6 % of the test rows" in of("wine")


def test_constant_features_of_naval_are_named_and_no_others(uci):
    found = {name: of(name) for name in SETS}
    assert {name for name, text in found.items() if "one value in all rows" in text} == {"naval"}
    assert "in all rows: T1, P1" in found["naval"]


def test_the_targets_that_may_be_censored_are_those_of_boston_and_protein(uci):
    found = {name: of(name) for name in SETS}
    assert {name for name, text in found.items() if "may be censored" in text} == {
        "boston",
        "protein",
    }
    assert "MEDV is 50, its largest value, in 16 of 506 rows" in found["boston"]
    assert "RMSD is 0, its smallest value, in 272 of 45730 rows" in found["protein"]


def test_degenerate_published_gaps_are_those_that_are_known(uci):
    known = {
        "boston": "gap-1 (ZN), gap-3 (CHAS)",
        "concrete": "gap-7 (age)",
        "energy": "gap-3 (X4), gap-4 (X5), gap-5 (X6), gap-6 (X7)",
        "naval": "gap-8 (T1), gap-11 (P1)",
        "yacht": "gap-0 (LC), gap-2 (L_D)",
    }
    for name in SETS:
        text = of(name, "gap")
        if name in known:
            assert f"nothing is held out by {known[name]}: every" in text
        else:
            assert "left out" not in text


def own(X, y, transform="auto", **more):
    """The warnings about rows that a user brings."""
    names = tuple("abcdefghij"[: X.shape[1]])
    about = Provenance("rows", "tests", USERS_OWN, "-")
    data = Dataset(X, y, names, "strength")
    source = RowSource("rows", data, about, target_transform=transform, **more)
    return data_warnings(source, source.splits(2), 0)


def of_table(table, y, **words):
    source = given(table, y, **words)
    return data_warnings(source, source.splits(2), 0)


def ordinary(seed):
    """A table without a fault: features of all kinds, one of them strong, in one order or other."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([30, 100, 300, 1000]))
    table = pd.DataFrame({f"x{k}": rng.normal(size=n) for k in range(int(rng.integers(1, 6)))})
    table["count"] = rng.poisson(5, n)
    table["site"] = rng.choice(["north", "south", "west"], n)
    table["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D")
    table["part_id"] = np.arange(n)
    signal = rng.normal(size=len(table.columns))[0] * table["x0"] + table["count"] / 5
    form = seed % 5
    if form == 0:  # a strong but honest linear feature, with 5 % noise
        signal = 3 * table["x0"]
    elif form == 1:
        signal = np.sin(3 * table["x0"]) + table["site"].map({"north": 0, "south": 2, "west": 3})
    elif form == 2:
        signal = signal + 0.5 * table["x0"] ** 2
    noise = (0.05 if form == 0 else 0.5) * signal.std() * rng.normal(size=n)
    y = signal + noise
    if form == 3:
        y = np.exp(y)
    order = {0: rng.permutation(n), 1: np.argsort(table["site"], kind="stable").to_numpy()}
    rows = order.get(int(rng.integers(3)), np.argsort(table["x0"]).to_numpy())
    return table.iloc[rows].reset_index(drop=True), y.to_numpy()[rows]


# Sentences that say something is wrong with a table; a skewed target is no fault.
FAULTS = ("away", "order of", "neighbouring", "also training rows", "fewer training rows",
          "discrete", "censored")  # fmt: skip


def test_few_ordinary_tables_are_warned_of():
    alarms = [[t for t in of_table(*ordinary(seed)) if any(f in t for f in FAULTS)]
              for seed in range(200)]  # fmt: skip
    assert sum(map(bool, alarms)) < 10, [alarm for alarm in alarms if alarm]


def test_an_honest_feature_with_a_noise_of_five_percent_is_no_giveaway():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(int(rng.choice([20, 60, 400])), 1))
        y = 3 * x[:, 0] + 0.15 * rng.normal(size=len(x))
        assert not [text for text in own(x, y) if "away" in text], seed


LEAKS = {
    "the target itself": lambda y: y,
    "another unit": lambda y: 2.54 * y - 7,
    "rounded to a hundredth of its sd": lambda y: np.round(y, 2),
    "its logarithm": lambda y: np.log(y - y.min() + 1),
    "its logarithm, rounded": lambda y: np.round(np.log(y - y.min() + 1), 4),
    "its rank, downwards": lambda y: -np.argsort(np.argsort(y)).astype(float),
    "with gaps": lambda y: np.where(np.arange(len(y)) % 3 == 0, np.nan, y),
}


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("n", [60, 400, 3000])
def test_a_feature_that_is_the_target_in_other_clothes_is_named(leak, n):
    X, y = rows(n)
    X[:, 1] = LEAKS[leak](y)
    (text,) = [text for text in own(X, y) if "away" in text]
    assert text.startswith("the feature b gives the target strength away: ")


def test_a_feature_that_is_mostly_missing_gives_nothing_away():
    X, y = rows()
    X[:, 1] = np.where(np.arange(400) % 3 > 0, np.nan, y)
    assert own(X, y) == []


def test_a_category_that_determines_the_target_is_named():
    rng = np.random.default_rng(0)
    levels = rng.integers(30, size=400)
    table = pd.DataFrame({"a": rng.normal(size=400), "level": [f"l{k}" for k in levels]})
    value = rng.normal(size=30)
    (text,) = [t for t in of_table(table, value[levels]) if "away" in t]
    assert text.startswith("the feature level gives the target y away: every category has one")
    noisy = value[levels] + 0.05 * rng.normal(size=400)
    assert not [t for t in of_table(table, noisy) if "away" in t]


def test_published_data_get_no_warning_that_only_own_rows_get():
    X, y = rows()
    X[:, 1] = y
    assert warnings_for(X, y) == []


def walk(n=400, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)), np.cumsum(rng.normal(size=n))


def test_rows_in_order_of_time_are_named_where_they_are_split_at_random():
    X, y = walk()
    (text,) = own(X, y)
    assert text.startswith("neighbouring rows have like targets")
    assert "--time COLUMN" in text
    order = np.random.default_rng(1).permutation(400)
    assert own(X[order], y[order]) == []
    assert own(X, y, times=np.arange(400.0)) == []
    assert own(X, y, groups=np.arange(400) // 20) == []


def test_rows_in_order_of_a_date_are_named():
    X, y = rows()
    day = pd.date_range("2026-01-01", periods=400)
    table = pd.DataFrame(X, columns=list("abc")).assign(day=day)
    for each in (table, table[::-1].reset_index(drop=True)):
        (text,) = of_table(each, y)
        assert text.startswith("the rows are in order of the date day; ")
    assert of_table(table.assign(day=np.random.default_rng(2).permutation(day)), y) == []


def test_a_file_sorted_by_a_feature_or_its_target_is_in_no_order_of_time():
    X, y = rows()
    y = y + 5 * np.sin(3 * X[:, 0])
    for key in (X[:, 0], y):
        order = np.argsort(key)
        assert own(X[order], y[order]) == []


def test_the_lag_correlation_of_a_known_process_is_its_coefficient():
    rng = np.random.default_rng(0)
    n, r = 200_000, [0.0]
    for noise in rng.normal(size=n):
        r.append(0.6 * r[-1] + noise)
    # The standard error is sqrt((1 - 0.36) / n) = 0.0018 (Bartlett's formula).
    assert lag_correlation(np.array(r)) == pytest.approx(0.6, abs=4 * 0.0018)


def test_the_residual_of_an_exact_linear_model_is_nothing():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=200), rng.integers(3, size=200)])
    y = 2 * X[:, 0] + np.array([0.0, 5.0, -1.0])[X[:, 1].astype(int)]
    left = residuals(X, y, ["number", "category"])
    np.testing.assert_allclose(left, 0, atol=1e-12)
    assert np.abs(residuals(X, y, ["number", "number"])).max() > 0.1


def test_rank_correlation_is_that_of_scipy():
    rng = np.random.default_rng(0)
    x, y = rng.integers(9, size=100).astype(float), rng.normal(size=100)
    assert rank_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic, rel=1e-12)
    assert rank_correlation(np.ones(5), y[:5]) == 0


def test_fewer_rows_than_columns_are_named():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 37)), rng.normal(size=40)
    source = given(X, y)
    (text,) = data_warnings(source, source.splits(1), 0)
    assert text.startswith("there are fewer training rows (36) than columns of numbers (37)")
    source = given(X[:, :36], y)
    assert data_warnings(source, source.splits(1), 0) == []
    # A category of 12 levels is 12 columns.
    table = pd.DataFrame(X[:, :28]).assign(level=[f"l{k % 3}" for k in range(40)])
    assert not [t for t in of_table(table, y) if "fewer" in t]
    wide = pd.DataFrame(X[:, :35]).assign(level=[f"l{k % 3}" for k in range(40)])
    assert [t for t in of_table(wide, y) if "fewer training rows (36) than columns" in t]


def test_a_discrete_target_is_named():
    X, _ = rows()
    y = np.random.default_rng(1).integers(3, 9, 400) / 2
    (text,) = own(X, y)
    assert text.startswith("the target strength is discrete: 6 values in steps of 0.5")


@pytest.mark.parametrize(
    ("transform", "sentence"),
    [
        ("auto", "learn it as it is or its logarithm, whichever fits the training rows better"),
        ("log", "learn its logarithm"),
        ("yeo-johnson", "learn its Yeo-Johnson transform"),
        ("none", "is not transformed: forecasts may state negative bounds"),
    ],
)
def test_what_becomes_of_a_positive_skewed_target_is_said(transform, sentence):
    X, y = rows()
    (text,) = own(X, np.exp(y), transform)
    assert text.startswith("the target strength is positive and skewed (skewness ")
    assert sentence in text
    assert ("bounds below 0" in text) == (transform != "none")
    assert ("without a logarithm" in text) == (transform in ("auto", "yeo-johnson"))
    assert own(X, 100 + y, transform) == []
    (negative,) = own(X, np.exp(y) - 10, "auto")
    assert "learn it as it is or its Yeo-Johnson transform, whichever fits" in negative
    assert "bounds" not in negative


def test_a_positive_target_that_is_near_0_for_its_spread_is_named():
    X, _ = rows()
    y = np.random.default_rng(1).beta(1, 2, 400) + 1e-3  # skewness 0.6, mean 0.33, sd 0.24
    (text,) = own(X, y, "none")
    assert text.startswith("the target strength is positive and near 0 for its spread, and is not")
    assert "bounds" not in "".join(own(X, y - 5, "none"))


def test_the_skewness_is_that_of_scipy():
    y = np.random.default_rng(1).exponential(size=100)
    assert skewness(y) == pytest.approx(skew(y), rel=1e-12)


def test_rows_are_repeated_whatever_their_gaps_and_their_identifiers_are():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(400, 2)), columns=["a", "b"])
    table["id"] = [f"k{k}" for k in range(400)]
    y = rng.normal(size=400)
    table.loc[:39, ["a", "b"]] = table.loc[40:79, ["a", "b"]].to_numpy()
    table.loc[:79, "b"] = np.nan
    y[:40] = y[40:80]
    texts = [t for t in of_table(table, y) if "also training rows" in t]
    assert len(texts) == 1
    share = float(texts[0].split(" %")[0])
    # As for rows without gaps, here of two splits of 40 test rows: a standard error of 4.4 %.
    assert share == pytest.approx(20 * 360 / 399, abs=4 * 4.4)


def test_the_bits_of_a_missing_value_say_nothing():
    other = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)[0]
    data = Dataset(np.array([[np.nan], [other]]), np.array([1.0, 1.0]), ("a",))
    assert repeated_share(data.take(np.array([0])), data.take(np.array([1]))) == 1


def test_values_that_are_missing_hold_nothing_out():
    X, y = rows()
    X[:, 1] = np.random.default_rng(2).integers(2, size=400)
    X[:10, 1] = np.nan
    assert any("nothing is held out by gap-1 (b)" in text for text in warnings_for(X, y, "gap"))

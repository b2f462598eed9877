import numpy as np
import pytest

from howrobust.base.data import Dataset, Provenance
from howrobust.datasets.tables.rows import RowSource
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.data_warnings import data_warnings, repeated_share

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

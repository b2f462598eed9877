"""However a function takes its inputs, the numbers are the same; what cannot be used is refused."""

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression

import howrobust as hr
from howrobust.errors import BadInput

POINT = {"a": 1.0, "b": 2.0}
NOISE = {"a": 0.1, "b": 0.2}


def by_name(a, b):
    return 3 * a - b


def by_number(a, b):
    return 3 * float(a) - math.fsum([b])  # of numbers alone


def of_arrays(a, b, scale=1.0):
    assert a.shape == b.shape
    return scale * (3 * a - b)


def of_a_table(table):
    return 3 * table["a"] - table["b"]


def of_an_array(X):
    return (3 * X[:, :1] - X[:, 1:]).reshape(-1, 1)


def of_a_row(x):
    assert x.shape == (2,)
    return 3 * x[0] - x[1]


def fitted():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=["a", "b"])
    return LinearRegression().fit(X, 3 * X["a"] - X["b"])


@pytest.mark.parametrize(
    "f",
    [by_name, by_number, of_arrays, partial(of_arrays, scale=1.0), of_a_table, of_an_array,
     of_a_row, fitted()],
)  # fmt: skip
def test_every_form_gives_the_same(f):
    result = hr.propagate(f, POINT, NOISE, draws=300)
    assert result.sd == pytest.approx(np.sqrt(0.3**2 + 0.2**2), rel=1e-9)
    assert result.sensitivities.loc["a", "first_order"] == pytest.approx(9 / 13, rel=1e-9)


@pytest.mark.parametrize(
    "X", [POINT, pd.Series(POINT), pd.DataFrame([POINT]), np.array([1.0, 2.0]), [[1.0, 2.0]]]
)
def test_every_form_of_a_point_gives_the_same(X):
    assert hr.propagate(by_name, X, NOISE, draws=300).mean == pytest.approx(1.0, rel=1e-9)


def test_a_function_that_branches_on_numbers_is_called_row_by_row():
    def branching(a):
        return 0.0 if a < 0 else a

    def wrong_on_arrays(a):  # takes arrays, and means something else by them
        return a - np.mean(a)

    assert hr.propagate(branching, {"a": 0.0}, {"a": 1.0}, draws=300).mean > 0
    assert hr.propagate(wrong_on_arrays, {"a": 5.0}, {"a": 1.0}, draws=300).sd == 0


def test_batches_and_processes_change_no_number():
    def curved(table):
        assert len(table) <= 50
        return np.sin(table["a"]) * table["b"]

    one = hr.propagate(curved, POINT, NOISE, draws=300, batch_size=50)
    two = hr.propagate(curved, POINT, NOISE, draws=300, batch_size=17, workers=2)
    assert np.array_equal(one.outputs, two.outputs)
    assert one.sentence == two.sentence
    assert one.sensitivities.equals(two.sensitivities)


def test_categories_stay_as_they_are():
    def priced(table):
        assert set(table["site"]) == {"north"}
        return table["area"] * np.where(table["site"] == "north", 2, 1)

    point = {"area": 10.0, "site": "north"}
    assert hr.propagate(priced, point, {"area": 1.0}, draws=300).sd == pytest.approx(2, rel=1e-9)
    with pytest.raises(BadInput, match="'site', which holds no numbers"):
        hr.propagate(priced, point, {"site": 1.0})


def test_dates_and_gaps_are_handed_on_and_have_no_noise():
    def worth(table):
        assert table["when"].dt.year.eq(2026).all()
        assert table["paint"].isna().all()
        return 2 * table["area"]

    point = pd.DataFrame({"area": [10.0], "when": pd.to_datetime(["2026-05-01"]), "paint": np.nan})
    assert hr.propagate(worth, point, {"area": 1.0}, draws=300).sd == pytest.approx(2, rel=1e-9)
    with pytest.raises(BadInput, match="noise on 'when', which holds dates; leave it out"):
        hr.propagate(worth, point, {"when": 1.0})
    with pytest.raises(BadInput, match="noise on 'paint', which is missing at a point; fill it"):
        hr.propagate(worth, point, {"paint": 1.0})


def test_progress_counts_the_evaluations():
    seen = []
    hr.propagate(by_name, POINT, NOISE, draws=300, progress=lambda *count: seen.append(count))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1] > 4 * 300


@pytest.mark.parametrize(
    ("f", "X", "changes", "said"),
    [
        (by_name, {"a": 1.0}, {"noise": {"a": 1}}, "takes a, b, but the point has no 'b'"),
        (by_name, {**POINT, "c": 1.0}, {}, "and not 'c'; rename or leave out"),
        (by_name, {**POINT, "b": np.nan}, {}, "noise on 'b', which is missing at a point"),
        (by_name, np.array([1.0, np.inf]), {}, "missing or infinite"),
        (by_name, "point", {}, "not str"),
        (by_name, POINT, {"noise": {"q": 1.0}}, "noise on 'q', but the point has only a, b"),
        (by_name, POINT, {"noise": {"a": 0}}, "noise of 'a' is 0"),
        (by_name, POINT, {"noise": {"a": np.nan}}, "noise of 'a' is nan"),
        (by_name, POINT, {"noise": {"a": -1}}, "noise of 'a' is -1"),
        (by_name, POINT, {"noise": {"a": "50"}}, "noise of 'a' is '50'"),
        (by_name, POINT, {"noise": {"a": stats.cauchy()}}, "no finite mean"),
        (by_name, POINT, {"noise": {"a": stats.norm(0, -1)}}, "no finite mean"),
        (by_name, POINT, {"noise": {"a": stats.norm}}, "a frozen distribution such as"),
        (by_name, POINT, {"noise": {"a": 1e200}}, "too large for float64"),
        (by_name, POINT, {"noise": {}}, "noise must map"),
        (lambda: 1.0, {}, {}, "at least one input and one row"),
        (by_name, POINT, {"correlation": [[1, 0.5]]}, "must be \\(2, 2\\)"),
        (by_name, POINT, {"correlation": [[1, 2], [2, 1]]}, "negative eigenvalue"),
        (by_name, POINT, {"correlation": [[1, 0.5], [0.1, 1]]}, "symmetric"),
        (by_name, POINT, {"box": {"a": (2, 1)}}, "limits 'a' by \\(2, 1\\)"),
        (by_name, POINT, {"box": {"c": (1, 2)}}, "'c', which has no noise"),
        (by_name, POINT, {"draws": 5}, "at least 20"),
        (by_name, POINT, {"level": 95}, "between 0 and 1"),
        (by_name, POINT, {"workers": 0}, "workers is 0"),
        (lambda a, b: None, POINT, {}, "returned None"),
        (lambda X: np.ones((len(X), 3)), POINT, {}, "returned the shape \\(3, 3\\) for 3 rows"),
        (lambda a, b: 1 / 0, POINT, {}, "fails at the point itself \\(a = 1.0, b = 2.0\\)"),
        (lambda a, b: np.sqrt(-a), POINT, {}, "finite output at 0 of 10000"),
        (object(), POINT, {}, "neither a function nor a fitted model"),
        (LinearRegression, POINT, {}, "neither a function nor a fitted model"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(f, X, changes, said):
    with pytest.raises(BadInput, match=said):
        hr.propagate(f, X, **{"noise": NOISE, **changes})

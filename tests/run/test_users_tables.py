"""A user's pipeline is given the table as it was read: dtypes, integers, gaps and index."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import howrobust as hr
from howrobust.planning.data_spec import given_rows

MODULE = '''
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

words = make_pipeline(
    SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
)
encode = ColumnTransformer([
    ("integers", OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="int")),
    ("numbers", SimpleImputer(add_indicator=True), make_column_selector(dtype_include="float")),
    ("words", words, ["colour"]),
])
categories = make_pipeline(encode, Ridge(1e-3))


class ByLabel(RegressorMixin, BaseEstimator):
    """A line through the labels of the rows."""

    def fit(self, X, y):
        self.line_ = LinearRegression().fit(self._labels(X), y)
        return self

    def predict(self, X):
        return self.line_.predict(self._labels(X))

    def _labels(self, X):
        return np.asarray(X.index, dtype=float)[:, None]


labels = ByLabel()
'''


def orders(n=300, seed=0):
    """Prices that jump with the number of the shop, and rise with the label of the row."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({
        "shop": rng.integers(1, 7, n),
        "mass": rng.uniform(1.2, 8.4, n),
        "width": rng.normal(size=n),
        "colour": rng.choice(["red", "blue", "green"], n),
    })  # fmt: skip
    level = np.array([0.0, 40.0, -30.0, 25.0, 0.0, 60.0, -10.0])[table["shop"]]
    price = level + table["mass"] + 5 * (table["colour"] == "red") + 0.2 * np.arange(n)
    table.loc[rng.random(n) < 0.2, "mass"] = np.nan
    table.loc[rng.random(n) < 0.2, "width"] = np.nan
    table.loc[rng.random(n) < 0.1, "colour"] = np.nan
    return table, price + 0.1 * rng.normal(size=n)


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "order_models.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    import order_models

    yield order_models
    sys.modules.pop("order_models", None)


def alone(model, table, price, splits):
    """The rmse of each split by scikit-learn alone, on the rows with the labels of the split."""
    errors = []
    for train, test in splits:
        fitted = clone(model).fit(table.loc[train], price.loc[train])
        errors.append(fitted.predict(table.loc[test]) - price.loc[test])
    return [float(np.sqrt(np.mean(error**2))) for error in errors]


def splits_of(source, names, seed=0):
    parts = [source.realise(name, seed) for name in names]
    return [(train.index, test.index) for train, test in parts]


def rmse(results, method):
    rows = results.records()
    rows = rows[(rows["metric"] == "rmse") & (rows["stress"] == "none") & (rows["repeat"] == 0)]
    rows = rows[rows["method"] == method]
    return rows.set_index("split")["value"]


@pytest.mark.parametrize("name", ["categories", "labels"])
@pytest.mark.parametrize("indexed", [False, True])
def test_assess_gives_the_rmse_of_scikit_learn_alone(module, name, indexed, tmp_path):
    table, price = orders()
    if indexed:
        labels = pd.Index(1000.0 + np.random.default_rng(1).permutation(len(price)), name="order")
        table, price = table.set_axis(labels), price.set_axis(labels)
    model = getattr(module, name)
    card = hr.assess(
        model,
        table,
        price,
        splits=3,
        repeats=1,
        stress=["shuffle"],
        name="mine",
        out=tmp_path / "run",
    )
    values = rmse(hr.load(tmp_path / "run"), "mine")
    splits = splits_of(given_rows(table, price), values.index)
    expected = alone(model, table, price, splits)
    np.testing.assert_allclose(values, expected, rtol=1e-9)
    assert len(expected) == 3
    if name == "categories":
        assert max(expected) < 40  # the shops as numbers miss by their jumps
    assert not [note for note in card.notes if "shuffle" in note]


@pytest.mark.parametrize("name", ["categories", "labels"])
def test_a_run_on_a_file_gives_the_rmse_of_scikit_learn_alone(module, name, tmp_path):
    table, price = orders()
    table.assign(price=price).to_csv("orders.csv", index=False)
    read = pd.read_csv("orders.csv")
    results = hr.run(
        methods=[f"order_models:{name}"], data=["orders.csv"], target="price", splits=2, repeats=1,
        stress=[], out="out",
    )  # fmt: skip
    values = rmse(results, f"order_models:{name}")
    given = given_rows(read.drop(columns="price"), read["price"], name="orders.csv")
    expected = alone(
        getattr(module, name), read.drop(columns="price"), read["price"],
        splits_of(given, values.index),
    )  # fmt: skip
    np.testing.assert_allclose(values, expected, rtol=1e-9)
    assert len(expected) == 2


def test_a_function_that_makes_networks_gets_the_number_of_encoded_columns():
    torch = pytest.importorskip("torch")
    table, price = orders(120)
    widths = []

    def make(d):
        widths.append(d)
        return torch.nn.Linear(d, 1)

    card = hr.assess(make, table, price, splits=1, repeats=1, stress=[])
    # Shop, mass and its gaps, width and its gaps, and at least one column of a colour.
    assert max(widths) >= 6
    forecasts = card.predictive(table.iloc[:3].assign(colour="violet", mass=np.nan))
    assert np.isfinite(forecasts.mean()).all()

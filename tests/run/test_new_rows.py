"""Forecasts of rows that a model has not seen: from a card, from a saved card, and by a command."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import howrobust as hr
from howrobust.errors import BadInput
from howrobust.methods import DeepEnsemble

QUICK = {"splits": 2, "repeats": 1, "stress": []}


def shops(n=150, seed=0):
    """Sales of numbered shops, with an identifier and a date that say nothing."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({
        "id": [f"r{k}" for k in range(n)],
        "day": [f"2026-01-{1 + k % 28:02d}" for k in range(n)],
        "store": rng.integers(1, 4, n),
        "colour": rng.choice(["red", "blue"], n),
        "mass": rng.uniform(1.2, 8.4, n),
    })  # fmt: skip
    sales = 10.0 * table["store"] ** 2 + 5 * (table["colour"] == "red") + table["mass"]
    return table, sales + 0.1 * rng.normal(size=n)


def pipeline(**encoder):
    encode = make_column_transformer(
        (OneHotEncoder(**encoder), ["store", "colour"]), ("passthrough", ["mass"])
    )
    return make_pipeline(encode, LinearRegression())


class Typed(RegressorMixin, BaseEstimator):
    """Refuses numbers of shops that are not whole, as models with categories of numbers do."""

    def fit(self, X, y):
        self.mean_ = pd.Series(np.asarray(y)).groupby(self._stores(X)).mean()
        return self

    def predict(self, X):
        return self._stores(X).map(self.mean_).to_numpy(float)

    def _stores(self, X):
        if X["store"].dtype.kind != "i":
            raise TypeError(f"store holds {X['store'].iloc[0]}")
        return X["store"].reset_index(drop=True)


def test_whole_numbers_stay_whole_in_fits_and_in_forecasts():
    table, sales = shops()
    card = hr.assess(Typed(), table, sales, splits=2, repeats=1, stress=["input_noise"])
    assert card.value("rmse") < 4
    assert any("under input_noise" in note and "store holds" in note for note in card.notes)
    means = sales.groupby(table["store"]).mean()
    new = pd.DataFrame({"store": [3, 1], "colour": "red", "mass": 2.0, "id": "x", "day": "-"})
    np.testing.assert_allclose(card.predictive(new).mean(), means[[3, 1]], rtol=1e-12)


def test_new_names_days_and_extra_columns_do_not_matter_to_a_model_that_drops_them():
    table, sales = shops()
    card = hr.assess(pipeline(), table, sales, **QUICK)
    new = table.iloc[[5, 9]].assign(id="brand new", day="2031-12-24", more=[object(), None])
    new.index = ["u", "v"]
    new.loc["v", "mass"] = 1e9
    new.loc["u", "mass"] = 5.0
    forecasts = card.predictive(new)
    expected = pipeline().fit(table, sales).predict(new)
    np.testing.assert_allclose(forecasts.mean(), expected, rtol=1e-9)
    assert forecasts.index == ("u", "v")
    first, second = forecasts.lines()
    assert "mass is outside" not in first
    low, high = (f"{v:.4g}" for v in (table["mass"].min(), table["mass"].max()))
    assert f"mass is outside what was seen (1e9; seen {low} to {high})" in second
    assert str(forecasts).startswith(f"u  {first}")
    assert not any("id is" in line for line in forecasts.lines())


def test_an_unknown_level_is_the_models_to_decide():
    table, sales = shops()
    new = table.iloc[[0]].assign(colour="green")
    tolerant = hr.assess(pipeline(handle_unknown="ignore"), table, sales, **QUICK)
    forecasts = tolerant.predictive(new)
    fitted = pipeline(handle_unknown="ignore").fit(table, sales)
    np.testing.assert_allclose(forecasts.mean(), fitted.predict(new), rtol=1e-9)
    assert forecasts.outside == (
        ("colour is outside what was seen ('green'; seen 'blue', 'red')",),
    )
    strict = hr.assess(pipeline(), table, sales, **QUICK)
    with pytest.raises(BadInput, match=r"'colour' holds 'green', which no training row has \(Val"):
        strict.predictive(new.assign(day="2031-12-24"))
    with pytest.raises(BadInput, match="no column 'mass'"):
        strict.predictive(table.drop(columns="mass"))
    with pytest.raises(BadInput, match="cannot forecast the new rows: ValueError: Input X cont"):
        strict.predictive(table.assign(mass=np.nan))
    with pytest.raises(BadInput, match="no new rows"):
        strict.predictive(table.iloc[:0])
    with pytest.raises(BadInput, match="give a data frame with id, day, store"):
        strict.predictive(np.zeros((1, 5)))


def test_a_method_of_numbers_needs_levels_and_numbers_that_it_knows():
    table, sales = shops()
    card = hr.assess(DeepEnsemble(epochs=2, n_members=2), table[["colour", "mass"]], sales, **QUICK)
    assert len(card.predictive(table.iloc[:3]).mean()) == 3
    with pytest.raises(BadInput, match="'colour' holds 'green', which is none of its 2"):
        card.predictive(table.iloc[[0]].assign(colour="green"))
    plain = hr.assess(
        DeepEnsemble(epochs=2, n_members=2), table[["mass"]].to_numpy(), sales, **QUICK
    )
    assert plain.predictive(table[["mass"]].iloc[:2]).index == (0, 1)
    with pytest.raises(BadInput, match="'x0' of new row 1 is nan"):
        plain.predictive([[1.0], [np.nan]])
    with pytest.raises(BadInput, match=r"must be \(m, 1\), not \(2,\)"):
        plain.predictive([1.0, 2.0])
    with pytest.raises(BadInput, match="must be numbers"):
        plain.predictive([["heavy"]])

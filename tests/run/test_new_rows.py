"""Forecasts of rows that a model has not seen: from a card, from a saved card, and by a command."""

import sys

import numpy as np
import pandas as pd
import pytest
from commandline import howrobust
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import howrobust as hr
from howrobust._run import execute
from howrobust._run_models import RunForecaster
from howrobust.base.facts import Command
from howrobust.cli.predict import predict
from howrobust.errors import BadInput
from howrobust.execution.pools.inline import InlinePool
from howrobust.methods import DeepEnsemble
from howrobust.methods.bayesian_ridge import BayesianRidge
from howrobust.planning.data_spec import given_rows
from howrobust.planning.facts import options_of
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan

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
    assert not [note for note in card.notes if "store holds" in note]
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


@pytest.mark.parametrize("noise", ["residual", "cv_plus"])
def test_one_rare_level_fails_the_splits_that_test_it_and_not_the_assessment(noise):
    table, sales = shops()
    _, test = given_rows(table, sales).realise("random-0", 0)
    table.loc[sales == test.y[0], "colour"] = "green"
    card = hr.assess(pipeline(), table, sales, splits=3, repeats=1, stress=[], noise=noise)
    assert card.value("rmse") < 0.2
    failed = [note for note in card.notes if note.startswith("on random-")]
    assert 1 <= len(failed) < 3
    assert failed[0].startswith("on random-0: ValueError: Found unknown categories")
    assert all("'colour' holds 'green' in test rows alone: let its encoder" in n for n in failed)


def parts(n=150, seed=0):
    """Prices of parts with gaps, a date, and numbers of the parts that say nothing."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({
        "part": [f"p{k}" for k in range(n)],
        "when": pd.Timestamp("2020-01-03") + pd.to_timedelta(rng.permutation(n), unit="D"),
        "colour": np.where(rng.random(n) < 0.1, None, rng.choice(["red", "blue"], n)),
        "mass": np.where(rng.random(n) < 0.2, np.nan, rng.uniform(1.2, 8.4, n)),
        "store": rng.integers(1, 4, n),
    })  # fmt: skip
    price = 20 + 3.0 * table["mass"].fillna(5) + 5 * (table["colour"] == "red")
    return table, price + 0.1 * rng.normal(size=n)


class Imputed(RegressorMixin, BaseEstimator):
    """Least squares on what it has filled in and encoded itself, dates as their day."""

    def fit(self, X, y):
        self.model_ = LinearRegression().fit(self._numbers(X), y)
        return self

    def predict(self, X):
        return self.model_.predict(self._numbers(X))

    def _numbers(self, X):
        assert X["when"].dtype.kind == "M"
        return np.column_stack([
            X["mass"].fillna(5), X["colour"] == "red", X["when"].dt.dayofyear, X["store"]
        ])  # fmt: skip


@pytest.mark.parametrize("model", [Imputed(), BayesianRidge()])
def test_a_new_part_of_a_new_day_is_forecast_and_what_is_outside_is_named(model):
    table, price = parts()
    card = hr.assess(model, table, price, **QUICK)
    new = table.iloc[[0, 1, 2, 3, 4]].copy()
    new["part"] = "brand new"
    new.loc[0, ["when", "mass"]] = [pd.Timestamp("2027-01-01"), 1e9]
    new.loc[1:, "when"] = pd.Timestamp("2020-02-01")
    new.loc[1:, "mass"] = [5.0, np.nan, 5.0, 5.0]
    new["colour"] = ["red", "red", "red", "green", None]
    forecasts = card.predictive(new)
    assert np.isfinite(forecasts.mean()).all()
    assert len(str(forecasts).splitlines()) == 5
    low, high = (f"{value:.4g}" for value in (table["mass"].min(), table["mass"].max()))
    last = table["when"].max().date()
    assert forecasts.outside[0] == (
        f"when is outside what was seen (2027-01-01; seen 2020-01-03 to {last})",
        f"mass is outside what was seen (1e9; seen {low} to {high})",
    )
    assert forecasts.outside[3] == (
        "colour is outside what was seen ('green'; seen 'blue', 'red')",
    )
    # Gaps were seen, and a number of a part says nothing.
    assert not any(w in line for line in forecasts.lines()[1:] for w in ("part", "when", "missing"))


def test_a_method_of_numbers_forecasts_unknown_levels_and_needs_numbers_where_there_were_no_gaps():
    table, sales = shops()
    card = hr.assess(DeepEnsemble(epochs=2, n_members=2), table[["colour", "mass"]], sales, **QUICK)
    assert len(card.predictive(table.iloc[:3]).mean()) == 3
    forecasts = card.predictive(table.iloc[[0]].assign(colour="green"))
    assert np.isfinite(forecasts.mean()).all()
    assert "colour is outside what was seen ('green'; seen 'blue', 'red')" in forecasts.outside[0]
    for mass in (np.inf, "heavy"):
        with pytest.raises(
            BadInput, match=f"'mass' of new row 0 is {mass!r}, and no finite number"
        ):
            card.predictive(table.iloc[[0]].astype({"mass": object}).assign(mass=mass))
    with pytest.raises(BadInput, match=r"give a data frame .*; of one row, X.iloc\[\[0\]\]"):
        card.predictive(table.iloc[0])
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


def test_a_new_level_is_one_of_the_rest_and_not_a_missing_value():
    rng = np.random.default_rng(0)
    site = pd.Series(rng.choice(["a", "b", "c", "d"], 400), dtype=object)
    site[rng.random(400) < 0.2] = None
    table = pd.DataFrame({"site": site, "mass": rng.normal(size=400)})
    y = 100 + 20.0 * site.isna() + rng.normal(size=400)
    card = hr.assess(BayesianRidge(), table, y, splits=2, repeats=1, stress=[])
    new = pd.DataFrame({"site": ["zzz", None], "mass": [0.0, 0.0]})
    unknown, missing = card.predictive(new).mean()
    assert missing == pytest.approx(120, abs=1)
    assert unknown < 110


class Frame:
    """A frame of another library, as polars' are."""

    columns = ("mass",)

    def to_pandas(self):
        return pd.DataFrame({"mass": [1.5, 2.5]})


def test_new_rows_may_come_in_a_frame_of_another_library():
    table, sales = shops()
    card = hr.assess(BayesianRidge(), table[["mass"]], sales, splits=2, repeats=1, stress=[])
    assert card.predictive(Frame()).index == (0, 1)


MODULE = """
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

encode = make_column_transformer(
    (OneHotEncoder(), ["store", "colour"]), ("passthrough", ["mass"])
)
model = make_pipeline(encode, LinearRegression())
"""


def ran(**options):
    """A run in this process, in the working folder."""
    options = RunOptions("assess", splits=1, repeats=1, stress=["missing_features"], **options)
    return execute(make_plan(options), "out", pool=InlinePool())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    table, sales = shops()
    table.assign(sales=sales).to_csv(tmp_path / "shops.csv", index=False)
    (tmp_path / "shop_model.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("shop_model", None)


def test_the_model_of_a_run_is_made_again_from_its_command(folder):
    results = ran(methods=["shop_model:model"], data=["shops.csv"])
    table, sales = shops()
    new = table.iloc[[3, 4]].assign(id="new", more="x", mass=[5.0, 1e9])
    expected = pipeline().fit(table, sales).predict(new)
    card = results.card("shop_model:model")
    np.testing.assert_allclose(card.predictive(new).mean(), expected, rtol=1e-6)
    (folder / "deep").mkdir()
    loaded = hr.load_card(card.save("deep/card.json"))
    assert loaded.predictive(new).lines() == card.predictive(new).lines()

    new.to_csv("new.csv", index=False)
    code, out, err = howrobust("predict", "out", "new.csv", cwd=folder)
    assert code == 0, err
    title, *lines = out.splitlines()
    assert title == "shop_model:model fitted to all rows of shops.csv:"
    pairs = zip((1, 2), card.predictive(new).lines(), strict=True)
    assert lines == [f"{row:>6}  {line}" for row, line in pairs]
    assert "mass is outside what was seen (1e9; seen " in lines[1]

    for file, sentence in [
        ("shop_model.py", "the source of shop_model:model or of howrobust has changed since"),
        ("shops.csv", "shops.csv has changed since the run; run again"),
    ]:
        text = (folder / file).read_text()
        (folder / file).write_text(text.replace("mass", "mess").replace("1.", "2."))
        with pytest.raises(BadInput, match=sentence):
            results.card("shop_model:model").predictive(new)
        (folder / file).write_text(text)


def test_a_method_that_wants_numbers_forecasts_from_its_run_too(folder):
    table, sales = shops()
    table.drop(columns=["id", "day"]).assign(sales=sales).to_csv("few.csv", index=False)
    results = ran(
        methods=["bayesian_ridge"], data=["few.csv"], target="sales", target_transform="none"
    )
    forecaster = RunForecaster(results.origin, "bayesian_ridge", kept=False)
    forecasts = forecaster(table.iloc[:5], "few.csv")
    # A line in the shop's number misses 10 * store^2 by a tenth of its spread at most.
    np.testing.assert_allclose(forecasts.mean(), sales[:5], atol=8)
    red = forecaster(table.iloc[:5].assign(colour="red"), "few.csv").mean()
    blue = forecaster(table.iloc[:5].assign(colour="blue"), "few.csv").mean()
    np.testing.assert_allclose(red - blue, (red - blue)[0])
    assert 4 < (red - blue)[0] < 6
    green = forecaster(table.iloc[:2].assign(colour="green"), "few.csv")
    assert all("'green'; seen 'blue', 'red'" in " ".join(clauses) for clauses in green.outside)
    assert np.isfinite(green.mean()).all()
    with pytest.raises(BadInput, match="no column 'colour'"):
        forecaster(table.drop(columns="colour"), "few.csv")
    (folder / "new.csv").write_text("store,colour\n1,red\n")
    for arguments, sentence in [
        (["-m", "other"], "no 'other'; name one of the run with --method: bayesian_ridge"),
        (["-d", "other"], "no 'other'; name one of the run with --data: few.csv"),
        ([], "the table has no column 'mass', which the model was given; add it"),
    ]:
        with pytest.raises(BadInput, match=sentence):
            predict.main(["out", "new.csv", *arguments], standalone_mode=False)
    table.to_csv("new.csv", index=False)
    predict.main(["out", "new.csv", "--out", "forecasts.csv"], standalone_mode=False)
    written = pd.read_csv("forecasts.csv", keep_default_na=False)
    assert written["row"].tolist() == list(range(1, len(table) + 1))
    np.testing.assert_allclose(written["mean"], forecaster(table, "few.csv").mean())
    assert not written["outside"].str.contains("store|colour").any()


def test_a_model_that_was_kept_forecasts_from_a_saved_card_when_that_is_asked_for(tmp_path):
    table, sales = shops()
    X, y = table[["store", "mass"]].to_numpy(float), sales.to_numpy()
    card = hr.assess(LinearRegression(), X, y, out=tmp_path / "run", keep_model=True, **QUICK)
    path = card.save(tmp_path / "card.json")
    (tmp_path / "run").rename(tmp_path / "moved")
    with pytest.raises(BadInput, match="run"):
        hr.load_card(path).predictive(X[:2])
    (tmp_path / "moved").rename(tmp_path / "run")
    with pytest.raises(BadInput, match=r"given from Python.*load_card\(path, kept=True\)"):
        hr.load_card(path).predictive(X[:2])
    loaded = hr.load_card(path, kept=True)
    assert loaded.predictive(X[:2]).lines() == card.predictive(X[:2]).lines()
    (kept,) = (tmp_path / "run" / "models").iterdir()
    kept.write_bytes(b"no pickle")
    with pytest.raises(BadInput, match="cannot be loaded"):
        hr.load_card(path, kept=True).predictive(X[:2])
    kept.rename(tmp_path / "elsewhere")
    kept.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="is a link"):
        hr.load_card(path, kept=True).predictive(X[:2])
    kept.unlink()
    with pytest.raises(BadInput, match="has kept no model of LinearRegression on data; assess"):
        hr.load_card(path, kept=True).predictive(X[:2])
    with pytest.raises(BadInput, match=r"given from Python.*; assess it again with out="):
        hr.load_card(path).predictive(X[:2])


def test_a_model_that_cannot_be_kept_is_refused_before_it_is_assessed(tmp_path):
    X, y = np.zeros((50, 1)), np.arange(50.0)
    with pytest.raises(BadInput, match="give one, out="):
        hr.assess(LinearRegression(), X, y, keep_model=True)
    with pytest.raises(BadInput, match="cannot be pickled"):
        hr.assess(lambda rows: rows[:, 0], X, y, fitted=True, keep_model=True, out=tmp_path)
    table, sales = shops()
    path = hr.assess(LinearRegression(), table[["mass"]], sales, **QUICK).save(
        tmp_path / "card.json"
    )
    with pytest.raises(BadInput, match="saved without its model"):
        hr.load_card(path).predictive(table)


@pytest.mark.parametrize(
    "options",
    [
        RunOptions("quick"),
        RunOptions(
            "quick",
            methods=["bayesian_ridge", "deep_ensemble[hidden=[8,8],n_members=2]"],
            data=["quintic"],
            stress=["input_noise", "gap"],
            splits=2,
            repeats=3,
            seed=2**70,
            timeout_s=7.5,
            device="cpu",
        ),
    ],
)
def test_a_recorded_command_states_the_options_of_its_run(options):
    plan = make_plan(options)
    assert make_plan(options_of(plan.command)).run == plan.run


def test_a_command_that_is_unknown_is_refused():
    for text in ("rm -r x", "howrobust run quick --colour red", "howrobust run quick --seed",
                 "howrobust run quick --seed x", "howrobust run 'quick"):  # fmt: skip
        with pytest.raises(BadInput, match="cannot read: "):
            options_of(Command(text, []))

"""A user's own model and rows: `assess`, and the command line."""

import json
import re
import textwrap
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch
from commandline import howrobust
from markupsafe import escape
from scipy import stats
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import BayesianRidge, LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from torch import nn

import howrobust as hr
from howrobust._run import execute
from howrobust.analysis.cards.entry import PARTS
from howrobust.analysis.cards.ranking import cards
from howrobust.analysis.run_scores import Scores
from howrobust.base.method import Posterior, SingleMethod
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.errors import BadInput
from howrobust.execution.pools.inline import InlinePool
from howrobust.methods import DeepEnsemble, TorchRegressor, UserModel, bayesian_surrogate
from howrobust.planning.data_spec import DataSpec, given_rows
from howrobust.planning.entry_points import load_stress
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import plan_of
from howrobust.planning.selection import Selection
from howrobust.planning.suite import Suite
from howrobust.reports.markdown import markdown
from howrobust.reports.model import build_report
from howrobust.reports.page import render

QUICK = {"splits": 3, "repeats": 2, "stress": ["input_noise", "label_noise", "gap", "shuffle"]}


def rows(n=120, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, 3 * X[:, 0] - X[:, 1] + 0.5 * rng.normal(size=n)


def mixed(n=200):
    """A table with text in it, of which the target depends."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"size": rng.normal(size=n), "colour": rng.choice(["red", "blue"], n)})
    noise = 0.1 * rng.normal(size=n)
    return table, table["size"] + 5 * (table["colour"] == "red") + noise


def encoder():
    return make_column_transformer(
        (OneHotEncoder(), make_column_selector(dtype_exclude=np.number)),
        (StandardScaler(), make_column_selector(dtype_include=np.number)),
    )


def test_gradient_boosting_on_diabetes_has_a_card_with_every_part():
    X, y = load_diabetes(return_X_y=True)
    card = hr.assess(HistGradientBoostingRegressor(max_iter=20), X, y, splits=3, repeats=2)
    (dataset,) = card.datasets
    for part in PARTS:
        assert card.headline(dataset, part).item.part == part
    assert 50 < card.value("rmse") < 75
    assert card.value("coverage_90") > 0.7
    assert any("out-of-fold residuals" in note for note in card.notes)
    assert card.sentences[dataset].endswith("fell inside their 95 % interval.")
    shown = card._repr_html_()
    assert "HistGradientBoostingRegressor" in shown
    assert "<script" not in shown
    assert str(card).count("\n") > 20


def test_an_assessment_leaves_the_estimator_as_it_was_and_repeats_itself():
    estimator = Ridge(alpha=0.5)
    first, second = (hr.assess(estimator, *rows(), **QUICK).records() for _ in range(2))
    assert not hasattr(estimator, "coef_")
    stable = first["part"] != "cost"
    pd.testing.assert_frame_equal(first[stable], second[stable])


def test_new_rows_are_forecast_by_a_model_that_learnt_all_rows():
    X, y = rows(400)
    card = hr.assess(LinearRegression(), X, y, **QUICK)
    new = np.array([[1.0, 0.0], [0.0, 1.0], [50.0, 50.0]])
    forecast = card.predictive(new)
    expected = LinearRegression().fit(X, y).predict(new)
    np.testing.assert_allclose(forecast.mean(), expected, rtol=1e-9)
    lower, upper = forecast.interval(0.95)
    # A line's out-of-fold residuals have the sd .5 of the noise, within 4 / sqrt(2 n).
    assert (upper - lower) / (2 * 1.96) == pytest.approx(0.5, rel=4 / np.sqrt(800))


def test_a_frame_with_text_goes_through_the_pipelines_own_encoder():
    table, y = mixed()
    card = hr.assess(make_pipeline(encoder(), LinearRegression()), table, y, **QUICK)
    assert card.value("rmse") < 0.15
    forecast = card.predictive(pd.DataFrame({"colour": ["red", "blue"], "size": [0.0, 0.0]}))
    assert forecast.mean() == pytest.approx([5.0, 0.0], abs=0.1)


@pytest.mark.parametrize(
    "model",
    [
        lambda d: nn.Sequential(nn.Linear(d, 16), nn.ReLU(), nn.Linear(16, 1)),
        nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1)),
        TorchRegressor(lambda d: nn.Linear(d, 1), epochs=300),
    ],
    ids=["a function", "a module", "an estimator"],
)
def test_a_torch_module_is_assessed(model):
    card = hr.assess(model, *rows(), splits=1, repeats=2, stress=["input_noise"], n_folds=2)
    assert card.value("rmse") < 1.0
    assert card.value("instability over restarts") > 0


def trained(dtype=torch.float32):
    """The true line, as if it had been trained on other rows."""
    module = nn.Sequential(nn.Linear(2, 1), nn.Dropout(0.1)).to(dtype)
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[3.0, -1.0]]))
        module[0].bias.zero_()
    return module.train()


def test_a_trained_module_is_asked_in_evaluation_mode_and_never_trained():
    module = trained()
    card = hr.assess(module, *rows(400), fitted=True, splits=2, stress=[])
    assert module.training
    assert card.value("rmse") == pytest.approx(0.5, rel=0.3)
    assert card.value("coverage_90") == pytest.approx(0.9, abs=0.1)
    assert any("is fitted already" in note for note in card.notes)
    drawing = hr.assess(
        trained(torch.float64), *rows(400), fitted=True, draws=400, splits=1, stress=[]
    )
    # A tenth of the outputs are 0 and the rest are 10 / 9 of them: a spread between draws.
    assert drawing.value("rmse") == pytest.approx(0.5, rel=0.3)
    assert any("its own distribution" in note for note in drawing.notes)


def test_the_hint_to_say_fitted_is_given_where_it_is_true_alone():
    with pytest.raises(BadInput, match=r"Linear failed on two rows.*is given \(n, 2\)") as refused:
        hr.assess(nn.Linear(4, 1), *rows(), fitted=True, splits=1, stress=[])
    assert "needs fitted=True" not in str(refused.value)
    with pytest.raises(BadInput, match="failed on two rows") as refused:
        hr.assess(nn.Linear(4, 1), *rows(), splits=1, stress=[])
    assert "needs fitted=True" not in str(refused.value)
    with pytest.raises(BadInput, match="a function that predicts needs fitted=True"):
        hr.assess(lambda X: X[:, 0], *rows(), splits=1, stress=[])
    with pytest.raises(BadInput, match="draws is for a torch module that draws, not for Ridge"):
        hr.assess(Ridge(), *rows(), draws=10)


def test_a_network_of_torchbnn_is_judged_by_a_mixture_of_its_draws():
    def network(features):
        plain = nn.Sequential(nn.Linear(features, 8), nn.Tanh(), nn.Linear(8, 1))
        return TorchRegressor(bayesian_surrogate(plain), epochs=150, draws=30)

    card = hr.assess(network(2), *rows(), splits=1, repeats=1, stress=[], name="bnn")
    assert card.method == "bnn"
    assert card.value("rmse") < 1.0
    assert any("its own distribution" in note for note in card.notes)
    forecast = card.predictive(rows()[0][:4])
    assert forecast.distribution.n_components == 30
    assert (forecast.distribution.variance_parts()[1] > 0).all()


def test_a_fitted_function_is_asked_and_never_fitted_and_the_card_says_what_is_missing():
    def predict(X):
        return 3 * X[:, 0] - X[:, 1]

    card = hr.assess(predict, *rows(400), fitted=True, splits=2)
    assert card.method == "fitted model"
    assert card.value("rmse") == pytest.approx(0.5, rel=0.3)
    entries = {(e.item.name, e.item.stress): e for e in card.entries}
    assert entries["severity that doubles rmse", "input_noise"].text != "-"
    stability = entries["instability over restarts", ""]
    assert stability.text == "-"
    assert any("is fitted already" in note for note in card.notes)
    assert any("stability is missing" in note for note in card.notes)
    assert not any(e.item.stress == "label_noise" and e.text != "-" for e in card.entries)


def test_one_of_our_methods_with_settings_is_assessed_too():
    card = hr.assess(DeepEnsemble(epochs=5, n_members=2), *rows(), **QUICK)
    assert card.method == "DeepEnsemble[epochs=5,n_members=2]"
    assert not any("residuals" in note for note in card.notes)


class Exact(RegressorMixin, BaseEstimator):
    """Knows the mean and the sd of `heteroscedastic` rows."""

    def fit(self, X, y):
        return self

    def predict(self, X, return_std=False):
        return (2 * X[:, 0], 0.1 + np.abs(X[:, 0])) if return_std else 2 * X[:, 0]


class ExactPosterior(Posterior):
    def predictive(self, X, draws=None, seed=0):
        mean, sd = Exact().predict(X, return_std=True)
        return GaussianMixture(mean[None], sd[None])


class ExactMethod(SingleMethod):
    """The same as a plug-in."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def infer(self, problem):
        return ExactPosterior()


def heteroscedastic(n=1000):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n, 2))
    return X, 2 * X[:, 0] + (0.1 + np.abs(X[:, 0])) * rng.normal(size=n)


CLEAN = {"splits": 5, "repeats": 1, "stress": []}


def second_row(card, measure):
    records = card.records().set_index(["measure", "distribution"])["value"]
    return records[measure, "residual"]


def test_a_model_that_states_its_sd_is_judged_by_it_and_has_the_residual_row_beside_it():
    X, y = heteroscedastic()
    card = hr.assess(Exact(), X, y, **CLEAN)
    source = given_rows(X, y)
    held = [source.realise(split, 0)[1] for split in source.splits(5)]
    known = [-stats.norm(*Exact().predict(t.X, return_std=True)).logpdf(t.y).mean() for t in held]
    assert card.value("nll") == pytest.approx(np.mean(known), abs=1e-9)
    plugin = hr.assess(ExactMethod(), X, y, **CLEAN)
    assert card.value("nll") == pytest.approx(plugin.value("nll"), abs=1e-6)
    # The second row: one sd, the root mean square of the residuals of 900 rows in 5 folds.
    of_one_sd = []
    for split, test in zip(source.splits(5), held, strict=True):
        train = source.realise(split, 0)[0]
        sd = np.sqrt(np.mean((train.y - 2 * train.X[:, 0]) ** 2))
        of_one_sd.append(-stats.norm(2 * test.X[:, 0], sd).logpdf(test.y).mean())
    assert second_row(card, "nll") == pytest.approx(np.mean(of_one_sd), abs=1e-6)
    assert second_row(card, "rmse") == card.value("rmse")
    assert any("as predict(X, return_std=True) states it" in note for note in card.notes)
    better = next(note for note in card.notes if "better calibrated" in note)
    by = second_row(card, "excess calibration error") - card.value("excess calibration error")
    assert better.startswith("its own distribution is better calibrated than the residual one")
    assert f"lower by {by:.3g} [" in better
    text, page = str(card), card._repr_html_()
    for shown in (text, page):
        assert "its own distribution" in shown
        assert "made by howrobust from out-of-fold residuals" in shown


def test_a_card_of_two_rows_is_the_same_after_saving_and_loading_twice(tmp_path):
    card = hr.assess(Exact(), *heteroscedastic(200), **CLEAN)
    loaded = hr.load_card(card.save(tmp_path / "card.json"))
    again = hr.load_card(loaded.save(tmp_path / "again.json"))
    assert (tmp_path / "again.json").read_text() == (tmp_path / "card.json").read_text()
    for other in (loaded, again):
        pd.testing.assert_frame_equal(other.records(), card.records())
        assert second_row(other, "nll") == second_row(card, "nll")
        assert str(other) == str(card)
        assert other._repr_html_() == card._repr_html_()


def test_two_rows_of_equal_calibration_are_not_told_apart():
    X, y = rows(300)
    card = hr.assess(BayesianRidge(), X, y, **CLEAN)
    assert any("no difference in calibration could be shown" in note for note in card.notes)


def test_what_the_user_says_is_judged_and_a_worse_one_loses_to_the_residual_row():
    X, y = rows(300)
    card = hr.assess(
        LinearRegression(),
        X,
        y,
        distribution=lambda m, X: (m.predict(X), 5.0),
        name="mine",
        **CLEAN,
    )
    assert card.method == "mine"
    assert any("as distribution= states it" in note for note in card.notes)
    assert any(note.startswith("the residual distribution is better") for note in card.notes)
    assert second_row(card, "nll") < card.value("nll")


@pytest.mark.parametrize("noise", ["own", "residual"])
def test_one_row_alone_can_be_asked_for(noise):
    card = hr.assess(Exact(), *heteroscedastic(200), noise=noise, **CLEAN)
    assert set(card.records()["distribution"]) == {noise}


def test_a_fitted_model_is_judged_by_its_own_distribution_too():
    X, y = heteroscedastic()
    card = hr.assess(Exact(), X, y, fitted=True, splits=2, stress=["input_noise"])
    assert card.value("nll") < second_row(card, "nll")
    assert any("as predict(X, return_std=True) states it" in note for note in card.notes)
    assert any("is fitted already" in note for note in card.notes)
    assert card.value("awareness", "input_noise") > 0.1


@pytest.mark.parametrize("stress", ["input_noise", "gap", "far"])
def test_awareness_of_one_sd_for_all_rows_is_not_applicable(stress):
    card = hr.assess(LinearRegression(), *rows(300), splits=2, repeats=1, stress=[stress])
    entry = next(e for e in card.entries if e.item.part == "awareness" and e.item.stress == stress)
    assert entry.text == "-"
    assert entry.rank is None
    assert entry.reason == "not applicable: its sd is one number for all rows, which cannot grow"
    assert "unaware" not in str(card)


def test_intervals_alone_have_no_nll_and_say_their_guarantee():
    card = hr.assess(Ridge(), *rows(200), noise="cv_plus", **QUICK)
    entries = {(e.item.name, e.item.stress): e for e in card.entries}
    assert "no density" in entries["nll", ""].reason
    assert card.value("coverage_90") > 0.75
    assert any("guaranteed 1 - 2 a" in note for note in card.notes)


@pytest.mark.parametrize(
    ("model", "X", "y", "sentence"),
    [
        (Ridge(), np.zeros((3, 1)), np.arange(3.0), "3 rows"),
        (Ridge(), np.full((50, 1), np.nan), np.arange(50.0), "holds no value; drop it"),
        (Ridge(), np.zeros((50, 2)), np.arange(49.0), "must be"),
        (Ridge(), np.zeros((50, 2)), np.ones(50), "constant"),
        (Ridge(), [["a"]] * 50, np.arange(50.0), "must be numbers"),
        ("ridge", np.zeros((50, 2)), np.arange(50.0), "not a regressor"),
        (StandardScaler(), np.zeros((50, 2)), np.arange(50.0), "not a regressor"),
        (lambda X, y, z: 0, np.zeros((50, 2)), np.arange(50.0), "not a regressor"),
        (LogisticRegression(), np.zeros((50, 2)), np.arange(50.0), "is a classifier"),
        (Ridge(), np.zeros((50, 2)), np.zeros((50, 2)), "y has 2 columns"),
    ],
)  # fmt: skip
def test_what_cannot_be_assessed_is_said_in_a_sentence(model, X, y, sentence):
    with pytest.raises(BadInput, match=sentence):
        hr.assess(model, X, y, **QUICK)


class Drawn(Ridge):
    """Its coefficients depend on a draw from a global generator, times a scale."""

    def __init__(self, alpha=1.0, scale=0.0):
        super().__init__(alpha=alpha)
        self.scale = scale

    def fit(self, X, y):
        super().fit(X, y)
        self.coef_ = self.coef_ + self.scale * np.random.rand()  # noqa: NPY002
        return self


@pytest.mark.parametrize(
    ("scale", "deterministic", "value", "sentence"),
    [
        (
            0.0,
            False,
            None,
            "the restarts gave the same predictions bit for bit: no seed was reachable",
        ),
        (1e-9, False, None, "the restarts gave the same predictions but for rounding: no seed was"),
        (0.0, True, 0.0, "not ranked: its restarts cannot differ"),
        (1.0, False, 0.9, ""),
        (1.0, True, 0.9, ""),
    ],
)
def test_restarts_that_agree_are_not_ranked_and_say_why(scale, deterministic, value, sentence):
    card = hr.assess(
        Drawn(scale=scale), *rows(60), deterministic=deterministic, splits=1, repeats=2, stress=[]
    )
    entry = card.headline("data", "stability")
    assert re.search(sentence, entry.reason)
    assert bool(sentence) == bool(entry.reason)
    assert (entry.rank is None) == bool(sentence)
    claim = "claimed to be deterministic, and is not" if value else "deterministic, as claimed"
    assert entry.verdict == (claim if deterministic else "")
    if value is None:
        with pytest.raises(BadInput, match="same predictions"):
            card.value("instability over restarts")
    else:
        assert card.value("instability over restarts") == pytest.approx(value, abs=0.9)
    assert entry.reason in str(card)
    assert escape(entry.reason) in card._repr_html_()


class Remembering(Ridge):
    """Keeps every target that it has seen, beyond its clones."""

    seen = {}

    def fit(self, X, y):
        self.seen.update(zip(map(bytes, X), y, strict=True))
        return super().fit(X, y)

    def predict(self, X):
        return np.array([self.seen.get(bytes(x), 0.0) for x in X])


def test_a_model_that_has_seen_the_rows_is_refused_unless_it_says_that_it_knows_them_otherwise():
    X, y = rows(60)
    Remembering().fit(X, y)
    few = {"splits": 1, "repeats": 1, "stress": [], "n_folds": 2}
    with pytest.raises(BadInput, match=r"Remembering knows the target before it is fitted: .* %"):
        hr.assess(Remembering(), X, y, **few)
    Remembering().fit(X, y)
    card = hr.assess(Remembering(), X, y, pretrained=True, **few)
    assert any("pretrained=True" in note for note in card.notes)


def test_an_assessment_by_groups_holds_out_whole_groups(tmp_path):
    X, y = rows(80)
    groups = np.arange(80) // 8
    hr.assess(Ridge(), X, y, groups=groups, splits=2, repeats=1, stress=["gap"], out=tmp_path)
    loaded = hr.load(tmp_path)
    assert {cell.split for cell in loaded.cells()} == {"group-0", "group-1"}
    assert any("'gap' splits" in warning for warning in loaded.about.data[0].warnings)


def test_a_network_whose_factory_loads_weights_learnt_on_all_rows_is_refused():
    X, y = rows(60)
    weights = nn.Linear(2, 1).state_dict()

    def make(features):
        network = nn.Linear(features, 1)
        network.load_state_dict(weights)
        return network

    with pytest.raises(BadInput, match=r"make\(\) already holds learnt weights"):
        hr.assess(make, X, y, **QUICK)


class Fails(Ridge):
    """Cannot learn."""

    def fit(self, X, y):
        raise RuntimeError("out of coffee")


class FailsUnderNoise(Ridge):
    """Cannot learn from targets that are not its own."""

    def fit(self, X, y):
        if np.abs(y - 3 * X[:, 0] + X[:, 1]).max() > 3:
            raise RuntimeError("these are not my rows")
        return super().fit(X, y)


def test_a_model_that_fails_says_why_and_one_that_fails_under_stress_keeps_its_card():
    with pytest.raises(BadInput, match=r"Fails cannot be assessed: .*out of coffee"):
        hr.assess(Fails(), *rows(), **QUICK)
    card = hr.assess(FailsUnderNoise(), *rows(), **QUICK)
    assert card.value("rmse") < 1
    assert any("under label_noise" in note and "not my rows" in note for note in card.notes)


def test_a_run_that_is_kept_can_be_loaded(tmp_path):
    card = hr.assess(BayesianRidge(), *rows(), out=tmp_path, **QUICK)
    results = hr.load(tmp_path)
    pd.testing.assert_frame_equal(results.card("BayesianRidge").records(), card.records())
    with pytest.raises(BadInput, match="is the second row of 'BayesianRidge' and on its card"):
        results.card('BayesianRidge[noise="residual"]')


@pytest.fixture
def folder(tmp_path):
    """A user's folder: a table with text, and a module with a pipeline and a class."""
    table, y = mixed()
    table.assign(price=y).to_csv(tmp_path / "my.csv", index=False)
    (tmp_path / "mine.py").write_text(textwrap.dedent("""
        import numpy as np
        from sklearn.compose import make_column_selector, make_column_transformer
        from sklearn.linear_model import BayesianRidge, LinearRegression, LogisticRegression, Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder

        def build():
            text = make_column_selector(dtype_exclude=np.number)
            encode = make_column_transformer((OneHotEncoder(), text), remainder="passthrough")
            return make_pipeline(encode, LinearRegression())

        model = build()

        class Plain(Ridge):
            pass
    """))  # fmt: skip
    return tmp_path


@pytest.mark.parametrize("name", ["mine:model", "mine:build"])
def test_a_users_pipeline_runs_on_a_users_table(folder, name):
    code, out, err = howrobust(
        "run", "assess", "-m", name, "-d", "my.csv", "--target", "price", "--splits", "2",
        "--stress", "label_noise", "--stress", "missing_features", "--out", "out", cwd=folder,
    )  # fmt: skip
    assert code == 0, err
    assert name in out
    records = hr.load(folder / "out").records()
    own = records[(records["method"] == name) & (records["metric"] == "rmse")]
    assert (own["status"] == "ok").all()
    assert own.loc[own["stress"] == "none", "value"].max() < 0.2
    code, out, _ = howrobust(
        "run", "assess", "-m", name, "-d", "my.csv", "--target", "price", "--splits", "2",
        "--stress", "label_noise", "--stress", "missing_features", "--out", "out", cwd=folder,
    )  # fmt: skip
    assert "nothing was refitted" in out


def test_a_users_class_takes_settings_beside_our_methods(folder):
    arguments = ["-d", "my.csv", "--drop", "colour", "--splits", "2", "--stress", "input_noise"]
    code, out, err = howrobust(
        "run", "-m", "mine:Plain[alpha=2.5,n_folds=3]", "-m", "bayesian_ridge", *arguments,
        "--out", "out", cwd=folder,
    )  # fmt: skip
    assert code == 0, err
    assert "mine:Plain" in out
    about = hr.load(folder / "out").about
    assert "mine:Plain[alpha=2.5,n_folds=3]" in about.labels
    assert json.dumps([asdict(facts) for facts in about.data])
    code, _, err = howrobust("run", "-m", "mine:Plain[beta=1]", *arguments, cwd=folder)
    assert code == 2
    assert "no setting 'beta'" in err
    code, _, err = howrobust("run", "-m", "mine:np", *arguments, cwd=folder)
    assert code == 2
    assert "not a regressor" in err
    assert "Traceback" not in err


def test_the_command_line_states_a_distribution_and_its_source_is_part_of_the_key(folder):
    (folder / "sds.py").write_text("def stated(model, X):\n    return model.predict(X), 0.5\n")
    arguments = [
        "run", "assess", "-m", "mine:model", "-d", "my.csv", "--target", "price", "--splits", "2",
        "--stress", "missing_features", "--repeats", "1", "--distribution", "sds:stated",
        "--out", "out",
    ]  # fmt: skip
    code, out, err = howrobust(*arguments, cwd=folder)
    assert code == 0, err
    assert 'mine:model[distribution="sds:stated"]: its own distribution.' in " ".join(out.split())
    results = hr.load(folder / "out")
    first, second = results.about.labels[:2]
    assert second == 'mine:model[distribution="sds:stated",noise="residual"]'
    records = results.records().set_index(["method", "metric", "stress"])["value"]
    assert records[first, "sharpness", "none"].tolist() == [0.5, 0.5]
    assert (records[second, "sharpness", "none"] < 0.2).all()
    assert records[first, "rmse", "none"].tolist() == records[second, "rmse", "none"].tolist()
    assert set(results.records().query("method == @second")["stress"]) == {"none"}
    (folder / "sds.py").write_text("def stated(model, X):\n    return model.predict(X), 0.25\n")
    code, out, _ = howrobust(*arguments, cwd=folder)
    assert "nothing was refitted" not in out
    records = hr.load(folder / "out").records().set_index(["method", "metric", "stress"])["value"]
    assert records[first, "sharpness", "none"].tolist() == [0.25, 0.25]


def test_the_command_line_takes_a_fitted_model(folder):
    (folder / "known.py").write_text(
        "class Model:\n    def predict(self, X):\n        return X['size'] + 2.5\n\n"
        "model = Model()\ndef f(X):\n    return X['size'] + 2.5\n"
    )
    code, _, err = howrobust(
        "run", "assess", "-m", "known:model", "-m", "known:f", "--fitted", "-d", "my.csv",
        "--target", "price", "--splits", "1", "--stress", "missing_features", "--out", "out",
        cwd=folder,
    )  # fmt: skip
    assert code == 0, err
    records = hr.load(folder / "out").records()
    rmse = records[(records["metric"] == "rmse") & (records["stress"] == "none")]
    by = rmse.groupby("method")["value"].mean()
    assert (
        by["known:model[fitted=true]"] == by["known:f[fitted=true]"] == pytest.approx(2.5, rel=0.1)
    )
    code, _, err = howrobust("run", "quick", "--fitted", "--draws", "9", cwd=folder)
    assert code == 2
    assert "--fitted, --draws needs a model of your own" in err


def test_suite_assess_asks_for_a_model_and_for_data():
    for arguments, missing in ((["-d", "quintic"], "-m"), (["-m", "bayesian_ridge"], "-d")):
        code, _, err = howrobust("run", "assess", *arguments)
        assert code == 2
        assert missing in err


class FailsSometimes(Ridge):
    """Cannot learn from the rows of one split."""

    forbidden = None

    def fit(self, X, y):
        if abs(float(np.sum(y)) - FailsSometimes.forbidden) < 1e-6:
            raise RuntimeError("not these rows")
        return super().fit(X, y)


def test_a_method_that_missed_a_split_is_not_ranked_and_loses_no_card(tmp_path):
    X, y = rows()
    source = given_rows(X, y)
    spec = [
        MethodSpec(m.__name__, model=UserModel(m(), n_folds=2)) for m in (Ridge, FailsSometimes)
    ]
    FailsSometimes.forbidden = float(np.sum(source.realise("random-1", 0)[0].y))
    plan = plan_of(
        Selection(
            suite=Suite("two", "", [], [], [], 3, None, 2),
            options=RunOptions("two"),
            methods=[*spec, MethodSpec("marginal")],
            data=[DataSpec("data", source=source)],
            stresses=[load_stress("input_noise")],
        )
    )
    results = execute(plan, tmp_path, pool=InlinePool())
    found = cards(Scores(results))
    whole, part = (found[m].headline("data", "accuracy") for m in ("Ridge", "FailsSometimes"))
    assert (whole.rank, part.rank) == (1, None)
    assert part.reason == "not ranked: scored on 2 of 3 splits"
    page, text = render(build_report(results)), markdown(build_report(results))
    assert "not ranked" in page
    # Beside the answer, the scores, the calibration and the stresses; in text at the first two.
    whose = "Ridge, FailsSometimes: a Gaussian around its prediction with one sd, made by howrobust"
    assert (page.count(whose), text.count(whose)) == (4, 2)


def test_progress_is_heard_and_cells_are_stored_while_a_model_is_assessed(tmp_path):
    heard = []

    class Listener:
        def begin(self, total, cached, what):
            heard.append((what, total))

        def advance(self, ok, failed, name):
            stored = sum(c.status == "ok" for c in hr.load(tmp_path).cells())
            heard.append((name, stored))

        def partly(self, cells, name): ...

    hr.assess(Ridge(), *rows(), out=tmp_path, progress=Listener(), **QUICK)
    counts = [stored for name, stored in heard if isinstance(stored, int) and "Ridge" in name]
    assert counts == sorted(counts)
    assert len(set(counts)) > 2


def test_a_column_read_as_another_kind_is_other_data(folder):
    path = folder / "codes.csv"
    pd.DataFrame({"on": [1, 0] * 20, "y": np.arange(40.0)}).to_csv(path, index=False)
    numbers, words = (DataSpec(str(path), kinds=k).open() for k in ((), (("on", "category"),)))
    assert numbers.sha256 != words.sha256
    np.testing.assert_array_equal(numbers.data.X, words.data.X)

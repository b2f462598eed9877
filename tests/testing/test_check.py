"""`howrobust check`: what it can be asked about, and what it says of anything else."""

from importlib.metadata import EntryPoint

import pytest
from commandline import howrobust

from howrobust.errors import BadInput
from howrobust.metrics import METRICS
from howrobust.planning import entry_points
from howrobust.testing.checks import check_plugin
from howrobust.testing.method_checks import LEARNS

PLUGIN = """
import howrobust.base.stress as contract
from howrobust.base.metric import Metric
from howrobust.base.method import SingleMethod
from howrobust.datasets.synthetic import Quintic
from howrobust.stress.input_noise import InputNoise
import numpy as np

class Raises(SingleMethod):
    def __init__(self, random_state=None):
        self.random_state = random_state

    def infer(self, problem):
        raise RuntimeError("by design")

class OfNoKind(contract.Stress):
    name, levels, unit = "of_no_kind", (1.0,), "-"

class Needy(contract.SettingStress):
    name = "needy"

    def __init__(self, what):
        pass

    def change(self, settings, factor):
        return {}

class Wobble(InputNoise):
    name = "wobble"

def rows():
    X = np.random.default_rng(0).normal(size=(90, 2))
    return X, X.sum(axis=1)

class Mine(Quintic):
    pass

def source():
    return Mine()

def worst(forecast, y, y_scale):
    return float(np.abs(y - forecast.mean).max())

wobble, quintic = Wobble(), Mine()
good = Metric("good", "low", lambda forecast, y, y_scale: 1.0)
first = Metric("first", "low", lambda forecast, y, y_scale: float(y[0]))
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "asked.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_built_in_metric_keeps_the_laws(metric):
    assert [f for f in check_plugin(metric.name) if not f.passed] == []


def test_a_name_of_two_kinds_is_checked_as_both():
    assert {"gap"} <= set(entry_points.names("datasets")) & set(entry_points.names("stress"))
    laws = {finding.law for finding in check_plugin("gap")}
    assert {"y comes from the stated truth", "it names splits that its family has"} <= laws


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("howrobust.stress.far:Far", "level 0 is clean"),
        ("howrobust.stress.label_noise:LabelNoise", "rows keep their order"),
        ("howrobust.datasets.synthetic:Quintic", "y comes from the stated truth"),
        ("howrobust.methods.bayesian_ridge:BayesianRidge", LEARNS),
        ("bayesian_nn[epochs=1]", LEARNS),
        ("sklearn.linear_model:Ridge", LEARNS),
        ("asked:good", "the order of rows does not matter"),
        ("asked:worst", "the order of rows does not matter"),
        ("asked:Wobble", "levels are nested"),
        ("asked:wobble", "levels are nested"),
        ("asked:quintic", "y comes from the stated truth"),
        ("asked:source", "y comes from the stated truth"),
        ("asked:rows", "rows are shaped, features finite or missing, targets finite"),
    ],
)
def test_what_a_name_imports_is_checked_as_what_it_is(name, law, module):
    found = check_plugin(name)
    assert all(finding.passed for finding in found)
    assert law in {finding.law for finding in found}


def test_a_broken_metric_by_its_module_is_told_which_law(module):
    assert [f.law for f in check_plugin("asked:first") if not f.passed] == [
        "the order of rows does not matter"
    ]


def test_a_method_that_cannot_learn_breaks_a_law_and_is_no_traceback(module):
    (finding,) = check_plugin("asked:Raises")
    assert (finding.law, finding.passed) == (LEARNS, False)
    assert finding.detail == "RuntimeError: by design"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "unknown plug-in 'nothing'"),
        ("json", "unknown plug-in 'json'"),
        ("json:dumps", "neither a plug-in nor a model"),
        ("json:JSONEncoder", "not a regressor"),
        ("json:nothing", "cannot be imported"),
        ("builtins:int", "builtins:int"),
        ("howrobust.metrics:METRICS", "not a regressor"),
        ("howrobust.base.method:SingleMethod", "abstract"),
        ("asked:OfNoKind", "a stress of unknown kind"),
        ("asked:Needy", "'asked:Needy' cannot be made: TypeError"),
    ],
)
def test_what_is_no_plug_in_is_said_in_one_sentence(name, said, module):
    with pytest.raises(BadInput, match=said):
        check_plugin(name)


@pytest.mark.parametrize(
    ("group", "value", "said"),
    [
        (
            "metrics",
            "howrobust.metrics.builtin:score",
            "is a function, where a howrobust.base.metric",
        ),
        ("stress", "howrobust.datasets.synthetic:Quintic", "is a Quintic, where a"),
        ("datasets", "howrobust.stress.far:Far", "is a Far, where a howrobust.base.data.Source"),
        ("datasets", "howrobust.base.data:Source", "cannot be made: TypeError"),
        ("methods", "howrobust.stress.far:Far", "not a class derived from"),
    ],
)
def test_an_entry_point_of_another_kind_is_said_in_one_sentence(group, value, said, monkeypatch):
    entry = EntryPoint("odd", value, f"howrobust.{group}")
    known = {g: {"odd": entry} if g == group else {} for g in entry_points.KINDS}
    monkeypatch.setattr(entry_points, "entries", known.__getitem__)
    with pytest.raises(BadInput, match=said):
        check_plugin("odd")


def test_the_command_exits_2_with_one_sentence_for_what_is_no_plug_in():
    code, out, err = howrobust("check", "json:dumps")
    assert (code, out) == (2, "")
    assert err.startswith("howrobust: json:dumps is neither a plug-in")
    assert err.count("\n") == 1


def test_the_command_checks_a_metric_of_the_catalogue():
    code, out, _ = howrobust("check", "rmse")
    assert code == 0
    assert out.splitlines()[-1] == "rmse: fine"

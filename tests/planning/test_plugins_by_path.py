"""Data sets, stresses and metrics of a user's module: named by path, checked before any fit."""

import json

import numpy as np
import pytest

import howrobust as hr
from howrobust.base.data import Source
from howrobust.base.metric import Metric
from howrobust.base.stress import InputStress
from howrobust.errors import BadInput
from howrobust.execution.pools import messages
from howrobust.execution.worker import run_job
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.entry_points import load_stress
from howrobust.planning.facts import options_of
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan
from howrobust.planning.plugins.metrics import load_metric, open_metrics
from howrobust.planning.plugins.stresses import open_stresses
from howrobust.storage.arrays import Files

MODULE = """
import sys

import numpy as np
from howrobust.base.metric import Metric, Undefined
from howrobust.base.stress import InputStress, TrainStress
from howrobust.datasets.synthetic import Quintic
from {helper} import SIZE


class Parts(Quintic):
    name = "parts"


class Unnamed(Quintic):
    def __init__(self):
        super().__init__()
        self.name = None


class Taken(Unnamed):
    def __init__(self):
        super().__init__()
        self.name = "quintic"


def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    return X, X[:, 0] + rng.normal(size=60)


def opened():
    return Parts()


def failing():
    raise RuntimeError("no such table")


def leaving():
    sys.exit(0)


class SensorBias(InputStress):
    name = "sensor_bias"
    levels = (0.5, 1.0)
    unit = "sd"

    def apply(self, X, y, context, level, seed):
        return X + SIZE * level * context.sd


class Other(SensorBias):
    pass


class Noise(SensorBias):
    name = "input_noise"


class NoLevels(SensorBias):
    name = "no_levels"
    levels = ()


class Falling(SensorBias):
    name = "falling"
    levels = (2.0, 1.0)


class Half(TrainStress):
    name = "half"
    levels = (0.5,)
    unit = "share of rows"

    def apply(self, X, y, level, seed):
        return X[: len(X) // 2], y[: len(y) // 2]


def biggest(forecast, y, y_scale):
    return float(np.abs(y - forecast.mean).max())


def nothing(forecast, y, y_scale):
    return None


def broken(forecast, y, y_scale):
    raise RuntimeError("by design")


WITHIN = Metric("within", "high", lambda forecast, y, y_scale: SIZE)
ODD = Metric("odd", "upwards", biggest)
TWICE = Metric("biggest", "low", biggest)
RMSE = Metric("rmse", "low", biggest)
LEFT = Metric("left", "low", lambda forecast, y, y_scale: sys.exit(0))
bias, parts = SensorBias(), Parts()
number = 3
"""


@pytest.fixture
def mine(tmp_path, monkeypatch, request):
    """Name of a module in the current folder, a new one for each test."""
    name = f"mine_{abs(hash(request.node.nodeid))}"
    (tmp_path / f"{name}.py").write_text(MODULE.format(helper=f"{name}_helper"))
    (tmp_path / f"{name}_helper.py").write_text("SIZE = 1.0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def options(mine, **words):
    words = {"methods": ["bayesian_ridge"], "splits": 1, "stress": [], **words}
    named = {
        field: [name.replace("mine:", f"{mine}:") for name in words.get(field, [])]
        for field in ("data", "stress", "metrics")
    }
    return RunOptions(**{**words, **named})


@pytest.mark.parametrize(
    ("name", "label"),
    [("Parts", "parts"), ("parts", "parts"), ("opened", "parts"), ("rows", "rows")],
)
def test_data_are_a_class_an_instance_or_what_a_function_returns(name, label, mine):
    source = DataSpec(f"{mine}:{name}").open()
    assert isinstance(source, Source)
    assert source.name == label


@pytest.mark.parametrize("name", ["SensorBias", "bias"])
def test_a_stress_is_a_class_or_an_instance(name, mine):
    stress = load_stress(f"{mine}:{name}")
    assert isinstance(stress, InputStress)
    assert stress.name == "sensor_bias"


def test_a_function_is_a_metric_of_its_name_of_which_low_is_better(mine):
    metric = load_metric(f"{mine}:biggest")
    assert (metric.name, metric.better) == ("biggest", "low")
    assert load_metric(f"{mine}:WITHIN").better == "high"


@pytest.mark.parametrize(
    ("field", "names", "said"),
    [
        (
            "data",
            ["mine:SensorBias"],
            "is a SensorBias, where a howrobust.base.data.Source is",
        ),
        ("data", ["mine:number"], "is a int, where a howrobust.base.data.Source is needed"),
        ("data", ["mine:absent"], "cannot be imported: AttributeError"),
        ("data", ["mine:failing"], "cannot be made: RuntimeError: no such table"),
        ("data", ["mine:leaving"], r"sys.exit\(0\) was called while it was made"),
        ("data", ["mine:Unnamed"], "has no name: its attribute `name` is None"),
        ("data", ["mine:Taken"], "is called 'quintic', as another data set is"),
        ("data", ["mine:Parts", "mine:opened"], "two data sets are called 'parts'"),
        ("data", ["no_such_module:Parts"], "cannot be imported: ModuleNotFoundError"),
        ("stress", ["mine:Parts"], "is a Parts, where a howrobust.base.stress.Stress is needed"),
        ("stress", ["mine:Noise"], "is called 'input_noise', as another stress is"),
        ("stress", ["mine:NoLevels"], r"has the levels \(\)"),
        ("stress", ["mine:Falling"], r"has the levels \(2.0, 1.0\)"),
        ("stress", ["mine:SensorBias", "mine:Other"], "two stresses are called 'sensor_bias'"),
        ("metrics", ["mine:number"], "is a int, where a howrobust.base.metric.Metric is needed"),
        ("metrics", ["mine:Parts"], "is a ABCMeta, where a howrobust.base.metric.Metric"),
        ("metrics", ["rmse"], "the metric 'rmse' is not MODULE:NAME"),
        ("metrics", ["mine:ODD"], "has better='upwards'"),
        ("metrics", ["mine:broken"], "cannot be used: .* gave RuntimeError: by design"),
        ("metrics", ["mine:nothing"], "cannot be used: .* gave TypeError"),
        ("metrics", ["mine:LEFT"], "cannot be used: .* gave SystemExit"),
        ("metrics", ["mine:biggest", "mine:TWICE"], "two metrics are called 'biggest'"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_before_any_fit(field, names, said, mine):
    with pytest.raises(BadInput, match=said) as refused:
        make_plan(options(mine, **{"data": ["quintic"], field: names}))
    assert "\n" not in str(refused.value)


def test_the_name_of_a_metric_of_howrobust_is_taken_before_any_fit(mine, tmp_path):
    with pytest.raises(BadInput, match="is called 'rmse', as a metric of howrobust is"):
        hr.run(
            methods=["bayesian_ridge"], data=["quintic"], metrics=[f"{mine}:RMSE"],
            out=tmp_path / "out", splits=1,
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_a_name_with_a_colon_is_a_file_only_where_there_is_one(mine, tmp_path):
    spec = DataSpec(f"{mine}:Parts")
    assert not spec.is_file
    assert spec.absolute().name == spec.name
    (tmp_path / spec.name).write_text("a,b\n")
    assert spec.is_file
    assert spec.imported_by == ""


@pytest.mark.parametrize("data", ["Parts", "rows"])
def test_keys_hold_the_source_of_the_plug_in_and_of_its_helpers(data, mine, tmp_path):
    def keys():
        plan = make_plan(
            options(mine, data=[f"mine:{data}"], stress=["mine:SensorBias", "mine:Half"])
        )
        (job, stressed) = (
            next(job for job in plan.jobs if job.cells[0].train_stress == name)
            for name in ("none", "half")
        )
        files = {mine, f"{mine}_helper"}
        assert files <= job.sources.files.keys()
        assert files <= stressed.sources.files.keys()
        return job.cells[0].key, stressed.cells[0].key, plan.codes["sensor_bias"]

    before = keys()
    assert keys() == before
    (tmp_path / f"{mine}_helper.py").write_text("SIZE = 2.0\n")
    assert not {*before} & {*keys()}


def test_the_command_of_a_run_names_the_modules_and_is_read_back(mine):
    asked = options(
        mine, data=["mine:Parts"], stress=["mine:SensorBias", "input_noise"],
        metrics=["mine:biggest", "mine:WITHIN"],
    )  # fmt: skip
    plan = make_plan(asked)
    assert f"--stress {mine}:SensorBias --stress input_noise" in plan.command.text
    assert f"--metric {mine}:biggest --metric {mine}:WITHIN" in plan.command.text
    again = make_plan(options_of(plan.command))
    assert again.run == plan.run
    assert again.metrics == plan.metrics
    assert [facts.name for facts in again.stresses] == ["sensor_bias", "input_noise"]


def test_an_order_for_another_machine_names_the_module_of_a_stress(mine, tmp_path):
    plan = make_plan(options(mine, data=["mine:rows"], stress=["mine:SensorBias", "mine:Half"]))
    files = Files(tmp_path / "store")
    files.make()
    for job in plan.jobs:
        versions = messages.versions_of(job.method.name, job.data, messages.stresses_of(job))
        text = messages.write_order(run_job, job, versions)
        assert messages._job_of(json.loads(text)["job"]) == job
        (outcome,) = messages.run_message(text, files.folder)["outcomes"]
        assert outcome["status"] == "ok"
        assert outcome["lost"] == ()
        assert len(outcome["levels"]) == (3 if job.cells[0].train_stress == "none" else 1)


class Shift(InputStress):
    """Given from Python."""

    name = "shift"
    levels = (1.0,)
    unit = "sd"

    def apply(self, X, y, context, level, seed):
        return X + level * context.sd


def test_stresses_and_metrics_may_be_objects():
    opened = open_stresses(["input_noise", Shift()])
    assert [stress.name for stress in opened.stresses] == ["input_noise", "shift"]
    assert list(opened.given) == ["shift"]
    (plugin,) = (
        p for p in open_metrics([Metric("half", "zero", lambda f, y, s: 0.5)]) if not p.name
    )
    assert plugin.metric.name == "half"
    with pytest.raises(BadInput, match="stress 3 is neither a name"):
        open_stresses([3])
    with pytest.raises(BadInput, match="the metric 3 is not MODULE:NAME"):
        open_metrics([3])


def test_a_model_is_assessed_under_a_stress_and_by_a_metric_given_from_python():
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    y = X[:, 0] + 0.1 * rng.normal(size=80)
    bias = Metric("bias", "zero", lambda forecast, y, y_scale: float(np.mean(forecast.mean - y)))
    card = hr.assess(
        Ridge(), X, y, stress=[Shift()], metrics=[bias], splits=2, workers=1, progress=False
    )
    assert abs(card.value("bias")) < 0.2
    assert card.value("rmse over clean rmse", "shift") > 1.5

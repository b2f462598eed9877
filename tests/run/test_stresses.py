"""Stresses through the harness: what is refitted, on which rows, and where it is recorded."""

import numpy as np
import pandas as pd
import pytest

import howrobust as hr
from howrobust.base.cells import CLEAN
from howrobust.base.method import Problem
from howrobust.base.records import Outcome
from howrobust.base.stress import InputStress, SettingStress, SplitStress, TrainStress
from howrobust.errors import BadInput
from howrobust.metrics.known import all_metrics
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.entry_points import load_stress, names
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan
from howrobust.seeds import derive
from howrobust.storage.store import Store
from howrobust.storage.writer import RunWriter

METHODS = ["deep_ensemble[epochs=2,n_members=2]", "bayesian_ridge"]
SPLITS, REPEATS = 2, 3


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Every stress of the catalogue at once, on two splits of a table, with three restarts."""
    return hr.run(
        methods=METHODS, data=["diabetes"], stress=names("stress"), splits=SPLITS,
        repeats=REPEATS, out=tmp_path_factory.mktemp("stresses"), workers=2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def records(results):
    return results.records()


def places(kind):
    """(stress, level) of every stress of a kind."""
    found = [load_stress(name) for name in names("stress")]
    return [(s.name, level) for s in found if isinstance(s, kind) for level in s.levels]


def test_every_cell_level_and_metric_is_a_record(results, records):
    assert {c.status for c in results.cells()} == {"ok"}
    metrics = {metric.name for metric in all_metrics()}
    for place, group in records.groupby(["method", "split", "repeat", "stress", "level"]):
        assert metrics <= set(group["metric"]), place
    address = ["method", "split", "repeat", "stress", "level", "feature", "segment", "metric"]
    assert not records.duplicated(address).any()
    one = records[(records["metric"] == "rmse") & (records["method"] == METHODS[0])]
    one = one[one["feature"] == ""]
    counts = one.groupby(["stress", "level"]).size().to_dict()
    assert counts.pop(CLEAN) == SPLITS * REPEATS
    for place in places(InputStress):
        assert counts.pop(place) == SPLITS
    for place in places(TrainStress) + places(SettingStress):
        if place[0] != "settings_prior":  # an ensemble has no prior
            assert counts.pop(place) == SPLITS
    assert (counts.pop(("gap", 1.0)), counts.pop(("tail", 1.0)), counts.pop(("third", 1.0))) == (
        3, 6, 3,
    )  # fmt: skip
    assert counts == {}


def test_regions_are_splits_of_their_family(records):
    for place in places(SplitStress):
        own = records[(records["stress"] == place[0]) & (records["metric"] == "rmse")]
        assert all(split.startswith(place[0]) for split in own["split"])
    clean = records[records["stress"] == "none"]
    assert set(clean["split"]) == {"random-0", "random-1"}


def test_a_train_stress_fits_stressed_rows_and_tests_on_clean_ones(results):
    source = DataSpec("diabetes").open()
    train, test = source.realise("random-1", 0)
    (cell,) = (
        c
        for c in results.cells()
        if (c.method, c.split, c.train_stress, c.level)
        == ("bayesian_ridge", "random-1", "label_noise", 0.4)
    )
    seed = derive(0, "stress", "diabetes", "random-1", "label_noise")
    X, y = load_stress("label_noise").apply(train.X, train.y, 0.4, seed)
    assert (y != train.y).any()
    fit_seed = derive(0, "fit", "diabetes", "random-1", "bayesian_ridge", 0)
    (slow,) = MethodSpec("bayesian_ridge").build().infer_stack([Problem(X, y, fit_seed)])
    stored = results.cell_forecasts(cell)[CLEAN]
    np.testing.assert_allclose(stored.mean, slow.predictive(test.X).mean(), rtol=1e-12)
    np.testing.assert_array_equal(results.testset(cell).y, test.y)
    assert results.testset(cell).y_scale == pytest.approx(train.y.std())  # of the clean rows


def test_variants_of_all_test_rows_stand_in_one_forecast(results, records):
    frame = results.forecasts()
    stuck = frame[
        (frame["stress"] == "stuck_sensor")
        & (frame["method"] == "bayesian_ridge")
        & (frame["split"] == "random-0")
    ]
    assert stuck["variant"].nunique() == 20  # ten features at their least and at their largest
    errors = (stuck["y"] - stuck["mean"]) ** 2
    by_variant = errors.groupby(stuck["variant"]).mean()
    own = records[
        (records["stress"] == "stuck_sensor")
        & (records["method"] == "bayesian_ridge")
        & (records["split"] == "random-0")
        & (records["feature"] == "")
    ].set_index("metric")
    assert own["value"]["rmse"] == pytest.approx(np.sqrt(errors.mean()))
    assert own["value"]["rmse_worst"] == pytest.approx(np.sqrt(by_variant.max()))
    assert own["status"]["mace_null"] == "undefined"
    assert "share their rows" in own["reason"]["mace_null"]


def test_fewer_rows_make_as_many_steps():
    plan = make_plan(
        RunOptions(methods=["deep_ensemble"], data=["diabetes"], stress=["small_data"])
    )
    epochs = {
        job.cells[0].level: job.method.build().settings()["epochs"]
        for job in plan.jobs
        if job.cells[0].method == "deep_ensemble"
    }
    # 398 rows in batches of 100 are 4 steps an epoch; 199 are 2, 100 and 40 are 1.
    assert epochs == {0.0: 80, 0.5: 160, 0.75: 320, 0.9: 320}


def test_a_preset_does_not_undo_what_a_stress_changes():
    preset = 'deep_ensemble[preset="lakshminarayanan2017"]'  # 40 epochs; the default is 80
    stresses = ["small_data", "settings_learning_rate"]
    plan = make_plan(RunOptions(methods=[preset], data=["diabetes"], stress=stresses))
    words = {
        job.cells[0].stress_level: job.method.build().settings()
        for job in plan.jobs
        if job.cells[0].method == preset
    }
    assert [words["small_data", v]["epochs"] for v in (0.5, 0.75, 0.9)] == [80, 160, 160]
    rates = words["settings_learning_rate", 2.0]["learning_rate"]
    assert rates == pytest.approx((0.002, 0.006, 0.02, 0.06, 0.2))
    assert words["settings_learning_rate", 2.0]["epochs"] == 40


def test_a_source_without_such_regions_says_so_and_a_stress_asked_for_by_name_is_an_error(my_csv):
    words = {"methods": ["bayesian_ridge"], "data": [str(my_csv)], "time": "a"}
    with pytest.raises(BadInput, match=r"no 'gap' splits.*leave out --stress gap"):
        make_plan(RunOptions(stress=["gap"], **words))
    plan = make_plan(RunOptions("robustness", **words))
    assert not any(cell.split.startswith("gap") for cell in plan.cells)
    assert any("gap is left out" in warning for warning in plan.data[0].warnings)


def test_a_feature_of_few_values_has_no_gap(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"few": rng.integers(0, 4, 80), "y": rng.normal(size=80)})
    frame.to_csv(tmp_path / "few.csv", index=False)
    words = {"methods": ["bayesian_ridge"], "data": [str(tmp_path / "few.csv")]}
    plan = make_plan(RunOptions(stress=["gap"], **words))
    assert all(job.cells for job in plan.jobs)
    assert any("no feature has such a region" in warning for warning in plan.data[0].warnings)


def test_ladders_and_their_clean_fit_share_a_seed():
    plan = make_plan(
        RunOptions(methods=["deep_ensemble"], data=["diabetes"], stress=["label_noise"])
    )
    seeds = {}
    for cell in plan.cells:
        seeds.setdefault((cell.method, cell.split), set()).add(cell.fit_seed)
    assert {len(found) for found in seeds.values()} == {1}


def test_what_cannot_learn_again_is_not_refitted():
    plan = make_plan(RunOptions(data=["quintic"], stress=["label_noise", "gap", "settings_width"]))
    kinds = {}
    for cell in plan.cells:
        kinds.setdefault(cell.method, set()).add(cell.train_stress)
    assert kinds["oracle"] == {"none", "gap", "third"}
    assert kinds["bayesian_ridge"] == {"none", "gap", "third", "label_noise"}
    assert "settings_width" in kinds["deep_ensemble"]


def test_settings_are_halved_and_doubled_one_at_a_time():
    stresses = ["settings_learning_rate", "settings_width", "settings_prior"]
    plan = make_plan(
        RunOptions(methods=["mc_dropout", "bayesian_nn"], data=["quintic"], stress=stresses)
    )
    found = {}
    for job in plan.jobs:
        cell, words = job.cells[0], job.method.build().settings()
        shown = (words.get("learning_rate"), words.get("hidden"), words.get("dropout"))
        found[cell.method, cell.train_stress, cell.level] = (*shown, words.get("prior_scale"))
    assert found["mc_dropout", "none", 0.0] == (0.001, (50,), 0.05, None)
    assert found["mc_dropout", "settings_learning_rate", 2.0] == (0.002, (50,), 0.05, None)
    assert found["mc_dropout", "settings_width", 0.5] == (0.001, (25,), 0.05, None)
    assert found["mc_dropout", "settings_prior", 2.0] == (0.001, (50,), 0.1, None)
    assert found["bayesian_nn", "settings_prior", 0.5] == (0.01, (50,), None, 0.5)


def test_a_level_that_fails_under_a_changed_stress_loses_what_the_old_one_made(tmp_path):
    """Its records must not be those of the old code."""
    results = hr.run(
        methods=["bayesian_ridge"], data=["diabetes"], stress=["input_noise"], splits=1,
        out=tmp_path, workers=1,
    )  # fmt: skip
    (cell,) = (c for c in results.cells() if c.method == "bayesian_ridge")
    place = ("input_noise", 0.8)
    codes = {"none": "", "input_noise": "another"}
    store = Store(tmp_path)
    lost = Outcome(cell.key, "ok", (), ((place, "it raised"),), cell.testset, cell.facts)
    RunWriter(store).commit(lost, codes, [place])
    store.close()
    (after,) = (c for c in hr.load(tmp_path).cells() if c.key == cell.key)
    assert after.lost[place] == "it raised"
    assert place not in after.held

"""Plug-ins: every built-in keeps the laws, a third party's is found, and a bad one fails alone."""

from pathlib import Path

import pytest
from commandline import howrobust

import howrobust as hr
from howrobust.base.records import COSTS
from howrobust.planning import entry_points
from howrobust.testing.checks import check_plugin

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "name",
    [name for group in ("methods", "datasets", "stress") for name in entry_points.names(group)],
)
def test_every_built_in_plug_in_keeps_the_laws(name, request):
    if name.startswith("uci/"):
        request.getfixturevalue("uci")
    broken = [f for f in check_plugin(name) if not f.passed]
    assert broken == []


def test_a_third_partys_method_is_found_checked_and_run(plugin_path, tmp_path):
    code, out, _ = howrobust("list", "methods", PYTHONPATH=plugin_path)
    assert code == 0
    assert "nearest" in out.split()
    for name in ("nearest", "howrobust_nearest:Nearest", "line", "shift", "worst_error"):
        code, out, err = howrobust("check", name, PYTHONPATH=plugin_path)
        assert code == 0, out + err
    code, out, err = howrobust(
        "run", "-m", "nearest[k=3]", "-m", "howrobust_nearest:Nearest",
        "-d", "line", "-d", "quintic",
        "--splits", "2", "--out", tmp_path, PYTHONPATH=plugin_path,
    )  # fmt: skip
    assert code == 0, err
    records = hr.load(tmp_path).records()
    assert {"nearest[k=3]", "howrobust_nearest:Nearest"} <= set(records["method"])
    own = records[records["metric"] == "worst_error"]
    assert (own["status"] == "ok").all()
    assert len(own) == (3 + 4) * 2 * 6  # the oracle knows quintic but not the third party's line


def test_a_plug_in_that_breaks_a_law_is_told_which(plugin_path):
    code, out, _ = howrobust("check", "unfaithful", PYTHONPATH=plugin_path)
    assert code == 1
    assert "FAILED law 5" in out


def test_another_stress_in_the_same_folder_loses_nothing(plugin_path, tmp_path):
    arguments = ["run", "-m", "bayesian_ridge", "-d", "line", "--splits", "2", "--out", tmp_path]

    def stressed(name):
        code, out, err = howrobust(*arguments, "--stress", name, PYTHONPATH=plugin_path)
        assert code == 0, err
        records = hr.load(tmp_path).records()
        stable = ~records["metric"].isin(COSTS)
        return out, records[stable].reset_index(drop=True)

    _, first = stressed("input_noise")
    out, other = stressed("shift")
    assert "nothing was refitted" not in out
    assert set(other["stress"]) == {"none", "shift"}
    out, again = stressed("input_noise")
    assert "nothing was refitted" in out
    assert first.equals(again)


def test_a_stress_or_a_metric_that_raises_fails_alone(plugin_path, tmp_path):
    arguments = ["run", "-m", "bayesian_ridge", "-d", "line", "--splits", "2", "--out", tmp_path]
    assert howrobust(*arguments, PYTHONPATH=plugin_path)[0] == 0
    before = hr.load(tmp_path).records()
    code, out, err = howrobust(*arguments, "--stress", "broken", PYTHONPATH=plugin_path)
    assert code == 1
    assert "broken by design" in out
    assert "Traceback" not in err
    records = hr.load(tmp_path).records()
    sound = records[records["metric"] != "fragile"]
    status = sound.groupby(["stress", "level"])["status"].agg(set)
    assert status["broken", 2.0] == {"failed"}
    assert "failed" not in status["broken", 1.0] | status["none", 0.0]
    fragile = records[(records["metric"] == "fragile") & (records["level"] < 2)]
    assert set(fragile["reason"]) == {"the metric raised ZeroDivisionError: a metric with a fault"}
    # The earlier run is as it was, though the broken stress is no longer asked for.
    code, out, _ = howrobust(*arguments, PYTHONPATH=plugin_path)
    assert code == 0
    assert "nothing was refitted" in out
    again = hr.load(tmp_path).records()
    scores = ~before["metric"].isin(COSTS)
    assert before[scores].equals(again[scores])


def test_a_failed_attempt_leaves_an_earlier_result_alone(plugin_path, tmp_path):
    arguments = ["run", "-m", "sleepy", "-d", "line", "--splits", "1", "--out", tmp_path]
    assert howrobust(*arguments, PYTHONPATH=plugin_path)[0] == 0
    first = hr.load(tmp_path)
    before = first.records()
    code, out, _ = howrobust(
        *arguments,
        "--stress",
        "shift",
        "--timeout",
        "2",
        PYTHONPATH=plugin_path,
        NEAREST_SLEEP="60",
    )
    assert code == 1
    assert "timeout" in out
    records = hr.load(tmp_path).records()
    lost = records[records["method"] == "sleepy"]
    assert set(lost.loc[lost["stress"] == "shift", "status"]) == {"failed"}
    assert set(lost.loc[(lost["stress"] == "none") & (lost["metric"] == "rmse"), "status"]) == {
        "ok"
    }
    again = hr.Results(tmp_path, first.run).records()
    assert again[again["method"] == "sleepy"].equals(before[before.method == "sleepy"])


def test_a_metric_that_changed_is_scored_again_without_a_refit(tmp_path):
    module = tmp_path / "site" / "changing.py"
    info = tmp_path / "site" / "changing-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: changing\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[howrobust.metrics]\nchanging = changing:METRIC\n")
    for value in (1.0, 2.0):
        module.write_text(
            "from howrobust.base.metric import Metric\n"
            f"METRIC = Metric('changing', 'low', lambda f, y, s: {value})\n"
        )
        code, out, err = howrobust(
            "run", "-m", "bayesian_ridge", "-d", "diabetes", "--splits", "1",
            "--out", tmp_path / "o", PYTHONPATH=str(module.parent),
        )  # fmt: skip
        assert code == 0, err
        assert ("nothing was refitted" in out) == (value == 2.0)
        records = hr.load(tmp_path / "o").records()
        assert set(records.loc[records["metric"] == "changing", "value"]) == {value}


def test_workers_know_what_became_of_the_environment(tmp_path, monkeypatch, uci):
    hr.run(methods=["bayesian_ridge"], data=["diabetes"], stress=[], splits=1, out=tmp_path / "a")
    monkeypatch.setenv("HOWROBUST_DATA", str(tmp_path))
    (tmp_path / "data").symlink_to(uci / "data")
    (tmp_path / "splits").symlink_to(uci / "splits")
    (tmp_path / "MANIFEST.csv").symlink_to(uci / "MANIFEST.csv")
    results = hr.run(
        methods=["bayesian_ridge"], data=["uci/yacht"], stress=[], splits=1, out=tmp_path / "b"
    )
    assert {c.status for c in results.cells()} == {"ok"}


def test_a_module_beside_the_data_is_a_plug_in(tmp_path):
    (tmp_path / "mine.py").write_text(
        (ROOT / "plugin_project" / "howrobust_nearest.py").read_text()
    )
    code, _, err = howrobust(
        "run", "-m", "mine:Nearest", "-d", "quintic", "--splits", "1", "--stress", "input_noise",
        cwd=tmp_path, script=True,
    )  # fmt: skip
    assert code == 0, err


POISON = {
    "raise": "RuntimeError: poisoned",
    "exit": "crash",
    "hang": "timeout",
    "nan": "ValueError",
    "mutate": "read-only",
}


@pytest.mark.parametrize("how", POISON)
def test_a_bad_cell_fails_alone_with_its_reason(how, plugin_path, tmp_path):
    # On one split of quintic the first training target is above the threshold, on others not.
    from howrobust.datasets.synthetic import Quintic

    source = Quintic()
    first = {s: source.realise(s, 0)[0].y[0] for s in source.splits(3)}
    guilty = max(first, key=first.get)
    above = float(sorted(first.values())[-2]) + 1e-9
    code, out, err = howrobust(
        "run", "-d", "quintic", "-m", f'poison[how="{how}",above={above!r}]',
        "-m", "bayesian_ridge",
        "--stress", "input_noise", "--splits", "3", "--timeout", "4", "--out", tmp_path,
        PYTHONPATH=plugin_path,
    )  # fmt: skip
    assert code == 1, out + err
    assert "Traceback" not in err
    results = hr.load(tmp_path)
    cells = {(c.method.split("[")[0], c.split): c for c in results.cells()}
    assert all(c.status == "ok" for k, c in cells.items() if k != ("poison", guilty))
    bad = cells["poison", guilty]
    assert bad.status == "failed"
    assert POISON[how] in bad.reason + bad.traceback
    records = results.records()
    lost = records[(records["method"] == bad.method) & (records["split"] == guilty)]
    assert set(lost.status) == {"failed"}
    assert lost["value"].isna().all()
    assert len(lost) == len(records[(records["method"] == "bayesian_ridge")]) / 3
    assert f"failed: {bad.method} on quintic {guilty}" in out
    page = (tmp_path / "report.html").read_text()
    assert bad.reason.split(":")[0] in page

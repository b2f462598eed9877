"""A run with the data, stresses and metrics of a module in the current folder."""

import re

import pytest
from commandline import howrobust

import howrobust as hr
from howrobust.reports.latex import latex
from howrobust.reports.markdown import markdown
from howrobust.reports.model import build_report
from howrobust.reports.page import write_page

MODULE = """
import os

import numpy as np
from howrobust.base.metric import Metric, Undefined
from howrobust.base.stress import InputStress
from my_helper import SIZE


def parts():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    return X, X[:, 0] + 0.3 * rng.normal(size=300)


class SensorBias(InputStress):
    name = "sensor_bias"
    levels = (0.5, 1.0)
    unit = "sd"

    def apply(self, X, y, context, level, seed):
        return X + SIZE * level * context.sd


def biggest(forecast, y, y_scale):
    return float(np.abs(y - forecast.mean).max())


def picky(forecast, y, y_scale):
    if len(y) == 30:
        raise RuntimeError("thirty rows")
    return 1.0


def fatal(forecast, y, y_scale):
    if len(y) == 30:
        os._exit(7)
    return 1.0


def unknown(forecast, y, y_scale):
    return Undefined("by design") if len(y) == 30 else 1.0


def close(forecast, y, y_scale):
    return np.mean(np.abs(y - forecast.mean) < 1)


CLOSE = Metric("close<1", "high", close)
QUIET = Metric("quiet", "-", lambda forecast, y, y_scale: 1.0)
OFFSET = Metric("offset", "zero", lambda forecast, y, y_scale: float(np.mean(forecast.mean - y)))
"""
METRICS = ("biggest", "CLOSE", "QUIET", "OFFSET", "picky", "fatal", "unknown")
SHOWN = ["biggest", "close<1", "offset", "picky", "fatal", "unknown"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with the module, and the results of a run of it in two processes."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "my_module.py").write_text(MODULE)
    (folder / "my_helper.py").write_text("SIZE = 1.0\n")
    metrics = [word for name in METRICS for word in ("--metric", f"my_module:{name}")]
    code, out, err = howrobust(
        "run", "-m", "bayesian_ridge", "-m", "marginal", "-d", "my_module:parts",
        "--stress", "my_module:SensorBias", *metrics, "--splits", "4", "--workers", "2",
        "--out", "out", cwd=folder, script=True,
    )  # fmt: skip
    assert code == 0, err
    return folder, out


def test_every_metric_has_a_record_and_one_that_fails_fails_alone(finished):
    folder, _ = finished
    records = hr.load(folder / "out").records()
    whole = records[records["feature"] == ""]
    names = {"close<1" if name == "CLOSE" else name.lower() for name in METRICS}
    levels = whole[whole["metric"].isin(names)].groupby("metric").size()
    assert set(levels) == {levels["biggest"]}
    assert set(levels.index) == names
    reasons = {
        name: whole[whole["metric"] == name][["status", "reason"]].drop_duplicates().values.tolist()
        for name in ("picky", "unknown", "fatal", "rmse", "biggest")
    }
    assert reasons["picky"] == [["failed", "the metric raised RuntimeError: thirty rows"]]
    assert reasons["unknown"] == [["undefined", "by design"]]
    ((status, reason),) = reasons["fatal"]
    assert status == "failed"
    assert "the worker ended without a result (exit code 7)" in reason
    assert reasons["rmse"] == reasons["biggest"] == [["ok", ""]]


def test_values_are_those_of_the_function_on_the_forecasts(finished):
    folder, _ = finished
    results = hr.load(folder / "out")
    records = results.records()
    for cell in results.cells():
        if cell.method != "bayesian_ridge":
            continue
        held = results.testset(cell)
        for level, forecast in results.cell_forecasts(cell).items():
            (value,) = records[
                (records["split"] == cell.split)
                & (records["method"] == cell.method)
                & (records["metric"] == "biggest")
                & (records["stress"] == level[0])
                & (records["level"] == level[1])
            ]["value"]
            assert value == pytest.approx(abs(held.y - forecast.mean).max(), rel=1e-12)


def test_every_table_shows_the_metrics_that_have_a_direction(finished):
    folder, printed = finished
    results = hr.load(folder / "out")
    report = build_report(results)
    (section,) = report.data_sets
    assert [title for title in section.table.header if title in SHOWN] == SHOWN
    table = {row.method: dict(zip(section.table.header, row.cells, strict=True))
             for row in section.table.rows}  # fmt: skip
    ridge = table["bayesian_ridge"]
    mean = results.records().query(
        "metric == 'biggest' and stress == 'none' and method == 'bayesian_ridge'"
    )["value"].mean()  # fmt: skip
    assert ridge["biggest"].value == pytest.approx(mean)
    assert "±" in ridge["biggest"].text
    assert ridge["unknown"].text == "-"
    stressed = report.stress_tables["sensor_bias"]
    assert list(stressed.header[-len(SHOWN) :]) == SHOWN
    texts = {
        "terminal": printed,
        "html": write_page(report).read_text(encoding="utf-8"),
        "markdown": markdown(report),
        "latex": latex(report),
        "card": str(results.card("bayesian_ridge")),
    }
    for name, text in texts.items():
        assert "biggest" in text, name
        assert not re.search(r"\bquiet\b", text.partition("howrobust run")[0]), name
    assert "close&lt;1" in texts["html"]
    assert "close<1" not in texts["html"].partition("<script")[0]
    assert "close\\<1" in texts["markdown"]
    assert "close\\textless{}1" in texts["latex"]


def test_a_card_ranks_by_the_stated_direction_with_an_interval(finished):
    folder, _ = finished
    card = hr.load(folder / "out").card("bayesian_ridge")
    entries = {entry.item.name: entry for entry in card.entries}
    assert entries["biggest"].rank == entries["close<1"].rank == entries["offset"].rank == 1
    assert entries["biggest"].result.lower < entries["biggest"].value
    assert entries["unknown"].reason == "by design"
    assert "high is better" in entries["close<1"].item.definition
    assert "quiet" not in entries


def test_a_contest_by_the_metric_needs_no_import(finished):
    folder, _ = finished
    done = howrobust("report", "out", "--format", "csv", cwd=folder.parent / folder.name)
    assert done[0] == 0, done[2]
    assert ",biggest," in done[1]


def test_running_again_refits_and_scores_only_what_has_changed(finished, tmp_path):
    folder, _ = finished
    words = ("run", "-m", "bayesian_ridge", "-m", "marginal", "-d", "my_module:parts",
             "--stress", "my_module:SensorBias", "--metric", "my_module:biggest",
             "--splits", "4", "--out", tmp_path / "out")  # fmt: skip
    (tmp_path / "my_module.py").write_text(MODULE)
    (tmp_path / "my_helper.py").write_text("SIZE = 1.0\n")
    assert howrobust(*words, cwd=tmp_path)[0] == 0
    code, out, _ = howrobust(*words, cwd=tmp_path)
    assert (code, "nothing was refitted" in out) == (0, True)
    one, other = folder / "out", tmp_path / "out"
    code, out, err = howrobust("compare", one, other, cwd=tmp_path)
    assert code == 0, out + err
    assert "biggest 2 % of its mean" in out
    (tmp_path / "my_module.py").write_text(MODULE.replace("max()", "max() * 2"))
    code, out, _ = howrobust(*words, cwd=tmp_path)
    assert code == 0
    code, out, _ = howrobust("compare", one, other, cwd=tmp_path)
    assert code == 1, out
    assert "bayesian_ridge on parts: biggest worse by 100 % of its mean" in out


def test_new_rows_are_forecast_without_the_modules_of_stresses_and_metrics(tmp_path):
    (tmp_path / "my_module.py").write_text(MODULE)
    (tmp_path / "my_helper.py").write_text("SIZE = 1.0\n")
    (tmp_path / "my_data.py").write_text(
        "import numpy as np\n\n\ndef parts():\n"
        "    X = np.random.default_rng(0).normal(size=(90, 2))\n"
        "    return X, X[:, 0] + X[:, 1] ** 2\n"
    )
    code, _, err = howrobust(
        "run", "-m", "bayesian_ridge", "-d", "my_data:parts", "--metric", "my_module:biggest",
        "--stress", "my_module:SensorBias", "--splits", "1", "--out", "out", cwd=tmp_path,
    )  # fmt: skip
    assert code == 0, err
    (tmp_path / "my_module.py").unlink()
    (tmp_path / "new.csv").write_text("x0,x1\n0.1,0.2\n")
    code, out, err = howrobust("predict", "out", "new.csv", cwd=tmp_path)
    assert code == 0, err
    assert "bayesian_ridge fitted to all rows of parts" in out

"""The store over time: what a run took, stores of another schema, baselines."""

import sqlite3
from concurrent.futures import Future
from contextlib import closing

import pytest
from commandline import FAST

import howrobust as hr
from howrobust.base.metric import Metric
from howrobust.base.pool import TaskFailed
from howrobust.errors import BadInput
from howrobust.execution.pools.inline import InlinePool
from howrobust.metrics import scoring
from howrobust.metrics.builtin import METRICS
from howrobust.planning.plugins.metrics import MetricPlugin
from howrobust.reports.markdown import markdown
from howrobust.reports.model import build_report
from howrobust.storage import schema
from howrobust.storage.baselines import Baselines
from howrobust.storage.reader import RunReader
from howrobust.storage.store import Store

METHODS = [FAST[-1]]


def run(out, **words):
    words = {"splits": 2, **words}
    return hr.run(methods=METHODS, data=["diabetes"], out=out, workers=1, **words)


def test_a_run_says_how_long_it_took_and_a_rerun_adds_nothing(tmp_path):
    first = run(tmp_path).about.took_s
    assert 0 < first < 600
    assert run(tmp_path).about.took_s == first
    assert run(tmp_path, fresh=True).about.took_s != first


def test_a_run_says_how_many_fits_it_took_from_earlier_runs(tmp_path):
    first = run(tmp_path)
    cells = len(first.cells())
    assert first.about.reused == 0
    more = run(tmp_path, splits=3)
    assert len(more.cells()) > cells
    assert more.about.reused == cells
    new = len(more.cells()) - cells
    sentence = f"{cells} of {cells + new} fits come from earlier runs; {new} were fitted now."
    assert build_report(more).protocol.reused == sentence
    assert sentence in more.report().read_text()
    assert sentence in markdown(build_report(more))
    assert run(tmp_path, splits=3, fresh=True).about.reused == 0


@pytest.mark.parametrize("version", [schema.VERSION - 1, schema.VERSION + 1])
def test_a_store_of_another_schema_is_refused(version, tmp_path):
    run(tmp_path)
    with sqlite3.connect(tmp_path / "store.sqlite") as database:
        database.execute(f"UPDATE schema SET version = {version}")
    with pytest.raises(BadInput, match=f"has schema {version}"):
        hr.load(tmp_path)


def test_baselines_are_kept_by_name_the_latest_last(tmp_path):
    baselines = Baselines(Store(tmp_path))
    assert baselines.names() == []
    for name, text in [("b", "1"), ("a", "2"), ("b", "3")]:
        baselines.save(name, text)
    assert [name for name, _ in baselines.names()] == ["a", "b"]
    assert baselines.text("b") == "3"
    with pytest.raises(BadInput, match=r"no baseline 'c'; it has: a, b"):
        baselines.text("c")


class BrokenPool(InlinePool):
    """Every task of it is killed."""

    def submit(self, function, *arguments, limit_s):
        future = Future()
        future.set_exception(TaskFailed("crash", "the process was killed by SIGKILL"))
        return future


def test_scoring_that_is_killed_takes_nothing_away_and_is_tried_again(tmp_path):
    before = run(tmp_path).records()
    extra = Metric("extra", "low", next(m for m in METRICS if m.name == "rmse").function)
    plugins = [MetricPlugin(extra)]
    with closing(Store(tmp_path)) as store, store.exclusive():
        (key,) = RunReader(store).runs()
        with BrokenPool() as pool:
            scoring.score_run(key, store, pool, plugins=plugins)
        after = hr.load(tmp_path).records()
        assert after[after["metric"] != "extra"].reset_index(drop=True).equals(before)
        spoilt = after[after["metric"] == "extra"]
        assert set(spoilt["status"]) == {"failed"}
        assert spoilt["reason"].str.contains("SIGKILL").all()
        with InlinePool() as pool:
            scoring.score_run(key, store, pool, plugins=plugins)
    mended = hr.load(tmp_path).records()
    values = [mended[mended["metric"] == name]["value"].tolist() for name in ("extra", "rmse")]
    assert values[0] == values[1]

"""The store over time: what a run took, and stores of an older schema."""

import sqlite3
from concurrent.futures import Future
from contextlib import closing

import pytest
from commandline import FAST

import howrobust as hr
from howrobust import schema, score
from howrobust.errors import BadInput
from howrobust.executors import TaskFailed
from howrobust.executors.here import HerePool
from howrobust.metrics import Metric
from howrobust.reports.markdown import markdown
from howrobust.reports.summary import Summary
from howrobust.store import Store

METHODS = [FAST[-1]]
METRICS_OF_ALL = score.all_metrics()


def run(out, **words):
    words = {"splits": 2, **words}
    return hr.run(methods=METHODS, data=["diabetes"], out=out, workers=1, **words)


def test_a_run_says_how_long_it_took_and_a_rerun_adds_nothing(tmp_path):
    first = run(tmp_path).about["took_s"]
    assert 0 < first < 600
    assert run(tmp_path).about["took_s"] == first
    assert run(tmp_path, fresh=True).about["took_s"] != first


def test_a_run_says_how_many_fits_it_took_from_earlier_runs(tmp_path):
    first = run(tmp_path)
    cells = len(first.cells())
    assert first.about["reused"] == 0
    more = run(tmp_path, splits=3)
    assert len(more.cells()) > cells
    assert more.about["reused"] == cells
    new = len(more.cells()) - cells
    sentence = f"{cells} of {cells + new} fits come from earlier runs, {new} were fitted now."
    assert Summary(more).reused() == sentence
    assert sentence in more.report().read_text()
    assert sentence in markdown(Summary(more))
    assert run(tmp_path, splits=3, fresh=True).about["reused"] == 0


def test_a_store_of_schema_1_opens_and_keeps_its_records(tmp_path):
    before = run(tmp_path).records()
    with sqlite3.connect(tmp_path / "store.sqlite") as database:
        database.execute("ALTER TABLE run DROP COLUMN took_s")
        database.execute("ALTER TABLE run DROP COLUMN reused")
        database.execute("UPDATE schema SET version = 1")
    results = hr.load(tmp_path)
    assert results.records().equals(before)
    assert results.about["took_s"] == 0
    assert results.about["reused"] is None
    assert Summary(results).reused() == ""
    assert run(tmp_path).about["took_s"] == 0  # nothing was fitted


def test_an_upgrade_that_is_cut_short_has_done_nothing(tmp_path, monkeypatch):
    before = run(tmp_path).records()
    with sqlite3.connect(tmp_path / "store.sqlite") as database:
        database.execute("ALTER TABLE run DROP COLUMN took_s")
        database.execute("ALTER TABLE run DROP COLUMN reused")
        database.execute("UPDATE schema SET version = 1")
    with monkeypatch.context() as patch:
        patch.setattr(schema.metadata, "create_all", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            hr.load(tmp_path)
    assert hr.load(tmp_path).records().equals(before)


def test_a_store_of_a_later_schema_is_left_alone(tmp_path):
    run(tmp_path)
    with sqlite3.connect(tmp_path / "store.sqlite") as database:
        database.execute("UPDATE schema SET version = 99")
    with pytest.raises(BadInput, match="schema 99"):
        hr.load(tmp_path)


def test_a_store_of_schema_2_opens_and_takes_a_baseline(tmp_path):
    before = run(tmp_path).records()
    with sqlite3.connect(tmp_path / "store.sqlite") as database:
        for table in ("baseline", "array"):
            database.execute(f"DROP TABLE {table}")
        database.execute("ALTER TABLE run DROP COLUMN reused")
        database.execute("UPDATE schema SET version = 2")
    store = Store(tmp_path)
    store.save_baseline("main", "{}")
    assert store.baseline("main") == "{}"
    assert hr.load(tmp_path).records().equals(before)


def test_baselines_are_kept_by_name_the_latest_last(tmp_path):
    store = Store(tmp_path)
    assert store.baselines() == []
    for name, text in [("b", "1"), ("a", "2"), ("b", "3")]:
        store.save_baseline(name, text)
    assert [name for name, _ in store.baselines()] == ["a", "b"]
    assert store.baseline("b") == "3"
    with pytest.raises(BadInput, match=r"no baseline 'c'; it has: a, b"):
        store.baseline("c")


class BrokenPool(HerePool):
    """Every task of it is killed."""

    def submit(self, function, *arguments, limit_s):
        future = Future()
        future.set_exception(TaskFailed("crash", "the process was killed by SIGKILL"))
        return future


def test_scoring_that_is_killed_takes_nothing_away_and_is_tried_again(tmp_path, monkeypatch):
    before = run(tmp_path).records()
    extra = Metric("extra", "low", next(m for m in METRICS_OF_ALL if m.name == "rmse").function)
    monkeypatch.setattr(score, "all_metrics", lambda: (*METRICS_OF_ALL, extra))
    with closing(Store(tmp_path)) as store, store.alone():
        (key,) = store.runs()
        with BrokenPool() as pool:
            score.score_run(key, store, pool)
        after = hr.load(tmp_path).records()
        assert after[after["metric"] != "extra"].reset_index(drop=True).equals(before)
        spoilt = after[after["metric"] == "extra"]
        assert set(spoilt["status"]) == {"failed"}
        assert spoilt["reason"].str.contains("SIGKILL").all()
        with HerePool() as pool:
            score.score_run(key, store, pool)
    mended = hr.load(tmp_path).records()
    values = [mended[mended["metric"] == name]["value"].tolist() for name in ("extra", "rmse")]
    assert values[0] == values[1]

"""The store over time: what a run took, and stores of an older schema."""

import sqlite3

import pytest
from commandline import FAST

import howrobust as hr
from howrobust import schema
from howrobust.errors import BadInput
from howrobust.store import Store

METHODS = [FAST[-1]]


def run(out, **words):
    return hr.run(methods=METHODS, data=["diabetes"], splits=2, out=out, workers=1, **words)


def test_a_run_says_how_long_it_took_and_a_rerun_adds_nothing(tmp_path):
    first = run(tmp_path).about["took_s"]
    assert 0 < first < 600
    assert run(tmp_path).about["took_s"] == first
    assert run(tmp_path, fresh=True).about["took_s"] != first


def test_a_store_of_schema_1_opens_and_keeps_its_records(tmp_path):
    before = run(tmp_path).records()
    with sqlite3.connect(tmp_path / "store.sqlite") as database:
        database.execute("ALTER TABLE run DROP COLUMN took_s")
        database.execute("UPDATE schema SET version = 1")
    results = hr.load(tmp_path)
    assert results.records().equals(before)
    assert results.about["took_s"] == 0
    assert run(tmp_path).about["took_s"] == 0  # nothing was fitted


def test_an_upgrade_that_is_cut_short_has_done_nothing(tmp_path, monkeypatch):
    before = run(tmp_path).records()
    with sqlite3.connect(tmp_path / "store.sqlite") as database:
        database.execute("ALTER TABLE run DROP COLUMN took_s")
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

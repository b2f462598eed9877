"""The store over time: what a run took, and stores of an older schema."""

import sqlite3

import pytest
from commandline import FAST

import howrobust as hr
from howrobust.errors import BadInput

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


def test_a_store_of_a_later_schema_is_left_alone(tmp_path):
    run(tmp_path)
    with sqlite3.connect(tmp_path / "store.sqlite") as database:
        database.execute("UPDATE schema SET version = 99")
    with pytest.raises(BadInput, match="schema 99"):
        hr.load(tmp_path)

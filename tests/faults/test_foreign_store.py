"""Whoever reads a store runs no code that the store names, wherever that code lies."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from commandline import environment, howrobust

MODULE = """
import numpy as np
from howrobust.datasets.synthetic import Quintic
from howrobust.methods import BayesianRidge
from howrobust.stress.input_noise import InputNoise

class Method(BayesianRidge):
    pass

class Data(Quintic):
    name = "trap_data"

class Noise(InputNoise):
    name = "trap_stress"

class More(Quintic):
    pass

class Bias(InputNoise):
    name = "trap_bias"

def trap_metric(forecast, y, y_scale):
    return float(np.abs(y - forecast.mean).max())

def model():
    return Method()
"""
TRAP = 'from pathlib import Path\nPath(__file__).with_name("trapped").write_text("imported")\n'
ENTRIES = """
[howrobust.methods]
trap_method = trap:Method
[howrobust.datasets]
trap_data = trap:Data
[howrobust.stress]
trap_stress = trap:Noise
"""
READ_ALL = """
import sys
import howrobust as hr
from howrobust.cli.main import main

def call(*words):
    try:
        main(list(words))
    except SystemExit as ended:
        print(words, ended.code, file=sys.stderr)

for kind in ("html", "md", "latex", "csv"):
    call("report", "out", "--format", kind)
call("report", "out", "--format", "md", "--figures", "figures")
call("compare", "out", "other")
call("store", "check", "out")
call("store", "export", "out", "exported")
call("store", "merge", "merged", "out")
call("baseline", "save", "main", "--out", "out")
results = hr.load("out")
for facts in results.about.methods:
    if not facts.row_of:
        results.card(facts.label).records()
results.degradation()
results.variance_split()
print("cards", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of a run whose method, data set and stress are a plug-in's."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "trap.py").write_text(MODULE)
    info = folder / "trap-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trap\nVersion: 1\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    code, _, err = howrobust(
        "run", "-m", "trap:Method", "-m", "trap:model", "-m", "trap_method",
        "-m", "bayesian_ridge", "-d", "trap_data", "--stress", "trap_stress",
        "-d", "trap:More", "--stress", "trap:Bias", "--metric", "trap:trap_metric",
        "--splits", "2", "--workers", "1", "--out", "out",
        cwd=folder, PYTHONPATH=str(folder),
    )  # fmt: skip
    assert code == 0, err
    shutil.copytree(folder / "out", folder / "other")
    return folder


@pytest.fixture
def trapped(made, tmp_path):
    """The same folder, where the import of the plug-in writes a file."""
    folder = tmp_path / "trapped"
    shutil.copytree(made, folder)
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    (folder / "trap.py").write_text(TRAP + MODULE)
    return folder


def read_all(folder):
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL], cwd=folder, capture_output=True, text=True,
        env=environment(PYTHONPATH=str(folder)), timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("cards\n")
    return done


def test_reading_a_store_imports_nothing_that_it_names(trapped):
    done = read_all(trapped)
    assert not (trapped / "trapped").exists()
    ended = {line.rpartition(" ")[0]: line[-1] for line in done.stderr.splitlines()[:-1]}
    assert set(ended.values()) == {"0"}, done.stderr
    assert "trap_stress" in done.stdout
    assert "trap_bias" in done.stdout
    assert ",trap_metric," in done.stdout
    assert "trap:Method" in (trapped / "out" / "report.html").read_text(encoding="utf-8")
    assert list((trapped / "figures").glob("stress-trap_stress*"))


def test_scoring_a_stored_run_imports_nothing_that_it_names(trapped):
    with closing(sqlite3.connect(trapped / "out" / "store.sqlite")) as database, database:
        database.execute("DELETE FROM record WHERE metric = 'nll'")
    code, out, err = howrobust(
        "report", "out", "--format", "csv", cwd=trapped, PYTHONPATH=str(trapped)
    )
    assert code == 0, err
    assert ",nll," in out
    assert not (trapped / "trapped").exists()


def rename(database, column, old, new):
    """Change the name of a data set, a stress or a metric wherever the store has it."""
    if column == "data":
        database.execute("UPDATE cell SET dataset = ? WHERE dataset = ?", (new, old))
    elif column == "metrics":
        database.execute("UPDATE record SET metric = ? WHERE metric = ?", (new, old))
    else:
        database.execute("UPDATE record SET stress = ? WHERE stress = ?", (new, old))
        for table, text in (("cell", "held"), ("run", "levels")):
            database.execute(f"UPDATE {table} SET {text} = replace({text}, ?, ?)", (old, new))


def test_reading_a_store_whose_names_were_changed_imports_nothing(trapped):
    facts_of = {"data": "trap:More", "stresses": "trap:Bias", "metrics": "trap:trap_metric"}
    names = ("trap:Method", "trap:model[n_folds=3]", "trap", "../trap.py")
    with closing(sqlite3.connect(trapped / "out" / "store.sqlite")) as database, database:
        (methods,) = database.execute("SELECT methods FROM run").fetchone()
        facts = json.loads(methods)
        for stated, name in zip(facts, names, strict=False):
            database.execute("UPDATE cell SET method = ? WHERE method = ?", (name, stated["label"]))
            stated["label"] = name
        for column, name in facts_of.items():
            (stored,) = database.execute(f"SELECT {column} FROM run").fetchone()
            changed = json.loads(stored)
            rename(database, column, changed[-1]["name"], name)
            changed[-1]["name"] = name
            database.execute(f"UPDATE run SET {column} = ?", (json.dumps(changed),))
        database.execute("UPDATE run SET methods = ?, suite = 'trap:Suite'", (json.dumps(facts),))
    read_all(trapped)
    assert not (trapped / "trapped").exists()


def test_the_trap_is_one(trapped):
    code, _, err = howrobust(
        "run", "-m", "trap:Method", "-d", "quintic", "--dry-run",
        cwd=trapped, PYTHONPATH=str(trapped),
    )  # fmt: skip
    assert code == 0, err
    assert (trapped / "trapped").exists()

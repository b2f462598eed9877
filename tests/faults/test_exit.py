"""A user's module or a plug-in that calls `sys.exit` never makes a run look finished."""

import pytest
from commandline import howrobust

import howrobust as hr

REGRESSOR = """
import sys
import numpy as np

class Model:
    def fit(self, X, y):
        {fit}
        return self

    def predict(self, X):
        return np.zeros(len(X))

def model():
    {made}
    return Model()

{imported}
"""
RUN = ("run", "-d", "quintic", "--splits", "1", "--out", "out", "--workers", "1")


def write(folder, name="script", **called):
    lines = {"fit": "pass", "made": "pass", "imported": "", **called}
    (folder / f"{name}.py").write_text(REGRESSOR.format(**lines))


@pytest.mark.parametrize("ending", ["sys.exit()", "sys.exit(0)", "sys.exit('done')", "exit()"])
def test_a_module_that_exits_while_it_is_imported_is_bad_input(ending, tmp_path):
    write(tmp_path, imported=ending)
    code, out, err = howrobust(*RUN, "-m", "script:model", cwd=tmp_path)
    assert code == 2
    assert out == ""
    assert err.startswith("howrobust: the method 'script:model' cannot be used: sys.exit(")
    assert "was called while the module script was imported" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_module_whose_import_exits_in_another_module_is_bad_input(tmp_path):
    write(tmp_path, "below", imported="sys.exit(0)")
    write(tmp_path, imported="import below")
    code, _, err = howrobust(*RUN, "-m", "script:model", cwd=tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    assert "the module script was imported" in err


def test_a_factory_that_exits_is_bad_input(tmp_path):
    write(tmp_path, made="sys.exit(0)")
    code, out, err = howrobust(*RUN, "-m", "script:model", cwd=tmp_path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "'script:model' cannot be used: sys.exit(0) was called while it was made" in err


def test_a_class_that_exits_where_it_is_made_is_bad_input(tmp_path):
    (tmp_path / "script.py").write_text(
        "import sys\nclass Model:\n    def __init__(self): sys.exit(0)\n"
    )
    code, _, err = howrobust(*RUN, "-m", "script:Model", cwd=tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    assert "sys.exit(0) was called while it was made" in err


@pytest.mark.parametrize("group", ["methods", "datasets", "stress", "metrics"])
def test_an_entry_point_that_exits_while_it_is_imported_is_bad_input(group, tmp_path):
    (tmp_path / "leaving.py").write_text("import sys\nsys.exit(0)\n")
    info = tmp_path / "leaving-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: leaving\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[howrobust.{group}]\nleaving = leaving:Thing\n")
    asked = {"methods": ["-m"], "datasets": ["-m", "bayesian_ridge", "-d"], "stress": ["--stress"]}
    option = [*asked[group], "leaving"] if group in asked else ["-m", "bayesian_ridge"]
    code, _, err = howrobust(*RUN, *option, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert code == 2
    assert "sys.exit(0) was called while the module leaving was imported" in err


def test_a_source_that_exits_while_it_is_read_ends_the_run_with_2(tmp_path):
    (tmp_path / "leaving.py").write_text(
        "import sys\n"
        "from howrobust.datasets.synthetic import Quintic\n"
        "class Thing(Quintic):\n"
        "    def splits(self, count=None, family=None): sys.exit(0)\n"
    )
    info = tmp_path / "leaving-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: leaving\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[howrobust.datasets]\nleaving = leaving:Thing\n")
    words = ("run", "-m", "bayesian_ridge", "-d", "leaving", "--out", "out")
    code, _, err = howrobust(*words, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert code == 2
    assert err == "howrobust: the module leaving called sys.exit; nothing was finished\n"


def test_a_fit_that_exits_fails_its_cell_and_no_other(tmp_path):
    write(tmp_path, fit="sys.exit(0)")
    write(tmp_path, "sound")
    code, _, err = howrobust(*RUN, "-m", "script:model", "-m", "sound:model", cwd=tmp_path)
    assert code == 1, err
    status = {c.method: (c.status, c.reason) for c in hr.load(tmp_path / "out").cells()}
    assert status["script:model"] == ("failed", "SystemExit: 0")
    assert status["sound:model"] == ("ok", "")


def test_a_check_of_a_method_that_exits_fails_a_law(tmp_path):
    (tmp_path / "script.py").write_text(
        "import sys\n"
        "from howrobust.base.method import SingleMethod\n"
        "class Leaves(SingleMethod):\n"
        "    def infer(self, problem): sys.exit(0)\n"
    )
    code, out, _ = howrobust("check", "script:Leaves", cwd=tmp_path)
    assert code == 1
    assert "SystemExit: 0" in out

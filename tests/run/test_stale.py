"""A result belongs to files as they are: one that changes is a refit, or fails its cells."""

import pytest
from commandline import howrobust

import howrobust as hr
from howrobust._run import execute
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan

MODEL = """
from pathlib import Path
from sklearn.linear_model import Ridge
from {helper} import ALPHA

class Model(Ridge):
    def __init__(self, alpha=ALPHA):
        super().__init__(alpha=alpha)

    def fit(self, X, y):
        {fit}
        return super().fit(X, y)
"""


@pytest.fixture
def project(tmp_path, monkeypatch, request):
    """A folder with a model, a module that it imports and a table; both named after the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, fit="pass"):
        (tmp_path / f"{name}_helper.py").write_text("ALPHA = 1.0\n")
        text = MODEL.format(helper=f"{name}_helper", fit=fit)
        (tmp_path / f"{name}.py").write_text(text)
        rows = "".join(f"{k % 7},{k},{k * k % 11}\n" for k in range(40))
        (tmp_path / f"{name}.csv").write_text("a,b,y\n" + rows)
        return tmp_path

    return write


def rmse(folder, method):
    records = hr.load(folder).records()
    picked = (records["method"] == method) & (records["metric"] == "rmse")
    return records.loc[picked & (records["stress"] == "none"), "value"].tolist()


def test_a_module_that_a_users_model_imports_is_part_of_the_key(project):
    folder = project("shifted")
    arguments = ["run", "-m", "shifted:Model", "-d", "diabetes", "--splits", "1", "--out", "o"]

    def run():
        code, out, err = howrobust(*arguments, cwd=folder)
        assert code == 0, err
        return out, rmse(folder / "o", "shifted:Model")

    _, first = run()
    (folder / "shifted_helper.py").write_text("ALPHA = 1e6\n")
    out, other = run()
    assert "nothing was refitted" not in out
    assert "1 of 2 fits come from earlier runs; 1 were fitted now." in out
    assert other != first


def planned(name, splits=2):
    return make_plan(RunOptions(methods=[f"{name}:Model"], data=[f"{name}.csv"], stress=[],
                             splits=splits))  # fmt: skip


def failures(plan, folder, method):
    cells = execute(plan, folder / "o", workers=1).cells()
    return {(cell.status, cell.reason) for cell in cells if cell.method == method}


@pytest.mark.parametrize("suffix", [".py", "_helper.py", ".csv"])
def test_a_file_that_changes_after_planning_fails_its_cells(suffix, project):
    name = f"edited{suffix.strip('_').partition('.')[0]}{len(suffix)}"
    folder = project(name)
    plan = planned(name)
    file = folder / f"{name}{suffix}"
    file.write_text(file.read_text() + ("1,2,3\n" if suffix == ".csv" else "# edited\n"))
    reason = f"changed since the run was planned: {file}; run again"
    assert failures(plan, folder, f"{name}:Model") == {("failed", reason)}
    assert failures(planned(name), folder, f"{name}:Model") == {("ok", "")}


def test_a_table_that_is_half_written_is_one_that_changed(project):
    folder = project("halved")
    plan = planned("halved")
    (folder / "halved.csv").write_text("a,b,y\n1,2,")
    reason = f"changed since the run was planned: {folder / 'halved.csv'}; run again"
    assert failures(plan, folder, "halved:Model") == {("failed", reason)}


def test_a_file_that_changes_while_it_is_fitted_leaves_no_result(project):
    edit = "Path('during_helper.py').write_text('ALPHA = 2.0')"
    folder = project("during", fit=edit)
    reason = f"changed since the run was planned: {folder / 'during_helper.py'}; run again"
    assert failures(planned("during"), folder, "during:Model") == {("failed", reason)}
    results = hr.load(folder / "o")
    kept = {path.stem for path in (folder / "o" / "forecasts").iterdir()}
    assert kept == {cell.key for cell in results.cells() if cell.status == "ok"}

"""Options that no run can have are refused before anything slow is imported or read."""

import subprocess
import sys

import pytest
from commandline import environment

from howrobust.errors import BadInput
from howrobust.planning.first_checks import checked_data
from howrobust.planning.options import RunOptions

SLOW = ("pandas", "sklearn", "torch", "scipy", "sqlalchemy", "numba", "matplotlib")
CASES = {
    "missing file": (["-d", "nowhere.csv"], "there is no file nowhere.csv"),
    "unknown target": (["-d", "good.csv", "--target", "z"], "--target: there is no column 'z'"),
    "unknown groups": (["-d", "good.csv", "--groups", "z"], "--groups: there is no column 'z'"),
    "unknown drop": (["-d", "good.csv", "--drop", "b2"], "'b2'; did you mean 'b'?"),
    "unknown kind": (["-d", "good.csv", "--as", "a=word"], "with a kind of number, category"),
    "unknown column": (["-d", "good.csv", "--as", "z=id"], "--as: there is no column 'z'"),
    "parquet": (["-d", "good.parquet", "--target", "z"], "--target: there is no column 'z'"),
    "unknown suite": (["quik"], "unknown suite 'quik'"),
    "unknown method": (["-m", "deep_ensembel[n_members=3]"], "did you mean 'deep_ensemble'?"),
    "unknown stress": (["--stress", "input_nois"], "did you mean 'input_noise'?"),
    "unknown data": (["-d", "diabets"], "did you mean 'diabetes'?"),
    "no splits": (["--splits", "0"], "at least 1, not 0"),
    "no repeats": (["--repeats", "0"], "at least 1, not 0"),
    "no time": (["--timeout", "nan"], "greater than 0"),
    "bad transform": (["-d", "good.csv", "--target-transform", "sqrt"], "'sqrt'"),
    "bad separator": (["-d", "good.csv", "--separator", "::"], "--separator is one character"),
    "bad encoding": (["-d", "good.csv", "--encoding", "xx"], "--encoding 'xx' is unknown"),
    "no file": (["--drop", "a", "--as", "a=id"], "--drop, --as are for a file given with -d"),
    "two roles": (["-d", "good.csv", "--target", "b", "--drop", "b"], "has another role"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import pandas as pd

    folder = tmp_path_factory.mktemp("files")
    frame = pd.DataFrame({"a": range(20), "b": range(20), "y": range(20)})
    frame.to_csv(folder / "good.csv", index=False)
    frame.to_parquet(folder / "good.parquet")
    return folder


def imported(folder, arguments):
    """Run the command line in a process; what it says, and what slow things it imported."""
    code = (
        "import sys, contextlib\n"
        "from howrobust.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as ended:\n    code = ended.code\n"
        f"print(code, *[name for name in {SLOW} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, env=environment(),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    code, *slow = done.stdout.split()
    return int(code), slow, done.stderr


@pytest.mark.parametrize("case", CASES)
def test_they_are_refused_before_anything_slow_is_imported(case, folder):
    arguments, sentence = CASES[case]
    code, slow, said = imported(folder, ["run", *arguments])
    assert code == 2
    assert sentence in said
    assert said.startswith("howrobust: ")
    assert slow == []


def test_look_at_a_file_that_is_not_there_imports_nothing_slow_either(folder):
    code, slow, said = imported(folder, ["look", "nowhere.csv"])
    assert (code, slow) == (2, [])
    assert "there is no file nowhere.csv" in said


def test_from_python_the_same_is_refused(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(BadInput, match="'z'"):
        checked_data(RunOptions(data=["good.csv"], target="z"))
    with pytest.raises(BadInput, match="target transform 'sqrt' is unknown; it is one of: none"):
        checked_data(RunOptions(target_transform="sqrt"))
    (spec,) = checked_data(RunOptions(data="good.csv", drop="a"))
    assert (spec.name, spec.drop) == ("good.csv", ("a",))

"""The command line as a user meets it."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from commandline import FAST, environment, howrobust

import howrobust as hr
from howrobust.base.records import COSTS
from howrobust.cli.main import main
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan

METRIC_COLUMNS = ["dataset", "split", "method", "repeat", "stress", "level", "feature", "segment",
                  "metric", "value", "status", "reason"]  # fmt: skip


def metric_records(folder):
    records = hr.load(folder).records()
    return records[~records["metric"].isin(COSTS)][METRIC_COLUMNS].reset_index(drop=True)


def test_a_users_file_runs_and_running_again_refits_nothing_and_says_so(my_csv, tmp_path):
    arguments = ["run", "-d", "my.csv", "--target", "y", "--splits", "2", *FAST]
    code, out, err = howrobust(*arguments, cwd=tmp_path)
    assert code == 0, err
    assert "my.csv" in out
    assert "marginal" in out
    assert "0 cached" in err
    folder = tmp_path / "howrobust-out" / "quick"
    assert (folder / "report.html").is_file()
    first = metric_records(folder)
    assert set(first["stress"]) == {"none", "input_noise"}
    written = {p: p.stat().st_mtime_ns for p in (folder / "forecasts").iterdir()}
    code, out, err = howrobust(*arguments, cwd=tmp_path)
    assert code == 0
    assert "nothing was refitted" in out
    assert "8 cached" in err
    assert written == {p: p.stat().st_mtime_ns for p in (folder / "forecasts").iterdir()}
    assert first.equals(metric_records(folder))
    # --fresh fits again, and comes to the same numbers.
    code, out, err = howrobust(*arguments, "--fresh", cwd=tmp_path)
    assert code == 0
    assert "nothing was refitted" not in out
    assert first.equals(metric_records(folder))


def test_published_sets_run_from_their_folder(uci, tmp_path):
    code, _, err = howrobust(
        "run", "-d", "uci/boston", "-d", "uci/yacht", "--splits", "5", *FAST, "--out", tmp_path,
        HOWROBUST_DATA=str(uci),
    )  # fmt: skip
    assert code == 0, err
    records = metric_records(tmp_path)
    assert set(records["dataset"]) == {"uci/boston", "uci/yacht"}
    assert set(records["split"]) == {f"random-{k}" for k in range(5)}


def test_one_worker_and_two_give_identical_records(tmp_path):
    folders = []
    for workers in ("1", "2"):
        folders.append(tmp_path / workers)
        code, _, err = howrobust(
            "run", "quick", "-d", "quintic", "-d", "friedman1", *FAST,
            "-m", "mc_dropout[epochs=2,n_draws=300]", "-m", "shuffled_cv[epochs=2]",
            "-m", "gaussian_process[max_rows=60]", "--splits", "2",
            "--workers", workers, "--out", folders[-1],
        )  # fmt: skip
        assert code == 0, err
    assert metric_records(folders[0]).equals(metric_records(folders[1]))


@pytest.mark.slow
def test_the_whole_of_quick_is_identical_on_one_worker_and_two(tmp_path):
    for workers in ("1", "2"):
        assert howrobust("run", "--workers", workers, "--out", tmp_path / workers)[0] == 0
    assert metric_records(tmp_path / "1").equals(metric_records(tmp_path / "2"))


def test_every_planned_cell_level_and_metric_is_a_record(tmp_path):
    results = hr.run(
        methods=["deep_ensemble[epochs=2]", "bayesian_ridge"], data=["quintic", "diabetes"],
        splits=2, repeats=2, out=tmp_path, workers=2,
    )  # fmt: skip
    records = results.records()
    assert list(records.columns) == ["run", *METRIC_COLUMNS]
    metrics = set(records["metric"]) - set(COSTS)
    # Two methods and marginal on both sets, the oracle on the synthetic one.
    # On each of two splits: a first fit, clean and at five levels, and a restart, clean alone.
    fits = (3 + 4) * 2
    assert len(records) == fits * (6 * len(metrics) + len(COSTS) + len(metrics) + len(COSTS))
    place = ["dataset", "split", "method", "repeat", "stress", "level", "metric"]
    assert not records.duplicated(place).any()
    assert records["value"].notna().equals(records["status"] == "ok")
    assert (records.loc[records["status"] != "ok", "reason"] != "").all()
    assert {"marginal", "oracle"} <= set(records["method"])
    clean = records[records["stress"] == "none"]
    assert set(clean["level"]) == {0.0}
    assert (records.loc[records["stress"] != "none", "level"] > 0).all()


def test_every_method_meets_the_same_stressed_inputs(tmp_path):
    twin = "howrobust.methods.bayesian_ridge:BayesianRidge"
    results = hr.run(methods=["bayesian_ridge", twin], data=["diabetes"], splits=2, out=tmp_path)
    records = results.records()
    records = records[~records["metric"].isin(COSTS)]
    pair = [records[records["method"] == m]["value"].to_numpy() for m in ("bayesian_ridge", twin)]
    np.testing.assert_array_equal(*pair)
    rmse = records[(records["metric"] == "rmse") & (records["method"] == twin)]
    by_level = rmse.groupby("level")["value"].mean()
    assert by_level[0.8] > by_level[0.0]


def test_a_repeat_is_a_restart_on_the_same_rows(tmp_path):
    results = hr.run(
        methods=["deep_ensemble[epochs=2]"], data=["quintic"], stress=[], splits=1, repeats=2,
        out=tmp_path, workers=1,
    )  # fmt: skip
    cells = [c for c in results.cells() if c.method.startswith("deep_ensemble")]
    assert cells[0].testset == cells[1].testset
    assert cells[0].facts["restart_losses"] != cells[1].facts["restart_losses"]


def finished_cells(folder):
    """How many cells the store of a running process holds."""
    if not (folder / "store.sqlite").is_file():
        return 0
    try:
        with closing(sqlite3.connect(folder / "store.sqlite")) as connection:
            query = "SELECT count(*) FROM cell WHERE status = 'ok'"
            return connection.execute(query).fetchone()[0]
    except sqlite3.OperationalError:  # the table is not made yet
        return 0


def test_a_killed_run_continues_where_it_stopped(tmp_path):
    arguments = ["run", "-d", "quintic", "--stress", "input_noise", "--splits", "2",
                 "-m", "bayesian_ridge", "-m", "mc_dropout[epochs=150,n_draws=300]",
                 "--workers", "1", "--out", tmp_path / "killed"]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "howrobust", *map(str, arguments)], env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not finished_cells(tmp_path / "killed"):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    code, _, err = howrobust(*arguments)
    assert code == 0, err
    first = next(line for line in err.splitlines() if line.startswith("fit: "))
    cached = int(first.split(" cached")[0].split()[-1])
    assert 1 <= cached < 8, err
    arguments[-1] = tmp_path / "whole"
    assert howrobust(*arguments)[0] == 0
    assert metric_records(tmp_path / "killed").equals(metric_records(tmp_path / "whole"))


def test_interrupted_it_exits_130_and_keeps_what_is_finished(tmp_path):
    arguments = [
        "run",
        "-d",
        "quintic",
        "--splits",
        "1",
        "-m",
        "bayesian_ridge",
        "-m",
        "mc_dropout[epochs=100000]",
        "--workers",
        "2",
        "--out",
        str(tmp_path),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "howrobust", *arguments], env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not list(tmp_path.glob("forecasts/*.npz")):
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "run again to continue" in err
    statuses = {c.method: c.status for c in hr.load(tmp_path).cells()}
    assert statuses["bayesian_ridge"] == "ok"
    assert statuses["mc_dropout[epochs=100000]"] == "planned"
    # What is finished can be reported, what is not says so.
    code, out, err = howrobust("report", tmp_path, "--format", "md")
    assert code == 0, err
    assert "bayesian" in out
    assert howrobust("report", tmp_path)[0] == 0
    assert "the cell was not fitted" in set(hr.load(tmp_path).records()["reason"])


def test_the_scale_of_the_scores_is_that_of_the_clean_training_target(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=60), "y": rng.normal(size=60)})
    path = tmp_path / "my.csv"
    found = []
    for _ in range(2):
        frame.to_csv(path, index=False)
        results = hr.run(methods=["bayesian_ridge"], data=[str(path)], stress=[], splits=1,
                         out=tmp_path / "out", workers=1)  # fmt: skip
        records = results.records().set_index(["method", "metric"])["value"]
        scale = np.exp(records["bayesian_ridge", "nll"] - records["bayesian_ridge", "nll_std"])
        train, _ = DataSpec(str(path)).open().realise("random-0", 0)
        assert scale == pytest.approx(train.y.std(), rel=1e-9)
        found.append(scale)
        frame.loc[frame.index[np.flatnonzero(frame["y"] == train.y[0])[0]], "y"] = 1000.0
    assert found[1] > 10 * found[0]


def test_one_method_in_two_spellings_is_one_method():
    plan = make_plan(RunOptions(methods=["deep_ensemble", "deep_ensemble[n_members=5]"], splits=1))
    assert [method.label for method in plan.methods] == ["deep_ensemble", "marginal", "oracle"]


def test_odd_names_of_folders_hold_results(tmp_path):
    folder = tmp_path / "odd ?x#[y]%20"
    hr.run(
        methods=["bayesian_ridge"], data=["diabetes"], stress=[], splits=1, out=folder, workers=1
    )
    assert len(hr.load(folder).cells()) == 2
    assert {p.name for p in tmp_path.iterdir()} == {folder.name}


def test_a_script_without_a_guard_runs_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import howrobust as hr\n"
        "print('begin')\n"
        "r = hr.run(methods=['bayesian_ridge'], data='diabetes', stress=[], splits=1, out='o')\n"
        "print(len(r.cells()))\n"
    )
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, env=environment(),
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.stdout == "begin\n2\n", done.stderr


def test_a_dry_run_shows_the_plan_and_fits_nothing(tmp_path):
    code, out, _ = howrobust("run", "--dry-run", "--out", tmp_path / "none")
    assert code == 0
    assert "69 cells" in out
    assert "quintic" in out
    assert "roughly" in out
    assert not (tmp_path / "none").exists()


BAD_INPUT = {
    "missing file": (["run", "-d", "nowhere.csv"], "nowhere.csv"),
    "empty file": (["run", "-d", "empty.csv"], "is empty"),
    "text target": (["run", "-d", "text.csv", "--target", "site"], "the target 'site' holds text"),
    "names of rows alone": (["run", "-d", "text.csv", "--target", "y"], "'site' names the rows"),
    "groups with a gap": (["run", "-d", "nan.csv", "--target", "y", "--groups", "a"], "'a' has 1"),
    "constant target": (["run", "-d", "constant.csv", "--target", "y"], "constant"),
    "three rows": (["run", "-d", "three.csv", "--target", "y"], "3 rows"),
    "duplicate columns": (["run", "-d", "twice.csv", "--target", "y"], "'a'"),
    "unknown target": (["run", "-d", "good.csv", "--target", "z"], "'z'"),
    "target without a file": (["run", "--target", "y"], "-d"),
    "unknown method": (["run", "-m", "deep_ensembel"], "did you mean 'deep_ensemble'?"),
    "unknown class": (["run", "-m", "nowhere.module:Class"], "cannot be imported"),
    "unknown parameter": (["run", "-m", "deep_ensemble[members=3]"], "'members'"),
    "unreadable parameter": (["run", "-m", "deep_ensemble[n_members=]"], "TOML"),
    "senseless parameter": (["run", "-m", "deep_ensemble[n_members=0]"], "n_members"),
    "mistyped parameter": (["run", "-m", 'deep_ensemble[epochs="many"]'], "epochs"),
    "a number for a list": (["run", "-m", "deep_ensemble[hidden=50]"], "hidden"),
    "an empty list": (["run", "-m", "deep_ensemble[hidden=[]]"], "hidden"),
    "a layer of nothing": (["run", "-m", "deep_ensemble[hidden=[0]]"], "hidden"),
    "a text for a number": (["run", "-m", 'deep_ensemble[batch_size="x"]'], "batch_size"),
    "a negative rate": (["run", "-m", "deep_ensemble[learning_rate=-1]"], "learning_rate"),
    "a rate above one": (["run", "-m", "mc_dropout[dropout=2.0]"], "dropout"),
    "a seed of its own": (["run", "-m", "deep_ensemble[random_state=3]"], "random_state"),
    "a file as suite": (["run", "good.csv"], "-d good.csv"),
    "no workers to plan for": (["run", "--dry-run", "--workers", "-1"], "at least 1"),
    "no GPU": (["run", "--device", "cuda", "-m", "bayesian_ridge"], "GPU"),
    "unknown preset": (["run", "-m", 'bayesian_nn[preset="none"]'], "preset"),
    "unknown data": (["run", "-d", "bostn"], "bostn"),
    "unknown suite": (["run", "quik"], "quik"),
    "unknown stress": (["run", "--stress", "noise"], "noise"),
    "no splits": (["run", "--splits", "0"], "at least 1"),
    "no repeats": (["run", "--repeats", "0"], "at least 1"),
    "no workers": (["run", "--workers", "0", "--out", "there"], "at least 1"),
    "no time": (["run", "--timeout", "0"], "greater than 0"),
    "not a number": (["run", "--splits", "many"], "many"),
    "unknown option": (["run", "--bogus"], "bogus"),
    "unknown command": (["rum"], "rum"),
    "unwritable folder": (["run", "--out", "/proc/nowhere"], "/proc/nowhere"),
    "a file as folder": (["run", "--out", "good.csv"], "good.csv"),
    "no results": (["report", "nowhere"], "nowhere"),
    "unknown plug-in": (["check", "nothing"], "nothing"),
}


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    rows = "".join(f"{k},{k * k}\n" for k in range(40))
    texts = {
        "empty": "",
        "text": "site,y\n" + "".join(f"s{k},{k}\n" for k in range(40)),
        "nan": "a,y\n" + rows + ",3\n",
        "constant": "a,y\n" + "".join(f"{k},3\n" for k in range(40)),
        "three": "a,y\n1,2\n2,3\n3,4\n",
        "twice": "a,a,y\n" + "1,2,3\n" * 40,
        "good": "a,y\n" + rows,
    }
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_sentence_and_exit_2(case, bad_files, monkeypatch, capsys):
    arguments, named = BAD_INPUT[case]
    monkeypatch.chdir(bad_files)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    judge(named, *capsys.readouterr())


def test_bad_input_is_that_in_a_process_of_its_own_too(bad_files):
    arguments, named = BAD_INPUT["three rows"]
    code, *said = howrobust(*arguments, cwd=bad_files)
    assert code == 2
    judge(named, *said)


def judge(named, out, err):
    assert out == ""
    assert "Traceback" not in err
    assert err.count("\n") == 1, err
    assert err.startswith("howrobust: ")
    assert named in err


def test_several_problems_of_a_table_are_a_line_each(bad_files):
    (bad_files / "bad.csv").write_text("a,b,y\n" + "".join(f"{k or ''},{k},t\n" for k in range(30)))
    arguments = ["run", "-d", "bad.csv", "--groups", "a"]
    code, out, err = howrobust(*arguments, cwd=bad_files)
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "howrobust: bad.csv cannot be used as it is: 2 problems",
        "1. the target 'y' holds text, and a regression needs numbers; give another --target",
        "2. --groups: column 'a' has 1 missing values; fill them in, or remove those rows",
    ]


def test_a_run_shows_what_a_file_holds_before_it_fits(bad_files, tmp_path):
    (bad_files / "full.csv").write_text(
        "id,site,a,y\n" + "".join(f"{k},{'ab'[k % 2]},{k % 7 or ''},{k * k}\n" for k in range(60))
    )
    for more in (["--dry-run"], ["--splits", "1", "--out", tmp_path, "--stress", "input_noise"]):
        arguments = ["run", "-d", "full.csv", "-m", "marginal", *more]
        code, out, err = howrobust(*arguments, cwd=bad_files, COLUMNS="120")
        assert code == 0, err
        assert "left out: names the rows" not in out
        lines = [" ".join(line.split()) for line in err.splitlines()]
        assert "full.csv: 60 rows, 4 columns" in lines
        assert "id id 0, 1, 2 feature left out: names the rows" in lines
        assert "site category a, b feature 0/1" in lines
        assert "y number 0, 1, 4 target as it is or by Yeo-Johnson, as fits" in lines
        assert any(line.startswith("a number 9 ") for line in lines)


def test_a_corrupt_store_is_named_and_left_alone(tmp_path):
    (tmp_path / "store.sqlite").write_bytes(b"this is no database, but it may be precious" * 100)
    before = (tmp_path / "store.sqlite").read_bytes()
    code, _, err = howrobust("run", "-d", "quintic", *FAST, "--out", tmp_path)
    assert code == 2
    assert "store.sqlite" in err
    assert "Traceback" not in err
    assert (tmp_path / "store.sqlite").read_bytes() == before


def test_a_reader_that_leaves_is_no_failure():
    table = [sys.executable, "-m", "howrobust", "list", "metrics"]
    first = subprocess.Popen(table, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first.stdout.close()
    assert first.wait(60) == 0
    assert first.stderr.read() == b""


def test_help_and_list_do_not_import_what_is_slow():
    code = (
        "import sys, click.testing as t; from howrobust.cli.main import cli\n"
        "for a in (['--help'], ['run', '--help'], ['list', 'methods'], ['list', 'datasets'],\n"
        "          ['list', 'stresses']):\n"
        "    assert t.CliRunner().invoke(cli, a).exit_code == 0, a\n"
        "slow = {'torch', 'sklearn', 'pandas', 'sqlalchemy', 'scipy', 'matplotlib', 'numpy',"
        " 'statsmodels'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("methods", ["bayesian_nn", "deep_ensemble", "shuffled_cv", "mc_dropout",
                     "gaussian_process", "bayesian_ridge", "marginal", "oracle"]),
        ("datasets", ["quintic", "friedman3", "diabetes", "uci/boston", "uci/yacht"]),
        ("suites", ["article", "quick"]),
        ("stresses", ["input_noise"]),
        ("metrics", ["nll", "mace_p", "kl_to_truth"]),
    ],
)  # fmt: skip
def test_list_names_what_there_is(kind, names):
    code, out, _ = howrobust("list", kind)
    assert code == 0
    assert set(names) <= set(out.split())


def test_info_names_versions_and_processor():
    code, out, _ = howrobust("info")
    assert code == 0
    assert {"python", "torch", "processor", "gpu"} <= {line.split()[0] for line in out.splitlines()}

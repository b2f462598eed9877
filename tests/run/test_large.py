"""A table of two million rows through the command line, within four gigabytes."""

import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pandas as pd
import psutil
import pytest
from commandline import environment

import howrobust as hr

ROWS, COLUMNS = 2_000_000, 20
LIMIT = 4 * 2**30


def write_table(path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, COLUMNS))
    table = pd.DataFrame(X, columns=[f"x{k}" for k in range(COLUMNS)])
    table["y"] = X[:, 0] * np.sin(X[:, 1]) + 0.5 * X[:, 2] + 0.3 * rng.normal(size=ROWS)
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, float_format="%.6g")


def peak(command):
    """Run a command: (exit code, most bytes that it and all below it held at once).

    Pages that several share are counted once, in parts.
    """
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        held = 0
        with suppress(psutil.Error):
            for each in [own := psutil.Process(process.pid), *own.children(recursive=True)]:
                with suppress(psutil.Error):
                    held += each.memory_full_info().pss
        most = max(most, held)
        time.sleep(0.2)
    return process.returncode, most


@pytest.mark.slow
def test_two_million_rows_are_learnt_forecast_and_scored_within_four_gigabytes(tmp_path):
    pytest.importorskip("pyarrow")
    write_table(tmp_path / "large.parquet")
    code, most = peak(
        [sys.executable, "-m", "howrobust", "run", "quick", "-d", str(tmp_path / "large.parquet"),
         "-m", "deep_ensemble[epochs=1,batch_size=1000]", "--splits", "1", "--timeout", "3600",
         "--out", str(tmp_path / "out")]
    )  # fmt: skip
    assert code == 0
    records = hr.load(tmp_path / "out").records()
    assert set(records["status"]) <= {"ok", "undefined"}
    rmse = records[(records["metric"] == "rmse") & (records["stress"] == "none")]
    found = rmse.groupby("method")["value"].mean()
    assert 0.3 < found["deep_ensemble[batch_size=1000,epochs=1]"] < found["marginal"]
    assert most < LIMIT, f"{most / 2**30:.2f} GiB"


@pytest.fixture(scope="module", params=[".csv", ".parquet"])
def large(request, tmp_path_factory):
    pytest.importorskip("pyarrow")
    path = tmp_path_factory.mktemp("large") / f"large{request.param}"
    write_table(path)
    return path


@pytest.mark.slow
def test_two_million_rows_are_looked_at_within_four_gigabytes(large):
    code, most = peak([sys.executable, "-m", "howrobust", "look", str(large)])
    assert code == 0
    assert most < LIMIT, f"{most / 2**30:.2f} GiB"


@pytest.mark.slow
def test_two_million_rows_of_a_file_are_learnt_within_four_gigabytes(large, tmp_path):
    code, most = peak(
        [sys.executable, "-m", "howrobust", "run", "-m", "marginal", "-m", "bayesian_ridge",
         "-d", str(large), "--splits", "1", "--timeout", "3600", "--out", str(tmp_path / "out")]
    )  # fmt: skip
    assert code == 0
    assert most < LIMIT, f"{most / 2**30:.2f} GiB"

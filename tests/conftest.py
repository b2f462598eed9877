"""Fixtures shared by all tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def uci(monkeypatch):
    """Point HOWROBUST_DATA at the UCI sets, or skip where they are absent."""
    folder = Path(os.environ.get("HOWROBUST_DATA") or ROOT.parent / "shared" / "uci")
    if not (folder / "MANIFEST.csv").is_file():
        pytest.skip(f"the UCI sets are not at {folder}; set HOWROBUST_DATA")
    monkeypatch.setenv("HOWROBUST_DATA", str(folder))
    return folder


@pytest.fixture
def my_csv(tmp_path):
    """A user's file of 300 rows."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=["a", "b", "c"])
    frame["y"] = 2 * frame["a"] + np.sin(frame["b"]) + 0.1 * rng.normal(size=300)
    path = tmp_path / "my.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def plugin_path(tmp_path_factory):
    """A folder with a third party's distribution, built and installed; for PYTHONPATH."""
    work = tmp_path_factory.mktemp("plugin")
    source, site = work / "source", work / "site"
    shutil.copytree(ROOT / "tests" / "plugin_project", source)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
         "--no-build-isolation", "--target", str(site), str(source)],
        check=True, capture_output=True,
    )  # fmt: skip
    return str(site)


def pytest_addoption(parser):
    group = parser.getgroup("howrobust performance")
    group.addoption("--short", action="store_true", help="fewer draws and pairs: the form for CI")
    group.addoption("--update-ratios", action="store_true", help="commit the ratios measured now")

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


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

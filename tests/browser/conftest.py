"""A browser, and the page of one small run with hostile names."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import howrobust as hr

NASTY = "<script>alert(1)</script>"
NASTY_FILE = "<script>alert(1)<script>.csv"  # a name of a file has no slash
WITHOUT = "there is no chromium here: install it (Debian: apt-get install chromium)"


def must_have_a_browser():
    """Whether the test command has installed one: by root, on Debian, where CI is set."""
    return (
        os.environ.get("CI") == "true"
        and os.geteuid() == 0
        and Path("/etc/debian_version").exists()
    )


@pytest.fixture(scope="session")
def browser():
    """Debian's chromium, without a sandbox: it opens nothing but the page."""
    program = shutil.which("chromium")
    if program is None:
        (pytest.fail if must_have_a_browser() else pytest.skip)(WITHOUT)
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """Two data sets, one a file whose name and columns are markup; noise on the inputs."""
    folder = tmp_path_factory.mktemp("browser")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(80, 2)), columns=["<img src=x onerror=alert(2)>", NASTY])
    path = folder / NASTY_FILE
    frame.to_csv(path, index=False)
    return hr.run(
        methods=["deep_ensemble[epochs=2]", "bayesian_ridge"], data=["quintic", str(path)],
        stress=["input_noise"], splits=3, out=folder / "out", workers=2,
    )  # fmt: skip


@pytest.fixture(scope="session")
def address(results):
    """Where the page is."""
    return results.report().as_uri()

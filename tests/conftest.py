"""Fixtures shared by all tests."""

import os
from pathlib import Path

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


def pytest_addoption(parser):
    group = parser.getgroup("howrobust performance")
    group.addoption("--short", action="store_true", help="fewer draws and pairs: the form for CI")
    group.addoption("--update-ratios", action="store_true", help="commit the ratios measured now")

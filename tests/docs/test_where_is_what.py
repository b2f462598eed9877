"""The table of places names twenty changes, and places that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "where-is-what.md").read_text(encoding="utf-8")
ANSWERS = re.findall(r"^\| (?!to change)(\w.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
PATHS = sorted({path for _, answer in ANSWERS for path in re.findall(r"`([^`]+)`", answer)})


def test_twenty_changes_have_a_place_each():
    assert len({question for question, _ in ANSWERS}) == 20
    assert all("`" in answer for _, answer in ANSWERS)


@pytest.mark.parametrize("path", PATHS)
def test_a_named_place_exists(path):
    assert (ROOT / path).is_dir() if path.endswith("/") else (ROOT / path).is_file()

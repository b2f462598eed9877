"""The page of rooms names every room and file as it is, and the floors that the laws hold."""

import re

import pytest
from house import FOLDERS, ROOT
from test_laws import FLOORS

PAGE = (ROOT / "docs" / "overview.md").read_text(encoding="utf-8")
ROOMS = re.findall(r"^\| `([\w/]+/)` \|.+\| `([\w/.]+)` \|$", PAGE, re.MULTILINE)


def test_every_room_has_a_row():
    inner = {f"benchmark/{init.parent.name}/" for init in ROOT.glob("benchmark/*/__init__.py")}
    assert {room for room, _ in ROOMS} == inner | {f"{folder}/" for folder in FOLDERS}


@pytest.mark.parametrize(("room", "file"), ROOMS)
def test_the_file_to_open_first_is_in_its_room(room, file):
    assert file.startswith(room)
    assert (ROOT / file).is_file()


def test_the_floors_are_those_of_the_laws():
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", PAGE, re.MULTILINE)
    shown = {int(k): set(re.findall(r"`(\w+)`", re.sub(r"\(.*\)", "", text))) for k, text in rows}
    assert shown == {k: set(rooms) for k, rooms in enumerate(FLOORS, 1)}

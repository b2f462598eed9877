"""Parts of a fit in files: found by the key alone, checked, and never in the way."""

import numpy as np
import pytest

from howrobust.execution import kept
from howrobust.execution.kept import KeptParts, remove_kept
from howrobust.storage.arrays import Files

STACK, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def files(tmp_path):
    files = Files(tmp_path)
    files.make()
    return files


def part(k, count=3):
    return {"names": np.full((count, 16), k, np.uint8), "losses": np.full(count, k, np.float32)}


def read(files, stack=STACK):
    return sorted(int(arrays["names"][0, 0]) for arrays in KeptParts(files, stack).read())


def test_what_is_written_is_read_under_its_own_key_alone(files):
    parts = KeptParts(files, STACK)
    for k in range(3):
        parts.write(part(k), 3)
    KeptParts(files, OTHER).write(part(7), 5)
    assert read(files) == [0, 1, 2]
    assert (parts.count(), KeptParts(files, OTHER).count()) == (9, 5)
    remove_kept(files, except_of=[OTHER])
    assert (read(files), read(files, OTHER)) == ([], [7])
    KeptParts(files, OTHER).remove()
    assert list((files.folder / "fitting").iterdir()) == []


def test_a_damaged_file_is_removed_and_one_of_the_user_is_left_alone(files):
    parts = KeptParts(files, STACK)
    parts.write(part(0), 3)
    parts.write(part(1), 3)
    path = parts._paths()[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    mine = files.folder / "fitting" / "mine.npz"
    mine.write_text("mine")
    assert len(read(files)) == 1
    assert not path.exists()
    remove_kept(files)
    assert read(files) == []
    assert mine.read_text() == "mine"


def test_a_stack_keeps_no_more_than_its_bound_and_a_full_disk_is_no_error(files, monkeypatch):
    parts = KeptParts(files, STACK)
    monkeypatch.setattr(kept, "MOST_BYTES", 100)
    for k in range(3):
        parts.write(part(k), 3)
    assert parts.count() == 3
    monkeypatch.setattr(kept, "MOST_BYTES", 2**30)
    monkeypatch.setattr(kept, "write_bytes", lambda *_: (_ for _ in ()).throw(OSError("full")))
    parts.write(part(5), 3)
    assert parts.count() == 3


def test_parts_are_kept_every_half_minute_and_more_often_under_a_short_limit(files):
    assert KeptParts(files, STACK).every_s == 30
    assert KeptParts(files, STACK, 600).every_s == 30
    assert KeptParts(files, STACK, 60).every_s == 3

"""Writing files in one step: a reader finds the whole file or the one before, never a part."""

import os
import secrets
from pathlib import Path

from howrobust.errors import BadInput


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file by this content, also across a power cut.

    It is written under another name in the same folder and renamed. A symbolic link of that name
    is replaced, what it leads to stays.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if hasattr(os, "O_DIRECTORY"):  # Windows opens no folder
        _sync_folder(path.parent)


def write_output(path: Path, content: bytes) -> None:
    """Write a file that a user has asked for, as `write_bytes` does.

    Raises BadInput where the name is taken by a link, a folder or a device, and where the file
    cannot be written.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise BadInput(f"{path} cannot be written: it is no plain file; remove it or give another")
    try:
        write_bytes(path, content)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror})") from None


def _sync_folder(folder: Path) -> None:
    """Have the names of a folder's files on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

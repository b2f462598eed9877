"""Writing files in one step: a reader sees the new file or the old one, never a part."""

import os
import secrets
from pathlib import Path

from howrobust.errors import BadInput


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file in one step, which survives a power cut.

    Parameters
    ----------
    path : Path
        The file. A symbolic link is replaced; its target stays.
    content : bytes
        The new content.

    Notes
    -----
    The content is written under another name in the same folder, synchronised and renamed.
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
    if hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
        _sync_folder(path.parent)


def write_output(path: Path, content: bytes) -> None:
    """Write a file at a path that a user has given, in one step.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        The new content.

    Raises
    ------
    BadInput
        Where the path is a link, a folder or a device, and where it cannot be written.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise BadInput(
            f"{path} cannot be written: it is not a plain file; remove it or give another"
        )
    try:
        write_bytes(path, content)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}); give another path") from None


def _sync_folder(folder: Path) -> None:
    """Write the names of a folder's files to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

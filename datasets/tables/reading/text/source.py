"""The text of a file: how it is compressed and encoded, found from all its bytes."""

import codecs
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from howrobust.errors import BadInput

CHUNK = 1 << 20  # bytes
HEAD = 5 * CHUNK  # a mebicharacter, in UTF-8 and in UTF-32, and what is read ahead
# The longer marks first: that of UTF-32 begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings in which the mark would be a character of the first name.
_PLAIN_NAMES = {
    "utf-8-sig": ("utf-8",),
    "utf-16": ("utf-16-le", "utf-16-be"),
    "utf-32": ("utf-32-le", "utf-32-be"),
}
GUESSES = ("utf-8", "cp1252")
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class TextSource:
    """A file of text.

    Parameters
    ----------
    path : Path
        The file.
    encoding : str
        Its encoding.
    compressed : bool, default=False
        Whether it is compressed by gzip.
    """

    path: Path
    encoding: str
    compressed: bool = False

    @contextmanager
    def opened(self) -> Iterator[io.TextIOWrapper]:
        """Open the text, with its line ends as they are.

        Yields
        ------
        io.TextIOWrapper
            The text.

        Raises
        ------
        BadInput
            Where the file cannot be read.
        """
        with _bytes_of(self.path, self.compressed) as file:
            try:
                yield io.TextIOWrapper(file, self.encoding, newline="")
            except UnicodeError:  # where its head alone has been looked at, or it has changed
                raise BadInput(
                    f"{self.path} is no text in {self.encoding}; name its encoding with --encoding"
                ) from None


def require_file(path: Path) -> bytes:
    """Return the first bytes of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bytes
        Its first 8 bytes, or fewer.

    Raises
    ------
    BadInput
        Where there is no such file, or it cannot be opened.
    """
    if not os.path.exists(path):  # nor for what can be no path
        raise BadInput(f"there is no file {path}; check the path")
    if not path.is_file():
        raise BadInput(f"{path} is no file; give the path of a table")
    with _bytes_of(path, compressed=False) as file:
        return file.read(8)


def text_source(path: Path, encoding: str | None = None, whole: bool = True) -> TextSource:
    """Return a file as text, in the encoding that is given or found.

    A byte order mark decides; without one, the encoding is UTF-8 if all bytes are, else cp1252.

    Parameters
    ----------
    path : Path
        The file.
    encoding : str, optional
        The encoding; None: it is found.
    whole : bool, default=True
        Whether all bytes are looked at, or the first five mebibytes alone.

    Returns
    -------
    TextSource
        The text.

    Raises
    ------
    BadInput
        Where there is no file, and for bytes that are no text, by line.
    """
    compressed = require_file(path).startswith(GZIP)
    with _bytes_of(path, compressed) as file:
        head = file.read(4)
    if not head:
        raise BadInput(f"{path} is empty; it needs a header line and rows")
    marked = [name for mark, name in MARKS if head.startswith(mark)]
    if encoding and not (marked and _known(encoding) in _PLAIN_NAMES[marked[0]]):
        names: tuple[str, ...] = (encoding,)
    else:
        names = (marked[0],) if marked else GUESSES
    line = 0
    for name in names:
        source = TextSource(path, _known(name), compressed)
        if (line := _first_bad_line(source, whole)) == 0:
            return source
    given = f"text in {names[0]}" if len(names) == 1 else "text in UTF-8 or cp1252"
    raise BadInput(f"{path}, line {line} is no {given}; name its encoding with --encoding")


def _known(encoding: str) -> str:
    try:
        b"abcd".decode(encoding)
        codecs.getincrementaldecoder(encoding)
    except UnicodeError:  # its text is longer, or marked
        pass
    except (LookupError, ValueError):  # also codecs of no text
        raise BadInput(f"there is no encoding {encoding!r}; try utf-8, cp1252 or utf-16") from None
    return codecs.lookup(encoding).name


def _first_bad_line(source: TextSource, whole: bool) -> int:
    """Return the number of the first line that cannot be decoded, or 0."""
    decoder = codecs.getincrementaldecoder(source.encoding)()
    lines = 1
    size = CHUNK if whole else HEAD
    with _bytes_of(source.path, source.compressed) as file:
        while True:
            chunk = file.read(size)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeError as error:
                start = getattr(error, "start", 0)
                return lines + getattr(error, "object", chunk)[:start].count(b"\n")
            if "\0" in text:
                line = lines + text[: text.index("\0")].count("\n")
                raise BadInput(
                    f"{source.path}, line {line} holds a NUL character, so it is no text in "
                    f"{source.encoding}; name its encoding with --encoding, such as utf-16"
                )
            lines += text.count("\n")
            if not chunk or (not whole and len(chunk) == size):
                return 0


@contextmanager
def _bytes_of(path: Path, compressed: bool) -> Iterator[BinaryIO]:
    try:
        with gzip.open(path) if compressed else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise BadInput(f"{path} cannot be read: {reason}") from None

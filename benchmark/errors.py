"""The exceptions for input that the user can correct."""


class BadInput(ValueError):  # noqa: N818 ("raises BadInput" reads better)
    """Input that cannot be used.

    The message is one sentence that says what was given, what is needed and what to do. The command
    line prints it and exits with 2; the library raises the exception.
    """


class Damaged(BadInput):
    """Stored results that cannot be read."""


def printable(line: str) -> str:
    """Return a line without control characters and without invalid Unicode.

    Parameters
    ----------
    line : str
        Any text.

    Returns
    -------
    str
        The text with U+FFFD in place of each character that cannot be printed.
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)

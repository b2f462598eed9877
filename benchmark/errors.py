"""The one exception for input that a person can put right."""


class BadInput(ValueError):  # noqa: N818 (said aloud, "raises BadInput" is the sentence)
    """What was given, what was needed and what to do, in one sentence.

    The command line prints the sentence and exits with 2; the library raises it.
    """


class Damaged(BadInput):
    """The same of something stored that cannot be read any more."""


def printable(line: str) -> str:
    """Return a line without what would move a cursor, change a colour or be no UTF-8."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)

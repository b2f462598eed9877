"""The one exception for input that a person can put right."""


class BadInput(ValueError):  # noqa: N818 (said aloud, "raises BadInput" is the sentence)
    """What was given, what was needed and what to do, in one sentence.

    The command line prints the sentence and exits with 2; the library raises it.
    """

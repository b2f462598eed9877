"""Ctrl-C and SIGTERM: a process that is asked to end does so once, in order."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from time import monotonic
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
REPEAT_AFTER_S = 5.0  # earlier signals are repetitions of the first, as of an impatient Ctrl-C


class Interruption(KeyboardInterrupt):
    """A signal has asked the process to end.

    Parameters
    ----------
    number : int
        Number of the signal.

    Attributes
    ----------
    exit_code : int
        128 plus the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interruption` inside the context at SIGINT and SIGTERM.

    Yields
    ------
    None
        Outside of the main thread, which alone can handle signals, the context has no effect.

    Raises
    ------
    Interruption
        At the end of the context if a signal came, also where it was replaced by another exception
        on its way.

    Notes
    -----
    Signals within five seconds of the last one are ignored, and so are all signals after a context
    that was interrupted, since the process is about to end.
    """
    if current_thread() is not main_thread():
        yield
        return
    received: list[tuple[float, int]] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        if not received or monotonic() - received[-1][0] >= REPEAT_AFTER_S:
            received.append((monotonic(), number))
            raise Interruption(number)

    restored = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    except BaseException:
        if not received:
            raise
        restored = dict.fromkeys(SIGNALS, signal.SIG_IGN)
        raise Interruption(received[0][1]) from None
    finally:
        for number, handler in restored.items():
            signal.signal(number, handler)

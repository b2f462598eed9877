"""Ctrl-C and SIGTERM: a process that is asked to end does so once, in order."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from time import monotonic
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE_S = 5.0  # what a second Ctrl-C has to wait for before it counts


class Interruption(KeyboardInterrupt):
    """A signal has asked the process to end; ``exit_code`` is 128 and its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interruption` in this block at SIGINT and SIGTERM, where signals can be handled.

    What follows within five seconds changes nothing, and nothing does once the block has ended so:
    the process is then about to. Whatever the exception becomes on its way, it ends the block.
    """
    if current_thread() is not main_thread():
        yield
        return
    asked: list[tuple[float, int]] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        if not asked or monotonic() - asked[-1][0] >= PATIENCE_S:
            asked.append((monotonic(), number))
            raise Interruption(number)

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    except BaseException:
        if not asked:
            raise
        before = dict.fromkeys(SIGNALS, signal.SIG_IGN)
        raise Interruption(asked[0][1]) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

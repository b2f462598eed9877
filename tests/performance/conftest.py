"""One thread for whatever is timed, and the table of it."""

import os

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """One thread for both halves of every pair."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("timings beside other tests mean nothing: run this folder without xdist")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def table(request):
    """Rows (case, work, reference, its s, our s, ratio, target, floor ratio) of what was timed."""
    return request.config.stash.setdefault(ROWS, [])


ROWS = pytest.StashKey[list]()


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash.get(ROWS, [])
    if not rows:
        return
    terminalreporter.section("performance")
    head = ("case", "reference", "its ms", "our ms", "ratio", "target", "over floor")
    lines = [head, *(row[:1] + row[2:] for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    for line in lines:
        cells = (
            text.ljust(w) if k < 2 else text.rjust(w)
            for k, (text, w) in enumerate(zip(line, widths, strict=True))
        )
        terminalreporter.write_line("  ".join(cells))

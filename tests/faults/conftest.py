"""What the tests of faults share: a folder with third parties' plug-ins, and what is alive."""

from pathlib import Path

import pytest

PLUGINS = str(Path(__file__).parent / "plugins")


@pytest.fixture(scope="session")
def plugins():
    """The folder of the poisons, for PYTHONPATH."""
    return PLUGINS

"""Loaded by the fork server alone: when its parent has gone, it goes at once.

To tear down all that it has loaded would take it a second, for which it holds the parent's output.
"""

import atexit
import os

atexit.register(os._exit, 0)

"""A third party's metric that takes its time, and says that it began."""

import os
import time
from pathlib import Path

from howrobust.base.metric import Metric


def slow(forecast, y, y_scale):
    marker = os.environ.get("SLOW_METRIC")
    if marker:
        Path(marker).touch()
        time.sleep(3600)
    return 0.0


SLOW = Metric("slow", "low", slow)

"""How many calls a plan makes of models behind a network, counted without making one."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from howrobust.execution.costs import TIMED_POINTS
from howrobust.execution.timing import LEAST_PAIRS
from howrobust.execution.worker import fit_and_forecast
from howrobust.methods.wrappers.endpoint import Endpoint
from howrobust.methods.wrappers.fitted_model import FittedModel
from howrobust.planning.jobs import Job
from howrobust.planning.method_spec import MethodSpec
from howrobust.storage.arrays import FOLDERS, Files

# A draw of 1,000 points that takes 2 ms is timed five times, as that of any service is.
SECONDS_PER_ROW = 2.5e-6


@dataclass
class _Counter:
    """Stands for the service: answers 0, and counts the calls."""

    calls: int = 0

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        time.sleep(SECONDS_PER_ROW * len(arguments[-1]))
        mean = np.zeros(len(arguments[-1]))
        return mean if len(arguments) == 1 else (mean, mean + 1)


def call_count(jobs: Sequence[Job]) -> int:
    """Count the calls that jobs make of a model with ``batch_size`` or ``retries``.

    Parameters
    ----------
    jobs : sequence of Job
        Jobs of one method on one data set.

    Returns
    -------
    int
        The number of calls, retries aside; 0 for any other method.

    Notes
    -----
    The first cell of each job is forecast by a function that answers 0: calibration rows, every
    level of every stress, the queries of attacks, and the timing of a draw, which is done once for
    a job. Other cells of the job have as many rows, or nearly, and count as many calls.
    """
    total = 0
    for job in jobs:
        method = job.method.build()
        if not isinstance(method, FittedModel):
            continue
        endpoint = next(
            (each for each in (method.distribution, method.model) if isinstance(each, Endpoint)),
            None,
        )
        if endpoint is None:
            continue
        counter = _Counter()
        counted = Endpoint(counter, endpoint.batch_size)
        own = isinstance(method.distribution, Endpoint)
        fake = FittedModel(counted, method.noise, counted if own else None)
        spec = MethodSpec(job.method.name, model=fake)
        with TemporaryDirectory() as folder:
            for name in FOLDERS:
                (Path(folder) / name).mkdir()
            fit_and_forecast(replace(job, method=spec, cells=job.cells[:1]), Files(Path(folder)))
        timing = LEAST_PAIRS * math.ceil(TIMED_POINTS / (endpoint.batch_size or TIMED_POINTS))
        total += timing + (counter.calls - timing) * len(job.cells)
    return total

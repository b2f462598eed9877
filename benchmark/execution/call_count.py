"""How many calls a plan makes of models behind a network, counted without making one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from howrobust.execution.worker import fit_and_forecast
from howrobust.methods.wrappers.endpoint import Endpoint
from howrobust.methods.wrappers.fitted_model import FittedModel
from howrobust.planning.jobs import Job
from howrobust.planning.method_spec import MethodSpec
from howrobust.storage.arrays import FOLDERS, Files


@dataclass
class _Counter:
    """Stands for the service: answers 0, and counts the calls."""

    calls: int = 0

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
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
        The most calls, retries aside; 0 for any other method.

    Notes
    -----
    The first cell of each job is forecast by a function that answers 0 at once: calibration rows,
    every level of every stress, the queries of attacks and the timing of a draw. A cell has as many
    calls as the first one of its job, whose rows are as many, or nearly.
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
        total += counter.calls * len(job.cells)
    return total

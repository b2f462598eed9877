"""The worker: fits a stack of cells, forecasts each at its levels, and writes the forecasts.

It depends neither on the plan nor on the store; the scheduler commits the outcomes it returns.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from howrobust import seeds
from howrobust.base.cells import CLEAN, Cell, Level
from howrobust.base.data import Dataset, Source, Truth, discrete_step
from howrobust.base.fit_progress import keeping, listening
from howrobust.base.method import DifferentiablePosterior, Posterior, Problem
from howrobust.base.pool import TaskFailed
from howrobust.base.records import COSTS, GRADIENTS, MISSING_FILLED, Outcome, Record
from howrobust.base.stress import InputStress, RowStress, TrainStress
from howrobust.base.stress_context import Context
from howrobust.base.tables.frame import Frame, Labels
from howrobust.base.tables.unseen import unseen_remedy
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast
from howrobust.errors import BadInput
from howrobust.execution.costs import draw_cost, measure_fit, peak_memory_mb, reset_peak_memory
from howrobust.execution.forecast import TableRows, forecast_rows
from howrobust.execution.kept import KeptParts
from howrobust.execution.notes import ProgressNote
from howrobust.execution.prepared import infer
from howrobust.execution.stressed import MissingValues, stressed_inputs
from howrobust.planning.jobs import Job
from howrobust.storage.arrays import Files, write_arrays
from howrobust.storage.forecasts import pack_forecasts, read_forecasts

CHANGED = "changed"  # the kind of a failure


def run_job(job: Job, files: Files, threads: int) -> list[Outcome]:
    """Fit and forecast a stack, note the progress of the fit and keep its finished parts.

    Parameters
    ----------
    job : Job
        The stack and its levels.
    files : Files
        Where arrays and progress are written.
    threads : int
        Threads of compiled loops; all other libraries have one.

    Returns
    -------
    list of Outcome
        One for each cell of the job.
    """
    os.environ["HOWROBUST_THREADS"] = str(threads)
    note = ProgressNote(files.fitting(job.cells[0].key))
    kept = KeptParts(files, job.stack_key, job.timeout_s)
    # One thread, whatever the fork server was started with.
    with threadpool_limits(limits=1), listening(note.write), keeping(kept):
        return fit_and_forecast(job, files)


def fit_and_forecast(job: Job, files: Files) -> list[Outcome]:
    """Fit a stack and forecast each of its cells at every level.

    Parameters
    ----------
    job : Job
        The stack and its levels.
    files : Files
        Where arrays are written.

    Returns
    -------
    list of Outcome
        One for each cell of the job. An error in the forecasts of a cell fails that cell alone.

    Raises
    ------
    TaskFailed
        Where sources or data have changed since the keys were made.
    Exception
        What the method raises while it fits the stack.
    """
    _require_unchanged(job)  # before a plug-in is imported
    source = _planned_source(job)
    method = job.method.build()
    parts = [source.realise(cell.split, job.seed) for cell in job.cells]
    truth, frame, target_transform = source.truth, source.frame, source.target_transform
    del source  # a table of its own, as large as the splits of it
    given_truth = truth if type(method).sees_truth else None
    problems = []
    for cell, (train, _) in zip(job.cells, parts, strict=True):
        X, y, index = _training_rows(job, cell, train)
        problems.append(Problem(X, y, cell.fit_seed, given_truth, frame, index))
    method.prepare()
    reset_peak_memory()
    posteriors, fit_costs = measure_fit(
        lambda: infer(method, problems, target_transform), len(problems)
    )
    outcomes = []
    drawn: dict[str, float] = {}  # measured once: the posteriors of a stack are of one kind
    for cell, posterior, (train, test) in zip(job.cells, posteriors, parts, strict=True):
        try:
            fit = _Fit(job, cell, posterior, truth, frame, method.takes_tables, train, test)
            outcome = _write_forecasts(fit, files)
            drawn = drawn or draw_cost(posterior, test.X)
            costs = {**fit_costs, **drawn, "peak_rss_mb": peak_memory_mb()}
            outcomes.append(replace(outcome, costs=_cost_records(costs)))
        except Exception as error:
            outcomes.append(failed_outcome(cell, error))
    return outcomes


def failed_outcome(cell: Cell, error: BaseException) -> Outcome:
    """Return the outcome of a cell that failed.

    Parameters
    ----------
    cell : Cell
        The cell.
    error : BaseException
        What was raised.

    Returns
    -------
    Outcome
        Its status is "failed".
    """
    failed = TaskFailed.of(error)
    return Outcome(
        cell.key, "failed", kind=failed.kind, reason=failed.reason, traceback=failed.traceback
    )


def _cost_records(costs: dict[str, float]) -> tuple[Record, ...]:
    stress, level = CLEAN
    return tuple(Record(stress, level, name, costs[name], "ok") for name in COSTS)


@dataclass(frozen=True)
class _Fit:
    """A fitted cell with all that its forecasts depend on."""

    job: Job
    cell: Cell
    posterior: Posterior
    truth: Truth | None
    frame: Frame | None
    takes_tables: bool
    train: Dataset
    test: Dataset

    def inputs(self, X: Array) -> Array | TableRows:
        """Return variants of the test rows as the model takes them, a table with its labels."""
        if self.frame is None or not self.takes_tables:
            return _frozen(X)
        return TableRows(X, self.frame, self.test.index)


def _require_unchanged(job: Job) -> None:
    """Raise `TaskFailed` where a source file has changed since the plan read it."""
    changed = job.sources.changed()
    if changed:
        raise _changed(changed)


def _planned_source(job: Job) -> Source:
    """Open the data; `TaskFailed` where they have changed since the plan read them."""
    try:
        source = job.data.open()
    except BadInput as error:  # the plan could read them
        raise _changed(job.data.name) from error
    if job.data_sha256 and source.sha256 != job.data_sha256:
        raise _changed(job.data.name)
    return source


def _changed(name: str) -> TaskFailed:
    return TaskFailed(CHANGED, f"changed since the run was planned: {name}; run again")


def _frozen(array: Array) -> Array:
    """Return a read-only copy: a method must not change what other methods see."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _training_rows(job: Job, cell: Cell, train: Dataset) -> tuple[Array, Array, Labels]:
    """Return the rows that a cell is fitted on: X (n, d), y (n,) and labels, under its stress."""
    X, y = _frozen(train.X), _frozen(train.y)
    stress = job.stress(cell.train_stress) if cell.stress_level != CLEAN else None
    if not isinstance(stress, TrainStress):
        return X, y, train.index
    seed = _stress_seed(job, cell, stress.name)
    stressed = stress.apply(X, y, cell.level, seed)
    index = train.index
    if isinstance(stress, RowStress) and index is not None:
        index = index[stress.rows(len(y), cell.level, seed)]
    elif len(stressed[1]) != len(y):
        index = None  # which rows they are is not known
    return _frozen(stressed[0]), _frozen(stressed[1]), index


def _stress_seed(job: Job, cell: Cell, stress: str) -> int:
    """Return the seed of a stress: the same for every method and level."""
    return seeds.derive(job.seed, "stress", cell.dataset, cell.split, stress)


def _write_forecasts(fit: _Fit, files: Files) -> Outcome:
    """Forecast a cell at every level and write its files."""
    job, cell = fit.job, fit.cell
    step = discrete_step(fit.train.y)
    sha256 = _write_testset(fit, step, files)
    context = Context.of(fit.train.X, fit.posterior, fit.frame)
    missing = MissingValues(fit.train.X, context)
    forecasts: dict[Level, Forecast] = {}
    lost: list[tuple[Level, str]] = []
    for level in job.levels:
        X = fit.test.X
        try:
            X = _inputs_at(fit, context, level)
            forecasts[level] = _forecast_level(fit, missing, X, step, level)
        except Exception as error:
            if level == CLEAN:
                raise
            reason = failed_outcome(cell, error).reason
            lost.append((level, f"{reason}{_remedy(fit, X, reason)}"))
    _require_unchanged(job)  # modules imported meanwhile are those that the key was made of
    path = files.forecast(cell.key)
    kept = read_forecasts(path) if path.is_file() else {}
    write_arrays(path, pack_forecasts({**kept, **forecasts}))
    facts: dict[str, float | list[float]] = {
        **_numbers(fit.posterior.facts()),
        GRADIENTS: float(isinstance(fit.posterior, DifferentiablePosterior)),
        **({MISSING_FILLED: 1.0} if missing.refused else {}),
    }
    return Outcome(cell.key, "ok", tuple(forecasts), tuple(lost), sha256, facts)


def _write_testset(fit: _Fit, step: float, files: Files) -> str:
    """Write the test rows of a cell unless they exist; return their hash."""
    train, test = fit.train, fit.test
    # The training target scales the scores, so that the hash depends on it, too.
    sha256 = hashlib.sha256((test.sha256 + train.sha256).encode()).hexdigest()
    path = files.testset(sha256)
    if not path.is_file():
        numbers = {"y_scale": train.y.std() or 1.0, "step": step, "n_train": len(train.y)}
        arrays = {name: np.asarray(value) for name, value in numbers.items()}
        write_arrays(path, {"X": test.X, "y": test.y, **arrays})
    return sha256


def _inputs_at(fit: _Fit, context: Context, level: Level) -> Array:
    """Return the test inputs (v n, d) of a cell under a stress of them."""
    if level == CLEAN:
        return fit.test.X
    name, severity = level
    stress = fit.job.stress(name)
    if not isinstance(stress, InputStress):
        raise TypeError(f"{name} is not a stress of inputs")
    seed = _stress_seed(fit.job, fit.cell, name)
    X, y = _frozen(fit.test.X), _frozen(fit.test.y)
    return stressed_inputs(stress, X, y, context, severity, seed)


def _forecast_level(
    fit: _Fit, missing: MissingValues, X: Array, step: float, level: Level
) -> Forecast:
    """Forecast the inputs (v n, d) of a level, v variants of the test rows of a cell."""
    variants = len(X) // len(fit.test.y)
    y = np.tile(fit.test.y, variants)
    truth = fit.truth if level == CLEAN else None
    seed = seeds.derive(fit.cell.fit_seed, "predict")

    def forecast(inputs: Array) -> Forecast:
        rows = forecast_rows(fit.posterior, fit.inputs(inputs), y, step, truth, seed)
        return rows.replaced(variants=variants)

    return missing.forecast(forecast, X, fit.test.X)


def _remedy(fit: _Fit, X: Array, reason: str) -> str:
    """What to do about a category that the training rows do not have; empty where there is none."""
    return unseen_remedy(fit.frame, fit.train.X, X, reason) if fit.frame else ""


def _numbers(facts: Mapping[str, Any]) -> dict[str, float | list[float]]:
    """Return the facts of a posterior as numbers; ValueError or TypeError for anything else."""
    return {
        str(name): [float(v) for v in value] if np.ndim(value) else float(value)
        for name, value in facts.items()
    }

"""What is said about a user's model beside its measures: whose distribution it is, what failed."""

import inspect
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from threadpoolctl import threadpool_limits

from howrobust.base.cells import CLEAN
from howrobust.base.data import Source
from howrobust.base.method import Method, Problem
from howrobust.base.records import CellResult
from howrobust.base.tables.unseen import unseen_remedy
from howrobust.datasets.tables.encoder import Encoder
from howrobust.errors import BadInput
from howrobust.methods.wrappers.fitted_model import FittedModel
from howrobust.methods.wrappers.user_model import UserModel
from howrobust.seeds import derive

NOTES = {
    "own": "it is judged by its own distribution, as {} states it",
    "residual": (
        "the model gives one number: its distribution is a Gaussian around it with one sd, the "
        "root mean square of out-of-fold residuals, made by howrobust"
    ),
    "cv_plus": (
        "intervals are CV+ (Barber et al. 2021), made by howrobust: a stated 1 - a is guaranteed "
        "1 - 2 a less sqrt(2 / n) for exchangeable rows, and there is no density, so no nll"
    ),
    "fitted residual": (
        "the model gives one number: its distribution is a Gaussian around it with one sd, the "
        "root mean square of residuals on rows set aside, made by howrobust"
    ),
}
FITTED = (
    "the model is fitted already; whatever needs a refit (stability, gaps, label noise, outliers, "
    "small data) is missing"
)
PRETRAINED = (
    "the model brings knowledge from elsewhere (pretrained=True): if it has seen these rows, its "
    "scores are too good"
)


def about(estimator: Any, model: Method) -> Iterator[str]:
    """Yield whose distribution is judged, and what a model that is fitted already lacks."""
    if isinstance(estimator, Method) or not isinstance(model, UserModel | FittedModel):
        return
    whose = model.whose_distribution()
    if whose == "own":
        yield NOTES["own"].format(model.stated_by())
    else:
        yield NOTES[whose if model.refits else f"fitted {whose}"]
    if not model.refits:
        yield FITTED


def require_fresh_start(model: Method, source: Source, seed: int) -> tuple[str, ...]:
    """Raise BadInput where a model knows the target unfitted; say where that was not tested."""
    if not isinstance(model, UserModel):
        return ()
    train, _ = source.realise(source.splits(1)[0], seed)
    seed = derive(seed, "fresh start")
    problem = Problem(train.X, train.y, seed, frame=source.frame, index=train.index)
    if not model.takes_tables:
        encoder = Encoder.fit(source.frame, train.X, train.y, seed)
        problem = Problem(encoder.training, train.y, seed)
    try:
        with _unheard(), threadpool_limits(limits=1):
            note = model.require_fresh_start(problem)
    except BadInput:
        raise
    except (Exception, SystemExit) as error:
        return (f"whether the model starts afresh was not tested: {error}",)
    return (note,) if note else ()


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep what a model prints and warns of to itself, as the worker processes do."""
    nowhere = io.StringIO()
    with (
        warnings.catch_warnings(action="ignore"),
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        yield


def require_fitted(
    cells: Sequence[CellResult],
    label: str,
    estimator: Any,
    fitted: bool,
    source: Source,
    seed: int,
) -> None:
    """Raise BadInput where every fit to clean rows failed."""
    # A function that predicts was taken for one that makes a module.
    predicts = inspect.isroutine(estimator) and not fitted
    clean = [cell for cell in cells if cell.train_stress == CLEAN[0]]
    if all(cell.status != "ok" for cell in clean):
        hint = "; a function that predicts needs fitted=True" if predicts else ""
        why = f"{clean[0].reason}{_unseen(clean[0], source, seed)}"
        raise BadInput(f"{label} cannot be assessed: {why}{hint}")


def failures(cells: Sequence[CellResult], source: Source, seed: int) -> Iterator[str]:
    """Yield a sentence on each fit and each forecast under stress that failed."""
    for cell in cells:
        if cell.status != "ok" and cell.stress_level == CLEAN:
            yield f"on {cell.split}: {cell.reason}{_unseen(cell, source, seed)}"
        elif cell.status != "ok":
            yield f"under {cell.train_stress} {cell.level:g}: {cell.reason}"
    for cell in cells:
        for (stress, level), reason in cell.lost.items():
            yield f"under {stress} {level:g}: {reason}"


def failed_second_row(cells: Sequence[CellResult], label: str) -> tuple[str, ...]:
    """Say why the second row, or the reference, of a model lacks a fit: the first reason."""
    failed = [c for c in cells if c.method != label and c.status != "ok"]
    return tuple(f"{c.method}: {c.reason}" for c in failed[:1])


def _unseen(cell: CellResult, source: Source, seed: int) -> str:
    """Name a category of the test rows that no training row has, which may have failed a cell."""
    if source.frame is None:
        return ""
    train, test = source.realise(cell.split, seed)
    return unseen_remedy(source.frame, train.X, test.X, cell.reason)

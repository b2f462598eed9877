"""Assess a user's own model on the user's own rows."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from howrobust._new_rows import Forecaster
from howrobust._run import execute
from howrobust._run_models import keep, require_keepable
from howrobust.analysis.cards.card import Card
from howrobust.analysis.cards.ranking import cards
from howrobust.analysis.run_scores import Scores
from howrobust.base.cells import CLEAN
from howrobust.base.data import Source
from howrobust.base.method import Method
from howrobust.base.progress import Progress
from howrobust.base.records import CellResult
from howrobust.errors import BadInput
from howrobust.execution.pools.inline import InlinePool
from howrobust.planning.data_spec import DataSpec, given_rows
from howrobust.planning.entry_points import load_stress
from howrobust.planning.method_spec import MethodSpec, user_method
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import plan_of
from howrobust.planning.selection import Selection, chosen, with_thirds
from howrobust.planning.suite import load_suite

NOTES = {
    "residual": (
        "the model gives one number: its distribution is a Gaussian around it with one sd, the "
        "root mean square of out-of-fold residuals"
    ),
    "cv_plus": (
        "intervals are CV+ (Barber et al. 2021): a stated 1 - a is guaranteed 1 - 2 a less "
        "sqrt(2 / n) for exchangeable rows, and there is no density, so no nll"
    ),
    "fitted": (
        "the model came fitted: its distribution is a Gaussian around its prediction with one sd, "
        "the root mean square of residuals on rows set aside; whatever needs a refit (stability, "
        "gaps, label noise, outliers, small data) is missing"
    ),
}


def assess(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    fitted: bool = False,
    noise: str = "residual",
    n_folds: int = 5,
    stress: Sequence[str] | None = None,
    splits: int | None = None,
    repeats: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    keep_model: bool = False,
    progress: Progress | None = None,
) -> Card:
    """Return the robustness card of a model on the user's own rows.

    The model is fitted in this process, on random splits of 90 % training and 10 % test rows.

    Parameters
    ----------
    estimator : object
        A scikit-learn regressor or pipeline, a torch module or a function from the number of
        features to one, a `howrobust.base.method.Method`, or, with ``fitted``, a function from X to
        predictions of shape (n,) or an object with ``predict``. Clones are fitted; the estimator is
        not changed.
    X : array or data frame of shape (n, d)
        The inputs.
    y : array of shape (n,)
        The target.
    fitted : bool, default False
        Whether the estimator was already fitted, to other rows.
    noise : {"residual", "cv_plus"}, default "residual"
        How a model that predicts one number gets a distribution: from out-of-fold residuals, or by
        CV+ intervals.
    n_folds : int, default 5
        Number of folds of the out-of-fold residuals.
    stress : sequence of str, optional
        Names of stresses; those of the suite ``assess`` if None.
    splits : int, optional
        Number of splits; that of the suite ``assess`` if None.
    repeats : int, optional
        Fits of the first split from different random starts; the suite's number if None.
    seed : int, default 0
        Seed that all random numbers are derived from.
    out : str or Path, optional
        Folder that keeps the run, for `howrobust.load`; nothing is kept if None.
    keep_model : bool, default False
        Whether ``out`` also keeps the model, fitted to all rows, so that a saved card and
        ``howrobust predict --kept`` can forecast with it. Loading it executes code in its file.
    progress : Progress, optional
        Is called as cells finish.

    Returns
    -------
    Card
        The card.

    Raises
    ------
    BadInput
        For rows or a model that cannot be assessed.
    """
    import howrobust.reports.card_html  # noqa: F401 (it registers how a card is shown)

    source = given_rows(X, y)
    model = user_method(estimator, fitted=fitted, n_folds=n_folds, noise=noise)
    if keep_model:
        require_keepable(model, out)
    spec = _spec(estimator, model, fitted)
    suite = load_suite("assess")
    # Given as an option, the number would repeat all splits rather than the first.
    suite = msgspec.structs.replace(suite, repeats=suite.repeats if repeats is None else repeats)
    names = chosen(stress, suite.stress, "stress")
    plan = plan_of(
        Selection(
            suite=suite,
            options=RunOptions("assess", splits=splits, seed=seed),
            methods=[spec, MethodSpec("marginal")],
            data=[DataSpec(source.name, source=source)],
            stresses=with_thirds([load_stress(name) for name in names]),
        )
    )
    with TemporaryDirectory() as folder:
        results = execute(
            plan, out or folder, workers=1, fresh=True, progress=progress, pool=InlinePool()
        )
        cells = [cell for cell in results.cells() if cell.method == spec.label]
        _require_fitted(cells, spec.label, estimator, source, seed)
        card = cards(Scores(results))[spec.label]
    forecaster = Forecaster(model, source, seed)
    if keep_model:
        keep(forecaster.fitted, results, spec.label, source.name)
    about = () if isinstance(estimator, Method) else (NOTES["fitted" if fitted else noise],)
    return replace(
        card,
        notes=(*about, *card.notes, *dict.fromkeys(_failures(cells, source, seed))),
        forecaster=forecaster,
        origin=None if out is None else results.origin,
    )


def _require_fitted(
    cells: Sequence[CellResult], label: str, estimator: Any, source: Source, seed: int
) -> None:
    """Raise BadInput where every fit to clean rows failed."""
    clean = [cell for cell in cells if cell.train_stress == CLEAN[0]]
    if all(cell.status != "ok" for cell in clean):
        hint = "; a function that predicts needs fitted=True" if callable(estimator) else ""
        why = f"{clean[0].reason}{_unseen(clean[0], source, seed)}"
        raise BadInput(f"{label} cannot be assessed: {why}{hint}")


def _failures(cells: Sequence[CellResult], source: Source, seed: int) -> Iterator[str]:
    """Yield a sentence on each fit and each forecast under stress that failed."""
    for cell in cells:
        if cell.status != "ok" and cell.stress_level == CLEAN:
            yield f"on {cell.split}: {cell.reason}{_unseen(cell, source, seed)}"
        elif cell.status != "ok":
            yield f"under {cell.train_stress} {cell.level:g}: {cell.reason}"
    for cell in cells:
        for (stress, level), reason in cell.lost.items():
            yield f"under {stress} {level:g}: {reason}"


def _unseen(cell: CellResult, source: Source, seed: int) -> str:
    """Name a category of the test rows that no training row has, which may have failed a cell."""
    if source.frame is None:
        return ""
    train, test = source.realise(cell.split, seed)
    table = source.frame.decode(test.X)
    places = np.argwhere(source.frame.unseen(train.X, test.X))
    unseen = [(table.columns[column], table.iloc[row, column]) for row, column in places]
    if not unseen:
        return ""
    name, level = next((pair for pair in unseen if str(pair[1]) in cell.reason), unseen[0])
    return (
        f"; {name!r} holds {level!r} in test rows alone: let its encoder take unknown levels, as "
        "OneHotEncoder(handle_unknown='ignore') does, or leave those rows out"
    )


def _spec(estimator: Any, model: Method, fitted: bool) -> MethodSpec:
    """Return the model under the name of its class; a `Method` with its settings."""
    if isinstance(estimator, Method):
        kind = type(estimator)
        settings = estimator.get_params(deep=False)
        settings.pop("random_state", None)
        return MethodSpec(kind.__name__, model=kind).with_settings(settings)
    kind = estimator if isinstance(estimator, type) else type(estimator)
    name = "fitted model" if fitted else kind.__name__
    return MethodSpec("torch module" if name == "function" else name, model=model)

"""Assess a user's own model on the user's own rows."""

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from howrobust._assess_notes import (
    PRETRAINED,
    about,
    failed_second_row,
    failures,
    require_fitted,
    require_fresh_start,
)
from howrobust._new_rows import Forecaster
from howrobust._run import execute, local_pool
from howrobust._run_models import keep, require_keepable
from howrobust.analysis.cards.card import Card
from howrobust.analysis.cards.ranking import cards
from howrobust.analysis.run_scores import Scores
from howrobust.base.data import Source
from howrobust.base.facts import REFERENCES
from howrobust.base.method import Method
from howrobust.base.metric import Metric
from howrobust.base.pool import Pool
from howrobust.base.progress import Progress
from howrobust.base.stress import Stress
from howrobust.errors import BadInput
from howrobust.execution.pools.inline import InlinePool
from howrobust.execution.pools.parcels import why_not_sent
from howrobust.execution.progress import Reporter
from howrobust.methods.wrappers.fitted_model import FittedModel
from howrobust.methods.wrappers.options import UserModelOptions
from howrobust.methods.wrappers.user_model import UserModel
from howrobust.planning.data_spec import DataSpec, given_rows
from howrobust.planning.estimate import limit_warnings
from howrobust.planning.method_spec import RESIDUAL, MethodSpec, user_method
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import Plan, plan_of
from howrobust.planning.plugins.metrics import open_metrics
from howrobust.planning.plugins.stresses import open_stresses
from howrobust.planning.selection import Selection, with_thirds
from howrobust.planning.suite import load_suite


def assess(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    distribution: Any = None,
    fitted: bool = False,
    draws: int | None = None,
    name: str | None = None,
    noise: str = "auto",
    n_folds: int = 5,
    deterministic: bool = False,
    pretrained: bool = False,
    target_transform: str = "auto",
    stress: Sequence[str | Stress] | None = None,
    metrics: Sequence[str | Metric] = (),
    splits: int | None = None,
    repeats: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    keep_model: bool = False,
    workers: int | None = None,
    progress: bool | Progress = True,
    batch_size: int | None = None,
    retries: int = 0,
) -> Card:
    """Return the robustness card of a model on the user's own rows.

    The model is fitted in worker processes, on random splits of 90 % training and 10 % test rows,
    or of whole ``groups``. A model that cannot be pickled is fitted in this process instead, and a
    note on the card says so. It is judged by the distribution that it states itself; the card then
    has a second row, of the same fits with a Gaussian made from out-of-fold residuals, on clean
    rows.

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
    groups : array of shape (n,), optional
        Label of each row's group: a test set then holds whole groups, and stresses that hold out
        regions are left out.
    distribution : callable, optional
        Takes the fitted model and X, and returns what the model states: (mean, sd) of shape (n,),
        a `howrobust.distributions.predictive.Predictive` or a frozen distribution of
        `scipy.stats`. If None, the model is asked by the methods that it has.
    fitted : bool, default False
        Whether the estimator was already fitted, to other rows.
    draws : int, optional
        Draws of a torch module that draws at every call.
    name : str, optional
        Label of the model; the name of its class if None.
    noise : {"auto", "own", "residual", "cv_plus"}, default "auto"
        Whose distribution is judged: the model's own, a Gaussian from out-of-fold residuals, or CV+
        intervals. "auto" is the model's own, with "residual" as the second row, where it states
        one, and "residual" where it states none.
    n_folds : int, default 5
        Number of folds of the out-of-fold residuals.
    deterministic : bool, default False
        Whether the model claims that a fit depends on its rows and settings alone. Restarts that
        give the same predictions are then instability 0; otherwise they say nothing.
    pretrained : bool, default False
        Whether the model brings knowledge of the target that it did not learn from these rows, such
        as weights trained on others. A model that knows the target before it is fitted is refused
        otherwise.
    target_transform : {"none", "log", "yeo-johnson", "auto"}, default "auto"
        How the target is transformed for reference methods, and for an estimator that is a
        `howrobust.base.method.Method`; "auto" chooses by the training rows of each fit. Models of
        your own are given the target as it is.
    stress : sequence of str or Stress, optional
        Stresses: names, ``module:Name`` of your own, or objects; those of the suite ``assess`` if
        None.
    metrics : sequence of str or Metric, default ()
        Metrics of your own: ``module:name``, or objects.
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
    workers : int, optional
        Number of worker processes; one per core if None. The numbers do not depend on it.
    progress : bool or Progress, default True
        Whether progress is shown on standard error: a bar on a terminal, lines elsewhere. An object
        is called as cells finish.
    batch_size : int, optional
        Most rows in a call of a fitted model, such as a function that calls a service; all if None.
    retries : int, default 0
        How often a call of a fitted model that raises is made again, after 1, 2, 4, ... seconds, at
        most 60.

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

    source = given_rows(X, y, groups=groups, target_transform=target_transform)
    options = UserModelOptions(
        fitted=fitted, n_folds=n_folds, noise=noise, distribution=distribution, draws=draws,
        deterministic=deterministic, batch_size=batch_size, retries=retries,
    )  # fmt: skip
    model = user_method(estimator, options)
    if keep_model:
        require_keepable(model, out)
    notes = (PRETRAINED,) if pretrained else require_fresh_start(model, source, seed)
    spec = _spec(estimator, model, fitted, name)
    rows = [spec, *_second_row(spec, estimator, options)]
    asked = RunOptions("assess", splits=splits, repeats=repeats, seed=seed)
    plan = _plan(rows, source, stress, metrics, asked)
    for sentence in limit_warnings(plan.jobs):
        warnings.warn(sentence, stacklevel=2)
    pool, about_pool = _pool(model, workers)
    with TemporaryDirectory() as folder, _reporter(progress) as reporter:
        results = execute(plan, out or folder, fresh=True, progress=reporter, pool=pool)
        cells = [cell for cell in results.cells() if cell.method == spec.label]
        require_fitted(cells, spec.label, estimator, fitted, source, seed)
        card = cards(Scores(results))[spec.label]
        second = failed_second_row(results.cells(), spec.label)
    forecaster = Forecaster(model, source, seed)
    if keep_model:
        keep(forecaster.fitted, results, spec.label, source.name)
    notes = (*about(estimator, model), *notes, *about_pool, *second, *card.notes)
    return replace(
        card,
        notes=(*notes, *dict.fromkeys(failures(cells, source, seed))),
        forecaster=forecaster,
        origin=None if out is None else results.origin,
    )


def _plan(
    methods: Sequence[MethodSpec],
    source: Source,
    stress: Sequence[str | Stress] | None,
    metrics: Sequence[str | Metric],
    asked: RunOptions,
) -> Plan:
    """Plan the suite ``assess`` for the rows of a model, beside marginal."""
    suite = load_suite("assess")
    # Given as an option, the number would repeat all splits rather than the first.
    repeats = suite.repeats if asked.repeats is None else asked.repeats
    given = suite.stress if stress is None else stress
    given = [given] if isinstance(given, str | Stress) else given
    stresses = open_stresses([*dict.fromkeys(given)])
    return plan_of(
        Selection(
            suite=msgspec.structs.replace(suite, repeats=repeats),
            options=replace(asked, repeats=None),
            methods=[*methods, MethodSpec("marginal")],
            data=[DataSpec(source.name, source=source)],
            stresses=with_thirds(stresses.stresses),
            given_stresses=stresses.given,
            metrics=open_metrics([metrics] if isinstance(metrics, str | Metric) else metrics),
        )
    )


def _pool(
    model: Method, workers: int | None
) -> tuple[AbstractContextManager[Pool], tuple[str, ...]]:
    """Return worker processes; this process, and a note, where the model cannot be sent to them."""
    pool = local_pool(workers)
    reason = why_not_sent(model)
    if not reason:
        return pool, ()
    note = (
        f"the model was fitted in one process and without a time limit, since it cannot be pickled "
        f"({reason})"
    )
    print(f"howrobust: {note}", file=sys.stderr)
    return InlinePool(), (note,)


def _reporter(progress: bool | Progress) -> AbstractContextManager[Progress | None]:
    """Return what progress is reported to."""
    if isinstance(progress, bool):
        return Reporter() if progress else nullcontext()
    return nullcontext(progress)


def _spec(estimator: Any, model: Method, fitted: bool, name: str | None) -> MethodSpec:
    """Return the model under its name, or that of its class; a `Method` with its settings."""
    if name is not None and (not name or "[" in name or name in REFERENCES):
        raise BadInput(f"name={name!r} cannot be a label; give a word without brackets")
    if isinstance(estimator, Method):
        kind = type(estimator)
        settings = estimator.get_params(deep=False)
        settings.pop("random_state", None)
        return replace(
            MethodSpec(kind.__name__, model=kind).with_settings(settings),
            name=name or kind.__name__,
        )
    kind = estimator if isinstance(estimator, type) else type(estimator)
    own_name = "fitted model" if fitted else kind.__name__
    own_name = "torch module" if own_name == "function" else own_name
    return MethodSpec(name or own_name, model=model)


def _second_row(
    spec: MethodSpec, estimator: Any, options: UserModelOptions
) -> Iterator[MethodSpec]:
    """Yield the residual row of a user's model that is judged by its own distribution."""
    model = spec.model
    if not isinstance(model, UserModel | FittedModel) or options.noise != "auto":
        return
    if model.whose_distribution() == "own":
        residual = user_method(estimator, replace(options, noise="residual"))
        yield MethodSpec(spec.name, RESIDUAL, model=residual, row_of=spec.label)

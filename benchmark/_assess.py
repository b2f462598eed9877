"""Assess a user's own model on the user's own rows."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from howrobust._run import execute
from howrobust.analysis.cards.card import Card
from howrobust.analysis.cards.ranking import cards
from howrobust.analysis.run_scores import Scores
from howrobust.base.cells import CLEAN
from howrobust.base.data import Source
from howrobust.base.facts import REFERENCES
from howrobust.base.method import Method, Posterior, Problem
from howrobust.base.progress import Progress
from howrobust.base.records import CellResult
from howrobust.distributions.predictive import Predictive
from howrobust.errors import BadInput
from howrobust.execution.pools.inline import InlinePool
from howrobust.methods.wrappers.user_model import FittedModel, UserModel
from howrobust.planning.data_spec import DataSpec, given_rows
from howrobust.planning.entry_points import load_stress
from howrobust.planning.method_spec import RESIDUAL, MethodSpec, user_method
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import plan_of
from howrobust.planning.selection import Selection, chosen, with_thirds
from howrobust.planning.suite import load_suite
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
    "the model came fitted; whatever needs a refit (stability, gaps, label noise, outliers, small "
    "data) is missing"
)


def assess(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    distribution: Any = None,
    fitted: bool = False,
    draws: int | None = None,
    name: str | None = None,
    noise: str = "auto",
    n_folds: int = 5,
    stress: Sequence[str] | None = None,
    splits: int | None = None,
    repeats: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> Card:
    """Return the robustness card of a model on the user's own rows.

    The model is fitted in this process, on random splits of 90 % training and 10 % test rows. It is
    judged by the distribution that it states itself; the card then has a second row, of the same
    fits with a Gaussian made from out-of-fold residuals, on clean rows.

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
    make = partial(
        user_method, estimator, fitted=fitted, n_folds=n_folds, distribution=distribution,
        draws=draws,
    )  # fmt: skip
    model = make(noise=noise)
    spec = _spec(estimator, model, fitted, name)
    rows = [spec, *_second_row(spec, make)] if noise == "auto" else [spec]
    suite = load_suite("assess")
    # Given as an option, the number would repeat all splits rather than the first.
    suite = msgspec.structs.replace(suite, repeats=suite.repeats if repeats is None else repeats)
    names = chosen(stress, suite.stress, "stress")
    plan = plan_of(
        Selection(
            suite=suite,
            options=RunOptions("assess", splits=splits, seed=seed),
            methods=[*rows, MethodSpec("marginal")],
            data=[DataSpec(source.name, source=source)],
            stresses=with_thirds([load_stress(name) for name in names]),
        )
    )
    with TemporaryDirectory() as folder:
        results = execute(
            plan, out or folder, workers=1, fresh=True, progress=progress, pool=InlinePool()
        )
        cells = [cell for cell in results.cells() if cell.method == spec.label]
        _require_fitted(cells, spec.label, estimator, fitted)
        card = cards(Scores(results))[spec.label]
        missing = [f"{c.method}: {c.reason}" for c in results.cells()
                   if c.method != spec.label and c.status != "ok"][:1]  # fmt: skip
    return replace(
        card,
        notes=(*_about(estimator, model), *missing, *card.notes, *dict.fromkeys(_failures(cells))),
        forecaster=Forecaster(model, source, seed),
    )


def _about(estimator: Any, model: Method) -> Iterator[str]:
    """Yield whose distribution is judged, and what a model that came fitted lacks."""
    if isinstance(estimator, Method) or not isinstance(model, UserModel | FittedModel):
        return
    whose = model.whose_distribution()
    if whose == "own":
        yield NOTES["own"].format(model.stated_by())
    else:
        yield NOTES[whose if model.refits else f"fitted {whose}"]
    if not model.refits:
        yield FITTED


def _require_fitted(cells: Sequence[CellResult], label: str, estimator: Any, fitted: bool) -> None:
    """Raise BadInput where a fit to clean rows failed."""
    # A function that predicts was taken for one that makes a module.
    predicts = inspect.isroutine(estimator) and not fitted
    for cell in cells:
        if cell.status != "ok" and cell.train_stress == CLEAN[0]:
            hint = "; a function that predicts needs fitted=True" if predicts else ""
            raise BadInput(f"{label} cannot be assessed: {cell.reason}{hint}")


def _failures(cells: Sequence[CellResult]) -> Iterator[str]:
    """Yield a sentence on each fit and each forecast under stress that failed."""
    for cell in cells:
        if cell.status != "ok":
            yield f"under {cell.train_stress} {cell.level:g}: {cell.reason}"
    for cell in cells:
        for (stress, level), reason in cell.lost.items():
            yield f"under {stress} {level:g}: {reason}"


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


def _second_row(spec: MethodSpec, make: Callable[..., Method]) -> Iterator[MethodSpec]:
    """Yield the residual row of a user's model that is judged by its own distribution."""
    model = spec.model
    if isinstance(model, UserModel | FittedModel) and model.whose_distribution() == "own":
        residual = make(noise="residual")
        yield MethodSpec(spec.name, RESIDUAL, model=residual, row_of=spec.label)


@dataclass(frozen=True)
class Forecaster:
    """Forecasts of new rows by a model that is fitted to all rows of a data set.

    Parameters
    ----------
    model : Method
        The model; it is fitted at the first call.
    source : Source
        The data set.
    seed : int
        Seed of the run.
    """

    model: Method
    source: Source
    seed: int

    def __call__(self, X: Any) -> Predictive:
        """Return p(y | x) at new inputs.

        Parameters
        ----------
        X : array or data frame of shape (n, d)
            The inputs, with the columns of the data set.

        Returns
        -------
        Predictive
            The predictive distribution.
        """
        frame = self.source.frame
        inputs = np.asarray(X, dtype=np.float64) if frame is None else frame.encode(X)
        return self._posterior.predictive(inputs, seed=derive(self.seed, "new rows"))

    @cached_property
    def _posterior(self) -> Posterior:
        train, test = self.source.realise(self.source.splits(1)[0], self.seed)
        rows = train.join(test)
        seed = derive(self.seed, "all rows")
        problem = Problem(rows.X, rows.y, seed, truth=None, frame=self.source.frame)
        with threadpool_limits(limits=1):  # as every other fit had
            return self.model.infer_stack([problem])[0]

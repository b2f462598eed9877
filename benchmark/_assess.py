"""A user's own model and rows -> its robustness card."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
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
from howrobust.base.method import Method, Posterior, Problem
from howrobust.base.progress import Progress
from howrobust.distributions.predictive import Predictive
from howrobust.errors import BadInput
from howrobust.execution.pools.inline import HerePool
from howrobust.planning.plan import Request, load_suite, plan_of, texts, with_baseline
from howrobust.planning.registry import DataSpec, MethodSpec, given_model, given_rows, load_stress
from howrobust.seeds import derive

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
    progress: Progress | None = None,
) -> Card:
    """Return the robustness card of a model on rows X (n, d), an array or a pandas frame, and y.

    ``estimator``: a scikit-learn regressor or pipeline (never changed: clones are fitted), a torch
    module or a function from the number of features to one, a `howrobust.base.method.Method`, or, with
    ``fitted``, a model that has learnt already from other rows: a function from X to (n,), or
    anything with ``predict``. A model that gives one number gets its distribution from out-of-fold
    residuals (``noise="residual"``, over ``n_folds`` folds) or CV+ intervals (``"cv_plus"``).

    It is put through ``stress`` on ``splits`` random 90/10 splits and fitted ``repeats`` times on
    the first, in this process; None is what suite ``assess`` has. ``out`` keeps the run in a
    folder, for `howrobust.load`. Raises BadInput for rows or a model that cannot be assessed.
    """
    source = given_rows(X, y)
    model = given_model(estimator, fitted, n_folds, noise)
    spec = _spec(estimator, model, fitted)
    suite = load_suite("assess")
    suite = msgspec.structs.replace(suite, repeats=suite.repeats if repeats is None else repeats)
    plan = plan_of(
        suite,
        Request("assess", splits=splits, seed=seed),
        [spec, MethodSpec("marginal")],
        [DataSpec(source.name, source=source)],
        with_baseline([load_stress(name) for name in texts(stress, suite.stress, "stress")]),
    )
    with TemporaryDirectory() as folder:
        results = execute(plan, out or folder, 1, True, progress, HerePool())
        failed = [c for c in results.cells() if c.method == spec.label and c.status != "ok"]
        if any(c.train_stress == CLEAN[0] for c in failed):
            hint = "; a function that predicts needs fitted=True" if callable(estimator) else ""
            raise BadInput(f"{spec.label} cannot be assessed: {failed[0].reason}{hint}")
        card = cards(Scores(results))[spec.label]
    about = () if isinstance(estimator, Method) else (NOTES["fitted" if fitted else noise],)
    lost = [f"under {c.train_stress} {c.level:g}: {c.reason}" for c in failed]
    for cell in results.cells():
        if cell.method == spec.label:
            lost += [f"under {stress} {v:g}: {why}" for (stress, v), why in cell.lost.items()]
    return replace(
        card,
        notes=(*about, *card.notes, *dict.fromkeys(lost)),
        forecaster=Forecaster(model, source, seed),
    )


def _spec(estimator: Any, model: Method, fitted: bool) -> MethodSpec:
    """Return the model by the name of its class; one of ours with its settings."""
    if isinstance(estimator, Method):
        kind = type(estimator)
        words = {w: v for w, v in estimator.get_params(deep=False).items() if w != "random_state"}
        return MethodSpec(kind.__name__, thing=kind).with_settings(words)
    named = estimator if isinstance(estimator, type) else type(estimator)
    name = "fitted model" if fitted else named.__name__
    return MethodSpec("torch module" if name == "function" else name, thing=model)


@dataclass(frozen=True)
class Forecaster:
    """Forecasts of new rows by a model that has learnt all rows of a source."""

    model: Method
    source: Source
    seed: int

    def __call__(self, X: Any) -> Predictive:
        """Return p(y | x) at X, an array (n, d) or a frame with the columns that were learnt."""
        frame = self.source.frame
        inputs = np.asarray(X, dtype=np.float64) if frame is None else frame.encode(X)
        return self._posterior.predictive(inputs, seed=derive(self.seed, "new rows"))

    @cached_property
    def _posterior(self) -> Posterior:
        train, test = self.source.realise(self.source.splits(1)[0], self.seed)
        rows = train.join(test)
        problem = Problem(rows.X, rows.y, derive(self.seed, "all rows"), None, self.source.frame)
        with threadpool_limits(limits=1):  # as every other fit had
            return self.model.infer_stack([problem])[0]

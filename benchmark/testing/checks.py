"""Conformance checks for plug-ins: the laws of the contracts, each tried on small data.

``howrobust check NAME`` prints the findings; a plug-in's own tests may call `check_method`,
`check_source`, `check_stress`, `check_train_stress` and `check_metric`, which return them.
"""

import pickle  # nosec B403 # of what it has pickled itself
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from howrobust.base.data import Source
from howrobust.base.method import DifferentiablePosterior, Method, Problem
from howrobust.base.metric import Metric, Undefined, evaluate
from howrobust.base.stress import (
    Context,
    InputStress,
    SettingStress,
    SplitStress,
    Stress,
    TrainStress,
)
from howrobust.distributions.arrays import Array
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.predictive import Predictive
from howrobust.errors import BadInput
from howrobust.metrics.builtin import METRICS
from howrobust.planning import registry

Check = tuple[str, Callable[[], None]]
LEARNS = "it learns three small problems"


@dataclass(frozen=True)
class Finding:
    """A law, whether it held, and what happened where it did not."""

    law: str
    passed: bool
    detail: str = ""


def check_plugin(name: str) -> list[Finding]:
    """Check a plug-in or a metric by name, or what ``package.module:Name`` imports.

    A name of several kinds is checked as each of them; a method may have settings in brackets.
    Raises BadInput for what is none of these.
    """
    bare = name.partition("[")[0]
    if ":" in bare:
        return _check_imported(name, registry.load("methods", bare))
    found = [f for group in registry.KINDS for f in _check_entry(group, name)]
    found += [f for metric in METRICS if metric.name == name for f in check_metric(metric)]
    if not found:
        raise BadInput(
            f"unknown plug-in {name!r}; give a name that `howrobust list "
            "methods|datasets|metrics|stresses` shows, or package.module:Name"
        )
    return found


def _check_entry(group: str, name: str) -> list[Finding]:
    """Check the entry point of that name in a group; nothing where the group has none."""
    if group == "methods" and name.partition("[")[0] in registry.entries(group):
        return check_method(registry.MethodSpec.parse(name).build)
    if name not in registry.entries(group):
        return []
    if group == "datasets":
        _made(name, Source, registry.DataSpec(name).open)
        return check_source(registry.DataSpec(name).open)
    if group == "stress":
        return check_any_stress(_made(name, Stress, lambda: registry.load_stress(name)))
    return check_metric(_made(name, Metric, lambda: registry.load(group, name)))


def _check_imported(name: str, thing: Any) -> list[Finding]:
    """Check what a name imports: a plug-in of any kind, or a user's own model."""
    if isinstance(thing, Metric):
        return check_metric(thing)
    if isinstance(thing, type) and issubclass(thing, Stress):
        return check_any_stress(_made(name, Stress, thing))
    if isinstance(thing, type) and issubclass(thing, Source):
        _made(name, Source, thing)
        return check_source(thing)
    spec = _made(name, registry.MethodSpec, lambda: registry.MethodSpec.parse(name))
    found = check_method(spec.build)
    if spec.is_a_users() and not found[0].passed:
        raise BadInput(f"{name} is no plug-in and no model that can be fitted: {found[0].detail}")
    return found


def _made(name: str, kind: type, make: Callable[[], Any]) -> Any:
    """Return ``make()``; BadInput where it raises, or makes something else than a ``kind``."""
    try:
        made = make()
    except BadInput:
        raise
    except (Exception, SystemExit) as error:  # a plug-in may raise anything
        raise BadInput(f"{name} cannot be made: {_said(error)}") from error
    if not isinstance(made, kind):
        wanted = f"{kind.__module__}.{kind.__name__}"
        raise BadInput(f"{name} is a {type(made).__name__}, where a {wanted} is needed")
    return made


def check_any_stress(stress: Stress) -> list[Finding]:
    """Check the laws of a stress of whichever kind; BadInput for one that is of none."""
    if isinstance(stress, InputStress):
        return check_stress(stress)
    if isinstance(stress, TrainStress):
        return check_train_stress(stress)
    if isinstance(stress, SplitStress):
        return check_split_stress(stress)
    if isinstance(stress, SettingStress):
        return check_setting_stress(stress)
    raise BadInput(
        f"{type(stress).__name__} is a stress of no kind; derive it from InputStress, TrainStress, "
        "SplitStress or SettingStress"
    )


def _findings(checks: Iterator[Check]) -> list[Finding]:
    found = []
    for law, check in checks:
        try:
            check()
        except (Exception, SystemExit) as error:
            found.append(Finding(law, False, _said(error)))
        else:
            found.append(Finding(law, True))
    return found


def _said(error: BaseException) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error) or f'`{where.line}` is false'}"


def _require(condition: object, message: str) -> None:
    if not bool(condition):
        raise ValueError(message)


def _problem(n: int, seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    X[:, 0] = 100 + 10 * X[:, 0]
    y = 5 + 2 * X[:, 1] + np.sin(X[:, 2]) + 0.3 * rng.normal(size=n)
    X.flags.writeable = y.flags.writeable = False
    return Problem(X, y, seed)


def check_method(make: Callable[[], Method]) -> list[Finding]:
    """Check the laws of `Method`, `Posterior` and `Predictive`; ``make()`` returns a new method."""
    problems = [_problem(n, seed) for seed, n in enumerate((60, 47, 60))]
    X, y = _problem(40, 9).X, _problem(40, 9).y
    if make().sees_truth:
        return [Finding("a method that is told the truth has no posterior to check", True)]
    try:
        posteriors = make().infer_stack(problems)
    except (Exception, SystemExit) as error:  # no other law can be tried
        return [Finding(LEARNS, False, _said(error))]

    def one_posterior_per_problem() -> None:
        _require(len(posteriors) == len(problems), "infer_stack must return one per problem")

    def stack_equals_singles() -> None:
        for problem, stacked in zip(problems, posteriors, strict=True):
            (alone,) = make().infer_stack([problem])
            whole, single = (p.predictive(X, seed=3) for p in (stacked, alone))
            for a, b in zip(_numbers(whole, y), _numbers(single, y), strict=True):
                same = np.array_equal(a, b, equal_nan=True)  # a forecast may have no density
                _require(same, "a problem's posterior depends on its neighbours")

    def global_generators_are_left_alone() -> None:
        before = _global_states()
        (posterior,) = make().infer_stack(problems[:1])
        posterior.predictive(X, seed=5).mean()
        _require(_global_states() == before, "a global generator was used")

    def same_seed_same_forecast() -> None:
        first, second = (posteriors[0].predictive(X, seed=5).mean() for _ in range(2))
        _require(np.array_equal(first, second), "two forecasts with one seed differ")

    def subsets_of_rows_agree() -> None:
        whole = posteriors[0].predictive(X, seed=5).mean()
        part = posteriors[0].predictive(X[::3], seed=5).mean()
        np.testing.assert_allclose(part, whole[::3], rtol=1e-9, atol=1e-9)

    def distribution_is_one() -> None:
        _check_distribution(posteriors[0].predictive(X, seed=5), y)

    def posterior_can_be_pickled() -> None:
        again = pickle.loads(pickle.dumps(posteriors[0]))  # nosec B301
        first, second = (p.predictive(X, seed=5).mean() for p in (again, posteriors[0]))
        _require(np.array_equal(first, second), "a pickled posterior forecasts something else")

    def predict_is_the_mean() -> None:
        estimator = make().set_params(random_state=0).fit(problems[0].X, problems[0].y)
        mean = estimator.predict_distribution(X).mean()
        predicted = estimator.predict(X)
        _require(np.array_equal(predicted, mean), "predict is not the mean of the distribution")
        _require(predicted.dtype == np.float64, f"predict returned {predicted.dtype}, not float64")

    def settings_are_stored_untouched() -> None:
        method = make()
        for word, value in method.get_params(deep=False).items():
            _require(getattr(method, word) is value, f"__init__ changes {word}")

    return [Finding(LEARNS, True), *_findings(iter([
        ("one posterior per problem", one_posterior_per_problem),
        ("law 2: a stack equals its problems alone, bit for bit", stack_equals_singles),
        ("law 5: global generators are left alone", global_generators_are_left_alone),
        ("the same seed gives the same forecast", same_seed_same_forecast),
        ("a subset of rows has the same forecast", subsets_of_rows_agree),
        ("cdf, quantiles, moments and density belong to one distribution", distribution_is_one),
        ("a posterior can be pickled", posterior_can_be_pickled),
        ("predict is the mean of the distribution, float64", predict_is_the_mean),
        ("settings are stored untouched", settings_are_stored_untouched),
    ]))]  # fmt: skip


def _global_states() -> list[bytes]:
    """States of the global generators of Python, NumPy and, where it is loaded, torch."""
    numpy: Any = np.random.get_state(legacy=True)  # noqa: NPY002 - looked at, never used
    states = [repr(state).encode() for state in (random.getstate(), numpy[1].tolist(), numpy[2:])]
    torch = sys.modules.get("torch")
    return states + ([torch.get_rng_state().numpy().tobytes()] if torch else [])


def _numbers(predictive: Predictive, y: Array) -> tuple[Array, Array]:
    return predictive.mean(), predictive.logpdf(y)


def _check_distribution(predictive: Predictive, y: Array) -> None:
    mean, (aleatoric, between) = predictive.mean(), predictive.variance_parts()
    _require(mean.shape == y.shape, f"the mean has shape {mean.shape}, not {y.shape}")
    _require(np.isfinite(mean).all(), "the mean is not finite")
    _require((aleatoric > 0).all() and (between >= 0).all(), "a variance part is negative")
    _require(predictive.n_components >= 1, "n_components is less than 1")
    density = predictive.logpdf(mean)
    none = np.isnan(density).all()  # intervals alone: their cdf goes by steps
    _require(none or np.isfinite(density).all(), "the density at the mean is not finite")
    cdf = predictive.cdf(y)
    _require(((cdf >= 0) & (cdf <= 1)).all(), "the cdf leaves [0, 1]")
    levels = np.array([0.05, 0.5, 0.95])
    quantiles = predictive.quantile(levels)
    _require((np.diff(quantiles, axis=0) >= 0).all(), "quantiles are not in order")
    back = predictive.cdf(quantiles)
    atol = 2e-2 if none else 2e-3
    np.testing.assert_allclose(back, np.broadcast_to(levels[:, None], back.shape), atol=atol)
    # 400 draws: their mean is within 6 standard errors of the mean, at every point.
    drawn = predictive.sample(400, seed=1)
    _require(drawn.shape == (400, len(y)), f"sample has shape {drawn.shape}")
    error = np.sqrt((aleatoric + between) / 400)
    _require((np.abs(drawn.mean(axis=0) - mean) < 6 * error).all(), "draws miss the mean")


def check_source(make: Callable[[], Source]) -> list[Finding]:
    """Check the laws of `Source`; ``make()`` opens it anew."""
    source = make()

    def describes_itself() -> None:
        about = source.provenance
        _require(about.title and about.source and about.licence, "the provenance is incomplete")
        _require(len(source.sha256) == 64, "sha256 is not a sha256")

    def splits_are_named() -> None:
        names = source.splits(2)
        _require(len(set(names)) == 2, "two splits must have two names")

    def realise_is_a_function() -> None:
        split = source.splits(1)[0]
        first, second = source.realise(split, 7), make().realise(split, 7)
        same = all(a.sha256 == b.sha256 for a, b in zip(first, second, strict=True))
        _require(same, "the same split and seed gave other rows")

    def rows_are_finite() -> None:
        for part in source.realise(source.splits(1)[0], 7):
            _require(
                np.isfinite(part.X).all() and np.isfinite(part.y).all(), "a value is not finite"
            )
            _require(part.X.shape == (len(part.y), len(part.features)), "shapes do not agree")
            _require(np.ptp(part.y) > 0, "the target is constant")

    def truth_matches_rows() -> None:
        if source.truth is None:
            return
        _, test = source.realise(source.splits(1)[0], 7)
        truth = source.truth.predictive(test.X)
        _require(truth.mean().shape == test.y.shape, "the truth has another shape")
        pit = truth.cdf(test.y)
        # The mean of n uniforms is within 6 standard errors of one half.
        off = abs(float(pit.mean()) - 0.5)
        _require(off < 6 / np.sqrt(12 * len(pit)), "y does not come from its stated truth")

    return _findings(iter([
        ("it says where it comes from", describes_itself),
        ("splits have names", splits_are_named),
        ("a split is a function of its name and the seed", realise_is_a_function),
        ("rows are finite and shaped", rows_are_finite),
        ("y comes from the stated truth", truth_matches_rows),
    ]))  # fmt: skip


def check_stress(stress: InputStress) -> list[Finding]:
    """Check the laws of `InputStress`; an attack meets a straight line, which has gradients."""
    problem = _problem(80, 4)
    X, y, context = problem.X, problem.y, Context.of(problem.X, _Line(problem))

    def inputs(level: float) -> Array:
        return stress.apply(X, y, context, level, 1)

    def level_zero_is_clean() -> None:
        _require(np.array_equal(inputs(0.0), X), "level 0 changes the inputs")

    def same_seed_same_inputs() -> None:
        top = stress.levels[-1]
        _require(np.array_equal(inputs(top), inputs(top)), "one seed gave two results")

    def variants_are_whole() -> None:
        shapes = {inputs(level).shape for level in stress.levels}
        _require(len(shapes) == 1, f"levels have different shapes: {sorted(shapes)}")
        (shape,) = shapes
        n, d = X.shape
        whole = len(shape) == 2 and shape[0] > 0 and shape[0] % n == 0 and shape[1] == d
        _require(whole, f"shape {shape} is not (v n, d) for n = {n}, d = {d} and a whole v")
        finite = all(np.isfinite(inputs(level)).all() for level in stress.levels)
        _require(finite, "a stressed input is not finite")

    def levels_are_nested() -> None:
        stressed = np.array([inputs(level).reshape(-1, *X.shape) for level in stress.levels])
        moved = np.abs(stressed - X)  # (levels, v, n, d)
        # The clean inputs are near 100: differences round at 1e-13 of that.
        _require((np.diff(moved, axis=0) >= -1e-11).all(), "a higher level moves an entry less")

    nested: list[Check] = [("levels are nested", levels_are_nested)] if stress.nested else []
    return _findings(iter([
        ("levels ascend from 0", lambda: _check_ladder(stress)),
        ("level 0 is clean", level_zero_is_clean),
        ("the same seed gives the same inputs", same_seed_same_inputs),
        ("a level gives whole variants of all rows", variants_are_whole),
        *nested,
    ]))  # fmt: skip


def _check_ladder(stress: Stress) -> None:
    ladder = np.array([0.0, *stress.levels])
    _require(len(ladder) > 1 and (np.diff(ladder) > 0).all(), "levels must ascend from 0")


class _Line(DifferentiablePosterior):
    """Least squares, with the sd of its residuals."""

    def __init__(self, problem: Problem):
        inputs = np.column_stack([np.ones(len(problem.y)), problem.X])
        self.weights = np.linalg.lstsq(inputs, problem.y, rcond=None)[0]
        self.noise = float(np.std(problem.y - inputs @ self.weights))

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        mean = self.weights[0] + X @ self.weights[1:]
        return GaussianMixture(mean[None], self.noise)

    def gradients(
        self, X: Array, y: Array, draws: int | None = None, seed: int = 0
    ) -> tuple[Array, Array]:
        square = np.outer(-2 * (y - self.predictive(X).mean()), self.weights[1:])
        return square, square / (2 * self.noise**2)


def check_train_stress(stress: TrainStress) -> list[Finding]:
    """Check the laws of `TrainStress`."""
    problem = _problem(80, 4)
    X, y = problem.X, problem.y
    clean = np.column_stack([X, y])

    def rows(level: float) -> Array:
        return np.column_stack(stress.apply(X, y, level, 1))

    def intact(level: float) -> list[int]:
        """Clean rows that the level leaves as they are, in the order it gives them in."""
        place = {row.tobytes(): k for k, row in enumerate(clean)}
        return [place[row.tobytes()] for row in rows(level) if row.tobytes() in place]

    def level_zero_is_clean() -> None:
        _require(np.array_equal(rows(0.0), clean), "level 0 changes the rows")

    def same_seed_same_rows() -> None:
        top = stress.levels[-1]
        _require(np.array_equal(rows(top), rows(top)), "one seed gave two results")

    def rows_stay_rows() -> None:
        for level in stress.levels:
            inputs, targets = stress.apply(X, y, level, 1)
            m = len(targets)
            shaped = inputs.shape == (m, X.shape[1]) and targets.shape == (m,)
            _require(shaped, f"shapes {inputs.shape} and {targets.shape} do not agree")
            _require(m >= 2, f"level {level:g} leaves fewer than 2 of {len(y)} rows")
            _require(np.isfinite(rows(level)).all(), "a value is not finite")

    def levels_are_nested() -> None:
        for lower, higher in pairwise(stress.levels):
            lost = set(intact(higher)) - set(intact(lower))
            _require(not lost, f"level {lower:g} changes rows that {higher:g} leaves as they are")

    def rows_keep_their_order() -> None:
        in_order = all(intact(level) == sorted(intact(level)) for level in stress.levels)
        _require(in_order, "other rows are the last fifth, which validates")

    def repeats_are_drawn_apart() -> None:
        distinct = {rows(level).tobytes() for level in stress.levels}
        _require(len(distinct) == len(stress.levels), "two repeats are the same")

    of_kind: list[Check] = [
        ("levels are nested", levels_are_nested),
        ("rows keep their order", rows_keep_their_order),
    ]
    if not stress.ladder:
        of_kind = [("repeats are drawn apart", repeats_are_drawn_apart)]
    return _findings(iter([
        ("levels ascend from 0", lambda: _check_ladder(stress)),
        ("level 0 is clean", level_zero_is_clean),
        ("the same seed gives the same rows", same_seed_same_rows),
        ("rows are finite and shaped, two or more", rows_stay_rows),
        *of_kind,
    ]))  # fmt: skip


def check_split_stress(stress: SplitStress) -> list[Finding]:
    """Check the laws of `SplitStress`, on scikit-learn's table of 442 rows."""
    source = registry.DataSpec("diabetes").open()

    def splits_exist() -> None:
        names = stress.splits(source, 7)
        _require(names and len(set(names)) == len(names), "splits need names, each of its own")
        for name in names:
            train, test = source.realise(name, 7)
            rows = {row.tobytes() for row in train.X}
            _require(len(test.y) > 0, f"{name} tests on nothing")
            _require(not any(r.tobytes() in rows for r in test.X), f"{name} trains on test rows")

    return _findings(iter([("it names splits that its family has", splits_exist)]))


def check_setting_stress(stress: SettingStress) -> list[Finding]:
    """Check the laws of `SettingStress`, on the settings of every method in the catalogue."""

    def changes_are_settings() -> None:
        changed = 0
        for name in registry.names("methods"):
            spec = registry.MethodSpec(name)
            settings = spec.build().settings()
            for level in stress.levels:
                other = stress.change(dict(settings), level)
                changed += bool(other)
                spec.with_settings(other).build().settings()  # raises for a value out of bounds
                _require(all(settings[w] != v for w, v in other.items()), f"{name} is unchanged")
        _require(changed, "no method has such a setting")

    return _findings(iter([("what it changes are settings, within bounds", changes_are_settings)]))


def check_metric(metric: Metric) -> list[Finding]:
    """Check the laws of `Metric`."""
    rng = np.random.default_rng(0)
    means, y = rng.normal(size=(4, 60)), rng.normal(size=60)
    order = rng.permutation(60)

    def value(rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float | Undefined:
        mixture = GaussianMixture(means[:, rows], 0.5 + np.abs(means[:, rows]))
        return evaluate(metric, mixture.forecast(y[rows]), y[rows], 1.0)

    def value_or_reason() -> None:
        found = value(np.arange(60))
        ok = isinstance(found, float) or (isinstance(found, Undefined) and found.reason)
        _require(ok, f"it returned {found!r}")

    def row_order_is_irrelevant() -> None:
        first, second = value(np.arange(60)), value(order)
        if isinstance(first, float) and isinstance(second, float):
            np.testing.assert_allclose(first, second, rtol=1e-9)
        else:
            _require(first == second, "the order of rows changes whether it is defined")

    return _findings(iter([
        ("a finite value, or undefined with a reason", value_or_reason),
        ("the order of rows does not matter", row_order_is_irrelevant),
    ]))  # fmt: skip

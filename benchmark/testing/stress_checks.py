"""The laws of stresses: of inputs, training rows, splits and settings."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from howrobust.base.method import DifferentiablePosterior, Problem
from howrobust.base.stress import InputStress, SettingStress, SplitStress, Stress, TrainStress
from howrobust.base.stress_context import Context
from howrobust.base.tables.domain import Mask
from howrobust.distributions.arrays import Array
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.predictive import Predictive
from howrobust.errors import BadInput
from howrobust.planning import entry_points
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.method_spec import MethodSpec
from howrobust.testing.laws import Finding, Law, require, small_problem, small_table, try_laws


def check_stress(stress: Stress) -> list[Finding]:
    """Check the laws of a stress of any kind.

    Parameters
    ----------
    stress : Stress
        The stress.

    Returns
    -------
    list of Finding
        One for each law of its kind.

    Raises
    ------
    BadInput
        For a stress of no kind.
    """
    if isinstance(stress, InputStress):
        nested = NESTED_INPUTS if stress.nested else []
        in_turn = IN_TURN if stress.in_turn else []
        table = _Inputs.on_table(stress)
        subject = _Inputs.of(stress) if stress.features(None, 3).any() else table
        findings = try_laws(subject, INPUT_LAWS + nested + in_turn)
        return findings + try_laws(table, TABLE_LAWS)
    if isinstance(stress, TrainStress):
        of_kind = LADDER_LAWS if stress.ladder else REPEAT_LAWS
        return try_laws(_Rows(stress, small_problem(80, 4)), ROW_LAWS + of_kind)
    if isinstance(stress, SplitStress):
        return try_laws(stress, SPLIT_LAWS)
    if isinstance(stress, SettingStress):
        return try_laws(stress, SETTING_LAWS)
    raise BadInput(
        f"{type(stress).__name__} is a stress of unknown kind; derive it from InputStress, "
        "TrainStress, SplitStress or SettingStress"
    )


def _check_levels(stress: Stress) -> None:
    levels = np.array([0.0, *stress.levels])
    require(len(levels) > 1 and (np.diff(levels) > 0).all(), "levels must ascend from 0")


@dataclass(frozen=True)
class _Inputs:
    """A stress of inputs, and rows with a straight line, whose gradients an attack may use."""

    stress: InputStress
    problem: Problem
    context: Context

    @classmethod
    def of(cls, stress: InputStress) -> "_Inputs":
        problem = small_problem(80, 4)
        return cls(stress, problem, Context.of(problem.X, _Line(problem)))

    @classmethod
    def on_table(cls, stress: InputStress) -> "_Inputs":
        problem = small_table(80, 4)
        return cls(stress, problem, Context.of(problem.X, _Line(problem), problem.frame))

    @property
    def features(self) -> Mask:
        """Which features (d,) the stress changes."""
        return self.stress.features(self.problem.frame, self.problem.X.shape[1])

    def at(self, level: float) -> Array:
        """Return the stressed inputs (v n, d)."""
        return self.stress.apply(self.problem.X, self.problem.y, self.context, level, 1)


class _Line(DifferentiablePosterior):
    """Least squares, with the sd of its residuals."""

    def __init__(self, problem: Problem):
        inputs = np.column_stack([np.ones(len(problem.y)), np.nan_to_num(problem.X)])
        self.weights = np.linalg.lstsq(inputs, problem.y, rcond=None)[0]
        self.noise = float(np.std(problem.y - inputs @ self.weights))

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        mean = self.weights[0] + np.nan_to_num(X) @ self.weights[1:]
        return GaussianMixture(mean[None], self.noise)

    def gradients(
        self, X: Array, y: Array, draws: int | None = None, seed: int = 0
    ) -> tuple[Array, Array]:
        square = np.outer(-2 * (y - self.predictive(X).mean()), self.weights[1:])
        return square, square / (2 * self.noise**2)


def _level_zero_keeps_inputs(inputs: _Inputs) -> None:
    require(_same(inputs.at(0.0), inputs.problem.X), "level 0 changes the inputs")


def _same_seed_same_inputs(inputs: _Inputs) -> None:
    top = inputs.stress.levels[-1]
    require(_same(inputs.at(top), inputs.at(top)), "one seed gave two results")


def _same(X: Array, other: Array) -> bool:
    return np.array_equal(X, other, equal_nan=True)


def _variants_are_whole(inputs: _Inputs) -> None:
    levels = inputs.stress.levels
    shapes = {inputs.at(level).shape for level in levels}
    require(len(shapes) == 1, f"levels have different shapes: {sorted(shapes)}")
    (shape,) = shapes
    n, d = inputs.problem.X.shape
    whole = len(shape) == 2 and shape[0] > 0 and shape[0] % n == 0 and shape[1] == d
    require(whole, f"shape {shape} is not (v n, d) for n = {n}, d = {d} and a whole v")
    for level in levels:
        variants = inputs.at(level).reshape(-1, n, d)
        missing = np.isnan(variants) & ~np.isnan(inputs.problem.X).any(axis=0)
        require(not np.isinf(variants).any(), "a stressed input is infinite")
        allowed = inputs.stress.makes_missing or not missing.any()
        require(allowed, "a stressed input is NaN; such a stress states makes_missing")


def _inputs_are_nested(inputs: _Inputs) -> None:
    X = inputs.problem.X
    stressed = np.array([inputs.at(level).reshape(-1, *X.shape) for level in inputs.stress.levels])
    moved = np.abs(stressed - X)  # (levels, v, n, d)
    moved[np.isnan(stressed)] = np.inf  # missing is as far as can be
    moved[..., np.isnan(X)] = 0
    # The clean inputs are near 100: differences round at 1e-13 of that.
    require((moved[1:] >= moved[:-1] - 1e-11).all(), "a higher level moves an entry less")


def _features_are_in_turn(inputs: _Inputs) -> None:
    X = inputs.problem.X
    stressed = inputs.at(inputs.stress.levels[-1]).reshape(-1, *X.shape)
    moved = ((stressed != X) & ~(np.isnan(stressed) & np.isnan(X))).any(axis=1)  # (v, d)
    v, turned = len(moved), np.flatnonzero(inputs.features)
    m = len(turned)
    require(v % m == 0, f"{v} variants are not as many for each of {m} features")
    others = turned[np.arange(v) % m][:, None] != np.arange(X.shape[1])
    require(not moved[others].any(), "variant k changes another feature than the (k % m)-th")


def _other_columns_stay(inputs: _Inputs) -> None:
    X, features = inputs.problem.X, inputs.features
    stressed = inputs.at(inputs.stress.levels[-1])
    expected = np.tile(X, (len(stressed) // len(X), 1))
    stay = _same(stressed[:, ~features], expected[:, ~features])
    require(stay, "a column changes that the stress does not name")


INPUT_LAWS: list[Law[_Inputs]] = [
    ("levels ascend from 0", lambda inputs: _check_levels(inputs.stress)),
    ("level 0 is clean", _level_zero_keeps_inputs),
    ("the same seed gives the same inputs", _same_seed_same_inputs),
    ("a level gives whole variants of all rows", _variants_are_whole),
]
NESTED_INPUTS: list[Law[_Inputs]] = [("levels are nested", _inputs_are_nested)]
IN_TURN: list[Law[_Inputs]] = [("variants stress the features in turn", _features_are_in_turn)]
TABLE_LAWS: list[Law[_Inputs]] = [
    ("a table with gaps is stressed in whole variants", _variants_are_whole),
    ("of a table, other columns stay as they are", _other_columns_stay),
]


@dataclass(frozen=True)
class _Rows:
    """A stress of training rows, and the rows it is tried on."""

    stress: TrainStress
    problem: Problem

    def clean(self) -> Array:
        """Return the inputs and the target, (n, d + 1)."""
        return np.column_stack([self.problem.X, self.problem.y])

    def at(self, level: float) -> Array:
        """Return the stressed inputs and target, (m, d + 1)."""
        return np.column_stack(self.stress.apply(self.problem.X, self.problem.y, level, 1))

    def intact(self, level: float) -> list[int]:
        """Return the clean rows that the level leaves as they are, in the order it gives them."""
        place = {row.tobytes(): k for k, row in enumerate(self.clean())}
        return [place[row.tobytes()] for row in self.at(level) if row.tobytes() in place]


def _level_zero_keeps_rows(rows: _Rows) -> None:
    require(np.array_equal(rows.at(0.0), rows.clean()), "level 0 changes the rows")


def _same_seed_same_rows(rows: _Rows) -> None:
    top = rows.stress.levels[-1]
    require(np.array_equal(rows.at(top), rows.at(top)), "one seed gave two results")


def _rows_stay_rows(rows: _Rows) -> None:
    X, y = rows.problem.X, rows.problem.y
    for level in rows.stress.levels:
        inputs, targets = rows.stress.apply(X, y, level, 1)
        m = len(targets)
        shaped = inputs.shape == (m, X.shape[1]) and targets.shape == (m,)
        require(shaped, f"shapes {inputs.shape} and {targets.shape} do not agree")
        require(m >= 2, f"level {level:g} leaves fewer than 2 of {len(y)} rows")
        require(np.isfinite(rows.at(level)).all(), "a value is not finite")


def _rows_are_nested(rows: _Rows) -> None:
    for lower, higher in pairwise(rows.stress.levels):
        lost = set(rows.intact(higher)) - set(rows.intact(lower))
        require(not lost, f"level {lower:g} changes rows that {higher:g} leaves as they are")


def _rows_keep_their_order(rows: _Rows) -> None:
    kept = [rows.intact(level) for level in rows.stress.levels]
    in_order = all(order == sorted(order) for order in kept)
    require(in_order, "other rows are the last fifth, which validates")


def _repeats_differ(rows: _Rows) -> None:
    distinct = {rows.at(level).tobytes() for level in rows.stress.levels}
    require(len(distinct) == len(rows.stress.levels), "two repeats are the same")


ROW_LAWS: list[Law[_Rows]] = [
    ("levels ascend from 0", lambda rows: _check_levels(rows.stress)),
    ("level 0 is clean", _level_zero_keeps_rows),
    ("the same seed gives the same rows", _same_seed_same_rows),
    ("rows are finite and shaped, two or more", _rows_stay_rows),
]
LADDER_LAWS: list[Law[_Rows]] = [
    ("levels are nested", _rows_are_nested),
    ("rows keep their order", _rows_keep_their_order),
]
REPEAT_LAWS: list[Law[_Rows]] = [("repeats are drawn apart", _repeats_differ)]


def _splits_exist(stress: SplitStress) -> None:
    source = DataSpec("diabetes").open()
    names = stress.splits(source, 7)
    require(names and len(set(names)) == len(names), "splits need names, each of its own")
    for name in names:
        train, test = source.realise(name, 7)
        rows = {row.tobytes() for row in train.X}
        require(len(test.y) > 0, f"{name} has no test rows")
        require(not any(r.tobytes() in rows for r in test.X), f"{name} trains on test rows")


SPLIT_LAWS: list[Law[SplitStress]] = [("it names splits that its family has", _splits_exist)]


def _changes_are_settings(stress: SettingStress) -> None:
    changed = 0
    for name in entry_points.names("methods"):
        spec = MethodSpec(name)
        settings = spec.build().settings()
        for level in stress.levels:
            other = stress.change(dict(settings), level)
            changed += bool(other)
            spec.with_settings(other).build().settings()  # raises for a value out of bounds
            require(all(settings[w] != v for w, v in other.items()), f"{name} is unchanged")
    require(changed, "no method has such a setting")


SETTING_LAWS: list[Law[SettingStress]] = [
    ("what it changes are settings, within bounds", _changes_are_settings),
]

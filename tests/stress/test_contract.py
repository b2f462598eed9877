import numpy as np
import pytest

from howrobust.base.stress import InputStress, TrainStress, each_in_turn
from howrobust.base.stress_context import Context
from howrobust.testing.stress_checks import check_stress


def test_a_missing_entry_becomes_the_mean_or_the_mode_of_a_category():
    X = np.array([[0.0, 1.0, 0.0, 2.0], [1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    context = Context.of(X)
    assert context.fill.tolist() == [1, 1, 0, 1]
    assert context.fill.dtype == np.float64
    assert context.posterior is None
    np.testing.assert_allclose(context.mean, [2 / 3, 1, 1 / 3, 1])


def test_features_are_changed_in_turn():
    X = np.arange(6.0).reshape(3, 2)
    own, shared = each_in_turn(X, -X), each_in_turn(X, np.array([7.0, 8.0]))
    assert own.tolist() == [[0, 1], [-2, 3], [-4, 5], [0, -1], [2, -3], [4, -5]]
    assert shared.tolist() == [[7, 1], [7, 3], [7, 5], [0, 8], [2, 8], [4, 8]]
    assert X.tolist() == [[0, 1], [2, 3], [4, 5]]


class Scaled(InputStress):
    """Breaks no law; those below break one each. Its title is its name's."""

    name = "scaled_up"
    levels = (1.0, 2.0)
    unit = "times"

    def apply(self, X, y, context, level, seed):
        return np.concatenate([X * (1 + level), X * (1 - level)]) if level else X


class Descends(Scaled):
    levels = (2.0, 1.0)


class NeverClean(Scaled):
    def apply(self, X, y, context, level, seed):
        return X + 1 + level


class Unnested(Scaled):
    def apply(self, X, y, context, level, seed):
        return np.concatenate([X + level, X + level * (2 - level)]) if level else X


class HalfAVariant(Scaled):
    def apply(self, X, y, context, level, seed):
        return np.concatenate([X, X[: len(X) // 2]]) if level else X


class MoreVariantsByLevel(Scaled):
    def apply(self, X, y, context, level, seed):
        return np.concatenate([X] * int(level)) if level else X


class NotANumber(Scaled):
    def apply(self, X, y, context, level, seed):
        return X + np.nan if level else X


class Writes(Scaled):
    def apply(self, X, y, context, level, seed):
        X += level
        return X


class Forgets(Scaled):
    def apply(self, X, y, context, level, seed):
        return X + level * np.random.default_rng().normal() if level else X


class OutOfTurn(Scaled):
    """Stresses its features in turn, in the order of rows of a table of variants."""

    in_turn = True

    def apply(self, X, y, context, level, seed):
        return each_in_turn(X, X + level)[::-1] if level else X


@pytest.mark.parametrize(
    ("stress", "law"),
    [
        (OutOfTurn, "variants stress the features in turn"),
        (Descends, "levels ascend from 0"),
        (NeverClean, "level 0 is clean"),
        (Unnested, "levels are nested"),
        (HalfAVariant, "a level gives whole variants of all rows"),
        (MoreVariantsByLevel, "a level gives whole variants of all rows"),
        (NotANumber, "a level gives whole variants of all rows"),
        (Writes, "the same seed gives the same inputs"),
        (Forgets, "the same seed gives the same inputs"),
    ],
)
def test_an_input_stress_that_breaks_a_law_is_told_which(stress, law):
    assert law in {f.law for f in check_stress(stress()) if not f.passed}


class Attack(Unnested):
    """Moves away from the mean of the model it is shown."""

    nested = False

    def apply(self, X, y, context, level, seed):
        mean = context.posterior.predictive(X, seed=seed).mean()
        return X + np.where(mean > y, level, 0.5 - level)[:, None] if level else X


def test_an_attack_sees_a_model_and_need_not_be_nested():
    findings = check_stress(Attack())
    assert [f for f in findings if not f.passed] == []
    assert "levels are nested" not in {f.law for f in findings}


def test_a_stress_of_several_variants_keeps_the_laws_and_has_a_title():
    assert [f for f in check_stress(Scaled()) if not f.passed] == []
    assert Scaled().title == "scaled up"


class Raised(TrainStress):
    """Breaks no law; those below break one each."""

    name = "raised"
    levels = (0.1, 0.5)
    unit = "share"

    def apply(self, X, y, level, seed):
        return X, y + (np.arange(len(y)) < level * len(y))


class NoLevels(Raised):
    levels = ()


class ChangesAtZero(Raised):
    def apply(self, X, y, level, seed):
        return X, y + 1


class OtherRowsByLevel(Raised):
    def apply(self, X, y, level, seed):
        return X, y + (np.arange(len(y)) == int(10 * level))


class Reverses(Raised):
    def apply(self, X, y, level, seed):
        return (X[::-1], y[::-1]) if level else (X, y)


class LeavesOne(Raised):
    def apply(self, X, y, level, seed):
        return (X[:1], y[:1]) if level else (X, y)


class ForgetsTargets(Raised):
    def apply(self, X, y, level, seed):
        return (X[1:], y) if level else (X, y)


class OneRepeat(Reverses):
    ladder = False


class DrawsAnew(Raised):
    def apply(self, X, y, level, seed):
        return X, y + level * np.random.default_rng().normal()


@pytest.mark.parametrize(
    ("stress", "law"),
    [
        (NoLevels, "levels ascend from 0"),
        (ChangesAtZero, "level 0 is clean"),
        (OtherRowsByLevel, "levels are nested"),
        (Reverses, "rows keep their order"),
        (LeavesOne, "rows are finite and shaped, two or more"),
        (ForgetsTargets, "rows are finite and shaped, two or more"),
        (OneRepeat, "repeats are drawn apart"),
        (DrawsAnew, "the same seed gives the same rows"),
    ],
)
def test_a_train_stress_that_breaks_a_law_is_told_which(stress, law):
    assert law in {f.law for f in check_stress(stress()) if not f.passed}


def test_a_sound_train_stress_keeps_the_laws():
    assert [f for f in check_stress(Raised()) if not f.passed] == []
    assert (Raised().fixed_steps, Raised().ladder) == (False, True)

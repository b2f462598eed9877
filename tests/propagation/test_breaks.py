"""Where a function breaks, and the worst case in a box."""

import numpy as np
import pytest
from scipy import stats

import howrobust as hr


def breaking(a, b):
    if a > 2:
        raise ZeroDivisionError("a is too large")
    return np.nan if a < -2 else np.inf if b > 3 else a + b


def test_rows_without_an_output_are_counted_by_reason_and_left_out():
    result = hr.propagate(breaking, {"a": 0, "b": 0}, {"a": 1, "b": 1}, draws=500)
    y = result.outputs[0]
    assert result.broken == np.isnan(y).sum() > 10
    by_reason = {each.reason: each for each in result.breaks}
    assert set(by_reason) == {"NaN", "infinite", "ZeroDivisionError"}
    assert by_reason["NaN"].inputs["a"] < -2
    assert by_reason["infinite"].inputs["b"] > 3
    assert by_reason["ZeroDivisionError"].inputs["a"] > 2
    assert by_reason["ZeroDivisionError"].detail == "ZeroDivisionError: a is too large"
    assert result.mean == pytest.approx(np.nanmean(y), rel=1e-12)
    assert f"At {result.broken} of 500 draws there is no output" in result.sentence
    assert "% of the draws have outputs that are not finite" in result.undefined
    assert any("are those of the" in note for note in result.notes)


def test_an_exception_in_a_batch_costs_its_own_rows_alone():
    calls = []

    def batches(X):
        calls.append(len(X))
        if (X[:, 0] > 2.5).any():
            raise ValueError("out of range")
        return X[:, 0]

    result = hr.propagate(batches, np.array([0.0]), {"x0": 1.0}, draws=2000)
    draws = result.noise.draw(2000, 0, "A")[:, 0]
    assert np.array_equal(np.isnan(result.outputs[0]), draws > 2.5)
    assert np.array_equal(result.outputs[0][draws <= 2.5], draws[draws <= 2.5])


def test_a_jump_is_found_where_it_is_and_what_is_steep_is_none():
    def stepped(a, b):
        return np.where(a > 1.2345, 10.0, 0.0) + b + 5 * np.tanh(200 * (b - 0.3))

    result = hr.propagate(stepped, {"a": 1.0, "b": 0.0}, {"a": 1.0, "b": 1.0}, draws=500)
    (jump,) = [each for each in result.breaks if each.reason == "jump"]
    assert jump.count == 1
    assert jump.inputs["a"] == pytest.approx(1.2345, abs=1e-6)
    assert "along a the output jumps" in jump.detail
    assert result.broken == 0


def test_no_jump_is_found_in_a_smooth_function():
    result = hr.propagate(
        lambda a, b: np.exp(3 * a) * b + np.abs(a), {"a": 0, "b": 1}, {"a": 1, "b": 1}, draws=500
    )
    assert result.breaks == ()


def test_the_worst_case_of_a_monotone_function_is_a_corner():
    noise = {"a": stats.uniform(-1, 2), "b": 0.1, "c": stats.expon(scale=1)}
    result = hr.propagate(
        lambda a, b, c: a - b + c, {"a": 0, "b": 0, "c": 0}, noise, draws=300,
        box={"b": (-0.5, 0.25)},
    )  # fmt: skip
    worst = result.worst_case
    assert worst.lowest.inputs == pytest.approx({"a": -1, "b": 0.25, "c": 0})
    top = stats.expon(scale=1).ppf(stats.norm.cdf(3))
    assert worst.highest.output == pytest.approx(1 + 0.5 + top, rel=1e-9)


def test_the_worst_case_inside_the_box_is_found():
    def bump(X):
        return -np.sum((X - [0.3, -0.7, 0.1]) ** 2, axis=1)

    result = hr.propagate(bump, np.zeros(3), {"x0": 1.0, "x1": 1.0, "x2": 1.0}, draws=300)
    assert result.worst_case.highest.output == pytest.approx(0, abs=1e-8)
    lowest = -(3.3**2 + 3.7**2 + 3.1**2)
    assert result.worst_case.lowest.output == pytest.approx(lowest, rel=1e-9)


def test_no_draw_in_the_box_is_worse_than_the_worst_case():
    def spiky(X):
        return np.sum(np.sin(40 * X), axis=1)

    result = hr.propagate(spiky, np.zeros(2), {"x0": 1.0, "x1": 1.0}, draws=3000)
    inside = (np.abs(result.noise.draw(3000, 0, "A")) <= 3).all(axis=1)
    assert result.worst_case.highest.output >= result.outputs[0][inside].max()
    assert result.worst_case.lowest.output <= result.outputs[0][inside].min()


def test_a_function_that_draws_is_called_one():
    rng = np.random.default_rng(0)
    result = hr.propagate(
        lambda X: X[:, 0] + rng.normal(size=len(X)), np.zeros(1), {"x0": 1.0}, draws=300
    )
    assert any("random numbers of its own" in note for note in result.notes)


def test_what_a_function_draws_is_no_interaction_of_its_inputs():
    rng = np.random.default_rng(0)
    result = hr.propagate(
        lambda X: X.sum(axis=1) + 9 * rng.normal(size=len(X)),
        np.zeros(2),
        {"x0": 1.0, "x1": 1.0},
        draws=300,
    )
    assert "interactions" not in result.sentence
    assert "random numbers of its own" in result.undefined
    assert result.sensitivities["total"].isna().all()


def test_no_output_at_the_point_itself_is_no_draw():
    result = hr.propagate(
        lambda X: np.where(X[:, 0] == 0, np.nan, X[:, 0]), np.zeros(1), {"x0": 1.0}, draws=300
    )
    assert not any("random numbers" in note for note in result.notes)


def test_a_pole_in_reach_of_the_noise_leaves_the_sd_unsettled():
    def sag(h):
        return 1 / h**3

    near = hr.propagate(sag, {"h": 25.0}, noise={"h": 20.0}, draws=2000)
    assert any("not settled" in note for note in near.notes)
    far = hr.propagate(sag, {"h": 25.0}, noise={"h": 0.5}, draws=2000)
    assert not any("not settled" in note for note in far.notes)

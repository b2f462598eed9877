"""Mean, sd, interval and shares against closed forms, and against plain Monte Carlo."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import howrobust as hr
from howrobust.propagation.indices import shares
from howrobust.propagation.moments import split
from howrobust.propagation.noise import noise_of

W = np.array([3.0, -2.0, 0.5])
SD = np.array([0.5, 1.0, 4.0])
NOISE = {"x0": 0.5, "x1": 1.0, "x2": 4.0}
POINT = np.array([1.0, 2.0, 3.0])


def linear(X):
    return 7 + X @ W


def deflection(F, L, E, b, h):
    return F * L**3 / (48 * E * b * h**3 / 12)


BEAM = {"F": 1000.0, "L": 1000.0, "E": 2.1e5, "b": 20.0, "h": 20.0}


@pytest.mark.parametrize("seed", [0, 1])
def test_a_linear_function_is_exact(seed):
    noise = {**NOISE, "x1": stats.uniform(-1, 3)}  # a mean of 0.5, a sd of 3 / sqrt(12)
    sd = np.array([0.5, 3 / np.sqrt(12), 4.0])
    result = hr.propagate(linear, POINT, noise, draws=1000, seed=seed)
    variance = (W * sd) ** 2
    assert result.mean == pytest.approx(linear(POINT) - 2 * 0.5, rel=1e-12)
    assert result.sd == pytest.approx(np.sqrt(variance.sum()), rel=1e-12)
    for which in ("first_order", "total"):
        share = result.sensitivities[which].to_numpy()
        assert share == pytest.approx(variance / variance.sum(), rel=1e-9)
    assert max(result.mean_se, result.sd_se) < 1e-12
    # The interval is one of draws.
    normal = hr.propagate(linear, POINT, NOISE, draws=20_000, seed=seed)
    exact = stats.norm(linear(POINT), np.sqrt(np.sum((W * SD) ** 2))).ppf([0.025, 0.975])
    assert (np.abs(np.array(normal.interval) - exact) < 4 * np.array(normal.interval_se)).all()


def test_a_linear_function_of_correlated_noise_is_exact_and_has_no_shares():
    R = np.array([[1, 0.8, 0], [0.8, 1, -0.3], [0, -0.3, 1]])
    names = list(NOISE)[::-1]  # a frame is taken by its labels
    frame = pd.DataFrame(R[::-1, ::-1], names, names)
    for correlation in (R, frame):
        result = hr.propagate(linear, POINT, NOISE, correlation=correlation, draws=1000)
        assert result.sd**2 == pytest.approx((W * SD) @ R @ (W * SD), rel=1e-12)
    assert "correlated" in result.undefined
    assert result.sensitivities["first_order"].isna().all()
    assert "of the variance" not in result.sentence
    assert "correlated" in result.sentence


def test_noise_has_the_margins_and_the_correlation_that_were_asked_for():
    noise = noise_of({"a": 2, "b": stats.expon(scale=3)}, [[1, 0.6], [0.6, 1]])
    draws = noise.draw(20_000, 0, "A")
    assert stats.kstest(draws[:, 0], stats.norm(0, 2).cdf).pvalue > 1e-3
    assert stats.kstest(draws[:, 1], stats.expon(scale=3).cdf).pvalue > 1e-3
    # Spearman's rank correlation of a Gaussian copula is 6 / pi asin(r / 2).
    rank = stats.spearmanr(*draws.T).statistic
    assert rank == pytest.approx(6 / np.pi * np.arcsin(0.3), abs=4 / np.sqrt(20_000))
    whole = noise_of({"a": 1, "b": 1}, np.ones((2, 2))).draw(300, 0, "A")  # singular
    assert whole[:, 0] == pytest.approx(whole[:, 1], rel=1e-6)


def test_draws_do_not_depend_on_their_number_nor_on_other_inputs():
    few, many = (noise_of({"a": 1, "b": 2}, None).draw(n, 3, "A") for n in (300, 1000))
    assert np.array_equal(few, many[:300])
    alone = noise_of({"b": 2}, None).draw(300, 3, "A")
    assert np.array_equal(alone[:, 0], few[:, 1])


def test_the_simulator_agrees_with_a_plain_monte_carlo():
    noise = {"F": 50, "L": stats.norm(0, 10), "h": stats.uniform(-0.5, 1)}
    n = 1_000_000
    rng = np.random.default_rng(1)
    F, L = rng.normal(1000, 50, n), rng.normal(1000, 10, n)
    h = rng.uniform(19.5, 20.5, n)
    y = deflection(F, L, 2.1e5, 20.0, h)
    mean_se = y.std() / np.sqrt(n)
    sd_se = np.std((y - y.mean()) ** 2) / (2 * y.std() * np.sqrt(n))
    result = hr.propagate(deflection, BEAM, noise)
    assert abs(result.mean - y.mean()) < 3 * np.hypot(result.mean_se, mean_se)
    assert abs(result.sd - y.std()) < 3 * np.hypot(result.sd_se, sd_se)
    # Of a product of independent factors, V_i = v_i times the squared means of the others. 10^6
    # draws give a variance to sqrt(2 / 10^6), three of which are 0.004 of a share of a half.
    factors = np.array([F, L**3, h**-3.0])
    relative = factors.var(axis=1) / factors.mean(axis=1) ** 2
    first = relative / (np.prod(1 + relative) - 1)
    shares = result.sensitivities["first_order"]
    assert shares.idxmax() == list(noise)[int(np.argmax(first))] == "F"
    assert (np.abs(shares - first) < 3 * result.sensitivities["first_order_se"] + 0.002).all()


def ishigami(X):
    a, b, c = X.T
    return np.sin(a) + 7 * np.sin(b) ** 2 + 0.1 * c**4 * np.sin(a)


def test_shares_of_a_function_with_interactions_are_those_of_theory():
    width = stats.uniform(-np.pi, 2 * np.pi)
    noise = {"x0": width, "x1": width, "x2": width}
    # Ishigami & Homma 1990: variances of the terms.
    one, two, both = (1 + np.pi**4 / 50) ** 2 / 2, 49 / 8, 8 * np.pi**8 / 22500
    variance = one + two + both
    result = hr.propagate(ishigami, np.zeros(3), noise)
    table = result.sensitivities
    first = np.array([one, two, 0]) / variance
    total = np.array([one + both, two, both]) / variance
    assert (np.abs(table["first_order"] - first) < 4 * table["first_order_se"]).all()
    assert (np.abs(table["total"] - total) < 4 * table["total_se"]).all()
    assert result.mean == pytest.approx(3.5, abs=4 * result.mean_se)
    assert result.sd == pytest.approx(np.sqrt(variance), abs=4 * result.sd_se)


def test_shares_without_a_linear_part_are_those_of_scipy():
    n = 1024
    noise = noise_of({"x0": 1.0, "x1": 0.7, "x2": 1.3}, None)
    A, B = noise.draw(n, 0, "A"), noise.draw(n, 0, "B")
    mixed = np.array([np.where(np.arange(3) == i, B, A) for i in range(3)])
    y_A, y_B, y_AB = ishigami(A), ishigami(B), np.array([ishigami(X) for X in mixed])
    outputs = {"f_A": y_A[None], "f_B": y_B[None], "f_AB": y_AB[:, None]}
    theirs = stats.sobol_indices(func=outputs, n=n)
    ours = shares(split(y_A, A, noise.mean, None), noise, A, B, y_B, y_AB)
    # scipy takes mean and variance of A and B together; the terms are the same.
    ratio = np.var([y_A, y_B]) / np.var(y_A, ddof=1)
    shift = (y_A.mean() - y_B.mean()) / 2 * (y_AB - y_A).mean(axis=1) / np.var(y_A, ddof=1)
    assert ours.first == pytest.approx(theirs.first_order * ratio - shift, rel=1e-9)
    assert ours.total == pytest.approx(theirs.total_order * ratio, rel=1e-9)


def test_standard_errors_are_the_spread_over_seeds():
    def curved(a, b):
        return a + 0.5 * a**2 * b

    results = [
        hr.propagate(curved, {"a": 1, "b": 1}, {"a": 0.5, "b": 0.5}, draws=500, seed=seed)
        for seed in range(40)
    ]

    def ratio(values, errors):  # of 39 degrees of freedom: its sd is about 1 / sqrt(2 * 39) = 0.11
        return np.std(values, ddof=1) / np.mean(errors)

    for name in ("mean", "sd"):
        values = [getattr(r, name) for r in results]
        errors = [getattr(r, f"{name}_se") for r in results]
        assert 0.6 < ratio(values, errors) < 1.5, name
    for name in ("first_order", "total"):
        values = [r.sensitivities[name].iloc[0] for r in results]
        errors = [r.sensitivities[f"{name}_se"].iloc[0] for r in results]
        assert 0.6 < ratio(values, errors) < 1.5, name
    assert 0.6 < ratio([r.interval[1] for r in results], [r.interval_se[1] for r in results]) < 1.5


def test_several_points_have_numbers_each_and_together():
    table = pd.DataFrame({"a": [1.0, 10.0, -4.0], "b": [0.0, 1.0, 2.0]})
    result = hr.propagate(lambda a, b: a * b, table, {"a": 1.0, "b": 0.1}, draws=4000)
    # V[(a + e)(b + u)] = b^2 s_a^2 + a^2 s_b^2 + s_a^2 s_b^2
    sd = np.sqrt(table["b"] ** 2 + 0.01 * table["a"] ** 2 + 0.01)
    each = result.at_points
    assert (np.abs(each["sd"] - sd) < 4 * each["sd_se"]).all()
    assert (np.abs(each["mean"] - table["a"] * table["b"]) < 4 * each["mean_se"]).all()
    assert result.mean == pytest.approx(each["mean"].mean(), rel=1e-12)
    assert result.sd == pytest.approx(np.sqrt(np.mean(each["sd"] ** 2)), rel=1e-12)
    first = np.array([np.sum(table["b"] ** 2), 0.01 * np.sum(table["a"] ** 2)]) / np.sum(sd**2)
    errors = result.sensitivities["first_order_se"]
    assert (np.abs(result.sensitivities["first_order"] - first) < 4 * errors).all()
    assert "over 3 points" in result.sentence
    one = hr.propagate(lambda a, b: a * b, table.iloc[1], {"a": 1.0, "b": 0.1}, draws=4000)
    assert one.sd == each["sd"][1]


@pytest.mark.parametrize(
    ("f", "noise", "said"),
    [
        (lambda a, b: a + 0.1 * b, {"a": 1, "b": 1}, "mostly from a (99 % of the variance)"),
        (lambda a, b: a + b, {"a": 1, "b": 1}, "its variance above all from a (50 %) and b (50 %)"),
        (lambda a, b: a * b, {"a": 1, "b": 1}, "mostly from interactions of the inputs (100 %"),
        (lambda a, b: a, {"a": 1}, "give or take 1.0 kN (95 %: -1.9 to 2.0 kN)."),
        (lambda a, b: a, {"a": stats.norm(2, 0.5)}, "With a +2 ± 0.5 N (± is one sd)"),
        (lambda a, b: a, {"a": stats.uniform(-1, 2)}, "With a + uniform(-1, 2) N, the force is"),
    ],
)
def test_the_sentence_says_what_moves_the_output(f, noise, said):
    units = {"a": "N", "force": "kN"}
    result = hr.propagate(f, {"a": 0, "b": 0}, noise, name="force", units=units)
    assert said in result.sentence
    assert "-0.0" not in result.sentence

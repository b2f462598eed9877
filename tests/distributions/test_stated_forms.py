"""Quantiles, draws, an interval, a normal, a distribution of scipy: what each form states."""

from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
import scoringrules as sr
from scipy import stats
from scipy.integrate import quad

from howrobust.base.cells import CLEAN
from howrobust.base.method import Posterior
from howrobust.distributions import (
    GaussianMixture,
    IntervalForecast,
    Normal,
    NotStated,
    QuantileForecast,
    SampleForecast,
    from_scipy,
)
from howrobust.errors import BadInput, Damaged
from howrobust.execution import forecast as blocks
from howrobust.storage.arrays import npz
from howrobust.storage.forecasts import pack_forecasts, read_forecasts

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
Y = np.array([-3.0, -0.4, 0.0, 0.7, 1.7, 4.0])


def quantiles(n=6, seed=0):
    """Quantiles of normals, ascending; two of them tie at the first input."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n) + stats.norm.ppf(LEVELS)[:, None] * rng.uniform(0.5, 2, n)
    values[1, 0] = values[2, 0]
    return values


def draws(S=99, n=6, seed=0):
    return np.random.default_rng(seed).normal(size=(S, n))


def forms(n=6):
    """One of each form that has a part of a distribution alone."""
    return {
        "quantiles": QuantileForecast(LEVELS, quantiles(n)),
        "samples": SampleForecast(draws(n=n)),
        "interval": IntervalForecast(quantiles(n)[0], quantiles(n)[-1], 0.9),
        "interval with mean": IntervalForecast(np.zeros(n), np.ones(n), 0.8, np.full(n, 0.5)),
    }


def test_a_normal_is_a_mixture_of_one_component_and_that_of_scipy():
    rng = np.random.default_rng(1)
    mean, sd, y = rng.normal(size=50), rng.uniform(0.2, 3, 50), rng.normal(size=50)
    normal = Normal(mean, sd).forecast(y)
    for other in (GaussianMixture(mean[None], sd), from_scipy(stats.norm(mean, sd))):
        there = other.forecast(y)
        for name in ("mean", "aleatoric", "between", "logpdf", "cdf", "pit", "quantiles"):
            got = getattr(normal, name)
            np.testing.assert_allclose(got, getattr(there, name), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(normal.crps, there.crps, rtol=1e-9)
    np.testing.assert_allclose(normal.crps, sr.crps_normal(y, mean, sd), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("distribution", "crps"),
    [
        (stats.lognorm(s=np.ones(4)), lambda y: sr.crps_lognormal(y, 0.0, 1.0)),
        (stats.t(df=np.full(4, 3.0)), lambda y: sr.crps_t(y, 3.0)),
        (stats.gamma(a=np.full(4, 0.5)), lambda y: sr.crps_gamma(y, 0.5, rate=1.0)),
    ],
    ids=["log-normal", "t with 3 degrees", "gamma"],
)
def test_the_score_of_a_heavy_tail_is_the_closed_form(distribution, crps):
    y = np.array([0.01, 0.4, 3.0, 20.0])
    # 1e-9 is what F leaves out at each end, times the distance there; measured: below 2e-9.
    np.testing.assert_allclose(from_scipy(distribution).forecast(y).crps, crps(y), atol=1e-8)


def test_the_score_of_quantiles_is_the_integral_of_their_linear_cdf():
    form = QuantileForecast(LEVELS, quantiles())
    crps = form.forecast(Y).crps
    for i, y in enumerate(Y):
        ends = np.sort([*form.values[:, i], y])
        parts = [
            quad(
                lambda t, i=i, y=y: (form.cdf(np.full(6, t))[i] - (y <= t)) ** 2, a, b, epsabs=1e-12
            )[0]
            for a, b in pairwise(ends)
        ]
        assert crps[i] == pytest.approx(sum(parts), abs=1e-10)


def test_the_cdf_of_quantiles_is_linear_between_them_with_a_point_mass_at_each_end():
    form = QuantileForecast([0.1, 0.5, 0.9], [[0.0], [1.0], [3.0]])
    at = [-0.1, 0.0, 0.5, 1.0, 2.0, 2.999999, 3.0]
    cdf = [float(form.cdf([t])[0]) for t in at]
    assert cdf == pytest.approx([0, 0.1, 0.3, 0.5, 0.7, 0.9, 1], abs=1e-6)
    drawn = form.sample(4000, seed=1)[:, 0]
    # A share of 4,000 draws is within 5 sqrt(.25 / 4000) = .04.
    assert np.mean(drawn == 0.0) == pytest.approx(0.1, abs=0.04)
    assert np.mean(drawn <= 2.0) == pytest.approx(0.7, abs=0.04)
    assert form.mean()[0] == pytest.approx(0.1 * 0 + 0.4 * 0.5 + 0.4 * 2 + 0.1 * 3)
    assert QuantileForecast([0.5], [[7.0]], mean=[6.0]).mean() == [6.0]


def test_quantiles_that_cross_are_sorted_and_counted():
    values = quantiles()
    crossed = values.copy()
    crossed[[1, 3], 2] = crossed[[3, 1], 2]
    form, sorted_form = QuantileForecast(LEVELS, crossed), QuantileForecast(LEVELS, values)
    np.testing.assert_array_equal(form.values, sorted_form.values)
    assert form.crossings.tolist() == [0, 0, 2, 0, 0, 0]
    shuffled = QuantileForecast(LEVELS[::-1], values[::-1])
    assert shuffled.crossings.sum() == 0
    np.testing.assert_array_equal(shuffled.values, values)


@pytest.mark.parametrize("fair", [True, False])
def test_the_score_of_draws_is_the_sum_over_all_pairs(fair):
    x = draws(S=7)
    crps = SampleForecast(x, fair=fair).forecast(Y).crps
    np.testing.assert_allclose(
        crps, sr.crps_ensemble(Y, x.T, estimator="fair" if fair else "nrg"), rtol=1e-12, atol=1e-14
    )


def test_quantiles_of_draws_are_order_statistics_and_those_beyond_them_are_not_stated():
    form = SampleForecast(draws())
    ordered = np.sort(form.draws, axis=0)
    np.testing.assert_array_equal(form.quantile([0.05, 0.5]), ordered[[4, 49]])
    np.testing.assert_allclose(
        form.quantile(0.333)[0], np.quantile(form.draws, 0.333, axis=0, method="weibull")
    )
    with pytest.raises(NotStated, match=r"99 draws hold the quantiles from 0.01 to 0.99, not"):
        form.quantile(0.005)
    assert form.forecast(Y).levels == (0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)


def test_pit_values_of_exchangeable_draws_are_uniform():
    rng = np.random.default_rng(4)
    x, y = np.round(rng.normal(size=(9, 20_000)), 1), np.round(rng.normal(size=20_000), 1)  # ties
    pit = SampleForecast(x).forecast(y, seed=3).pit
    assert stats.kstest(pit, "uniform").pvalue > 1e-4


def test_a_kernel_gives_draws_a_density():
    smooth = SampleForecast(draws(S=400)).smoothed()
    error = np.abs(np.exp(smooth.logpdf(np.zeros(6))) - stats.norm.pdf(0))
    assert error.max() < 0.08  # an sd of .02 (S = 400, bandwidth .25), 4 of them
    with pytest.raises(BadInput, match="equal"):
        SampleForecast(np.ones((5, 1))).smoothed()


@pytest.mark.parametrize("name", forms())
def test_a_forecast_of_a_part_survives_the_store_and_blocks_of_rows(name, monkeypatch):
    forecast = forms()[name].forecast(Y)
    (again,) = read_forecasts(BytesIO(npz(pack_forecasts({CLEAN: forecast})))).values()
    assert (again.levels, again.missing) == (forecast.levels, forecast.missing)
    for field, value in forecast.__dict__.items():
        np.testing.assert_array_equal(getattr(again, field), value)

    class Stating(Posterior):
        def predictive(self, X, draws=None, seed=0):
            whole = forms()[name]
            for part in ("values", "draws", "lower", "upper", "_mean", "crossings"):
                if getattr(whole, part, None) is not None:
                    setattr(whole, part, getattr(whole, part)[..., X[:, 0].astype(int)])
            return whole

    monkeypatch.setattr(blocks, "BLOCK", 4)
    joined = blocks.forecast_rows(Stating(), np.arange(6.0)[:, None], Y, 0.0, None, 0)
    assert joined.missing == forecast.missing
    arrays = {k: v for k, v in forecast.__dict__.items() if isinstance(v, np.ndarray)}
    for field in arrays.keys() - {"pit"}:  # ranked at random
        np.testing.assert_allclose(getattr(joined, field), arrays[field], rtol=1e-12)


def test_reasons_of_a_damaged_store_are_refused():
    arrays = pack_forecasts({CLEAN: forms()["quantiles"].forecast(Y)})
    for harm in ("[1, 2]", '{"logpdf": 3}', "{"):
        harmed = {**arrays, "none@0.0/missing": np.array(harm)}
        with pytest.raises(Damaged):
            read_forecasts(BytesIO(npz(harmed)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: QuantileForecast([0.1, 0.9], np.zeros((3, 2))), r"give values\.T"),
        (lambda: QuantileForecast([0.1, 0.1], np.zeros((2, 3))), "once"),
        (lambda: QuantileForecast([10, 90], np.zeros((2, 3))), "between 0 and 1"),
        (lambda: QuantileForecast([0.1], [[0.0, np.nan]]), "at input 1 a value is not"),
        (lambda: QuantileForecast([0.1], [[0.0, 1.0]], mean=[0.0]), "each of 2 inputs"),
        (lambda: SampleForecast(np.zeros((1, 4))), "2 draws or more"),
        (lambda: SampleForecast(np.zeros(4)), r"shape \(k, n\)"),
        (lambda: IntervalForecast([0, 2], [1, 1], 0.9), "at input 1"),
        (lambda: IntervalForecast([0], [1], 90), "between 0 and 1, not 90"),
        (lambda: Normal([0, 0], [1, 0]), "at input 1 it is 0"),
        (lambda: Normal(["a"], [1]), "must be numbers"),
        (lambda: from_scipy(stats.poisson(np.ones(3))), "poisson is discrete"),
        (lambda: from_scipy(stats.norm(0, 1)), r"of shape \(n,\)"),
        (lambda: from_scipy(stats.t(df=np.ones(3))), "finite mean"),
        (lambda: from_scipy(stats.norm), "must be a frozen distribution"),
    ],
)
def test_what_cannot_be_a_forecast_is_refused_in_one_sentence(make, message):
    with pytest.raises(BadInput, match=message):
        make()

"""A run with plug-ins that state quantiles, draws or an interval ends in records with reasons."""

import numpy as np
import pytest

from howrobust._run import execute
from howrobust.base import Posterior, SingleMethod
from howrobust.distributions import IntervalForecast, QuantileForecast, SampleForecast
from howrobust.execution.pools.inline import InlinePool
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.entry_points import load_stress
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import plan_of
from howrobust.planning.selection import Selection
from howrobust.planning.suite import Suite
from howrobust.testing.method_checks import check_method


class Line(Posterior):
    """A least-squares line with a constant sd, in the form that its method states."""

    def __init__(self, form, weights, sd):
        self.form, self.weights, self.sd = form, weights, sd

    def predictive(self, X, draws=None, seed=0):
        mean = np.column_stack([X, np.ones(len(X))]) @ self.weights
        return self.form(mean, self.sd, seed)


def quantiles(mean, sd, seed):
    z = np.array([-1.645, 0, 1.645])
    return QuantileForecast([0.05, 0.5, 0.95], mean + z[:, None] * sd)


def samples(mean, sd, seed):
    noise = np.random.default_rng(seed).normal(size=(120, 1))
    return SampleForecast(mean + sd * noise)


def interval(mean, sd, seed):
    return IntervalForecast(mean - 1.96 * sd, mean + 1.96 * sd, 0.95)


class Stating(SingleMethod):
    """Least squares."""

    FORM = quantiles

    def __init__(self, random_state=0):
        self.random_state = random_state

    def infer(self, problem):
        A = np.column_stack([problem.X, np.ones(len(problem.X))])
        weights = np.linalg.lstsq(A, problem.y, rcond=None)[0]
        return Line(type(self).FORM, weights, float(np.std(problem.y - A @ weights)))


class StatingSamples(Stating):
    """Least squares with draws."""

    FORM = samples


class StatingAnInterval(Stating):
    """Least squares with an interval."""

    FORM = interval


KINDS = {"of quantiles": Stating, "of draws": StatingSamples, "of an interval": StatingAnInterval}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    plan = plan_of(
        Selection(
            suite=Suite("forms", "forms of forecasts", [], [], [], 2),
            options=RunOptions("forms"),
            methods=[
                *(MethodSpec(name, model=kind) for name, kind in KINDS.items()),
                MethodSpec("marginal"),
            ],
            data=[DataSpec("diabetes")],
            stresses=[load_stress(name) for name in ("input_noise", "adversarial_nll", "gap")],
        )
    )
    return execute(plan, tmp_path_factory.mktemp("forms"), pool=InlinePool())


def test_every_record_is_a_number_or_a_reason(results):
    records = results.records()
    assert set(records["status"]) == {"ok", "undefined"}
    ok = records["status"] == "ok"
    assert np.isfinite(records.loc[ok, "value"]).all()
    assert (records.loc[~ok, "reason"].str.len() > 10).all()
    place = ["dataset", "split", "method", "repeat", "stress", "level"]
    assert records.groupby(place)["metric"].nunique().groupby("stress").nunique().eq(1).all()


def test_a_page_cards_and_forecasts_are_made(results, tmp_path):
    results.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "of quantiles" in page
    assert "nan" not in page.lower().split()
    for name in KINDS:
        assert name in str(results.card(name))
    forecasts = results.forecasts()
    assert forecasts.loc[forecasts["method"] == "of an interval", "mean"].isna().all()
    assert forecasts.loc[forecasts["method"] == "of draws", "logpdf"].isna().all()


@pytest.mark.parametrize("kind", KINDS.values())
def test_forms_pass_the_checks_of_plug_ins(kind):
    assert [f"{f.law}: {f.detail}" for f in check_method(kind) if not f.passed] == []

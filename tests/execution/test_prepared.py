"""Fits on encoded rows and transformed targets: posteriors, gradients, and the worker's way."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from howrobust.base.cells import CLEAN, Cell
from howrobust.base.data import Dataset, Provenance, Source
from howrobust.base.method import DifferentiablePosterior, Posterior, Problem, SingleMethod
from howrobust.base.stress import Context
from howrobust.base.tables.column import Column
from howrobust.base.tables.frame import Frame
from howrobust.datasets.tables.encoder import Encoder
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.transformed.transforms import Log, YeoJohnson
from howrobust.errors import BadInput
from howrobust.execution.costs import draw_cost
from howrobust.execution.prepared import infer
from howrobust.execution.worker import fit_and_forecast
from howrobust.methods.bayesian_ridge import BayesianRidge
from howrobust.methods.deep_ensemble import DeepEnsemble
from howrobust.methods.gaussian_process import GaussianProcess
from howrobust.methods.marginal import Marginal
from howrobust.planning.jobs import Job
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import _data_plan, _plugin_sources
from howrobust.planning.selection import select
from howrobust.seeds import derive, generator
from howrobust.storage.arrays import Files
from howrobust.storage.forecasts import read_forecasts
from howrobust.stress.adversarial import Adversarial, AdversarialNll

COLUMNS = (
    Column("size", "number", np.dtype(float)),
    Column("weight", "number", np.dtype(float)),
    Column("maker", "category", object, ("a", "b", "c")),
    Column("shop", "category", object, tuple(f"s{k:03d}" for k in range(150))),
    Column("made", "date", np.dtype("datetime64[ns]")),
    Column("part", "id", object, tuple(f"p{k:04d}" for k in range(5000))),
)
FRAME = Frame(COLUMNS)


def parts(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a table (n, 6) with gaps, and log-normal prices."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([
        rng.normal(size=n), rng.normal(size=n), rng.integers(3, size=n), rng.integers(150, size=n),
        18_000 + rng.integers(900, size=n), np.arange(n),
    ]).astype(np.float64)  # fmt: skip
    shops = np.random.default_rng(0).normal(0, 0.5, 150)
    level = (
        3 + 0.5 * X[:, 0] + 0.4 * X[:, 2] + shops[X[:, 3].astype(int)] + 1e-3 * (X[:, 4] - 18_000)
    )
    X[rng.random(n) < 0.15, 1] = np.nan
    return X, np.exp(level + rng.normal(0, 0.4, n))


def problem(n: int = 400, seed: int = 1) -> Problem:
    return Problem(*parts(n, seed), seed, frame=FRAME)


def array_problem(n: int, d: int, seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return Problem(X, X[:, 0] + rng.normal(size=n), seed)


@pytest.mark.parametrize("method", [BayesianRidge(), DeepEnsemble(epochs=2), Marginal()])
def test_finite_arrays_give_the_same_bits_as_without_preparation(method):
    problems = [array_problem(60, 3, 1), array_problem(47, 3, 2)]
    plain, prepared = method.infer_stack(problems), infer(method, problems)
    fresh = array_problem(20, 3, 3)
    for one, other in zip(plain, prepared, strict=True):
        assert isinstance(one, DifferentiablePosterior) == isinstance(
            other, DifferentiablePosterior
        )
        forecasts = [p.predictive(fresh.X, seed=4).forecast(fresh.y) for p in (one, other)]
        np.testing.assert_array_equal(forecasts[0].logpdf, forecasts[1].logpdf)
        np.testing.assert_array_equal(forecasts[0].quantiles, forecasts[1].quantiles)
        assert one.facts() == other.facts()
        if isinstance(one, DifferentiablePosterior):
            pairs = (p.gradients(fresh.X, fresh.y, seed=4) for p in (one, other))
            np.testing.assert_array_equal(*map(np.stack, pairs))


def test_arrays_with_gaps_are_fitted_and_forecast():
    given = array_problem(200, 3, 4)
    X = given.X.copy()
    X[::7, 1] = np.nan
    (posterior,) = infer(BayesianRidge(), [Problem(X, given.y, 4)])
    expected = np.column_stack([X, np.isnan(X[:, 1])])
    expected[::7, 1] = np.nanmedian(X[:, 1])
    (plain,) = BayesianRidge().infer_stack([Problem(expected, given.y, 4)])
    means = [posterior.predictive(X).mean(), plain.predictive(expected).mean()]
    np.testing.assert_allclose(*means, rtol=1e-10)  # the columns are laid out otherwise in memory


def test_gaps_of_new_rows_take_the_median_where_training_rows_have_none():
    given = array_problem(200, 3, 4)
    (posterior,) = infer(BayesianRidge(), [given])
    fresh = array_problem(5, 3, 6).X
    fresh[2, 0] = np.nan
    filled = np.where(np.isnan(fresh), np.median(given.X, axis=0), fresh)
    means = [posterior.predictive(x).mean() for x in (fresh, filled)]
    np.testing.assert_array_equal(*means)
    square, _ = posterior.gradients(fresh, np.zeros(5))
    assert square[2, 0] == 0
    assert (square[2, 1:] != 0).all()


class Recorder(SingleMethod):
    """A method that notes the problems that it is given."""

    def __init__(self, random_state=None) -> None:
        self.random_state = random_state

    def infer(self, problem: Problem) -> Posterior:
        raise NotImplementedError

    def infer_stack(self, problems):
        SEEN.append(list(problems))
        return Marginal().infer_stack(problems)


class TakesTables(Recorder):
    """A method that takes tables."""

    takes_tables = True


SEEN: list[list[Problem]] = []


def test_arrays_are_handed_on_as_the_same_objects():
    SEEN.clear()
    problems = [array_problem(30, 3, 1), array_problem(40, 3, 2)]
    infer(Recorder(), problems)
    (stack,) = SEEN
    for given, seen in zip(problems, stack, strict=True):
        assert seen.X is given.X
        assert seen.y is given.y


def test_models_that_take_tables_are_given_them_untouched():
    SEEN.clear()
    problems = [problem(50)]
    infer(TakesTables(), problems, "log")
    assert SEEN[0][0] is problems[0]


def test_problems_of_other_widths_are_stacked_apart_in_order():
    SEEN.clear()
    whole = problem(60, 2)
    whole.X[np.isnan(whole.X)] = 0.0  # no gaps: one column less
    problems = [problem(60, 1), whole, problem(60, 3)]
    posteriors = infer(Recorder(), problems, "log")
    widths = [{p.X.shape[1] for p in stack} for stack in SEEN]
    assert all(len(width) == 1 for width in widths)
    assert [len(stack) for stack in SEEN] == [2, 1]
    assert len(posteriors) == 3
    for one, posterior in zip(problems, posteriors, strict=True):
        alone = infer(Recorder(), [one], "log")[0]
        assert posterior.facts() == alone.facts()
    networks = infer(DeepEnsemble(epochs=2), problems, "log")
    for one, posterior in zip(problems, networks, strict=True):
        (alone,) = infer(DeepEnsemble(epochs=2), [one], "log")
        np.testing.assert_array_equal(*(p.predictive(one.X).mean() for p in (posterior, alone)))


def test_a_method_that_loses_a_posterior_is_refused():
    class Loses(Recorder):
        def infer_stack(self, problems):
            return []

    with pytest.raises(ValueError, match="1 problems gave 0 posteriors"):
        infer(Loses(), [problem(50)])


def test_a_log_normal_model_is_that_of_the_logarithm():
    given = problem()
    encoder = Encoder.fit(FRAME, given.X, np.log(given.y), derive(given.seed, "encoder"))
    (plain,) = BayesianRidge().infer_stack([Problem(encoder.training, np.log(given.y), 1)])
    (posterior,) = infer(BayesianRidge(), [given], "log")
    assert posterior.facts() == {"target_log": 1.0}
    fresh, y = parts(30, 9)
    fresh[0] = np.nan
    law = posterior.predictive(fresh)
    base = plain.predictive(encoder.transform(fresh))
    assert isinstance(base, GaussianMixture)
    theirs = stats.lognorm(
        s=np.broadcast_to(base.sds, base.means.shape)[0], scale=np.exp(base.means[0])
    )
    np.testing.assert_allclose(law.logpdf(y), theirs.logpdf(y), rtol=1e-9)
    np.testing.assert_allclose(law.mean(), theirs.mean(), rtol=1e-9)
    assert (law.interval(0.95)[0] > 0).all()


def test_other_rows_change_no_posterior():
    # Law 6: encoder and transform are functions of the training rows alone.
    given = problem()
    posteriors = [infer(BayesianRidge(), [p], "auto")[0] for p in (given, problem())]
    fresh, y = parts(30, 9)
    moved = fresh.copy()
    moved[10:] = 7.0
    first, second = (
        p.predictive(x).logpdf(y) for p, x in zip(posteriors, (fresh, moved), strict=True)
    )
    np.testing.assert_array_equal(first[:10], second[:10])


def test_the_transform_is_chosen_for_each_problem_on_its_own_rows():
    normal = array_problem(300, 3, 5)
    skewed = Problem(normal.X, np.exp(0.7 * normal.y), 5)
    posteriors = infer(BayesianRidge(), [normal, skewed], "auto")
    assert posteriors[0].facts() == {}
    assert posteriors[1].facts() == {"target_log": 1.0}
    (power,) = infer(BayesianRidge(), [normal], "yeo-johnson")
    assert power.facts()["target_lambda"] == pytest.approx(1.0, abs=0.3)


def test_a_logarithm_of_negative_targets_is_refused():
    with pytest.raises(BadInput, match="has no logarithm"):
        infer(BayesianRidge(), [array_problem(40, 2, 1)], "log")


def test_a_prepared_posterior_can_be_pickled_without_its_training_rows():
    given = problem(2000)
    (posterior,) = infer(BayesianRidge(), [given], "auto")
    kept = pickle.dumps(posterior)
    fresh, y = parts(30, 9)
    again = pickle.loads(kept).predictive(fresh)
    np.testing.assert_array_equal(again.logpdf(y), posterior.predictive(fresh).logpdf(y))
    (plain,) = BayesianRidge().infer_stack([Problem(np.zeros((5, 10)), np.arange(5.0), 1)])
    assert len(kept) < len(pickle.dumps(plain)) + given.X.nbytes


@pytest.mark.parametrize("name", ["none", "log", "yeo-johnson"])
@pytest.mark.parametrize("method", [BayesianRidge(), GaussianProcess(max_rows=100)])
def test_gradients_are_those_of_finite_differences(method, name):
    (posterior,) = infer(method, [problem()], name)
    X, y = parts(25, 11)
    square, nll = posterior.gradients(X, y)
    transform = posterior._prepared.transform

    def centre(inputs):
        if transform is None:
            return posterior.predictive(inputs).mean()
        return transform.inverse(posterior.predictive(inputs).base.mean())

    for j in range(X.shape[1]):
        if COLUMNS[j].kind in ("category", "id"):
            assert (square[:, j] == 0).all()
            assert (nll[:, j] == 0).all()
            continue
        step = 1e-5 if j < 2 else 1e-3  # a date stays on its day
        up, down = X.copy(), X.copy()
        up[:, j] += step
        down[:, j] -= step
        if j == 4:
            down[:, j] = X[:, j]  # the day before has another weekday
        width = (up - down)[:, j]
        slopes = (
            ((y - centre(up)) ** 2 - (y - centre(down)) ** 2) / width,
            (posterior.predictive(down).logpdf(y) - posterior.predictive(up).logpdf(y)) / width,
        )
        for gradient, slope in zip((square, nll), slopes, strict=True):
            expected = np.where(np.isnan(X[:, j]), 0.0, slope)
            scale = np.abs(expected).max()
            np.testing.assert_allclose(gradient[:, j], expected, rtol=2e-3, atol=2e-4 * scale)


def test_the_gradient_of_a_target_outside_the_domain_is_0():
    (posterior,) = infer(BayesianRidge(), [problem()], "log")
    X, y = parts(5, 11)
    y[0] = -1.0
    square, nll = posterior.gradients(X, y)
    assert (nll[0] == 0).all()
    assert np.isfinite(square).all()


@pytest.mark.parametrize("attack", [Adversarial(), AdversarialNll()])
def test_attacks_raise_the_loss_of_a_transformed_target(attack):
    X, y = parts(400, 1)
    X[np.isnan(X)] = 0.0
    (posterior,) = infer(BayesianRidge(), [Problem(X, y, 1, frame=FRAME)], "log")
    context = Context.of(X, posterior, FRAME)
    moved = attack.apply(X, y, context, 0.1, 3)
    before, after = (attack.loss(posterior.predictive(x), y) for x in (X, moved))
    assert (after >= before).all()
    assert (after > before).mean() > 0.9
    assert (moved[:, 2:4] == X[:, 2:4]).all()


@pytest.mark.parametrize("transform", ["none", "log"])
def test_draws_of_a_prepared_posterior_are_timed(transform):
    (posterior,) = infer(DeepEnsemble(epochs=1), [problem(100)], transform)
    costs = draw_cost(posterior, parts(20, 2)[0])
    assert costs["us_per_draw"] > 0


def test_transforms_are_shown_among_the_facts():
    assert Log().facts() == {"target_log": 1.0}
    assert YeoJohnson(0.25, 3.0).facts() == {"target_lambda": 0.25}


class Prices(Source):
    """The parts, and random splits."""

    name = "prices"
    provenance = Provenance("prices", "simulated", "none", "EUR")
    frame = FRAME
    target_transform = "auto"

    def splits(self, count=None, family=None):
        return [f"random-{k}" for k in range(count or 20)]

    def realise(self, split, seed):
        order = generator(seed, split).permutation(300)
        data = Dataset(*parts(300, 1), tuple(str(c.name) for c in COLUMNS), "price", "EUR")
        return data.take(order[30:]), data.take(order[:30])

    @property
    def sha256(self):
        return self.realise("random-0", 0)[0].sha256


@dataclass(frozen=True)
class Given:
    """What names a source."""

    name: str = "prices"

    def open(self) -> Source:
        return Prices()


@pytest.mark.parametrize("name", ["bayesian_ridge", "marginal"])
def test_the_worker_fits_and_forecasts_a_table(tmp_path, name):
    method = MethodSpec.parse(name)
    cell = Cell("prices", "random-0", name, 0, "0" * 64, 5)
    levels = (CLEAN, ("input_noise", 0.5))
    job = Job(method, Given(), (cell,), levels, 3, 60.0, 270)  # type: ignore[arg-type]
    files = Files(tmp_path)
    for folder in ("forecasts", "testsets"):
        (tmp_path / folder).mkdir()
    (outcome,) = fit_and_forecast(job, files)
    assert outcome.status == "ok", outcome.traceback
    assert outcome.facts["target_log"] == 1.0
    forecasts = read_forecasts(files.forecast(cell.key))
    _, test = Prices().realise("random-0", 3)
    for level in levels:
        forecast = forecasts[level]
        assert (forecast.quantiles > 0).all()
        assert np.isfinite(forecast.logpdf).all()
        assert forecast.mean.shape == test.y.shape


def test_a_transform_is_a_part_of_the_keys_of_cells():
    assert Source.target_transform == "none"
    keys = set()
    for transform in ("none", "log", "auto"):
        source = Prices()
        source.target_transform = transform
        selection = select(RunOptions("quick", methods=["marginal"], data=["diabetes"], splits=1))
        (spec,) = selection.data
        planned = _data_plan(spec, source, selection, _plugin_sources(selection), (CLEAN,))
        keys |= {job.cells[0].key for job in planned.jobs[:1]}
    assert len(keys) == 3

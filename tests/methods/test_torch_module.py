"""A user's torch module as a scikit-learn regressor."""

import pickle
import random

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator
from torch import nn

from howrobust.methods import TorchRegressor, bayesian_surrogate
from howrobust.methods.wrappers.own_streams import own_streams


def network(features):
    return nn.Sequential(nn.Linear(features, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))


def quiet(features):
    """Nothing random in training."""
    return nn.Sequential(nn.Linear(features, 8), nn.Tanh(), nn.Linear(8, 1))


class Flat(nn.Module):
    """Returns (n,), and takes the number of features as its class does."""

    def __init__(self, features):
        super().__init__()
        self.first = nn.Linear(features, 6)
        self.norm = nn.BatchNorm1d(6)
        self.last = nn.Linear(6, 1)

    def forward(self, x):
        return self.last(torch.relu(self.norm(self.first(x)))).squeeze(-1)


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(61, 3)) * [1, 100, 0.1] + [0, 500, 5]
    return X, 1000 + 20 * X[:, 0] + 0.1 * X[:, 1]


def test_scikit_learns_estimator_checks_pass():
    found = check_estimator(TorchRegressor(network, epochs=20, learning_rate=0.05), on_fail=None)
    assert [(r["check_name"], r["exception"]) for r in found if r["status"] == "failed"] == []
    assert sum(r["status"] == "passed" for r in found) > 30


@pytest.mark.parametrize("module", [network, Flat, network(3)], ids=["function", "class", "module"])
def test_two_fits_with_one_seed_are_equal_and_with_two_are_not(module, rows):
    X, y = rows
    fits = [TorchRegressor(module, epochs=3, random_state=s).fit(X, y) for s in (1, 1, 2)]
    first, again, other = (fit.predict(X) for fit in fits)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
    assert first.dtype == np.float64
    assert first.shape == (61,)
    np.testing.assert_array_equal(fits[0].predict(X), first)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fits[0])).predict(X), first)
    np.testing.assert_array_equal(clone(fits[0]).fit(X, y).predict(X), first)


def test_a_subset_of_rows_is_predicted_alike(rows):
    X, y = rows
    found = TorchRegressor(Flat, epochs=3, random_state=0).fit(X, y)
    # Sums of 6 products in another order: a few eps of 1000.
    np.testing.assert_allclose(found.predict(X[::3]), found.predict(X)[::3], rtol=1e-14)


def test_a_linear_module_finds_least_squares(rows):
    X, _ = rows
    noise = np.random.default_rng(1).normal(size=61)
    y = 1000 + 20 * X[:, 0] + 0.1 * X[:, 1] + noise
    inputs = np.column_stack([np.ones(61), X])
    expected = inputs @ np.linalg.lstsq(inputs, y, rcond=None)[0]
    model = TorchRegressor(
        lambda d: nn.Linear(d, 1), epochs=600, batch_size=None, learning_rate=0.05, random_state=0
    )
    # Full batches converge to it: what is left is float32, eps = 1.2e-7 of the target's sd of 22,
    # a hundred times that for sums of 61 rows and the memory of Adam.
    np.testing.assert_allclose(model.fit(X, y).predict(X), expected, atol=22 * 1.2e-5)


def test_training_is_adam_on_the_mean_squared_error_step_for_step(rows):
    X, y = rows
    words = {"learning_rate": 0.03, "weight_decay": 0.1, "batch_size": 61, "epochs": 4}
    found = TorchRegressor(quiet, **words, standardise=False, random_state=9).fit(X / 100, y / 1000)
    inputs, target = torch.tensor(X / 100).float(), torch.tensor(y / 1000).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        module = quiet(3)
    optimiser = torch.optim.Adam(module.parameters(), 0.03, weight_decay=0.1)
    for _ in range(4):
        optimiser.zero_grad()
        ((module(inputs)[:, 0] - target) ** 2).mean().backward()
        optimiser.step()
    with torch.no_grad():
        expected = module(inputs)[:, 0].double()
    # All rows in another order: gradients round at 1e-7 of their terms, 1e-4 of small sums; four
    # steps of .03 turn that into 1e-5 of the weights.
    np.testing.assert_allclose(found.predict(X / 100), expected, rtol=1e-4)


def test_every_row_is_seen_once_in_an_epoch_in_batches_of_nearly_one_size(rows):
    X, y = rows
    seen = []

    class Watching(nn.Module):
        def __init__(self, features):
            super().__init__()
            self.inner = nn.Linear(features, 1)

        def forward(self, x):
            if self.training:
                seen.append(x.detach().numpy().copy())
            return self.inner(x)

    TorchRegressor(Watching, epochs=2, batch_size=20, standardise=False).fit(X, y)
    assert [len(x) for x in seen] == [16, 15, 15, 15] * 2  # 61 rows: no batch of one is left over
    for epoch in (seen[:4], seen[4:]):
        given = np.sort(np.concatenate(epoch), axis=0)
        np.testing.assert_array_equal(given, np.sort(X.astype(np.float32), axis=0))
    assert not np.array_equal(seen[0], seen[4])


def states():
    numpy = np.random.get_state()  # noqa: NPY002
    return (
        random.getstate(), numpy[1].tolist(), numpy[2:],
        torch.get_rng_state().tolist(), torch.get_num_threads(),
    )  # fmt: skip


def test_global_generators_and_threads_are_as_they_were(rows):
    X, y = rows
    torch.set_num_threads(2)
    before = states()
    found = TorchRegressor(network, epochs=2, random_state=0).fit(X, y)
    assert states() == before
    found.predict(X)
    assert states() == before


def test_streams_are_a_function_of_the_seed_and_put_back_even_after_an_error():
    def drawn(seed):
        with own_streams(seed):
            assert torch.get_num_threads() == 1
            return random.random(), np.random.rand(), torch.rand(()).item()  # noqa: NPY002

    torch.set_num_threads(2)
    before = states()
    first = drawn(2**62 + 3)
    assert drawn(2**62 + 3) == first
    assert not set(drawn(2**62 + 4)) & set(first)
    with pytest.raises(KeyError), own_streams(1):
        raise KeyError
    assert states() == before


def test_a_module_that_is_given_is_copied_and_started_afresh(rows):
    X, y = rows
    given = network(3)
    nn.init.constant_(given[0].weight, 1e4)  # as if it had been trained, on the test rows too
    before = [p.detach().clone() for p in given.parameters()]
    found = TorchRegressor(given, epochs=1, learning_rate=1e-9, random_state=0).fit(X, y)
    assert found.module_[0].weight.abs().max() < 1
    assert all(torch.equal(a, b) for a, b in zip(before, given.parameters(), strict=True))


def test_a_modules_own_reset_comes_after_those_of_its_parts(rows):
    class Zeroed(Flat):
        def reset_parameters(self):
            nn.init.zeros_(self.last.weight)

    found = TorchRegressor(Zeroed(3), epochs=1, learning_rate=1e-9).fit(*rows)
    assert found.module_.last.weight.abs().max() < 1e-6


class Scaled(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.inner = nn.Linear(features, 1)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.scale * self.inner(x)


def test_parameters_that_nothing_starts_afresh_are_refused_but_made_anew_by_a_class(rows):
    with pytest.raises(ValueError, match=r"the module \(Scaled\) has parameters and no reset"):
        TorchRegressor(Scaled(3)).fit(*rows)
    with pytest.raises(ValueError, match=r"0 \(Scaled\) has parameters and no reset"):
        TorchRegressor(nn.Sequential(Scaled(3))).fit(*rows)
    TorchRegressor(Scaled, epochs=1).fit(*rows)


def test_factories_that_make_nothing_new_are_refused(rows):
    one = network(3)
    with pytest.raises(ValueError, match="returned one module twice"):
        TorchRegressor(lambda features: one).fit(*rows)
    with pytest.raises(ValueError, match="must return a torch module"):
        TorchRegressor(lambda features: None).fit(*rows)


@pytest.mark.parametrize(
    ("last", "shape"), [(nn.Linear(3, 3), r"\(2, 3\)"), (nn.LSTM(3, 1), "tuple")]
)
def test_a_module_of_another_output_is_refused(last, shape, rows):
    with pytest.raises(ValueError, match=rf"returned {shape} for 2 rows; it must return \(2, 1\)"):
        TorchRegressor(last).fit(*rows)


class Single(nn.Module):
    """Makes float32 tensors inside, and so takes nothing else."""

    def __init__(self, features):
        super().__init__()
        self.inner = nn.Linear(features, 1)

    def forward(self, x):
        return nn.functional.linear(x, self.inner.weight + torch.zeros(1)) @ torch.ones(1, 1)


class Recurrent(nn.Module):
    """The last step of an LSTM over the features, each a step."""

    def __init__(self, features):
        super().__init__()
        self.inner, self.last = nn.LSTM(features, 4, batch_first=True), nn.Linear(4, 1)

    def forward(self, x):
        steps = self.inner(x)[0]
        return self.last(steps[:, -1] if x.ndim == 3 else steps)


def convolved():
    return nn.Sequential(nn.Conv1d(1, 4, 2), nn.Flatten(), nn.Tanh(), nn.Linear(8, 1))


@pytest.mark.parametrize(
    ("module", "shape"), [(Single, None), (Recurrent(1), (3, 1)), (convolved(), (1, 3))]
)
def test_modules_of_single_precision_and_of_other_shapes_learn(module, shape, rows):
    X, y = rows
    model = TorchRegressor(module, epochs=150, input_shape=shape, random_state=0).fit(X, y)
    assert np.sqrt(np.mean((model.predict(X) - y) ** 2)) < 0.5 * y.std()
    assert model.kind_.dtype == (torch.float32 if module is Single else torch.float64)
    # Rows of another batch round otherwise: a few eps of float32 of 1000.
    np.testing.assert_allclose(model.predict(X[::5]), model.predict(X)[::5], rtol=1e-6)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (convolved(), r"Sequential failed on two rows with RuntimeError: .*\(n, 1, 3\)"),
        (Recurrent(3), r"output of Recurrent for a row depends on the other rows.*\(n, 3, 1\)"),
        (nn.Linear(4, 1), r"Linear failed on two rows with RuntimeError: .*is given \(n, 3\)"),
    ],
)
def test_a_module_that_takes_rows_of_another_shape_is_refused_with_what_to_do(module, said, rows):
    with pytest.raises(ValueError, match=said):
        TorchRegressor(module).fit(*rows)
    with pytest.raises(ValueError, match=r"input_shape=\(2, 2\) does not hold the 3 features"):
        TorchRegressor(module, input_shape=(2, 2)).fit(*rows)


def test_training_that_diverges_is_a_floating_point_error(rows):
    with (
        np.errstate(all="ignore"),
        pytest.raises(FloatingPointError, match=r"diverged in epoch .* learning_rate"),
    ):
        TorchRegressor(network, learning_rate=1e30).fit(*rows)


@pytest.mark.parametrize(
    "words", [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}, {"learning_rate": -1.0}]
)
def test_settings_that_make_no_sense_say_so(words, rows):
    with pytest.raises(ValueError, match="must be greater than 0"):
        TorchRegressor(network, **words).fit(*rows)


def test_a_module_that_draws_in_evaluation_mode_predicts_the_same_again(rows):
    X, y = rows
    surrogate = bayesian_surrogate(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)))
    found = TorchRegressor(surrogate, epochs=2, random_state=0).fit(X, y)
    np.testing.assert_array_equal(found.predict(X), found.predict(X))

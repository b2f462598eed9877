"""A fit that was cut continues from the networks that it had kept, bit for bit."""

import numpy as np
import pytest
import torch

from howrobust.base.fit_progress import Keeper, keeping, listening
from howrobust.compiled import available
from howrobust.methods.core.engines import training
from howrobust.methods.core.engines.training import train
from howrobust.methods.core.engines.training_job import Schedule, TrainingJob
from howrobust.methods.core.losses.gaussian_nll import GaussianNLL
from howrobust.methods.core.losses.squared_error import SquaredError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 3)), RNG.normal(size=60)
# Of several sizes, since torch stacks networks of equal size.
JOBS = [
    TrainingJob(np.delete(np.arange(60), range(k, k + 1 + k % 3)), seed=k % 4, decay=0.01)
    for k in range(24)
]
SCHEDULE = Schedule(epochs=3, batch_size=16, learning_rate=0.01)
LOSS = GaussianNLL((6,))


class Memory(Keeper):
    """Keeps everything in memory."""

    every_s = 0.0

    def __init__(self, kept=()):
        self.kept = list(kept)

    def read(self):
        return self.kept

    def write(self, arrays, count):
        assert len(arrays["names"]) == count
        self.kept.append({name: array.copy() for name, array in arrays.items()})

    @property
    def count(self):
        return sum(len(arrays["names"]) for arrays in self.kept)


class CutError(Exception):
    """The end of a fit before its time."""


@pytest.fixture(params=["compiled", "torch"])
def engine(request, monkeypatch):
    """Either engine; torch trains stacks of four networks."""
    if request.param == "compiled" and not available():
        pytest.skip("no compiler")
    monkeypatch.setattr(training, "available", lambda: request.param == "compiled")
    monkeypatch.setattr("howrobust.methods.core.engines.torch_engine._room", lambda d: 16 * 16 * 4)
    monkeypatch.setenv("HOWROBUST_THREADS", "2")


def cut_after(count, loss=LOSS):
    """What is kept of a fit that ends once so many networks are trained."""

    def listen(done, total):
        if done >= count:
            raise CutError

    memory = Memory()
    with pytest.raises(CutError), keeping(memory), listening(listen):
        train(loss, X, Y, JOBS, SCHEDULE)
    return memory


def equal(one, other):
    tensors = zip(
        [*one.parameters, one.losses, one.epochs, one.restarts, *vars(one.scaling).values()],
        [*other.parameters, other.losses, other.epochs, other.restarts,
         *vars(other.scaling).values()], strict=True,
    )  # fmt: skip
    return all(torch.equal(a, b) and a.dtype == b.dtype for a, b in tensors)


def test_a_fit_that_was_cut_trains_only_what_is_missing_and_equals_a_whole_one(engine):
    whole = train(LOSS, X, Y, JOBS, SCHEDULE)
    memory = cut_after(13)
    kept = memory.count
    assert 13 - 4 <= kept < 13  # at most the last stack is lost
    announced = []
    with keeping(memory), listening(lambda done, total: announced.append((done, total))):
        again = train(LOSS, X, Y, JOBS, SCHEDULE)
    assert kept < announced[0][0] <= kept + 4
    assert announced[-1] == (24, 24)
    assert memory.count == 24  # of which none twice
    assert equal(again, whole)
    turned = train(LOSS, X, Y, JOBS[::-1], SCHEDULE)
    with keeping(memory), listening(lambda done, total: pytest.fail("trained again")):
        assert equal(train(LOSS, X, Y, JOBS[::-1], SCHEDULE), turned)


def test_the_half_of_a_stack_finds_its_own_networks(engine):
    memory, announced = cut_after(13), []
    with keeping(memory), listening(lambda done, total: announced.append(done)):
        half = train(LOSS, X, Y, JOBS[6:18], SCHEDULE)
    assert min(announced) > 1  # some were trained before
    assert equal(half, train(LOSS, X, Y, JOBS[6:18], SCHEDULE))


@pytest.mark.parametrize("what", ["loss", "rows", "schedule", "seed", "decay", "engine"])
def test_a_network_that_anything_else_decides_is_not_taken(engine, what, monkeypatch):
    memory = cut_after(24)
    kept = memory.count
    loss, y, jobs, schedule = LOSS, Y, JOBS, SCHEDULE
    if what == "loss":
        loss = SquaredError((6,))
    elif what == "rows":
        y = Y + 1e-12
    elif what == "schedule":
        schedule = Schedule(epochs=3, batch_size=16, learning_rate=0.02)
    elif what == "engine":
        other = not training.available()
        monkeypatch.setattr(training, "available", lambda: other)
    else:
        changed = {"seed": 9} if what == "seed" else {"decay": 0.0}
        jobs = [TrainingJob(**{**vars(job), **changed}) for job in JOBS]
    trained = []
    with keeping(memory), listening(lambda done, total: trained.append(total)):
        train(loss, X, y, jobs, schedule)
    assert set(trained) == {24}
    assert memory.count == kept + 24


def test_arrays_of_another_shape_are_ignored(engine):
    memory = cut_after(13)
    whole = train(LOSS, X, Y, JOBS, SCHEDULE)
    for arrays in memory.kept:
        arrays["parameter_0"] = arrays["parameter_0"][:, :2]
    memory.kept += [{}, {"names": np.zeros((2, 16), np.uint8)}]
    with keeping(memory):
        assert equal(train(LOSS, X, Y, JOBS, SCHEDULE), whole)

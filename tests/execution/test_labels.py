"""The labels of rows follow them into fits, and into the forecasts of a model of tables."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from howrobust.base.data import Dataset
from howrobust.base.method import Posterior
from howrobust.base.stress import RowStress, TrainStress
from howrobust.base.tables.frame import Frame
from howrobust.distributions.closed_form import Normal
from howrobust.execution import forecast, worker
from howrobust.execution.forecast import TableRows, forecast_rows

LABELS = pd.Index(list("abcdefghij"), name="part")


class Reversed(RowStress):
    """Every second row, the last first."""

    name, levels, unit = "reversed", (1.0,), "-"

    def rows(self, n, level, seed):
        return np.arange(n)[::-2]


class Moved(TrainStress):
    """Other targets of the same rows."""

    name, levels, unit = "moved", (1.0,), "-"

    def apply(self, X, y, level, seed):
        return X, y + 1


class Dropped(TrainStress):
    """Fewer rows, and nothing says which."""

    name, levels, unit = "dropped", (1.0,), "-"

    def apply(self, X, y, level, seed):
        return X[3:], y[3:]


@pytest.mark.parametrize(
    ("stress", "labels"),
    [(Reversed(), list("jhfdb")), (Moved(), list("abcdefghij")), (Dropped(), None)],
)
def test_labels_follow_a_stress_of_the_training_rows(stress, labels):
    job = SimpleNamespace(seed=0, stress=lambda name: stress)
    cell = SimpleNamespace(
        train_stress=stress.name, stress_level=(stress.name, 1.0), level=1.0, dataset="d", split="s"
    )
    train = Dataset(np.arange(10.0)[:, None], np.arange(10.0), ("a",), index=LABELS)
    X, _, index = worker._training_rows(job, cell, train)
    assert (None if index is None else list(index)) == labels
    if isinstance(stress, RowStress):
        np.testing.assert_array_equal(LABELS[X[:, 0].astype(int)], index)


class Recorder(Posterior):
    """Forecasts the first column, and keeps what it was given."""

    def __init__(self):
        self.given = []

    def predictive(self, X, draws=None, seed=0):
        self.given.append(X)
        return Normal(X["a"].to_numpy(float), np.ones(len(X)))


@pytest.mark.parametrize("labels", [LABELS, None, np.arange(10) * 7])
def test_every_block_of_variants_is_given_its_rows_with_their_labels(monkeypatch, labels):
    monkeypatch.setattr(forecast, "BLOCK", 7)
    table = pd.DataFrame({"a": np.arange(10), "when": pd.date_range("2026-01-01", periods=10)})
    frame = Frame.of(table)
    X = frame.encode(table)
    X[3, 1] = np.nan
    table.loc[3, "when"] = pd.NaT
    posterior = Recorder()
    rows = TableRows(np.concatenate([X, X]), frame, labels)
    result = forecast_rows(posterior, rows, np.tile(X[:, 0], 2), 0.0, None, 0)
    assert result.n == 20
    assert [len(given) for given in posterior.given] == [7, 7, 6]
    index = np.arange(20) if labels is None else pd.Index(labels).append(pd.Index(labels))
    expected = pd.concat([table, table]).set_axis(index)
    pd.testing.assert_frame_equal(pd.concat(posterior.given), expected, check_names=False)


def test_rows_that_are_taken_and_joined_keep_their_labels():
    zoned = pd.date_range("2026-01-01", periods=4, tz="Europe/Paris", name="when")
    data = Dataset(np.arange(4.0)[:, None], np.arange(4.0), ("a",), index=zoned)
    pd.testing.assert_index_equal(data.take(np.array([2, 0])).index, zoned[[2, 0]])
    pd.testing.assert_index_equal(
        data.take(np.array([3])).join(data.take(np.array([1, 0]))).index, zoned[[3, 1, 0]]
    )
    plain = Dataset(data.X, data.y, ("a",))
    assert plain.index is None
    assert plain.join(plain).index is None
    taken = plain.take(np.array([3, 1]))
    assert list(taken.index) == [3, 1]
    assert list(taken.take(np.array([1])).index) == [1]
    assert data.sha256 == plain.sha256

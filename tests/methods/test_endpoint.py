"""A model behind a network: batches, calls that are made again, and how many calls a plan makes."""

import re
from threading import Lock

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.linear_model import BayesianRidge, LinearRegression

import howrobust as hr
from howrobust.cli.run import run
from howrobust.errors import BadInput
from howrobust.execution.worker import fit_and_forecast
from howrobust.methods.wrappers.endpoint import Endpoint, EndpointFailed
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan
from howrobust.storage.arrays import FOLDERS, Files
from howrobust.stress.adversarial import QUERIES, Adversarial
from howrobust.stress.drift import DriftOffset

QUICK = {"splits": 2, "repeats": 1, "stress": ["input_noise"]}


class Service:
    """Answers 3 a - b; each call fails ``failures`` times before it is answered.

    Like a connection it cannot be pickled: it is called in the process of the test.
    """

    def __init__(self, failures=0, error=ConnectionError):
        self.failures, self.error, self.lock = failures, error, Lock()
        self.sizes, self.left = [], failures

    def __call__(self, X):
        if self.left:
            self.left -= 1
            raise self.error("no answer")
        self.left = self.failures
        self.sizes.append(len(X))
        values = np.asarray(X)
        return 3 * values[:, 0] - values[:, 1]


def rows(n=100):
    X = np.random.default_rng(0).normal(size=(n, 2))
    return X, 3 * X[:, 0] - X[:, 1] + 0.1 * np.random.default_rng(1).normal(size=n)


@pytest.mark.parametrize("table", [False, True])
def test_rows_come_in_batches_and_answers_are_joined(table):
    X, _ = rows(10)
    given = pd.DataFrame(X, columns=["a", "b"], index=np.linspace(0, 1, 10)) if table else X
    service = Service()
    assert np.array_equal(Endpoint(service, batch_size=4)(given), 3 * X[:, 0] - X[:, 1])
    assert service.sizes == [4, 4, 2]
    mean, sd = Endpoint(lambda model, x: (model(x), np.ones(len(x))), 3)(service, given)
    assert np.array_equal(mean, 3 * X[:, 0] - X[:, 1])
    assert sd.shape == (10,)


def test_a_failed_call_is_made_again_after_twice_the_time():
    waits = []
    service = Service(failures=2)
    answers = Endpoint(service, batch_size=5, retries=2, wait=waits.append)(rows(10)[0])
    assert answers.shape == (10,)
    assert waits == [1, 2, 1, 2]
    waits.clear()
    said = r"rows 0 to 9 failed 9 times, the last time with ConnectionError: no answer"
    with pytest.raises(EndpointFailed, match=said):
        Endpoint(Service(failures=20), retries=8, wait=waits.append)(rows(10)[0])
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize("error", [TypeError, BadInput, AttributeError])
def test_an_error_of_the_code_is_raised_at_once(error):
    with pytest.raises(error, match="no answer"):
        Endpoint(Service(failures=1, error=error), retries=5, wait=pytest.fail)(rows(4)[0])


def test_an_answer_for_other_rows_is_refused():
    with pytest.raises(ValueError, match="rows 2 to 3 answered for 3 rows"):
        Endpoint(lambda X: [0.0] * (2 if X[0, 0] == 0 else 3), 2)(np.arange(8.0).reshape(4, 2))


def test_an_assessed_service_has_the_numbers_of_a_local_function(monkeypatch):
    X, y = rows()
    local = hr.assess(Service(), X, y, fitted=True, **QUICK)
    service = Service(failures=1)
    waits = []
    monkeypatch.setattr(Endpoint.__init__, "__defaults__", (None, 0, waits.append))
    remote = hr.assess(service, X, y, fitted=True, batch_size=7, retries=1, **QUICK)
    assert max(service.sizes) == 7
    assert len(waits) == len(service.sizes)
    for measure in ("rmse", "nll", "coverage_90"):
        assert remote.value(measure) == local.value(measure)
    with pytest.raises(BadInput, match=r"failed 2 times, the last time with TimeoutError: no ans"):
        hr.assess(Service(5, TimeoutError), X, y, fitted=True, retries=1, **QUICK)


def test_a_service_that_states_its_distribution_is_asked_in_batches():
    X, y = rows()
    service = Service()

    def stated(model, X):
        return model(X), np.full(len(X), 0.1)

    card = hr.assess(service, X, y, fitted=True, distribution=stated, batch_size=7, **QUICK)
    assert max(service.sizes) == 7
    assert card.value("coverage_90") == pytest.approx(0.9, abs=0.25)


def test_what_calls_no_service_is_refused():
    X, y = rows()
    with pytest.raises(BadInput, match="give it with fitted=True"):
        hr.assess(LinearRegression(), X, y, batch_size=3, **QUICK)
    with pytest.raises(BadInput, match="BayesianRidge states a distribution itself"):
        hr.assess(BayesianRidge().fit(X, y), X, y, fitted=True, retries=3, **QUICK)
    with pytest.raises(BadInput, match="batch_size is 0"):
        hr.assess(Service(), X, y, fitted=True, batch_size=0, **QUICK)


SERVICE = """
import time

calls = []

def predict(X):
    time.sleep(3e-6 * len(X))
    calls.append(len(X))
    return 3 * X["a"] - X["b"]
"""


def test_a_dry_run_counts_the_calls_without_making_one(tmp_path, monkeypatch):
    X, y = rows()
    pd.DataFrame(X, columns=["a", "b"]).assign(y=y).to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "remote_service.py").write_text(SERVICE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    import remote_service

    arguments = ["assess", "-m", "remote_service:predict", "-d", "rows.csv", "--fitted",
                 "--batch-size", "4", "--splits", "2", "--repeats", "1", "--stress", "drift_offset",
                 "--stress", "adversarial"]  # fmt: skip
    shown = CliRunner().invoke(run, [*arguments, "--dry-run"], standalone_mode=False)
    assert remote_service.calls == []
    planned = int(re.search(r"rows.csv: ([\d,]+) calls", shown.output)[1].replace(",", ""))
    options = RunOptions(
        "assess", ["remote_service:predict"], ["rows.csv"], ["drift_offset", "adversarial"], 2, 1,
        fitted=True, batch_size=4,
    )  # fmt: skip
    jobs = [j for j in make_plan(options).jobs if j.method.name == "remote_service:predict"]
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
    for job in jobs:
        fit_and_forecast(job, Files(tmp_path))
    assert planned == len(remote_service.calls)
    # 90 rows for calibration; 10 test rows: clean, two features one by one for each drift, and 100
    # queries and a forecast for each attack. A draw of 1,000 points is timed five times.
    cells = sum(len(job.cells) for job in jobs)
    attacks = 3 * (QUERIES + 1) * len(Adversarial.levels)
    assert planned == cells * (23 + 3 + 5 * len(DriftOffset.levels) + attacks) + 5 * 250

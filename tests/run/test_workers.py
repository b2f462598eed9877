"""A user's own model in worker processes: the same numbers, however it is defined."""

import subprocess
import sys
import textwrap
import threading
import types

import numpy as np
import pandas as pd
import pytest
from commandline import environment
from sklearn.linear_model import Ridge

import howrobust as hr
from howrobust.base.progress import NullProgress
from howrobust.execution.pools.local import LocalPool
from howrobust.execution.pools.parcels import LARGE_BYTES, Parcels, why_not_sent
from howrobust.execution.scheduler import in_parts
from howrobust.methods.wrappers.options import UserModelOptions
from howrobust.planning.data_spec import DataSpec, given_rows
from howrobust.planning.entry_points import load_stress
from howrobust.planning.method_spec import MethodSpec, user_method
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import plan_of
from howrobust.planning.selection import Selection
from howrobust.planning.suite import load_suite

QUICK = {"splits": 2, "repeats": 2, "stress": ["input_noise", "label_noise"], "progress": False}


def rows(n=100, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, 3 * X[:, 0] - X[:, 1] + 0.5 * rng.normal(size=n)


class Bagged(Ridge):
    """A model that draws, of a module that workers cannot import by its name."""

    def fit(self, X, y):
        print("spam")
        chosen = np.random.randint(0, len(y), len(y))  # noqa: NPY002
        return super().fit(X[chosen], y[chosen])


class Unsendable(Bagged):
    """A model that cannot be pickled."""

    def __getstate__(self):
        raise TypeError("it holds a lock")


Unsendable.__name__ = "Bagged"  # seeds depend on it


def numbers(card):
    records = card.records()
    return records[records["part"] != "cost"].reset_index(drop=True)


def test_numbers_do_not_depend_on_the_workers_nor_on_where_the_model_is_fitted(capfd):
    one, two = (hr.assess(Bagged(), *rows(), workers=w, **QUICK) for w in (1, 2))
    assert capfd.readouterr() == ("", "")  # progress is off, and models are not heard
    here = hr.assess(Unsendable(), *rows(), **QUICK)
    said = capfd.readouterr().err
    assert said.count("cannot be pickled (TypeError: it holds a lock)") == 1
    assert any("in one process" in note for note in here.notes)
    assert not any("in one process" in note for note in two.notes)
    pd.testing.assert_frame_equal(numbers(one), numbers(two))
    pd.testing.assert_frame_equal(numbers(one), numbers(here))


def test_a_script_without_a_main_guard_assesses_its_own_class(tmp_path):
    (tmp_path / "beside.py").write_text("SCALE = 2.0\n")
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent("""
        print("begin")
        import numpy as np
        import howrobust as hr
        from beside import SCALE
        from sklearn.linear_model import LinearRegression

        class Mine(LinearRegression):
            def predict(self, X):
                return SCALE * super().predict(X) / SCALE

        X = np.random.default_rng(0).normal(size=(60, 2))
        y = X.sum(axis=1) + 1e-3 * X[:, 0] ** 2
        card = hr.assess(Mine(), X, y, splits=1, repeats=1, stress=[])
        print(card.value("rmse") < 0.01, len(card.notes))
    """))  # fmt: skip
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path.parent, env=environment(),
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.stdout.splitlines()[0] == "begin", done.stderr
    assert done.stdout.splitlines()[1].startswith("True"), done.stderr
    assert done.stdout.count("begin") == 1
    assert "in one process" not in done.stderr
    # It is heard: a line for each stage at least, where standard error is no terminal.
    assert "fit: 0/" in done.stderr
    assert "score: 0/" in done.stderr


def test_a_progress_object_hears_which_model_is_fitted_while_it_is_fitted():
    heard = []

    class Listener(NullProgress):
        def partly(self, cells, name):
            heard.append(name)

    hr.assess(Bagged(), *rows(), **{**QUICK, "progress": Listener()})
    assert any("Bagged" in name for name in heard)


def test_two_tasks_at_once_of_a_module_that_no_worker_can_import_both_run(monkeypatch):
    module = types.ModuleType("of_no_file")
    exec("def double(x):\n    return 2 * x", vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with LocalPool(2) as pool:
        # Both are packed before either worker can say that it misses the module.
        futures = [pool.submit(module.double, x, limit_s=60) for x in (1, 2)]
        assert [future.result() for future in futures] == [2, 4]


def test_large_arrays_are_written_once_and_mapped_into_workers():
    X = np.asfortranarray(np.arange(LARGE_BYTES // 4, dtype=np.float64).reshape(-1, 4))
    parcels = Parcels()
    frame = pd.DataFrame(X)
    packed = [parcels.pack((X, {"again": X}, X[:3], frame)) for _ in range(3)]
    assert max(map(len, packed)) < 10_000
    assert len(parcels._written) == 2  # the array and its columns as the frame holds them
    with LocalPool(1) as pool:
        assert pool.submit(np.sum, X, limit_s=60).result() == X.sum()
        shape = pool.submit(np.add, X, 1.0, limit_s=60).result().shape
    parcels.close()
    assert shape == X.shape


def test_what_cannot_be_sent_says_why():
    assert why_not_sent(Ridge()) == ""
    assert why_not_sent(lambda X: X[:, 0]) == ""
    assert "lock" in why_not_sent(threading.Lock())


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_jobs_of_a_users_model_are_cut_so_that_no_worker_waits_long(workers):
    source = given_rows(*rows())
    spec = MethodSpec("Ridge", model=user_method(Ridge(), UserModelOptions()))
    plan = plan_of(
        Selection(
            suite=load_suite("assess"),
            options=RunOptions("assess"),
            methods=[spec, MethodSpec("marginal")],
            data=[DataSpec(source.name, source=source)],
            stresses=[load_stress(name) for name in ("input_noise", "label_noise", "drift_gain")],
        )
    )
    parts = in_parts(plan.jobs, workers)
    assert [c for job in parts for c in job.cells] == plan.cells
    assert len(parts) > len(plan.jobs)
    of_user = [job for job in parts if job.method is spec]
    weights = [len(job.cells) * len(job.levels) for job in of_user if len(job.cells) > 1]
    assert max(weights, default=0) <= sum(len(j.cells) * len(j.levels) for j in parts) / workers

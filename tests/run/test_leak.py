"""Law 6: no test row reaches a fit. Test rows are poisoned until every fit is done."""

import numpy as np
import pytest

from howrobust.base.cells import CLEAN, Cell
from howrobust.execution.worker import fit_and_forecast
from howrobust.planning import entry_points
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.jobs import Job
from howrobust.planning.method_spec import MethodSpec
from howrobust.storage.arrays import Files
from howrobust.storage.forecasts import read_forecasts

FAST = {
    "bayesian_nn": "bayesian_nn[epochs=2,n_draws=256]",
    "deep_ensemble": "deep_ensemble[epochs=2,n_members=2,learning_rate=[0.001,0.01]]",
    "shuffled_cv": "shuffled_cv[epochs=2,n_shuffles=1]",
    "mc_dropout": "mc_dropout[epochs=2,n_draws=256,dropout=[0.01,0.1]]",
}


def poisoned(source, split):
    """The split's sets, with NaN in the source's own test rows; and the clean test rows."""
    _, clean = source.realise(split, 0)
    rows = {row.tobytes() for row in np.column_stack([clean.X, clean.y])}
    data = source.data if hasattr(source, "data") else source._data
    held = [row.tobytes() in rows for row in np.column_stack([data.X, data.y])]
    data.X[held], data.y[held] = np.nan, np.nan
    train, test = source.realise(split, 0)
    assert np.isnan(test.X).all()
    assert np.isnan(test.y).all()
    assert np.isfinite(train.X).all()
    return train, test, clean


@pytest.mark.parametrize(
    ("dataset", "place"),
    [("diabetes", CLEAN), ("uci/yacht", CLEAN), ("diabetes", ("label_noise", 0.4))],
)
@pytest.mark.parametrize("name", [n for n in entry_points.names("methods") if n != "oracle"])
def test_every_fit_succeeds_unchanged_on_poisoned_test_rows(
    name, dataset, place, uci, tmp_path, monkeypatch
):
    method = MethodSpec.parse(FAST.get(name, name))
    cell = Cell(dataset, "random-0", method.label, 0, "key", 7, *place)
    job = Job(method, DataSpec(dataset), (cell,), (CLEAN,), 0, 600.0, 100)

    def forecast(folder):
        files = Files(folder)
        for part in ("forecasts", "testsets"):
            (folder / part).mkdir(parents=True)
        (outcome,) = fit_and_forecast(job, files)
        assert outcome.status == "ok", outcome.traceback
        return read_forecasts(files.forecast("key"))[CLEAN]

    before = forecast(tmp_path / "clean")
    source = DataSpec(dataset).open()
    train, test, clean = poisoned(source, cell.split)
    monkeypatch.setattr(source, "realise", lambda split, seed: (train, test))
    monkeypatch.setattr(DataSpec, "open", lambda self: source)
    kind = method.load()
    infer_stack = kind.infer_stack

    def infer_then_cure(self, problems):
        posteriors = infer_stack(self, problems)
        test.X[:], test.y[:] = clean.X, clean.y
        return posteriors

    monkeypatch.setattr(kind, "infer_stack", infer_then_cure)
    after = forecast(tmp_path / "poisoned")
    np.testing.assert_array_equal(after.mean, before.mean)
    np.testing.assert_array_equal(after.logpdf, before.logpdf)

"""The plan says which fits are estimated to exceed their limit."""

import pytest
from commandline import howrobust

import howrobust as hr
from howrobust.planning.estimate import limit_warnings, rough_seconds
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan

LONG = "shuffled_cv[epochs=2000,n_shuffles=2000]"


def plan(method, timeout_s=None):
    options = RunOptions(methods=[method], data=["quintic"], stress=[], timeout_s=timeout_s)
    return make_plan(options)


def test_a_fit_that_will_exceed_its_limit_is_named_once_with_both_times():
    long = plan(LONG)
    job = next(job for job in long.jobs if job.cells[0].method == LONG)
    per_cell = rough_seconds(job) / len(job.cells)
    (sentence,) = limit_warnings(long.jobs)
    assert sentence.startswith(f"a fit of {LONG} on quintic takes roughly {per_cell:,.0f} s")
    assert f"its limit is {job.timeout_s:,.0f} s" in sentence
    assert limit_warnings(plan(LONG, 2 * per_cell).jobs) == []
    assert limit_warnings(make_plan(RunOptions()).jobs) == []


def test_it_is_said_by_a_dry_run_and_before_a_run(monkeypatch, tmp_path):
    code, _, err = howrobust("run", "--dry-run", "-m", LONG, "-d", "quintic")
    assert (code, err.count("warning: a fit of shuffled_cv")) == (0, 1)

    def stop(*_, **__):
        raise InterruptedError

    monkeypatch.setattr("howrobust._run.execute", stop)
    with pytest.warns(UserWarning, match="a fit of shuffled_cv"), pytest.raises(InterruptedError):
        hr.run(methods=[LONG], data=["quintic"], stress=[], out=tmp_path)

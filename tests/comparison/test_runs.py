"""Comparisons of real runs with injected faults, and of reruns of what has not changed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import howrobust as hr
from howrobust._run import execute
from howrobust.base.method import Posterior, SingleMethod
from howrobust.cli.main import main
from howrobust.comparison.baseline import Address, read_file, to_json
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.execution.pools.inline import InlinePool
from howrobust.methods import BayesianRidge
from howrobust.planning.data_spec import DataSpec, given_rows
from howrobust.planning.entry_points import load_stress
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan, plan_of
from howrobust.planning.selection import Selection
from howrobust.planning.suite import Suite
from howrobust.reports import verdict

SPLITS = 4
BASELINE = Path(__file__).parents[1] / "baselines" / "quick.json"


class Altered(Posterior):
    """Bayesian ridge's posterior with its sds multiplied, forecast several times over."""

    def __init__(self, posterior, sds, times):
        self.posterior, self.sds, self.times = posterior, sds, times

    def predictive(self, X, draws=None, seed=0):
        for _ in range(self.times):
            sound = self.posterior.predictive(X)
            burn(10)
        return GaussianMixture(sound.mean()[None], self.sds * np.sqrt(sum(sound.variance_parts())))


def burn(passes):
    """Work that takes about so many tenths of a millisecond."""
    X = np.linspace(-1, 1, 64 * 64).reshape(64, 64) / 64
    for _ in range(4 * passes):
        X = np.exp(-np.abs(X @ X))


class Sound(SingleMethod):
    """Bayesian ridge, which takes its time."""

    SDS, FITS, DRAWS = 1.0, 1, 1

    def __init__(self, random_state=None):
        self.random_state = random_state

    def infer(self, problem):
        for _ in range(self.FITS):
            posterior = BayesianRidge().infer(problem)
            burn(600)
        return Altered(posterior, self.SDS, self.DRAWS)


class HalvedSds(Sound):
    """Its noise sd is half of what it should be."""

    SDS = 0.5


class Slow(Sound):
    """It fits and forecasts twice."""

    FITS, DRAWS = 2, 2


class Failing(Sound):
    """It fails on some rows."""

    def infer(self, problem):
        if problem.y[0] > np.mean(problem.y):
            raise RuntimeError("broken by design")
        return super().infer(problem)


class Leaking(Sound):
    """It has seen the test rows."""

    def infer(self, problem):
        return Remembered()


class Remembered(Posterior):
    """Knows the true mean and half of the noise of every row of `table`."""

    def predictive(self, X, draws=None, seed=0):
        rows = {x.tobytes(): y for x, y in zip(*table(), strict=True)}
        y = np.array([rows.get(np.ascontiguousarray(x).tobytes(), 0.0) for x in X])
        return GaussianMixture((y + X @ COEFFICIENTS)[None] / 2, 0.5)


COEFFICIENTS = np.array([2.0, -1.0, 0.5])


def table(changed=0.0):
    """A user's rows; the first target is moved by ``changed``."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = X @ COEFFICIENTS + rng.normal(size=400)
    y[0] += changed
    return X, y


def sources(changed=0.0):
    given = given_rows(*table(changed), target_transform="none")
    return [DataSpec(given.name, source=given), DataSpec("friedman1"), DataSpec("diabetes")]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run a class under a name on so many data sets; the results of each kind are kept."""
    kept = {}

    def run(kind, name="ridge", count=3, changed=0.0, stress=()):
        key = (kind, name, count, changed, stress)
        if key not in kept:
            plan = plan_of(
                Selection(
                    suite=Suite("faults", "injected faults", [], [], [], SPLITS),
                    options=RunOptions("faults"),
                    methods=[MethodSpec(name, model=kind), MethodSpec("marginal")],
                    data=sources(changed)[:count],
                    stresses=[load_stress(each) for each in stress],
                )
            )
            kept[key] = execute(plan, tmp_path_factory.mktemp(kind.__name__), pool=InlinePool())
        return kept[key]

    return run


def test_a_noise_sd_that_is_half_of_what_it_was_is_worse_in_a_sentence(ran):
    found = hr.compare(ran(Sound), ran(HalvedSds))
    assert found.exit_code == 1
    printed = verdict.text(found)
    assert "ridge on all data sets together: nll worse by " in printed
    assert "ridge on all data sets together: coverage_90 worse by " in printed
    # Its mean is the same, and so is the marginal.
    assert {c.verdict for c in found.changes if c.metric == "rmse"} == {"unchanged"}
    assert {c.method for c in found.of("worse")} == {"ridge"}
    back = hr.compare(ran(HalvedSds), ran(Sound))
    assert back.exit_code == 0
    assert "Better:" in verdict.text(back)


def test_a_leak_that_is_mended_is_worse_and_a_new_leak_is_better(ran):
    leaking, sound = (ran(kind, count=1, stress=("input_noise",)) for kind in (Leaking, Sound))
    found = hr.compare(leaking, sound)
    assert found.exit_code == 1
    assert {"nll", "rmse", "crps"} <= {c.metric for c in found.of("worse") if c.stress == "none"}
    back = hr.compare(sound, leaking)
    assert {"nll", "rmse", "crps"} <= {c.metric for c in back.of("better")}
    # What it remembers is of no use where a row is not what it was.
    assert {c.stress for c in back.of("worse")} == {"input_noise"}


def test_a_method_that_takes_twice_as_long_is_slower(ran):
    found = hr.compare(ran(Sound), ran(Slow), max_slowdown=1.3)
    assert {(p.what, p.verdict) for p in found.paces} == {("fit", "worse"), ("draw", "worse")}
    assert found.exit_code == 1
    assert "ridge: a fit costs " in verdict.text(found)
    assert {c.verdict for c in found.changes} == {"unchanged"}
    assert hr.compare(ran(Sound), ran(Slow)).exit_code == 0
    assert hr.compare(ran(Slow), ran(Sound), max_slowdown=1.3).exit_code == 0


def test_a_cell_that_is_renamed_is_missing(ran):
    found = hr.compare(ran(Sound), ran(Sound, name="crest"))
    assert found.exit_code == 1
    assert {(e.kind, e.method) for e in found.events} == {("missing", "ridge"), ("new", "crest")}


def test_a_cell_that_fails_is_no_pass(ran):
    found = hr.compare(ran(Sound), ran(Failing))
    assert found.exit_code == 1
    assert "RuntimeError: broken by design" in verdict.text(found)
    assert hr.compare(ran(Failing), ran(Sound)).exit_code == 0


def test_data_of_another_version_are_not_compared(ran, capsys):
    before, after = ran(Sound, count=1), ran(Sound, count=1, changed=1.0)
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(before.folder), str(after.folder)])
    assert ended.value.code == 3
    assert "another version" in capsys.readouterr().out
    # Two of three data sets can be compared; that is no pass either.
    assert hr.compare(ran(Sound), ran(Sound, changed=1.0)).exit_code == 1


def exits(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, arguments)))
    return ended.value.code


def test_a_baseline_is_kept_listed_shown_written_and_compared_with(ran, tmp_path, capsys):
    folder, other = ran(Sound).folder, ran(HalvedSds).folder
    file = tmp_path / "base.json"
    assert exits("baseline", "save", "main", "--out", folder, "--file", file) == 0
    assert exits("baseline", "list", "--out", folder) == 0
    assert "main " in capsys.readouterr().out
    assert exits("baseline", "show", "main", "--out", folder) == 0
    assert capsys.readouterr().out == file.read_text()
    for base in (folder, file, "main"):
        assert exits("compare", base, folder) == 0
        assert "No regression" in capsys.readouterr().out
    for form in ("text", "md"):
        assert exits("compare", file, other, "--format", form) == 1
        assert "nll worse by" in capsys.readouterr().out.replace("\\", "")
    assert exits("compare", folder, file) == 0


def test_what_cannot_be_compared_is_one_sentence(ran, tmp_path, capsys):
    folder = ran(Sound).folder
    (tmp_path / "foreign.json").write_text('{"a": 1}')
    (tmp_path / "empty").mkdir()
    exits("baseline", "save", "main", "--out", folder)
    capsys.readouterr()
    for base, new, word in (
        (tmp_path / "foreign.json", folder, "not a baseline"),
        (tmp_path / "none.json", folder, "cannot be read"),
        (tmp_path / "empty", folder, "no results"),
        ("nobody", folder, "main"),
        (folder, "nobody", "no results"),
        ("main", tmp_path / "foreign.json", "no baselines by name"),
    ):
        assert exits("compare", base, new) == 2
        printed = capsys.readouterr()
        assert word in printed.err
        assert printed.out == ""
        assert len(printed.err.splitlines()) == 1
    for name in ("a/b", "x.json", ""):
        assert exits("baseline", "save", name, "--out", folder) == 2
    assert exits("baseline", "save", "x", "--out", folder, "--file", tmp_path / "x.txt") == 2
    assert exits("baseline", "show", "nobody", "--out", folder) == 2
    assert exits("compare", folder, folder, "--alpha", "2") == 2


def test_the_committed_baseline_has_the_cells_and_the_data_of_suite_quick():
    baseline, plan = read_file(BASELINE), make_plan(RunOptions())
    planned = {
        Address(c.dataset, c.method, c.train_stress, c.level, c.split, c.repeat) for c in plan.cells
    }
    assert {cell.address for cell in baseline.cells} == planned
    assert {cell.status for cell in baseline.cells} == {"ok"}
    assert {name: d.sha256 for name, d in baseline.data.items()} == {
        d.name: d.sha256 for d in plan.data
    }
    assert BASELINE.read_text(encoding="utf-8") == to_json(baseline)


def test_a_suite_that_is_run_one_data_set_at_a_time_has_the_same_cells():
    whole = {cell.key for cell in make_plan(RunOptions()).cells}
    alone = [make_plan(RunOptions(data=[name])) for name in ("quintic", "diabetes", "friedman1")]
    assert {cell.key for plan in alone for cell in plan.cells} == whole


METHODS = [
    "deep_ensemble[epochs=20]",
    "bayesian_nn[epochs=60, n_draws=300]",
    "mc_dropout[epochs=60, n_draws=300]",
    "gaussian_process",
    "bayesian_ridge",
]


@pytest.mark.slow
def test_twenty_reruns_from_other_seeds_give_one_false_alarm_at_most(tmp_path):
    base = hr.run("quick", METHODS, out=tmp_path / "base")
    codes = []
    for seed in range(1, 21):
        found = hr.compare(base, hr.run("quick", METHODS, seed=seed, out=tmp_path / f"{seed}"))
        codes.append(found.exit_code)
        print(seed, found.exit_code, [(c.dataset, c.method, c.metric) for c in found.of("worse")])
    assert sum(code != 0 for code in codes) <= 1, codes


BUSY = """
import numpy as np
X = np.random.default_rng(0).normal(size=(700, 700))
while True:
    np.exp(-np.abs(X @ X / 700))
"""


@pytest.mark.slow
def test_ten_reruns_beside_two_busy_neighbours_give_no_false_alarm_of_speed(tmp_path):
    base = hr.run("quick", METHODS, out=tmp_path / "base")
    neighbours = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]
    try:
        for k in range(10):
            new = hr.run("quick", METHODS, out=tmp_path / f"{k}")
            found = hr.compare(base, new, max_slowdown=1.3)
            print(k, [(p.method, p.what, round(p.ratio.mean, 2), p.verdict) for p in found.paces])
            assert [p for p in found.paces if p.verdict == "worse"] == []
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()

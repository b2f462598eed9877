"""What the comparison with committed ratios must catch, and what it must let pass."""

import itertools
import json
import subprocess
import sys

import pytest
from performance import paired_ratios
from performance.paired_ratios import SLACK, paired_ratio, passes


class Clock:
    """A clock that halves move by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def half(self, seconds):
        times = itertools.cycle(seconds)

        def run():
            self.now += next(times)

        return run


def test_the_ratio_is_the_median_of_pairs():
    clock = Clock()
    # A neighbour slows both halves of every other pair tenfold, and once ours alone.
    reference = clock.half([6.0, 60.0])
    ours = clock.half([1.0, 10.0, 1.0, 10.0, 50.0])
    ratio, theirs, own = paired_ratio(reference, ours, 5, clock)
    assert ratio == pytest.approx(6.0)
    assert theirs == 6.0
    assert own == 10.0


def test_an_injected_slowdown_fails_and_noise_does_not():
    clock = Clock()

    def measure(seconds):
        return lambda: paired_ratio(clock.half([12.0]), clock.half(seconds), 7, clock)[0]

    committed = 12.0
    assert passes(measure([1.0]), committed / SLACK) == (True, 12.0)
    assert passes(measure([1.2]), committed / SLACK)[0]  # inside the slack
    passed, ratio = passes(measure([1.5]), committed / SLACK)
    assert not passed
    assert ratio == pytest.approx(8.0)


def test_it_measures_three_times_before_it_fails():
    ratios = iter([5.0, 7.0, 6.0, 100.0])
    assert passes(lambda: next(ratios), 9.0) == (False, 7.0)
    assert next(ratios) == 100.0
    ratios = iter([5.0, 9.5])
    assert passes(lambda: next(ratios), 9.0) == (True, 9.5)


@pytest.mark.parametrize(
    ("names", "held", "said"),
    [
        ({"a", "b"}, {"a": 1.0, "b": 2.0}, ""),
        ({"a"}, {"a": 1.0, "b": 2.0}, "no benchmark has the committed name b"),
        ({"a", "c"}, {"a": 1.0, "b": 2.0}, "no ratio is committed for c"),
    ],
)
def test_a_missing_or_renamed_benchmark_fails(names, held, said):
    assert (paired_ratios.missing(names, held) == "") == (said == "")
    assert said in paired_ratios.missing(names, held)


def test_ratios_of_other_machines_are_kept(tmp_path, monkeypatch):
    path = tmp_path / "ratios.json"
    monkeypatch.setattr(paired_ratios, "kind", lambda: "one")
    paired_ratios.commit({"a": 2.0}, path)
    monkeypatch.setattr(paired_ratios, "kind", lambda: "other")
    assert paired_ratios.committed(path) == {}
    paired_ratios.commit({"a": 3.00004}, path)
    assert json.loads(path.read_text()) == {"one": {"a": 2.0}, "other": {"a": 3.0}}


def test_timings_beside_other_tests_are_refused(pytestconfig):
    import os

    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__,
         "-k", "the_ratio_is_the_median"],
        env={**os.environ, "PYTEST_XDIST_WORKER": "gw0"}, cwd=pytestconfig.rootpath,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 1
    assert "without xdist" in found.stdout

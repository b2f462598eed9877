"""The fixture ``robustness``, in test suites of a user."""

import json
from textwrap import dedent

import pytest
from sklearn import datasets
from sklearn.linear_model import LinearRegression

from howrobust.testing.pytest_plugin import Robustness

pytest_plugins = ["pytester"]

SUITE = """
    import numpy as np
    import pytest
    from sklearn.linear_model import BayesianRidge, LinearRegression

    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3))
    y = X @ [1.0, 2.0, 0.0] + rng.standard_normal(300)
    FAST = dict(stress=["input_noise"], splits=5, repeats=1)
"""
GATE = """
    def test_the_model_is_as_good_as_it_was(robustness):
        robustness({model}, {X}, y, **FAST).against("main")
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Load all that the fixture does: pytester forgets what is loaded within it."""
    folder = tmp_path_factory.mktemp("loaded")
    fixture = Robustness(folder, "test", True, folder)
    X, y = datasets.make_regression(100, 3, noise=1, random_state=0)
    fixture(LinearRegression(), X, y, stress=["input_noise"], splits=3, repeats=1).against("main")


@pytest.fixture
def suite(loaded, pytester, monkeypatch):
    """Write a test file and run it: (result, standard output)."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(body, *options):
        pytester.makepyfile(test_model=dedent(SUITE) + dedent(body))
        result = pytester.runpytest("-q", "-p", "no:cacheprovider", *options)
        return result, "\n".join(result.outlines)

    return run


def gate(model="LinearRegression()", X="X"):
    return GATE.format(model=model, X=X)


def test_scores_can_be_asserted_by_name(suite):
    result, _ = suite(
        """
    def test_scores(robustness):
        card = robustness(LinearRegression(), X, y, **FAST)
        assert 0.8 <= card.coverage_90 <= 1 and 0.8 < card.rmse < 1.2
        lower, upper = card.predictive(X[:5]).interval(0.9)
        assert (lower < upper).all() and card.card.method == "LinearRegression"
        assert repr(card) == f"<LinearRegression: nll {card.nll:.3g}, rmse {card.rmse:.3g}>"
        with pytest.raises(AttributeError, match="no score is named 'beauty'; there are .*rmse"):
            card.beauty
        with pytest.raises(AttributeError, match="LinearRegression has no nll: "):
            robustness(LinearRegression(), X, y, noise="cv_plus", **FAST).nll
    """
    )
    result.assert_outcomes(passed=1)


def test_a_model_is_held_against_a_baseline_that_is_written_on_request(suite, pytester):
    result, said = suite(gate())
    result.assert_outcomes(failed=1)
    assert "there is no baseline" in said
    assert "`pytest --robustness-update` writes it" in said

    result, said = suite(gate(), "--robustness-update", "-v")
    result.assert_outcomes(passed=1)
    assert "howrobust: baselines are written; nothing is compared with them" in said
    (written,) = pytester.path.glob("baselines/main/*.json")
    assert written.name == "test_model.test_the_model_is_as_good_as_it_was.json"
    assert {cell["method"] for cell in json.loads(written.read_text())["cells"]} == {"model"}

    before = written.read_bytes()
    result, _ = suite(gate())
    result.assert_outcomes(passed=1)
    result, _ = suite(gate("BayesianRidge()"))  # another class in its place, as good
    result.assert_outcomes(passed=1)

    result, said = suite(gate("LinearRegression(fit_intercept=False)", "X[:, [2, 2, 2]]"))
    result.assert_outcomes(failed=1)
    assert "sha256 differs" in said
    assert "Traceback" not in said
    assert written.read_bytes() == before


def test_a_model_that_is_worse_fails_and_one_that_is_better_does_not(suite):
    blind = "__import__('sklearn.dummy').dummy.DummyRegressor()"
    suite(gate(blind), "--robustness-update")
    result, _ = suite(gate())
    result.assert_outcomes(passed=1)

    suite(gate(), "--robustness-update")
    result, said = suite(gate(blind))
    result.assert_outcomes(failed=1)
    assert "not as good as" in said


def test_a_damaged_baseline_and_a_name_that_is_a_path_are_said(suite, pytester):
    suite(gate(), "--robustness-update")
    (written,) = pytester.path.glob("baselines/main/*.json")
    written.write_text("{")
    result, said = suite(gate())
    result.assert_outcomes(failed=1)
    assert "is not a baseline" in said

    result, said = suite(gate().replace('"main"', '"../main"'))
    result.assert_outcomes(failed=1)
    assert "letters, digits" in said


def test_one_name_is_one_baseline_of_a_test(suite, pytester):
    body = """
    @pytest.mark.parametrize("intercept", [True, False])
    def test_both(robustness, intercept):
        card = robustness(LinearRegression(fit_intercept=intercept), X, y, **FAST)
        card.against("main")
        with pytest.raises(pytest.fail.Exception, match="'main' twice"):
            card.against("main")
    """
    result, _ = suite(body, "--robustness-update")
    result.assert_outcomes(passed=2)
    names = sorted(path.name for path in pytester.path.glob("baselines/main/*.json"))
    assert names == ["test_model.test_both.False.json", "test_model.test_both.True.json"]


def test_tests_that_look_alike_have_baselines_of_their_own(suite, pytester):
    body = """
    class TestOne:
        def test_it(self, robustness):
            robustness(LinearRegression(), X, y, **FAST).against("main")

    @pytest.mark.parametrize("word", ["a b", "a_b"])
    def test_it(robustness, word):
        robustness(LinearRegression(), X, y, **FAST).against("main")
    """
    suite(body, "--robustness-update")
    assert len({path.name for path in pytester.path.glob("baselines/main/*.json")}) == 3


def test_speed_is_gated_by_pytest_benchmark_beside_it(suite, pytester):
    body = """
    import time

    def test_forecasts_are_fast(robustness, benchmark):
        card = robustness(LinearRegression(), X, y, **FAST)
        benchmark.extra_info["nll"] = card.nll
        found = benchmark({timed}, X)
        assert found.mean().shape == (300,)
    """
    fast = body.format(timed="card.predictive")
    result, _ = suite(fast, "--benchmark-save=base")
    result.assert_outcomes(passed=1)
    (saved,) = pytester.path.glob(".benchmarks/*/*_base.json")
    (entry,) = json.loads(saved.read_text())["benchmarks"]
    assert 0 < entry["extra_info"]["nll"] < 3

    compared = ("--benchmark-compare=0001", "--benchmark-compare-fail=median:100%")
    slow = body.format(timed="lambda rows: time.sleep(0.1) or card.predictive(rows)")
    pytester.makepyfile(test_model=dedent(SUITE) + dedent(slow))
    result = pytester.runpytest_subprocess(*compared)
    assert result.ret != 0
    result.stderr.fnmatch_lines("*Performance has regressed*")

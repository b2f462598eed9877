import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import howrobust as hr
from howrobust.distributions.gaussian_mixture import GaussianMixture

ROOT = Path(__file__).parents[1]


def test_the_functions_are_not_hidden_by_modules():
    for module in sorted((ROOT / "benchmark").glob("*.py")):
        if module.stem not in ("__init__", "__main__"):
            importlib.import_module(f"howrobust.{module.stem}")
    assert inspect.isfunction(hr.run)
    assert inspect.isfunction(hr.load)
    assert inspect.isfunction(hr.propagate)
    assert inspect.isfunction(hr.load_card)
    assert inspect.isclass(hr.Results)


def test_run_has_its_words_in_order():
    words = list(inspect.signature(hr.run).parameters)
    assert words[:9] == [
        "suite", "methods", "data", "stress", "splits", "repeats", "seed", "out", "workers"
    ]  # fmt: skip


def test_propagate_has_its_words_in_order():
    words = list(inspect.signature(hr.propagate).parameters)
    assert words[:3] == ["f", "X", "noise"]
    assert {"correlation", "draws", "box", "units", "batch_size", "workers", "seed"} <= set(words)


def test_methods_share_their_constructor_words():
    from howrobust.methods import BayesianNN, DeepEnsemble, MCDropout, ShuffledCV

    shared = {"hidden", "epochs", "batch_size", "learning_rate", "weight_decay", "preset", "device",
              "random_state"}  # fmt: skip
    for method in (BayesianNN, DeepEnsemble, MCDropout, ShuffledCV):
        assert shared <= set(inspect.signature(method).parameters)
        assert method().hidden == (50,)


def test_score_is_a_function_of_a_distribution_and_y():
    from howrobust.metrics import score

    found = score(GaussianMixture(np.zeros((1, 30)), 1.0), np.zeros(30), 2.0)
    assert found["nll"] == pytest.approx(np.log(np.sqrt(2 * np.pi)), rel=1e-12)
    assert all(isinstance(value, float) for value in found.values())


def test_importing_howrobust_imports_nothing_slow():
    code = "import sys, howrobust; print(sorted({'numpy', 'torch', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

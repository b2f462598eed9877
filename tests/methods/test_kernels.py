"""Random numbers by counting, elementary functions and layouts."""

import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

import howrobust.compiled as compiled_module
from howrobust.compiled import available, compiled
from howrobust.methods.core.arithmetic import elementary
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.random_numbers import philox
from howrobust.methods.core.random_numbers import streams as draws

needs_compiler = pytest.mark.skipif(not available(), reason="no compiler")


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [  # Random123's known answers for philox4x32-10
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_the_cipher_gives_its_known_answers(counter, key, words):
    found = philox.block(*(np.uint32(c) for c in (*counter, *key)))
    assert [int(w) for w in found] == words


@needs_compiler
@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_compiled_numbers_are_the_plain_ones(seed):
    stream = philox.stream_of(seed, 3, 1, 4)
    for size in (1, 64, 65, 1000):
        words = draws.uniform_words(stream, size)
        np.testing.assert_array_equal(words, draws._plain_words(stream, size))
        ours, plain = draws.normals(stream, size), draws._plain_normals(stream, size)
        np.testing.assert_allclose(ours, plain, rtol=1e-5, atol=3e-5)  # log u near 0
        order = np.empty(size, np.int64)
        draws._plain_order(order, draws.uniform_words(stream, size))
        np.testing.assert_array_equal(draws.order(stream, size), order)


def test_a_shorter_stream_begins_a_longer_one_and_streams_differ():
    whole = draws.normals(philox.stream_of(5, 1), 300)
    np.testing.assert_array_equal(draws.normals(philox.stream_of(5, 1), 70), whole[:70])
    for other in (
        philox.stream_of(6, 1),
        philox.stream_of(5 + 2**32, 1),
        philox.stream_of(5, 2),
        philox.stream_of(5, 1, 1),
        philox.stream_of(5, 1, 0, 1),
    ):
        assert abs(np.corrcoef(whole, draws.normals(other, 300))[0, 1]) < 5 / np.sqrt(300)


def test_normals_are_normal_and_independent_of_their_neighbours():
    z = draws.normals(philox.stream_of(11), 2**20).astype(np.float64)
    n = len(z)
    # Each statistic within 4.5 standard errors: kurtosis' variance is 24 / n, variance's 2 / n.
    assert abs(z.mean()) < 4.5 / np.sqrt(n)
    assert abs(z.var() - 1) < 4.5 * np.sqrt(2 / n)
    assert abs(stats.kurtosis(z)) < 4.5 * np.sqrt(24 / n)
    assert stats.kstest(z, "norm").pvalue > 1e-4
    for lag in (1, 2, 16, 32, 64):  # halves of a pair stand 16 apart
        assert abs(np.mean(z[lag:] * z[:-lag])) < 4.5 / np.sqrt(n)
        assert abs(np.mean(z[lag:] ** 2 * z[:-lag] ** 2) - 1) < 4.5 * np.sqrt(8 / n)
    assert np.abs(z).max() < 6.8  # the least word is 1 / 2^33


def test_orders_are_uniform_permutations():
    count = np.zeros((5, 5))
    for k in range(4000):
        count[np.arange(5), draws.order(philox.stream_of(k), 5)] += 1
    assert stats.chisquare(count.ravel()).statistic < stats.chi2.ppf(1 - 1e-5, 16)


@needs_compiler
@pytest.mark.parametrize(
    ("function", "reference", "grid"),
    [
        (elementary.log, np.log, np.exp(np.linspace(-80, 80, 20001))),
        (elementary.exp, np.exp, np.linspace(-80, 80, 20001)),
        (elementary.sine, np.sin, np.linspace(-np.pi / 4, np.pi / 4, 20001)),
        (elementary.cosine, np.cos, np.linspace(-np.pi / 4, np.pi / 4, 20001)),
    ],
)
def test_elementary_functions_are_right_to_two_units_in_the_last_place(function, reference, grid):
    x = grid.astype(np.float32)
    ours = np.array([function(v) for v in x], np.float64)
    exact = reference(x.astype(np.float64))
    assert np.abs(ours - exact).max() <= np.abs(exact * 2.4e-7).max()
    assert (np.abs(ours - exact) <= 2.4e-7 * np.abs(exact) + 1e-12).all()


@needs_compiler
def test_not_a_number_stays_one():
    assert np.isnan(elementary.log(np.float32(np.nan)))
    assert np.isnan(elementary.exp(np.float32(np.nan)))


@pytest.mark.parametrize("hidden", [(1,), (16,), (50,), (17, 3)])
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_vector_gives_back_the_layers_it_was_packed_from(hidden, outputs):
    layout = Layout(3, hidden, outputs)
    rng = np.random.default_rng(0)
    sizes = [3, *hidden, outputs]
    layers = [(rng.normal(size=(4, a, b)), rng.normal(size=(4, 1, b))) for a, b in pairwise(sizes)]
    flat = layout.pack(layers, np.float64)
    assert flat.shape == (4, layout.size)
    assert layout.size % 64 == 0
    for (w, b), (v, c) in zip(layers, layout.unpack(flat), strict=True):
        np.testing.assert_array_equal(w, v)
        np.testing.assert_array_equal(b, c)
    assert (flat[:, layout.real == 0] == 0).all()
    assert layout.real.sum() == sum((a + 1) * b for a, b in pairwise(sizes))
    assert layout.weights.sum() == sum(a * b for a, b in pairwise(sizes))


def test_without_a_compiler_torch_trains_and_says_so_once():
    code = """
import warnings
warnings.simplefilter("always")
import numpy as np
from howrobust.methods import BayesianNN, DeepEnsemble, MCDropout, ShuffledCV
rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 2)), rng.normal(size=40)
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    for method in (BayesianNN(epochs=2), DeepEnsemble(epochs=2), MCDropout(epochs=2),
                   ShuffledCV(epochs=2)):
        method.random_state = 0
        print(*method.fit(X, y).predict(X[:3]).round(4))
print(sum("NUMBA_DISABLE_JIT is 1" in str(w.message) for w in heard))
"""

    def run(**more):
        environment = {**os.environ, **more}
        return subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")

    *plain, said, _ = run(NUMBA_DISABLE_JIT="1")
    *fast, _, _ = run()
    assert said == "1"
    for a, b in zip(plain, fast, strict=True):  # the same draws, but for rounding
        np.testing.assert_allclose(
            np.array(a.split(), float), np.array(b.split(), float), rtol=1e-2, atol=2e-3
        )


@needs_compiler
def test_a_compiled_function_is_kept_under_the_hash_of_its_folder(tmp_path, monkeypatch):
    def double(x):
        return 2 * x

    def named():
        double.__qualname__ = "double"
        return compiled(double)

    monkeypatch.setattr(compiled_module.inspect, "getfile", lambda _: str(tmp_path / "own.py"))
    (tmp_path / "own.py").write_text("one")
    (tmp_path / "called.py").write_text("two")
    first = named().py_func.__qualname__
    assert named().py_func.__qualname__ == first
    (tmp_path / "called.py").write_text("three")
    compiled_module._sources.cache_clear()
    assert named().py_func.__qualname__ != first


@needs_compiler
def test_without_a_folder_to_keep_it_in_a_function_is_compiled_all_the_same():
    code = """
from numba.core import caching
caching.CacheImpl._locator_classes = []
from howrobust.methods import DeepEnsemble
from howrobust.methods.core.random_numbers import streams as draws
from howrobust.methods.core.random_numbers.philox import stream_of
print(draws.uniform_words(stream_of(0), 1)[0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 0x6627E8D5

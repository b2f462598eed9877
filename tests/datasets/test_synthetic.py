import numpy as np
import pytest
from sklearn.datasets import make_friedman1, make_friedman2, make_friedman3

from howrobust.datasets.synthetic import (
    Friedman1,
    Friedman2,
    Friedman3,
    Gap,
    Heteroscedastic,
    Quintic,
)
from howrobust.errors import BadInput


@pytest.mark.parametrize(
    ("source", "make"),
    [(Friedman1, make_friedman1), (Friedman2, make_friedman2), (Friedman3, make_friedman3)],
)
def test_true_means_are_scikit_learns(source, make):
    X, y = make(n_samples=50, noise=0.0, random_state=0)
    np.testing.assert_allclose(source().predictive(X).mean(), y, rtol=1e-12)


@pytest.mark.parametrize(("source", "signal_to_noise"), [(Friedman2, 3), (Friedman3, 3)])
def test_the_circuits_have_signal_to_noise_three_to_one(source, signal_to_noise):
    X = source().inputs(20_000, "train", np.random.default_rng(0))
    truth = source().predictive(X)
    noise = np.sqrt(truth.variance_parts()[0][0])
    assert truth.mean().std() / noise == pytest.approx(signal_to_noise, rel=0.08)


def test_quintic_is_the_articles():
    train, test = Quintic().realise("draw-0", 0)
    assert (len(train.y), len(test.y)) == (500, 300)
    np.testing.assert_allclose(np.sort(train.X[:, 0]), np.linspace(-2, 2, 500))
    np.testing.assert_allclose(test.X[:, 0], np.linspace(-2, 2, 300))
    x = train.X[:, 0]
    noise = train.y - (x**5 - 10 * x)
    assert 0 <= noise.min() < 0.1
    assert 1.9 < noise.max() <= 2
    np.testing.assert_allclose(
        Quintic().predictive(test.X).mean(), test.X[:, 0] ** 5 - 10 * test.X[:, 0] + 1
    )


def test_training_rows_come_in_random_order():
    train, _ = Quintic().realise("draw-0", 0)
    fifth = train.X[-100:, 0]
    assert fifth.min() < -1.5
    assert fifth.max() > 1.5


def test_every_split_has_new_noise_and_the_same_name_the_same_rows():
    source = Heteroscedastic()
    first, again, other = (source.realise(s, 0)[0] for s in ("draw-0", "draw-0", "draw-1"))
    assert first.sha256 == again.sha256
    assert first.sha256 != other.sha256
    assert first.sha256 != source.realise("draw-0", 1)[0].sha256
    with pytest.raises(BadInput, match="no split"):
        source.realise("random-0", 0)
    with pytest.raises(BadInput, match="no 'gap' splits"):
        source.splits(2, "gap")


def test_the_gap_is_not_trained_on_but_tested():
    train, test = Gap().realise("draw-0", 0)
    assert (np.abs(train.X) >= 2 / 3).all()
    assert (np.abs(test.X) < 2 / 3).mean() == pytest.approx(1 / 3, abs=0.12)

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
    with pytest.raises(BadInput, match="no 'random' splits; ask for one of: draw, gap"):
        source.splits(2, "random")


def test_the_gap_is_not_trained_on_but_tested():
    train, test = Gap().realise("draw-0", 0)
    assert (np.abs(train.X) >= 2 / 3).all()
    assert (np.abs(test.X) < 2 / 3).mean() == pytest.approx(1 / 3, abs=0.12)


def test_a_split_that_holds_out_a_third_pools_a_training_and_a_test_draw():
    source = Quintic()
    assert source.splits(family="gap") == ["gap-0"]
    assert source.splits(family="tail") == ["tail-0", "tail-1"]
    pool = np.sort(np.concatenate([np.linspace(-2, 2, 500), np.linspace(-2, 2, 300)]))
    held = 2 * round(800 / 6)
    seen = {}
    for split, place in (
        ("tail-0", slice(0, held)),
        ("tail-1", slice(800 - held, 800)),
        ("gap-0", slice(400 - held // 2, 400 + held // 2)),
        ("third-0", None),
    ):
        train, test = source.realise(split, 0)
        x = np.concatenate([train.X[:, 0], test.X[:, 0]])
        np.testing.assert_array_equal(np.sort(x), pool)
        assert len(test.y) == held
        if place:
            np.testing.assert_array_equal(test.X[:, 0], pool[place])
        noise = np.concatenate([train.y, test.y]) - (x**5 - 10 * x)
        assert noise.min() >= 0 - 1e-12  # y is rounded to 4e-15 at |y| < 16
        assert noise.max() <= 2 + 1e-12
        seen[split] = noise[np.argsort(x, kind="stable")]
        assert source.realise(split, 1)[0].sha256 != train.sha256
    assert len({noise.tobytes() for noise in seen.values()}) == 4  # each split has its own noise


def test_gaps_and_tails_of_ten_features_are_of_one_feature_each():
    source = Friedman1()
    assert len(source.splits(family="gap")) == 10
    assert len(source.splits(family="tail")) == 20
    for j in (0, 9):
        for split, (below, above) in (
            (f"gap-{j}", (267, 267)),  # 800 rows: 266 are held out and 534 stay
            (f"tail-{2 * j}", (0, 534)),
            (f"tail-{2 * j + 1}", (534, 0)),
        ):
            train, test = source.realise(split, 3)
            assert (train.X[:, j] < test.X[:, j].min()).sum() == below
            assert (train.X[:, j] > test.X[:, j].max()).sum() == above
    with pytest.raises(BadInput, match="there is no 'gap-10'"):
        source.realise("gap-10", 0)
    with pytest.raises(BadInput, match="20 tail splits, not 21"):
        source.splits(21, "tail")

"""Presets say what the papers say."""

import pytest

from howrobust.methods import DeepEnsemble, MCDropout


def test_the_ensemble_of_2017_trains_forty_epochs_in_batches_of_a_hundred():
    words = DeepEnsemble(preset="lakshminarayanan2017").settings()
    assert (words["epochs"], words["batch_size"], words["n_members"]) == (40, 100, 5)
    assert words["hidden"] == (50,)
    assert words["learning_rate"] == (0.001, 0.003, 0.01, 0.03, 0.1)


@pytest.mark.parametrize(
    ("preset", "epochs", "batch"),
    [("gal2016", 400, 32), ("gal2016-10x", 4000, 32), ("gal2018", 4000, 128)],
)
def test_dropout_of_2016_and_2018_trains_as_published(preset, epochs, batch):
    words = MCDropout(preset=preset).settings()
    assert (words["epochs"], words["batch_size"]) == (epochs, batch)
    assert words["learning_rate"] == 0.001
    assert words["n_draws"] == 10_000
    several = (0.005, 0.01, 0.05, 0.1)
    assert words["dropout"] == (several if preset == "gal2018" else 0.05)


def test_what_the_caller_sets_stays():
    words = MCDropout(preset="gal2018", epochs=7, tau=(1.0, 2.0)).settings()
    assert (words["epochs"], words["tau"]) == (7, (1.0, 2.0))

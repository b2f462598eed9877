"""A run that is killed at random moments continues, and comes to the same records."""

import pytest
from faults.killing import kill_and_continue

SMALL = ["-d", "quintic", "--stress", "input_noise", "--splits", "3", "-m", "bayesian_ridge",
         "-m", "mc_dropout[epochs=20,n_draws=300]", "-m", "deep_ensemble[epochs=2,n_members=2]",
         "--workers", "2"]  # fmt: skip


def test_a_small_run_survives_three_kills(tmp_path):
    account = kill_and_continue(SMALL, 3, 0, tmp_path)
    assert account.wrong == {}
    assert account.kills == 3
    assert account.kills_after_a_cell


@pytest.mark.slow
def test_the_suite_quick_survives_fifty_kills(tmp_path):
    account = kill_and_continue(["quick"], 50, 1, tmp_path)
    assert account.wrong == {}
    assert account.kills == 50

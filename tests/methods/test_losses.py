"""Every registered loss: its compiled form is its torch form, differentiated automatically."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from howrobust.compiled import available
from howrobust.methods.core.arithmetic import compilation
from howrobust.methods.core.engines import compiled_engine, compiled_loop
from howrobust.methods.core.engines.compiled_engine import train_compiled
from howrobust.methods.core.engines.torch_engine import train_in_torch
from howrobust.methods.core.engines.training_job import Schedule, TrainingJob
from howrobust.methods.core.engines.warm_up import warm_up
from howrobust.methods.core.losses.loss import Batch
from howrobust.methods.core.losses.registry import LOSSES
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.stacked import padded
from howrobust.methods.core.networks.workspace import workspace_of
from howrobust.methods.core.random_numbers.philox import stream_of

pytestmark = pytest.mark.skipif(not available(), reason="no compiler")

every_loss = pytest.mark.parametrize("name", LOSSES)
shapes = pytest.mark.parametrize("hidden", [(20,), (9, 17), (12, 6, 5)], ids=str)
ROWS, SEED, STEP = 23, 4, 3


def one_network(loss, features, seed=0):
    """(net, workspace, rows, parameters, batch): the same rows in both forms."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROWS, features)).astype(np.float32)
    y = rng.normal(size=ROWS).astype(np.float32)
    layout = Layout(features, loss.hidden, loss.compiled_settings(features, ROWS).outputs)
    start = loss.start(features, torch.Generator().manual_seed(SEED))
    start = [p + 0.1 * torch.from_numpy(rng.normal(size=p.shape)).float() for p in start]
    net = compiled_engine._network(loss, layout, start, ROWS, 0.0)
    space = workspace_of(net, features, 24, ROWS)
    share = np.float32(1 / ROWS)
    rows = compiled_loop._gather(X, y, np.arange(ROWS), 0, ROWS, share, space)
    # Rows of the torch form are a multiple of 16; those that are added have no share.
    index = torch.arange(padded(ROWS)) % ROWS
    shares = torch.full((padded(ROWS),), 1 / ROWS) * (torch.arange(padded(ROWS)) < ROWS)
    noise = [e[None] for e in loss.noise(features, padded(ROWS), SEED, STEP)]
    batch = Batch(
        torch.from_numpy(X)[index][None], torch.from_numpy(y)[index][None], shares, noise, ROWS
    )
    parameters = [p[None].requires_grad_() for p in start]
    return layout, net, space, rows, parameters, batch


@every_loss
@shapes
@pytest.mark.parametrize("features", [1, 4, 13])
def test_the_compiled_gradient_is_that_of_automatic_differentiation(name, hidden, features):
    loss = LOSSES[name](hidden)
    layout, net, space, rows, parameters, batch = one_network(loss, features)
    value = loss.value(parameters, batch)
    expected = [g[0] for g in torch.autograd.grad(value.sum(), parameters)]
    compiled = loss.compiled.gradient(net, space, rows, stream_of(SEED, STEP))
    # float32: eps 6e-8 over sums of at most 23 rows by 20 units, 1e-5 of the greatest of them.
    assert compiled == pytest.approx(value.item(), rel=1e-5)
    size = max(float(g.abs().max()) for g in expected)
    gradients = compiled_engine._parameters(layout, space.gradient, len(expected))
    for ours, theirs in zip(gradients, expected, strict=True):
        torch.testing.assert_close(torch.from_numpy(ours), theirs, rtol=1e-4, atol=1e-5 * size)


@every_loss
@shapes
def test_the_compiled_validation_loss_is_that_of_torch(name, hidden):
    loss = LOSSES[name](hidden)
    _, net, space, _, parameters, batch = one_network(loss, 4)
    X, y = batch.X[0, :ROWS].numpy(), batch.y[0, :ROWS].numpy()
    with torch.no_grad():
        expected = loss.validation(parameters, batch)
    compiled = compiled_loop._validation_loss(net, space, X, y, stream_of(SEED))
    assert compiled == pytest.approx(expected.item(), rel=1e-5)


@every_loss
@pytest.mark.parametrize("hidden", [(20,), (12, 6, 5)], ids=str)
@pytest.mark.parametrize("patience", [None, 1])
@pytest.mark.parametrize("features", [1, 4, 13])
def test_both_engines_train_the_same_networks(name, hidden, features, patience):
    """Start, noise, decay, cosine and stopping, besides losses and gradients."""
    loss = LOSSES[name](hidden)
    rng = np.random.default_rng(features)
    X, y = rng.normal(size=(60, features)) * 5 + 3, rng.normal(size=60) * 2
    jobs = [TrainingJob(np.arange(60), seed, 0.1 * (seed == 2)) for seed in (1, 2, 3)]
    for batch in (None, 16, 23):
        schedule = Schedule(3, batch, 0.01, cosine=batch == 23, patience=patience)
        compiled = train_compiled(loss, X, y, jobs, schedule)
        stacked = train_in_torch(loss, X, y, jobs, schedule)
        ours, theirs = (
            torch.cat([p.flatten(1) for p in trained.parameters], dim=1)
            for trained in (compiled, stacked)
        )
        # Adam divides by the size of a gradient, so that rounding moves a number whose gradient is
        # near 0 by a part of a step of 0.01: up to a sixth of a network's numbers where sds start
        # at the prior's. Without weight decay or cosine it is more than a quarter.
        apart = (ours - theirs).abs()
        assert apart.max() < 0.02
        assert ((apart <= 5e-4 + 1e-3 * theirs.abs()).float().mean(dim=1) > 0.8).all()
        torch.testing.assert_close(compiled.losses, stacked.losses, rtol=0.01, atol=0.0)
        assert torch.equal(compiled.epochs, stacked.epochs)


def test_a_loss_is_registered_under_the_name_of_its_file():
    for name, loss in LOSSES.items():
        assert loss.__module__ == f"howrobust.methods.core.losses.{name}"


def test_the_training_loop_is_loaded_from_disk_by_a_later_process():
    """Numba stores no loop that takes functions as arguments; losses are chosen within it."""
    code = """
import numpy as np
from howrobust.methods.core.engines.compiled_loop import train_network
from howrobust.methods.core.engines.warm_up import warm_up
warm_up()
print(sum(train_network.stats.cache_hits.values()))
"""
    warm_up()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_only_entry_points_are_stored_on_disk():
    """Numba cannot inline what it loads, and inlining changes how sums are rounded."""
    core = Path(compilation.CORE)
    warm_up()
    stored = {file.name.split("-")[0] for file in core.rglob("*.nbi")}
    assert {name.partition(".")[2] for name in stored} <= {
        "train_network", "sample_normal", "sample_masks", "sample_members",
        "_stored_words", "_stored_normals", "_stored_order",
    }  # fmt: skip

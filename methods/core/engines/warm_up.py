"""Load the compiled loops before a clock runs: once a process, compiling what nobody has yet."""

from functools import cache

import numpy as np
import torch

from howrobust.compiled import available
from howrobust.methods.core.engines.compiled_loop import train_network
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.workspace import CompiledNetwork
from howrobust.methods.core.random_numbers.philox import stream_of
from howrobust.methods.core.sampling.weights import DroppedWeights, MemberWeights, NormalWeights


@cache
def warm_up() -> None:
    """Train a network of one unit for one step, and draw one from each kind of weights."""
    if not available():
        return
    layout = Layout(1, (1,), 1)
    zeros = np.zeros(layout.size, np.float32)
    constants = np.zeros(1)
    net = CompiledNetwork(
        0, layout.widths, zeros.copy(), zeros, layout.real, zeros.copy(), constants
    )
    X, y = np.zeros((4, 1), np.float32), np.zeros(4, np.float32)
    train_network(net, X, y, X[:0], y[:0], 1, 4, 0.01, False, 0, stream_of(0))
    one = torch.zeros(1, 1)
    layers = [(one, one), (one, one)]
    for weights in (
        NormalWeights(layout, layers, layers),
        DroppedWeights(layout, layers, 0.5),
        MemberWeights(layout, [(one[None], one[None])] * 2),
    ):
        weights.outputs(X.astype(np.float64), 0, 1, 0)

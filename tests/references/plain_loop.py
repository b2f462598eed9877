"""One network at a time in plain PyTorch: what the stacked core must agree with."""

from itertools import pairwise

import torch
from torch import nn

from howrobust.methods.core.networks.dense import ORDER
from howrobust.methods.core.random_numbers import streams as draws
from howrobust.methods.core.random_numbers.philox import stream_of


def module(features, hidden, outputs):
    sizes = [features, *hidden, outputs]
    layers = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def start_from(net, parameters):
    """Copy [weight (in, out), bias (1, out), ...] into the module."""
    with torch.no_grad():
        for target, value in zip(net.parameters(), parameters, strict=True):
            target.copy_(value.T.reshape(target.shape) if target.dim() == 2 else value[0])


def train(net, X, y, loss, seed, epochs, batch_size, rate, decay=0.0, skip=None):
    """Adam on mini-batches in the orders of one seed; ``skip(generator)`` draws the start."""
    start_from(net, skip(torch.Generator().manual_seed(seed)))
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    n = len(y)
    for epoch in range(epochs):
        order = torch.from_numpy(draws.order(stream_of(seed, epoch, ORDER), n))
        order = order if batch_size < n else torch.arange(n)
        for begin in range(0, n, batch_size):
            rows = order[begin : begin + batch_size]
            optimizer.zero_grad()
            value = loss(net(X[rows]), y[rows])
            weights = [p for p in net.parameters() if p.dim() == 2]
            (value + 0.5 * decay * sum((w**2).sum() for w in weights)).backward()
            optimizer.step()
    return net

"""The Bayesian twin of a torch module, against the module and torchbnn's own layers."""

import math

import pytest
import torch
import torchbnn
from torch import nn
from torch.nn.utils import parametrizations, prune

from howrobust.methods import bayesian_surrogate


class Branches(nn.Module):
    """Convolutions of every kind that is supported, nested, with one layer used twice."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1),
            nn.ModuleDict({"wide": nn.Conv2d(4, 4, (3, 5), stride=(1, 2), bias=False)})["wide"],
        )
        self.grouped = nn.Conv2d(4, 8, 3, padding=(2, 1), dilation=2, groups=4)
        self.same = nn.Conv2d(8, 8, 3, padding="same")
        self.valid = nn.Conv2d(8, 2, 1, padding="valid")
        self.norm = nn.BatchNorm2d(2)
        self.head = nn.ModuleList([nn.LazyLinear(5), nn.Linear(5, 5)])
        self.again = self.head[1]
        self.last = nn.Linear(5, 1, bias=False)

    def forward(self, x):
        h = self.norm(self.valid(torch.relu(self.same(self.grouped(self.stem(x))))))
        h = torch.relu(self.head[0](h.flatten(1)))
        return self.last(self.again(torch.relu(self.head[1](h))))


IMAGES = (3, 2, 9, 12)


@pytest.fixture
def module():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        found = Branches()
        found(torch.randn(IMAGES))  # shapes the lazy layer, and moves the running means
    return found.eval()


def bayesian_layers(module):
    kinds = (torchbnn.BayesLinear, torchbnn.BayesConv2d)
    return [layer for layer in module.modules() if isinstance(layer, kinds)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_spread_the_surrogate_computes_the_modules_outputs(module, dtype):
    module = module.to(dtype)
    surrogate = bayesian_surrogate(module)
    x = torch.randn(IMAGES, generator=torch.Generator().manual_seed(1)).to(dtype)
    expected = module(x)
    assert not torch.allclose(surrogate(x), expected, rtol=1e-3)
    with torch.no_grad():
        for name, parameter in surrogate.named_parameters():
            if name.endswith("log_sigma"):
                parameter.fill_(-20)
    # exp(-20) = 2e-9 per weight, summed over at most 100 inputs a layer: far below 1e-5.
    torch.testing.assert_close(surrogate(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch: it may copy its input
def test_padding_of_one_side_more_than_the_other_is_kept():
    layer = nn.Conv2d(1, 1, 2, padding="same")
    twin = bayesian_surrogate(layer, prior_sd=1e-9)
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    torch.testing.assert_close(twin(x), layer(x))


def test_every_layer_is_replaced_and_its_means_are_the_weights(module):
    surrogate = bayesian_surrogate(module, prior_sd=0.3)
    plain = [layer for layer in module.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    twins = bayesian_layers(surrogate)
    assert len(twins) == len(plain) == 8
    assert not any(isinstance(m, nn.Linear | nn.Conv2d) for m in surrogate.modules())
    for twin, layer in zip(twins, plain, strict=True):
        assert torch.equal(twin.weight_mu, layer.weight)
        assert (twin.bias_mu is None) == (layer.bias is None)
        if layer.bias is not None:
            assert torch.equal(twin.bias_mu, layer.bias)
            assert torch.all(twin.bias_log_sigma == twin.prior_log_sigma)
        assert torch.all(twin.weight_log_sigma == math.log(torch.tensor(0.3)))
        assert (twin.prior_mu, twin.prior_sigma, twin.training) == (0, 0.3, False)
    assert surrogate.again is surrogate.head[1]
    assert torch.equal(surrogate.norm.running_mean, module.norm.running_mean)


def test_the_module_and_the_global_generator_are_left_alone(module):
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = torch.get_rng_state()
    surrogate = bayesian_surrogate(module)
    assert torch.equal(torch.get_rng_state(), state)
    with torch.no_grad():
        for parameter in surrogate.parameters():
            parameter.zero_()
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_a_bare_layer_becomes_a_bare_layer():
    assert isinstance(bayesian_surrogate(nn.Linear(3, 2)), torchbnn.BayesLinear)


def test_its_divergence_is_that_of_normals_and_can_be_trained():
    prior = 0.3
    plain = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    surrogate = bayesian_surrogate(plain, prior)
    divergence = torchbnn.BKLLoss(reduction="sum", last_layer_only=False)
    # sigma starts at the prior's: what is left of the divergence is sum mu^2 / (2 prior^2).
    expected = sum((p**2).sum() for p in plain.parameters()).item() / (2 * prior**2)
    assert divergence(surrogate).item() == pytest.approx(expected, rel=1e-5)
    optimiser = torch.optim.Adam(surrogate.parameters(), 0.02)
    for _ in range(400):
        optimiser.zero_grad()
        divergence(surrogate).sum().backward()
        optimiser.step()
    # The prior itself has divergence 0; Adam ends within its step of it.
    assert 0 <= divergence(surrogate).item() < 1e-3 * expected
    assert all(p.grad is not None for p in surrogate.parameters())


@pytest.mark.parametrize("module", [nn.ReLU(), nn.Sequential(nn.Conv1d(2, 2, 3), nn.Flatten())])
def test_a_module_without_such_layers_is_refused(module):
    # torchbnn would call its divergence 0, and say nothing.
    with pytest.raises(ValueError, match=r"has no nn\.Linear and no nn\.Conv2d"):
        bayesian_surrogate(module)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding_that_torchbnn_computes_otherwise_is_refused(mode):
    layer = nn.Conv2d(1, 1, 3, padding=1, padding_mode=mode)
    with pytest.raises(ValueError, match=f"0 has padding_mode '{mode}'"):
        bayesian_surrogate(nn.Sequential(layer))
    # That is why: the same weights, without spread, give something else, or another shape.
    theirs = torchbnn.BayesConv2d(0, 1e-9, 1, 1, 3, padding=1, padding_mode=mode)
    with torch.no_grad():
        theirs.weight_mu.copy_(layer.weight)
        theirs.bias_mu.copy_(layer.bias)
    x = torch.arange(25.0).reshape(1, 1, 5, 5) ** 1.5
    ours = layer(x)
    assert theirs(x).shape != ours.shape or not torch.allclose(theirs(x), ours, rtol=1e-2)


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def tied():
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    module[1].weight = module[0].weight
    return module


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(Doubled(3, 1)), "0 is a Doubled, a subclass of nn.Linear"),
        (nn.LazyLinear(3), "is a LazyLinear, a subclass"),
        (nn.MultiheadAttention(4, 2), "out_proj is a NonDynamicallyQuantizableLinear"),
        (nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 1))), "ParametrizedLinear"),
        (prune.random_unstructured(nn.Linear(3, 1), "weight", 0.5), "from weight_orig"),
        (tied(), "0 shares a parameter with another layer"),
    ],
)
def test_layers_that_a_twin_would_not_compute_are_refused(module, message):
    with pytest.raises(ValueError, match=message):
        bayesian_surrogate(module)


@pytest.mark.parametrize("prior_sd", [0.0, -1.0, float("nan")])
def test_a_prior_sd_must_be_positive(prior_sd):
    with pytest.raises(ValueError, match="prior_sd must be greater than 0"):
        bayesian_surrogate(nn.Linear(3, 1), prior_sd)

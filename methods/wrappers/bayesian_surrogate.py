"""A Bayesian twin of a user's own torch module: weights become normal distributions."""

import copy
from collections import Counter

import torch
from torch import nn


def bayesian_surrogate(module: nn.Module, prior_sd: float = 0.1) -> nn.Module:
    """Return a copy of a module on torchbnn's layers, whose means are the module's weights.

    Every `nn.Linear` and `nn.Conv2d`, however deep, becomes a `torchbnn.BayesLinear` or a
    `torchbnn.BayesConv2d` of the same shape, stride, padding, dilation, groups, bias, dtype, device
    and mode, with prior N(0, prior_sd^2) and every log sigma at log(prior_sd); a layer that is used
    in two places stays one layer. All else is copied as it is, its parameters deterministic.
    Every mean and log sigma is trainable, and hooks on a replaced layer are left behind.

    The copy draws new weights at every call, in evaluation mode too, from torch's global generator.
    Raises ValueError for a module without such layers, whose KL divergence torchbnn would give as
    0, and for layers that torchbnn would compute otherwise: another ``padding_mode`` than zeros,
    subclasses of the two, and parameters that are shared with another layer or computed from
    others, as weight norm and pruning do.

    Parameters
    ----------
    module : nn.Module
        Module with linear or convolutional layers.
    prior_sd : float, default 0.1
        Prior sd of every weight.

    Returns
    -------
    nn.Module
        The copy.

    Raises
    ------
    ValueError
        For a module without such layers, or with layers that torchbnn would compute
        otherwise.
    """
    if not prior_sd > 0:
        raise ValueError(f"prior_sd must be greater than 0, not {prior_sd!r}")
    _require_plain_layers(module)
    copied = copy.deepcopy(module)
    twins: dict[nn.Module, nn.Module] = {}
    for path, layer in list(copied.named_modules(remove_duplicate=False)):
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            continue
        if layer not in twins:
            twins[layer] = _twin(layer, prior_sd)
        if not path:
            return twins[layer]
        parent, _, name = path.rpartition(".")
        setattr(copied.get_submodule(parent), name, twins[layer])
    return copied


def _require_plain_layers(module: nn.Module) -> None:
    """ValueError for a module with no layer to replace, or with one that has no true twin."""
    owners = Counter(id(p) for part in module.modules() for p in part.parameters(recurse=False))
    n_replaced = 0
    for path, layer in module.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            _require_plain(layer, path or "the module", owners)
            n_replaced += 1
    if not n_replaced:
        raise ValueError(
            f"{type(module).__name__} has no nn.Linear and no nn.Conv2d to make Bayesian; "
            "build it from those, or use a deep ensemble of it"
        )


def _require_plain(layer: nn.Linear | nn.Conv2d, path: str, owners: Counter[int]) -> None:
    """ValueError for a layer that computes something else than torchbnn's of its kind."""
    kind = type(layer)
    if kind not in (nn.Linear, nn.Conv2d):
        base = "nn.Linear" if isinstance(layer, nn.Linear) else "nn.Conv2d"
        raise ValueError(
            f"{path} is a {kind.__name__}, a subclass of {base} that torchbnn does not support; "
            f"build the module from {base} itself"
        )
    if isinstance(layer, nn.Conv2d) and layer.padding_mode != "zeros":
        raise ValueError(
            f"{path} has padding_mode {layer.padding_mode!r}, which torchbnn does not compute as "
            "torch does; use padding_mode='zeros', or pad in a layer before it"
        )
    computed = {name for name, _ in layer.named_parameters()} - {"weight", "bias"}
    if computed:
        raise ValueError(
            f"{path} computes its weights from {', '.join(sorted(computed))} (weight norm or "
            "pruning); remove that first, which leaves plain weights"
        )
    if any(owners[id(parameter)] > 1 for parameter in layer.parameters()):
        raise ValueError(
            f"{path} shares a parameter with another layer, and its Bayesian version would not; "
            "give each layer its own, or use one layer in both places"
        )


def _twin(layer: nn.Linear | nn.Conv2d, prior_sd: float) -> nn.Module:
    """Return torchbnn's layer of the same shape, its means the layer's weights."""
    import torchbnn

    bias = layer.bias is not None
    # torchbnn draws its start from the global stream.
    with torch.random.fork_rng(devices=[]):
        if isinstance(layer, nn.Linear):
            twin = torchbnn.BayesLinear(0.0, prior_sd, layer.in_features, layer.out_features, bias)
        else:
            sizes = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride)
            twin = torchbnn.BayesConv2d(
                0.0, prior_sd, *sizes, 0, layer.dilation, layer.groups, bias=bias
            )
            # Set, not handed over: torchbnn would take the word "same" for a tuple of letters.
            twin.padding = layer.padding
    twin = twin.to(layer.weight).train(layer.training)
    with torch.no_grad():
        twin.weight_mu.copy_(layer.weight)
        if bias:
            twin.bias_mu.copy_(layer.bias)
    replacement: nn.Module = twin
    return replacement

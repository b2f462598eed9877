"""Multilayer perceptrons: stacks of them in torch, and one as a flat vector in compiled loops."""

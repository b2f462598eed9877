"""Stresses of inputs, training rows, held-out regions and settings: one family per file."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

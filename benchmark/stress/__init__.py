"""Stresses: ladders of severities that a model's inputs, rows or targets are put through."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

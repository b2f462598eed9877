"""Metrics: pure functions of a forecast, the observed y and the scale of the training target."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""howrobust: fine, it works, but how robust is it?

Benchmarks of the robustness of regression models. Nothing is imported until it is used.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""howrobust: fine, it works, but how robust is it?

A benchmark of regression models that know their doubt. Nothing is imported until it is used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from howrobust._assess import assess
    from howrobust._run import run
    from howrobust.analysis.cards.card import Card
    from howrobust.analysis.results import Results, load
    from howrobust.comparison.runs import Comparison, compare

__all__ = ["Card", "Comparison", "Results", "assess", "compare", "load", "run"]
__version__ = "0.1.0"

_HOMES = {
    "Card": "howrobust.analysis.cards.card",
    "Comparison": "howrobust.comparison.runs",
    "Results": "howrobust.analysis.results",
    "assess": "howrobust._assess",
    "compare": "howrobust.comparison.runs",
    "load": "howrobust.analysis.results",
    "run": "howrobust._run",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'howrobust' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Descriptions of plug-ins and metrics: their docstrings, read without importing a plug-in.

``howrobust list`` and the reference pages show them; listing methods does not import torch.
"""

import ast
import sys
from functools import lru_cache
from importlib.metadata import EntryPoint
from inspect import getdoc
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from howrobust.base.metric import Metric

# One function makes these metrics for four statistics; the end of the name tells them apart.
OF_A_NULL = {
    "_null_95": "The null's 95 % point on the bad side (its 5 % point where low is bad).",
    "_null": "Mean of {name} over the null: a perfectly calibrated forecaster at this n.",
    "_p": "p = (1 + #{{null at least as bad as {name}}}) / (B + 1), B = 9,999 simulations.",
}


def summary(docstring: str) -> str:
    """Return the first sentence of a docstring, on one line and without backticks.

    Parameters
    ----------
    docstring : str
        The docstring.

    Returns
    -------
    str
        The sentence.

    Examples
    --------
    >>> summary("Mean of ``it``, e.g. 2.\\n\\nMore.")
    'Mean of it, e.g. 2.'
    """
    first = " ".join(docstring.partition("\n\n")[0].replace("`", "").split())
    sentence, stop, _ = first.partition(". ")
    # A sentence does not end in a short word such as "e.g." or "et al.".
    return first if len(sentence.rpartition(" ")[2]) < 4 else sentence + stop.strip()


def docstring_of(entry: EntryPoint) -> str:
    """Return the docstring of the object that an entry point names, or else of its module.

    The source of the module is parsed; nothing is imported.

    Parameters
    ----------
    entry : EntryPoint
        The entry point.

    Returns
    -------
    str
        The docstring; empty where there is none.
    """
    module = _parsed(entry.module)
    if module is None:
        return ""
    for node in module.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == entry.attr:
            return ast.get_docstring(node) or ""
    return ast.get_docstring(module) or ""


@lru_cache
def _parsed(module: str) -> ast.Module | None:
    file = _file_of(module)
    try:
        return None if file is None else ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):  # a broken plug-in is listed too
        return None


def _file_of(module: str) -> Path | None:
    """Return the file of a module; unlike `find_spec`, its parents are not imported either."""
    parts, path, spec = module.split("."), None, None
    for k in range(len(parts)):
        name = ".".join(parts[: k + 1])
        specs = (finder.find_spec(name, path) for finder in sys.meta_path)
        spec = next((each for each in specs if each is not None), None)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return Path(spec.origin) if spec is not None and spec.origin else None


def definition(metric: "Metric") -> str:
    """Return the docstring of a metric's function: its formula, unit and source.

    A metric at one level, such as ``coverage_90``, or over variants is described by the function of
    its module that its name begins with.

    Parameters
    ----------
    metric : Metric
        The metric.

    Returns
    -------
    str
        The docstring; empty where there is none.
    """
    for end, text in OF_A_NULL.items():
        if metric.name.endswith(end):
            return text.format(name=f"``{metric.name.removesuffix(end)}``")
    docstring = getdoc(metric.function)
    if docstring:
        return docstring
    module = vars(sys.modules[metric.function.__module__])
    stem = max((name for name in module if metric.name.startswith(name)), key=len, default="")
    digits = metric.name.removeprefix(stem).strip("_")
    level = f"{digits[:2]}{'.' * (len(digits) > 2)}{digits[2:]} %"
    return (getdoc(module.get(stem)) or "").replace("``level``", level)

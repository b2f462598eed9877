"""Plug-ins by name: found by the metadata of entry points, imported only when they are loaded."""

import difflib
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from howrobust.errors import BadInput

if TYPE_CHECKING:
    from howrobust.base.stress import Stress

KINDS = {"methods": "method", "datasets": "data set", "stress": "stress", "metrics": "metric"}
NAMED = {"methods": "method", "distributions": "distribution"}  # as package.module:Name


@lru_cache
def entries(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group.

    Parameters
    ----------
    group : str
        One of `KINDS`.

    Returns
    -------
    dict of str to EntryPoint
        By name, in the order of registration.

    Raises
    ------
    BadInput
        Where two packages register different objects under one name.
    """
    registered: dict[str, EntryPoint] = {}
    for entry in entry_points(group=f"howrobust.{group}"):
        first = registered.setdefault(entry.name, entry)
        if first.value != entry.value:
            raise BadInput(
                f"two packages offer the {KINDS[group]} {entry.name!r}: {first.value} and "
                f"{entry.value}; uninstall one of them"
            )
    return registered


def names(group: str) -> list[str]:
    """Return the names in a group.

    Parameters
    ----------
    group : str
        One of `KINDS`.

    Returns
    -------
    list of str
        In the order of registration.
    """
    return list(entries(group))


def load(group: str, name: str) -> Any:
    """Import a plug-in.

    Parameters
    ----------
    group : str
        One of `KINDS`, or "distributions", which have no entry points.
    name : str
        The name of an entry point; a method may also be, and a distribution must be,
        ``package.module:Name``. A module in the current folder is found as ``python -m`` finds it.

    Returns
    -------
    object
        The object that the name refers to.

    Raises
    ------
    BadInput
        For an unknown name and for a module that cannot be imported.
    """
    if group in NAMED and ":" in name:
        kind = NAMED[group]
        entry = EntryPoint(name, name, f"howrobust.{group}")
        folder = os.getcwd()
        if folder not in sys.path and "" not in sys.path:
            sys.path.insert(0, folder)
    elif group not in KINDS:
        raise BadInput(f"a {NAMED[group]} is named module:function, not {name!r}")
    else:
        kind, known = KINDS[group], entries(group)
        if name not in known:
            raise BadInput(f"unknown {kind} {name!r}; {_suggestion(name, list(known))}")
        entry = known[name]
    plugin = f"the {kind} {name!r}"
    with exits_as_bad_input(plugin, f"the module {entry.module} was imported"):
        try:
            return entry.load()
        except Exception as error:  # a plug-in's module may raise anything
            raise BadInput(
                f"{plugin} ({entry.value}) cannot be imported: {type(error).__name__}: {error}"
            ) from error


def load_stress(name: str) -> "Stress":
    """Import a stress and make an instance of it.

    Parameters
    ----------
    name : str
        The name of its entry point.

    Returns
    -------
    Stress
        The stress.

    Raises
    ------
    BadInput
        For an unknown name and for a stress that cannot be imported.
    """
    plugin = load("stress", name)
    with exits_as_bad_input(f"the stress {name!r}", "it was made"):
        stress: Stress = plugin()
    return stress


@contextmanager
def exits_as_bad_input(plugin: str, activity: str) -> Iterator[None]:
    """Turn `sys.exit` in a plug-in's code into BadInput.

    Otherwise the process would end with the plug-in's exit code, often 0, with nothing done.

    Parameters
    ----------
    plugin : str
        The plug-in, as the subject of the sentence.
    activity : str
        What was being done, after "while".

    Yields
    ------
    None
        Once.

    Raises
    ------
    BadInput
        Where the code raised SystemExit.
    """
    try:
        yield
    except SystemExit as ended:
        raise BadInput(
            f"{plugin} cannot be used: sys.exit({ended.code!r}) was called while {activity}; raise "
            "an exception instead, or end the program under `if __name__ == '__main__':`"
        ) from ended


def import_untracked(module: str, name: str) -> Any:
    """Import a name without adding its module to the source closure of the caller.

    A cache key holds the source of every module that the worker imports. A module of data sets or
    methods that only some jobs need is imported here, by a computed name that the closure does not
    follow, and is added to the keys of those jobs alone.

    Parameters
    ----------
    module : str
        Full name of the module.
    name : str
        The name in it.

    Returns
    -------
    object
        The object of that name.
    """
    return getattr(importlib.import_module(module), name)


def _suggestion(name: str, known: list[str]) -> str:
    """Return the known name that is most like an unknown one, or all names."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"

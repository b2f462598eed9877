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
NAMED = {**KINDS, "distributions": "distribution", "functions": "function"}  # as module:Name


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
        One of `KINDS`, or "distributions" or "functions", which have no entry points.
    name : str
        The name of an entry point, or ``package.module:Name``. A module in the current folder is
        found as ``python -m`` finds it.

    Returns
    -------
    object
        The object that the name refers to.

    Raises
    ------
    BadInput
        For an unknown name and for a module that cannot be imported.
    """
    kind = NAMED[group]
    if is_path(name):
        entry = EntryPoint(name, name, f"howrobust.{group}")
        folder = os.getcwd()
        if folder not in sys.path and "" not in sys.path:
            sys.path.insert(0, folder)
    elif group not in KINDS:
        raise BadInput(f"a {kind} is named module:function, not {name!r}")
    else:
        known = entries(group)
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


def is_path(name: str) -> bool:
    """Return whether a name says which module a plug-in is imported from.

    Parameters
    ----------
    name : str
        A name of a method, a data set, a stress or a metric, without settings.

    Returns
    -------
    bool
        True for ``package.module:Name``.
    """
    return ":" in name and EntryPoint.pattern.match(name) is not None


def module_of(group: str, name: str) -> str | None:
    """Return the module that a plug-in is imported from, without importing it.

    Parameters
    ----------
    group : str
        One of `KINDS`.
    name : str
        The name of an entry point, or ``package.module:Name``.

    Returns
    -------
    str or None
        Its full name; None for any other name.
    """
    entry = entries(group).get(name)
    if entry is not None:
        return str(entry.module)
    return name.partition(":")[0] if is_path(name) else None


def load_stress(name: "str | Stress") -> "Stress":
    """Import a stress and make an instance of it.

    Parameters
    ----------
    name : str or Stress
        The name of its entry point, or ``package.module:Name`` of a class or an instance; a stress
        is returned as it is.

    Returns
    -------
    Stress
        The stress.

    Raises
    ------
    BadInput
        For an unknown name, for a stress that cannot be imported or made, and for an object that is
        no stress.
    """
    from howrobust.base.stress import Stress

    stress: Stress = name if isinstance(name, Stress) else make("stress", name, Stress)
    return stress


def make(group: str, name: str, base: type) -> Any:
    """Import a plug-in and make an instance of it.

    Parameters
    ----------
    group : str
        One of `KINDS`.
    name : str
        The name of an entry point, or ``package.module:Name``.
    base : type
        What it must be an instance of.

    Returns
    -------
    object
        What the name refers to, if that is an instance; otherwise what it returns where it is
        called without arguments.

    Raises
    ------
    BadInput
        Where it cannot be imported or called, and where the result is no instance.
    """
    return required(group, name, called(group, name, base), base)


def required(group: str, name: str, made: Any, base: type) -> Any:
    """Return a plug-in that has the right type.

    Parameters
    ----------
    group : str
        One of `KINDS`.
    name : str
        Its name.
    made : object
        What was made by that name.
    base : type
        What it must be an instance of.

    Returns
    -------
    object
        ``made``.

    Raises
    ------
    BadInput
        Where it is no instance.
    """
    if not isinstance(made, base):
        raise BadInput(
            f"the {NAMED[group]} {name!r} is a {type(made).__name__}, where a "
            f"{base.__module__}.{base.__name__} is needed: a class derived from it, or an instance"
        )
    return made


def called(group: str, name: str, base: type) -> Any:
    """Import a plug-in, and call what can be called.

    Parameters
    ----------
    group : str
        One of `KINDS`.
    name : str
        The name of an entry point, or ``package.module:Name``.
    base : type
        An instance of it is not called.

    Returns
    -------
    object
        What the name refers to, or what a class or function returns without arguments.

    Raises
    ------
    BadInput
        Where it cannot be imported or called.
    """
    thing = load(group, name)
    if isinstance(thing, base) or not callable(thing):
        return thing
    plugin = f"the {NAMED[group]} {name!r}"
    with exits_as_bad_input(plugin, "it was made"):
        try:
            return thing()
        except BadInput:
            raise
        except Exception as error:  # a plug-in may raise anything
            raise BadInput(f"{plugin} cannot be made: {type(error).__name__}: {error}") from error


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

"""Suites: named lists of methods, data sets and stresses, read from TOML files."""

import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from howrobust.errors import BadInput


class Suite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of a suite file.

    Parameters
    ----------
    name : str
        The name of the suite.
    title : str
        One line about it.
    methods : list of str
        Labels of methods, such as ``deep_ensemble[n_members=10]``.
    datasets : list of str
        Catalogue names or paths.
    stress : list of str, default []
        Names of stresses.
    splits : int, optional
        Number of splits; the data set's default if None.
    family : str, optional
        Kind of splits (``gap``, ``tail``, ``third``); the data set's default if None.
    repeats : int, default 1
        Fits of a split from different random starts.
    repeat_splits : int, optional
        How many splits, from the first, are fitted repeatedly; all if None.
    timeout_s : float, default 600.0
        Time limit per cell in seconds.
    override : list of dict, default []
        Settings for one ``dataset`` and one or several of ``method``. A name with settings, such as
        ``mc_dropout[tau=1]``, applies to every mc_dropout whose settings include tau=1.
    """

    name: str
    title: str
    methods: list[str]
    datasets: list[str]
    stress: list[str] = []
    splits: int | None = None
    family: str | None = None
    repeats: int = 1
    repeat_splits: int | None = None
    timeout_s: float = 600.0
    override: list[dict[str, Any]] = []


def suite_names() -> list[str]:
    """Return the names of the suites that howrobust ships.

    Returns
    -------
    list of str
        The names in alphabetical order.
    """
    folder = files("howrobust.suites")
    return sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml"))


def load_suite(name: str) -> Suite:
    """Read a suite that howrobust ships.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    Suite
        The suite.

    Raises
    ------
    BadInput
        For an unknown name or a file with errors.
    """
    if Path(name).suffix in (".csv", ".parquet"):
        raise BadInput(f"{name!r} is not a suite; give a file with -d {name}")
    if name not in suite_names():
        raise BadInput(f"unknown suite {name!r}; known: {', '.join(suite_names())}")
    text = (files("howrobust.suites") / f"{name}.toml").read_text(encoding="utf-8")
    return parse_suite(text, name)


def parse_suite(text: str, name: str) -> Suite:
    """Read the text of a suite file.

    Parameters
    ----------
    text : str
        TOML. ``extends`` names a suite whose values hold where the text has none.
    name : str
        The name of the suite.

    Returns
    -------
    Suite
        The suite.

    Raises
    ------
    BadInput
        With what is wrong with the text.
    """
    try:
        values = tomllib.loads(text)
        extended = msgspec.convert(values.pop("extends", None), str | None)
        inherited = {} if extended is None else msgspec.to_builtins(load_suite(extended))
        return msgspec.convert({**inherited, **values, "name": name}, Suite)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadInput(f"suite {name!r} cannot be read: {error}") from None


def chosen(names: Sequence[str] | None, default: Sequence[str], kind: str) -> list[str]:
    """Return the names that were given, or else the default, each once.

    Parameters
    ----------
    names : sequence of str, or str, optional
        The names given; a single text is one name.
    default : sequence of str
        Names to take where none are given.
    kind : str
        What they name, in the plural.

    Returns
    -------
    list of str
        The names, in their order.

    Raises
    ------
    BadInput
        Where one is no text.
    """
    given = default if names is None else [names] if isinstance(names, str) else list(names)
    if not all(isinstance(name, str) for name in given):
        raise BadInput(f"{kind} are named by strings, such as 'deep_ensemble[n_members=10]'")
    return list(dict.fromkeys(given))

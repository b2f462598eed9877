"""Names of plug-ins: the one place that looks at methods and data sets.

Plug-ins are found by entry-point metadata, without importing them: `names` is cheap, `load` imports
one. A method may also be named by ``package.module:Class``.
"""

import difflib
import importlib
import inspect
import os
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from howrobust.errors import BadInput
from howrobust.planning.source_closure import Sources, sources

if TYPE_CHECKING:
    from howrobust.base.data import Source
    from howrobust.base.method import Method
    from howrobust.base.stress import Stress

# Every stored forecast depends on it and on what it imports. What a job needs of plug-ins is loaded
# by name and counted with that job, so that the worker's closure holds no method and no data set.
WORKER = "howrobust.execution.worker"
ADAPTER = "howrobust.methods.wrappers.method_of"
KINDS = {"methods": "method", "datasets": "data set", "stress": "stress", "metrics": "metric"}


@lru_cache
def entries(group: str) -> dict[str, EntryPoint]:
    """Entry points of a group by name; where two packages claim a name, BadInput says which."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=f"howrobust.{group}"):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise BadInput(
                f"two packages offer the {KINDS[group]} {entry.name!r}: {other.value} and "
                f"{entry.value}; uninstall one of them"
            )
    return found


def names(group: str) -> list[str]:
    """Names in a group, in the order they were registered."""
    return list(entries(group))


def load(group: str, name: str) -> Any:
    """Import a plug-in by name; BadInput for an unknown one or one that does not import."""
    if group == "methods" and ":" in name:
        entry = EntryPoint(name, name, f"howrobust.{group}")
        here = os.getcwd()
        if here not in sys.path and "" not in sys.path:
            sys.path.insert(0, here)  # as `python -m` does: a user's module lies beside the data
    else:
        known = entries(group)
        if name not in known:
            raise BadInput(f"unknown {KINDS[group]} {name!r}; {_suggestion(name, list(known))}")
        entry = known[name]
    what = f"the {KINDS[group]} {name!r}"
    with surviving_exit(what, f"the module {entry.module} was imported"):
        try:
            return entry.load()
        except Exception as error:  # whatever a plug-in's import does is the plug-in's fault
            raise BadInput(
                f"{what} ({entry.value}) does not import: {type(error).__name__}: {error}"
            ) from error


@contextmanager
def surviving_exit(what: str, when: str) -> Iterator[None]:
    """Turn `sys.exit` in a plug-in's code into BadInput.

    Otherwise the process ends with the plug-in's exit code, often 0, and nothing is done.

    Parameters
    ----------
    what : str
        The plug-in, as the subject of the sentence.
    when : str
        What was being done, after "while".

    Raises
    ------
    BadInput
        Where the code raised SystemExit.
    """
    try:
        yield
    except SystemExit as ended:
        raise BadInput(
            f"{what} cannot be used: sys.exit({ended.code!r}) was called while {when}; raise an "
            "exception instead, or end the program under `if __name__ == '__main__':`"
        ) from ended


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


OF_A_USERS_MODEL = {"n_folds": 5, "noise": "residual"}  # words of any model that is no Method


@dataclass(frozen=True)
class MethodSpec:
    """A method by name with the settings that differ from its defaults.

    ``thing`` is the model itself where there is no name to import it by.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    thing: Any = field(default=None, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> "MethodSpec":
        """Read ``name`` or ``name[key=value, ...]``, the values in TOML.

        Raises BadInput for an unknown method, an unknown setting or a value that is not TOML.
        """
        name, bracket, rest = text.strip().partition("[")
        settings: dict[str, Any] = {}
        if bracket:
            try:
                if not rest.endswith("]"):
                    raise tomllib.TOMLDecodeError("the closing bracket is missing")
                settings = tomllib.loads(f"settings = {{{rest[:-1]}}}")["settings"]
            except tomllib.TOMLDecodeError as error:
                reason = str(error).partition(" (at ")[0]
                raise BadInput(
                    f"{text!r} is not of the form name[key=value, ...] with TOML values, texts in "
                    f"double quotes: {reason}"
                ) from None
        return cls(name, {}).with_settings(settings)

    def with_settings(self, settings: dict[str, Any]) -> "MethodSpec":
        """Return this method with more settings, those at their default left out."""
        defaults, hints = self._words()
        words = [word for word in defaults if word != "random_state"]  # the harness sets it
        merged = {**self.settings, **settings}
        for word, value in merged.items():
            if word not in words:
                raise BadInput(
                    f"{self.name} has no setting {word!r}; its settings: {', '.join(words)}"
                )
            try:
                merged[word] = _frozen(msgspec.convert(value, hints.get(word, Any)))
            except msgspec.ValidationError as error:
                raise BadInput(f"{self.name}: {word}={_toml(value)}: {error}") from None
        kept = {w: v for w, v in sorted(merged.items()) if v != defaults[w]}
        spec = replace(self, settings=kept)
        try:
            spec.build().settings()
        except (TypeError, ValueError) as error:
            raise BadInput(f"{spec.label}: {error}") from None
        return spec

    def plugin(self) -> Any:
        """Return what the name stands for."""
        return load("methods", self.name) if self.thing is None else self.thing

    def load(self) -> type["Method"]:
        """Return the class; that of `UserModel` for a model that is no `Method`.

        Raises BadInput for a plug-in that is neither.
        """
        return type(self.build()) if self.is_a_users() else self.plugin()

    def build(self) -> "Method":
        """Return a new method with these settings.

        Raises BadInput where its code calls `sys.exit`.
        """
        with surviving_exit(f"the method {self.label!r}", "it was made"):
            return self._build()

    def _build(self) -> "Method":
        if not self.is_a_users():
            method: Method = self.plugin()(**self.settings)
            return method

        found = self.plugin()
        words = inspect.signature(found).parameters if isinstance(found, type) else ()
        of_wrapper = {w for w in self.settings if w in OF_A_USERS_MODEL and w not in words}
        own = {w: v for w, v in self.settings.items() if w not in of_wrapper}
        thing = found(**own) if isinstance(found, type) else found
        return _adapted(thing, **{w: self.settings[w] for w in of_wrapper})

    def is_a_users(self) -> bool:
        """Whether it is a user's own model rather than a class of `Method`.

        Raises BadInput for a plug-in that is neither.
        """
        from howrobust.base.method import Method  # 2 s to import: only when a method is named

        found = self.plugin()
        if isinstance(found, type) and issubclass(found, Method):
            return False
        if self.thing is None and ":" not in self.name:
            raise BadInput(
                f"{self.name!r} is not a class derived from howrobust.base.method.Method"
            )
        return True

    def _words(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Settings with their defaults, and their types where they are known."""
        found = self.plugin()
        users = self.is_a_users()
        own = inspect.signature(found).parameters if isinstance(found, type) else {}
        hints = {} if users else get_type_hints(found.__init__)
        defaults = {word: parameter.default for word, parameter in own.items()}
        return ({**OF_A_USERS_MODEL, **defaults} if users else defaults), hints

    @property
    def label(self) -> str:
        """``name``, or ``name[key=value,...]`` with keys in order."""
        if not self.settings:
            return self.name
        inner = ",".join(f"{word}={_toml(value)}" for word, value in self.settings.items())
        return f"{self.name}[{inner}]"

    def sources(self) -> Sources:
        """Return what a stored forecast of this method depends on, but for data and stress."""
        if self.thing is not None:  # it may have been written in a notebook
            return sources(WORKER)
        if ":" in self.name:
            module = self.name.partition(":")[0]
            return sources(WORKER, module, *([ADAPTER] if self.is_a_users() else []))
        return sources(WORKER, self.load().__module__, entries("methods")[self.name].module)

    def source_sha256(self) -> str:
        """Hash of `sources`, and of the model itself where it has no name."""
        return self.sources().sha256 + ("" if self.thing is None else repr(self.thing))


def sources_of(group: str, name: str, plugin: object) -> Sources:
    """Return what a data set or a stress depends on: its class, and where its name leads to."""
    entry = entries(group).get(name)
    return sources(type(plugin).__module__, *([entry.module] if entry else []))


def code_of(plugin: object) -> str:
    """Hash of what the module depends on that a class, function or metric was written in."""
    written = getattr(plugin, "function", plugin)  # a Metric's module is that of its function
    return sources(written.__module__).sha256


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return "[" + ",".join(_toml(v) for v in value) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


@dataclass(frozen=True)
class DataSpec:
    """A data set by catalogue name or by path, with the options of a file.

    ``mixed``: a file's columns of text stay what they are, for models with encoders of their own.
    ``source`` is the data set itself where there is no name to open it by.
    """

    name: str
    target: str | None = None
    one_hot: bool = False
    groups: str | None = None
    time: str | None = None
    mixed: bool = False
    source: "Source | None" = field(default=None, compare=False, repr=False)

    @property
    def is_file(self) -> bool:
        """Whether the name is a path to a table rather than a catalogue name."""
        return (
            self.source is None
            and self.name not in entries("datasets")
            and (
                Path(self.name).suffix.lower() in (".csv", ".parquet")
                or os.path.exists(self.name)  # which is False, too, for what can be no path
            )
        )

    def absolute(self) -> "DataSpec":
        """Return the same data with a path that holds in any working directory."""
        return replace(self, name=os.path.abspath(self.name)) if self.is_file else self

    def open(self) -> "Source":
        """Open the source; BadInput for an unknown name or a file that cannot be learnt from."""
        if self.source is not None:
            return self.source
        if self.is_file:
            words = (self.target, self.one_hot, self.groups, self.time, self.mixed)
            table: Source = _loaded("howrobust.datasets.tables.files", "TableFile")(
                self.name, *words
            )
            return table
        plugin = load("datasets", self.name)
        with surviving_exit(f"the data set {self.name!r}", "it was opened"):
            source: Source = plugin()
        return source


def given_rows(X: Any, y: Any, name: str = "data") -> "Source":
    """Return the source of a user's own rows: X (n, d), an array or a pandas frame, and y (n,).

    A frame may have columns of texts or categories; BadInput says what cannot be learnt from.
    """
    source: Source = _loaded("howrobust.datasets.tables.given", "given")(X, y, name)
    return source


def given_model(thing: Any, fitted: bool, n_folds: int, noise: str) -> "Method":
    """Return the `Method` of a user's own model; BadInput for what is none."""
    return _adapted(thing, fitted, n_folds, noise)


def uci_folder() -> Path | None:
    """Return the folder of the UCI sets, or None where there is none."""
    try:
        folder: Path = _loaded("howrobust.datasets.uci", "data_folder")()
    except BadInput:
        return None
    return folder


def _adapted(thing: Any, *arguments: Any, **words: Any) -> "Method":
    method: Method = _loaded(ADAPTER, "method_of")(thing, *arguments, **words)
    return method


def _loaded(module: str, name: str) -> Any:
    """Import a name of a plug-in's module: by a computed name, so that it is no import of ours."""
    return getattr(importlib.import_module(module), name)


def load_stress(name: str) -> "Stress":
    """Return a stress by name."""
    plugin = load("stress", name)
    with surviving_exit(f"the stress {name!r}", "it was made"):
        stress: Stress = plugin()
    return stress

"""A method by name and settings: its text form, its label, the source it depends on."""

import inspect
import tomllib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from howrobust.errors import BadInput
from howrobust.methods.wrappers.options import UserModelOptions
from howrobust.planning.entry_points import entries, exits_as_bad_input, import_untracked, load
from howrobust.planning.source_closure import Sources, sources

if TYPE_CHECKING:
    from howrobust.base.method import Method

# Every stored forecast depends on this module and on what it imports.
WORKER = "howrobust.execution.worker"
ADAPTER = "howrobust.methods.wrappers.method_of"
USER_MODEL_SETTINGS = UserModelOptions.defaults()  # of any model that is not a Method
RESIDUAL = {"noise": "residual"}  # the setting of a second row


@dataclass(frozen=True)
class _Constructor:
    """The parameters of a method's constructor: their defaults, and their types where annotated."""

    defaults: dict[str, Any]
    types: dict[str, Any]


@dataclass(frozen=True)
class MethodSpec:
    """A method by name, with the settings that differ from its defaults.

    Parameters
    ----------
    name : str
        The name of an entry point, or ``package.module:Name``.
    settings : dict of str to object, default {}
        Arguments of its constructor.
    model : object, optional
        The model itself, where it cannot be imported by name.
    row_of : str, default ""
        Label of the method whose second row it is: the same model, fitted from the same seeds to
        the same clean rows, with a residual distribution.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    model: Any = field(default=None, compare=False, repr=False)
    row_of: str = ""

    @classmethod
    def parse(cls, text: str, user_settings: dict[str, Any] | None = None) -> "MethodSpec":
        """Read a method as users write it.

        Parameters
        ----------
        text : str
            ``name`` or ``name[key=value, ...]``, the values in TOML.
        user_settings : dict of str to object, optional
            Settings of a user's own model, where ``text`` does not have them.

        Returns
        -------
        MethodSpec
            The method.

        Raises
        ------
        BadInput
            For an unknown method, an unknown setting or a value that is not TOML.
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
        spec = cls(name, {})
        if user_settings and spec.is_user_model():
            settings = {**user_settings, **settings}
        return spec.with_settings(settings)

    def with_settings(self, settings: dict[str, Any]) -> "MethodSpec":
        """Add settings; those at their default are left out.

        Parameters
        ----------
        settings : dict of str to object
            Arguments of the constructor; they replace those of the same name.

        Returns
        -------
        MethodSpec
            The method with these settings.

        Raises
        ------
        BadInput
            For an unknown setting and for a value of the wrong type or out of bounds.
        """
        constructor = self._constructor()
        known = [name for name in constructor.defaults if name != "random_state"]
        merged = {**self.settings, **settings}
        for name, value in merged.items():
            if name not in known:
                raise BadInput(
                    f"{self.name} has no setting {name!r}; its settings: {', '.join(known)}"
                )
            try:
                merged[name] = _frozen(msgspec.convert(value, constructor.types.get(name, Any)))
            except msgspec.ValidationError as error:
                raise BadInput(f"{self.name}: {name}={_toml(value)}: {error}") from None
        changed = {k: v for k, v in sorted(merged.items()) if v != constructor.defaults[k]}
        spec = replace(self, settings=changed)
        try:
            spec.build().settings()
        except (TypeError, ValueError) as error:
            raise BadInput(f"{spec.label}: {error}") from None
        return spec

    @property
    def label(self) -> str:
        """``name``, or ``name[key=value,...]`` with keys in alphabetical order."""
        if not self.settings:
            return self.name
        inner = ",".join(f"{name}={_toml(value)}" for name, value in self.settings.items())
        return f"{self.name}[{inner}]"

    def second_row(self) -> "MethodSpec | None":
        """Return the same model with a residual distribution.

        Returns
        -------
        MethodSpec or None
            None for a model that states no distribution of its own, for one whose ``noise`` was
            chosen, and for a method of howrobust.
        """
        if self.model is not None or "noise" in self.settings or not self.is_user_model():
            return None
        if self.build().whose_distribution() != "own":
            return None
        return replace(self.with_settings(RESIDUAL), row_of=self.label)

    def plugin(self) -> Any:
        """Return the object that the name refers to, or the model itself.

        Returns
        -------
        object
            A subclass of `Method`, or a user's model or its class.
        """
        return load("methods", self.name) if self.model is None else self.model

    def load(self) -> type["Method"]:
        """Return the class of the method.

        Returns
        -------
        type of Method
            The class; that of the wrapper for a user's model.
        """
        return type(self.build()) if self.is_user_model() else self.plugin()

    def build(self) -> "Method":
        """Make a method with these settings.

        Returns
        -------
        Method
            A new method.

        Raises
        ------
        BadInput
            Where its code calls `sys.exit`.
        """
        with exits_as_bad_input(f"the method {self.label!r}", "it was made"):
            if self.is_user_model():
                return self._wrapped()
            method: Method = self.plugin()(**self.settings)
            return method

    def _wrapped(self) -> "Method":
        """Return a user's model as a `Method`, each setting passed to the model or the wrapper."""
        plugin = self.plugin()
        if not isinstance(plugin, type):
            return user_method(plugin, UserModelOptions(**self.settings))
        parameters = inspect.signature(plugin).parameters
        of_wrapper = {
            name: value
            for name, value in self.settings.items()
            if name in USER_MODEL_SETTINGS and name not in parameters
        }
        of_model = {k: v for k, v in self.settings.items() if k not in of_wrapper}
        return user_method(plugin(**of_model), UserModelOptions(**of_wrapper))

    def is_user_model(self) -> bool:
        """Return whether it is a user's own model rather than a subclass of `Method`.

        Returns
        -------
        bool
            True for a user's own model.

        Raises
        ------
        BadInput
            For a registered plug-in that is not a subclass of `Method`.
        """
        from howrobust.base.method import Method  # takes 2 s to import

        plugin = self.plugin()
        if isinstance(plugin, type) and issubclass(plugin, Method):
            return False
        if self.model is None and ":" not in self.name:
            raise BadInput(
                f"{self.name!r} is not a class derived from howrobust.base.method.Method"
            )
        return True

    def _constructor(self) -> _Constructor:
        plugin = self.plugin()
        parameters = inspect.signature(plugin).parameters if isinstance(plugin, type) else {}
        defaults = {name: parameter.default for name, parameter in parameters.items()}
        if self.is_user_model():
            return _Constructor({**USER_MODEL_SETTINGS, **defaults}, {})
        return _Constructor(defaults, get_type_hints(plugin.__init__))

    def sources(self) -> Sources:
        """Return the source that a stored forecast depends on, without data set and stress.

        Returns
        -------
        Sources
            The source of the worker and of the method. A model without a name may be written in a
            notebook and adds none.
        """
        if self.model is not None:
            return sources(WORKER)
        if ":" not in self.name:
            return sources(WORKER, self.load().__module__, entries("methods")[self.name].module)
        named = sources(WORKER, self.name.partition(":")[0])
        if not self.is_user_model():
            return named
        distribution = self.settings.get("distribution")
        asked = [distribution.partition(":")[0]] if isinstance(distribution, str) else []
        return named | sources(ADAPTER, *asked)

    def source_sha256(self) -> str:
        """Return the hash of `sources`, with the text of a model that has no name.

        Returns
        -------
        str
            The hash.
        """
        return self.sources().sha256 + ("" if self.model is None else repr(self.model))


def user_method(model: Any, options: UserModelOptions) -> "Method":
    """Return a user's own model as a method.

    Parameters
    ----------
    model : object
        See `howrobust.methods.wrappers.method_of.method_of`.
    options : UserModelOptions
        How it is judged and called.

    Returns
    -------
    Method
        The method.

    Raises
    ------
    BadInput
        For an object that is no model.
    """
    if isinstance(options.distribution, str):
        options = replace(options, distribution=load("distributions", options.distribution))
    adapt = import_untracked(ADAPTER, "method_of")
    method: Method = adapt(model, options)
    return method


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return "[" + ",".join(_toml(v) for v in value) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)

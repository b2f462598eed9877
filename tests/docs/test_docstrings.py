"""Docstrings of the public surface: numpydoc sections, and shapes of array parameters."""

import importlib
import inspect
import re
from collections.abc import Iterator

import pytest
from house import modules

import howrobust

docscrape = pytest.importorskip("numpydoc.docscrape", reason="tox installs numpydoc")
validate = pytest.importorskip("numpydoc.validate").validate

ERRORS = {"PR01", "PR02", "PR04", "RT01", "RT03", "SS03"}
ARRAY = re.compile(r"\b(ndarray|array|Array|NDArray|Tensor)\b")
SHAPE = re.compile(r"\(.*\)|scalar|0-d|any shape|same shape|shape of")


def public_objects() -> Iterator[str]:
    """Yield the dotted name of every class, function, method and property without underscore."""
    for name in modules():
        if any(part.startswith("_") for part in name.split(".")[1:]):
            continue
        module = importlib.import_module(name)
        for key, thing in vars(module).items():
            if key.startswith("_") or getattr(thing, "__module__", None) != name:
                continue
            if inspect.isfunction(thing) or inspect.isclass(thing):
                yield f"{name}.{key}"
            if inspect.isclass(thing):
                yield from _members(f"{name}.{key}", thing)


def _members(name: str, kind: type) -> Iterator[str]:
    """Yield the members that a class documents itself: an override inherits its docstring."""
    for key, member in vars(kind).items():
        function = getattr(member, "__func__", member)
        is_public = inspect.isfunction(function) or isinstance(member, property)
        if key.startswith("_") or not is_public:
            continue
        inherited = any(key in vars(base) for base in kind.__mro__[1:])
        if inherited and not function.__doc__:
            continue
        yield f"{name}.{key}"


def front_doors() -> Iterator[str]:
    """Yield the dotted names that the package itself exports, with members of classes."""
    for key in howrobust.__all__:
        yield f"howrobust.{key}"
        if inspect.isclass(thing := getattr(howrobust, key)):
            yield from _members(f"howrobust.{key}", thing)


NAMES = sorted({*public_objects(), *front_doors()})


def _resolved(name: str) -> object:
    parts = name.split(".")
    for k in range(len(parts), 0, -1):
        try:
            thing: object = importlib.import_module(".".join(parts[:k]))
        except ModuleNotFoundError:
            continue
        for part in parts[k:]:
            thing = getattr(thing, part)
        return thing
    raise AssertionError(name)


def test_the_public_surface_is_found():
    assert len(NAMES) > 500
    assert "howrobust.base.method.Method.infer_stack" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_public_object_states_its_parameters_and_what_it_returns(name):
    thing = _resolved(name)
    # A protocol is never called: its signature is that of `object`.
    ignored = {"PR01"} if getattr(thing, "_is_protocol", False) else set()
    result = validate(name)
    assert [f"{code}: {text}" for code, text in result["errors"] if code in ERRORS - ignored] == []
    assert result["docstring"].strip(), "there is no docstring"


@pytest.mark.parametrize("name", NAMES)
def test_an_array_parameter_states_its_shape(name):
    docstring = inspect.getdoc(_resolved(name)) or ""
    stated = docscrape.FunctionDoc(None, doc=docstring)["Parameters"]
    unshaped = [
        f"{each.name} : {each.type}"
        for each in stated
        if ARRAY.search(each.type) and not SHAPE.search(" ".join([each.type, *each.desc]))
    ]
    assert unshaped == []

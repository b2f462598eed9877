"""Check a plug-in of any kind by name; `howrobust check NAME` prints the findings."""

from collections.abc import Callable
from inspect import isfunction, signature
from typing import Any

from howrobust.base.data import Source
from howrobust.base.metric import Metric
from howrobust.base.stress import Stress
from howrobust.errors import BadInput
from howrobust.metrics.builtin import METRICS
from howrobust.planning import entry_points
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.plugins.metrics import load_metric
from howrobust.testing.dataset_checks import check_source
from howrobust.testing.laws import Finding, describe
from howrobust.testing.method_checks import check_method
from howrobust.testing.metric_checks import check_metric
from howrobust.testing.stress_checks import check_stress


def check_plugin(name: str) -> list[Finding]:
    """Check a plug-in or a metric by name.

    Parameters
    ----------
    name : str
        A name that `howrobust list` shows, or ``package.module:Name``. A method may have settings
        in brackets; a name of several kinds is checked as each of them.

    Returns
    -------
    list of Finding
        One for each law.

    Raises
    ------
    BadInput
        For a name of none of these.
    """
    bare = name.partition("[")[0]
    if ":" in bare:
        return _check_imported(name, entry_points.load("methods", bare))
    findings = [f for group in entry_points.KINDS for f in _check_entry(group, name)]
    findings += [f for metric in METRICS if metric.name == name for f in check_metric(metric)]
    if not findings:
        raise BadInput(
            f"unknown plug-in {name!r}; give a name that `howrobust list "
            "methods|datasets|metrics|stresses` shows, or package.module:Name"
        )
    return findings


def _check_entry(group: str, name: str) -> list[Finding]:
    """Check the entry point of that name in a group; nothing where the group has none."""
    if group == "methods" and name.partition("[")[0] in entry_points.entries(group):
        return check_method(MethodSpec.parse(name).build)
    if name not in entry_points.entries(group):
        return []
    if group == "datasets":
        _make(name, Source, DataSpec(name).open)
        return check_source(DataSpec(name).open)
    if group == "stress":
        return check_stress(_make(name, Stress, lambda: entry_points.load_stress(name)))
    return check_metric(_make(name, Metric, lambda: load_metric(name)))


def _check_imported(name: str, thing: Any) -> list[Finding]:
    """Check what a name imports: a plug-in of any kind, or a user's own model."""
    if isinstance(thing, Metric) or _takes_a_forecast(thing):
        return check_metric(_make(name, Metric, lambda: load_metric(name)))
    if _is_of(thing, Stress):
        return check_stress(_make(name, Stress, lambda: entry_points.load_stress(name)))
    if _is_of(thing, Source) or _returns_rows(thing):
        _make(name, Source, DataSpec(name).open)
        return check_source(DataSpec(name).open)
    spec = _make(name, MethodSpec, lambda: MethodSpec.parse(name))
    findings = check_method(spec.build)
    if spec.is_user_model() and not findings[0].passed:
        detail = findings[0].detail
        raise BadInput(f"{name} is neither a plug-in nor a model that can be fitted: {detail}")
    return findings


def _is_of(thing: Any, kind: type) -> bool:
    """Whether a thing is a class derived from another, or an instance of it."""
    return isinstance(thing, kind) or (isinstance(thing, type) and issubclass(thing, kind))


def _takes_a_forecast(thing: Any) -> bool:
    """Whether a thing is a function of three arguments, as that of a metric is."""
    return isfunction(thing) and len(signature(thing).parameters) == 3


def _returns_rows(thing: Any) -> bool:
    """Whether a thing is a function without arguments that returns a data set or (X, y)."""
    if not isfunction(thing) or signature(thing).parameters:
        return False
    try:
        made = thing()
    except (Exception, SystemExit):  # as a model it is tried, and refused, later
        return False
    return isinstance(made, Source) or (isinstance(made, tuple) and len(made) == 2)


def _make(name: str, kind: type, make: Callable[[], Any]) -> Any:
    """Return ``make()``; BadInput where it raises, or makes something else than a ``kind``."""
    try:
        made = make()
    except BadInput:
        raise
    except (Exception, SystemExit) as error:  # a plug-in may raise anything
        raise BadInput(f"{name} cannot be made: {describe(error)}") from error
    if not isinstance(made, kind):
        wanted = f"{kind.__module__}.{kind.__name__}"
        raise BadInput(f"{name} is a {type(made).__name__}, where a {wanted} is needed")
    return made

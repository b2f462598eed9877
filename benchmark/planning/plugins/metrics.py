"""Metrics of plug-ins: installed ones, those of a user's module, and those given from Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from howrobust import seeds
from howrobust.base.facts import MetricFacts
from howrobust.base.metric import Better, Metric, Undefined, evaluate
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.errors import BadInput
from howrobust.planning.entry_points import entries, is_path, load, module_of, names
from howrobust.planning.plugins.names import require_own_name
from howrobust.planning.source_closure import file_of, sources

TRIED_ROWS = 60


@dataclass(frozen=True)
class MetricPlugin:
    """A metric that is not one of howrobust's.

    Parameters
    ----------
    metric : Metric
        The metric.
    name : str, default ""
        What it is imported by: the name of its entry point, or ``package.module:Name``; empty for
        one that was given from Python.
    """

    metric: Metric
    name: str = ""

    @property
    def code(self) -> str:
        """Hash of its source; empty for a function given from Python that is in no file."""
        function = self.metric.function
        own = getattr(function, "__module__", None) or type(function).__module__
        modules = [own, *filter(None, [module_of("metrics", self.name)])]
        if not self.name and file_of(own) is None:
            return ""
        return sources(*dict.fromkeys(modules)).sha256


def metric_facts(plugin: MetricPlugin) -> MetricFacts:
    """Return what a report states about a metric.

    Parameters
    ----------
    plugin : MetricPlugin
        The metric.

    Returns
    -------
    MetricFacts
        The facts.
    """
    return MetricFacts(plugin.metric.name, plugin.metric.better)


def installed_metrics() -> tuple[MetricPlugin, ...]:
    """Import the metrics of installed packages.

    Returns
    -------
    tuple of MetricPlugin
        The metrics in the order of registration.

    Raises
    ------
    BadInput
        For one that cannot be imported or is no metric.
    """
    return tuple(MetricPlugin(load_metric(name), name) for name in names("metrics"))


def open_metrics(given: Sequence[str | Metric]) -> tuple[MetricPlugin, ...]:
    """Import the metrics of a run, and try those that are given on a small forecast.

    Parameters
    ----------
    given : sequence of str or Metric
        ``package.module:Name`` of each, or the metric.

    Returns
    -------
    tuple of MetricPlugin
        Those of installed packages, then those given.

    Raises
    ------
    BadInput
        For one that cannot be imported or is no metric, for two of one name, and for one that is
        given and fails. An installed one that fails does so alone, in the records of each cell.
    """
    plugins = [*installed_metrics()]
    for name in given:
        plugin = MetricPlugin(name) if isinstance(name, Metric) else _by_path(name)
        if plugin.name not in {_value(each.name) for each in plugins} - {""}:
            plugins.append(plugin)
    labels = [plugin.metric.name for plugin in plugins]
    installed = names("metrics")
    for plugin in plugins:
        if plugin.name not in installed:
            _try(plugin)
        if labels.count(plugin.metric.name) > 1:
            raise BadInput(
                f"two metrics are called {plugin.metric.name!r}; leave one out, or give it another "
                "name"
            )
    return tuple(plugins)


def load_metric(name: str) -> Metric:
    """Import a metric.

    Parameters
    ----------
    name : str
        The name of its entry point, or ``package.module:Name`` of a `Metric` or a function.

    Returns
    -------
    Metric
        The metric. A function alone is an error by its own name: lower values are better.

    Raises
    ------
    BadInput
        For what cannot be imported, and for what is no metric.
    """
    thing: Any = load("metrics", name)
    if is_path(name) and callable(thing) and not isinstance(thing, type | Metric):
        thing = Metric(name.rpartition(":")[2], "low", thing)
    if not isinstance(thing, Metric):
        raise BadInput(
            f"the metric {name!r} is a {type(thing).__name__}, where a "
            "howrobust.base.metric.Metric is needed, or a function of forecast, y and y_scale"
        )
    if thing.better not in get_args(Better) or not callable(thing.function):
        raise BadInput(
            f"the metric {name!r} has better={thing.better!r} and a function of the type "
            f"{type(thing.function).__name__}; it needs one of {', '.join(get_args(Better))}, and "
            "a function of forecast, y and y_scale"
        )
    require_own_name("metrics", name, thing.name)
    return thing


def _by_path(name: str) -> MetricPlugin:
    if not isinstance(name, str) or not is_path(name):
        installed = ", ".join(names("metrics")) or "none"
        raise BadInput(
            f"the metric {name!r} is not MODULE:NAME; metrics of howrobust and installed ones "
            f"({installed}) are computed in every run"
        )
    return MetricPlugin(load_metric(name), name)


def _value(name: str) -> str:
    """``package.module:Name`` of a metric, whichever of its names is given."""
    entry = entries("metrics").get(name)
    return name if entry is None else str(entry.value)


def _try(plugin: MetricPlugin) -> None:
    """Compute a metric once on a mixture of four Gaussians; BadInput where it fails."""
    rng = seeds.generator(0, "trial of a metric")
    means, y = rng.normal(size=(4, TRIED_ROWS)), rng.normal(size=TRIED_ROWS)
    forecast = GaussianMixture(means, 0.5 + np.abs(means)).forecast(y)
    groups = np.arange(2 * TRIED_ROWS).reshape(2, TRIED_ROWS) % 3
    name = plugin.name or plugin.metric.name
    try:
        value = evaluate(plugin.metric, forecast.replaced(groups=groups), y, 1.0)
    except (Exception, SystemExit) as error:  # a plug-in may raise anything
        raise BadInput(
            f"the metric {name!r} cannot be used: for a forecast of {TRIED_ROWS} points it gave "
            f"{type(error).__name__}: {error}; it is to return a number, or "
            "howrobust.base.metric.Undefined(reason)"
        ) from error
    if isinstance(value, Undefined) and not isinstance(value.reason, str):
        raise BadInput(
            f"the metric {name!r} cannot be used: the reason of its Undefined is "
            f"{value.reason!r}, where a text is needed"
        )

"""The metrics that are known: those of howrobust, and those of installed packages."""

from collections.abc import Sequence
from functools import lru_cache

from howrobust.base.metric import Metric
from howrobust.base.records import COSTS
from howrobust.errors import BadInput
from howrobust.metrics.builtin import METRICS
from howrobust.planning.plugins.metrics import MetricPlugin, installed_metrics


@lru_cache
def all_metrics() -> tuple[Metric, ...]:
    """Return the built-in metrics and those of plug-ins.

    Returns
    -------
    tuple of Metric
        The metrics, built-in ones first.
    """
    return (*METRICS, *(plugin.metric for plugin in installed_metrics()))


def require_new_names(plugins: Sequence[MetricPlugin]) -> None:
    """Check that no metric of a plug-in has the name of one of howrobust's.

    Parameters
    ----------
    plugins : sequence of MetricPlugin
        The metrics of a run beside those of howrobust.

    Raises
    ------
    BadInput
        For the first that has.
    """
    taken = {*COSTS, *(metric.name for metric in METRICS)}
    for plugin in plugins:
        if plugin.metric.name in taken:
            raise BadInput(
                f"the metric {plugin.name or 'given from Python'} is called "
                f"{plugin.metric.name!r}, as a metric of howrobust is; give it another name"
            )

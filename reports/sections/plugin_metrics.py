"""Metrics of plug-ins in tables: which values are better, in words and as a sign."""

from collections.abc import Sequence

from howrobust.base.facts import MetricFacts

BETTER = {
    "low": "low is better",
    "high": "high is better",
    "zero": "values near 0 are better",
    "nominal": "values near their nominal share are better",
    "-": "no values are better",
}
SIGNS = {"low": 1, "high": -1}


def signs_of(plugins: Sequence[MetricFacts]) -> dict[str, int]:
    """Return the metrics that a method can lead in.

    Parameters
    ----------
    plugins : sequence of MetricFacts
        The metrics.

    Returns
    -------
    dict of str to int
        By name, 1 where low is better and -1 where high is; the others are left out.
    """
    return {facts.name: SIGNS[facts.better] for facts in plugins if facts.better in SIGNS}


def directions(plugins: Sequence[MetricFacts]) -> str:
    """Say which values of the metrics of plug-ins are better.

    Parameters
    ----------
    plugins : sequence of MetricFacts
        The metrics.

    Returns
    -------
    str
        The sentence; "" for no metric.
    """
    texts = [f"{facts.name} ({BETTER[facts.better]})" for facts in plugins]
    plural = "s" if len(texts) > 1 else ""
    return f"Metric{plural} of plug-ins: {', '.join(texts)}." if texts else ""

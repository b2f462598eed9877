"""Scores of forecasts that somebody else made: their metrics, at the levels that they state."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from howrobust.base.metric import Metric, Undefined, Value, evaluate
from howrobust.base.rendering import drawn, rendered
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import LEVEL_ROUNDING, Forecast
from howrobust.metrics.calibration import coverage, level_digits
from howrobust.metrics.known import all_metrics
from howrobust.metrics.proper import interval_score
from howrobust.metrics.sharpness import width
from howrobust.storage.atomic import write_output

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class Scores(Mapping[str, float]):
    """Scores of given forecasts: a mapping of each metric that is defined to its value.

    ``reasons`` says why the others are undefined; ``print`` shows all of them in plain words.

    Parameters
    ----------
    forecast : Forecast
        Summary of the forecasts.
    y : array of shape (n,)
        Observed targets.
    source : str
        Whose forecasts they are, such as "the forecasts of forecasts.csv".
    form : str
        What they state, such as "a normal distribution (mean and sd)".
    metrics : tuple of Metric
        The metrics.
    outcomes : dict of str to float or Undefined
        The result of every metric by its name.
    """

    forecast: Forecast
    y: Array
    source: str
    form: str
    metrics: tuple[Metric, ...]
    outcomes: dict[str, Value]

    def __getitem__(self, name: str) -> float:
        value = self.outcomes[name]
        if isinstance(value, Undefined):
            raise KeyError(f"{name} is undefined: {value.reason}")
        return value

    def __iter__(self) -> Iterator[str]:
        return (name for name, v in self.outcomes.items() if not isinstance(v, Undefined))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def reasons(self) -> dict[str, str]:
        """Why each metric that is undefined has no value, by its name."""
        return {n: v.reason for n, v in self.outcomes.items() if isinstance(v, Undefined)}

    def __str__(self) -> str:
        return rendered(self, "text")

    def __repr__(self) -> str:
        return f"<{len(self)} scores of {self.source}; print shows them>"

    def records(self) -> "pd.DataFrame":
        """Return every metric with its value or the reason why there is none.

        Returns
        -------
        DataFrame
            Columns ``metric``, ``value``, ``status`` ("ok" or "undefined"), ``reason``, ``better``.
        """
        import pandas as pd

        columns = {
            "metric": [metric.name for metric in self.metrics],
            "value": [self.get(metric.name, np.nan) for metric in self.metrics],
            "status": ["ok" if m.name in self else "undefined" for m in self.metrics],
            "reason": [self.reasons.get(metric.name, "") for metric in self.metrics],
            "better": [metric.better for metric in self.metrics],
        }
        return pd.DataFrame(columns)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw observed shares against stated probabilities.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        Axes
            The axes.
        """
        axes: Axes = drawn(self, ax)
        return axes

    def report(self, path: str | Path) -> Path:
        """Write the page, one self-contained HTML file.

        Parameters
        ----------
        path : str or Path
            Where to write it.

        Returns
        -------
        Path
            Where it is.

        Raises
        ------
        BadInput
            Where it cannot be written.
        """
        path = Path(path)
        write_output(path, rendered(self, "page").encode("utf-8"))
        return path


def metrics_of(forecast: Forecast) -> tuple[Metric, ...]:
    """Return all metrics, and those of the central intervals that a form states besides.

    Parameters
    ----------
    forecast : Forecast
        The forecast.

    Returns
    -------
    tuple of Metric
        The metrics: for a stated interval of 80 %, ``coverage_80``, ``width_80`` and
        ``interval_score_80`` too.
    """
    known = all_metrics()
    if "pit" not in forecast.missing:
        return known
    names = {metric.name for metric in known}
    stated = []
    for level in central_levels(forecast):
        digits = level_digits(level)
        stated += [
            Metric(f"coverage_{digits}", "nominal", coverage(level)),
            Metric(f"width_{digits}", "low", width(level)),
            Metric(f"interval_score_{digits}", "low", interval_score(level)),
        ]
    return (*known, *(metric for metric in stated if metric.name not in names))


def central_levels(forecast: Forecast) -> list[float]:
    """Return the probabilities of the central intervals between stated quantiles.

    Parameters
    ----------
    forecast : Forecast
        The forecast.

    Returns
    -------
    list of float
        Probabilities, ascending.
    """
    lower = [level for level in forecast.levels if level < 0.5]
    pairs = [a for a in lower if any(abs(b - (1 - a)) < LEVEL_ROUNDING for b in forecast.levels)]
    return sorted(round(1 - 2 * a, 9) for a in pairs)


def scored(forecast: Forecast, y: Array) -> tuple[tuple[Metric, ...], dict[str, Value]]:
    """Compute every metric of a forecast.

    Parameters
    ----------
    forecast : Forecast
        The forecast at n points.
    y : array of shape (n,)
        Observed targets.

    Returns
    -------
    metrics : tuple of Metric
        The metrics.
    outcomes : dict of str to float or Undefined
        Their results by name.
    """
    metrics = metrics_of(forecast)
    return metrics, {metric.name: evaluate(metric, forecast, y, None) for metric in metrics}

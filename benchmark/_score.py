"""The front door for forecasts that somebody else made: each is scored as it states itself."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from howrobust import seeds
from howrobust.base.data import discrete_step
from howrobust.distributions.arrays import Array, statement
from howrobust.distributions.closed_form import Normal
from howrobust.distributions.intervals import IntervalForecast
from howrobust.distributions.predictive import Predictive
from howrobust.distributions.quantiles import QuantileForecast
from howrobust.distributions.samples import SampleForecast
from howrobust.errors import BadInput
from howrobust.execution.forecast import BLOCK, joined
from howrobust.metrics.stated import Scores, scored

if TYPE_CHECKING:
    import pandas as pd

GIVEN = "the forecasts that were given"
FORMS = "mean= and sd=, quantiles=, samples=, or lower=, upper= and level="


def score_forecasts(
    y: ArrayLike,
    *,
    mean: ArrayLike | None = None,
    sd: ArrayLike | None = None,
    quantiles: "ArrayLike | Mapping[float, ArrayLike] | pd.DataFrame | None" = None,
    levels: ArrayLike | None = None,
    samples: "ArrayLike | pd.DataFrame | None" = None,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    level: float | None = None,
    distribution: Predictive | None = None,
) -> Scores:
    """Score forecasts that any model has made, by what they state.

    Exactly one form is given: ``mean`` and ``sd``; ``quantiles``; ``samples``; ``lower``, ``upper``
    and ``level``; or ``distribution``.

    Parameters
    ----------
    y : array of shape (n,)
        Observed targets.
    mean : array of shape (n,), optional
        With ``sd`` the mean of a normal distribution; with quantiles or an interval the point
        forecast that stands beside them. In target units.
    sd : array of shape (n,), optional
        Standard deviations, in target units, above 0.
    quantiles : array of shape (k, n), mapping or DataFrame, optional
        Quantiles, in target units: an array with ``levels``, or a mapping or a DataFrame from level
        to the n quantiles.
    levels : array of shape (k,), optional
        Levels of an array of quantiles, in (0, 1).
    samples : array of shape (S, n) or DataFrame, optional
        S draws of each target, in target units; in a DataFrame each column is a draw.
    lower, upper : array of shape (n,), optional
        Ends of a central interval, in target units.
    level : float, optional
        The probability that is stated for the interval, between 0 and 1.
    distribution : Predictive, optional
        A distribution of `howrobust.distributions`, such as that of ``from_scipy``.

    Returns
    -------
    Scores
        A mapping of metrics to values. Those that the form cannot give are not in it; ``reasons``
        says why.

    Raises
    ------
    BadInput
        For other shapes, numbers that are not finite, or no form or more than one.

    Examples
    --------
    >>> scores = score_forecasts([1.0, 2.0, 4.0], lower=[0, 1, 2], upper=[2, 3, 3], level=0.8)
    >>> round(scores["coverage_80"], 3), scores["width_80"]
    (0.667, 1.6666666666666667)
    >>> scores.reasons["nll"]
    'an interval has no density'
    """
    targets = statement("y", y, 1)
    form = _form(
        mean=mean, sd=sd, quantiles=quantiles, levels=levels, samples=samples, lower=lower,
        upper=upper, level=level, distribution=distribution,
    )  # fmt: skip
    n = len(targets)
    if form.n not in (n, None):
        raise BadInput(f"y has {n} targets, but there are forecasts of {form.n} rows")
    if distribution is not None:
        return scores_of([(targets, distribution)], GIVEN, form.words, discrete_step(targets))
    return scores_of(in_blocks(targets, form.at), GIVEN, form.words, discrete_step(targets))


def scores_of(
    blocks: Iterable[tuple[Array, Predictive]], source: str, form: str, step: float | None = None
) -> Scores:
    """Score forecasts that come a block of rows at a time.

    Parameters
    ----------
    blocks : iterable of (array of shape (m,), Predictive)
        Targets and their forecasts.
    source : str
        Whose forecasts they are.
    form : str
        What they state.
    step : float, optional
        Spacing of a discrete target, in target units, 0 for a continuous one; None where it is
        found in the targets.

    Returns
    -------
    Scores
        The scores.
    """
    import howrobust.reports.forecast_page  # noqa: F401 (it registers how scores are shown)

    parts, targets = [], []
    for k, (y, predictive) in enumerate(blocks):
        seed = seeds.derive(0, "block", k) if k else 0
        parts.append(predictive.forecast(y, step or 0.0, seed=seed))
        targets.append(y)
    y = np.concatenate(targets)
    forecast = joined(parts)
    del parts
    if step is None:
        forecast = forecast.replaced(step=discrete_step(y))
    metrics, outcomes = scored(forecast, y)
    return Scores(forecast, y, source, form, metrics, outcomes)


def in_blocks(y: Array, at: Callable[[slice], Predictive]) -> Iterator[tuple[Array, Predictive]]:
    """Cut targets and their forecasts into blocks of rows, so that memory is that of a block.

    Parameters
    ----------
    y : array of shape (n,)
        Observed targets.
    at : callable
        Takes a slice of the rows and returns their forecasts.

    Yields
    ------
    tuple of (array of shape (m,), Predictive)
        The next rows.
    """
    for start in range(0, len(y), BLOCK):
        part = slice(start, start + BLOCK)
        yield y[part], at(part)


@dataclass(frozen=True)
class _Form:
    """Forecasts of n rows, of which a part can be taken; n is None where only y can tell."""

    words: str
    n: int | None
    at: Callable[[slice], Predictive]


def normal_words(mean: str = "mean", sd: str = "sd") -> str:
    """Return in words that forecasts are normal.

    Parameters
    ----------
    mean, sd : str
        Names of the two numbers.

    Returns
    -------
    str
        The words.
    """
    return f"a normal distribution ({mean} and {sd})"


def _form(**given: Any) -> _Form:
    """Return the one form that is given; BadInput for none, several or a part of one."""
    chosen = {name for name, value in given.items() if value is not None}
    makers: dict[frozenset[str], Callable[[dict[str, Any]], _Form]] = {
        frozenset({"mean", "sd"}): _normal,
        frozenset({"quantiles"}): _quantiles,
        frozenset({"samples"}): _samples,
        frozenset({"lower", "upper", "level"}): _interval,
        frozenset({"distribution"}): _distribution,
    }
    beside = {"quantiles": {"levels", "mean"}, "lower": {"mean"}}
    for needed, make in makers.items():
        allowed = set(needed).union(*(beside.get(name, set()) for name in needed))
        if needed <= chosen <= allowed:
            return make(given)
    listed = ", ".join(f"{name}=" for name in given if name in chosen) or "nothing"
    raise BadInput(f"give one form of forecast ({FORMS}); {listed} was given")


def _normal(given: dict[str, Any]) -> _Form:
    whole = Normal(given["mean"], given["sd"])
    mean, sd = whole.mean(), np.sqrt(whole.variance_parts()[0])
    return _Form(normal_words(), len(mean), lambda part: Normal(mean[part], sd[part]))


def _quantiles(given: dict[str, Any]) -> _Form:
    values, levels = given["quantiles"], given["levels"]
    if isinstance(values, Mapping) or hasattr(values, "columns"):
        if levels is not None:
            raise BadInput("levels= goes with an array of quantiles; a mapping has its own")
        levels, values = list(values.keys()), [values[key] for key in values.keys()]  # noqa: SIM118
    elif levels is None:
        raise BadInput("an array of quantiles needs their levels=, such as levels=[.05, .5, .95]")
    try:
        levels = np.asarray(levels, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput("the levels of quantiles must be numbers between 0 and 1") from None
    whole = QuantileForecast(levels, np.asarray(values), given["mean"])
    stated = statement("the values of quantiles", values, 2)
    mean = None if given["mean"] is None else whole.mean()

    def at(part: slice) -> Predictive:
        beside = None if mean is None else mean[part]
        return QuantileForecast(levels, stated[:, part], beside)

    return _Form(f"{len(levels)} quantiles", stated.shape[1], at)


def _samples(given: dict[str, Any]) -> _Form:
    draws = given["samples"]
    if hasattr(draws, "columns"):
        draws = draws.to_numpy().T
    whole = SampleForecast(draws).draws
    return _Form(f"{len(whole)} draws", whole.shape[1], lambda part: SampleForecast(whole[:, part]))


def _interval(given: dict[str, Any]) -> _Form:
    whole = IntervalForecast(given["lower"], given["upper"], given["level"], given["mean"])
    mean = None if given["mean"] is None else whole.mean()
    return _Form(
        f"an interval of {100 * whole.level:g} %",
        len(whole.lower),
        lambda part: IntervalForecast(
            whole.lower[part], whole.upper[part], whole.level, None if mean is None else mean[part]
        ),
    )


def _distribution(given: dict[str, Any]) -> _Form:
    stated: Predictive = given["distribution"]
    if not isinstance(stated, Predictive):
        raise BadInput(
            "distribution= must be a Predictive of howrobust.distributions, not a "
            f"{type(stated).__name__}; from_scipy makes one of a frozen scipy distribution"
        )
    return _Form(f"a {type(stated).__name__}", None, lambda part: stated)

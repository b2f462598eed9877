"""Noise carried through a function: from draws around each point to the result."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput
from howrobust.propagation.breaks import MOST_STEPS, failures, jumps, searched_points
from howrobust.propagation.calls import arguments_of, call_of, function_of
from howrobust.propagation.evaluation import Count, Evaluation
from howrobust.propagation.indices import Shares, shares
from howrobust.propagation.moments import Moments, moments, quantile, split
from howrobust.propagation.noise import Noise, noise_of
from howrobust.propagation.points import points_of
from howrobust.propagation.result import Propagation
from howrobust.propagation.worst_case import MOST_CORNERS, MOST_SPREAD, Box, box_of, worst_case

if TYPE_CHECKING:
    import pandas as pd

FEWEST_DRAWS = 20
COMPLETE = 0.95  # of the draws: fewer with all their outputs, and there are no indices
UNSETTLED = 0.1  # standard error of the sd in units of it, where few draws decide both


@dataclass(frozen=True)
class Settings:
    """How noise is carried through a function.

    Parameters
    ----------
    draws : int
        Number of draws around each point.
    level : float
        Level of the interval.
    indices : bool
        Whether Sobol' indices are computed.
    batch_size : int or None
        Most rows in a call of a function that takes many.
    workers : int
        Number of processes.
    seed : int
        Seed of the draws.
    progress : callable or None
        Is called with the number of rows evaluated and the number expected.
    """

    draws: int
    level: float
    indices: bool
    batch_size: int | None
    workers: int
    seed: int
    progress: Count | None

    def __post_init__(self) -> None:
        if self.draws < FEWEST_DRAWS:
            raise BadInput(f"draws is {self.draws}; it must be at least {FEWEST_DRAWS}")
        if not 0 < self.level < 1:
            raise BadInput(f"level is {self.level:g}; it must be between 0 and 1, such as 0.95")
        if self.workers < 1:
            raise BadInput(f"workers is {self.workers}; it must be at least 1")
        if self.batch_size is not None and self.batch_size < 1:
            raise BadInput(f"batch_size is {self.batch_size}; it must be at least 1")


@dataclass(frozen=True)
class _Around:
    """What noise makes of the output around one point."""

    y: Array  # (draws,)
    moments: Moments
    limits: Array  # (2, k), the output where one input is at a limit of its noise
    shares: Shares | None
    undefined: str


def propagated(
    thing: Any,
    X: Any,
    noise: Mapping[Hashable, Any],
    correlation: "Array | pd.DataFrame | None",
    box: Mapping[Hashable, tuple[float, float]] | None,
    units: Mapping[str, str] | None,
    name: str | None,
    settings: Settings,
) -> Propagation:
    """Propagate noise of the inputs through a function.

    Parameters
    ----------
    thing : callable or object with ``predict``
        The function; see `howrobust.propagate` for this and what follows.
    X : dict, Series, DataFrame or array of shape (d,) or (n, d)
        The points.
    noise : mapping of hashable to float or frozen distribution
        Noise by input.
    correlation : array or DataFrame of shape (k, k), or None
        Its correlations.
    box : mapping of hashable to (float, float), or None
        Limits of the search for the worst case.
    units : mapping of str to str, or None
        Units.
    name : str or None
        Name of the output.
    settings : Settings
        The settings.

    Returns
    -------
    Propagation
        The result.

    Raises
    ------
    BadInput
        For a function, points, noise or settings that cannot be used.
    """
    function = function_of(thing)
    points = points_of(X, arguments_of(function))
    joint = noise_of(noise, correlation)
    where = points.where(joint.columns)
    searched = box_of(points, joint, box)
    A = joint.draw(settings.draws, settings.seed, "A")
    trial = np.repeat(points.X[:1], 3 if points.X.shape[1] != 3 else 4, axis=0)
    trial[1:, where] += A[: len(trial) - 1]
    call = call_of(function, points, trial)
    expected = _expected(len(points.X), len(where), settings)
    evaluation = Evaluation(
        call, settings.batch_size, settings.workers, expected, settings.progress
    )
    nominal = evaluation(points.X)
    repeated = evaluation(points.X[:1])
    around = [_around(evaluation, joint, where, x, A, settings) for x in points.X]
    result = _combined(around, nominal, joint, settings)
    if not np.array_equal(nominal[:1], repeated, equal_nan=True):
        result |= _without_shares(result["sensitivities"])
    worst = worst_case(evaluation, searched, settings.draws, *_extremes(around, searched, A))
    steps = min(MOST_STEPS, settings.draws)
    jumping = jumps(evaluation, searched, result["sd"], steps) if result["sd"] > 0 else []
    if settings.progress is not None:
        settings.progress(evaluation.rows, evaluation.rows)
    return Propagation(
        name=name or _name(thing, function),
        units=dict(units or {}),
        noise=joint,
        draws=settings.draws,
        seed=settings.seed,
        level=settings.level,
        worst_case=worst,
        breaks=(*failures(evaluation), *jumping),
        searched=_searched(evaluation, len(points.X), steps),
        notes=tuple(_notes(result, around, nominal[0], repeated[0])),
        **result,
    )


def _searched(evaluation: Evaluation, n: int, steps: int) -> str:
    """Return what was searched for breaks."""
    return (
        f"all {evaluation.rows} evaluations for NaN, infinity and exceptions; {steps} steps along "
        f"each noisy input through {len(searched_points(n))} of {n} points for jumps"
    )


def _name(thing: Any, function: Any) -> str:
    """Return the name of the output of a function or a model."""
    if function is not thing:
        return "prediction"
    name = str(getattr(function, "__name__", "<lambda>"))
    return "output" if name == "<lambda>" else name


def _expected(n: int, k: int, settings: Settings) -> int:
    """Return the number of rows to evaluate, local searches aside."""
    draws = settings.draws * (k + 2 if settings.indices and k > 1 else 1)
    places = 1 + (2**k if k <= MOST_CORNERS else 0) + min(settings.draws, MOST_SPREAD)
    lines = k * (min(MOST_STEPS, settings.draws) + 1) * len(searched_points(n))
    return n * (1 + draws + 2 * k + places) + lines


def _around(
    evaluation: Evaluation, noise: Noise, where: list[int], x: Array, A: Array, settings: Settings
) -> _Around:
    """Return what noise makes of the output around a point x (d,)."""

    def outputs(offsets: Array) -> Array:
        rows = np.repeat(x[None], len(offsets), axis=0)
        rows[:, where] += offsets
        return evaluation(rows)

    y = outputs(A)
    whole = np.isfinite(y)
    if whole.sum() < FEWEST_DRAWS:
        raise BadInput(
            f"the function gives a finite output at {whole.sum()} of {len(y)} draws; "
            f"{FEWEST_DRAWS} are needed: make the noise smaller, or correct the function"
        )
    # Draws without an output leave others whose moments are not those of the noise.
    with np.errstate(over="ignore", invalid="ignore"):  # refused below
        covariance = noise.covariance if whole.all() else None
        parts = split(y[whole], A[whole], noise.mean, covariance)
    if not np.isfinite(parts.variance):
        raise BadInput(
            "the variance of the output is too large for float64; give the output in a larger unit"
        )
    tail = (1 - settings.level) / 2
    ends = np.concatenate([np.diag(noise.quantile(p)) for p in (tail, 1 - tail)])
    limits = outputs(ends).reshape(2, -1)
    summary = moments(parts, y[whole], settings.level)
    undefined = _without_indices(noise, parts.variance, settings)
    if undefined:
        return _Around(y, summary, limits, None, undefined)
    k = len(where)
    if k == 1:
        return _Around(y, summary, limits, Shares(*np.array([[1.0], [0], [1], [0]])), "")
    B = noise.draw(settings.draws, settings.seed, "B")
    mixed = np.repeat(A[None], k, axis=0)
    mixed[range(k), :, range(k)] = B.T
    y_B, y_AB = outputs(B), outputs(mixed.reshape(-1, k)).reshape(k, -1)
    use = whole & np.isfinite(y_B) & np.isfinite(y_AB).all(axis=0)
    if use.mean() < COMPLETE:
        reason = f"{100 * (1 - use.mean()):.0f} % of the draws have outputs that are not finite"
        return _Around(y, summary, limits, None, reason)
    parts = split(y[use], A[use], noise.mean, noise.covariance if use.all() else None)
    return _Around(
        y, summary, limits, shares(parts, noise, A[use], B[use], y_B[use], y_AB[:, use]), ""
    )


def _without_indices(noise: Noise, variance: float, settings: Settings) -> str:
    """Return why there are no Sobol' indices; empty where there are."""
    if not settings.indices:
        return "indices were not asked for"
    if noise.correlation is not None:
        return "the noise is correlated, so the variance cannot be attributed to single inputs"
    return "" if variance > 0 else "the output does not vary"


def _combined(
    around: list[_Around], nominal: Array, noise: Noise, settings: Settings
) -> dict[str, Any]:
    """Return the numbers of all points together; see `Propagation` for what they are."""
    import pandas as pd

    each = [point.moments for point in around]
    at_points = pd.DataFrame({
        "output": nominal,
        **{
            field: [getattr(m, field) for m in each]
            for field in ("mean", "sd", "lower", "upper", "mean_se", "sd_se")
        },
        "broken": [int(np.isnan(point.y).sum()) for point in around],
    })  # fmt: skip
    mean, sds = float(at_points["mean"].mean()), at_points["sd"].to_numpy()
    sd = float(np.sqrt(np.mean(sds**2)))
    deviations = np.concatenate([point.y - m.mean for point, m in zip(around, each, strict=True)])
    ordered = np.sort(deviations[np.isfinite(deviations)])
    tail = (1 - settings.level) / 2
    lower, upper = (quantile(ordered, p, settings.draws) for p in (tail, 1 - tail))
    undefined = next((point.undefined for point in around if point.undefined), "")
    known = [point.shares for point in around if point.shares is not None and not undefined]
    weights = sds**2 / np.sum(sds**2) if known else np.empty(0)

    def averaged(field: str) -> Array:
        each_point = np.array([getattr(each, field) for each in known])
        mean_share: Array = weights @ each_point if known else np.full(len(noise.margins), np.nan)
        return mean_share

    low, high = np.mean([point.limits for point in around], axis=0)
    return {
        "mean": mean,
        "mean_se": float(at_points["mean_se"].mean()),
        "sd": sd,
        "sd_se": float(np.mean(sds * at_points["sd_se"]) / sd) if sd > 0 else 0.0,
        "interval": (mean + lower[0], mean + upper[0]),
        "interval_se": (lower[1], upper[1]),
        "sensitivities": pd.DataFrame(
            {
                "sd": noise.sd,
                "low": low,
                "high": high,
                "first_order": averaged("first"),
                "first_order_se": averaged("first_se"),
                "total": averaged("total"),
                "total_se": averaged("total_se"),
            },
            index=list(noise.columns),
        ),
        "undefined": undefined,
        "at_points": at_points,
        "outputs": np.array([point.y for point in around]),
    }


def _without_shares(sensitivities: Any) -> dict[str, Any]:
    """Return sensitivities to a function that draws: its own draws look like interactions."""
    shares = ["first_order", "first_order_se", "total", "total_se"]
    reason = "the function draws random numbers of its own, which are no input"
    without = sensitivities.assign(**dict.fromkeys(shares, np.nan))
    return {"sensitivities": without, "undefined": reason}


def _extremes(around: list[_Around], box: Box, A: Array) -> tuple[Array, Array]:
    """Return inputs (n, 2, d) and outputs (n, 2) of the extreme draws in the box of each point."""
    X = np.repeat(box.points.X[:, None], 2, axis=1)
    y = np.full(X.shape[:2], np.nan)
    for p, point in enumerate(around):
        inputs = box.points.X[p, box.where] + A
        inside = ((inputs >= box.lower[p]) & (inputs <= box.upper[p])).all(axis=1)
        held = np.flatnonzero(inside & np.isfinite(point.y))
        if len(held):
            for which, i in enumerate(
                (held[np.argmin(point.y[held])], held[np.argmax(point.y[held])])
            ):
                X[p, which, box.where], y[p, which] = inputs[i], point.y[i]
    return X, y


def _notes(
    result: dict[str, Any], around: list[_Around], first: float, repeated: float
) -> list[str]:
    """Return what limits the numbers."""
    notes = []
    undefined = result["undefined"]
    if result["sd_se"] > UNSETTLED * result["sd"]:
        notes.append(
            "mean and sd are not settled: a few extreme draws decide them, as where the noise "
            "reaches a pole of the function; read the interval, or give narrower noise"
        )
    broken = int(sum(np.isnan(point.y).sum() for point in around))
    if undefined:
        notes.append(f"shares of the variance are not applicable: {undefined}")
    if broken:
        of = sum(len(point.y) for point in around)
        notes.append(f"mean, sd and interval are those of the {of - broken} draws with an output")
    if first != repeated and not np.isnan([first, repeated]).all():
        notes.append(
            f"two calls at one point gave {first:.6g} and {repeated:.6g}: the function draws "
            "random numbers of its own, and its spread is part of every number here"
        )
    return notes

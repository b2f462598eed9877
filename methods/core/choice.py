"""Settings given as several values: each problem takes what is best on its validation rows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from howrobust import seeds
from howrobust.base.method import Problem
from howrobust.distributions.arrays import Array
from howrobust.methods.core.problems.problem_pool import validation_start
from howrobust.methods.core.sampling.posterior import NetworkPosterior

Settings = dict[str, Any]
Infer = Callable[[Settings, Sequence[Problem]], Sequence[NetworkPosterior]]


def infer_best(
    settings: Settings, choices: Sequence[str], problems: Sequence[Problem], infer: Infer
) -> list[NetworkPosterior]:
    """Learn every problem by ``infer``, deciding what ``settings`` leaves open among ``choices``.

    Every combination of the values given learns the first four fifths of a problem's rows; the one
    with the least nll on the last fifth then learns all of them. Each problem decides for itself,
    so law 2 holds, and law 6: test rows are nowhere in sight.

    Parameters
    ----------
    settings : dict
        Settings, some of them sequences of values.
    choices : sequence of str
        Names of the settings of which several values may be given.
    problems : sequence of Problem
        Problems with equally many features.
    infer : callable
        ``infer(settings, problems)`` returns posteriors for one value of each setting.

    Returns
    -------
    list of NetworkPosterior
        Posteriors in the order of the problems.
    """
    several = [name for name in choices if isinstance(settings[name], list | tuple)]
    combinations = list(product(*(settings[name] for name in several)))
    variants = [{**settings, **dict(zip(several, values, strict=True))} for values in combinations]
    if len(variants) == 1:
        return list(infer(variants[0], problems))
    scores = np.array([_validation_nll(variant, problems, infer) for variant in variants])
    best = scores.argmin(axis=0)
    posteriors: dict[int, NetworkPosterior] = {}
    for k, variant in enumerate(variants):
        chosen = [i for i in range(len(problems)) if best[i] == k]
        if chosen:
            learnt = infer(variant, [problems[i] for i in chosen])
            for i, posterior in zip(chosen, learnt, strict=True):
                posterior.chosen = dict(zip(several, map(float, combinations[k]), strict=True))
                posteriors[i] = posterior
    return [posteriors[i] for i in range(len(problems))]


def _validation_nll(settings: Settings, problems: Sequence[Problem], infer: Infer) -> Array:
    """Mean nll (b,) of each problem's last fifth of rows after learning the others.

    Infinite where training diverged; the rest of the stack is then learnt without the culprit.
    """
    starts = [validation_start(len(problem.y)) for problem in problems]
    seen = [
        replace(problem, X=problem.X[:start], y=problem.y[:start])
        for problem, start in zip(problems, starts, strict=True)
    ]
    try:
        posteriors = infer(settings, seen)
    except FloatingPointError:
        if len(problems) == 1:
            return np.array([np.inf])
        middle = len(problems) // 2
        halves = (problems[:middle], problems[middle:])
        return np.concatenate([_validation_nll(settings, half, infer) for half in halves])
    scores = []
    for problem, start, posterior in zip(problems, starts, posteriors, strict=True):
        seed = seeds.derive(problem.seed, "choice")
        density = posterior.predictive(problem.X[start:], seed=seed).logpdf(problem.y[start:])
        nll = -float(density.mean())
        scores.append(np.inf if np.isnan(nll) else nll)
    return np.array(scores)

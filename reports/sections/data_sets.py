"""What a report says of one data set, and what methods predict of its one feature."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from howrobust.analysis.cards.measures import inside_null
from howrobust.analysis.cards.sentences import first_forecast
from howrobust.analysis.cards.stress_measures import ratio
from howrobust.analysis.measured import Measured
from howrobust.analysis.run_scores import Scores
from howrobust.base.facts import REFERENCES, DataFacts
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import NotStated
from howrobust.reports.number_text import number
from howrobust.reports.sections.answer import stress_of_sentences, within_null_band
from howrobust.reports.sections.protocol import directions, whose_distributions
from howrobust.reports.sections.scores import (
    ScoreRow,
    coverage_text,
    first_against_others,
    score_table,
)
from howrobust.reports.table import Table

BAND = (0.0015, 0.9985)  # quantiles of the 99.7 % band


@dataclass(frozen=True)
class DataSetSection:
    """What a report says of one data set.

    Parameters
    ----------
    facts : DataFacts
        Facts of the data set.
    n_splits : int
        Number of planned splits.
    sentence : str
        Which method predicts best and by how much, its calibration, and what stress does to it.
    comparison : str
        From which methods the first is distinguishable, where two are ranked; whose distributions
        the scores are of, where some are not the methods' own; which transform of the target was
        learnt, where any was; and which values of the metrics of plug-ins are better, where there
        are any.
    table : Table
        The scores.
    """

    facts: DataFacts
    n_splits: int
    sentence: str
    comparison: str
    table: Table


@dataclass(frozen=True)
class PredictiveBand:
    """What a method predicts of one split, in the order of the feature.

    Parameters
    ----------
    method : str
        Label of the method.
    x, y : array of shape (n,)
        The feature and the target of the test points.
    mean, lower, upper : array of shape (n,)
        The predicted mean and the limits of the 99.7 % band.
    truth : array of shape (n,) or None
        The true mean, where it is known.
    """

    method: str
    x: Array
    y: Array
    mean: Array
    lower: Array
    upper: Array
    truth: Array | None


def data_set_section(scores: Scores, data: DataFacts, rows: Sequence[ScoreRow]) -> DataSetSection:
    """Return what a report says of a data set.

    Parameters
    ----------
    scores : Scores
        The scores of the run.
    data : DataFacts
        Facts of the data set.
    rows : sequence of ScoreRow
        The methods on the data set, in order.

    Returns
    -------
    DataSetSection
        The section.
    """
    comparison = (
        first_against_others(rows), whose_distributions(scores),
        transforms_of_target(scores, data.name), directions(scores.plugin_metrics),
    )  # fmt: skip
    return DataSetSection(
        facts=data,
        n_splits=scores.planned_splits(data.name),
        sentence=_sentence(scores, data.name, rows),
        comparison=" ".join(filter(None, comparison)),
        table=score_table(rows, data, scores.plugin_metrics),
    )


def transforms_of_target(scores: Scores, dataset: str) -> str:
    """Return which transform of the target was learnt.

    Parameters
    ----------
    scores : Scores
        The scores of the run.
    dataset : str
        Name of the data set.

    Returns
    -------
    str
        A sentence; empty where every fit learnt the target as it is.
    """
    fits = [cell.facts for method in scores.methods for cell in scores.finished(dataset, method)]
    logs = sum("target_log" in facts for facts in fits)
    powers = np.ravel([facts["target_lambda"] for facts in fits if "target_lambda" in facts])
    learnt = []
    if logs:
        learnt.append(f"the logarithm of the target in {logs} of {len(fits)} fits")
    if len(powers):
        between = f"lambda {powers.min():.2g} to {powers.max():.2g}"
        learnt.append(
            f"a Yeo-Johnson transform of the target ({between}) in {len(powers)} of {len(fits)} "
            "fits"
        )
    if not learnt:
        return ""
    return f"Methods learnt {' and '.join(learnt)}; forecasts and scores are in its own units."


def predictive_bands(scores: Scores, dataset: str) -> tuple[PredictiveBand, ...]:
    """Return what each method predicts of a data set with one feature.

    Parameters
    ----------
    scores : Scores
        The scores of the run.
    dataset : str
        Name of the data set.

    Returns
    -------
    tuple of PredictiveBand
        One band for each method that is no reference and states the band; empty where there are
        more features.
    """
    methods = [m for m in scores.methods if m not in REFERENCES and scores.finished(dataset, m)]
    if not methods or scores.held_out(scores.finished(dataset, methods[0])[0]).X.shape[1] != 1:
        return ()
    oracle = scores.finished(dataset, "oracle")
    truth = scores.clean(oracle[0]).mean if oracle else None
    bands = []
    for method in methods:
        try:
            bands.append(_band(scores, dataset, method, truth))
        except NotStated:  # a forecast without a mean or without these quantiles has no band
            continue
    return tuple(bands)


def _band(scores: Scores, dataset: str, method: str, truth: Array | None) -> PredictiveBand:
    cell = scores.finished(dataset, method)[0]
    held, forecast = scores.held_out(cell), scores.clean(cell)
    x = held.X[:, 0]
    order = np.argsort(x)[: np.count_nonzero(~np.isnan(x))]  # a missing value stands nowhere
    lower, upper = (forecast.quantile(level)[order] for level in BAND)
    true_mean = None if truth is None else truth[order]
    return PredictiveBand(
        method, x[order], held.y[order], forecast.mean[order], lower, upper, true_mean
    )


def _sentence(scores: Scores, dataset: str, rows: Sequence[ScoreRow]) -> str:
    """Which method leads and by how much, its calibration, and what stress does to it."""
    ranked = [row for row in rows if row.rank is not None]
    if not ranked:
        return f"On {dataset} no method has a score on every split; see the failures below."
    best = ranked[0]
    lead, calibration = _lead(scores, dataset, best), _calibration(scores, dataset, best)
    text = f"{lead}. {calibration}{_example(scores, dataset, best)}"
    stress = stress_of_sentences(scores)
    return text + (_under(scores, dataset, best.method, stress) if stress else "")


def _lead(scores: Scores, dataset: str, best: ScoreRow) -> str:
    text = f"{best.method} predicts best: nll {number(best.scores['nll'])}"
    marginal = scores.estimate(dataset, "marginal", "nll")
    if marginal:
        text += f", where a forecast that ignores the inputs scores {marginal.mean:.3g}"
    return text


def _calibration(scores: Scores, dataset: str, row: ScoreRow) -> str:
    """On how many splits the calibration error is within the null band."""
    within, of = row.within_null_band
    splits = f"{within} of {of} split{'s' if of != 1 else ''}"
    text = f"The calibration error of its intervals is within the null band on {splits}"
    biased = not within_null_band(scores, dataset, row.method)
    if biased and inside_null(scores, dataset, row.method):
        text += ", but its quantiles are biased"
    return text + "."


def _example(scores: Scores, dataset: str, row: ScoreRow) -> str:
    finished = scores.finished(dataset, row.method)
    if not finished:  # only a repeat is left
        return ""
    try:
        example = first_forecast(scores.clean(finished[0]))
    except NotStated:
        return ""
    return (
        f" For example, its forecast for the first held-out row is {example}; "
        f"{coverage_text(row)} of held-out points are inside their interval."
    )


def _under(scores: Scores, dataset: str, method: str, stress: str) -> str:
    """What the highest level of a stress does to a method, beside the truth where it is known."""
    level = scores.stresses()[stress][-1]
    grown = ratio(scores, dataset, method, stress)
    worst = scores.estimate(dataset, method, "rmse", stress, level)
    covered = scores.estimate(dataset, method, "coverage_90", stress, level)
    if not (isinstance(grown, Measured) and worst and covered):
        return ""
    severity = f"{level:g} {scores.stress_facts(stress).unit}"
    text = (
        f" Under the stress {stress.replace('_', ' ')}, at {severity}, its "
        f"rmse is {grown.value:.2g} times the clean one"
    )
    truth = scores.estimate(dataset, "oracle", "rmse", stress, level)
    if truth:
        text += f" ({worst.mean:.3g}; the true function's is {truth.mean:.3g})"
    return text + f", and its 90 % intervals hold {100 * covered.mean:.0f} % of points."

"""The answer in sentences: three for the whole run, and a few for each data set."""

from howrobust.analysis.cards.items import HEADLINE_STRESS
from howrobust.analysis.cards.measures import coverage_95, inside_null
from howrobust.analysis.cards.stress_measures import ratio
from howrobust.analysis.measured import Measured
from howrobust.analysis.run_scores import REFERENCES
from howrobust.base.facts import DataFacts
from howrobust.reports import number_text as tables
from howrobust.reports.sections.scores import Row, Summary

NO_ANSWER = "No method has a score on every split of a data set; the failures below say why."


def answer(summary: Summary) -> list[str]:
    """Return who predicts best, whether it is calibrated, and what stress does to it.

    Three sentences about the method that leads on most data sets, by mean rank where two do; one
    where there is none.
    """
    ranked = _ranked(summary)
    if not ranked:
        return [NO_ANSWER]
    wins: dict[str, list[str]] = {}
    for name, rows in ranked.items():
        wins.setdefault(rows[0].method, []).append(name)
    means = dict(summary.ranking())
    best = min(wins, key=lambda m: (-len(wins[m]), means.get(m, len(summary.methods))))
    return [
        _who_leads(ranked, wins, best),
        _calibration_of_run(summary, list(ranked), best),
        _what_stress_does(summary, list(ranked), best),
    ]


def _ranked(summary: Summary) -> dict[str, list[Row]]:
    """The ranked rows of each data set that has any, the best first."""
    rows = {data.name: summary.rows(data.name) for data in summary.data}
    ranked = {name: [row for row in found if row.rank is not None] for name, found in rows.items()}
    return {name: found for name, found in ranked.items() if found}


def _who_leads(ranked: dict[str, list[Row]], wins: dict[str, list[str]], best: str) -> str:
    methods = {row.method for rows in ranked.values() for row in rows}
    if len(methods) == 1:
        return f"{best} is the only method with a score, so there is nothing to compare it with."
    led, n = wins[best], len(ranked)
    where = f"on {led[0]}" if n == 1 else f"on {len(led)} of {n} data sets"
    text = f"Of {len(methods)} methods, {best} predicts best {where}"
    others = [f"{m} on {len(names)}" for m, names in wins.items() if m != best]
    if others:
        text += f" ({', '.join(others)})"
    return f"{text}, {_significance(ranked, led)}."


def _significance(ranked: dict[str, list[Row]], led: list[str]) -> str:
    """Return on how many of these data sets the lead in nll is significant, as a clause."""
    several = [
        name for name in led if ranked[name][0].scored_splits[0] > 1 and len(ranked[name]) > 1
    ]
    if all(len(ranked[name]) == 1 for name in led):
        return "where no other method has a score"
    if not several:
        return "but one split gives no interval: run more with --splits"
    clear = [name for name in several if not any(row.tied for row in ranked[name])]
    if len(led) == 1:
        tied = [row.method for row in ranked[led[0]] if row.tied]
        over = f"over {_listed(tied)} is not" if tied else "over every other method is"
        return f"{'but' if tied else 'and'} its lead {over} significant"
    if len(clear) == len(led):
        return "and its lead is significant on each"
    return (
        f"{'and' if clear else 'but'} its lead is significant on {len(clear) or 'none'} "
        f"of those {len(led)}"
    )


def _listed(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _calibration_of_run(summary: Summary, datasets: list[str], best: str) -> str:
    counts = {m: _count_within_null_band(summary, datasets, m) for m in summary.methods}
    count, of = counts[best], len(datasets)
    if of > 1:
        text = f"Its calibration is within the null band on {count or 'none'} of {of} data sets"
    else:
        text = (
            f"Its calibration is {'within' if count else 'outside'} the null band on {datasets[0]}"
        )
    covered = [coverage_95(summary, name, best, "") for name in datasets]
    shares = [100 * result.value for result in covered if isinstance(result, Measured)]
    if shares:
        text += f": its 95 % intervals hold {_range(shares, '.1f')} % of held-out points"
    ranked = [m for m in summary.methods if m not in REFERENCES]
    other = max(ranked, key=lambda m: counts[m])
    if of > 1 and counts[other] > count:
        text += f"; that of {other} is on {counts[other]}"
    return text + "."


def _count_within_null_band(summary: Summary, datasets: list[str], method: str) -> int:
    return sum(_within_null_band(summary, name, method) for name in datasets)


def _within_null_band(summary: Summary, dataset: str, method: str) -> bool:
    """Return whether a perfect forecaster could have the method's calibration errors.

    Those of its central intervals, and of its quantiles, in which a bias shows.
    """
    errors = ("mace", "mace_quantile")
    return all(
        len(summary.values(dataset, method, error)) and inside_null(summary, dataset, method, error)
        for error in errors
    )


def _what_stress_does(summary: Summary, datasets: list[str], best: str) -> str:
    stress = told_stress(summary)
    if stress is None:
        return "It was not run under stress; add --stress input_noise."
    level = summary.stresses()[stress][-1]
    grown = [ratio(summary, name, best, stress) for name in datasets]
    times = [found.value for found in grown if isinstance(found, Measured)]
    held = [summary.estimate(name, best, "coverage_90", stress, level) for name in datasets]
    shares = [100 * found.mean for found in held if found]
    if not times or not shares:
        return f"It has no score under {stress.replace('_', ' ')}; see the failures below."
    severity = f"{level:g} {summary.stress_facts(stress).unit}"
    return (
        f"Under the strongest {stress.replace('_', ' ')} ({severity}) its "
        f"typical error is {_range(times, '.2g')} times as large, and its 90 % intervals then hold "
        f"{_range(shares, '.0f')} % of held-out points."
    )


def _range(values: list[float], form: str) -> str:
    """The least and the largest of several, or the one that they print as."""
    least, most = (format(value, form) for value in (min(values), max(values)))
    return least if least == most else f"{least} to {most}"


def told_stress(summary: Summary) -> str | None:
    """The stress that sentences tell of: noise on the inputs, or the first ladder of inputs."""
    ladders = summary.stresses()
    for stress in sorted(ladders, key=lambda stress: stress != HEADLINE_STRESS):
        facts = summary.stress_facts(stress)
        if facts.kind == "input" and facts.scored_by == "rmse":
            return stress
    return None


def on_data_set(summary: Summary, data: DataFacts) -> str:
    """Who leads on a data set and by how much, whether to trust it, and what stress does to it."""
    name = data.name
    rows = [row for row in summary.rows(name) if row.rank is not None]
    if not rows:
        return f"On {name} no method has a score on every split; the failures below say why."
    best = rows[0]
    lead, calibration = _lead(summary, name, best), _calibration(summary, name, best)
    text = f"{lead}. {calibration}{_example(summary, name, best)}"
    stress = told_stress(summary)
    return text + (_under(summary, name, best.method, stress) if stress else "")


def _lead(summary: Summary, dataset: str, best: Row) -> str:
    text = f"{best.method} predicts best: nll {tables.number(best.scores['nll'])}"
    marginal = summary.estimate(dataset, "marginal", "nll")
    if marginal:
        text += f", where a forecast that ignores the inputs scores {marginal.mean:.3g}"
    return text


def _calibration(summary: Summary, dataset: str, row: Row) -> str:
    """Return on how many splits the calibration error is within the null band, as a sentence."""
    within, of = row.in_null_band
    splits = f"{within} of {of} split{'s' if of != 1 else ''}"
    text = f"The calibration error of its intervals is within the null band on {splits}"
    biased = not _within_null_band(summary, dataset, row.method)
    if biased and inside_null(summary, dataset, row.method):
        text += ", but its quantiles are biased"
    return text + "."


def _example(summary: Summary, dataset: str, row: Row) -> str:
    finished = summary.finished(dataset, row.method)
    if not finished:  # only a repeat is left
        return ""
    forecast = summary.clean(finished[0])
    lower, upper = forecast.quantile(0.025)[0], forecast.quantile(0.975)[0]
    return (
        f" For example, its forecast for the first held-out row is {forecast.mean[0]:.4g} "
        f"(95 % interval {lower:.4g} to {upper:.4g}); {tables.inside(row)} of held-out points "
        "fell inside theirs."
    )


def _under(summary: Summary, dataset: str, method: str, stress: str) -> str:
    """What the highest level of a stress does to a method, beside the truth where it is known."""
    level = summary.stresses()[stress][-1]
    grown = ratio(summary, dataset, method, stress)
    worst = summary.estimate(dataset, method, "rmse", stress, level)
    covered = summary.estimate(dataset, method, "coverage_90", stress, level)
    if not (isinstance(grown, Measured) and worst and covered):
        return ""
    severity = f"{level:g} {summary.stress_facts(stress).unit}"
    text = (
        f" Under the stress {stress.replace('_', ' ')}, at {severity}, its "
        f"rmse is {grown.value:.2g} times the clean one"
    )
    truth = summary.estimate(dataset, "oracle", "rmse", stress, level)
    if truth:
        text += f" ({worst.mean:.3g}; the true function's is {truth.mean:.3g})"
    return text + f", and its 90 % intervals hold {100 * covered.mean:.0f} % of points."

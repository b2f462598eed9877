"""The answer in three sentences: who predicts best, whether it is calibrated, and stress."""

from collections.abc import Mapping, Sequence

from howrobust.analysis.cards.items import HEADLINE_STRESS
from howrobust.analysis.cards.measures import inside_null
from howrobust.analysis.cards.stress_measures import ratio
from howrobust.analysis.complete_blocks import ranked_methods
from howrobust.analysis.measured import Measured
from howrobust.analysis.run_scores import Scores
from howrobust.reports.sections.scores import ScoreRow, mean_ranks

NO_ANSWER = "No method has a score on every split of a data set; see the failures below."
Rows = Mapping[str, Sequence[ScoreRow]]  # by data set


def answer(scores: Scores, rows: Rows) -> list[str]:
    """Return which method predicts best, its calibration and robustness.

    Parameters
    ----------
    scores : Scores
        The scores of the run.
    rows : mapping of str to sequence of ScoreRow
        The methods on each data set, in order.

    Returns
    -------
    list of str
        Three sentences about the method that leads on most data sets, by mean rank where two do;
        one where there is none.
    """
    ranked = _ranked(rows)
    if not ranked:
        return [NO_ANSWER]
    wins: dict[str, list[str]] = {}
    for name, ordered in ranked.items():
        wins.setdefault(ordered[0].method, []).append(name)
    means = mean_ranks(rows)
    best = min(wins, key=lambda m: (-len(wins[m]), means.get(m, len(scores.methods))))
    of_best = {name: _row_of(rows[name], best) for name in ranked}
    return [
        _who_leads(ranked, wins, best),
        _calibration(scores, of_best, best),
        _what_stress_does(scores, list(ranked), best),
    ]


def _ranked(rows: Rows) -> dict[str, list[ScoreRow]]:
    """The ranked rows of each data set that has any, the best first."""
    ranked = {name: [row for row in every if row.rank is not None] for name, every in rows.items()}
    return {name: ordered for name, ordered in ranked.items() if ordered}


def _row_of(rows: Sequence[ScoreRow], method: str) -> ScoreRow | None:
    return next((row for row in rows if row.method == method), None)


def _who_leads(ranked: dict[str, list[ScoreRow]], wins: dict[str, list[str]], best: str) -> str:
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


def _significance(ranked: dict[str, list[ScoreRow]], led: list[str]) -> str:
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


def _calibration(scores: Scores, of_best: Mapping[str, ScoreRow | None], best: str) -> str:
    datasets = list(of_best)
    counts = {m: _count_within_null_band(scores, datasets, m) for m in scores.methods}
    count, of = counts[best], len(datasets)
    if of > 1:
        text = f"Its calibration is within the null band on {count or 'none'} of {of} data sets"
    else:
        text = (
            f"Its calibration is {'within' if count else 'outside'} the null band on {datasets[0]}"
        )
    covered = [row.coverage_95 for row in of_best.values() if row]
    shares = [100 * share.value for share in covered if share]
    if shares:
        text += f": its 95 % intervals hold {_range(shares, '.1f')} % of held-out points"
    ranked = ranked_methods(scores)
    other = max(ranked, key=lambda m: counts[m])
    if of > 1 and counts[other] > count:
        text += f"; that of {other} is on {counts[other]}"
    return text + "."


def _count_within_null_band(scores: Scores, datasets: list[str], method: str) -> int:
    return sum(within_null_band(scores, name, method) for name in datasets)


def within_null_band(scores: Scores, dataset: str, method: str) -> bool:
    """Return whether the calibration errors are within the null band.

    Parameters
    ----------
    scores : Scores
        The scores of the run.
    dataset, method : str
        A data set and a method.

    Returns
    -------
    bool
        True if both the error of its central intervals and that of its quantiles, in which a bias
        shows, are within the null band.
    """
    errors = ("mace", "mace_quantile")
    return all(
        len(scores.values(dataset, method, error)) and inside_null(scores, dataset, method, error)
        for error in errors
    )


def _what_stress_does(scores: Scores, datasets: list[str], best: str) -> str:
    stress = stress_of_sentences(scores)
    if stress is None:
        return "It was not run under stress; add --stress input_noise."
    level = scores.stresses()[stress][-1]
    grown = [ratio(scores, name, best, stress) for name in datasets]
    times = [found.value for found in grown if isinstance(found, Measured)]
    held = [scores.estimate(name, best, "coverage_90", stress, level) for name in datasets]
    shares = [100 * found.mean for found in held if found]
    if not times or not shares:
        return f"It has no score under {stress.replace('_', ' ')}; see the failures below."
    severity = f"{level:g} {scores.stress_facts(stress).unit}"
    return (
        f"Under the strongest {stress.replace('_', ' ')} ({severity}) its "
        f"typical error is {_range(times, '.2g')} times as large, and its 90 % intervals then hold "
        f"{_range(shares, '.0f')} % of held-out points."
    )


def _range(values: list[float], form: str) -> str:
    """The least and the largest of several, or the one that they print as."""
    least, most = (format(value, form) for value in (min(values), max(values)))
    return least if least == most else f"{least} to {most}"


def stress_of_sentences(scores: Scores) -> str | None:
    """Return the stress that sentences are about.

    Parameters
    ----------
    scores : Scores
        The scores of the run.

    Returns
    -------
    str or None
        Input noise, or else the first stress of the inputs that is scored by rmse; None without.
    """
    for stress in sorted(scores.stresses(), key=lambda stress: stress != HEADLINE_STRESS):
        facts = scores.stress_facts(stress)
        if facts.kind == "input" and facts.scored_by == "rmse":
            return stress
    return None

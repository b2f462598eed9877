"""How a run was made: its plan, its environment, and how each method was set."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from howrobust.analysis.run_scores import Scores
from howrobust.base.facts import REFERENCES, WHOSE, Command, MetricFacts
from howrobust.base.records import GRADIENTS, MISSING_FILLED
from howrobust.reports.table import Table, TableCell, TableRow

HEADER = ("method", "judged by", "components", "noise", "first split")

BETTER = {
    "low": "low is better",
    "high": "high is better",
    "zero": "values near 0 are better",
    "nominal": "values near their nominal share are better",
    "-": "no values are better",
}
SIGNS = {"low": 1, "high": -1}


@dataclass(frozen=True)
class Protocol:
    """How a run was made.

    Parameters
    ----------
    run, suite, seed : str
        Names of the run and of its suite, and its seed.
    started : str
        When it was started last (UTC).
    took_s : float
        Seconds that it took.
    n_fits : int
        Number of planned fits.
    command : Command
        The command line that makes the run again.
    environment : dict of str to str
        Versions and processor.
    reused : str
        How many fits were taken from earlier runs, as a sentence.
    settings : Table
        How each method was set.
    """

    run: str
    suite: str
    seed: str
    started: str
    took_s: float
    n_fits: int
    command: Command
    environment: dict[str, str]
    reused: str
    settings: Table


def whose_distributions(scores: Scores) -> str:
    """Return whose distribution the numbers of each method are of, as a sentence.

    Parameters
    ----------
    scores : Scores
        The scores of the run.

    Returns
    -------
    str
        Empty where every method is judged by its own.
    """
    facts = [scores.about.method_facts[method] for method in scores.methods]
    if all(each.whose == "own" for each in facts):
        return ""
    judged: dict[str, list[str]] = {}
    for each in facts:
        if each.label not in REFERENCES:
            judged.setdefault(each.whose, []).append(each.label)
    texts = [f"{', '.join(labels)}: {WHOSE[whose]}" for whose, labels in judged.items()]
    return f"The numbers are those of the following distributions. {'. '.join(texts)}."


def protocol(scores: Scores) -> Protocol:
    """Return how a run was made.

    Parameters
    ----------
    scores : Scores
        The scores of the run.

    Returns
    -------
    Protocol
        Its plan, environment and settings.
    """
    about, fits = scores.about, len(scores.cells)
    started = datetime.datetime.fromtimestamp(about.started / 1e9, datetime.UTC)
    return Protocol(
        run=about.run,
        suite=about.suite,
        seed=about.seed,
        started=started.strftime("%Y-%m-%d %H:%M UTC"),
        took_s=about.took_s,
        n_fits=fits,
        command=about.command,
        environment=about.environment,
        reused=(
            f"{about.reused} of {fits} fits come from earlier runs; {fits - about.reused} were "
            "fitted now."
        ),
        settings=_settings(scores),
    )


def _settings(scores: Scores) -> Table:
    """How each method was set and where its noise comes from, as the methods state it."""
    rows = []
    fitted = {cell.method for cell in scores.cells}
    for label in (method for method in scores.methods if method in fitted):
        stated = scores.about.method_facts[label]
        facts = " ".join(_facts(scores, data.name, label) for data in scores.data).strip()
        texts = (label, WHOSE[stated.whose], stated.components, stated.noise_model, facts)
        rows.append(TableRow([TableCell(text) for text in texts], method=label))
    return Table("how each method was set", HEADER, (0, 1, 2, 3, 4), rows)


def _facts(scores: Scores, dataset: str, method: str) -> str:
    """What the fit of the first split reports; empty where there is none."""
    cells = scores.finished(dataset, method)
    if not cells:
        return ""
    facts = [f"S = {scores.clean(cells[0]).n_components}"]
    unshown = (GRADIENTS, MISSING_FILLED)
    facts += [f"{k} {_range(v)}" for k, v in cells[0].facts.items() if k not in unshown]
    spread = scores.estimate(dataset, method, "nll_error")
    if spread and spread.mean > 0:
        facts.append(f"Monte-Carlo error of nll {spread.mean:.2g}")
    return f"{dataset}: {', '.join(facts)}."


def _range(value: float | list[float]) -> str:
    """A number, or the least and the largest of several."""
    if isinstance(value, list):
        return f"{min(value):.3g} to {max(value):.3g}"
    return f"{value:.3g}"


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

"""Robustness cards: how accurate, honest, stable, tolerant and aware a method is, and its cost.

A part is never one number: every measure stands with its interval, its definition and its rank, and
where there is none, with the reason.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from inspect import getdoc
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from howrobust import card_measures as measures
from howrobust.card_measures import Measure, Measured, Result
from howrobust.catalogue import known_stress
from howrobust.cells import CLEAN
from howrobust.errors import BadInput
from howrobust.metrics.contract import Undefined
from howrobust.predictive import Predictive
from howrobust.scores import REFERENCES, Scores
from howrobust.stress.contract import InputStress, SettingStress, SplitStress, TrainStress
from howrobust.variability import variance_split

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("accuracy", "honesty", "stability", "tolerance", "awareness", "cost")
NEEDS_SKILL = ("honesty", "stability", "tolerance")  # a constant forecast would win them
HEADLINE_STRESS = "input_noise"
NOMINAL = "nearer its nominal share is better"
Better = Literal["low", "high", "one", "none"]


@dataclass(frozen=True)
class Item:
    """One measure of a card: which part it belongs to, and the stress it is about ("" for none).

    ``better``: low, high, nearest one, or none where it is shown and, for the reason ``unranked``,
    not ranked. ``headline``: it stands for its part where there is room for one number.
    """

    part: str
    name: str
    measure: Measure
    better: Better
    stress: str = ""
    headline: bool = False
    unranked: str = ""

    @property
    def title(self) -> str:
        """The measure and its stress, in words."""
        return f"{self.name}: {self.stress.replace('_', ' ')}" if self.stress else self.name

    @property
    def definition(self) -> str:
        """The formula: the measure's own docstring."""
        return getdoc(self.measure) or ""


@dataclass(frozen=True)
class Entry:
    """A measure of a method on a data set; ``rank`` among ``ranked`` methods, None where it is not.

    ``reason`` says why there is no number, or why it is not ranked.
    """

    dataset: str
    item: Item
    result: Result
    rank: int | None
    ranked: int
    reason: str

    @property
    def text(self) -> str:
        """The number with its interval; a dash where there is none."""
        if isinstance(self.result, Undefined):
            return "-"
        r = self.result
        text = f"{'> ' if r.censored else ''}{r.value:.3g}"
        if r.lower is None or r.upper is None:
            return text
        lower = f"{'> ' if r.lower_censored else ''}{r.lower:.3g}"
        upper = f"{'> ' if r.upper_censored else ''}{r.upper:.3g}"
        return f"{text} [{lower}, {upper}]"

    @property
    def verdict(self) -> str:
        """An awareness in words; empty for other parts."""
        if self.item.name != "awareness" or isinstance(self.result, Undefined):
            return ""
        value = self.result.value
        if value < 0.25:
            return "unaware"
        return "partly aware" if value < 0.75 else "keeps pace" if value < 4 / 3 else "overreacts"


@dataclass(frozen=True, repr=False)
class Card:
    """What a run says of one method.

    ``sentences``: by data set, an example forecast with its interval and how many points such
    intervals held. ``notes``: what a reader must know, such as what was not measured, and why.
    ``forecaster``: what `predictive` asks.
    """

    method: str
    entries: tuple[Entry, ...]
    sentences: dict[str, str]
    notes: tuple[str, ...] = ()
    forecaster: Callable[[Any], Predictive] | None = field(default=None, repr=False, compare=False)

    def predictive(self, X: Any) -> Predictive:
        """Return p(y | x) of an assessed model, learnt on all its rows, at new rows X.

        Its ``interval(0.95)`` is (lower, upper). Raises BadInput for the card of a run, whose
        models are many.
        """
        if self.forecaster is None:
            raise BadInput("the card of a run forecasts no new rows; fit the method and ask it")
        return self.forecaster(X)

    def records(self) -> "pd.DataFrame":
        """Tidy entries: dataset, part, measure, stress, value, lower, upper, censored, rank,
        ranked, reason, definition; numbers are NaN where there are none."""
        import pandas as pd

        rows = []
        for entry in self.entries:
            result = entry.result
            found = result if isinstance(result, Measured) else Measured(np.nan)
            rows.append(
                {
                    "dataset": entry.dataset,
                    "part": entry.item.part,
                    "measure": entry.item.name,
                    "stress": entry.item.stress,
                    "value": found.value,
                    "lower": np.nan if found.lower is None else found.lower,
                    "upper": np.nan if found.upper is None else found.upper,
                    "censored": found.censored,
                    "rank": entry.rank,
                    "ranked": entry.ranked,
                    "reason": entry.reason,
                    "definition": entry.item.definition,
                }
            )
        return pd.DataFrame(rows)

    def of(self, dataset: str, part: str | None = None) -> list[Entry]:
        """Return the entries on a data set, of one part or of all."""
        return [e for e in self.entries if e.dataset == dataset and part in (None, e.item.part)]

    def headline(self, dataset: str, part: str) -> Entry:
        """Return the entry that stands for a part."""
        return next(e for e in self.of(dataset, part) if e.item.headline)

    def value(self, measure: str, stress: str = "", dataset: str | None = None) -> float:
        """Return one number, such as ``value("coverage_90")``.

        Raises BadInput for a measure that the card has not, or more than one data set to choose
        from, and where it is undefined, with the reason.
        """
        found = [
            e
            for e in self.entries
            if (e.item.name, e.item.stress) == (measure, stress) and dataset in (None, e.dataset)
        ]
        if len(found) != 1:
            alike = [e for e in self.entries if e.item.name == measure]
            stresses = sorted({e.item.stress for e in alike if e.item.stress})
            if len(found) > 1:
                hint = f"name one of its data sets: {', '.join(self.datasets)}"
            elif stresses:
                hint = f"name the stress, stress=..., one of: {', '.join(stresses)}"
            else:
                hint = (
                    f"its measures: {', '.join(dict.fromkeys(e.item.name for e in self.entries))}"
                )
            where = f" under {stress}" if stress else ""
            raise BadInput(f"the card has {len(found)} entries {measure!r}{where}; {hint}")
        result = found[0].result
        if isinstance(result, Undefined):
            raise BadInput(f"{measure} is undefined: {result.reason}")
        return result.value

    @property
    def datasets(self) -> list[str]:
        """Names of the data sets."""
        return list(dict.fromkeys(e.dataset for e in self.entries))

    def __repr__(self) -> str:
        return f"<Card of {self.method} on {', '.join(self.datasets)}; print it to read it>"

    def __str__(self) -> str:
        lines = [f"How robust is {self.method}?"]
        for dataset in self.datasets:
            lines += ["", f"{dataset}, first held-out row: {self.sentences.get(dataset, '-')}"]
            for part in PARTS:
                for entry in self.of(dataset, part):
                    lines.append(
                        f"  {part:10} {entry.item.title:52} {entry.text:26} {_rank(entry)}"
                    )
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        from howrobust.reports.cards import fragment

        return fragment(self)


def _rank(entry: Entry) -> str:
    if entry.rank is None:
        return f"{entry.reason} {entry.verdict}".strip()
    rank = f"rank {entry.rank} of {entry.ranked}" if entry.ranked > 1 else ""
    return f"{rank} {entry.verdict}".strip()


def items(scores: Scores) -> list[Item]:
    """The measures of a run's cards: those of every card, then those of its stresses."""
    found = [
        Item("accuracy", "rmse", measures.rmse, "low", headline=True),
        Item("accuracy", "nll", measures.nll, "low"),
        Item(
            "honesty",
            "excess calibration error",
            measures.excess_calibration_error,
            "low",
            headline=True,
        ),
        Item("honesty", "coverage_90", measures.coverage_90, "none", unranked=NOMINAL),
        Item("honesty", "coverage_95", measures.coverage_95, "none", unranked=NOMINAL),
        Item(
            "stability",
            "instability over restarts",
            measures.instability_over_restarts,
            "low",
            headline=True,
        ),
        Item("stability", "instability over shuffles", measures.instability_over_shuffles, "low"),
    ]
    for stress in scores.stresses():
        found += _items_of(stress, stress == _headline_stress(scores))
    for part in ("tolerance", "awareness"):
        if not any(item.part == part and item.headline for item in found):
            absent = _absent("the run has no stress with levels that says it")
            found.append(Item(part, part, absent, "none", headline=True))
    return [
        *found,
        Item("cost", "fit seconds", measures.fit_seconds, "low", headline=True),
        Item("cost", "microseconds per draw", measures.microseconds_per_draw, "low"),
    ]


def _headline_stress(scores: Scores) -> str:
    """The stress that stands for tolerance and awareness: noise, or the first ladder of inputs."""
    ladders = []
    for stress in scores.stresses():
        kind = known_stress(stress)
        if isinstance(kind, InputStress) and kind.scored_by == "rmse" and len(kind.levels) > 1:
            ladders.append(stress)
    if HEADLINE_STRESS in ladders or not ladders:
        return HEADLINE_STRESS
    return ladders[0]


def _items_of(stress: str, headline: bool) -> Iterator[Item]:
    """The measures of one stress; none for what is no severity."""
    kind = known_stress(stress)
    if isinstance(kind, InputStress) and kind.moves_targets:
        words = (stress, False, "it should grow where nothing was trained")
        yield Item("awareness", "sd over clean sd", measures.sd_ratio, "none", *words)
    elif isinstance(kind, InputStress) and kind.scored_by == "nll":
        yield Item("tolerance", "nll at the highest level", measures.attacked_nll, "low", stress)
    elif isinstance(kind, InputStress) or (isinstance(kind, TrainStress) and kind.ladder):
        yield from _items_of_ladder(stress, kind, headline)
    elif isinstance(kind, SplitStress) and stress != measures.BASELINE:
        yield Item("tolerance", "rmse over that of thirds", measures.region_ratio, "low", stress)
        yield Item("awareness", "awareness", measures.region_awareness, "one", stress)
    elif isinstance(kind, SettingStress):
        words = (stress, False, "1 says that the setting hardly matters")
        yield Item("tolerance", "rmse over clean rmse, doubled", measures.ratio, "none", *words)


def _items_of_ladder(
    stress: str, kind: InputStress | TrainStress, headline: bool
) -> Iterator[Item]:
    words = (stress, headline)
    if len(kind.levels) > 1:
        yield Item("tolerance", "severity that doubles rmse", measures.doubling, "high", *words)
        yield Item("tolerance", "degradation area", measures.degradation, "low", stress)
        yield Item(
            "tolerance", "first level worse than marginal", measures.worse_than_marginal, "high",
            stress,
        )  # fmt: skip
    else:
        yield Item("tolerance", "rmse over clean rmse", measures.ratio, "low", stress)
    if isinstance(kind, InputStress) and kind.in_turn:
        yield Item("tolerance", "worst feature's rmse ratio", measures.worst_ratio, "low", stress)
    if isinstance(kind, InputStress):
        yield Item("awareness", "awareness", measures.keeping_pace, "one", *words)


def variance_parts(scores: Scores, metric: str) -> "pd.DataFrame":
    """Tidy components of a clean metric's variance: dataset, method, component, variance, lower,
    upper, share, splits, left_out, reason.

    Between splits, and between restarts within a split, by `howrobust.variability.variance_split`
    on the values of every split and repeat; ``reason`` where that is undefined.
    """
    import pandas as pd

    clean = scores.records[
        (scores.records["stress"] == CLEAN[0]) & (scores.records["metric"] == metric)
    ]
    rows = []
    for (dataset, method), own in clean.groupby(["dataset", "method"], sort=False):
        place = {"dataset": dataset, "method": method}
        table = own.pivot(index="split", columns="repeat", values="value")
        found = variance_split(table.to_numpy())
        if isinstance(found, Undefined):
            rows.append({**place, "reason": found.reason})
            continue
        for part in found.components:
            words = {"component": part.name, "variance": part.variance, "share": part.share}
            limits = {"lower": part.lower, "upper": part.upper, "splits": found.splits}
            rows.append({**place, **words, **limits, "left_out": found.left_out, "reason": ""})
    return pd.DataFrame(rows)


def _absent(reason: str) -> Measure:
    def measure(scores: Scores, dataset: str, method: str, stress: str) -> Result:
        """Nothing was measured: the run lacks the stress."""
        return Undefined(reason)

    return measure


def cards(scores: Scores) -> dict[str, Card]:
    """Return the card of every method of a run, references included, which are never ranked."""
    wanted = items(scores)
    entries: dict[str, list[Entry]] = {method: [] for method in scores.methods}
    for data in scores.data:
        name = data["name"]
        present = [m for m in scores.methods if scores.finished(name, m)]
        skilled = [m for m in present if beats_marginal(scores, name, m)]
        for item in wanted:
            results = {m: item.measure(scores, name, m, item.stress) for m in present}
            for method, entry in _ranked(scores, name, item, results, skilled).items():
                entries[method].append(entry)
    return {
        method: Card(method, tuple(found), _sentences(scores, method), _notes(found))
        for method, found in entries.items()
    }


def beats_marginal(scores: Scores, dataset: str, method: str) -> bool:
    """Whether the mean nll over splits (rmse where there is none) is below marginal's."""
    for metric in ("nll", "rmse"):
        own = scores.estimate(dataset, method, metric)
        marginal = scores.estimate(dataset, "marginal", metric)
        if own and marginal:
            return own.mean < marginal.mean
    return True


def _ranked(
    scores: Scores, dataset: str, item: Item, results: dict[str, Result], skilled: Sequence[str]
) -> dict[str, Entry]:
    """Rank the methods by a measure; ties share the better rank."""
    reasons = {m: _unranked(scores, dataset, item, m, r, skilled) for m, r in results.items()}
    keys = {
        m: _key(scores, dataset, item, m, r)
        for m, r in results.items()
        if not reasons[m] and isinstance(r, Measured)
    }
    ranks = {m: 1 + sum(other < key for other in keys.values()) for m, key in keys.items()}
    return {
        m: Entry(dataset, item, r, ranks.get(m), len(keys), reasons[m]) for m, r in results.items()
    }


def _key(scores: Scores, dataset: str, item: Item, method: str, result: Measured) -> float:
    """What a measure is ranked by, the least first."""
    if item.part == "honesty":
        # Inside the null all are equal: a perfect forecaster could have scored any of them.
        inside = measures.inside_null(scores, dataset, method)
        return -np.inf if inside else result.value
    if item.better == "one":
        return abs(result.value - 1)
    if item.better == "high":
        return -np.inf if result.censored else -result.value
    return result.value


def _unranked(
    scores: Scores, dataset: str, item: Item, method: str, result: Result, skilled: Sequence[str]
) -> str:
    """Why a method is not ranked by a measure; empty where it is."""
    if isinstance(result, Undefined):
        return result.reason
    if method in REFERENCES:
        return "a reference, not ranked"
    if item.better == "none":
        return f"not ranked: {item.unranked}"
    scored = scores.fewest_splits(dataset, method, item.stress)
    if scored < scores.planned_splits(dataset):
        return f"not ranked: scored on {scored} of {scores.planned_splits(dataset)} splits"
    if item.part in NEEDS_SKILL and method not in skilled:
        return "not ranked: it does not beat marginal"
    if item.stress.startswith("adversarial") and not scores.has_gradients(dataset, method):
        return "not ranked: attacked without gradients"
    return ""


def _sentences(scores: Scores, method: str) -> dict[str, str]:
    """The example and the coverage, by data set."""
    found = {}
    for data in scores.data:
        cells = scores.finished(data["name"], method)
        covered = measures.coverage_95(scores, data["name"], method, "") if cells else None
        if isinstance(covered, Measured) and covered.lower is not None:
            forecast = scores.clean(cells[0])
            lower, upper = forecast.quantile(0.025)[0], forecast.quantile(0.975)[0]
            share = f"{100 * covered.value:.1f} %"
            limits = f"[{100 * covered.lower:.1f}, {100 * (covered.upper or 1):.1f}]"
            found[data["name"]] = (
                f"{forecast.mean[0]:.4g} (95 % interval {lower:.4g} to {upper:.4g}); {share} "
                f"{limits} of held-out points fell inside their 95 % interval."
            )
    return found


def _notes(entries: Sequence[Entry]) -> tuple[str, ...]:
    """What is missing from the headlines, and why."""
    missing: dict[str, list[str]] = {}
    for entry in entries:
        if entry.item.headline and isinstance(entry.result, Undefined):
            text = f"{entry.item.part} is missing: {entry.result.reason}"
            missing.setdefault(text, []).append(entry.dataset)
    return tuple(f"{text} ({', '.join(where)})" for text, where in missing.items())

"""Robustness cards: accuracy, calibration, stability, tolerance, awareness and cost of a method.

A part is never one number: every measure stands with its interval, its definition and its rank, and
where there is none, with the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import getdoc
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from howrobust.analysis.measured import Measure, Measured, Result
from howrobust.base.metric import Undefined
from howrobust.base.rendering import rendered
from howrobust.distributions.predictive import Predictive
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("accuracy", "calibration", "stability", "tolerance", "awareness", "cost")
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
    """The robustness card of one method.

    ``sentences``: by data set, an example forecast with its interval and how many points such
    intervals held. ``notes``: what was not measured, and why.
    ``forecaster``: the function that `predictive` calls.
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
            raise BadInput(
                "the card of a run holds no single fitted model; fit the method and call its "
                "predictive"
            )
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
                        f"  {part:11} {entry.item.title:52} {entry.text:26} {_rank(entry)}"
                    )
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        return rendered(self, "html")


def _rank(entry: Entry) -> str:
    if entry.rank is None:
        return f"{entry.reason} {entry.verdict}".strip()
    rank = f"rank {entry.rank} of {entry.ranked}" if entry.ranked > 1 else ""
    return f"{rank} {entry.verdict}".strip()

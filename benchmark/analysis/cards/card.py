"""Robustness cards: accuracy, calibration, stability, tolerance, awareness and cost of a method.

A part is never one number: every measure has its interval, its definition and its rank, or the
reason why there is none.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import getdoc
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from howrobust.analysis.measured import Measure, Measured, Result
from howrobust.base.facts import WHOSE
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
    """One measure of a card.

    Parameters
    ----------
    part : str
        Part of the card that it belongs to, one of `PARTS`.
    name : str
        Its name, as in ``card.value(name)``.
    measure : callable
        Takes the scores of a run and the names of a data set, a method and a stress; its docstring
        is the definition that the card shows.
    better : {"low", "high", "one", "none"}
        Which values rank first: low, high, or those nearest one; "none" where it is not ranked.
    stress : str, default=""
        Name of the stress that it is about.
    headline : bool, default=False
        Whether it represents its part where there is room for one number.
    unranked : str, default=""
        Why it is not ranked.
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
        """Name of the measure and of its stress."""
        return f"{self.name}: {self.stress.replace('_', ' ')}" if self.stress else self.name

    @property
    def definition(self) -> str:
        """What is measured: the docstring of the measure, without its parameters."""
        return (getdoc(self.measure) or "").partition("\n\nParameters\n")[0]


@dataclass(frozen=True)
class Entry:
    """A measure of a method on a data set, with its rank.

    Parameters
    ----------
    dataset : str
        Name of the data set.
    item : Item
        What was measured.
    result : Measured or Undefined
        The number, or why there is none.
    rank : int or None
        Rank among the methods; None where it is not ranked.
    ranked : int
        Number of ranked methods.
    reason : str
        Why there is no number, or why it is not ranked.
    whose : str, default="own"
        Whose distribution was judged, see `howrobust.base.facts.WHOSE`.
    """

    dataset: str
    item: Item
    result: Result
    rank: int | None
    ranked: int
    reason: str
    whose: str = "own"

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
        """What the number means; empty where the measure does not state it."""
        return "" if isinstance(self.result, Undefined) else self.result.note

    @property
    def record(self) -> "CardRecord":
        """The entry as a row of `Card.records`."""
        result = self.result if isinstance(self.result, Measured) else Measured(np.nan)
        return CardRecord(
            dataset=self.dataset,
            part=self.item.part,
            measure=self.item.name,
            stress=self.item.stress,
            value=result.value,
            lower=np.nan if result.lower is None else result.lower,
            upper=np.nan if result.upper is None else result.upper,
            censored=result.censored,
            rank=self.rank,
            ranked=self.ranked,
            reason=self.reason,
            distribution=self.whose,
            definition=self.item.definition,
        )


@dataclass(frozen=True)
class CardRecord:
    """One row of `Card.records`.

    Parameters
    ----------
    dataset, part, measure, stress : str
        Names of the data set, the part of the card, the measure and its stress ("" for none).
    value, lower, upper : float
        The number and the limits of its interval; NaN where there are none.
    censored : bool
        Whether the number is beyond the range that was tested.
    rank : int or None
        Rank among the methods; None where it is not ranked.
    ranked : int
        Number of ranked methods.
    reason : str
        Why there is no number, or why it is not ranked.
    distribution : str
        Whose distribution was judged: "own", "residual" or "cv_plus".
    definition : str
        What was measured.
    """

    dataset: str
    part: str
    measure: str
    stress: str
    value: float
    lower: float
    upper: float
    censored: bool
    rank: int | None
    ranked: int
    reason: str
    distribution: str
    definition: str


@dataclass(frozen=True, repr=False)
class Card:
    """The robustness card of one method.

    Parameters
    ----------
    method : str
        Label of the method.
    entries : tuple of Entry
        Every measure on every data set.
    sentences : dict of str to str
        By data set, an example forecast with its interval, and the share of test points inside
        such intervals.
    notes : tuple of str, default=()
        What was not measured, and why.
    residual : tuple of Entry, default=()
        Accuracy and calibration of the same fits with a Gaussian made from out-of-fold residuals,
        for a model that is judged by its own distribution.
    forecaster : callable, optional
        Takes X and returns p(y | x): what `predictive` calls.
    """

    method: str
    entries: tuple[Entry, ...]
    sentences: dict[str, str]
    notes: tuple[str, ...] = ()
    residual: tuple[Entry, ...] = ()
    forecaster: Callable[[Any], Predictive] | None = field(default=None, repr=False, compare=False)

    def predictive(self, X: Any) -> Predictive:
        """Return p(y | x) of an assessed model at new rows.

        The model is fitted on all the rows that were given.

        Parameters
        ----------
        X : array or DataFrame of shape (n, d)
            Rows as the model takes them.

        Returns
        -------
        Predictive
            The predictive distribution; its ``interval(0.95)`` is (lower, upper).

        Raises
        ------
        BadInput
            For the card of a run, which has many fitted models.
        """
        if self.forecaster is None:
            raise BadInput(
                "the card of a run holds no single fitted model; fit the method and call its "
                "predictive"
            )
        return self.forecaster(X)

    def records(self) -> "pd.DataFrame":
        """Return the entries of the card, one per row, then those of its second row.

        Returns
        -------
        DataFrame
            The fields of `CardRecord` as columns.
        """
        import pandas as pd

        return pd.DataFrame([entry.record for entry in (*self.entries, *self.residual)])

    def of(self, dataset: str, part: str | None = None) -> list[Entry]:
        """Return the entries on a data set.

        Parameters
        ----------
        dataset : str
            Name of the data set.
        part : str, optional
            Part of the card; all parts by default.

        Returns
        -------
        list of Entry
            Entries in the order of the card.
        """
        return [e for e in self.entries if e.dataset == dataset and part in (None, e.item.part)]

    def headline(self, dataset: str, part: str) -> Entry:
        """Return the entry that represents a part.

        Parameters
        ----------
        dataset : str
            Name of the data set.
        part : str
            Part of the card, one of `PARTS`.

        Returns
        -------
        Entry
            The headline of the part.
        """
        return next(e for e in self.of(dataset, part) if e.item.headline)

    def value(self, measure: str, stress: str = "", dataset: str | None = None) -> float:
        """Return one number, such as ``value("coverage_90")``.

        Parameters
        ----------
        measure : str
            Name of the measure.
        stress : str, default=""
            Name of the stress that the measure is about.
        dataset : str, optional
            Name of the data set; it may be left out where the card has only one.

        Returns
        -------
        float
            The number.

        Raises
        ------
        BadInput
            For a measure that the card does not have, for more than one data set to choose from,
            and where the measure is undefined, with the reason.
        """
        entries = [
            e
            for e in self.entries
            if (e.item.name, e.item.stress) == (measure, stress) and dataset in (None, e.dataset)
        ]
        if len(entries) != 1:
            where = f" under {stress}" if stress else ""
            raise BadInput(
                f"the card has {len(entries)} entries {measure!r}{where}; "
                f"{self._choice(measure, several=bool(entries))}"
            )
        result = entries[0].result
        if isinstance(result, Undefined):
            raise BadInput(f"{measure} is undefined: {result.reason}")
        return result.value

    def _choice(self, measure: str, several: bool) -> str:
        """What to name so that a measure is found once."""
        stresses = sorted({e.item.stress for e in self.entries if e.item.name == measure} - {""})
        if several:
            return f"name one of its data sets: {', '.join(self.datasets)}"
        if stresses:
            return f"name the stress, stress=..., one of: {', '.join(stresses)}"
        return f"its measures: {', '.join(dict.fromkeys(e.item.name for e in self.entries))}"

    @property
    def whose(self) -> list[str]:
        """Whose distribution was judged, in words."""
        return [WHOSE[whose] for whose in dict.fromkeys(entry.whose for entry in self.entries)]

    @property
    def datasets(self) -> list[str]:
        """Names of the data sets."""
        return list(dict.fromkeys(e.dataset for e in self.entries))

    def __repr__(self) -> str:
        return f"<Card of {self.method} on {', '.join(self.datasets)}; print it to read it>"

    def __str__(self) -> str:
        lines = [f"How robust is {self.method}?"]
        lines += [f"judged by {text}" for text in self.whose]
        for dataset in self.datasets:
            lines += ["", f"{dataset}, first held-out row: {self.sentences.get(dataset, '-')}"]
            for part in PARTS:
                lines += map(_line, self.of(dataset, part))
            second = [entry for entry in self.residual if entry.dataset == dataset]
            if second:
                lines += [f"  {WHOSE[second[0].whose]}:", *map(_line, second)]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        return rendered(self, "html")


def _line(entry: Entry) -> str:
    return f"  {entry.item.part:11} {entry.item.title:52} {entry.text:26} {_rank(entry)}"


def _rank(entry: Entry) -> str:
    if entry.rank is None:
        rank = entry.reason
    else:
        rank = f"rank {entry.rank} of {entry.ranked}" if entry.ranked > 1 else ""
    return "; ".join(filter(None, (rank, entry.verdict)))

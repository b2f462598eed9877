"""Robustness cards: accuracy, calibration, stability, tolerance, awareness and cost of a method.

A part is never one number: every measure has its interval, its definition and its rank, or the
reason why there is none.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from howrobust.analysis.cards.entry import PARTS, Entry
from howrobust.base.facts import WHOSE
from howrobust.base.metric import Undefined
from howrobust.base.rendering import rendered
from howrobust.distributions.predictive import Predictive
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


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

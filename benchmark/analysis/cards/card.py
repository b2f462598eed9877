"""Robustness cards: accuracy, calibration, stability, tolerance, awareness and cost of a method.

A part is never one number: every measure has its interval, its definition and its rank, or the
reason why there is none.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from howrobust.analysis.cards.beyond import Beyond
from howrobust.analysis.cards.culprits.sentences import culprit_sentences
from howrobust.analysis.cards.entry import PARTS, Entry
from howrobust.analysis.cards.saving import Origin, to_json
from howrobust.analysis.new_rows.forecasts import NewRows
from howrobust.base.facts import WHOSE
from howrobust.base.rendering import rendered
from howrobust.errors import BadInput, printable
from howrobust.storage.atomic import write_output

if TYPE_CHECKING:
    import pandas as pd

Forecaster = Callable[[Any, str], NewRows]


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
        Takes X and the name of a data set and returns forecasts: what `predictive` calls.
    origin : Origin, optional
        The run that the card belongs to, where that is kept.
    """

    method: str
    entries: tuple[Entry, ...]
    sentences: dict[str, str]
    notes: tuple[str, ...] = ()
    residual: tuple[Entry, ...] = ()
    forecaster: Forecaster | None = field(default=None, repr=False, compare=False)
    origin: Origin | None = field(default=None, compare=False)

    def predictive(self, X: Any, dataset: str | None = None) -> NewRows:
        """Return forecasts of new rows; printed, a line for each.

        The model is fitted to all the rows of the data set, at the first call. That of a run from
        the command line is made again from the command, if neither its rows nor its source have
        changed since, see ``howrobust predict``.

        Parameters
        ----------
        X : array or DataFrame of shape (m, d)
            Rows as the model takes them. A frame may have more columns, which are ignored; unknown
            categories and missing values are handed to a model of the user's own as they are.
        dataset : str, optional
            Name of the data set; it may be left out where the card has only one.

        Returns
        -------
        NewRows
            The forecasts; ``interval(0.95)`` is (lower, upper), ``outside`` says what of a row is
            outside of the rows that the model has learnt.

        Raises
        ------
        BadInput
            For rows that the model cannot forecast, by column, and for a model that cannot be made
            again.
        """
        if self.forecaster is None:
            raise BadInput(
                "the card was saved without its model, and its run was not kept; assess the model "
                "again, with out= and keep_model=True if forecasts are wanted later"
            )
        if dataset is None and len(self.datasets) != 1:
            raise BadInput(
                f"the card has {len(self.datasets)} data sets; name one, dataset=..., of: "
                f"{', '.join(self.datasets)}"
            )
        if dataset not in (None, *self.datasets):
            known = ", ".join(self.datasets)
            raise BadInput(f"the card has no data set {dataset!r}; it has: {known}")
        return self.forecaster(X, dataset or self.datasets[0])

    def save(self, path: str | Path) -> Path:
        """Write the card to a file that `howrobust.load_card` reads.

        Parameters
        ----------
        path : str or Path
            The file. One that exists is replaced.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        BadInput
            Where it cannot be written.

        Notes
        -----
        It is JSON text without code. All that the card shows is in it, the model is not: the card
        knows the run that it belongs to, by a path relative to the file, and forecasts new rows
        where that run can make the model again.
        """
        place = Path(path)
        write_output(place, to_json(self, place.absolute().parent).encode())
        return place

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

    def culprits(self, dataset: str) -> tuple[str, ...]:
        """Return which features and which segment the method is weak in, as sentences.

        Parameters
        ----------
        dataset : str
            Name of the data set.

        Returns
        -------
        tuple of str
            See `howrobust.analysis.cards.culprits.sentences.culprit_sentences`.
        """
        return culprit_sentences(self.of(dataset))

    def value(self, measure: str, stress: str = "", dataset: str | None = None) -> float | Beyond:
        """Return one number, such as ``value("coverage_90")``.

        Parameters
        ----------
        measure : str
            Name of the measure, or its title as the card prints it, with the stress, such as
            ``"severity that doubles rmse: input noise"``.
        stress : str, default=""
            Name of the stress that the measure is about; "input noise" is ``input_noise``.
        dataset : str, optional
            Name of the data set; it may be left out where the card has only one.

        Returns
        -------
        float or Beyond
            The number; `Beyond` where it is known only to be greater than all that was tested,
            which the card prints as "> 0.8".

        Raises
        ------
        BadInput
            For a measure that the card does not have, for more than one data set to choose from,
            and where the measure is undefined, with the reason.
        """
        entries = [
            e
            for e in self.entries
            if e.item.is_called(measure, stress) and dataset in (None, e.dataset)
        ]
        if len(entries) != 1:
            where = f" under {stress}" if stress else ""
            raise BadInput(
                f"the card has {len(entries)} entries {measure!r}{where}; "
                f"{self._choice(measure, several=bool(entries))}"
            )
        return entries[0].value

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
        names = ", ".join(self.datasets)
        return printable(f"<Card of {self.method} on {names}; print it to read it>")

    def __str__(self) -> str:
        lines = [f"How robust is {self.method}?"]
        lines += [f"judged by {text}" for text in self.whose]
        for dataset in self.datasets:
            lines += ["", f"{dataset}, first held-out row: {self.sentences.get(dataset, '-')}"]
            lines += self.culprits(dataset)
            for part in PARTS:
                # One line a feature would be long; a sentence names the first.
                lines += [_line(e) for e in self.of(dataset, part) if not e.item.feature]
            second = [entry for entry in self.residual if entry.dataset == dataset]
            if second:
                lines += [f"  {WHOSE[second[0].whose]}:", *map(_line, second)]
        return "\n".join(map(printable, [*lines, *(f"note: {note}" for note in self.notes)]))

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

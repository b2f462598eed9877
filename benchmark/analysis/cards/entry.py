"""The entries of a robustness card: what was measured, the number, its interval and its rank."""

from dataclasses import dataclass
from inspect import getdoc
from typing import Literal

import numpy as np

from howrobust.analysis.cards.beyond import Beyond
from howrobust.analysis.measured import Measure, Measured, Result
from howrobust.analysis.run_scores import Scores
from howrobust.base.metric import Undefined
from howrobust.errors import BadInput

PARTS = ("accuracy", "calibration", "stability", "tolerance", "awareness", "cost")
Better = Literal["low", "high", "one", "zero", "none"]


@dataclass(frozen=True)
class Recalled:
    """The measure of a card that was loaded from a file: its definition alone.

    Parameters
    ----------
    definition : str
        What was measured.
    """

    definition: str

    def __call__(self, scores: Scores, dataset: str, method: str, stress: str) -> Result:
        """Raise BadInput: a file holds no code.

        Parameters
        ----------
        scores : Scores
            The run.
        dataset, method, stress : str
            Names of the data set, the method and the stress.

        Returns
        -------
        Measured or Undefined
            Never.

        Raises
        ------
        BadInput
            Always.
        """
        raise BadInput("a loaded card has no run to measure; load the run with howrobust.load")


def definition_of(measure: Measure) -> str:
    """Return what a measure measures.

    Parameters
    ----------
    measure : callable
        The measure.

    Returns
    -------
    str
        Its docstring, without its parameters.
    """
    if isinstance(measure, Recalled):
        return measure.definition
    return (getdoc(measure) or "").partition("\n\nParameters\n")[0]


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
    better : {"low", "high", "one", "zero", "none"}
        Which values rank first: low, high, or those nearest one or zero; "none" where it is not
        ranked.
    stress : str, default=""
        Name of the stress that it is about.
    headline : bool, default=False
        Whether it represents its part where there is room for one number.
    unranked : str, default=""
        Why it is not ranked.
    feature : str, default=""
        Name of the feature that it is about.
    """

    part: str
    name: str
    measure: Measure
    better: Better
    stress: str = ""
    headline: bool = False
    unranked: str = ""
    feature: str = ""

    @property
    def title(self) -> str:
        """Name of the measure and of its stress."""
        return f"{self.name}: {self.stress.replace('_', ' ')}" if self.stress else self.name

    @property
    def definition(self) -> str:
        """What is measured, see `definition_of`."""
        return definition_of(self.measure)

    def is_called(self, name: str, stress: str = "") -> bool:
        """Return whether a name is that of the measure.

        Parameters
        ----------
        name : str
            The name of a measure, or its title as cards print it.
        stress : str, default=""
            The name of its stress, or that as it is printed, with spaces.

        Returns
        -------
        bool
            Whether it is.
        """
        if not stress and name == self.title:
            return True
        return (name, stress.replace(" ", "_")) == (self.name, self.stress)


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
    def value(self) -> float | Beyond:
        """The number; BadInput with the reason where there is none."""
        if isinstance(self.result, Undefined):
            raise BadInput(f"{self.item.title} is undefined: {self.result.reason}")
        return Beyond(self.result.value) if self.result.censored else self.result.value

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
            feature=self.item.feature or result.feature,
            segment=result.segment,
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
    feature : str
        The feature that the number is about; "" for all.
    segment : str
        The rows that the number is about, such as "age > 54.2"; "" for all.
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
    feature: str
    segment: str
    value: float
    lower: float
    upper: float
    censored: bool
    rank: int | None
    ranked: int
    reason: str
    distribution: str
    definition: str

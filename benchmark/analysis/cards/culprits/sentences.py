"""Sentences of a card on the features and the segment in which a method is weak."""

from collections.abc import Sequence

from howrobust.analysis.cards.culprits.least_change import NAME
from howrobust.analysis.cards.culprits.segments import SEGMENT_ITEM
from howrobust.analysis.cards.entry import Entry
from howrobust.analysis.measured import Measured

_SHOWN = 3  # features in a sentence


def culprit_sentences(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return which features and which segment a method is weak in, and how sure that is.

    Parameters
    ----------
    entries : sequence of Entry
        Entries of a card on one data set.

    Returns
    -------
    tuple of str
        A sentence for each stress on one feature at a time, one on segments and one on the least
        change of each feature; none for what was not measured.
    """
    worst = [
        f"Worst feature under {entry.item.stress.replace('_', ' ')}: {entry.verdict}; its rmse is "
        f"{entry.text} times the clean rmse."
        for entry in entries
        if entry.item.stress and entry.record.feature
    ]
    return (*worst, *_segment(entries), *_least_changes(entries))


def _segment(entries: Sequence[Entry]) -> list[str]:
    """The sentence on the weakest segment."""
    sentences = []
    for entry in entries:
        if entry.item.name == SEGMENT_ITEM.name:
            if entry.record.segment:
                sentences.append(
                    f"Weakest segment: {entry.verdict}; its errors in stated sds are {entry.text} "
                    "times those elsewhere."
                )
            else:
                sentences.append(f"Weakest segment: {entry.reason}.")
    return sentences


def _least_changes(entries: Sequence[Entry]) -> list[str]:
    """The sentence on the features whose smallest moves change a prediction."""
    moves = [
        (entry.result.censored, entry.result.value, f"{entry.item.feature} {entry.text}")
        for entry in entries
        if entry.item.name.startswith(NAME) and isinstance(entry.result, Measured)
    ]
    if not moves:
        return []
    first = [text for *_, text in sorted(moves, key=lambda move: move[:2])[:_SHOWN]]
    others = len(moves) - len(first)
    need = "feature needs" if others == 1 else "features need"
    rest = f"; {others} other {need} more" if others else ""
    return [
        "Smallest move of one feature, in training sds, that changes a prediction by more than "
        f"half its 90 % interval: {', '.join(first)}{rest}."
    ]

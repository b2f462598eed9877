"""Cards from the files that `Card.save` has written."""

import json
import os
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec

from howrobust.analysis.cards.card import Card
from howrobust.analysis.cards.entry import PARTS, Entry, Item, Recalled
from howrobust.analysis.cards.saving import FORMAT, Origin
from howrobust.analysis.measured import Measured
from howrobust.base.facts import WHOSE
from howrobust.base.metric import Undefined
from howrobust.errors import BadInput
from howrobust.storage.backends.location import is_url

T = TypeVar("T")
_MOST_BYTES = 100_000_000


def read_card(path: Path) -> Card:
    """Read a card.

    Parameters
    ----------
    path : Path
        A file that `Card.save` has written.

    Returns
    -------
    Card
        The card, without a forecaster.

    Raises
    ------
    BadInput
        For a file that cannot be read or is no such card, or one of another version.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise BadInput(f"{path} is not a card that howrobust saved: it is too large")
        saved = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(saved, dict) or saved.get("format") != FORMAT:
            raise BadInput(
                f"{path} is not a card that this version of howrobust saved; save it again"
            )
        card = _card(saved, path.absolute().parent)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); check the path") from None
    except BadInput:
        raise
    except (ValueError, TypeError, KeyError, RecursionError):  # msgspec's errors are ValueErrors
        raise BadInput(f"{path} is not a card that howrobust saved, or is damaged") from None
    return card


def _card(saved: dict[str, Any], folder: Path) -> Card:
    rows = {name: tuple(map(_entry, saved["card"][name])) for name in ("entries", "residual")}
    origin = None if saved["origin"] is None else msgspec.convert(saved["origin"], Origin)
    if origin is not None and not is_url(origin.location):
        origin = Origin(os.path.normpath(folder / origin.location), origin.run)
    card = _built(Card, saved["card"], **rows, forecaster=None, origin=origin)
    for dataset in card.datasets:
        headlines = [e.item.part for e in card.of(dataset) if e.item.headline]
        if set(headlines) != set(PARTS) or not {e.item.part for e in card.entries} <= set(PARTS):
            raise ValueError("a part has no headline")
    return card


def _entry(saved: dict[str, Any]) -> Entry:
    measure = Recalled(msgspec.convert(saved["item"]["measure"], str))
    if saved["whose"] not in WHOSE:
        raise ValueError("no such distribution")
    kind = Undefined if "reason" in saved["result"] else Measured
    return _built(
        Entry,
        saved,
        item=_built(Item, saved["item"], measure=measure),
        result=_built(kind, saved["result"]),
    )


def _built(kind: type[T], saved: dict[str, Any], **given: Any) -> T:
    """Return a dataclass of the fields that are given, and of the others as they were saved."""
    hints = get_type_hints(kind)
    others = {
        f.name: msgspec.convert(saved[f.name], hints[f.name], strict=False)
        for f in fields(kind)  # type: ignore[arg-type]
        if f.name not in given
    }
    return kind(**given, **others)

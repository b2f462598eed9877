"""Cards as text, without code: every measure is saved with its definition."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from howrobust.analysis.cards.entry import definition_of
from howrobust.storage.backends.location import is_url

FORMAT = "howrobust card 1"
NOT_SAVED = ("forecaster", "origin")  # the origin is saved as it is found from the file


@dataclass(frozen=True)
class Origin:
    """The run that a card belongs to.

    Parameters
    ----------
    location : str
        Folder of results, or the URL of a database.
    run : str
        Name of the run.
    """

    location: str
    run: str

    def seen_from(self, folder: Path) -> "Origin":
        """Return the same run by a path relative to a folder.

        Parameters
        ----------
        folder : Path
            The folder.

        Returns
        -------
        Origin
            The run; a URL stays.
        """
        if is_url(self.location):
            return self
        return replace(self, location=os.path.relpath(self.location, folder))


def to_json(card: Any, folder: Path) -> str:
    """Return a card as JSON: all fields of its dataclasses by name.

    Parameters
    ----------
    card : Card
        The card.
    folder : Path
        The folder that its file will be in.

    Returns
    -------
    str
        The text; numbers that JSON lacks are the texts "inf", "-inf" and "nan".
    """
    content = {
        f.name: _plain(getattr(card, f.name)) for f in fields(card) if f.name not in NOT_SAVED
    }
    origin = None if card.origin is None else _plain(card.origin.seen_from(folder))
    saved = {"format": FORMAT, "card": content, "origin": origin}
    return json.dumps(saved, indent=1, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if callable(value):  # before dataclasses: the measure of a loaded card is one
        return definition_of(value)
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value

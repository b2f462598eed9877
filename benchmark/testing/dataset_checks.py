"""The laws of data sets."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from howrobust.base.data import Source
from howrobust.testing.laws import Finding, Law, require, try_laws


def check_source(make: Callable[[], Source]) -> list[Finding]:
    """Check the laws of `Source`.

    Parameters
    ----------
    make : callable
        Opens the data set anew at each call.

    Returns
    -------
    list of Finding
        One for each law.
    """
    return try_laws(_Opened(make(), make), LAWS)


@dataclass(frozen=True)
class _Opened:
    """A data set, and what opens it once more."""

    source: Source
    make: Callable[[], Source]


def _describes_itself(opened: _Opened) -> None:
    about = opened.source.provenance
    require(about.title and about.source and about.licence, "the provenance is incomplete")
    require(len(opened.source.sha256) == 64, "sha256 is not a sha256")


def _splits_have_names(opened: _Opened) -> None:
    require(len(set(opened.source.splits(2))) == 2, "two splits must have two names")


def _realise_is_a_function(opened: _Opened) -> None:
    split = opened.source.splits(1)[0]
    first, second = opened.source.realise(split, 7), opened.make().realise(split, 7)
    same = all(a.sha256 == b.sha256 for a, b in zip(first, second, strict=True))
    require(same, "the same split and seed gave other rows")


def _rows_are_finite(opened: _Opened) -> None:
    for part in opened.source.realise(opened.source.splits(1)[0], 7):
        require(not np.isinf(part.X).any(), "a feature has an infinite value")
        require(np.isfinite(part.y).all(), "a target is missing or infinite")
        require(part.X.shape == (len(part.y), len(part.features)), "shapes do not agree")
        require(np.ptp(part.y) > 0, "the target is constant")


def _truth_matches_rows(opened: _Opened) -> None:
    source = opened.source
    if source.truth is None:
        return
    _, test = source.realise(source.splits(1)[0], 7)
    truth = source.truth.predictive(test.X)
    require(truth.mean().shape == test.y.shape, "the truth has another shape")
    pit = truth.cdf(test.y)
    # The mean of n uniforms is within 6 standard errors of one half.
    off = abs(float(pit.mean()) - 0.5)
    require(off < 6 / np.sqrt(12 * len(pit)), "y does not come from its stated truth")


LAWS: list[Law[_Opened]] = [
    ("title, source, licence and sha256 are stated", _describes_itself),
    ("splits have names", _splits_have_names),
    ("a split is a function of its name and the seed", _realise_is_a_function),
    ("rows are shaped, features finite or missing, targets finite", _rows_are_finite),
    ("y comes from the stated truth", _truth_matches_rows),
]

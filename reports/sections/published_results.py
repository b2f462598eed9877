"""Published results beside a run's own.

They are read from the folder of the UCI sets (``published/``) and are not part of this project.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from howrobust.analysis.run_scores import Scores
from howrobust.analysis.statistics import Estimate, over_splits
from howrobust.base.facts import DataFacts
from howrobust.datasets.uci import data_folder
from howrobust.errors import BadInput

TABLES = "published_tables.csv"
PER_SPLIT = "gal_mcdropout_per_split.csv"
LIKELIHOOD = {"rmse": "rmse_mc", "nll": "test_ll"}
DUN = {"rmse": "rmse", "nll": "test_ll"}
EXCEPTION = 2.0  # standard errors: about one in twenty by chance


@dataclass(frozen=True)
class _Match:
    """Which of our methods, by name and preset, is compared with which published one.

    ``metrics``: ours and theirs. ``variant``: where their results of every split are, so that the
    difference is paired. ``reproduces``: the protocol is theirs; otherwise they are a reference.
    """

    name: str
    preset: str | None
    published: str
    metrics: dict[str, str]
    variant: str = ""
    family: str = "random"
    reproduces: bool = True

    @property
    def label(self) -> str:
        """What the method is called in a run."""
        return f'{self.name}[preset="{self.preset}"]' if self.preset else self.name


SUITES = ("uci", "uci-gap")  # which set what the protocols ask for on each data set
MATCHES = (
    _Match(
        "deep_ensemble",
        "lakshminarayanan2017",
        "Deep ensemble M=5",
        {"rmse": "rmse", "nll_gaussian": "nll"},
    ),
    _Match("mc_dropout", "gal2016", 'MC dropout, Gal repo 2016 "original"', LIKELIHOOD, "original"),
    _Match(
        "mc_dropout", "gal2016-10x", 'MC dropout, Gal repo 2016 "10x epochs"', LIKELIHOOD, "10x"
    ),
    _Match(
        "mc_dropout", "gal2018", "MC dropout, Gal repo 2018 grid search", LIKELIHOOD, "grid2018"
    ),
    _Match("bayesian_nn", None, "MFVI (DUN paper)", DUN, reproduces=False),
    _Match("bayesian_nn", None, "MFVI (DUN paper)", DUN, family="gap", reproduces=False),
    _Match(
        "deep_ensemble",
        "lakshminarayanan2017",
        "Ensemble (DUN paper)",
        DUN,
        family="gap",
        reproduces=False,
    ),
    _Match("mc_dropout", "gal2016", "Dropout (DUN paper)", DUN, family="gap", reproduces=False),
)
BESIDE = ("PBP", {"rmse": "rmse", "nll": "test_ll"})  # not one of our methods; shown for scale


@dataclass(frozen=True)
class Published:
    """A published mean over splits.

    Parameters
    ----------
    mean : float
        The mean, a log-likelihood as nll.
    se : float or None
        Its standard error; None where no spread was given.
    unit : float
        Unit of the last printed digit.
    spread : str
        Whether a standard error or a standard deviation was printed, as far as is known.
    protocol : str
        How it was measured.
    """

    mean: float
    se: float | None
    unit: float
    spread: str
    protocol: str


@dataclass(frozen=True)
class PublishedComparison:
    """Our mean over splits beside a published one.

    Parameters
    ----------
    dataset, method, metric : str
        What is compared.
    ours : Estimate
        Our mean over splits.
    theirs : Published
        The published mean.
    published : str
        Name of the published method.
    paired : bool
        Whether the difference is paired by split.
    difference : float
        Ours less theirs, in standard errors.
    reproduces : bool
        Whether our protocol is theirs.
    split : str
        Kind of the splits.
    """

    dataset: str
    method: str
    metric: str
    ours: Estimate
    theirs: Published
    published: str
    paired: bool
    difference: float
    reproduces: bool
    split: str

    @property
    def is_exception(self) -> bool:
        """Whether the difference is more than 2 standard errors."""
        return self.reproduces and abs(self.difference) > EXCEPTION


def _folder() -> Path | None:
    """Where the published results are; None where the UCI sets are not on this machine."""
    try:
        folder = data_folder() / "published"
    except BadInput:
        return None
    return folder if (folder / TABLES).is_file() else None


def comparisons(scores: Scores) -> list[PublishedComparison]:
    """Compare a run with published results.

    Parameters
    ----------
    scores : Scores
        The scores of the run.

    Returns
    -------
    list of PublishedComparison
        A comparison for each data set, method and metric that was published; empty without a
        folder of published results.
    """
    folder = _folder()
    if folder is None or scores.about.suite not in SUITES:
        return []
    published, per_split = _tables(folder), _per_split(folder)
    every = []
    for data in scores.data:
        for method in scores.methods:
            for match in _matches(method, data.split):
                for metric, theirs in match.metrics.items():
                    values = scores.values(data.name, method, metric)
                    ours = {int(str(s).rpartition("-")[2]): v for s, v in values.items()}
                    name = data.name.removeprefix("uci/")
                    key = (
                        match.published,
                        f"{name}_gap" if match.family == "gap" else name,
                        theirs,
                    )
                    if key in published and len(ours) > 1:
                        known = per_split.get((match.variant, name, theirs), {})
                        compared = _compared(data, metric, match, ours, published[key], known)
                        every.append(compared)
    return every


def _compared(
    data: DataFacts,
    metric: str,
    match: _Match,
    ours: dict[int, float],
    published: Published,
    per_split: dict[int, float],
) -> PublishedComparison:
    difference, paired = _difference(ours, per_split, published)
    return PublishedComparison(
        data.name,
        match.label,
        metric,
        over_splits(np.array(list(ours.values())), 0.0),
        published,
        match.published,
        paired,
        difference,
        match.reproduces,
        data.split,
    )


def beside(datasets: Sequence[str]) -> dict[tuple[str, str], Published]:
    """Return published results of probabilistic backpropagation.

    Parameters
    ----------
    datasets : sequence of str
        Names of the data sets.

    Returns
    -------
    dict of (str, str) to Published
        Results by data set and our metric; empty without a folder of published results.
    """
    folder = _folder()
    if folder is None:
        return {}
    tables, (method, metrics) = _tables(folder), BESIDE
    return {
        (dataset, metric): tables[key]
        for dataset in datasets
        for metric, theirs in metrics.items()
        if (key := (method, dataset.removeprefix("uci/"), theirs)) in tables
    }


def _matches(label: str, family: str) -> list[_Match]:
    """Matches of a method of a run; what a caller changed is no longer the published protocol."""
    return [match for match in MATCHES if (match.label, match.family) == (label, family)]


def _difference(
    ours: dict[int, float], theirs: dict[int, float], published: Published
) -> tuple[float, bool]:
    """(difference in standard errors, whether it is paired by split).

    On the same fixed splits the error of the mean of J paired differences is s / sqrt(J). Against a
    mean alone both errors count, and a printed number carries that of its rounding: a step of
    ``unit`` has the sd unit / sqrt(12). As both means are of the same splits, whose difficulty they
    share, that error is an upper bound, and the difference in it a lower one.
    """
    both = sorted(ours.keys() & theirs.keys())
    if len(both) > 1:
        paired = over_splits(np.array([ours[k] - theirs[k] for k in both]), 0.0)
        return paired.mean / paired.se, True
    own = over_splits(np.array(list(ours.values())), 0.0)
    se = np.sqrt(own.se**2 + (published.se or 0.0) ** 2 + published.unit**2 / 12)
    return float((own.mean - published.mean) / se), False


def _tables(where: Path) -> dict[tuple[str, str, str], Published]:
    """Published means by (method, data set, metric); log-likelihoods as nll."""
    found = {}
    for row in _rows(where / TABLES):
        sign = -1.0 if row["metric"] == "test_ll" else 1.0
        decimals = len(row["mean"].partition(".")[2])
        found[row["method"], row["dataset"], row["metric"]] = Published(
            sign * float(row["mean"]),
            float(row["se"]) if row["se"] else None,
            10.0**-decimals,
            row["spread_kind"],
            row["protocol"],
        )
    return found


def _per_split(where: Path) -> dict[tuple[str, str, str], dict[int, float]]:
    """Published results by (variant, data set, metric) and split; log-likelihoods as nll."""
    found: dict[tuple[str, str, str], dict[int, float]] = {}
    for row in _rows(where / PER_SPLIT):
        for metric, sign in (("rmse_mc", 1.0), ("test_ll", -1.0)):
            place = (row["variant"], row["dataset"], metric)
            if row[metric]:
                found.setdefault(place, {})[int(row["split"])] = sign * float(row[metric])
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))

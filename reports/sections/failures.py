"""What failed in a run, and what limits the meaning of its numbers."""

from dataclasses import dataclass

from howrobust.analysis.cards.sentences import REFUSES_MISSING
from howrobust.analysis.run_scores import Scores
from howrobust.base.cells import CLEAN

MOST_NLL_ERROR = 0.01  # nats
FEWEST_TEST_POINTS = 20


@dataclass(frozen=True)
class Failure:
    """A fit or a forecast that failed.

    Parameters
    ----------
    dataset, method, split : str
        The data set, the method, and the split with the stress of the fit.
    reason : str
        Why it failed, in one line.
    traceback : str, default=""
        Where in the code it was raised.
    """

    dataset: str
    method: str
    split: str
    reason: str
    traceback: str = ""

    @property
    def where(self) -> str:
        """The method, the data set and the split."""
        return f"{self.method} on {self.dataset} {self.split}"

    @property
    def sentence(self) -> str:
        """Where it failed, and why."""
        return f"{self.where} failed: {self.reason}"


def failures(scores: Scores) -> tuple[Failure, ...]:
    """Return the cells without a result or without a level of a stress.

    Parameters
    ----------
    scores : Scores
        The scores of the run.

    Returns
    -------
    tuple of Failure
        The failures in the order of the run's cells.
    """
    every = []
    for cell in scores.cells:
        lost = [level for level in cell.lost if level in scores.about.levels]
        if cell.status != "ok":
            under = f" under {cell.train_stress} {cell.level:g}"
            split = cell.split + ("" if cell.train_stress == CLEAN[0] else under)
            reason = cell.reason or "not fitted"
            every.append(Failure(cell.dataset, cell.method, split, reason, cell.traceback))
        elif lost:
            places = ", ".join(f"{stress} {level:g}" for stress, level in lost)
            reason = f"at {places}: {cell.lost[lost[0]]}"
            every.append(Failure(cell.dataset, cell.method, cell.split, reason, cell.traceback))
    return tuple(every)


def warnings(scores: Scores) -> tuple[str, ...]:
    """Return what limits the meaning of the numbers of a run, in sentences.

    Parameters
    ----------
    scores : Scores
        The scores of the run.

    Returns
    -------
    tuple of str
        Methods with few draws, data sets with few test points, cautions about the data, methods
        that refuse missing values, and forecasts that are narrower than the steps of the target.
    """
    sentences = _few_draws(scores)
    for data in scores.data:
        if data.n_test < FEWEST_TEST_POINTS:
            sentences.append(
                f"{data.name}: coverage and calibration are uncertain: they rest on {data.n_test} "
                "test points per split"
            )
        sentences += [f"{data.name}: {warning}" for warning in data.warnings]
        sentences += [
            f"{method} on {data.name}: {REFUSES_MISSING}"
            for method in scores.methods
            if scores.refuses_missing(data.name, method)
        ]
        sentences += _narrow_forecasts(scores, data.name)
    return tuple(sentences)


def _few_draws(scores: Scores) -> list[str]:
    r = scores.records
    clean = r[(r["metric"] == "nll_error") & (r["level"] == 0)]
    return [
        f"{method} on {dataset}: with so few draws its nll has a Monte-Carlo standard error of "
        f"{group['value'].max():.3f}; ask for more with n_draws"
        for (dataset, method), group in clean.groupby(["dataset", "method"], sort=False)
        if group["value"].max() > MOST_NLL_ERROR
    ]


def _narrow_forecasts(scores: Scores, dataset: str) -> list[str]:
    """Forecasts with sds far below the step of a discrete target: their density is a spike."""
    sentences = []
    for method in scores.methods:
        cells = scores.finished(dataset, method)
        forecast = scores.clean(cells[0]) if cells else None
        if not forecast or "smallest_sd" in forecast.missing:
            continue
        if forecast.smallest_sd.min() < forecast.step / 5:
            sentences.append(
                f"{method} on {dataset}: the target comes in steps of {forecast.step:g} and "
                f"the forecast has a noise sd of {forecast.smallest_sd.min():.2g}; read "
                "nll_rounded instead of nll"
            )
    return sentences

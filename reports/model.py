"""The report of a run: every number and sentence that its renderings show, made once."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from howrobust.analysis.cards.card import Card
from howrobust.analysis.cards.ranking import cards
from howrobust.analysis.profiles import Profile, profiles
from howrobust.analysis.ranking import Contest, contest, improvements
from howrobust.analysis.results import StoredRun
from howrobust.analysis.run_scores import Scores
from howrobust.base.metric import Undefined
from howrobust.reports.sections.answer import answer
from howrobust.reports.sections.calibration import Calibration, calibration, coverage_table
from howrobust.reports.sections.cards import CardSection, card_sections, part_ranks
from howrobust.reports.sections.costs import CostTradeoff, cost_table, cost_tradeoffs
from howrobust.reports.sections.data_sets import (
    DataSetSection,
    PredictiveBand,
    data_set_section,
    predictive_bands,
)
from howrobust.reports.sections.failures import Failure, failures, warnings
from howrobust.reports.sections.protocol import Protocol, protocol, whose_distributions
from howrobust.reports.sections.published import published_table
from howrobust.reports.sections.published_results import PublishedComparison, comparisons
from howrobust.reports.sections.ranking import RankingSection, difference_table, ranking_section
from howrobust.reports.sections.scores import ScoreRow, score_rows
from howrobust.reports.sections.stability import Refits, refits, variance_table
from howrobust.reports.sections.stress import StressCurves, stress_curves, stress_tables
from howrobust.reports.table import Table


@dataclass(frozen=True, eq=False)
class Report:
    """The report of a run; each part is made when it is first read, and once.

    Parameters
    ----------
    scores : Scores
        The scores of the run.
    folder : Path
        Where the page is written by default.
    """

    scores: Scores
    folder: Path

    @property
    def methods(self) -> list[str]:
        """Labels of the methods, references included."""
        return self.scores.methods

    @cached_property
    def rows(self) -> dict[str, tuple[ScoreRow, ...]]:
        """The methods on each data set, in order."""
        return {data.name: score_rows(self.scores, data.name) for data in self.scores.data}

    @cached_property
    def answer(self) -> list[str]:
        """The answer in sentences."""
        return answer(self.scores, self.rows)

    @cached_property
    def whose(self) -> str:
        """Whose distributions the numbers are of; empty where all are the methods' own."""
        return whose_distributions(self.scores)

    @cached_property
    def data_sets(self) -> tuple[DataSetSection, ...]:
        """The scores on each data set, in a table and in sentences."""
        return tuple(
            data_set_section(self.scores, data, self.rows[data.name]) for data in self.scores.data
        )

    @cached_property
    def bands(self) -> dict[str, tuple[PredictiveBand, ...]]:
        """What each method predicts of each data set with one feature."""
        bands = {data.name: predictive_bands(self.scores, data.name) for data in self.scores.data}
        return {name: of_data_set for name, of_data_set in bands.items() if of_data_set}

    @cached_property
    def contest(self) -> Contest | Undefined:
        """Mean ranks over data sets and their tests, or why there are none."""
        return contest(self.scores)

    @cached_property
    def ranking(self) -> RankingSection:
        """The ranking over data sets, as a table and in sentences."""
        beside = improvements(self.scores)
        return ranking_section(self.contest, beside, len(self.scores.data))

    @cached_property
    def profiles(self) -> list[Profile] | Undefined:
        """Performance profiles over data sets, or why there are none."""
        return profiles(self.scores)

    @cached_property
    def differences(self) -> Table:
        """The paired differences to the first of each data set."""
        return difference_table(self.rows)

    @cached_property
    def all_cards(self) -> dict[str, Card]:
        """The card of every method, references included."""
        return cards(self.scores)

    @cached_property
    def cards(self) -> tuple[CardSection, ...]:
        """The cards of the methods that may be ranked."""
        return card_sections(self.all_cards)

    @cached_property
    def part_ranks(self) -> Table | None:
        """Mean ranks by each part of the cards; None for fewer than two cards."""
        return part_ranks(self.cards)

    @cached_property
    def coverage(self) -> Table:
        """Observed against stated probabilities of central intervals."""
        return coverage_table(self.scores)

    @cached_property
    def calibration(self) -> dict[str, Calibration]:
        """Calibration curves and PIT histograms by data set."""
        every = (calibration(self.scores, data.name) for data in self.scores.data)
        return {shown.dataset: shown for shown in every if shown is not None}

    @cached_property
    def stress_tables(self) -> dict[str, Table]:
        """What every level of each stress does, by stress."""
        return stress_tables(self.scores)

    @cached_property
    def stress_curves(self) -> tuple[StressCurves, ...]:
        """Error and coverage against the severity of each stress."""
        return stress_curves(self.scores)

    @cached_property
    def variance(self) -> Table:
        """The parts of the variance of scores."""
        return variance_table(self.scores)

    @cached_property
    def refits(self) -> tuple[Refits, ...]:
        """What fitting again changes; empty where nothing was fitted again."""
        return refits(self.scores)

    @cached_property
    def costs(self) -> Table:
        """What a fit and a draw cost."""
        return cost_table(self.rows)

    @cached_property
    def tradeoffs(self) -> tuple[CostTradeoff, ...]:
        """nll against costs on each data set."""
        return cost_tradeoffs(self.scores, self.rows)

    @cached_property
    def comparisons(self) -> list[PublishedComparison]:
        """The run beside published results."""
        return comparisons(self.scores)

    @cached_property
    def published(self) -> Table:
        """The run beside published results, as a table."""
        return published_table(self.comparisons)

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """What failed."""
        return failures(self.scores)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What limits the meaning of the numbers, in sentences."""
        return warnings(self.scores)

    @cached_property
    def protocol(self) -> Protocol:
        """How the run was made."""
        return protocol(self.scores)


def build_report(run: StoredRun) -> Report:
    """Build the report of a run.

    Parameters
    ----------
    run : StoredRun
        A run in a store.

    Returns
    -------
    Report
        The report, from which every rendering is made.
    """
    return Report(Scores(run), run.folder)

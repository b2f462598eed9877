"""Cells and jobs: a cell is one fit, a job a stack of cells of one method.

The address of a cell is what a comparison matches across commits and seeds, its key what the cache
trusts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from howrobust.base.cells import Cell, Level
from howrobust.base.stress import Stress
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.entry_points import load_stress
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.source_closure import Sources


@dataclass(frozen=True)
class Job:
    """A method on a data set: some of its cells, and the levels to forecast each at.

    Parameters
    ----------
    method : MethodSpec
        The method.
    data : DataSpec
        The data set.
    cells : tuple of Cell
        The cells, which are fitted as one stack.
    levels : tuple of Level
        Stress and severity of each forecast of a cell.
    seed : int
        Seed of the run.
    timeout_s : float
        Time limit per cell in seconds.
    n_train : int
        Number of training rows.
    sources : Sources, optional
        The source that the cells' keys were made of.
    data_sha256 : str, default ""
        Hash of the data that the cells' keys were made of; empty if unknown.
    stack : str, default ""
        Name of the planned stack that this job is a part of; empty for a whole one.
    given_stresses : dict of str to (str or Stress), default {}
        By name, the stresses that are no entry points: ``package.module:Name``, or the stress.
    """

    method: MethodSpec
    data: DataSpec
    cells: tuple[Cell, ...]
    levels: tuple[Level, ...]
    seed: int
    timeout_s: float
    n_train: int
    sources: Sources = field(default_factory=Sources)
    data_sha256: str = ""
    stack: str = ""
    given_stresses: dict[str, str | Stress] = field(default_factory=dict)

    def stress(self, name: str) -> Stress:
        """Import a stress of this job.

        Parameters
        ----------
        name : str
            The name that the stress gives itself.

        Returns
        -------
        Stress
            The stress.

        Raises
        ------
        BadInput
            For an unknown name, and for a stress that cannot be imported.
        """
        return load_stress(self.given_stresses.get(name, name))

    def of(self, cells: Sequence[Cell]) -> "Job":
        """Return the job for some of its cells.

        Parameters
        ----------
        cells : sequence of Cell
            Cells of this job.

        Returns
        -------
        Job
            The job with these cells alone.
        """
        return replace(self, cells=tuple(cells), stack=self.stack_key)

    @property
    def stack_key(self) -> str:
        """Key of the first cell of the planned stack: it names what is kept of its fit."""
        return self.stack or self.cells[0].key

    @property
    def limit_s(self) -> float:
        """Time limit in seconds: that of a cell times the number of cells."""
        return self.timeout_s * len(self.cells)

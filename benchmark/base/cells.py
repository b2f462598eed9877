"""Cells: the planned fits of a run."""

from dataclasses import dataclass

Level = tuple[str, float]  # a stress and its severity
CLEAN: Level = ("none", 0.0)


@dataclass(frozen=True)
class Cell:
    """One planned fit: its address, the key of its result, and its seed.

    Parameters
    ----------
    dataset, split, method : str
        The data set, one of its splits, and the label of the method.
    repeat : int
        Number of the restart; 0 is the first fit.
    key : str
        Hash of everything that the result depends on: what the cache trusts.
    fit_seed : int
        Seed of the fit. It leaves stress and level out, so that stress curves are paired.
    train_stress : str, default="none"
        The stress of its training rows, its split or its settings.
    level : float, default=0.0
        The severity of that stress.
    """

    dataset: str
    split: str
    method: str
    repeat: int
    key: str
    fit_seed: int
    train_stress: str = CLEAN[0]
    level: float = CLEAN[1]

    @property
    def stress_level(self) -> Level:
        """The stress of the fit and its level."""
        return self.train_stress, self.level

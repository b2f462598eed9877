"""Draws in blocks of 256, at runs of points: memory is that of one block at one run."""

from collections.abc import Callable, Iterator

from howrobust.distributions.arrays import Array
from howrobust.distributions.joined import Joined
from howrobust.distributions.streaming import StreamedMixture

BLOCK_DRAWS = 256
BLOCK_POINTS = 1024  # a block of float64 is 2 MiB
Block = Callable[[Array, slice, int], tuple[Array, Array]]  # X, numbers of the draws, seed


class Run:
    """The draws at a run of points.

    Parameters
    ----------
    block : callable
        Takes X, the numbers of the draws and a seed, and returns their means (s, n) and sds (s, n)
        or (), in target units.
    X : ndarray, shape (n, d)
        Inputs.
    total : int
        Number of draws.
    seed : int
        Seed of the draws.
    keep : bool, default False
        Whether the blocks are kept after the first pass.
    """

    def __init__(self, block: Block, X: Array, total: int, seed: int, keep: bool = False) -> None:
        self._block, self._X, self._total, self._seed = block, X, total, seed
        self._keep = keep
        self._held: list[tuple[Array, Array]] = []

    def blocks(self) -> Iterator[tuple[Array, Array]]:
        """Yield the means and sds of each block, the same numbers in every pass.

        Yields
        ------
        tuple of ndarray
            Means (s, n) and sds (s, n) or (), in target units.
        """
        if self._held:
            yield from self._held
            return
        held = []
        for start in range(0, self._total, BLOCK_DRAWS):
            draws = slice(start, min(start + BLOCK_DRAWS, self._total))
            components = self._block(self._X, draws, self._seed)
            if self._keep:
                held.append(components)
            yield components
        self._held = held


def streamed(
    block: Block,
    X: Array,
    total: int,
    seed: int,
    most_held: int,
    sampled: bool = True,
    aleatoric: float | None = None,
    group: int = 1,
) -> StreamedMixture | Joined:
    """Return the mixture of the draws at any number of points.

    Parameters
    ----------
    block : callable
        As of `Run`.
    X : ndarray, shape (n, d)
        Inputs.
    total : int
        Number of draws.
    seed : int
        Seed of the draws.
    most_held : int
        Draws times points up to which the draws are kept for a second pass.
    sampled : bool, default True
        Whether the components are draws: see `GaussianMixture`.
    aleatoric : float, optional
        The noise's part of the squared sds: see `GaussianMixture`.
    group : int, default 1
        Size of groups of draws that depend on each other.

    Returns
    -------
    StreamedMixture or Joined
        The mixture, joined of those of 1,024 points.
    """
    keep = total * len(X) <= most_held
    parts = [X[start : start + BLOCK_POINTS] for start in range(0, len(X), BLOCK_POINTS)]
    mixtures = [
        StreamedMixture(
            Run(block, part, total, seed, keep).blocks, len(part), total, sampled, aleatoric, group
        )
        for part in parts
    ]
    return mixtures[0] if len(mixtures) == 1 else Joined(mixtures, [len(part) for part in parts])

"""Propagate noise of the inputs through a user's function."""

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

from howrobust.propagation.propagate import Settings, propagated
from howrobust.propagation.result import Propagation

if TYPE_CHECKING:
    import pandas as pd

    from howrobust.distributions.arrays import Array


def propagate(
    f: Any,
    X: Any,
    noise: Mapping[Hashable, Any],
    *,
    correlation: "Array | pd.DataFrame | None" = None,
    draws: int = 10_000,
    level: float = 0.95,
    indices: bool = True,
    box: Mapping[Hashable, tuple[float, float]] | None = None,
    units: Mapping[str, str] | None = None,
    name: str | None = None,
    batch_size: int | None = None,
    workers: int = 1,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Propagation:
    """Measure what noise of the inputs makes of the output of a function.

    Nothing is fitted and no target is needed: f may be a simulator, a formula or a fitted model.

    Parameters
    ----------
    f : callable or object with ``predict``
        A function whose arguments are the inputs by name, of numbers or of arrays of shape (n,); a
        function of one argument, a table or an array of shape (n, d), or one row of it; or a
        fitted model. It returns one number for each row. How it is called is found out by calling
        it on a few rows.
    X : dict, Series, DataFrame or array of shape (d,) or (n, d)
        The point, or n points, around which inputs are noisy. The columns of an array have the
        names of the arguments of f, or else are x0, x1 and so on.
    noise : mapping of hashable to float or frozen distribution
        For each noisy input the standard deviation of a Gaussian of mean 0, or a frozen
        distribution of `scipy.stats`, in the unit of the input. Noise is added to the point.
    correlation : array or DataFrame of shape (k, k), optional
        Correlation matrix of the k noisy inputs, in the order of ``noise`` or labelled by them. It
        is that of Gaussian noise, and that of the normal scores of any other (a Gaussian copula).
        Noise is independent if None.
    draws : int, default 10000
        Number of draws of the noise around each point, at least 20.
    level : float, default 0.95
        Level of the interval, and of the limits of each input in the tornado figure.
    indices : bool, default True
        Whether to compute Sobol' indices, which take k + 1 times as many evaluations in addition.
    box : mapping of hashable to (float, float), optional
        Limits of inputs, in their units, between which the worst case is searched. By default the
        box reaches as far as bounded noise, and to 3 standard deviations of a Gaussian.
    units : mapping of str to str, optional
        Units of inputs, and of the output under its name.
    name : str, optional
        Name of the output; that of the function if None.
    batch_size : int, optional
        Most rows in one call of a function that takes many; 4,096 if None.
    workers : int, default 1
        Number of processes that evaluate f, for slow functions. Numbers are the same for any.
    seed : int, default 0
        Seed that all random numbers are derived from.
    progress : callable, optional
        Is called with the number of rows evaluated and the number expected.

    Returns
    -------
    Propagation
        Mean, standard deviation, interval, sensitivities, worst case and breaks; its ``sentence``
        is the answer, ``plot()`` draws it, and ``report(path)`` writes a page.

    Raises
    ------
    BadInput
        For a function, a point or noise that cannot be used.

    Notes
    -----
    Draws come in blocks of 256, each from its own seed. Mean, standard deviation and indices are
    regression estimates with the noise as control variates, and exact for a linear function with
    independent or Gaussian noise. Draws at which f gives no finite output are counted and left out.

    Examples
    --------
    >>> def deflection(F, L):
    ...     return F * L**3 / 2e9
    >>> result = propagate(deflection, {"F": 1000, "L": 200}, {"F": 50, "L": 10})
    >>> result.sensitivities["first_order"].idxmax()
    'L'
    """
    import howrobust.reports.propagation_html  # noqa: F401 (it registers how a result is shown)

    settings = Settings(draws, level, indices, batch_size, workers, seed, progress)
    return propagated(f, X, noise, correlation, box, units, name, settings)

"""Which transform a target needs: by name, or by likelihood on the training rows."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar

from howrobust.distributions.arrays import Array
from howrobust.distributions.transformed.names import TRANSFORM_NAMES, WITHOUT_LOG
from howrobust.distributions.transformed.transforms import Log, TargetTransform, YeoJohnson
from howrobust.errors import BadInput

ROWS = 10_000  # that choose a transform: the error of a log-likelihood ratio is small long before
LEAST_GAIN = 3.0  # nats
_COLUMNS_A_ROW = 0.5  # more encoded columns than this part of the rows fit the noise

Design = Callable[[Array], Array]  # transformed targets (n,) -> encoded training rows (n, p)


def transform_of(name: str, y: Array, design: Design) -> TargetTransform | None:
    """Return the transform of a target, chosen on training rows where that is asked for.

    Parameters
    ----------
    name : {"none", "log", "yeo-johnson", "auto", "auto without log"}
        The transform, or "auto" to choose one; without the logarithm where rows that are not among
        these have none.
    y : array of shape (n,)
        Training targets, in random order: the first 10,000 choose.
    design : callable
        Takes the first (transformed) targets, at most 10,000, and returns the encoded training rows
        of a linear model of them.

    Returns
    -------
    TargetTransform or None
        The transform; None for "none".

    Raises
    ------
    BadInput
        For an unknown name, and for "log" where a target is not above 0.

    Notes
    -----
    The transform has the greatest likelihood of a linear model with normal errors, maximised over
    its weights and its sd: -n/2 log RSS plus the sum of log g'(y) (Box & Cox 1964, eq. 8). A model
    with more columns than half of the rows has no weights but its mean. The exponent of Yeo &
    Johnson is the one in [0, 2] that maximises it.

    "auto" chooses between none and log where all targets are above 0, because Yeo & Johnson's
    quantiles would leave that domain, and between none and Yeo & Johnson otherwise. A transform
    must gain more than log(n) / 2 nats, the price of a parameter (Schwarz 1978), and more than 3, a
    likelihood ratio of 20: a target that is as likely either way stays as it is.
    """
    if name not in (*TRANSFORM_NAMES, WITHOUT_LOG):
        known = ", ".join(TRANSFORM_NAMES)
        raise BadInput(f"there is no target transform {name!r}; choose one of {known}")
    if name == "none":
        return None
    lowest = float(y.min())
    if name == "log":
        if lowest <= 0:
            raise BadInput(
                f"a target of {lowest:g} has no logarithm; choose --target-transform yeo-johnson "
                "or none, or leave the row out"
            )
        return Log()
    few = y[:ROWS]
    if name == "yeo-johnson":
        return _best_yeo_johnson(few, design)
    may_be_log = lowest > 0 and name != WITHOUT_LOG
    candidate = Log() if may_be_log else _best_yeo_johnson(few, design)
    gain = log_likelihood(candidate, few, design) - log_likelihood(None, few, design)
    return candidate if gain > max(LEAST_GAIN, np.log(len(few)) / 2) else None


def log_likelihood(transform: TargetTransform | None, y: Array, design: Design) -> float:
    """Return the profile log-likelihood of a linear model of transformed targets.

    Parameters
    ----------
    transform : TargetTransform or None
        The transform; None: none.
    y : array of shape (n,)
        Targets.
    design : callable
        As of `transform_of`.

    Returns
    -------
    float
        The log-likelihood but for a constant, nats.
    """
    z = y if transform is None else transform.forward(y)
    return _profile(transform, y, _basis(design(z)))


def _best_yeo_johnson(y: Array, design: Design) -> YeoJohnson:
    scale = float(y.std()) or 1.0
    basis = _basis(design(y))  # encoded once: only means of the target would differ by the exponent

    def loss(exponent: float) -> float:
        return -_profile(YeoJohnson(exponent, scale), y, basis)

    found = minimize_scalar(loss, bounds=(0.0, 2.0), method="bounded", options={"xatol": 1e-4})
    return YeoJohnson(float(found.x), scale)


def _profile(transform: TargetTransform | None, y: Array, basis: Array) -> float:
    """-n/2 log RSS + sum log g'(y), the residuals those of an orthonormal basis (n, r)."""
    z = y if transform is None else transform.forward(y)
    residuals = z - basis @ (basis.T @ z)
    squares = max(float(residuals @ residuals), len(y) * np.finfo(float).tiny)
    jacobian = 0.0 if transform is None else float(transform.log_slope(y).sum())
    return -0.5 * len(y) * float(np.log(squares)) + jacobian


def _basis(X: Array) -> Array:
    """Return an orthonormal basis (n, r) of the columns of X (n, p) and the constant."""
    n = len(X)
    constant = np.full((n, 1), n**-0.5)
    if X.shape[1] + 1 > _COLUMNS_A_ROW * n:
        return constant
    sd = X.std(axis=0)
    Z = (X - X.mean(axis=0)) / np.where(sd > 0, sd, 1.0)
    left, singular, _ = np.linalg.svd(Z, full_matrices=False)
    return np.hstack([constant, left[:, singular > 1e-10 * max(singular[0], 1e-300)]])

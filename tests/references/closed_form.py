"""Closed forms, written slowly and apart from the package."""

import numpy as np
from scipy.stats import norm


def rectified_moments(mean, sd):
    """E[relu(a)] and E[relu(a)^2] for a ~ N(mean, sd^2)."""
    z = mean / sd
    first = mean * norm.cdf(z) + sd * norm.pdf(z)
    second = (mean**2 + sd**2) * norm.cdf(z) + mean * sd * norm.pdf(z)
    return first, second


def mean_field_moments(means, sds, X):
    """Mean and variance (n,) of a one-hidden-layer ReLU network with independent normal weights.

    The hidden units are independent given x, so the moments of their sum add up.
    """
    w1, b1, w2, b2 = means
    s1, t1, s2, t2 = sds
    a_mean = X @ w1 + b1
    a_sd = np.sqrt(X**2 @ s1**2 + t1**2)
    first, second = rectified_moments(a_mean, a_sd)
    mean = first @ w2 + b2
    variance = second @ (w2**2 + s2**2) - first**2 @ w2**2 + t2**2
    return mean[:, 0], variance[:, 0]

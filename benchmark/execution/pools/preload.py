"""Loaded by the fork server alone, once for all the workers that are forked from it."""

import atexit
import os

import numpy as np

from howrobust.distributions.normal_sums import add_normals

# numba sets itself up when the first loop is called, for half a second: here instead of in every
# process that fits.
add_normals(np.zeros(1), np.ones(1), np.zeros((1, 1)), np.ones((1, 1)), np.zeros((2, 1, 1)))

# When its parent has gone, the server goes at once: to tear down all that it has loaded would take
# it a second, for which it holds the parent's output.
atexit.register(os._exit, 0)

"""Loaded by the fork server, once for all the workers that are forked from it."""

import atexit
import os

import numpy as np

from howrobust.distributions.normal_sums import add_normals

# The first call of a loop initialises numba, which takes half a second: here, instead of in every
# process that fits.
add_normals(np.zeros(1), np.ones(1), np.zeros((1, 1)), np.ones((1, 1)), np.zeros((2, 1, 1)))

# The server exits at once when its parent has ended: tearing down all that it has loaded would take
# a second, during which it holds the parent's output open.
atexit.register(os._exit, 0)

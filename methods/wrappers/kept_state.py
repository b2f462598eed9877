"""Whether a model knows a target that it was not fitted to: state that outlives a clone.

A model is fitted to targets that hold nothing, t and -t, on half of some rows. Whatever its form,
what it learns of them is nearly odd in t (exactly so for linear smoothers, trees and boosting on
squares), and what it holds beside them is even: m = (f_t + f_-t) / 2 at the other half knows the
true target only if the model came with it.
"""

from typing import Any

import numpy as np
from sklearn.base import clone

from howrobust import seeds
from howrobust.base.method import Problem
from howrobust.distributions.arrays import Array

"""Methods: one per file, each holding only its own mathematics."""

from howrobust.methods.bayesian_nn import BayesianNN
from howrobust.methods.deep_ensemble import DeepEnsemble
from howrobust.methods.mc_dropout import MCDropout
from howrobust.methods.shuffled_cv import ShuffledCV

__all__ = ["BayesianNN", "DeepEnsemble", "MCDropout", "ShuffledCV"]

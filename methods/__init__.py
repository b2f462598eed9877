"""Methods: one per file, each holding only its own mathematics."""

from howrobust.methods.bayesian_nn import BayesianNN
from howrobust.methods.bayesian_ridge import BayesianRidge
from howrobust.methods.core.sampling.exact_moments import exact_moments
from howrobust.methods.deep_ensemble import DeepEnsemble
from howrobust.methods.gaussian_process import GaussianProcess
from howrobust.methods.mc_dropout import MCDropout
from howrobust.methods.shuffled_cv import ShuffledCV
from howrobust.methods.wrappers.bayesian_surrogate import bayesian_surrogate
from howrobust.methods.wrappers.torch_regressor import TorchRegressor
from howrobust.methods.wrappers.user_model import FittedModel, UserModel

__all__ = [
    "BayesianNN",
    "BayesianRidge",
    "DeepEnsemble",
    "FittedModel",
    "GaussianProcess",
    "MCDropout",
    "ShuffledCV",
    "TorchRegressor",
    "UserModel",
    "bayesian_surrogate",
    "exact_moments",
]

"""What the methods that train networks share: settings, and the way from problems to posteriors."""

from abc import abstractmethod
from collections.abc import Sequence
from math import inf
from typing import Any, ClassVar

from howrobust.base.method import Method, Posterior, Problem
from howrobust.methods.core.choice import Settings, infer_best
from howrobust.methods.core.engines.training import train
from howrobust.methods.core.engines.training_job import Rows, Schedule, Trained, TrainingJob
from howrobust.methods.core.engines.warm_up import warm_up
from howrobust.methods.core.losses.loss import Loss
from howrobust.methods.core.problems.problem_pool import ProblemPool
from howrobust.methods.core.sampling.posterior import NetworkPosterior


class NetworkMethod(Method):
    """A method whose posterior consists of trained networks.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer.
    epochs : int
        Passes over the training rows.
    batch_size : int or None
        Rows of a mini-batch; None: all rows.
    learning_rate : float or sequence of float
        Step size of Adam.
    weight_decay : float
        Added to the gradient of the weights, not the biases, as ``weight_decay * weight``.
    patience : int or None
        Epochs without a lower loss on the last fifth of the rows after which training of a network
        stops; None: do not stop.
    preset : str or None
        Name of published settings, which replace those left at their default.
    device : str
        Device of torch.
    random_state : int, RandomState instance or None
        Source of the seed of a fit.

    Notes
    -----
    A subclass has an explicit constructor, as scikit-learn requires, and says which loss a network
    minimises, which networks a problem needs, and what posterior they make.
    """

    LIMITS: ClassVar[dict[str, tuple[float, float]]] = {
        "hidden": (0, inf),
        "epochs": (0, inf),
        "batch_size": (0, inf),
        "learning_rate": (0, inf),
        "weight_decay": (-1e-300, inf),
        "patience": (0, inf),
    }

    def __init__(
        self,
        hidden: Sequence[int],
        epochs: int,
        batch_size: int | None,
        learning_rate: float | Sequence[float],
        weight_decay: float,
        patience: int | None,
        preset: str | None,
        device: str,
        random_state: Any,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.patience = patience
        self.preset = preset
        self.device = device
        self.random_state = random_state

    def prepare(self) -> None:
        warm_up()

    def infer_stack(self, problems: Sequence[Problem]) -> Sequence[Posterior]:
        return infer_best(self.settings(), self.CHOICES, problems, self._infer)

    def _infer(self, settings: Settings, problems: Sequence[Problem]) -> list[NetworkPosterior]:
        """Train all networks of all problems in one call, and hand each problem its own."""
        loss, pool = self._loss(settings), ProblemPool.of(problems)
        jobs = [self._jobs(settings, p, pool.rows(k)) for k, p in enumerate(problems)]
        every = [job for of_problem in jobs for job in of_problem]
        trained = train(loss, pool.X, pool.y, every, self._schedule(settings))
        posteriors, start = [], 0
        for problem, of_problem in zip(problems, jobs, strict=True):
            networks = trained.take(slice(start, start + len(of_problem)))
            posteriors.append(self._posterior(settings, problem, loss, networks))
            start += len(of_problem)
        return posteriors

    def _schedule(self, settings: Settings) -> Schedule:
        """Adam's settings."""
        return Schedule.of(settings)

    @abstractmethod
    def _loss(self, settings: Settings) -> Loss:
        """What every network minimises."""

    @abstractmethod
    def _jobs(self, settings: Settings, problem: Problem, rows: Rows) -> list[TrainingJob]:
        """The networks to train for one problem, whose rows (n,) of the pool these are."""

    @abstractmethod
    def _posterior(
        self, settings: Settings, problem: Problem, loss: Loss, networks: Trained
    ) -> NetworkPosterior:
        """The posterior of one problem, from its networks in the order of `_jobs`."""

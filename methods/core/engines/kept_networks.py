"""Networks that an earlier attempt at a fit has trained, found by all that decides their weights.

A network is a function of its own job alone (law 2), so that a fit can be cut between any two and
continued bit for bit.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from howrobust.base.fit_progress import Keeper
from howrobust.methods.core.engines.training_job import Schedule, Trained, TrainingJob, joined
from howrobust.methods.core.losses.loss import Loss
from howrobust.methods.core.problems.scaling import Scaling

SCALING = ("x_mean", "x_sd", "y_mean", "y_sd")
DIGEST_BYTES = 16
END_SHARE = 0.1  # a fit may train several times: the last networks of each are kept sooner

Part = Callable[[slice], Trained]
Offer = Callable[[int, Part], None]


def ignored(done: int, part: Part) -> None:
    """Keep no network.

    Parameters
    ----------
    done : int
        Number of networks that are trained.
    part : callable
        Returns some of them.
    """


@dataclass(frozen=True)
class KeptNetworks:
    """The networks that a `Keeper` holds for fits of one loss on one pool of rows.

    Parameters
    ----------
    keeper : Keeper
        Where networks are kept.
    engine : str
        Name of the engine: engines round differently.
    loss : Loss
        What every network minimises.
    X : ndarray, shape (N, d)
        Inputs of all problems.
    y : ndarray, shape (N,)
        Targets of all problems.
    schedule : Schedule
        Settings of Adam.
    """

    keeper: Keeper
    engine: str
    loss: Loss
    X: NDArray[np.float64]
    y: NDArray[np.float64]
    schedule: Schedule

    def find(self, jobs: Sequence[TrainingJob]) -> tuple[list[int], Trained | None]:
        """Return the networks that are trained already.

        Parameters
        ----------
        jobs : sequence of TrainingJob
            Networks to train.

        Returns
        -------
        list of int
            Positions of the jobs whose networks are kept.
        Trained or None
            The networks, in the order of these positions; None where there are none.
        """
        parts = [_trained(arrays) for arrays in self.keeper.read() if self._fits(arrays)]
        if not parts:
            return [], None
        names = np.concatenate([names for names, _ in parts])
        place = {name.tobytes(): k for k, name in enumerate(names)}
        wanted = [place.get(self._name(job)) for job in jobs]
        positions = [k for k, at in enumerate(wanted) if at is not None]
        if not positions:
            return [], None
        order = torch.tensor([at for at in wanted if at is not None])
        return positions, joined([trained for _, trained in parts], order)

    def offer_of(self, jobs: Sequence[TrainingJob]) -> Offer:
        """Return a function that keeps networks as they are finished, now and then.

        Parameters
        ----------
        jobs : sequence of TrainingJob
            Networks in the order in which they are finished.

        Returns
        -------
        callable
            ``offer(done, part)``, where ``part(slice)`` returns finished networks by position.
        """
        kept, at = 0, monotonic()

        def offer(done: int, part: Part) -> None:
            nonlocal kept, at
            wait_s = self.keeper.every_s * (END_SHARE if done == len(jobs) else 1.0)
            if monotonic() - at < wait_s:
                return
            own = slice(kept, done)
            names = [np.frombuffer(self._name(job), np.uint8) for job in jobs[own]]
            self.keeper.write(_arrays(part(own), np.stack(names)), done - kept)
            kept, at = done, monotonic()

        return offer

    def _name(self, job: TrainingJob) -> bytes:
        """Return a hash of all that a network is a function of."""
        kind = type(self.loss)
        settings = [kind.__module__, kind.__qualname__, sorted(vars(self.loss).items())]
        X, y = self.X[job.rows], self.y[job.rows]
        text = repr([self.engine, settings, self.schedule, job.seed, job.decay, X.shape])
        digest = hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES)
        digest.update(X.tobytes())
        digest.update(y.tobytes())
        return digest.digest()

    def _fits(self, arrays: Mapping[str, NDArray[Any]]) -> bool:
        """Return whether arrays have the shapes and types of networks of this loss."""
        d = self.X.shape[1]
        start = self.loss.start(d, torch.Generator().manual_seed(0))
        shapes: dict[str, tuple[tuple[int, ...], str]] = {
            "names": ((DIGEST_BYTES,), "uint8"),
            "losses": ((), "float32"),
            "epochs": ((), "int64"),
            **{name: ((d,) if name.startswith("x") else (), "float64") for name in SCALING},
            **{f"parameter_{k}": (tuple(p.shape), "float32") for k, p in enumerate(start)},
        }
        n = arrays["names"].shape[:1] if "names" in arrays else ()
        return arrays.keys() == shapes.keys() and all(
            arrays[name].shape == (*n, *shape) and arrays[name].dtype == kind
            for name, (shape, kind) in shapes.items()
        )


def _arrays(trained: Trained, names: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Return networks (b, ...) and their names (b, 16) as arrays."""
    tensors = {
        "losses": trained.losses,
        "epochs": trained.epochs,
        **{name: getattr(trained.scaling, name) for name in SCALING},
        **{f"parameter_{k}": p for k, p in enumerate(trained.parameters)},
    }
    return {"names": names, **{name: tensor.detach().numpy() for name, tensor in tensors.items()}}


def _trained(arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.uint8], Trained]:
    """Undo `_arrays`."""
    parameters = [f"parameter_{k}" for k in range(len(arrays) - 3 - len(SCALING))]
    epochs = torch.from_numpy(arrays["epochs"])
    trained = Trained(
        [torch.from_numpy(arrays[name]) for name in parameters],
        Scaling(*(torch.from_numpy(arrays[name]) for name in SCALING)),
        torch.from_numpy(arrays["losses"]),
        epochs,
        torch.zeros_like(epochs),
    )
    return arrays["names"], trained

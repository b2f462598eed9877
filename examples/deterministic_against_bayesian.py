"""Draw a deterministic network and its Bayesian version, with bands, on noisy rows.

    python examples/deterministic_against_bayesian.py [--draws 10000] [--epochs 2000] [--out FILE]

The network is the article's: one input, ReLU units, one output. The deterministic one gives a line
with a band of one width, that of its residuals on rows set aside; the Bayesian one is 10,000 draws
of its weights, whose band widens where there were no rows to learn from.
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from torch import nn

from howrobust.methods import TorchRegressor, UserModel, bayesian_surrogate

LEVEL = 0.95
BAR = 3.0  # rows are between -2 and 2


def network(units: int) -> nn.Module:
    """Return the article's network, with so many units."""
    return nn.Sequential(nn.Linear(1, units), nn.ReLU(), nn.Linear(units, 1))


def rows(n: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return X (n, 1) and y (n,) = x^3 - 2 x + noise, in random order."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, n)
    return x[:, None], x**3 - 2 * x + 0.5 * rng.normal(size=n)


def main() -> None:
    """Fit both, and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=2000)
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("deterministic_against_bayesian.png"))
    words = parser.parse_args()
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    X, y = rows()
    plain = network(words.units)
    settings = {"epochs": words.epochs, "batch_size": None, "standardise": False}
    models = {
        "deterministic": TorchRegressor(plain, **settings),
        "Bayesian": TorchRegressor(bayesian_surrogate(plain), draws=words.draws, **settings),
    }
    grid = np.linspace(-BAR, BAR, 200)[:, None]
    figure, panels = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
    for panel, (name, model) in zip(panels, models.items(), strict=True):
        forecast = UserModel(model, random_state=0).fit(X, y).predict_distribution(grid)
        lower, upper = forecast.interval(LEVEL)
        panel.plot(X, y, ".", color="0.7", markersize=3)
        panel.fill_between(grid[:, 0], lower, upper, alpha=0.3)
        panel.plot(grid, forecast.mean())
        inside, outside = np.abs(grid[:, 0]) < 2, np.abs(grid[:, 0]) > 2
        width = upper - lower
        print(
            f"{name}: the {LEVEL:.0%} band is {width[inside].mean():.2f} wide among the rows and "
            f"{width[outside].mean():.2f} beyond them"
        )
        panel.set(title=name, xlabel="x", ylim=(-12, 12))
    panels[0].set_ylabel("y")
    figure.savefig(words.out, dpi=120, bbox_inches="tight")


if __name__ == "__main__":
    main()

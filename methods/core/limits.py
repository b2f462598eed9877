"""Open bounds of the settings that the four methods share."""

from math import inf

Limits = dict[str, tuple[float, float]]

SHARED: Limits = {
    "hidden": (0, inf),
    "epochs": (0, inf),
    "batch_size": (0, inf),
    "learning_rate": (0, inf),
    "weight_decay": (-1e-300, inf),
    "patience": (0, inf),
}

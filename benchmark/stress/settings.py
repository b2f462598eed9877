"""Settings halved and doubled, one at a time."""

from typing import Any

from howrobust.base.stress import SettingStress


class LearningRate(SettingStress):
    """The learning rate; of several that validation rows decide among, all of them."""

    name = "settings_learning_rate"

    def change(self, settings: dict[str, Any], factor: float) -> dict[str, Any]:
        return scaled(settings, "learning_rate", factor)


class Width(SettingStress):
    """The units of every hidden layer, at least one."""

    name = "settings_width"

    def change(self, settings: dict[str, Any], factor: float) -> dict[str, Any]:
        if "hidden" not in settings:
            return {}
        return {"hidden": tuple(max(1, round(units * factor)) for units in settings["hidden"])}


class Prior(SettingStress):
    """The sds of the prior, or the rate of dropout, which stands for it (at most 0.9)."""

    name = "settings_prior"

    def change(self, settings: dict[str, Any], factor: float) -> dict[str, Any]:
        if "dropout" in settings:
            return scaled(settings, "dropout", factor, most=0.9)
        return scaled(settings, "prior_scale", factor)


def scaled(
    settings: dict[str, Any], word: str, factor: float, most: float = float("inf")
) -> dict[str, Any]:
    """Return a setting times a factor, value by value where there are several."""
    if word not in settings:
        return {}
    value = settings[word]
    if isinstance(value, list | tuple):
        return {word: tuple(min(v * factor, most) for v in value)}
    return {word: min(value * factor, most)}

"""Settings halved and doubled, one at a time."""

from typing import Any

from howrobust.base.stress import SettingStress


class LearningRate(SettingStress):
    """The learning rate, halved and doubled.

    All of them are where there are several to choose from on validation rows.
    """

    name = "settings_learning_rate"

    def change(self, settings: dict[str, Any], factor: float) -> dict[str, Any]:
        return _scaled(settings, "learning_rate", factor)


class Width(SettingStress):
    """The width of every hidden layer, halved and doubled; at least one unit."""

    name = "settings_width"

    def change(self, settings: dict[str, Any], factor: float) -> dict[str, Any]:
        if "hidden" not in settings:
            return {}
        return {"hidden": tuple(max(1, round(units * factor)) for units in settings["hidden"])}


class Prior(SettingStress):
    """The sds of the prior, halved and doubled.

    For a method with dropout it is the rate of dropout instead, at most 0.9.
    """

    name = "settings_prior"

    def change(self, settings: dict[str, Any], factor: float) -> dict[str, Any]:
        if "dropout" in settings:
            return _scaled(settings, "dropout", factor, most=0.9)
        return _scaled(settings, "prior_scale", factor)


def _scaled(
    settings: dict[str, Any], name: str, factor: float, most: float = float("inf")
) -> dict[str, Any]:
    """Return a setting times a factor, value by value where there are several."""
    if name not in settings:
        return {}
    value = settings[name]
    if isinstance(value, list | tuple):
        return {name: tuple(min(v * factor, most) for v in value)}
    return {name: min(value * factor, most)}

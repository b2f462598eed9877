"""Stresses by name: registered ones, those of a user's module, and those given from Python."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from howrobust.base.stress import Stress
from howrobust.errors import BadInput
from howrobust.planning.entry_points import is_path, load_stress
from howrobust.planning.plugins.names import require_own_name
from howrobust.planning.source_closure import Sources, file_of, plugin_sources


@dataclass(frozen=True)
class OpenedStresses:
    """Stresses, and what those are imported by that are no entry points.

    Parameters
    ----------
    stresses : list of Stress
        The stresses.
    given : dict of str to (str or Stress), default {}
        By the name that a stress gives itself, ``package.module:Name``, or the stress where it was
        given from Python.
    """

    stresses: list[Stress]
    given: dict[str, str | Stress] = field(default_factory=dict)


def open_stresses(names: Sequence[str | Stress]) -> OpenedStresses:
    """Make stresses of their names.

    Parameters
    ----------
    names : sequence of str or Stress
        Names of entry points, ``package.module:Name`` of a class or an instance, and stresses.

    Returns
    -------
    OpenedStresses
        The stresses in their order.

    Raises
    ------
    BadInput
        For a stress that is unknown, cannot be imported or made or has no levels, and for two of
        one name.
    """
    opened = OpenedStresses([])
    for name in names:
        if not isinstance(name, str | Stress):
            raise BadInput(
                f"stress {name!r} is neither a name, such as 'input_noise', nor an instance of "
                "howrobust.base.stress.Stress"
            )
        stress = load_stress(name)
        if isinstance(name, Stress) or is_path(name):
            shown = name if isinstance(name, str) else type(name).__name__
            require_own_name("stress", shown, getattr(stress, "name", None))
            _require_levels(shown, stress)
            opened.given[stress.name] = name
        if stress.name in {other.name for other in opened.stresses}:
            raise BadInput(
                f"two stresses are called {stress.name!r}; leave one out, or give it another `name`"
            )
        opened.stresses.append(stress)
    return opened


def stress_sources(stress: Stress, given: str | Stress | None) -> Sources:
    """Return the files and packages that a stress depends on.

    Parameters
    ----------
    stress : Stress
        The stress.
    given : str or Stress or None
        What it is imported by, or itself; None where its name is that of an entry point.

    Returns
    -------
    Sources
        Those of its module; none for a stress that was given from Python and written in no file.
    """
    if isinstance(given, Stress) and file_of(type(stress).__module__) is None:
        return Sources()
    return plugin_sources("stress", given if isinstance(given, str) else stress.name, stress)


def _require_levels(given: str, stress: Stress) -> None:
    levels, unit = getattr(stress, "levels", None), getattr(stress, "unit", None)
    numbers = isinstance(levels, tuple) and all(isinstance(v, int | float) for v in levels)
    if not levels or not numbers or [*levels] != sorted({*levels}) or levels[0] <= 0:
        raise BadInput(
            f"the stress {given!r} has the levels {levels!r}; give a tuple of severities greater "
            "than 0, in ascending order"
        )
    if not isinstance(unit, str):
        raise BadInput(f"the stress {given!r} has no unit of its levels; give a text, `unit`")

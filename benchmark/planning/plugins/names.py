"""The names that plug-ins give themselves: they are the labels of records and of reports."""

from howrobust.base.cells import CLEAN
from howrobust.errors import BadInput
from howrobust.planning.entry_points import NAMED, entries, is_path


def require_own_name(group: str, given: str, name: object) -> None:
    """Check the name that a plug-in gives itself.

    Parameters
    ----------
    group : str
        Its group of entry points.
    given : str
        What it is imported by, or the type of an object that was given from Python.
    name : object
        Its attribute ``name``.

    Raises
    ------
    BadInput
        For anything but a text in one line, and for the name of another plug-in that is installed:
        its results would be taken for those of the other.
    """
    kind = NAMED[group]
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or is_path(name):
        raise BadInput(
            f"the {kind} {given!r} has no name: its attribute `name` is {name!r}, where a short "
            "text is needed"
        )
    known = entries(group)
    entry = known.get(name)
    value = known[given].value if given in known else given
    taken = entry is not None and entry.value != value
    if taken or (group == "stress" and name == CLEAN[0]):
        raise BadInput(
            f"the {kind} {given!r} is called {name!r}, as another {kind} is; give it a `name` of "
            "its own"
        )

"""Data sets by name: of the catalogue, or of a user's module."""

from howrobust.base.data import Source
from howrobust.planning.entry_points import called, import_untracked, is_path, make, required
from howrobust.planning.plugins.names import require_own_name


def open_plugin(name: str) -> Source:
    """Open a data set by name.

    Parameters
    ----------
    name : str
        A catalogue name; or ``package.module:Name`` of a class derived from `Source`, of an
        instance, or of a function without arguments that returns a source or (X, y).

    Returns
    -------
    Source
        The data set. Rows (X, y) are called by the name of their function.

    Raises
    ------
    BadInput
        For a name of nothing, for what cannot be imported or opened, and for what is no data set.
    """
    if not is_path(name):
        source: Source = make("datasets", name, Source)
        return source
    made = called("datasets", name, Source)
    if isinstance(made, tuple) and len(made) == 2:
        given = import_untracked("howrobust.datasets.tables.given", "given")
        made = given(*made, name.rpartition(":")[2])
    source = required("datasets", name, made, Source)
    require_own_name("datasets", name, getattr(source, "name", None))
    return source

"""The command `howrobust look`."""

from typing import TYPE_CHECKING, Any

import click

from howrobust.cli.run import options_from, parameter
from howrobust.planning.options import run_options

if TYPE_CHECKING:
    from howrobust.datasets.tables.look import Look
    from howrobust.planning.data_spec import DataSpec

OF_A_FILE = (
    "target", "groups", "time", "drop", "as_", "target_transform", "missing", "separator",
    "decimal", "encoding",
)  # fmt: skip
FEW_ROWS = 100_000  # of more, one split is searched for repeated rows rather than all


PARAMETERS = [
    click.Argument(["file"]),
    *(parameter(option) for option in run_options() if option.name in OF_A_FILE),
]


@click.command(params=PARAMETERS)
def look(file: str, **options: Any) -> int:
    """Show what FILE holds and what a run would make of it; nothing is fitted.

    A line for each column says what its values are, how many are missing and what becomes of it;
    then come all problems, and warnings. The exit code is 0 where `howrobust run -d FILE` can use
    it, and 2 where there are problems.
    """
    from howrobust.planning.first_checks import checked_file

    spec = checked_file(file, options_from(options))
    from howrobust.reports.preflight import show_look
    from howrobust.reports.terminal import console

    found, warnings = examined(spec)
    show_look(found, warnings, console())
    return 2 if found.problems else 0


def examined(spec: "DataSpec") -> "tuple[Look, list[str]]":
    """Return what is found in a file, and warnings about it.

    Parameters
    ----------
    spec : DataSpec
        The file.

    Returns
    -------
    look : Look
        Columns and problems.
    warnings : list of str
        Those of `data_warnings` for its default splits; only those of reading where there are
        problems.
    """
    from howrobust.datasets.tables.files import TableFile, examine
    from howrobust.planning.data_warnings.findings import data_warnings

    found = examine(spec.name, spec.roles, spec.target_transform or "auto")
    if found.data is None:
        return found.look, list(found.look.warnings)
    source = TableFile.of(found, spec.name, spec.target_transform or "auto")
    splits = source.splits()
    return found.look, data_warnings(
        source, splits if found.look.n_rows <= FEW_ROWS else splits[:1], 0
    )

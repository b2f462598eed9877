"""The command `howrobust`: its commands, error messages and exit codes.

Commands import what they need when they run, so that ``--help`` and ``list methods`` answer at
once.
"""

import os
import sys
from contextlib import suppress
from traceback import walk_tb

import click

from howrobust.cli.baseline import baseline
from howrobust.cli.catalogue import fetch, info, list_
from howrobust.cli.check import check
from howrobust.cli.compare import compare
from howrobust.cli.look import look
from howrobust.cli.messages import report_problem
from howrobust.cli.predict import predict
from howrobust.cli.propagate import propagate
from howrobust.cli.report import report
from howrobust.cli.run import run
from howrobust.cli.score import score
from howrobust.cli.store import store
from howrobust.errors import BadInput
from howrobust.execution.signals import Interruption, interruptible

COMMANDS = (
    run,
    look,
    propagate,
    predict,
    score,
    report,
    compare,
    baseline,
    store,
    fetch,
    list_,
    info,
    check,
)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    Parameters
    ----------
    arguments : list of str, optional
        The arguments; those of the process if None.

    Raises
    ------
    SystemExit
        Always. 0 fine, 1 a regression, failed cells or draws, 2 bad input, 3 nothing to compare,
        130 interrupted, 143 ended by SIGTERM.
    """
    stdout = sys.stdout
    try:
        with interruptible():
            code = cli.main(args=arguments, prog_name="howrobust", standalone_mode=False)
    except click.ClickException as error:
        report_problem(error.format_message())
        code = 2
    except BadInput as error:
        report_problem(str(error))
        code = 2
    except Interruption as interruption:
        report_problem("interrupted; finished cells are stored, run again to continue")
        # Exit at once: to unload all modules takes a second.
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(interruption.exit_code)
    except (KeyboardInterrupt, click.Abort):  # raised by a plug-in
        code = 130
    except SystemExit as ended:
        # click exits, and replaces the stream, where the reader of a pipe has closed it: that is no
        # failure. Any other exit is a plug-in's, and nothing was finished, whatever its code.
        code = 0 if sys.stdout is not stdout else _exit_code_of_plugin(ended)
    sys.exit(code if isinstance(code, int) else 0)


def _exit_code_of_plugin(ended: SystemExit) -> int:
    """Report which module called `sys.exit`, and return the exit code."""
    *_, (frame, _) = walk_tb(ended.__traceback__)
    module = frame.f_globals.get("__name__")
    report_problem(f"the module {module} called sys.exit; nothing was finished")
    return 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.version_option(package_name="howrobust")
@click.pass_context
def cli(context: click.Context) -> None:
    """Measure how robust regression models are."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in COMMANDS:
    cli.add_command(command)

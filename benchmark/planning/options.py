"""The options of a run, stated once; `howrobust run` and `howrobust.run` are generated from them.

Each field holds its default, its type and, as metadata, a `Flag`: how the command line spells it
and the text that explains it there and in docstrings. A new option is a new field.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import wraps
from inspect import Signature, cleandoc, signature
from pathlib import Path
from types import UnionType
from typing import Any, ParamSpec, TypeVar, get_args, get_origin

from howrobust.distributions.transformed.names import TRANSFORM_NAMES

DEFAULT_FOLDER = "howrobust-out"

P = ParamSpec("P")
Options = TypeVar("Options")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Flag:
    """How the command line spells an option, and what the option is.

    Parameters
    ----------
    names : tuple of str
        Flags, such as ``("-d", "--data")``; empty for a positional argument.
    help : str
        One sentence that explains the option.
    choices : tuple of str, default ()
        The values allowed; empty for any.
    metavar : str, optional
        What stands for the value in the usage line.
    defines_run : bool, default True
        Whether the option decides which numbers a run computes, so that the command printed on a
        report states it. Where results go and what fits them does not.
    """

    names: tuple[str, ...]
    help: str
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    defines_run: bool = True


def _flag(names: str, help: str, **details: Any) -> dict[str, Flag]:
    """Return the metadata of a field; ``names`` are separated by spaces."""
    return {"flag": Flag(tuple(names.split()), help, **details)}


@dataclass(frozen=True)
class RunOptions:
    """State what to run and where; None stands for what the suite has."""

    suite: str = field(
        default="quick",
        metadata=_flag("", "Name of a suite; ``howrobust list suites`` shows them."),
    )
    methods: Sequence[str] | None = field(
        default=None,
        metadata=_flag("-m --method", "Methods, each NAME[key=value,...] (default: the suite's)."),
    )
    data: Sequence[str] | None = field(
        default=None,
        metadata=_flag(
            "-d --data",
            "Data sets: catalogue names or files of tables (default: the suite's).",
        ),
    )
    stress: Sequence[str] | None = field(
        default=None,
        metadata=_flag("--stress", "Stresses: names, or MODULE:NAME (default: the suite's)."),
    )
    splits: int | None = field(
        default=None,
        metadata=_flag("--splits", "Number of train/test splits (default: the suite's)."),
    )
    repeats: int | None = field(
        default=None,
        metadata=_flag(
            "--repeats", "Fits per split from different random starts (default: the suite's)."
        ),
    )
    seed: int = field(
        default=0,
        metadata=_flag("--seed", "Seed that all random numbers are derived from."),
    )
    out: str | Path | None = field(
        default=None,
        metadata=_flag(
            "--out",
            "Folder of results, or the URL of a database (default: howrobust-out/SUITE).",
            defines_run=False,
        ),
    )
    workers: int | None = field(
        default=None,
        metadata=_flag(
            "--workers", "Number of worker processes (default: one per core).", defines_run=False
        ),
    )
    _: KW_ONLY
    target: str | None = field(
        default=None,
        metadata=_flag("--target", "Target column of a file (default: its last)."),
    )
    groups: str | None = field(
        default=None,
        metadata=_flag("--groups", "Column of a file whose groups are held out whole."),
    )
    time: str | None = field(
        default=None,
        metadata=_flag(
            "--time", "Column of a file that orders its rows; splits train on the past."
        ),
    )
    drop: Sequence[str] | None = field(
        default=None,
        metadata=_flag("--drop", "Columns of a file to leave out.", metavar="COL"),
    )
    as_: Sequence[str] | None = field(
        default=None,
        metadata=_flag(
            "--as",
            "Kinds of columns of a file, each COL=KIND with number, category, date, date:FORM (as "
            "%d/%m/%Y) or id (default: what ``howrobust look`` shows).",
            metavar="COL=KIND",
        ),
    )
    target_transform: str | None = field(
        default=None,
        metadata=_flag(
            "--target-transform",
            "How the target is transformed for all but models of your own; auto chooses by the "
            "training rows (default: auto for a file, none for the catalogue).",
            choices=TRANSFORM_NAMES,
        ),
    )
    missing: Sequence[str] | None = field(
        default=None,
        metadata=_flag("--missing", "Words for a missing value in a file.", metavar="WORD"),
    )
    separator: str | None = field(
        default=None,
        metadata=_flag("--separator", "Character between a file's columns.", metavar="C"),
    )
    decimal: str | None = field(
        default=None,
        metadata=_flag("--decimal", "Decimal mark of a file.", choices=(".", ",")),
    )
    encoding: str | None = field(
        default=None,
        metadata=_flag("--encoding", "Encoding of a file."),
    )
    metrics: Sequence[str] | None = field(
        default=None,
        metadata=_flag(
            "--metric",
            "Metrics of your own, each MODULE:NAME, beside those that are installed.",
        ),
    )
    distribution: str | None = field(
        default=None,
        metadata=_flag(
            "--distribution",
            "Function of a fitted model and X that returns (mean, sd) or another distribution, for "
            "the models named module:name.",
            metavar="MODULE:FUNCTION",
        ),
    )
    fitted: bool = field(
        default=False,
        metadata=_flag(
            "--fitted", "Take the models named module:name as fitted already, to other rows."
        ),
    )
    draws: int | None = field(
        default=None,
        metadata=_flag(
            "--draws", "Draws of torch modules named module:name that draw at every call."
        ),
    )
    batch_size: int | None = field(
        default=None,
        metadata=_flag(
            "--batch-size", "Most rows in a call of the models that --fitted takes as fitted."
        ),
    )
    retries: int | None = field(
        default=None,
        metadata=_flag(
            "--retries",
            "How often a failed call of such a model is made again, after 1, 2, 4, ... seconds.",
        ),
    )
    timeout_s: float | None = field(
        default=None,
        metadata=_flag(
            "--timeout", "Processor time that a fit may take, in seconds (default: the suite's)."
        ),
    )
    device: str | None = field(
        default=None,
        metadata=_flag(
            "--device", "Where networks are trained (default: on the CPU).", choices=("cpu", "cuda")
        ),
    )
    fresh: bool = field(
        default=False,
        metadata=_flag("--fresh", "Fit again what is already finished.", defines_run=False),
    )
    dask: str | None = field(
        default=None,
        metadata=_flag(
            "--dask",
            "Address of a dask scheduler whose workers fit the models.",
            metavar="ADDRESS",
            defines_run=False,
        ),
    )

    @property
    def destination(self) -> str | Path:
        """Folder or database of the results."""
        return self.out or Path(DEFAULT_FOLDER) / self.suite


@dataclass(frozen=True)
class Option:
    """One field of `RunOptions`, as a signature, a command line and a docstring need it.

    Parameters
    ----------
    name : str
        Name of the field.
    flag : Flag
        How the command line spells it.
    type : type
        Type of one value: str, int, float or bool.
    repeatable : bool
        Whether there may be several values.
    default : object
        The value where none is given.
    annotation : str
        The type as numpydoc writes it, with the default.
    """

    name: str
    flag: Flag
    type: type
    repeatable: bool
    default: object
    annotation: str


def run_options() -> list[Option]:
    """Return the options of a run, in the order of the signature.

    Returns
    -------
    list of Option
        One for each field of `RunOptions`.
    """
    return [_option(each) for each in dataclasses.fields(RunOptions)]


def _option(each: dataclasses.Field[Any]) -> Option:
    alternatives = get_args(each.type) if isinstance(each.type, UnionType) else (each.type,)
    types = [kind for kind in alternatives if kind is not type(None)]
    repeatable = get_origin(types[0]) is Sequence
    flag: Flag = each.metadata["flag"]
    default = "optional" if each.default is None else f"default {each.default!r}"
    return Option(
        name=each.name,
        flag=flag,
        type=get_args(types[0])[0] if repeatable else types[0],
        repeatable=repeatable,
        default=each.default,
        annotation=f"{_choices_text(flag) or ' or '.join(map(_type_text, types))}, {default}",
    )


def _choices_text(flag: Flag) -> str:
    """Return the values allowed, as numpydoc writes them; empty for any."""
    return f"{{{', '.join(map(repr, flag.choices))}}}" if flag.choices else ""


def _type_text(kind: Any) -> str:
    """Return a type as numpydoc writes it."""
    elements = get_args(kind)
    return f"sequence of {elements[0].__name__}" if elements else str(kind.__name__)


def _parameters_section() -> str:
    """Return the numpydoc section that explains all options."""
    lines = [f"{each.name} : {each.annotation}\n    {each.flag.help}" for each in run_options()]
    return "\n".join(["Parameters", "----------", *lines])


def takes_options(
    options: Callable[P, Options],
) -> Callable[[Callable[[Options], Result]], Callable[P, Result]]:
    """Let a function of one `RunOptions` be called with its fields as arguments.

    The fields are the function's signature, and the section Parameters of its docstring, before
    the section Returns.

    Parameters
    ----------
    options : callable
        The class `RunOptions`.

    Returns
    -------
    callable
        The decorator.
    """

    def decorate(function: Callable[[Options], Result]) -> Callable[P, Result]:
        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> Result:
            return function(options(*args, **kwargs))

        result = signature(function).return_annotation
        parameters = signature(options).parameters
        called.__dict__["__signature__"] = Signature(
            list(parameters.values()), return_annotation=result
        )
        called.__annotations__ = {
            **{name: parameter.annotation for name, parameter in parameters.items()},
            "return": result,
        }
        if function.__doc__:  # python -OO has none
            section = f"{_parameters_section()}\n\nReturns\n-------"
            called.__doc__ = cleandoc(function.__doc__).replace("Returns\n-------", section)
        return called

    return decorate


if RunOptions.__doc__:
    RunOptions.__doc__ += f"\n\n{_parameters_section()}\n"

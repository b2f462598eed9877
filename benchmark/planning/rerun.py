"""The command line that makes a run again, from what was asked for."""

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from howrobust.base.facts import Command, DataFacts
from howrobust.base.stress import Stress
from howrobust.planning.registry import DataSpec, MethodSpec
from howrobust.stress.regions import Thirds

if TYPE_CHECKING:
    from howrobust.planning.plan import Request, Suite

REFERENCES = ("marginal", "oracle")  # every plan has them


def command(
    suite: "Suite",
    request: "Request",
    methods: Sequence[MethodSpec],
    data: Sequence[DataSpec],
    stresses: Sequence[Stress],
    facts: Sequence[DataFacts],
) -> Command:
    """Return the command that makes a run again.

    Parameters
    ----------
    suite, request
        What was asked for; what the suite has already is left out of the command.
    methods, data, stresses
        What is run; `marginal`, `oracle` and `Thirds`, which are always added, need no option.
    facts
        Facts of the data sets, in the order of ``data``.
    """
    words = ["howrobust", "run", suite.name]
    asked = (
        ("-m", _methods(request, methods)),
        ("-d", [spec.name for spec in data] if [d.name for d in data] != suite.datasets else []),
        ("--stress", _stresses(suite, stresses)),
    )
    words += [word for option, values in asked for value in values for word in (option, value)]
    words += _options(request)
    text = shlex.join([*words, "--seed", str(request.seed)])
    return Command(text, list(_remarks(suite, methods, data, stresses, facts)))


def _methods(request: "Request", methods: Sequence[MethodSpec]) -> list[str]:
    """Methods other than the suite's, without references that are added in any case."""
    if request.methods is None and all(spec.thing is None for spec in methods):
        return []
    named = [request.methods] if isinstance(request.methods, str) else request.methods or ()
    return [spec.label for spec in methods if spec.label not in REFERENCES or spec.label in named]


def _stresses(suite: "Suite", stresses: Sequence[Stress]) -> list[str]:
    own = [name for name in suite.stress if name != Thirds.name]
    asked = [stress.name for stress in stresses if stress.name != Thirds.name]
    return [] if asked == own else asked


def _options(request: "Request") -> list[str]:
    """Options other than the lists, as the command line spells them."""
    values = {
        "--target": request.target,
        "--groups": request.groups,
        "--time": request.time,
        "--splits": request.splits,
        "--repeats": request.repeats,
        "--timeout": request.timeout_s,
        "--device": request.device,
    }
    words = [w for name, v in values.items() if v is not None for w in (name, str(v))]
    return [*words, *(["--one-hot"] if request.one_hot else [])]


def _remarks(
    suite: "Suite",
    methods: Sequence[MethodSpec],
    data: Sequence[DataSpec],
    stresses: Sequence[Stress],
    facts: Sequence[DataFacts],
) -> Iterator[str]:
    """Yield what the command line cannot state."""
    if suite.stress and not stresses:
        yield "it was put under no stress: from Python, stress=[]"
    for spec, known in zip(data, facts, strict=True):
        sha256 = f"its sha256 began with {known.sha256[:16]}"
        if spec.source is not None:
            yield f"{known.name} was given from Python: {sha256}"
        elif spec.is_file:
            yield f"{known.name} is a file: {sha256}"
    for method in methods:
        if method.thing is not None:
            yield f"{method.label} was given from Python"

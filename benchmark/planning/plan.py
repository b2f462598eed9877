"""Plan: what will be fitted and forecast, before anything is.

A suite becomes cells (one fit each) and jobs (a stack of cells of one method on one data set).
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from howrobust import environment
from howrobust.base.cells import CLEAN, Cell, Level
from howrobust.base.data import Dataset, Source
from howrobust.base.facts import Command, DataFacts, MethodFacts, StressFacts
from howrobust.base.records import RunInfo
from howrobust.base.stress import InputStress, SplitStress, Stress
from howrobust.distributions.closed_form import expected_scores
from howrobust.errors import BadInput
from howrobust.planning.data_warnings import cautions
from howrobust.planning.jobs import Fits, Job, digest
from howrobust.planning.registry import DataSpec, MethodSpec, load_stress, sources_of
from howrobust.planning.rerun import REFERENCES, command
from howrobust.stress.regions import Thirds

MOST_FITS = 10_000  # of a method on a data set: a plan is held in memory


class Suite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a suite file says.

    ``timeout_s`` is the limit per cell; ``splits`` None is a source's own number, ``family`` None
    its own kind of splits. An override has settings for a dataset and a ``method``, or several: one
    such as ``mc_dropout[tau=1]`` means every mc_dropout whose settings include tau=1. ``repeats``
    are fits of a split from other random starts, on the first ``repeat_splits`` splits (None: all).
    """

    name: str
    title: str
    methods: list[str]
    datasets: list[str]
    stress: list[str] = []
    splits: int | None = None
    family: str | None = None
    repeats: int = 1
    repeat_splits: int | None = None
    timeout_s: float = 600.0
    override: list[dict[str, Any]] = []


def suite_names() -> list[str]:
    """Names of the suites that are shipped."""
    folder = files("howrobust.suites")
    return sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml"))


def load_suite(name: str) -> Suite:
    """Read a suite by name; BadInput for an unknown one or a file with errors."""
    if Path(name).suffix in (".csv", ".parquet"):
        raise BadInput(f"{name!r} is no suite; a file is given with -d {name}")
    if name not in suite_names():
        raise BadInput(f"unknown suite {name!r}; known: {', '.join(suite_names())}")
    text = (files("howrobust.suites") / f"{name}.toml").read_text(encoding="utf-8")
    return parse_suite(text, name)


def parse_suite(text: str, name: str) -> Suite:
    """Read a suite's text; BadInput says what is wrong with it.

    ``extends`` names a suite whose words hold where the text has none.
    """
    try:
        words = tomllib.loads(text)
        extended = msgspec.convert(words.pop("extends", None), str | None)
        base = None if extended is None else load_suite(extended)
        own = {} if base is None else msgspec.to_builtins(base)
        return msgspec.convert({**own, **words, "name": name}, Suite)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadInput(f"suite {name!r} cannot be read: {error}") from None


@dataclass(frozen=True)
class Plan:
    """Everything a run will do. ``run`` names it: the same plan has the same name.

    ``codes`` are hashes of the stresses' source, by name: a forecast of other code is made anew.
    """

    run: str
    suite: str
    seed: int
    jobs: tuple[Job, ...]
    levels: tuple[Level, ...]
    codes: dict[str, str]
    data: tuple[DataFacts, ...]
    methods: tuple[MethodFacts, ...]
    stresses: tuple[StressFacts, ...]
    command: Command

    @property
    def cells(self) -> list[Cell]:
        """All cells, in the plan's order."""
        return [cell for job in self.jobs for cell in job.cells]

    def info(self, environment: dict[str, str], started: int) -> RunInfo:
        """Return what the store states of this run.

        Parameters
        ----------
        environment : dict of str to str
            Versions and processor.
        started : int
            When it starts, ns since 1970.

        Returns
        -------
        RunInfo
            The facts of the run.
        """
        return RunInfo(
            run=self.run,
            suite=self.suite,
            seed=str(self.seed),
            started=started,
            levels=self.levels,
            data=self.data,
            methods=self.methods,
            stresses=self.stresses,
            command=self.command,
            environment=environment,
        )


@dataclass(frozen=True)
class Request:
    """What the caller asked for; None leaves the suite's own lists and numbers."""

    suite: str = "quick"
    methods: Sequence[str] | None = None
    data: Sequence[str] | None = None
    stress: Sequence[str] | None = None
    splits: int | None = None
    repeats: int | None = None
    seed: int = 0
    target: str | None = None
    one_hot: bool = False
    groups: str | None = None
    time: str | None = None
    timeout_s: float | None = None
    device: str | None = None


def make_plan(request: Request) -> Plan:
    """Resolve a request into a plan; BadInput for anything that names nothing."""
    suite = load_suite(request.suite)
    if request.device == "cuda" and environment.gpu() in ("none", "unknown"):
        raise BadInput("--device cuda needs a GPU that torch sees, and there is none; leave it out")
    if request.timeout_s is not None and not request.timeout_s > 0:
        raise BadInput(f"the time limit must be greater than 0 seconds, not {request.timeout_s}")
    parsed = [MethodSpec.parse(text) for text in texts(request.methods, suite.methods, "methods")]
    if not parsed:
        raise BadInput(f"suite {suite.name} has no methods of its own; name one with -m")
    methods = list({spec.label: spec for spec in parsed}.values())
    named = {spec.name for spec in methods}
    methods += [MethodSpec(name) for name in REFERENCES if name not in named]
    options = (request.target, request.one_hot, request.groups, request.time)
    # A user's pipeline has an encoder of its own; our methods need numbers.
    mixed = not request.one_hot and all(spec.is_a_users() for spec in parsed)
    wanted = texts(request.data, suite.datasets, "data")
    if not wanted:
        raise BadInput(f"suite {suite.name} has no data of its own; name some with -d")
    data = [DataSpec(name, *options, mixed) for name in wanted]
    if not any(spec.is_file for spec in data) and any(options):
        raise BadInput("--target, --one-hot, --groups and --time are for a file given with -d")
    stresses = with_baseline(
        [load_stress(name) for name in texts(request.stress, suite.stress, "stress")]
    )
    return plan_of(suite, request, methods, data, stresses)


def plan_of(
    suite: Suite,
    request: Request,
    methods: Sequence[MethodSpec],
    data: Sequence[DataSpec],
    stresses: Sequence[Stress],
) -> Plan:
    """Plan methods on data sets under stresses; numbers are the request's, or else the suite's."""
    repeats = suite.repeats if request.repeats is None else request.repeats
    if repeats < 1:
        raise BadInput(f"the number of repeats must be at least 1, not {repeats}")
    asked = suite.splits if request.splits is None else request.splits
    if (asked or 1) * repeats > MOST_FITS:
        raise BadInput(
            f"{asked or 1} splits times {repeats} repeats are too many; "
            f"ask for at most {MOST_FITS} fits of a method on a data set"
        )
    levels = (
        CLEAN,
        *((s.name, v) for s in stresses if isinstance(s, InputStress) for v in s.levels),
    )
    refits = [s for s in stresses if not isinstance(s, InputStress)]
    method_codes = {method.name: method.source_sha256() for method in methods}
    method_sources = {method.name: method.sources() for method in methods}
    stress_sources = {s.name: sources_of("stress", s.name, s) for s in stresses}
    codes = {CLEAN[0]: "", **{name: read.sha256 for name, read in stress_sources.items()}}
    jobs: list[Job] = []
    facts: list[DataFacts] = []
    for spec in data:
        source = spec.open()
        if source.name in {known.name for known in facts}:
            raise BadInput(f"two data sets are called {source.name!r}; rename one of the files")
        splits = source.splits(asked, suite.family)
        train, test = source.realise(splits[0], request.seed)
        regions, absent = _regions(source, refits, request)
        warned = [*cautions(source, splits, request.seed), *absent]
        facts.append(_facts(source, train, test, splits, warned))
        timeout_s = request.timeout_s or suite.timeout_s
        repeated = len(splits) if request.repeats else suite.repeat_splits or len(splits)
        own_splits = (spec, source, tuple(splits), request.seed)
        size = (timeout_s, len(train.y), repeats, repeated)
        data_sources = sources_of("datasets", spec.name, source)
        data_code = (source.sha256, data_sources.sha256, environment.loops())
        for method in methods:
            if method.load().sees_truth and source.truth is None:
                continue
            own = _overridden(method, source.name, suite, request.device)
            code = (method_codes[method.name], *data_code)
            read = (method_sources[method.name] | data_sources, stress_sources)
            fits = Fits(method.label, own, *own_splits, *size, regions, code, *read)
            jobs += fits.clean(levels)
            for stress in refits:
                jobs += fits.stressed(stress)
    fitted = dict.fromkeys(c.place for job in jobs for c in job.cells if c.place != CLEAN)
    places = (*levels, *fitted)
    keys = [cell.key for job in jobs for cell in job.cells]
    run = f"{suite.name}-{digest([keys, places, codes])[:12]}"
    return Plan(
        run=run,
        suite=suite.name,
        seed=request.seed,
        jobs=tuple(jobs),
        levels=places,
        codes=codes,
        data=tuple(facts),
        methods=tuple(MethodFacts.of(spec.label, spec.load()) for spec in methods),
        stresses=tuple(map(StressFacts.of, stresses)),
        command=command(suite, request, methods, data, stresses, facts),
    )


def _regions(
    source: Source, stresses: Sequence[Stress], request: Request
) -> tuple[dict[str, list[str]], list[str]]:
    """Splits of each stress that holds a region out, and a sentence on each that has none.

    Raises BadInput for a stress that was asked for by name on a source without such splits.
    """
    found: dict[str, list[str]] = {}
    absent = []
    for stress in stresses:
        if not isinstance(stress, SplitStress):
            continue
        try:
            found[stress.name] = stress.splits(source, request.seed)
        except BadInput as error:
            if request.stress is not None:
                raise BadInput(f"{error}; leave out --stress {stress.name}") from None
            found[stress.name] = []
            absent.append(f"the stress {stress.name} is left out: {error}")
        else:
            if not found[stress.name]:
                absent.append(f"the stress {stress.name} is left out: no feature has such a region")
    return found, absent


def with_baseline(stresses: list[Stress]) -> list[Stress]:
    """Add what regions held out are held against."""
    names = {stress.name for stress in stresses}
    needed = any(isinstance(stress, SplitStress) for stress in stresses)
    return [*stresses, Thirds()] if needed and Thirds.name not in names else stresses


def texts(asked: Sequence[str] | None, own: list[str], what: str) -> list[str]:
    """Return the distinct names asked for, or the suite's own; BadInput for what are no names."""
    names = own if asked is None else [asked] if isinstance(asked, str) else list(asked)
    if not all(isinstance(name, str) for name in names):
        raise BadInput(f"{what} are named by text, such as 'deep_ensemble[n_members=10]'")
    return list(dict.fromkeys(names))


def _facts(
    source: Source, train: Dataset, test: Dataset, splits: list[str], warned: list[str]
) -> DataFacts:
    p, truth = source.provenance, source.truth
    return DataFacts(
        name=source.name,
        title=p.title,
        source=p.source,
        licence=p.licence,
        unit=p.unit,
        sha256=source.sha256,
        synthetic=truth is not None,
        limits=expected_scores(truth.predictive(test.X)) if truth else {},
        target=test.target,
        features=[*test.features],
        n_train=len(train.y),
        n_test=len(test.y),
        split=splits[0].partition("-")[0],
        cautions=warned,
    )


def _overridden(method: MethodSpec, dataset: str, suite: Suite, device: str | None) -> MethodSpec:
    """Apply the suite's settings for this data set; what the caller set stays."""
    asked = method.settings
    for override in suite.override:
        words = dict(override)
        named = words.pop("method", [])
        if words.pop("dataset", None) == dataset and _is_meant(named, method.name, asked):
            method = method.with_settings({**words, **method.settings})
    if device is not None and "device" in method.build().get_params(deep=False):
        method = method.with_settings({"device": device})
    return method


def _is_meant(named: str | list[str], name: str, settings: dict[str, Any]) -> bool:
    """Whether a method is one of those that an override names."""
    specs = [MethodSpec.parse(text) for text in ([named] if isinstance(named, str) else named)]
    return any(s.name == name and s.settings.items() <= settings.items() for s in specs)

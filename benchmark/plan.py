"""Plan: what will be fitted and forecast, before anything is.

A suite becomes cells (one fit each) and jobs (a stack of cells: one method on one data set). The
address of a cell is what a comparison matches across commits and seeds; its key is what the cache
trusts.
"""

import hashlib
import json
import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from howrobust import environment, seeds
from howrobust.catalogue import DataSpec, MethodSpec, code_of, load_stress
from howrobust.data import Dataset, Source
from howrobust.errors import BadInput
from howrobust.known import expected_scores

Level = tuple[str, float]  # a stress and its severity
CLEAN: Level = ("none", 0.0)
ALWAYS = ("marginal", "oracle")


class Suite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a suite file says.

    ``timeout_s`` is the limit per cell; ``splits`` None is a source's own number; an override names
    a dataset and a method, and settings for the two together.
    """

    name: str
    title: str
    methods: list[str]
    datasets: list[str]
    stress: list[str] = []
    splits: int | None = None
    family: str | None = None
    repeats: int = 1
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
    """Read a suite's text; BadInput says what is wrong with it."""
    try:
        return msgspec.convert({"name": name, **tomllib.loads(text)}, Suite)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadInput(f"suite {name!r} cannot be read: {error}") from None


@dataclass(frozen=True)
class Cell:
    """One fit: its address, the key of its result, and its seeds."""

    dataset: str
    split: str
    method: str
    repeat: int
    key: str
    fit_seed: int
    train_stress: str = "none"
    level: float = 0.0


@dataclass(frozen=True)
class Job:
    """One stack: a method on a data set, all its splits and repeats, and the levels to forecast."""

    method: MethodSpec
    data: DataSpec
    cells: tuple[Cell, ...]
    levels: tuple[Level, ...]
    seed: int
    timeout_s: float
    n_train: int

    def of(self, cells: Sequence[Cell]) -> "Job":
        """Return the job of some of its cells."""
        return replace(self, cells=tuple(cells))

    @property
    def limit_s(self) -> float:
        """Seconds the job may take: the limit per cell times its cells."""
        return self.timeout_s * len(self.cells)


@dataclass(frozen=True)
class DataFacts:
    """What a report says of a data set; ``limits`` are the expected scores of a known truth."""

    name: str
    title: str
    source: str
    licence: str
    unit: str
    sha256: str
    synthetic: bool
    limits: dict[str, float]
    target: str
    features: list[str]
    n_train: int
    n_test: int
    split: str


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
    methods: tuple[str, ...]

    @property
    def cells(self) -> list[Cell]:
        """All cells, in the plan's order."""
        return [cell for job in self.jobs for cell in job.cells]


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
    repeats = suite.repeats if request.repeats is None else request.repeats
    if repeats < 1:
        raise BadInput(f"the number of repeats must be at least 1, not {repeats}")
    if request.timeout_s is not None and not request.timeout_s > 0:
        raise BadInput(f"the time limit must be greater than 0 seconds, not {request.timeout_s}")
    parsed = [MethodSpec.parse(text) for text in _texts(request.methods, suite.methods, "methods")]
    methods = list({spec.label: spec for spec in parsed}.values())
    named = {spec.name for spec in methods}
    methods += [MethodSpec(name) for name in ALWAYS if name not in named]
    options = (request.target, request.one_hot, request.groups, request.time)
    data = [DataSpec(name, *options) for name in _texts(request.data, suite.datasets, "data")]
    if not any(spec.is_file for spec in data) and any(options):
        raise BadInput("--target, --one-hot, --groups and --time are for a file given with -d")
    stresses = [load_stress(name) for name in _texts(request.stress, suite.stress, "stress")]
    levels = (CLEAN, *((s.name, level) for s in stresses for level in s.levels))
    codes = {CLEAN[0]: "", **{s.name: code_of(type(s)) for s in stresses}}
    method_codes = {method.name: method.source_sha256() for method in methods}
    jobs: list[Job] = []
    facts: list[DataFacts] = []
    for spec in data:
        source = spec.open()
        if source.name in {known.name for known in facts}:
            raise BadInput(f"two data sets are called {source.name!r}; rename one of the files")
        splits = source.splits(
            suite.splits if request.splits is None else request.splits, suite.family
        )
        train, test = source.realise(splits[0], request.seed)
        data_code = [source.sha256, code_of(type(source))]
        facts.append(_facts(source, train, test, splits[0]))
        timeout_s = request.timeout_s or suite.timeout_s
        for method in methods:
            if method.load().sees_truth and source.truth is None:
                continue
            own = _overridden(method, source.name, suite, request.device)
            code = [method_codes[method.name], *data_code, environment.loops()]
            addresses = [
                (source.name, split, method.label, repeat)
                for split in splits
                for repeat in range(repeats)
            ]
            cells = tuple(_cell(*place, own, code, request.seed) for place in addresses)
            jobs.append(
                Job(own, spec.absolute(), cells, levels, request.seed, timeout_s, len(train.y))
            )
    keys = [cell.key for job in jobs for cell in job.cells]
    run = f"{suite.name}-{_digest([keys, levels, codes])[:12]}"
    labels = tuple(method.label for method in methods)
    identity = (run, suite.name, request.seed)
    return Plan(*identity, tuple(jobs), levels, codes, tuple(facts), labels)


def _texts(asked: Sequence[str] | None, own: list[str], what: str) -> list[str]:
    """Return the distinct names asked for, or the suite's own; BadInput for what are no names."""
    names = own if asked is None else [asked] if isinstance(asked, str) else list(asked)
    if not all(isinstance(name, str) for name in names):
        raise BadInput(f"{what} are named by text, such as 'deep_ensemble[n_members=10]'")
    return list(dict.fromkeys(names))


def _facts(source: Source, train: Dataset, test: Dataset, split: str) -> DataFacts:
    p, truth = source.provenance, source.truth
    limits = expected_scores(truth.predictive(test.X)) if truth else {}
    identity = (source.name, p.title, p.source, p.licence, p.unit, source.sha256)
    rows = (len(train.y), len(test.y), split.partition("-")[0])
    return DataFacts(*identity, truth is not None, limits, test.target, [*test.features], *rows)


def _overridden(method: MethodSpec, dataset: str, suite: Suite, device: str | None) -> MethodSpec:
    """Apply the suite's settings for this data set; what the caller set stays."""
    for override in suite.override:
        words = dict(override)
        if (words.pop("dataset", None), words.pop("method", None)) == (dataset, method.name):
            method = method.with_settings({**words, **method.settings})
    if device is not None and "device" in method.load()().get_params():
        method = method.with_settings({"device": device})
    return method


def _cell(
    dataset: str,
    split: str,
    label: str,
    repeat: int,
    method: MethodSpec,
    code: list[str],
    seed: int,
) -> Cell:
    """One cell. Its fit seed omits stress and level: the ladders of a method are paired."""
    address = [dataset, split, label, "none", 0.0, repeat]
    fit_seed = seeds.derive(seed, "fit", dataset, split, label, repeat)
    key = _digest([address, method.settings, code, seed])
    return Cell(dataset, split, label, repeat, key, fit_seed)


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def rough_seconds(job: Job) -> float:
    """Estimate a job's time on one core, for the plan, the order of jobs and their share of cores.

    Networks x epochs x mini-batches x 8 us (a compiled step, measured), times width and batch over
    50 and 100; a tenth of a second per forecast, a second for a Gaussian process.
    """
    words = job.method.build().settings()
    cells = len(job.cells)
    overhead = 0.1 * cells * len(job.levels)
    if "epochs" not in words:
        return overhead + (1.0 * cells if "max_rows" in words else 0.0)
    batch = min(words["batch_size"] or job.n_train, job.n_train)
    steps = words["epochs"] * math.ceil(job.n_train / batch)
    networks = words.get("n_members") or words.get("n_folds", 1) * words.get("n_shuffles", 2)
    size = max(0.5, sum(words["hidden"]) / 50 * batch / 100)
    return float(overhead + cells * networks * 8e-6 * steps * size)

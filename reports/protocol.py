"""How a run was made: how each method was set, and the command that makes the run again."""

import shlex
from typing import Any

from howrobust.catalogue import MethodSpec, known_stress, names
from howrobust.errors import BadInput
from howrobust.plan import ALWAYS, Suite, load_suite
from howrobust.records import GRADIENTS
from howrobust.regions import BASELINE
from howrobust.reports.sheets import Sheet, SheetRow
from howrobust.reports.summary import Summary
from howrobust.reports.tables import Cell
from howrobust.stress.contract import SplitStress

COLUMNS = {"group": "--groups", "time": "--time"}


def settings(summary: Summary) -> Sheet:
    """How each method was set and where its noise comes from, in the methods' own words."""
    rows = []
    for label in dict.fromkeys(cell["method"] for cell in summary.cells):
        components, noise = "unknown", "not in the catalogue"
        try:
            kind = MethodSpec.parse(label).load()
            components, noise = kind.components, kind.noise_model
        except BadInput:  # a model given from Python, or a plug-in that is gone
            pass
        facts = " ".join(_facts(summary, data["name"], label) for data in summary.data).strip()
        cells = [Cell(text) for text in (label, components, noise, facts)]
        rows.append(SheetRow(cells, method=label))
    header = ["method", "components", "noise", "first split"]
    return Sheet("how each method was set", header, (0, 1, 2, 3), rows)


def _facts(summary: Summary, dataset: str, method: str) -> str:
    """What the fit of the first split reports; empty where there is none."""
    cells = summary.finished(dataset, method)
    if not cells:
        return ""
    facts = [f"S = {summary.clean(cells[0]).n_components}"]
    facts += [f"{k} {_range(v)}" for k, v in cells[0]["facts"].items() if k != GRADIENTS]
    spread = summary.estimate(dataset, method, "nll_error")
    if spread and spread.mean > 0:
        facts.append(f"Monte-Carlo error of nll {spread.mean:.2g}")
    return f"{dataset}: {', '.join(facts)}."


def _range(value: float | list[float]) -> str:
    """A number, or the least and the largest of several."""
    if isinstance(value, list):
        return f"{min(value):.3g} to {max(value):.3g}"
    return f"{value:.3g}"


def command(summary: Summary) -> tuple[str, list[str]]:
    """The command that makes the run again, and what about it the store does not know.

    Options that say what the suite says are left out.
    """
    about = summary.about
    try:
        suite: Suite | None = load_suite(about["suite"])
    except BadInput:  # a suite of another version
        suite = None
    words = ["howrobust", "run", about["suite"]]
    for option, values in (
        ("-m", _methods(about["methods"], suite)),
        ("-d", _addresses(about["data"], suite)),
        ("--stress", _stresses(summary, suite)),
    ):
        words += [word for value in values for word in (option, value)]
    words += [*_file_options(about["data"]), *_numbers(summary, suite)]
    return shlex.join([*words, "--seed", str(about["seed"])]), _unknown(summary, suite)


def _methods(labels: list[str], suite: Suite | None) -> list[str]:
    """What -m takes; nothing where the suite says the same."""
    asked = [label for label in labels if label not in ALWAYS]
    own = [MethodSpec.parse(text).label for text in suite.methods] if suite else []
    return [] if asked == [label for label in own if label not in ALWAYS] else asked


def _addresses(data: list[dict[str, Any]], suite: Suite | None) -> list[str]:
    """What -d takes, names in the catalogue or paths; nothing where the suite says the same."""
    known = names("datasets")
    asked = [str(facts["name"] if facts["name"] in known else facts["source"]) for facts in data]
    return [] if suite and asked == suite.datasets else asked


def _stresses(summary: Summary, suite: Suite | None) -> list[str]:
    """What --stress takes; nothing where the suite says the same.

    A suite's region is left out of the run, without --stress, where no feature has one.
    """
    asked = [stress for stress in summary.stresses() if stress != BASELINE]
    own = list(suite.stress) if suite else []
    missing = [stress for stress in own if stress not in asked]
    regions = all(isinstance(known_stress(stress), SplitStress) for stress in missing)
    return [] if set(asked) <= set(own) and regions else asked


def _file_options(data: list[dict[str, Any]]) -> list[str]:
    """The target of files, where they share one."""
    targets = {facts["target"] for facts in data if facts["name"] not in names("datasets")}
    return ["--target", targets.pop()] if len(targets) == 1 else []


def _numbers(summary: Summary, suite: Suite | None) -> list[str]:
    """Splits and repeats, where they are not the suite's."""
    words = []
    splits = {summary.planned_splits(data["name"]) for data in summary.data}
    if len(splits) == 1 and not (suite and splits == {suite.splits}):
        words += ["--splits", str(splits.pop())]
    repeats = 1 + max(cell["repeat"] for cell in summary.cells)
    if repeats != (suite.repeats if suite else 1):
        words += ["--repeats", str(repeats)]
    return words


def _unknown(summary: Summary, suite: Suite | None) -> list[str]:
    """What a caller has to add."""
    found = [] if suite else [f"this version has no suite {summary.about['suite']}"]
    if suite and suite.stress and not summary.stresses():
        found.append("it was put under no stress: from Python, stress=[]")
    for data in summary.data:
        if data["name"] not in names("datasets"):
            found.append(
                f"{data['name']} is no data set of the catalogue: its sha256 began with "
                f"{data['sha256'][:16]}; add --one-hot if it was used"
            )
        if data["split"] in COLUMNS:
            found.append(
                f"add {COLUMNS[data['split']]} and the column that {data['name']} was split by"
            )
    for label in summary.methods:
        try:
            MethodSpec.parse(label)
        except BadInput:
            found.append(f"{label} was given from Python or is a plug-in that is not installed")
    return found

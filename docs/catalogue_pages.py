"""Reference pages generated from the catalogue's objects and their docstrings."""

import re
from collections.abc import Callable, Iterable, Sequence
from inspect import getdoc
from itertools import groupby
from sys import modules

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from howrobust.base.metric import Metric
from howrobust.base.stress import InputStress, SettingStress, SplitStress, TrainStress
from howrobust.cli.descriptions import definition, summary
from howrobust.metrics import METRICS
from howrobust.planning import entry_points
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.suite import load_suite, suite_names

TARGET, NATS, SHARE, NONE = "of the target", "nats", "share", "-"
# The unit of a metric, by the longest beginning of its name.
UNITS = {
    "rmse": TARGET, "mae": TARGET, "crps": TARGET, "pinball": TARGET, "interval_score": TARGET,
    "sharpness": TARGET, "width": TARGET, "nll": NATS, "kl_to_truth": NATS, "mace": SHARE,
    "rmsce": SHARE, "coverage": SHARE, "worst_group_coverage": SHARE, "between_share": SHARE,
    "r2": NONE, "ence": NONE, "error_sd_rank": NONE, "prr": NONE, "quantile_crossings": "rows",
}  # fmt: skip
KINDS = {
    InputStress: "Of the inputs of a fitted model",
    TrainStress: "Of the training rows: the model is fitted again",
    SplitStress: "Of the region that is held out: the model is fitted again",
    SettingStress: "Of one setting: the model is fitted again",
}
CODE = re.compile(r"(``.*?``|`.*?`)", re.DOTALL)


def prose(docstring: str) -> str:
    """Return a docstring as Markdown on one line: only its code spans are marks."""
    parts = CODE.split(" ".join(docstring.split()))
    parts[::2] = [re.sub(r"([*_\[\]<>|$\\])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def table(header: Sequence[str], widths: Sequence[int], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown whose cells may hold anything."""
    lines = ["```{list-table}", ":header-rows: 1", f":widths: {' '.join(map(str, widths))}", ""]
    for row in (header, *rows):
        # A dash alone would be a list.
        cells = ["\\-" if cell == "-" else cell for cell in row]
        lines += [f"{'  ' if k else '* '}- {cell}" for k, cell in enumerate(cells)]
    return "\n".join([*lines, "```", ""])


def unit(metric: Metric) -> str:
    """Return the unit of a metric; an error for one that has none here."""
    if metric.name.endswith("_p"):
        return "probability"
    known = [begin for begin in UNITS if metric.name.startswith(begin)]
    if not known:
        raise ExtensionError(f"the metric {metric.name} has no unit in {__name__}")
    return UNITS[max(known, key=len)]


def metrics() -> str:
    """Return every metric by module, with its direction, unit and definition."""
    text = []
    for module, group in groupby(METRICS, key=lambda metric: metric.function.__module__):
        rows = [
            (
                f"`{metric.name}`",
                metric.better,
                unit(metric),
                prose(definition(metric)),
            )
            for metric in group
        ]
        title = summary(getdoc(modules[module]) or module).rstrip(".")
        text.append(f"## {prose(title)}\n")
        text.append(table(("name", "better", "unit", "definition"), (24, 8, 12, 56), rows))
    return "\n".join(text)


def stresses() -> str:
    """Return every stress by kind, with its levels, their unit and its definition."""
    known = [entry_points.load_stress(name) for name in entry_points.names("stress")]
    text = []
    for kind, title in KINDS.items():
        rows = [
            (
                f"`{stress.name}`",
                " ".join(f"{level:g}" for level in stress.levels),
                stress.unit,
                prose(getdoc(stress) or ""),
            )
            for stress in known
            if isinstance(stress, kind)
        ]
        text.append(f"## {title}\n\n{prose(summary(getdoc(kind) or ''))}\n")
        text.append(table(("name", "levels", "unit", "definition"), (24, 14, 14, 48), rows))
    return "\n".join(text)


def datasets() -> str:
    """Return every data set with its provenance."""
    rows = []
    for name in entry_points.names("datasets"):
        about = DataSpec(name).open().provenance
        rows.append((f"`{name}`", prose(about.title), about.unit, prose(about.source)))
    return table(("name", "what it is", "unit of the target", "source"), (18, 42, 15, 25), rows)


def suites() -> str:
    """Return every suite with its lists and numbers."""
    rows = []
    for name in suite_names():
        suite = load_suite(name)
        splits = "of the source" if suite.splits is None else str(suite.splits)
        lists = [" ".join(f"`{name}`" for name in names) or "-"
                 for names in (suite.datasets, suite.methods, suite.stress)]  # fmt: skip
        rows.append((f"`{name}`", prose(suite.title), *lists, splits, str(suite.repeats)))
    header = ("name", "what it asks", "data sets", "methods", "stresses", "splits", "repeats")
    return table(header, (10, 20, 18, 20, 18, 7, 7), rows)


def directive(write: Callable[[], str]) -> type[SphinxDirective]:
    """Return a directive that stands for Markdown."""

    class Written(SphinxDirective):
        def run(self) -> list[nodes.Node]:
            return self.parse_text_to_nodes(write(), allow_section_headings=True)

    return Written


def setup(app: Sphinx) -> dict[str, bool]:
    """Register a directive for each page."""
    for write in (metrics, stresses, datasets, suites):
        app.add_directive(f"catalogue-{write.__name__}", directive(write))
    return {"parallel_read_safe": True}

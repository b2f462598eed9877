"""The verdict of a comparison, as sentences: for a terminal and, as Markdown, for pull requests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from howrobust.base.cells import CLEAN
from howrobust.base.rendering import register_renderer
from howrobust.comparison.baseline import Snapshot
from howrobust.comparison.events import (
    FAILED,
    FAILING,
    MENDED,
    MISSING,
    NEW,
    OTHER_DATA,
    Event,
)
from howrobust.comparison.losses import GATES, PLUGIN_GATE, gate_of
from howrobust.comparison.quality import BETTER, INCONCLUSIVE, UNCHANGED, WORSE, Change
from howrobust.comparison.runs import Comparison
from howrobust.comparison.speed import Pace

LONGEST = 12  # lines of what is no regression
HEADLINES = {
    0: "No regression.",
    1: "Regression: something is worse, slower, missing or failed, or computed on other data.",
    3: "Nothing to compare.",
}


@dataclass(frozen=True)
class _Section:
    """A title and its lines; ``whole`` where every line is shown."""

    title: str
    lines: Sequence[str]
    whole: bool = False


def text(comparison: Comparison) -> str:
    """Return the verdict for a terminal.

    Parameters
    ----------
    comparison : Comparison
        A comparison of two runs.

    Returns
    -------
    str
        Sections of lines, the worst first, and the conclusion.
    """
    lines = [*_about(comparison), ""]
    for section in _sections(comparison):
        shown = section.lines if section.whole else section.lines[:LONGEST]
        lines += [f"{section.title}:", *(f"  {line}" for line in shown)]
        if len(shown) < len(section.lines):
            lines.append(f"  and {len(section.lines) - len(shown)} more (--format md has all)")
        lines.append("")
    return "\n".join([*lines, *_conclusion(comparison)]) + "\n"


def markdown(comparison: Comparison) -> str:
    """Return the verdict for a pull request.

    Parameters
    ----------
    comparison : Comparison
        A comparison of two runs.

    Returns
    -------
    str
        Markdown; long lists of what is no regression are folded.
    """
    from howrobust.reports.markdown import md  # loads all of a report, which a terminal need not

    parts = [f"**{md(_headline(comparison))}**", "  \n".join(map(md, _about(comparison)))]
    for section in _sections(comparison):
        items = "\n".join(f"- {md(line)}" for line in section.lines)
        if section.whole or len(section.lines) <= LONGEST:
            parts.append(f"#### {section.title}\n\n{items}")
        else:
            title = f"{section.title}: {len(section.lines)}"
            parts.append(f"<details><summary>{title}</summary>\n\n{items}\n\n</details>")
    return "\n\n".join([*parts, *map(md, _conclusion(comparison)[:-1])]) + "\n"


def _about(comparison: Comparison) -> list[str]:
    return [
        f"{name}: {_run(taken)}" for name, taken in
        (("base", comparison.base), ("new", comparison.new))
    ]  # fmt: skip


def _run(taken: Snapshot) -> str:
    version = taken.environment.get("howrobust", "of unknown version")
    processor = taken.environment.get("processor", "unknown processor")
    cells = f"{len(taken.cells)} cells"
    return f"{taken.run}, seed {taken.seed}, {cells}, howrobust {version}, {processor}"


def _sections(comparison: Comparison) -> Iterator[_Section]:
    """The sections that have lines, the worst first."""
    paces = [pace for pace in comparison.paces if pace.verdict != UNCHANGED]
    found = [
        _Section("Worse", _sentences(comparison.of(WORSE)), whole=True),
        _Section("Slower", [_pace(p) for p in paces if p.verdict == WORSE], whole=True),
        _Section("Missing", _events(comparison, MISSING), whole=True),
        _Section("Failed", _events(comparison, FAILED), whole=True),
        _Section("On other data", _events(comparison, OTHER_DATA), whole=True),
        _Section("Inconclusive: worse, but not significantly", [
            *_sentences(comparison.of(INCONCLUSIVE)),
            *(_pace(p) for p in paces if p.verdict == INCONCLUSIVE),
        ]),
        _Section("Better", [
            *_sentences(comparison.of(BETTER)),
            *(_pace(p) for p in paces if p.verdict == BETTER),
        ]),
        _Section("Failing in both runs", _events(comparison, FAILING)),
        _Section("Failed before, fine now", _events(comparison, MENDED)),
        _Section("New", _events(comparison, NEW)),
    ]  # fmt: skip
    yield from (section for section in found if section.lines)


def _conclusion(comparison: Comparison) -> list[str]:
    """How much is unchanged, what counted as a change, what of speed, and the headline."""
    unchanged = comparison.of(UNCHANGED)
    equal = sum(change.same for change in unchanged)
    plugins = [
        name for name in dict.fromkeys(c.metric for c in comparison.changes) if name not in GATES
    ]
    sizes = ", ".join(f"{name} {_amount(name, gate_of(name).size)}" for name in (*GATES, *plugins))
    lines = [
        f"Unchanged: {len(unchanged)} of {len(comparison.changes)}, {equal} of them identical.",
        f"A change counts if beyond {sizes}, and significant at {comparison.alpha:g} over "
        f"{comparison.tests} tests (corrected resampled t, Holm).",
    ]
    if comparison.max_slowdown is not None:
        count, most = len(comparison.paces), comparison.max_slowdown
        why = comparison.speed.reason
        told = f"not compared: {why}" if why else f"{count} costs, {most:g} times as much allowed"
        lines.append(f"Speed: {told}.")
    return [*lines, _headline(comparison)]


def _headline(comparison: Comparison) -> str:
    if comparison.exit_code == 3 and comparison.changes and not comparison.tested:
        return "Nothing could be tested: a test of a change needs two splits or more (--splits)."
    if comparison.exit_code == 3 and comparison.changes:
        return "No regression, but speed could not be compared, as was asked."
    return HEADLINES[comparison.exit_code]


def _sentences(changes: Sequence[Change]) -> list[str]:
    return [_sentence(change) for change in changes]


def _sentence(change: Change) -> str:
    """What changed, by how much, with its interval and what it rests on."""
    where = change.dataset or "all data sets together"
    under = "" if change.stress == CLEAN[0] else f" under {change.stress}"
    side = "worse" if change.estimate.mean > 0 else "better"
    sign = 1 if change.estimate.mean > 0 else -1
    amount = _amount(change.metric, change.estimate.mean, sign)
    told = []
    if not np.isnan(change.estimate.se):
        limits = (change.estimate.lower, change.estimate.upper)
        lower, upper = (_amount(change.metric, v, sign) for v in limits[::sign])
        told.append(f"95 % interval {lower} to {upper}")
    if change.dataset:
        told.append(f"{_value(change.metric, change.base)} to {_value(change.metric, change.new)}")
    told.append(f"{change.splits} split{'s' if change.splits > 1 else ''}")
    if not np.isnan(change.p):
        told.append(f"p {change.p:.2g}" if change.p >= 1e-4 else "p < 0.0001")
    if change.verdict == INCONCLUSIVE:
        told.append(_needed(change))
    return (
        f"{change.method} on {where}{under}: {change.metric} {side} by {amount} ({'; '.join(told)})"
    )


def _needed(change: Change) -> str:
    if change.splits_needed is not None:
        return f"{change.splits_needed} splits are needed for a significant difference of this size"
    if change.splits == 1:
        return "one split gives no interval"
    return "see its data sets" if not change.dataset else "more splits would not help"


def _amount(metric: str, loss: float, sign: int = 1) -> str:
    """A difference of losses in the metric's own unit, counted along ``sign``."""
    unit = gate_of(metric).unit
    if unit == PLUGIN_GATE.unit:
        return f"{sign * 100 * loss:.3g} {unit}"
    if unit == "%":
        return f"{sign * 100 * np.expm1(loss):.3g} %"
    return f"{sign * loss * (100 if unit == 'points' else 1):.3g} {unit}"


def _value(metric: str, value: float) -> str:
    return f"{100 * value:.1f} %" if gate_of(metric).unit == "points" else f"{value:.4g}"


def _pace(pace: Pace) -> str:
    ratio = pace.ratio
    told = [f"{pace.stacks} stack{'s' if pace.stacks > 1 else ''}"]
    if np.isnan(pace.p):
        told.append("no interval, the scatter of timings is unknown: give more data sets")
    else:
        told = [f"95 % interval {ratio.lower:.2f} to {ratio.upper:.2f}", *told, f"p {pace.p:.2g}"]
    return f"{pace.method}: a {pace.what} costs {ratio.mean:.2f} times as much ({'; '.join(told)})"


def _events(comparison: Comparison, kind: str) -> list[str]:
    return [_event(event) for event in comparison.events if event.kind == kind]


def _event(event: Event) -> str:
    under = f" under {event.place}" if event.place else ""
    where = f"{event.method} on {event.dataset}{under}" if event.method else event.dataset
    count = f" ({event.count} cells)" if event.count > 1 else ""
    return f"{where}{count}{f': {event.reason}' if event.reason else ''}"


register_renderer(Comparison, "text", text)

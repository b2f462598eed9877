"""Published tables reproduced: stored runs beside them as Markdown, a note on each exception."""

import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from howrobust.errors import BadInput
from howrobust.reports.markdown import md, md_table
from howrobust.reports.published import Comparison, beside, comparisons
from howrobust.reports.sheets import Sheet, SheetRow
from howrobust.reports.summary import Summary
from howrobust.reports.tables import Cell, number, printed
from howrobust.results import Results
from howrobust.scores import REFERENCES

PAIRED = "paired by split"
UNPAIRED = (
    "both standard errors and the rounding counted, as if the splits were not the same: that error "
    "is an upper bound"
)
CHANCE = (
    "Of paired differences about one in twenty is expected to be an exception by chance; of the "
    "others, whose error is an upper bound, fewer."
)
COLUMNS = ("data set", "score", "ours (SE)", "published (SE)", "difference in SE", "")


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was tried where a score of a method on a data set differs from the published one."""

    method: str
    dataset: str
    scores: list[str]
    text: str


class Notes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a reader must know beyond the numbers: of the whole, and of each exception."""

    about: str = ""
    note: list[Note] = []


def read_notes(path: Path | None) -> Notes:
    """Read a file of notes; BadInput says what is wrong with it."""
    if path is None:
        return Notes()
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Notes)
    except (OSError, ValueError) as error:
        raise BadInput(f"the notes {path} cannot be read: {error}") from None


def reproduction(results: Sequence[Results], notes: Notes) -> tuple[str, list[str]]:
    """Return the page, and the exceptions that no note speaks of.

    Raises BadInput where no run has a counterpart among published results.
    """
    summaries = [Summary(found) for found in results]
    every = [c for summary in summaries for c in comparisons(summary)]
    if not every:
        raise BadInput(
            "nothing to compare: the runs hold no method of a published protocol, or the data "
            "folder (HOWROBUST_DATA) holds no published/published_tables.csv"
        )
    parts = ["# Published tables, reproduced", _how(summaries), notes.about.strip(), _tally(every)]
    for place in dict.fromkeys((c.method, c.published, c.split) for c in every):
        rows = [c for c in every if (c.method, c.published, c.split) == place]
        parts += _section(rows)
    parts += _exceptions(every, notes)
    parts += _beside(summaries)
    parts += _cautions(summaries)
    known = {(n.method, n.dataset, score) for n in notes.note for score in n.scores}
    missing = [
        f"{c.method} on {c.dataset}: {c.metric} differs by {c.difference:+.1f} standard errors"
        for c in every
        if c.is_exception and (c.method, c.dataset, c.metric) not in known
    ]
    return "\n\n".join(part for part in parts if part) + "\n", missing


def _how(summaries: Sequence[Summary]) -> str:
    """Which runs these are, how long they took, and where."""
    lines = ["Made by `howrobust reproduction` from stored runs:", ""]
    for summary in summaries:
        about, ran = summary.about, summary.about["environment"]
        methods = ", ".join(f"`{m}`" for m in summary.methods if m not in REFERENCES)
        lines.append(
            f"* suite `{about['suite']}`, seed {about['seed']}: {methods}; "
            f"{len(summary.data)} data set{'s' if len(summary.data) != 1 else ''}, "
            f"{len(summary.cells)} cells; it took "
            f"{about['took_s']:.0f} s in all on {ran['cores']} cores ({ran['processor']}; "
            f"howrobust {ran['howrobust']}, torch {ran['torch']})."
        )
    return "\n".join(lines)


def _tally(every: Sequence[Comparison]) -> str:
    """How many comparisons agree, by published method."""
    lines = []
    for published in dict.fromkeys(c.published for c in every if c.reproduces):
        own = [c for c in every if c.published == published and c.reproduces]
        within = sum(not c.is_exception for c in own)
        lines.append(
            f"* {md(published)}: {within} of {len(own)} scores within 2 standard errors of the "
            "published ones, in either direction."
        )
    return "\n".join([CHANCE, "", *lines])


def _section(rows: Sequence[Comparison]) -> list[str]:
    first = rows[0]
    role = "" if first.reproduces else " (a reference of another protocol, not a target)"
    kind = PAIRED if first.paired else UNPAIRED
    spreads = Counter(c.theirs.spread or "no spread given" for c in rows)
    found = [
        SheetRow(
            [
                Cell(c.dataset),
                Cell(c.metric),
                Cell(number(c.ours)),
                Cell(printed(c.theirs)),
                Cell(f"{c.difference:+.1f}"),
                Cell("exception" if c.is_exception else ""),
            ]
        )
        for c in rows
    ]
    return [
        f"## `{first.method}` beside {md(first.published)}, {first.split} splits{role}",
        f"Published protocol: {md(first.theirs.protocol)}. Its spread: "
        f"{md('; '.join(spreads))}. Differences: {kind}.",
        md_table(Sheet(first.published, COLUMNS, (0, 1, 5), found)),
    ]


def _exceptions(every: Sequence[Comparison], notes: Notes) -> list[str]:
    found = [c for c in every if c.is_exception]
    if not found:
        return []
    parts = []
    for note in notes.note:
        own = [
            c
            for c in found
            if (c.method, c.dataset) == (note.method, note.dataset) and c.metric in note.scores
        ]
        if own:
            scores = ", ".join(f"{c.metric} {c.difference:+.1f}" for c in own)
            parts.append(f"**{md(note.dataset)}, `{note.method}`** ({scores}): {note.text.strip()}")
    return ["## Exceptions, and what was tried", *parts] if parts else []


def _beside(summaries: Sequence[Summary]) -> list[str]:
    """Published scores of a method that is not ours, for scale."""
    names = [d["name"] for s in summaries for d in s.data if d["split"] == "random"]
    found = beside(list(dict.fromkeys(names)))
    rows = [
        SheetRow([Cell(dataset), Cell(metric), Cell(printed(p))])
        for (dataset, metric), p in found.items()
    ]
    title = "## For scale: probabilistic backpropagation (Hernandez-Lobato & Adams 2015)"
    table = md_table(Sheet(title, ("data set", "score", "published"), (0, 1), rows))
    return [title, table] if rows else []


def _cautions(summaries: Sequence[Summary]) -> list[str]:
    """What the data themselves warn of."""
    found = [
        f"* {md(data['name'])} ({data['split']} splits): {md(caution)}"
        for summary in summaries
        for data in summary.data
        for caution in data.get("cautions", [])
    ]
    return ["## What to know of the data", "\n".join(found)] if found else []

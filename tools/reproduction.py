"""Compare stored runs with published tables, as Markdown with a note on each exception.

``python tools/reproduction.py FOLDER ... > docs/reproduction.md`` renews the page of the
documentation. It needs an installed howrobust and a data folder that holds the published results.
"""

import argparse
import sys
import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from howrobust._results import Results
from howrobust._run import score_again
from howrobust.analysis.run_scores import Scores
from howrobust.base.facts import REFERENCES
from howrobust.errors import BadInput
from howrobust.reports.markdown import md, md_table
from howrobust.reports.number_text import number
from howrobust.reports.sections.published import published_number
from howrobust.reports.sections.published_results import PublishedComparison, beside, comparisons
from howrobust.reports.table import Table, TableCell, TableRow

NOTES = Path(__file__).with_name("reproduction-notes.toml")
MADE_BY = (
    "Made by `python tools/reproduction.py FOLDER ... > docs/reproduction.md` from the latest run "
    "in each folder:"
)
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
    """What was tried where scores of a method on a data set differ from the published ones."""

    method: str
    dataset: str
    scores: list[str]
    text: str


class Notes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Notes on the page as a whole, ``about``, and on its exceptions."""

    about: str = ""
    note: list[Note] = []


def read_notes(path: Path) -> Notes:
    """Read a file of notes; raise BadInput where it cannot be read."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Notes)
    except (OSError, ValueError) as error:
        raise BadInput(f"the notes {path} cannot be read: {error}") from None


def reproduction(results: Sequence[Results], notes: Notes) -> tuple[str, list[str]]:
    """Return the page, and a sentence for each exception without a note.

    Raises BadInput where no run has a counterpart among published results.
    """
    runs = [Scores(each) for each in results]
    every = [c for scores in runs for c in comparisons(scores)]
    if not every:
        raise BadInput(
            "nothing to compare: the runs hold no method of a published protocol, or the data "
            "folder (HOWROBUST_DATA) holds no published/published_tables.csv"
        )
    parts = ["# Published tables, reproduced", _how(runs), notes.about.strip(), _tally(every)]
    for section in dict.fromkeys((c.method, c.published, c.split) for c in every):
        rows = [c for c in every if (c.method, c.published, c.split) == section]
        parts += _section(rows)
    parts += _exceptions(every, notes)
    parts += _beside(runs)
    parts += _data_warnings(runs)
    known = {(n.method, n.dataset, score) for n in notes.note for score in n.scores}
    missing = [
        f"{c.method} on {c.dataset}: {c.metric} differs by {c.difference:+.1f} standard errors"
        for c in every
        if c.is_exception and (c.method, c.dataset, c.metric) not in known
    ]
    return "\n\n".join(part for part in parts if part) + "\n", missing


def _how(runs: Sequence[Scores]) -> str:
    """List the runs, with their duration and machine."""
    lines = [MADE_BY, ""]
    for scores in runs:
        about, ran = scores.about, scores.about.environment
        methods = ", ".join(f"`{m}`" for m in scores.methods if m not in REFERENCES)
        lines.append(
            f"* suite `{about.suite}`, seed {about.seed}: {methods}; "
            f"{len(scores.data)} data set{'s' if len(scores.data) != 1 else ''}, "
            f"{len(scores.cells)} cells; it took "
            f"{about.took_s:.0f} s in all on {ran['cores']} cores ({ran['processor']}; "
            f"howrobust {ran['howrobust']}, torch {ran['torch']})."
        )
    return "\n".join(lines)


def _tally(every: Sequence[PublishedComparison]) -> str:
    """Count the comparisons that agree, by published method."""
    lines = []
    for published in dict.fromkeys(c.published for c in every if c.reproduces):
        scores = [c for c in every if c.published == published and c.reproduces]
        within = sum(not c.is_exception for c in scores)
        lines.append(
            f"* {md(published)}: {within} of {len(scores)} scores within 2 standard errors of the "
            "published ones, in either direction."
        )
    return "\n".join([CHANCE, "", *lines])


def _section(rows: Sequence[PublishedComparison]) -> list[str]:
    """Return the title, the protocol and the table of one published method."""
    first = rows[0]
    role = "" if first.reproduces else " (a reference of another protocol, not a target)"
    kind = PAIRED if first.paired else UNPAIRED
    spreads = Counter(c.theirs.spread or "no spread given" for c in rows)
    table = [
        TableRow(
            [
                TableCell(c.dataset),
                TableCell(c.metric),
                TableCell(number(c.ours)),
                TableCell(published_number(c.theirs)),
                TableCell(f"{c.difference:+.1f}"),
                TableCell("exception" if c.is_exception else ""),
            ]
        )
        for c in rows
    ]
    return [
        f"## `{first.method}` beside {md(first.published)}, {first.split} splits{role}",
        f"Published protocol: {md(first.theirs.protocol)}. Its spread: "
        f"{md('; '.join(spreads))}. Differences: {kind}.",
        md_table(Table(first.published, COLUMNS, (0, 1, 5), table)),
    ]


def _exceptions(every: Sequence[PublishedComparison], notes: Notes) -> list[str]:
    """Return each note that has exceptions, with their differences in standard errors."""
    parts = []
    for note in notes.note:
        noted = [
            c
            for c in every
            if c.is_exception
            and (c.method, c.dataset) == (note.method, note.dataset)
            and c.metric in note.scores
        ]
        if noted:
            scores = ", ".join(f"{c.metric} {c.difference:+.1f}" for c in noted)
            parts.append(f"**{md(note.dataset)}, `{note.method}`** ({scores}): {note.text.strip()}")
    return ["## Exceptions, and what was tried", *parts] if parts else []


def _beside(runs: Sequence[Scores]) -> list[str]:
    """Return published scores of probabilistic backpropagation, for scale."""
    names = [d.name for s in runs for d in s.data if d.split == "random"]
    published = beside(list(dict.fromkeys(names)))
    rows = [
        TableRow([TableCell(dataset), TableCell(metric), TableCell(published_number(p))])
        for (dataset, metric), p in published.items()
    ]
    title = "## For scale: probabilistic backpropagation (Hernandez-Lobato & Adams 2015)"
    table = md_table(Table(title, ("data set", "score", "published"), (0, 1), rows))
    return [title, table] if rows else []


def _data_warnings(runs: Sequence[Scores]) -> list[str]:
    """Return the warnings about the data."""
    warnings = [
        f"* {md(data.name)} ({data.split} splits): {md(warning)}"
        for scores in runs
        for data in scores.data
        for warning in data.warnings
    ]
    return ["## What to know of the data", "\n".join(warnings)] if warnings else []


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the page; return 1 where an exception has no note, and 2 on bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="folder of a run")
    parser.add_argument("--notes", type=Path, default=NOTES, help="TOML file of notes")
    options = parser.parse_args(arguments)
    try:
        notes = read_notes(options.notes)
        text, missing = reproduction([score_again(each) for each in options.folders], notes)
    except BadInput as error:
        print(f"reproduction: {error}", file=sys.stderr)
        return 2
    print(text, end="")
    for sentence in missing:
        print(f"reproduction: no note says why {sentence}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

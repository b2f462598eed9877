"""Tables of a run: the numbers in each format, and what each format must not take for markup."""

import csv
import io
import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from commandline import howrobust
from markdown_it import MarkdownIt
from rich.console import Console
from scipy import stats

from howrobust import seeds
from howrobust.analysis.results import COLUMNS
from howrobust.analysis.statistics import Estimate
from howrobust.base.cells import CLEAN
from howrobust.base.facts import DataFacts, MetricFacts
from howrobust.base.records import CellResult
from howrobust.reports import number_text, terminal
from howrobust.reports.csv_text import csv_text
from howrobust.reports.latex import MINUS, SPECIAL, latex, tex, tex_table
from howrobust.reports.markdown import markdown, md
from howrobust.reports.model import build_report
from howrobust.reports.page import render
from howrobust.reports.sections.protocol import directions
from howrobust.reports.sections.scores import (
    SCORES,
    SHOWN,
    cost_cell,
    first_against_others,
    score_table,
)
from howrobust.reports.table import Table, TableCell, TableRow

BACK = {**{tex: character for character, tex in SPECIAL.items()}, MINUS: "-"}


class Rows(HTMLParser):
    """Rows of a page's tables: (text, attributes) of each cell."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags, self._open = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append(["", dict(attrs)])
            self._open = True

    def handle_data(self, data):
        if self._open:
            self.rows[-1][-1][0] += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._open = False


@pytest.fixture(scope="module")
def report(hostile):
    return build_report(hostile)


@pytest.fixture(scope="module")
def page(report):
    return Rows(render(report)).rows


@pytest.fixture(scope="module")
def means(hostile):
    """Means over splits by (data set, method, metric), by a loop over the records."""
    found = {}
    for r in hostile.records().itertuples():
        if r.stress == "none" and r.status == "ok":
            found.setdefault((r.dataset, r.method, r.metric), []).append(r.value)
    return {place: np.mean(values) for place, values in found.items()}


# Numbers as text


@pytest.mark.parametrize(
    ("mean", "se", "text"),
    [
        (1.23456, 0.0123, "1.235 ± 0.012"),
        (0.0008123, 0.0000456, "0.000812 ± 0.000046"),
        (1234.5, 67.8, "1234 ± 68"),
        (2.4539614, 7.8e-06, "2.45396 ± 0.00001"),
        (2.4539614, 7.8e-12, "2.45396 ± <0.00001"),
        (-3.1e9, 4.4e7, "(-3.100 ± 0.044)e+09"),
        (1.2e-7, 3e-9, "(1.200 ± 0.030)e-07"),
        (0.0, 2.0, "0.0 ± 2.0"),
        (5.42, 0.0, "5.42"),
        (5.4244, float("nan"), "5.424"),
        (12818.2, float("nan"), "12818"),
    ],
)
def test_a_number_has_the_digits_that_its_error_supports(mean, se, text):
    assert number_text.number(Estimate(mean, se, 0, 0)) == text


def test_a_number_reads_back_as_the_mean_to_the_digits_shown():
    rng = seeds.generator(0, "numbers")
    for _ in range(2000):
        mean = rng.normal() * 10.0 ** rng.integers(-9, 9)
        se = abs(mean) * 10.0 ** rng.uniform(-8, 3)
        assert reads_as(number_text.number(Estimate(mean, se, 0, 0)), mean), (mean, se)


def reads_as(text, value):
    """Whether a text's first number is this value, to the digits that it shows."""
    found = re.search(r"-?[\d.]+(?:e[+-]\d+)?", text)
    power = re.search(r"\)e([+-]\d+)", text)
    scale = 10.0 ** int(power[1]) if power else 1.0
    shown = found[0]
    mantissa, _, exponent = shown.partition("e")
    unit = scale * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    # Half a unit of the last digit, and what doubles lose in dividing by the scale.
    return abs(float(shown) * scale - value) <= unit / 2 + 8 * np.finfo(float).eps * abs(value)


def test_a_difference_shows_its_interval_to_the_same_digits():
    assert number_text.signed(Estimate(0.0234, 0.0123, -0.0042, 0.051)) == "+0.023 [-0.004, 0.051]"
    assert number_text.signed(Estimate(-12.3, 4.5, -21.2, -3.4)) == "-12.3 [-21.2, -3.4]"
    assert number_text.signed(Estimate(3e9, 1e8, 2e9, 4e9)) == "+3.00e+09 [2.00e+09, 4.00e+09]"
    assert number_text.signed(Estimate(0.5, np.nan, np.nan, np.nan)) == "+0.5"


def test_costs_are_written_out(report):
    row = report.rows["quintic"][0]
    for value, text in ((0.00217, "0.0022"), (9.7, "9.7"), (99.7, "100"), (12818.2, "12818")):
        row = replace(row, costs={"us_per_draw": value})
        assert cost_cell(row, "us_per_draw").text == text


# Who is the best


MADE = DataFacts(
    name="made", title="", source="", licence="", unit="-", sha256="", synthetic=True, limits={},
    target="y", features=["x"], n_train=100, n_test=100, split="draw", warnings=[],
)  # fmt: skip


class Made:
    """What scores of generated data ask of a run: values (methods, splits) by metric.

    No forecasts are kept, so that every cell counts as lost.
    """

    folder = None

    def __init__(self, values, metrics=()):
        self.values = values
        self.methods = [f"m{k}" for k in range(len(values["nll"]))]
        facts = {m: SimpleNamespace(row_of="") for m in self.methods}
        self.about = SimpleNamespace(
            labels=self.methods, data=[MADE], levels=[CLEAN], method_facts=facts, metrics=metrics
        )

    def records(self):
        rows = [
            (
                *("run", "made", f"split-{j}", self.methods[m], 0, "none", 0.0, "", ""),
                *(metric, value, "ok", ""),
            )
            for metric, block in self.values.items()
            for (m, j), value in np.ndenumerate(block)
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def cells(self):
        splits = range(self.values["nll"].shape[1])
        return [
            CellResult("", "made", f"split-{j}", method, *CLEAN, 0, "failed")
            for j in splits
            for method in self.methods
        ]


def best_by_hand(block):
    """The method that a paired t-test with Holm over all pairs tells from every other, or None."""
    pairs = list(itertools.combinations(range(len(block)), 2))
    p = {(a, b): stats.ttest_rel(block[a], block[b]).pvalue for a, b in pairs}
    apart = set()
    for k, pair in enumerate(sorted(p, key=p.get)):
        if p[pair] * (len(p) - k) >= 0.05:
            break
        apart.add(pair)
    least = int(block.mean(axis=1).argmin())
    others = [pair for pair in pairs if least in pair]
    return least if apart.issuperset(others) else None


def test_the_best_is_marked_only_where_it_is_distinguishable_from_every_other():
    rng = seeds.generator(0, "best")
    marked = unmarked = 0
    for _ in range(20):
        # Differences have a standard error of sqrt(2 / 12) = .4: leads of up to 7.5 of them.
        leads = rng.uniform(0, 3, size=(len(SHOWN), 3, 1))
        values = dict(zip(SHOWN, leads + rng.normal(size=(len(SHOWN), 3, 12)), strict=True))
        report = build_report(Made(values))
        rows = {row.method: row for row in report.rows["made"]}
        for metric in SHOWN:
            expected = best_by_hand(values[metric])
            found = [m for m, row in rows.items() if metric in row.best]
            assert found == ([] if expected is None else [f"m{expected}"]), metric
            marked, unmarked = marked + (expected is not None), unmarked + (expected is None)
        table = score_table(rows.values(), MADE)
        for row in table.rows:
            titles = dict(zip(table.header, row.cells, strict=True))
            best = rows[row.method].best & set(SCORES)
            assert {name for name in SCORES if titles[name].best} == best
    assert min(marked, unmarked) >= 10


def made_table(metrics, clear):
    """The table of methods with the same values of every metric."""
    values = dict.fromkeys((*SHOWN, *(facts.name for facts in metrics)), clear)
    report = build_report(Made(values, metrics))
    return score_table(report.rows["made"], MADE, report.scores.plugin_metrics)


def test_metrics_of_plug_ins_are_the_last_scores_and_are_marked_by_their_direction():
    clear = np.array([[0.0, 0.1, 0.2, 0.1], [5.0, 5.2, 5.1, 5.1], [9.3, 9.0, 9.1, 9.2]])
    directions_ = {"a": "low", "b": "high", "c": "zero", "d": "-", "e": "nominal", "rmse": "high"}
    metrics = [MetricFacts(name, better) for name, better in directions_.items()]
    table = made_table(metrics, clear)
    header = list(table.header)
    assert header[header.index("within null band") + 1 :] == [*"abce", "fit s", "µs/draw"]
    assert header.count("rmse") == 1
    rows = {row.method: dict(zip(header, row.cells, strict=True)) for row in table.rows}
    best = {(method, name) for method, row in rows.items() for name in "abce" if row[name].best}
    assert best == {("m0", "a"), ("m2", "b")}
    assert rows["m1"]["b"].value == pytest.approx(5.1)
    assert directions(metrics[:3]) == (
        "Metrics of plug-ins: a (low is better), b (high is better), c (values near 0 are better)."
    )


@pytest.mark.parametrize("width", [60, 100, 160])
def test_a_terminal_leaves_out_metrics_of_plug_ins_last_and_shows_their_names_as_they_are(width):
    clear = np.array([[0.0, 0.1, 0.2, 0.1], [5.0, 5.2, 5.1, 5.1]])
    names = ["[bold]x[/bold]", "y"]
    table = made_table([MetricFacts(name, "low") for name in names], clear)
    titles = [str(column.header) for column in terminal.rich_table(table, "made", width).columns]
    kept = [name for name in names if name in titles]
    assert kept == names[: len(kept)]
    assert kept == names or not {*terminal.DISPENSABLE} & {*titles}
    assert kept == names or width < 160


def test_a_method_is_tied_with_the_first_where_several_splits_cannot_tell_them_apart():
    clear = np.array([[0.0, 0.1, 0.2, 0.1], [5.0, 5.2, 5.1, 5.1], [0.3, 0.0, 0.1, 0.2]])
    rows = {row.method: row for row in build_report(Made(dict.fromkeys(SHOWN, clear))).rows["made"]}
    assert [row.tied for row in rows.values()] == [False, True, False]
    assert list(rows) == ["m0", "m2", "m1"]
    assert rows["m1"].behind.estimate.mean == pytest.approx(5.0)
    assert not any(row.best for row in rows.values())
    said = first_against_others(list(rows.values()))
    assert said.startswith("By nll on 4 splits m0 is distinguishably better than m1; ")
    p = stats.ttest_rel(clear[0], clear[2]).pvalue  # the largest of three: Holm leaves it alone
    assert f"not distinguishable from m2 (p = {p:.2g})" in said
    one = build_report(Made(dict.fromkeys(SHOWN, clear[:, :1]))).rows["made"]
    assert not any(row.tied or row.best for row in one)
    assert "One split" in first_against_others(one)
    assert not any("≈" in cell.text for row in score_table(one, MADE).rows for cell in row.cells)


# The numbers of the records, in every format


def test_numbers_on_the_page_are_exactly_the_means_of_the_records(page, means, report):
    for section in report.data_sets:
        data = section.facts
        titles = section.table.header
        for row in report.rows[data.name]:
            expected = [repr(float(means[data.name, row.method, metric])) for metric in SCORES]
            found = [
                [cells[titles.index(metric)][1].get("data-value") for metric in SCORES]
                for cells in page
                if len(cells) == len(titles) and cells[1][0] == row.method
            ]
            assert expected in found, (data.name, row.method)


def test_the_page_holds_the_exact_numbers_of_its_cells(page, report):
    shown = [[(text, attrs.get("data-value")) for text, attrs in row] for row in page]
    for section in report.data_sets:
        for row in section.table.rows:
            values = [None if cell.value is None else repr(cell.value) for cell in row.cells]
            texts = [cell.text for cell in row.cells]
            assert any(
                [text.split() for text, _ in found] == [text.split() for text in texts]
                and [value for _, value in found] == values
                for found in shown
            ), row.method


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_markdown_and_latex_show_the_numbers_of_the_records(form, means, report):
    rows = markdown_rows(markdown(report)) if form == "markdown" else latex_rows(latex(report))
    for section in report.data_sets:
        data = section.facts
        titles = section.table.header
        for row in report.rows[data.name]:
            place = (data.name, row.method)
            found = [r for r in rows if len(r) == len(titles) and r[1] == row.method]
            assert any(
                all(reads_as(r[titles.index(m)], means[(*place, m)]) for m in SCORES)
                for r in found
            ), place  # fmt: skip


def test_bold_is_the_best_and_nothing_else(report):
    best = sorted(
        cell.text
        for section in report.data_sets
        for row in section.table.rows
        for cell in row.cells
        if cell.best
    )
    assert best  # on quintic a curve beats a line
    bold = re.findall(r"\\textbf\{(.*?)\}(?: &| \\)", latex(report))
    assert sorted(unescape(text) for text in bold) == best
    bold = re.findall(r"<td[^>]*><strong>(.*?)</strong></td>", markdown_html(markdown(report)))
    assert sorted(bold) == best


def markdown_html(text):
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return parser.render(text)


def markdown_rows(text):
    return [[cell for cell, _ in row] for row in Rows(markdown_html(text)).rows]


def latex_rows(text):
    """Cells of the rows of tables, as LaTeX would set them."""
    found = []
    for line in text.splitlines():
        if line.endswith(r" \\"):
            cells = re.split(r" & ", line[:-3])
            found.append([unescape(cell) for cell in cells])
    return found


def unescape(text):
    """The characters behind a cell's LaTeX; fails on whatever is no escape of ours."""
    text = re.sub(r"^\\textbf\{(.*)\}$", r"\1", text)
    names = sorted(BACK, key=len, reverse=True)
    out = ""
    while text:
        known = next((name for name in names if text.startswith(name)), None)
        if known is None:
            assert text[0] not in "\\{}$&%#_^~", text
            out, text = out + text[0], text[1:]
        else:
            out, text = out + BACK[known], text[len(known) :]
    return out


# Hostile names


def shown_as(report):
    """The hostile name as a reader sees it: an escape sequence without its escape."""
    (name,) = (d.name for d in report.scores.data if not d.synthetic)
    assert "\x1b" in name
    return name.replace("\x1b", " ")


def test_hostile_names_stay_text_in_markdown(report):
    text = markdown(report)
    html = Rows(markdown_html(text))
    assert "\x1b" not in text
    assert not {"b", "script", "a", "img", "em", "s"} & set(html.tags)
    rows = [row for row in html.rows if len(row) > 1]
    assert any(shown_as(report) == cell for row in rows for cell, _ in row)
    widths = {len(row) for row in rows if any(cell == shown_as(report) for cell, _ in row)}
    assert widths <= {6, 7}  # points inside intervals, and costs: "|" opens no column


def test_markdown_shows_any_text_as_it_is():
    for text in (
        "<b>",
        "a|b",
        "**x** _y_ ~~z~~",
        "[a](b)",
        "`c`",
        "&lt;",
        r"\*",
        "$x$",
        "a\r\n# b",
    ):
        row = markdown_rows(f"| h | i |\n| --- | --- |\n| {md(text)} | 1 |")[1]
        assert row == [re.sub(r"[\r\n]", " ", text), "1"]


def test_long_tables_of_markdown_are_folded_and_still_tables(report):
    text = markdown(report)
    assert text.count("<details>") == text.count("</details>")
    for title in ("Protocol", "Failures and warnings", "Ranking"):
        assert f"### {title}" in text


def test_hostile_names_stay_text_in_latex(report):
    text = latex(report)
    assert "\x1b" not in text
    assert tex(shown_as(report)) in text
    assert unescape(tex(shown_as(report))) == shown_as(report)


def test_latex_is_balanced_and_leaves_no_special_character_bare(report):
    text = latex(report)
    assert text.count(r"\begin{tabular}") == text.count(r"\bottomrule") >= 2
    for name in ("table", "tabular"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}")
    bare = re.sub(r"\\[\\&%$#_{}]|\\[a-zA-Z]+", "", text.partition("\n")[2])
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"[%#_^~]", bare)
    assert re.fullmatch(r"(?:[^$]|\$-?\$)*", bare)  # only our own, $\pm$ emptied above
    # Rows of a table have as many cells as it has columns.
    for columns, body in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end", text, re.S):
        for line in re.findall(r"^(.*) \\\\$", body, re.M):
            assert len(re.findall(r"(?<!\\)&", line)) == len(columns) - 1


def test_the_sign_of_a_number_is_a_minus_in_latex_and_a_hyphen_is_none():
    assert tex("-1.2 [-3, 4] random-2 a -b 1e-6") == (
        "$-$1.2 {[}$-$3, 4{]} random{-}2 a {-}b 1e{-}6"
    )


def test_no_row_of_latex_begins_with_what_would_be_an_argument_of_the_row_before():
    for name in ("[x]", "*", "[*"):
        sheet = Table("made", ("name",), (0,), [TableRow([TableCell(name)])] * 2)
        rows = [line for line in tex_table(sheet, "made").splitlines() if line.endswith(r" \\")]
        assert len(rows) == 3
        assert not any(row.startswith(("[", "*")) for row in rows)
        assert [unescape(row[:-3]) for row in rows[1:]] == [name, name]


def test_csv_is_inert_and_exact(hostile):
    records = hostile.records()
    rows = list(csv.DictReader(io.StringIO(csv_text(records))))
    assert len(rows) == len(records)
    for row, value in zip(rows, records["value"], strict=True):
        assert (row["value"] == "") if np.isnan(value) else (float(row["value"]) == value)
    assert not any(row[name].startswith(("=", "+", "-", "@")) for row in rows for name in
                   ("dataset", "method", "reason"))  # fmt: skip


# The terminal


def on_terminal(report, monkeypatch, capsys, **environment):
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal.show(report, terminal.console())
    return capsys.readouterr().out


def test_only_a_terminal_that_wants_it_gets_escape_codes(report, monkeypatch, capsys):
    coloured = on_terminal(report, monkeypatch, capsys, FORCE_COLOR="1")
    assert "\x1b[1m" in coloured
    assert "\x1b[31m" not in coloured  # a name asks for it, and is text
    for environment in ({}, {"NO_COLOR": "1"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}):
        plain = on_terminal(report, monkeypatch, capsys, **environment)
        assert "\x1b" not in plain
        # quintic's leader is marked without bold letters, too.
        best = [line for line in plain.splitlines() if "bayesian_ridge" in line or "deep" in line]
        assert any(re.search(r"± [\d.]+ \*", line) for line in best)


def test_cells_of_a_terminal_are_text(monkeypatch, capsys):
    sheet = Table("made", ("name",), (0,), [TableRow([TableCell("[red]a[/] \x1b[31mb\n")])])
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    terminal.console().print(terminal.rich_table(sheet, "[b]title[/b]", 80))
    text = capsys.readouterr().out
    assert "[red]a[/]  [31mb" in text
    assert "[b]title[/b]" in text
    assert "\x1b[31m" not in text


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_a_narrow_terminal_keeps_names_and_ranks(report, width):
    for data in report.scores.data:
        console = Console(width=width, record=True, file=io.StringIO())
        terminal.show(report, console)
        text = console.export_text()
        assert max(map(len, text.splitlines())) <= width
        whole = re.sub(r"[\s│]", "", text)
        for row in report.rows[data.name]:
            assert row.method.replace(" ", "") in whole
        assert "nllabovebest" in whole or width < 100


def test_each_table_says_what_can_be_told_apart(report, monkeypatch, capsys):
    text = " ".join(on_terminal(report, monkeypatch, capsys).split())
    for data in report.scores.data:
        said = first_against_others(report.rows[data.name])
        assert "on 3 splits" in said
        assert " ".join(said.split()) in text


def test_the_report_command_prints_tables_and_says_where_it_cannot_write(hostile, tmp_path):
    for kind, mark in (("md", "| ---: |"), ("latex", r"\toprule")):
        code, out, err = howrobust("report", hostile.folder, "--format", kind)
        assert (code, err) == (0, "")
        assert mark in out
    blocked = tmp_path / "file"
    blocked.write_text("")
    code, _, err = howrobust("report", hostile.folder, "--figures", blocked / "figures")
    assert code == 2
    assert "figures cannot be written" in err

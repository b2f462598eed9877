"""One report: whatever renders it, each statistic of a run is computed once."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from howrobust.analysis import ranking
from howrobust.analysis.run_scores import Scores
from howrobust.cli.run import _conclude
from howrobust.reports import model, terminal
from howrobust.reports.latex import latex
from howrobust.reports.markdown import markdown
from howrobust.reports.page import render
from howrobust.reports.sections import scores

REPORTS = Path(__file__).parents[2] / "reports"
ONCE = (
    "cards", "comparisons", "contest", "improvements", "profiles", "stress_tables", "stress_curves",
    "variance_table", "coverage_table", "failures", "warnings", "answer", "protocol", "refits",
)  # fmt: skip


@pytest.fixture
def calls(monkeypatch):
    """How often each function that builds a ranking, cards or another part is called."""
    counts = Counter()

    def count(module, name):
        function = getattr(module, name)

        def counted(*arguments, **named):
            counts[name] += 1
            return function(*arguments, **named)

        monkeypatch.setattr(module, name, counted)

    for name in ONCE:
        count(model, name)
    count(scores, "differences")
    count(ranking, "losses")
    return counts


def expected(results):
    """One call each; differences: of each score on each data set; losses: two rankings need it."""
    once = dict.fromkeys(ONCE, 1)
    return {**once, "differences": len(scores.SHOWN) * len(results.about.data), "losses": 2}


def test_a_run_that_is_concluded_computes_each_part_once(hostile, calls, capsys):
    assert _conclude(hostile, refitted=1) == 0
    assert "Report:" in capsys.readouterr().out
    assert calls == expected(hostile)


def test_every_rendering_of_a_report_shares_its_parts(hostile, calls):
    report = model.build_report(hostile)
    for _ in range(2):
        markdown(report), latex(report), render(report)
        terminal.show(report, terminal.console())
    assert calls == expected(hostile)


def test_a_report_reads_its_records_once(hostile, monkeypatch):
    made = []
    monkeypatch.setattr(model, "Scores", lambda run: made.append(run) or Scores(run))
    report = model.build_report(hostile)
    markdown(report), render(report)
    assert made == [hostile]


@pytest.mark.parametrize("renderer", ["page", "markdown", "latex", "csv_text", "terminal"])
def test_a_renderer_imports_nothing_of_the_analysis(renderer):
    tree = ast.parse((REPORTS / f"{renderer}.py").read_text(encoding="utf-8"))
    lines = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    imported = [ast.unparse(line) for line in lines]
    assert imported
    assert not [line for line in imported if "howrobust.analysis" in line]

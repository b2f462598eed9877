"""Published numbers beside ours: the arithmetic of a difference, and what is shown of it."""

import csv
import html
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from commandline import environment
from scipy import stats

import howrobust as hr
from howrobust.analysis.run_scores import Scores
from howrobust.reports.markdown import markdown, md
from howrobust.reports.model import build_report
from howrobust.reports.page import render
from howrobust.reports.sections import published, published_results
from howrobust.reports.sections.published_results import Published, comparisons

ENSEMBLE = 'deep_ensemble[preset="lakshminarayanan2017"]'
DROPOUT = 'mc_dropout[preset="gal2016"]'
SPLITS = 4
TOOL = Path(__file__).parents[2] / "tools" / "reproduction.py"


def reproduction(*arguments, **variables):
    """Run the tool; (exit code, standard output, standard error)."""
    done = subprocess.run(
        [sys.executable, TOOL, *map(str, arguments)],
        capture_output=True, text=True, env=environment(**variables), timeout=600, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("published") / "out"


@pytest.fixture
def results(out, uci):
    """Two published protocols on a small set; a second call finds it finished."""
    if not (uci / "published").is_dir():
        pytest.skip("the published results are not beside the UCI sets")
    methods = [ENSEMBLE, DROPOUT, "bayesian_nn", "deep_ensemble"]
    return hr.run("uci", methods=methods, data=["uci/yacht"], splits=SPLITS, out=out, workers=2)


def test_paired_differences_are_those_of_a_paired_t_statistic():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(size=(2, 9))
    found, paired = published_results._difference(
        dict(enumerate(ours)),
        dict(enumerate(theirs)) | {20: 5.0},  # a split that was not run
        Published(0.0, 1.0, 0.01, "", ""),
    )
    assert paired
    assert found == pytest.approx(stats.ttest_rel(ours, theirs).statistic, rel=1e-12)


def test_a_difference_to_a_printed_mean_counts_both_errors_and_the_rounding():
    ours = {0: 1.0, 1: 3.0}  # mean 2, standard error 1
    found, paired = published_results._difference(ours, {}, Published(0.0, 2.0, 0.1, "", ""))
    assert not paired
    assert found == pytest.approx(2 / np.sqrt(1 + 4 + 0.1**2 / 12), rel=1e-12)
    # "0.00 +- 0.00" still carries the sd of its rounding, a uniform's.
    exact = {0: 0.003, 1: 0.003}
    found, _ = published_results._difference(exact, {}, Published(0.0, 0.0, 0.01, "", ""))
    assert found == pytest.approx(0.003 / (0.01 / np.sqrt(12)), rel=1e-12)


def test_each_protocol_stands_beside_its_own_publication(results, uci):
    found = comparisons(Scores(results))
    assert [(c.method, c.metric, c.paired, c.reproduces) for c in found] == [
        (ENSEMBLE, "rmse", False, True),
        (ENSEMBLE, "nll_gaussian", False, True),
        (DROPOUT, "rmse", True, True),
        (DROPOUT, "nll", True, True),
        ("bayesian_nn", "rmse", False, False),
        ("bayesian_nn", "nll", False, False),
    ]  # and none of an ensemble with other settings
    paper = {c.metric: c.theirs for c in found if c.method == ENSEMBLE}
    assert (paper["rmse"].mean, paper["rmse"].unit) == (1.58, pytest.approx(0.01))
    assert paper["rmse"].se == pytest.approx(0.48 / np.sqrt(20), abs=1e-4)


def test_paired_differences_use_the_authors_results_of_the_same_splits(results, uci):
    with (uci / "published" / "gal_mcdropout_per_split.csv").open(newline="") as file:
        rows = [
            r for r in csv.DictReader(file) if (r["variant"], r["dataset"]) == ("original", "yacht")
        ]
    theirs = {int(r["split"]): -float(r["test_ll"]) for r in rows}
    records = results.records()
    own = records[(records["method"] == DROPOUT) & (records["metric"] == "nll")]
    gaps = [
        value - theirs[int(split[7:])]
        for split, value in zip(own["split"], own["value"], strict=True)
    ]
    slow = np.mean(gaps) / (np.std(gaps, ddof=1) / np.sqrt(SPLITS))
    (found,) = (c for c in comparisons(Scores(results)) if (c.method, c.metric) == (DROPOUT, "nll"))
    assert found.difference == pytest.approx(slow, rel=1e-9)


def test_page_and_markdown_show_ours_theirs_and_the_difference(results, uci, monkeypatch):
    report = build_report(results)
    page, text = html.unescape(render(report)), markdown(report)
    for row in report.published.rows:
        for cell in row.cells:
            assert cell.text in page
            assert md(cell.text) in text
            assert cell.value is None or f'data-value="{cell.value!r}"' in page
    assert len(report.published.rows) == len(comparisons(Scores(results)))
    assert published.TITLE in text
    monkeypatch.delenv("HOWROBUST_DATA")
    monkeypatch.setattr(published_results, "_folder", lambda: None)
    bare = build_report(results)
    assert published.TITLE not in markdown(bare)
    assert 'id="published"' not in render(bare)


def test_a_reproduction_says_what_was_run_and_wants_a_note_for_every_exception(
    results, uci, out, tmp_path
):
    exceptions = [c for c in comparisons(Scores(results)) if c.is_exception]
    assert exceptions, "this test needs one: the ensemble on yacht is known to be one"
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    code, text, err = reproduction(out, "--notes", empty, HOWROBUST_DATA=str(uci))
    assert code == 1
    assert err.count("no note says why") == len(exceptions)
    assert "it took" in text
    assert "| uci/yacht | rmse |" in text
    notes = tmp_path / "notes.toml"
    notes.write_text("\n".join(
        f"[[note]]\nmethod = '{c.method}'\ndataset = '{c.dataset}'\nscores = ['{c.metric}']\n"
        f"text = 'because {k}'\n" for k, c in enumerate(exceptions)
    ))  # fmt: skip
    code, text, err = reproduction(out, "--notes", notes, HOWROBUST_DATA=str(uci))
    assert (code, err) == (0, "")
    assert all(f"because {k}" in text for k in range(len(exceptions)))


def test_without_published_results_a_reproduction_says_what_is_missing(results, out, tmp_path):
    code, _, err = reproduction(out, HOWROBUST_DATA=str(tmp_path))
    assert code == 2
    assert "published_tables.csv" in err
    (tmp_path / "notes.toml").write_text("[[note]]\nmethod = 3\n")
    code, _, err = reproduction(out, "--notes", tmp_path / "notes.toml")
    assert code == 2
    assert "cannot be read" in err


def test_the_page_of_the_documentation_is_made_with_the_notes_beside_the_tool():
    notes = tomllib.loads((TOOL.parent / "reproduction-notes.toml").read_text(encoding="utf-8"))
    page = (TOOL.parents[1] / "docs" / "reproduction.md").read_text(encoding="utf-8")
    assert notes["about"].strip() in page
    texts = {note["text"].strip() for note in notes["note"]}
    explained = re.findall(r"^\*\*uci/\w+, .+?\): (.+?)(?=\n\n|\Z)", page, re.MULTILINE | re.DOTALL)
    assert explained
    assert {text.strip() for text in explained} <= texts


def test_nothing_published_is_shipped():
    from importlib.resources import files

    package = files("howrobust")
    shipped = [p.name for p in package.joinpath("suites").iterdir()]
    assert not [name for name in shipped if name.endswith((".csv", ".gz", ".npz"))]

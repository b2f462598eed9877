"""The page, the tables and the figures of a small run."""

import csv
import io
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from commandline import howrobust

import howrobust as hr
from howrobust.reports import tables
from howrobust.reports.page import render
from howrobust.reports.summary import Summary
from howrobust.statistics import Estimate

NASTY = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two data sets, one of them a file with a hostile name and a hostile column."""
    folder = tmp_path_factory.mktemp("page")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(80, 2)), columns=["a", NASTY])
    path = folder / "=<b>x&y.csv"
    frame.to_csv(path, index=False)
    return hr.run(
        methods=["deep_ensemble[epochs=2]", "bayesian_ridge"], data=["quintic", str(path)],
        splits=3,
        out=folder / "out", workers=2, target=NASTY,
    )  # fmt: skip


class Page(HTMLParser):
    """Tags, ids, addresses and the text of table cells."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.addresses, self.rows, self._cell = [], [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        self.addresses += [attrs[k] for k in ("src", "href", "xlink:href") if k in attrs]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self._cell = ""

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self._cell is not None:
            self.rows[-1].append(self._cell)
            self._cell = None


@pytest.fixture(scope="module")
def page(results):
    return Page(render(results))


def test_the_page_stands_alone(page):
    assert page.addresses
    assert all(address.startswith("#") for address in page.addresses)
    assert "link" not in page.tags
    # Bands and calibration of two sets of one feature, and the noise.
    assert page.tags.count("svg") == 5


def test_every_link_on_the_page_has_its_one_target(page):
    assert len(page.ids) == len(set(page.ids))
    assert {a[1:] for a in page.addresses} <= set(page.ids)


def test_text_from_data_stays_text(results, page):
    text = render(results)
    assert "<script" not in text
    assert "=<b>x&y.csv" not in text
    assert "&lt;b&gt;x&amp;y.csv" in text
    assert any("=<b>x&y.csv" in cell for row in page.rows for cell in row)


def test_numbers_on_the_page_are_those_of_the_records(results, page):
    records = results.records()
    assert set(records["dataset"]) == {"quintic", "=<b>x&y.csv"}
    for dataset in records["dataset"].unique():
        for method in ("deep_ensemble[epochs=2]", "bayesian_ridge", "marginal"):
            clean = records[
                (records["dataset"] == dataset) & (records["method"] == method)
                & (records["stress"] == "none")
            ]  # fmt: skip
            rows = [row for row in page.rows if method in row]
            for metric in ("nll", "rmse", "crps"):
                values = clean.loc[clean["metric"] == metric, "value"]
                cells = [cell for row in rows for cell in row]
                assert any(shows(cell, values.mean()) for cell in cells), (method, metric)


def shows(cell, value):
    """Whether a cell's mean is this value, to the digits that it shows."""
    mean = cell.partition(" ±")[0]
    try:
        return f"{value:.{len(mean.partition('.')[2])}f}" == mean
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("mean", "se", "text"),
    [
        (1.23456, 0.0123, "1.235 +- 0.012"),
        (0.0008123, 0.0000456, "0.000812 +- 0.000046"),
        (1234.5, 67.8, "1234 +- 68"),
        (5.42, 0.0, "5.42"),
        (5.4244, float("nan"), "5.424"),
    ],
)
def test_a_number_has_the_digits_that_its_error_supports(mean, se, text):
    assert tables.number(Estimate(mean, se, 0, 0)) == text


def test_costs_are_written_out(results):
    row = Summary(results).rows("quintic")[0]
    for value, text in ((0.00217, "0.0022"), (9.7, "9.7"), (99.7, "100"), (12818.2, "12818")):
        row.costs["us_per_draw"] = value
        assert tables.cost(row, "us_per_draw") == text


def test_standard_errors_of_splits_of_one_table_are_corrected(results):
    summary = Summary(results)
    dataset = next(d["name"] for d in summary.data if not d["synthetic"])
    values = summary.values(dataset, "bayesian_ridge", "rmse").to_numpy()
    expected = values.std(ddof=1) * np.sqrt(1 / 3 + 8 / 72)
    assert summary.estimate(dataset, "bayesian_ridge", "rmse").se == pytest.approx(expected)
    independent = summary.values("quintic", "bayesian_ridge", "rmse").to_numpy()
    expected = independent.std(ddof=1) / np.sqrt(3)
    assert summary.estimate("quintic", "bayesian_ridge", "rmse").se == pytest.approx(expected)


def test_the_limits_of_quintic_stand_beside_the_scores(page):
    row = next(row for row in page.rows if "limit of the truth" in row)
    assert row[2:4] == ["0.693 (Gaussian 0.870)", "0.577"]


def test_references_are_in_every_table_and_never_ranked(results):
    summary = Summary(results)
    for data in summary.data:
        rows = {row.method: row for row in summary.rows(data["name"])}
        assert rows["marginal"].rank is None
        assert ("oracle" in rows) == data["synthetic"]
        assert sorted(row.rank for row in rows.values() if row.rank) == [1, 2]
    assert {method for method, _ in summary.ranking()} == {
        "deep_ensemble[epochs=2]", "bayesian_ridge"
    }  # fmt: skip


def test_markdown_latex_and_terminal_tell_the_pages_numbers(results, page):
    summary = Summary(results)
    markdown, latex = tables.markdown(summary), tables.latex(summary)
    for data in summary.data:
        for cells in tables.grid(summary, data):
            if cells[1] == "limit of the truth":
                continue
            assert cells[2].replace("+-", "±") in markdown
            assert cells[2].replace("+-", r"$\pm$") in latex
            assert any(cells[2].replace("+-", "±") in row for row in page.rows)
    assert NASTY not in markdown
    assert r"=<b>x&y" not in latex
    assert latex.count(r"\begin{tabular}") == latex.count(r"\bottomrule") == 2


def test_the_report_command_writes_each_format(results, tmp_path):
    code, out, _ = howrobust("report", results.folder, "--format", "csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    records = results.records()
    assert len(rows) == len(records)
    assert float(rows[0]["value"]) == records["value"][0]
    assert not any(r["dataset"].startswith("=") for r in rows)
    for kind, mark in (("md", "| ---: |"), ("latex", r"\toprule")):
        code, out, _ = howrobust("report", results.folder, "--format", kind)
        assert code == 0
        assert mark in out
    code, out, _ = howrobust("report", results.folder, "--figures", tmp_path / "figures")
    assert code == 0
    assert len(list((tmp_path / "figures").glob("*.png"))) == 5
    assert (results.folder / "report.html").is_file()


def test_records_and_forecasts_agree(results):
    """A metric can be recomputed from what the results give."""
    forecasts = results.forecasts()
    records = results.records()
    place = ["dataset", "split", "method", "stress", "level"]
    square = (forecasts["y"] - forecasts["mean"]) ** 2
    rmse = np.sqrt(square.groupby([forecasts[c] for c in place]).mean())
    stored = records[records["metric"] == "rmse"].set_index(place)["value"]
    np.testing.assert_allclose(rmse.sort_index(), stored.sort_index(), rtol=1e-12)


def test_two_pages_of_one_run_are_the_same(results):
    assert render(results) == render(results)


def test_the_pages_svgs_share_no_ids(results):
    ids = re.findall(r'\bid="([^"]+)"', render(results))
    assert len(ids) == len(set(ids))


@pytest.fixture(scope="module")
def stressed(tmp_path_factory):
    """A run with a ladder, a region, a setting and shuffles."""
    return hr.run(
        methods=["deep_ensemble[epochs=2]", "bayesian_ridge"], data=["quintic", "diabetes"],
        stress=["input_noise", "gap", "settings_width", "shuffle"], splits=2, repeats=2,
        out=tmp_path_factory.mktemp("stressed"), workers=2,
    )  # fmt: skip


def test_a_page_has_a_card_a_method_and_a_figure_a_stress(stressed):
    text = render(stressed)
    page = Page(text)
    shown = ["deep_ensemble[epochs=2]", "bayesian_ridge"]
    for method in shown:
        assert f"Every measure of {method}" in text
    assert text.count('<article class="card">') == len(shown)
    assert text.count("Every level, in numbers") == 3  # shuffles are repeats, not severities
    assert {"cards", "stresses", "stability"} <= set(page.ids)
    assert all(address.startswith("#") for address in page.addresses)
    for card in (stressed.card(method) for method in shown):
        for entry in card.entries:
            assert entry.item.definition.splitlines()[0] in text.replace("&#39;", "'")
            if entry.text != "-":
                assert entry.text.replace(">", "&gt;") in text
        for sentence in card.sentences.values():
            assert sentence in text


def test_degradation_on_the_page_is_that_of_the_results(stressed):
    rows = [row for row in Page(render(stressed)).rows if len(row) == 7]
    table = stressed.degradation()
    for found in table[~table["stress"].isin(["shuffle", "third"])].itertuples():
        numbers = (found.rmse_ratio, found.nll_difference, found.coverage_90, found.sd_ratio)
        shown = ["-" if value != value else f"{value:.3g}" for value in numbers]
        assert [found.dataset, found.method, f"{found.level:g}", *shown] in rows

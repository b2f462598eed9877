"""The page of a small run: that it stands alone, is safe, and says what the records say."""

import base64
import hashlib
import html
import re
import shlex
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from commandline import howrobust

import howrobust as hr
from howrobust.cli.main import cli
from howrobust.cli.run import options_from
from howrobust.errors import BadInput
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan
from howrobust.reports.card_html import breakable
from howrobust.reports.model import build_report
from howrobust.reports.page import render
from howrobust.reports.plots.all_figures import report_figures
from howrobust.reports.sections.calibration import STATED
from howrobust.reports.sections.cards import CardSection
from howrobust.reports.sections.scores import mean_ranks


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
def text(hostile):
    return render(build_report(hostile))


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


@pytest.fixture(scope="module")
def stressed(tmp_path_factory):
    """A run with a ladder, a region, a setting and shuffles."""
    return hr.run(
        methods=["deep_ensemble[epochs=2]", "bayesian_ridge"],
        data=["diabetes", "quintic", "heteroscedastic"],
        stress=["input_noise", "gap", "settings_width", "shuffle"], splits=2, repeats=2,
        out=tmp_path_factory.mktemp("stressed"), workers=2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def stressed_text(stressed):
    return render(build_report(stressed))


# It stands alone


def test_the_page_stands_alone(hostile, page):
    assert page.addresses
    assert all(address.startswith("#") for address in page.addresses)
    assert "link" not in page.tags
    assert page.tags.count("svg") == len(list(report_figures(build_report(hostile))))


def test_every_link_on_the_page_has_its_one_target(page):
    assert len(page.ids) == len(set(page.ids))
    assert {a[1:] for a in page.addresses} <= set(page.ids)


def test_the_policy_names_the_pages_own_style_and_script_and_nothing_else(text):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    rules = dict(rule.split(" ", 1) for rule in policy.replace("&#39;", "'").split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for tag, rule in (("style", "style-src-elem"), ("script", "script-src")):
        (own,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
        assert text.count(f"<{tag}") == 1
    assert not re.search(r"<[^>]* on\w+=", text)


def test_two_pages_of_one_run_are_the_same(hostile, text):
    assert render(build_report(hostile)) == text


def test_text_from_data_stays_text(hostile, text, page):
    name = next(d.name for d in hostile.about.data if d.name != "quintic")
    assert "<b>" in name
    assert name not in text
    assert any(name in cell for row in page.rows for cell in row)
    assert page.tags.count("script") == 1
    assert "b" not in page.tags


def test_a_name_breaks_between_settings_and_stays_text():
    assert breakable("m[a=1,<b>]") == "m[<wbr>a=1,<wbr>&lt;b&gt;]"
    assert breakable("plain_name") == "plain_name"


def test_the_report_command_writes_the_page_and_says_where_it_cannot(hostile, tmp_path):
    code, out, _ = howrobust("report", hostile.folder)
    assert code == 0
    assert "report.html" in out
    with pytest.raises(BadInput, match="cannot be written"):
        hostile.report(tmp_path / "no such folder" / "report.html")


# What it says


def by_hand(results, metric, stress="none", level=0.0, repeats=False):
    """Means over splits by (data set, method), by a loop over the records."""
    found = {}
    for row in results.records().itertuples():
        place = (row.metric, row.stress, row.level)
        whole = row.status == "ok" and not row.feature
        if place == (metric, stress, level) and whole and (repeats or not row.repeat):
            found.setdefault((row.dataset, row.method), []).append(row.value)
    return {key: float(np.mean(values)) for key, values in found.items()}


def test_the_answer_is_three_sentences_whose_numbers_are_the_records(stressed):
    leads, trust, stress = build_report(stressed).answer
    nll = by_hand(stressed, "nll", repeats=True)
    methods = ["deep_ensemble[epochs=2]", "bayesian_ridge"]
    data = ("diabetes", "quintic", "heteroscedastic")
    best = [min(methods, key=lambda m: nll[d, m]) for d in data]
    assert best == ["bayesian_ridge", "deep_ensemble[epochs=2]", "deep_ensemble[epochs=2]"]
    assert leads.startswith("Of 2 methods, deep_ensemble[epochs=2] predicts best on 2 of 3 data")
    assert "(bayesian_ridge on 1)" in leads
    covered = []
    for dataset in data:
        frame = stressed.forecasts()
        own = frame[
            (frame["dataset"] == dataset) & (frame["method"] == "deep_ensemble[epochs=2]")
            & (frame["stress"] == "none") & (frame["repeat"] == 0)
        ]  # fmt: skip
        # A point is inside the central 95 % interval if its PIT is within .475 of a half.
        covered.append(100 * float((np.abs(own["pit"] - 0.5) <= 0.475).mean()))
    assert f"hold {min(covered):.1f} to {max(covered):.1f} % of held-out points" in trust
    held = by_hand(stressed, "coverage_90", "input_noise", 0.8)
    shares = [100 * held[d, "deep_ensemble[epochs=2]"] for d in data]
    assert f"then hold {min(shares):.0f} to {max(shares):.0f} %" in stress
    assert "strongest input noise (0.8 training sd)" in stress


def test_without_stress_the_answer_says_how_to_ask(hostile):
    sentences = build_report(hostile).answer
    assert len(sentences) == 3
    last = sentences[-1]
    assert "input noise" in last or "run with --stress" in last


def test_coverage_on_the_page_is_the_share_of_points_inside(hostile, text):
    frame = hostile.forecasts()
    clean = frame[(frame["stress"] == "none") & (frame["dataset"] == "quintic")]
    own = clean.loc[clean["method"] == "bayesian_ridge", "pit"].to_numpy()
    section = text[text.index('id="calibration"') :]
    row = section[section.index('>quintic</td><td class="name">bayesian_ridge</td>') :]
    shown = re.findall(r'data-value="([^"]+)"', row[: row.index("</tr>")])
    expected = [float(np.mean(np.abs(2 * own - 1) <= level)) for level in STATED]
    assert [float(value) for value in shown] == expected
    assert expected == sorted(expected)


def test_references_are_in_every_table_and_never_ranked(hostile):
    report = build_report(hostile)
    for data in report.scores.data:
        rows = {row.method: row for row in report.rows[data.name]}
        assert rows["marginal"].rank is None
        assert ("oracle" in rows) == data.synthetic
        assert sorted(row.rank for row in rows.values() if row.rank) == [1, 2]
    assert mean_ranks(report.rows).keys() == {
        "deep_ensemble[epochs=2]", "bayesian_ridge"
    }  # fmt: skip


def test_the_limits_of_quintic_stand_beside_the_scores(page):
    row = next(row for row in page.rows if "limit of the truth" in row)
    assert "0.693 (Gaussian 0.870)" in row
    assert "0.577" in row


def test_standard_errors_of_splits_of_one_table_are_corrected(hostile):
    scores = build_report(hostile).scores
    dataset = next(d.name for d in scores.data if not d.synthetic)
    values = scores.values(dataset, "bayesian_ridge", "rmse").to_numpy()
    expected = values.std(ddof=1) * np.sqrt(1 / 3 + 8 / 72)
    assert scores.estimate(dataset, "bayesian_ridge", "rmse").se == pytest.approx(expected)
    independent = scores.values("quintic", "bayesian_ridge", "rmse").to_numpy()
    expected = independent.std(ddof=1) / np.sqrt(3)
    assert scores.estimate("quintic", "bayesian_ridge", "rmse").se == pytest.approx(expected)


def test_records_and_forecasts_agree(hostile):
    """A metric can be recomputed from what the results give."""
    forecasts = hostile.forecasts()
    records = hostile.records()
    place = ["dataset", "split", "method", "stress", "level"]
    square = (forecasts["y"] - forecasts["mean"]) ** 2
    rmse = np.sqrt(square.groupby([forecasts[c] for c in place]).mean())
    stored = records[records["metric"] == "rmse"].set_index(place)["value"]
    np.testing.assert_allclose(rmse.sort_index(), stored.sort_index(), rtol=1e-12)


def test_a_page_has_a_card_a_method_and_a_figure_a_stress(stressed, stressed_text):
    text, page = stressed_text, Page(stressed_text)
    shown = ["deep_ensemble[epochs=2]", "bayesian_ridge"]
    for method in shown:
        assert f"Every measure of {method}" in text
    assert text.count('<article class="card"') == len(shown)
    assert text.count(", in numbers</summary>") == 3  # shuffles are repeats, not severities
    assert {"cards", "stresses", "stability"} <= set(page.ids)
    assert all(address.startswith("#") for address in page.addresses)
    for card in (stressed.card(method) for method in shown):
        for entry in card.entries:
            assert entry.item.definition.splitlines()[0] in text.replace("&#39;", "'")
            if entry.text != "-":
                assert entry.text.replace(">", "&gt;") in text
        for sentence in card.sentences.values():
            assert sentence in text


def test_a_part_that_was_measured_nowhere_says_why_once(hostile, text):
    card = hostile.card("bayesian_ridge")
    tiles = CardSection(card).tiles
    stability = next(tile for tile in tiles if tile.part == "stability")
    assert stability.missing.startswith("there are no restarts")
    assert f"Not measured: {stability.missing}." in text
    assert "stability is missing" not in text
    assert all(not tile.missing for tile in tiles if tile.part in ("accuracy", "cost"))


def test_degradation_on_the_page_is_that_of_the_results(stressed, stressed_text):
    rows = [row for row in Page(stressed_text).rows if len(row) == 7]
    table = stressed.degradation()
    for found in table[~table["stress"].isin(["shuffle", "third"])].itertuples():
        numbers = (found.rmse_ratio, found.nll_difference, found.coverage_90, found.sd_ratio)
        shown = ["-" if value != value else f"{value:.3g}" for value in numbers]
        assert [found.dataset, found.method, f"{found.level:g}", *shown] in rows


# How to repeat the run


def plan_of(line):
    """The plan that a command line makes."""
    return make_plan(parsed(line))


def parsed(line):
    """The options that a command line states."""
    values = cli.commands["run"].make_context("run", line[2:]).params
    return options_from({k: v for k, v in values.items() if k not in ("store", "dry_run")})


@pytest.mark.parametrize("run", ["hostile", "stressed"])
def test_the_command_on_the_page_plans_the_same_run(run, request):
    results = request.getfixturevalue(run)
    line = results.about.command.text
    assert plan_of(shlex.split(line)).run == results.run
    assert line in html.unescape(render(build_report(results)))


@pytest.mark.parametrize("suite", ["quick", "uci", "uci-gap", "robustness"])
def test_a_suite_as_it_is_needs_no_options(suite, uci):
    again = make_plan(RunOptions(suite, seed=3)).command
    assert again.text == f"howrobust run {suite} --seed 3"
    assert again.remarks == []


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"target": "y", "time": "a", "splits": 2, "repeats": 2},
        {"drop": ("a",), "as_": ("g=category",), "target_transform": "log", "missing": ("-",)},
        {"groups": "g", "timeout_s": 9.5, "device": "cpu"},
        {"methods": ["marginal", "bayesian_ridge"], "stress": ["gap", "input_noise"]},
    ],
)
def test_the_command_has_every_option_of_the_run(options, tmp_path):
    frame = pd.DataFrame({"a": range(60), "g": ["u", "v", "w"] * 20, "y": np.arange(1, 61) ** 2.0})
    frame.to_csv(tmp_path / "a table.csv", index=False)
    words = {"methods": ["bayesian_ridge"], "data": [str(tmp_path / "a table.csv")], **options}
    request = RunOptions("quick", seed=4, **words)
    plan = make_plan(request)
    options = parsed(shlex.split(plan.command.text))
    for name in ("target", "drop", "as_", "target_transform", "missing", "groups", "splits",
                 "repeats", "device", "time", "timeout_s"):  # fmt: skip
        assert getattr(options, name) == getattr(request, name)
    assert make_plan(request).run == make_plan(options).run == plan.run

"""Figures of a run: what is drawn are the run's numbers, and it can be read on any ground."""

import itertools
import re
import time
from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from commandline import howrobust
from matplotlib.figure import Figure
from PIL import Image

import howrobust as hr
from howrobust import seeds
from howrobust.analysis.profiles import Profile
from howrobust.analysis.ranking import Contest, Pair
from howrobust.analysis.statistics import Estimate
from howrobust.base.facts import REFERENCES
from howrobust.reports.model import build_report
from howrobust.reports.page import render
from howrobust.reports.plots.all_figures import report_figures
from howrobust.reports.plots.calibration_curves import calibration_curves
from howrobust.reports.plots.cost_tradeoff import cost_tradeoff
from howrobust.reports.plots.critical_difference import critical_difference, ranks_figure
from howrobust.reports.plots.performance_profiles import performance_profiles, profiles_figure
from howrobust.reports.plots.pit_histograms import pit_histogram
from howrobust.reports.plots.predictive_bands import predictive_band
from howrobust.reports.plots.stress_curves import stress_curve
from howrobust.reports.plots.style import COLOURS, GREY, INK, STYLE, log_axis, method_styles, plain
from howrobust.reports.sections import calibration
from howrobust.reports.sections.costs import CostPoint, CostTradeoff, cost_tradeoffs

WHITE, NEAR_BLACK = "#ffffff", "#15191e"


@pytest.fixture(scope="module")
def report(hostile):
    return build_report(hostile)


@pytest.fixture(scope="module")
def drawn(report):
    return {figure.name: figure for figure in report_figures(report)}


@pytest.fixture(scope="module")
def forecasts(hostile):
    frame = hostile.forecasts()
    return frame[frame["stress"] == "none"]


# What is drawn


def test_a_run_has_these_figures(drawn, report):
    kinds = ("bands", "calibration", "pit")
    own = {f"{kind}-{data.name}" for data in report.scores.data for kind in kinds}
    assert set(drawn) == own | {"critical-difference", "profiles", "pareto", "stress-input_noise"}
    sections = {name: (figure.section, figure.dataset) for name, figure in drawn.items()}
    assert sections["critical-difference"] == sections["profiles"] == ("ranking", "")
    assert sections["pareto"] == ("costs", "")
    assert sections["stress-input_noise"] == ("stress", "")
    assert sections["bands-quintic"] == ("data", "quintic")
    assert sections["calibration-quintic"] == sections["pit-quintic"] == ("calibration", "quintic")


def test_calibration_curves_are_shares_of_test_points(drawn, report, forecasts):
    for data in report.scores.data:
        (ax,) = drawn[f"calibration-{data.name}"].figure.axes
        lines = {line.get_label(): line for line in ax.lines}
        for method in ("bayesian_ridge", "marginal"):
            own = forecasts[(forecasts["dataset"] == data.name) & (forecasts["method"] == method)]
            inside = [np.mean(np.abs(2 * own["pit"] - 1) <= k / 100) for k in range(1, 100)]
            np.testing.assert_array_equal(lines[method].get_ydata(), inside)


def test_pit_histograms_count_test_points(drawn, report, forecasts):
    for data in report.scores.data:
        for ax in drawn[f"pit-{data.name}"].figure.axes:
            if not ax.get_visible():
                continue
            own = forecasts[
                (forecasts["dataset"] == data.name) & (forecasts["method"] == ax.get_title())
            ]
            counts = np.bincount((own["pit"] * 10).astype(int).clip(upper=9), minlength=10)
            heights, edges, _ = ax.patches[0].get_data()
            np.testing.assert_allclose(heights, counts / len(own) * 10, rtol=1e-12)
            np.testing.assert_allclose(edges, np.arange(11) / 10, rtol=1e-12)


def test_the_pareto_figure_shows_every_ranked_method_at_its_cost_and_nll(drawn, report):
    axes = [ax for ax in drawn["pareto"].figure.axes if ax.get_visible()]
    costs = ("fit_cpu_s", "us_per_draw")
    assert len(axes) == len(costs) * len(report.scores.data)
    for column, data in enumerate(report.scores.data):
        rows = [row for row in report.rows[data.name] if row.rank]
        for ax, cost in zip(axes[column :: len(report.scores.data)], costs, strict=True):
            shown = {(c[0].get_xdata()[0], c[0].get_ydata()[0]) for c in ax.containers}
            assert shown == {(row.costs[cost], row.scores["nll"].mean) for row in rows}
            assert ax.get_xscale() == "log"


# The band of a perfect forecaster


def test_the_null_of_distinct_rows_is_that_of_independent_uniforms():
    n, B = 400, calibration.NULL_SIMULATIONS
    shares = calibration.null_shares(np.arange(n))
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    # A percent's share is Binomial(n, .01) / n: sd sqrt(.01 x .99 / n). The mean of B x 100 of
    # them is exactly .01; of one percent's B it is within 5 of its standard errors.
    sd = np.sqrt(0.01 * 0.99 / n)
    assert np.abs(shares.mean(axis=0) - 0.01).max() < 5 * sd / np.sqrt(B)
    # A variance of B values has a relative standard error of about sqrt(2 / B), and .25 / B more
    # for a Binomial with mean 4 (excess kurtosis 1/4).
    relative = shares.var(axis=0, ddof=1) / sd**2 - 1
    assert np.abs(relative).max() < 5 * np.sqrt(2.25 / B)


def test_rows_that_appear_again_make_the_null_wider_by_their_appearances():
    once, thrice = np.arange(300), np.tile(np.arange(300), 3)
    spread = [
        calibration.null_shares(rows)[:, :50].sum(axis=1).var(ddof=1) for rows in (once, thrice)
    ]
    # Both are shares of 300 independent uniforms: .25 / 300, each to 5 sqrt(2 / B) in relation.
    for found in spread:
        assert abs(found * 300 / 0.25 - 1) < 5 * np.sqrt(2 / calibration.NULL_SIMULATIONS)


# The front


def test_the_front_is_what_no_other_point_beats():
    rng = seeds.generator(0, "front")
    for _ in range(200):
        # Few values: ties in cost, in nll and in both.
        found = [
            CostPoint(float(cost), Estimate(float(nll), 0, 0, 0), f"m{k}")
            for k, (cost, nll) in enumerate(rng.integers(0, 6, size=(8, 2)))
        ]
        places = {(point.cost, point.nll.mean) for point in found}
        slow = {
            (c, s) for c, s in places
            if not any(d <= c and t <= s and (d, t) != (c, s) for d, t in places)
        }  # fmt: skip
        front = CostTradeoff("made", "cost", tuple(found), None).front
        assert [(point.cost, point.nll.mean) for point in front] == sorted(slow)


def test_a_runaway_is_named_above_the_scale_and_flattens_no_one():
    cases = (
        ((1.0, 1.2, 1.3, 50.0), None, True),
        ((1.0, 1.2, 1.3, 1.6), None, False),
        ((1.0, 1.01, 1.02, 1.6), 2.0, False),  # near each other, and far from marginal
        ((1.0, 1.01, 1.02, 50.0), 2.0, True),
    )
    for nlls, level, cut in cases:
        ax = Figure().subplots()
        marginal = None if level is None else Estimate(level, 0.1, level - 0.2, level + 0.2)
        names = [f"m{i}" for i in range(len(nlls))]
        found = [
            CostPoint(1.0 + i, Estimate(nll, 0.1, nll - 0.2, nll + 0.2), names[i])
            for i, nll in enumerate(nlls)
        ]
        assert cost_tradeoff(CostTradeoff("made", "cost", tuple(found), marginal), ax=ax) is ax
        top = ax.get_ylim()[1]
        assert (top < nlls[-1]) == cut
        assert top > nlls[-2]
        assert [text.get_text() for text in ax.texts] == (["above: m3 50"] if cut else [])


def test_a_method_without_a_cost_or_an_nll_is_no_point(report):
    rows = [row for row in report.rows["quintic"] if row.rank]
    first, *_ = cost_tradeoffs(report.scores, {"quintic": rows})
    assert [point.method for point in first.points] == [row.method for row in rows]
    unmeasured = [replace(row, costs={}) for row in rows]
    assert all(not t.points for t in cost_tradeoffs(report.scores, {"quintic": unmeasured}))


# Ranks and profiles


def test_the_diagram_shows_mean_ranks_and_joins_what_is_not_told_apart():
    ranks = {"a": 1.2, "b": 2.1, "c": 2.7, "d": 4.0}
    groups = [("a", "c"), ("b", "c", "d")]
    pairs = [Pair("a", "b", 0.001, 0.004), Pair("a", "d", 0.001, 0.004)]
    found = Contest("nll", list(ranks), ["s", "t"], [], ranks, 0.01, pairs, groups, 1.5, "")
    picture = ranks_figure(found, method_styles(list(ranks)))
    (ax,) = picture.figure.axes
    bars = [line for line in ax.lines if line.get_linewidth() == 2.5]
    assert [list(bar.get_xdata()) for bar in bars] == [[ranks[m] for m in g] for g in groups]
    heights = {bar.get_ydata()[0] for bar in bars}
    assert len(heights) == 2
    texts = {text.get_text() for text in ax.texts}
    assert {f"{m}  {rank:.2f}" for m, rank in ranks.items()} <= texts
    for method, style in method_styles(list(ranks)).items():
        if method in ranks:
            dots = [
                x for x in ax.lines if x.get_color() == style.colour and len(x.get_xdata()) == 1
            ]
            assert [dot.get_xdata()[0] for dot in dots] == [ranks[method]]
    for m, rank in ranks.items():
        assert f"{m} {rank:.2f}" in picture.alt


def test_profiles_are_drawn_with_their_limits_or_without_and_why():
    taus, share = np.linspace(0, 1, 3), np.array([1.0, 0.5, 0.0])
    nan = np.full(3, np.nan)
    bounded = Profile("a", taus, share, share / 2, share, ("s",))
    bare = Profile("a", taus, share, nan, nan, ("s",), "gaps are no sample")
    for profile, bands, words in ((bounded, 1, "95 %"), (bare, 0, "gaps are no sample")):
        picture = profiles_figure([profile], method_styles(["a"]))
        (ax,) = picture.figure.axes
        assert len(ax.collections) == bands
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), share)
        assert words in picture.title


# On axes of one's own


def test_a_figure_of_one_panel_is_drawn_on_the_axes_given_or_on_new_ones(report):
    ranks = {"a": 1.2, "b": 2.1}
    found = Contest("nll", list(ranks), ["s", "t"], [], ranks, 0.01, [], [], 1.5, "")
    taus = np.linspace(0, 1, 3)
    profile = Profile("a", taus, taus, taus, taus, ("s",))
    (stress,) = report.stress_curves
    calls = [
        lambda ax: critical_difference(found, ax=ax),
        lambda ax: performance_profiles([profile], ax=ax),
        lambda ax: calibration_curves(report.calibration["quintic"], ax=ax),
        lambda ax: pit_histogram(report.calibration["quintic"], "bayesian_ridge", ax=ax),
        lambda ax: cost_tradeoff(report.tradeoffs[0], ax=ax),
        lambda ax: predictive_band(report.bands["quintic"][0], ax=ax),
        lambda ax: stress_curve(stress.error["quintic"], stress.facts, ax=ax),
    ]
    for call in calls:
        ax = Figure().subplots()
        assert call(ax) is ax
        assert ax.has_data()
        new = call(None)
        assert new is not ax
        assert new.has_data()
        plt.close(new.figure)


# Looks


def contrast(one, other):
    """Contrast of two colours (Web Content Accessibility Guidelines 2.2, relative luminance)."""

    def luminance(colour):
        c = np.array(mpl.colors.to_rgb(colour))
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", [WHITE, NEAR_BLACK])
def test_every_colour_stands_out_on_white_and_on_near_black(ground):
    assert all(contrast(colour, ground) >= 3 for colour in (*COLOURS, GREY))


def test_forty_methods_look_different_and_references_have_no_colour():
    methods = [f"m{k}" for k in range(40)]
    found = method_styles([*methods, "marginal", "oracle"])
    assert len(set(found.values())) == 42
    assert {found[name].colour for name in REFERENCES} == {GREY, INK}


def test_a_method_looks_the_same_in_every_figure(drawn, report):
    own = method_styles(report.methods)
    seen = dict.fromkeys(report.methods, 0)
    for picture in drawn.values():
        for ax in picture.figure.axes:
            for line in ax.lines:
                if line.get_label() in own:
                    seen[line.get_label()] += 1
                    assert line.get_color() == own[line.get_label()].colour
    assert min(seen.values()) >= 3


@pytest.mark.parametrize(
    ("low", "high"),
    [(0.3, 1.7), (1.1, 6.0), (2.1, 11), (0.7, 40), (3, 900), (1e-3, 80), (1e-6, 1e5), (2e2, 9e7)],
)
def test_labels_of_a_log_axis_are_round_few_and_apart(low, high):
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.1, 2.3), layout="constrained")
        ax = figure.subplots()
        ax.plot([low, high], [low, high])
        ax.set(xscale="log", yscale="log")
        for axis in (ax.xaxis, ax.yaxis):
            log_axis(axis, [low, high])
        figure.canvas.draw()
        for axis, side in ((ax.xaxis, "x"), (ax.yaxis, "y")):
            lower, upper = axis.get_view_interval()
            labels = [
                t for t in axis.get_ticklabels(which="both")
                if t.get_text() and lower <= t.get_position()[side == "y"] <= upper
            ]  # fmt: skip
            assert 2 <= len(labels) <= 7, [t.get_text() for t in labels]
            shown = [float(t.get_text().replace("\u2212", "-")) for t in labels]
            assert all(f"{value:e}"[0] in "125" for value in shown)
            boxes = sorted(
                (getattr(box, f"{side}0"), getattr(box, f"{side}1"))
                for box in (t.get_window_extent() for t in labels)
            )
            assert all(a[1] < b[0] for a, b in itertools.pairwise(boxes))


# What is written


def test_svg_has_no_ground_and_its_ink_is_the_text_colour_around_it(drawn):
    for picture in drawn.values():
        svg = picture.svg()
        assert svg.startswith("<svg")
        assert INK not in svg
        assert "currentColor" in svg
        assert not re.search(r"fill: (#ffffff|white)", svg)
        assert "\x1b" not in svg


def test_names_are_no_formulas():
    assert plain("a $x$\nb") == r"a \$x\$ b"


def test_figures_are_written_as_png_on_white_and_as_pdf(hostile, report, tmp_path):
    code, _, err = howrobust("report", hostile.folder, "--format", "csv", "--figures", tmp_path)
    assert (code, err) == (0, "")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2 * len(list(report_figures(report)))
    assert {name.rpartition(".")[2] for name in names} == {"png", "pdf"}
    with Image.open(tmp_path / "pareto.png") as image:
        assert image.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)
    assert (tmp_path / "pareto.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_a_page_of_many_splits_takes_seconds_and_few_megabytes(uci, tmp_path):
    """Nine data sets of up to 20 splits, four methods; timed on the processor's own clock."""
    methods = ["bayesian_ridge", "mc_dropout[epochs=2]", "deep_ensemble[epochs=2]"]
    results = hr.run("uci", methods=methods, out=tmp_path, workers=2)
    start = time.process_time()
    text = render(build_report(results))
    assert time.process_time() - start < 30
    assert len(text.encode()) < 5e6

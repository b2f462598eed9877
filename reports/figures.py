"""Figures of a run, by seaborn and matplotlib."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from howrobust import seeds
from howrobust.catalogue import known_stress
from howrobust.cells import CLEAN, Level
from howrobust.measures import BASELINE, REGION, SHUFFLE
from howrobust.predictive import Array
from howrobust.reports.summary import Summary
from howrobust.scores import REFERENCES
from howrobust.stress.contract import InputStress, SettingStress, SplitStress, TrainStress

NULL_SIMULATIONS = 1000
MARKERS = "osD^vPX*"
Colours = dict[str, tuple[float, float, float]]
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: smaller, and readable by a screen reader
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.family": "sans-serif",
}


@dataclass(frozen=True)
class Picture:
    """A figure with its name, its place on the page and what it shows in words."""

    name: str
    dataset: str
    title: str
    alt: str
    figure: Figure

    def svg(self) -> str:
        """Inline SVG whose ids are its own: several stand on one page."""
        text = io.StringIO()
        with mpl.rc_context({**STYLE, "svg.hashsalt": self.name}):
            self.figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
        svg = text.getvalue()
        svg = svg[svg.index("<svg") :]
        prefix = re.sub(r"\W", "-", self.name)
        svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
        svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
        svg = re.sub(r'href="#', f'href="#{prefix}-', svg)
        # The size is the page's to choose; the viewBox keeps the shape.
        return re.sub(r'(<svg[^>]*?) width="[^"]*"| height="[^"]*pt"', r"\1", svg, count=2)


def pictures(summary: Summary) -> Iterator[Picture]:
    """Draw every figure of a run."""
    colours = palette(summary.methods)
    with mpl.rc_context(STYLE):
        for data in summary.data:
            name = data["name"]
            finished = [m for m in summary.methods if summary.finished(name, m)]
            if not finished:
                continue
            first = summary.held_out(summary.finished(name, finished[0])[0])
            if first.X.shape[1] == 1 and any(m not in REFERENCES for m in finished):
                yield bands(summary, name, finished)
            yield calibration(summary, name, finished, colours)
        for stress in summary.stresses():
            if is_severity(stress):
                yield degradation(summary, stress, colours)
        if any(cell["repeat"] > 0 or cell["train_stress"] == SHUFFLE for cell in summary.cells):
            yield stability(summary, colours)


def palette(methods: list[str]) -> Colours:
    """A colour per method, the same in every figure; references are grey."""
    ranked = [m for m in methods if m not in REFERENCES]
    kind = "colorblind" if len(ranked) <= 10 else "husl"
    colours = dict(zip(ranked, sns.color_palette(kind, len(ranked)), strict=True))
    return {**colours, "marginal": (0.6, 0.6, 0.6), "oracle": (0.1, 0.1, 0.1)}


def bands(summary: Summary, dataset: str, methods: list[str]) -> Picture:
    """The article's figure, a panel per method: mean, 99.7 % band, test points, true mean."""
    shown = [m for m in methods if m not in REFERENCES]
    truth = summary.finished(dataset, "oracle")
    columns = min(3, max(len(shown), 1))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.9 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax in axes.flat[len(shown) :]:
        ax.set_visible(False)
    for ax, method in zip(axes.flat, shown, strict=False):
        cell = summary.finished(dataset, method)[0]
        held, forecast = summary.held_out(cell), summary.clean(cell)
        x = held.X[:, 0]
        order = np.argsort(x)
        lower, upper = forecast.quantile(0.0015)[order], forecast.quantile(0.9985)[order]
        ax.fill_between(x[order], lower, upper, alpha=0.3, lw=0, label="99.7 % band")
        ax.plot(x, held.y, ".", ms=2.5, color="0.35", alpha=0.7, label="test points")
        if truth:
            mean = summary.clean(truth[0]).mean
            ax.plot(x[order], mean[order], "--", color="black", lw=1, label="true mean")
        ax.plot(x[order], forecast.mean[order], lw=1.2, color="C3", label="predicted mean")
        ax.set_title(plain(method), fontsize=9)
        # A runaway extrapolation must not flatten the other panels.
        spread = np.ptp(held.y)
        ax.set_ylim(held.y.min() - 0.35 * spread, held.y.max() + 0.35 * spread)
    axes[0, 0].legend(fontsize=7, frameon=False, loc="best")
    figure.supxlabel("x", fontsize=9)
    figure.supylabel("y", fontsize=9)
    alt = f"Predicted mean and 99.7 % band of {', '.join(shown)} over the test points of {dataset}"
    title = "Prediction, 99.7 % band, test points and true mean (first split)"
    return Picture(f"bands-{dataset}", dataset, title, alt, figure)


def calibration(summary: Summary, dataset: str, methods: list[str], colours: Colours) -> Picture:
    """Observed against stated probability of central intervals, with the band of a perfect one."""
    figure = Figure(figsize=(4.6, 4.0), layout="constrained")
    ax: Axes = figure.subplots()
    levels = np.arange(1, 100) / 100
    _, _, rows = summary.pooled(dataset, methods[0])
    lower, upper = null_band(rows, levels)
    ax.fill_between(levels, lower, upper, color="0.85", lw=0, label="a perfect forecaster, 95 %")
    ax.plot([0, 1], [0, 1], color="0.5", lw=0.8)
    for method in methods:
        pit, _, _ = summary.pooled(dataset, method)
        observed = (np.abs(2 * pit - 1)[:, None] <= levels).mean(axis=0)
        style = "--" if method in REFERENCES else "-"
        ax.plot(levels, observed, style, color=colours[method], lw=1.3, label=plain(method))
    ax.set(xlabel="stated probability of the interval", ylabel="share of test points inside")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.legend(fontsize=7, frameon=False, loc="upper left")
    alt = f"Calibration curves on {dataset}: share of test points inside central intervals"
    return Picture(f"calibration-{dataset}", dataset, "Calibration, all splits", alt, figure)


def null_band(rows: NDArray[np.int64], levels: Array) -> tuple[Array, Array]:
    """Pointwise 95 % band of the curve of a perfect forecaster.

    One uniform per distinct row, reused wherever the row appears: overlapping test sets are not
    independent.
    """
    rng = seeds.generator(0, "calibration band", len(rows))
    curves = np.empty((NULL_SIMULATIONS, len(levels)))
    for k in range(NULL_SIMULATIONS):
        uniform = np.sort(rng.random(int(rows.max()) + 1)[rows])
        curves[k] = np.searchsorted(uniform, levels, side="right") / len(rows)
    lower, upper = np.quantile(curves, [0.025, 0.975], axis=0)
    return lower, upper


def degradation(summary: Summary, stress: str, colours: Colours) -> Picture:
    """Error and nominal-90 % coverage against the severity of a stress, two panels a data set.

    Where a stress moves the true targets too, the stated sd stands in place of the error.
    """
    kind = known_stress(stress)
    error = kind.scored_by if isinstance(kind, InputStress) else "rmse"
    figure, axes, pairs = _two_panels_each(summary, beside=1.9)
    for name, (upper, lower) in pairs.items():
        _ladders(upper, summary, name, error, stress, colours)
        _ladders(lower, summary, name, "coverage_90", stress, colours)
        if error != "nll":
            _log_where_it_spreads(upper)
        lower.axhline(0.9, color="0.6", lw=0.8)
        lower.set_ylim(-0.02, 1.02)
    for ax, label in zip(axes[:2, 0], (error, "inside the 90 % interval"), strict=True):
        ax.set_ylabel("root mean variance" if label == "sharpness" else label)
    figure.supxlabel(f"{stress.replace('_', ' ')} ({stress_unit(stress)})", fontsize=9)
    handles: dict[str, Any] = {}
    for ax in axes[::2].flat:
        found = zip(*ax.get_legend_handles_labels(), strict=True)
        handles |= {label: handle for handle, label in found}
    figure.legend(
        handles.values(), handles.keys(), fontsize=7, frameon=False, loc="outside right center"
    )
    title = f"{kind.title if kind else stress}: {error} and 90 % coverage (grey: as promised)"
    if stress.startswith("adversarial"):
        title += "; dotted and dashed: attacked without gradients, not to be compared"
    alt = f"{error} and 90 % coverage of each method on {', '.join(pairs)} as {stress} grows"
    return Picture(f"stress-{stress}", "", title[0].upper() + title[1:], alt, figure)


def _two_panels_each(
    summary: Summary, beside: float
) -> tuple[Figure, NDArray[Any], dict[str, tuple[Axes, Axes]]]:
    """A figure with an upper and a lower panel for each data set, three data sets abreast.

    ``beside``: inches for a legend. Returns the figure, all its axes and the pairs by data set.
    """
    names = [data["name"] for data in summary.data]
    columns = min(3, len(names))
    blocks = -(-len(names) // columns)
    size = (3.1 * columns + beside, 4.6 * blocks)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(2 * blocks, columns, squeeze=False)
    pairs = {}
    for k in range(blocks * columns):
        upper, lower = axes[2 * (k // columns) : 2 * (k // columns) + 2, k % columns]
        if k < len(names):
            upper.set_title(plain(names[k]), fontsize=9)
            pairs[names[k]] = (upper, lower)
        else:
            upper.set_visible(False)
            lower.set_visible(False)
    return figure, axes, pairs


def _ladders(
    ax: Axes, summary: Summary, dataset: str, metric: str, stress: str, colours: Colours
) -> None:
    """A line per method over the places of a stress."""
    for k, method in enumerate(summary.methods):
        kept = []
        for x, place in _places(summary, stress):
            values = summary.values(dataset, method, metric, *place, first=True)
            if not values.empty:
                kept.append((x, float(values.mean())))
        if len(kept) < 2:
            continue
        attacked = stress.startswith("adversarial") and not summary.has_gradients(dataset, method)
        style = "--" if method in REFERENCES else ":" if attacked else "-"
        look: Any = {"marker": MARKERS[k % len(MARKERS)], "ms": 4, "color": colours[method]}
        ax.plot(
            [x for x, _ in kept], [y for _, y in kept], style, lw=1.2, label=plain(method), **look
        )
    kind = known_stress(stress)
    if isinstance(kind, SplitStress):
        ax.set_xticks([0, 1], ["random third", stress])
    elif isinstance(kind, SettingStress):
        ax.set_xscale("log", base=2)
        ax.set_xticks([0.5, 1, 2], ["half", "as set", "double"])


def _places(summary: Summary, stress: str) -> list[tuple[float, Level]]:
    """Where on the axis each level of a stress stands, and what it is held against."""
    levels = [(level, (stress, level)) for level in summary.stresses()[stress]]
    kind = known_stress(stress)
    if isinstance(kind, SplitStress):
        return [(0.0, (BASELINE, REGION)), *levels]
    if isinstance(kind, SettingStress):
        return sorted([(1.0, CLEAN), *levels])
    return [(0.0, CLEAN), *levels]


def _log_where_it_spreads(ax: Axes) -> None:
    """A log axis where the largest value is five times the least."""
    drawn = np.concatenate([np.asarray(line.get_ydata()) for line in ax.lines] or [np.empty(0)])
    if not drawn.size or drawn.min() <= 0 or drawn.max() < 5 * drawn.min():
        return
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:g}")
    few = drawn.max() < 20 * drawn.min()  # a decade has too few round numbers, three too many
    ax.yaxis.set_minor_formatter("{x:g}" if few else NullFormatter())


def is_severity(stress: str) -> bool:
    """Whether a stress has a figure: its levels are severities, not numbers of repeats."""
    kind = known_stress(stress)
    repeats = isinstance(kind, TrainStress) and not kind.ladder
    return stress != BASELINE and not repeats


def stability(summary: Summary, colours: Colours) -> Picture:
    """Two panels a data set: the rmse of each restart and shuffle over their mean; and the training
    losses of the networks of one fit, the local minima that they ended in."""
    methods = [m for m in summary.methods if m not in REFERENCES]
    figure, axes, pairs = _two_panels_each(summary, beside=0.6)
    for name, (upper, lower) in pairs.items():
        _again(upper, summary, name, methods, colours)
        _losses(lower, summary, name, methods, colours)
    axes[0, 0].set_ylabel("rmse / mean rmse")
    axes[1, 0].set_ylabel("training loss - mean")
    shown = ", ".join(pairs)
    alt = f"rmse of restarts (dots) and shuffles (crosses), and training losses, on {shown}"
    title = "Fitted again: rmse of restarts (dots) and shuffles (crosses); losses of each network"
    return Picture("stability", "stability", title, alt, figure)


def _again(ax: Axes, summary: Summary, dataset: str, methods: list[str], colours: Colours) -> None:
    """Each restart's rmse, and each shuffle's, over the mean of their kind on a split."""
    r = summary.records
    own = r[(r["dataset"] == dataset) & (r["metric"] == "rmse") & (r["status"] == "ok")]
    for k, method in enumerate(methods):
        of_method = own[own["method"] == method]
        for stress, marker, side in ((CLEAN[0], "o", -0.15), (SHUFFLE, "x", 0.15)):
            kept = of_method[of_method["stress"] == stress]
            for _, group in kept.groupby("split"):
                if len(group) > 1:
                    values = group["value"] / group["value"].mean()
                    x = np.full(len(values), k + side)
                    ax.plot(x, values, marker, ms=4, color=colours[method], alpha=0.7)
    _name_columns(ax, methods, 1)


def _losses(ax: Axes, summary: Summary, dataset: str, methods: list[str], colours: Colours) -> None:
    """Training losses of the networks of the first fit, less their mean."""
    for k, method in enumerate(methods):
        for cell in summary.finished(dataset, method)[:1]:
            for values in cell["facts"].values():
                if isinstance(values, list) and len(values) > 1:
                    y = np.asarray(values) - np.mean(values)
                    ax.plot(np.full(len(y), k), y, "o", ms=4, color=colours[method], alpha=0.7)
    _name_columns(ax, methods, 0)


def _name_columns(ax: Axes, methods: list[str], level: float) -> None:
    ax.set_xlim(-0.6, len(methods) - 0.4)
    names = [plain(method.partition("[")[0]) for method in methods]
    ax.set_xticks(range(len(methods)), names, rotation=40, ha="right", fontsize=7)
    ax.axhline(level, color="0.8", lw=0.8, zorder=0)


def plain(text: str) -> str:
    """A name as it is: to matplotlib a dollar begins a formula."""
    return text.replace("$", r"\$")


def stress_unit(name: str) -> str:
    """What a stress's levels are measured in."""
    kind = known_stress(name)
    return kind.unit if kind else "level"

"""Performance profiles: how often each method gains more than so much over marginal."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from howrobust.analysis.profiles import Profile
from howrobust.reports.plots.figure_file import Picture
from howrobust.reports.plots.style import Looks, plain


def profile_curves(found: Sequence[Profile], own: Looks) -> Picture:
    """Share of runs whose gain exceeds tau, against tau, with pointwise 95 % limits."""
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    ax: Axes = figure.subplots()
    for profile in found:
        look = own[profile.method]
        if np.isfinite(profile.lower).all():
            ax.fill_between(
                profile.taus, profile.lower, profile.upper, color=look.colour, alpha=0.07, lw=0
            )
        ax.plot(
            profile.taus, profile.share, linestyle=look.dash, color=look.colour, lw=1.4,
            label=plain(profile.method),
        )  # fmt: skip
    ax.set(xlabel="gain over marginal, nats a point", ylabel="share of runs that gain more")
    ax.set(ylim=(0, 1.02), xlim=(0, None))
    ax.margins(x=0)
    ax.legend(fontsize=7, frameon=False, handlelength=3.2)
    first = found[0]
    names = ", ".join(profile.method for profile in found)
    alt = f"Share of runs whose nll is so much lower than marginal's, for {names}"
    limits = f"no intervals: {first.reason}" if first.reason else "shaded: 95 % limits"
    title = f"Performance profiles over {len(first.datasets)} data sets ({limits})"
    return Picture("profiles", "ranking", title, alt, figure)

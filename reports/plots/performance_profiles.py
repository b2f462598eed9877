"""Performance profiles: how often each method gains more than so much over marginal."""

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from howrobust.analysis.profiles import Profile
from howrobust.reports.plots.figure_file import ReportFigure
from howrobust.reports.plots.style import Styles, axes_or_new, method_styles, new_figure, plain


def performance_profiles(
    profiles: Sequence[Profile], styles: Styles | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the share of runs whose gain exceeds tau, against tau.

    Parameters
    ----------
    profiles : sequence of Profile
        The profile of each method.
    styles : dict of str to MethodStyle, optional
        Styles of the methods.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes.
    """
    ax = axes_or_new(ax, 7.2, 3.4)
    styles = styles or method_styles([profile.method for profile in profiles])
    for profile in profiles:
        style = styles[profile.method]
        if np.isfinite(profile.lower).all():
            limits = (profile.lower, profile.upper)
            ax.fill_between(profile.taus, *limits, color=style.colour, alpha=0.07, lw=0)
        sns.lineplot(
            x=profile.taus, y=profile.share, estimator=None, sort=False, linestyle=style.dash,
            color=style.colour, lw=1.4, label=plain(profile.method), legend=False, ax=ax,
        )  # fmt: skip
    ax.set(xlabel="gain over marginal, nats a point", ylabel="share of runs that gain more")
    ax.set(ylim=(0, 1.02), xlim=(0, None))
    ax.margins(x=0)
    ax.legend(fontsize=7, frameon=False, handlelength=3.2)
    return ax


def profiles_figure(profiles: Sequence[Profile], styles: Styles) -> ReportFigure:
    """Draw the performance profiles for a report.

    Parameters
    ----------
    profiles : sequence of Profile
        The profile of each method.
    styles : dict of str to MethodStyle
        Styles of the methods.

    Returns
    -------
    ReportFigure
        The figure.
    """
    figure = new_figure(7.2, 3.4)
    performance_profiles(profiles, styles, figure.subplots())
    first = profiles[0]
    names = ", ".join(profile.method for profile in profiles)
    alt = f"Share of runs against how much lower their nll is than marginal's, for {names}"
    limits = f"no intervals: {first.reason}" if first.reason else "shaded: 95 % limits"
    title = f"Performance profiles over {len(first.datasets)} data sets ({limits})"
    return ReportFigure("profiles", "ranking", title, alt, figure)

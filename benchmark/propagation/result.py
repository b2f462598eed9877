"""What noise of the inputs makes of an output: numbers, sentence, page."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

from howrobust.base.rendering import drawn, rendered
from howrobust.distributions.arrays import Array
from howrobust.errors import printable
from howrobust.propagation.breaks import Break
from howrobust.propagation.noise import Noise
from howrobust.propagation.worst_case import WorstCase
from howrobust.storage.atomic import write_output

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST_NAMED = 6  # inputs in the sentence
MOSTLY = 0.6  # of the variance, of one input or of interactions
NAMED_SHARE = 0.8  # of the variance, that the inputs named in the sentence have
POWERS = (-5, 7)  # of ten, between which numbers are written without one


@dataclass(frozen=True, repr=False, eq=False)
class Propagation:
    """What noise of the inputs makes of an output.

    Parameters
    ----------
    name : str
        Name of the output.
    units : mapping of str to str
        Units of inputs, and of the output under its name.
    noise : Noise
        The noise of k inputs.
    draws : int
        Number of draws of the noise around each point.
    seed : int
        Seed of the draws.
    level : float
        Level of the interval.
    mean, mean_se : float
        Mean of the output, and its Monte Carlo standard error.
    sd, sd_se : float
        Standard deviation of the output.
    interval, interval_se : tuple of (float, float)
        Lower and upper limit of the output.
    sensitivities : DataFrame
        One row for each noisy input. ``sd`` of its noise; ``low`` and ``high``, the outputs where
        it alone is at the lower and upper limit of its noise; ``first_order`` and ``total``, its
        Sobol' indices, and ``first_order_se`` and ``total_se``. Indices are NaN where ``undefined``
        says why there are none.
    undefined : str
        Why there are no Sobol' indices; empty where there are.
    at_points : DataFrame
        One row for each point: ``output`` without noise, ``mean``, ``sd``, ``lower``, ``upper``,
        ``mean_se``, ``sd_se``, and ``broken``, the number of draws without a finite output.
    worst_case : WorstCase
        The lowest and the highest output in a box.
    breaks : tuple of Break
        Where the function gives no finite output, or jumps.
    searched : str
        What was searched for breaks.
    outputs : array of shape (n, draws)
        The draws of the output at n points; NaN where it is not finite.
    notes : tuple of str
        What limits these numbers.

    Notes
    -----
    Of several points, the mean is the mean over points, the sd the root mean square of the sds
    around each point, and the interval that of the draws less the mean of their point, around the
    overall mean: how far noise moves the output, not how far the points lie apart. Indices and
    outputs at limits are means over points, indices weighted by variance. Standard errors are upper
    bounds, since all points have the same draws of the noise.
    """

    name: str
    units: Mapping[str, str]
    noise: Noise
    draws: int
    seed: int
    level: float
    mean: float
    mean_se: float
    sd: float
    sd_se: float
    interval: tuple[float, float]
    interval_se: tuple[float, float]
    sensitivities: "pd.DataFrame"
    undefined: str
    at_points: "pd.DataFrame"
    worst_case: WorstCase
    breaks: tuple[Break, ...]
    searched: str
    outputs: Array
    notes: tuple[str, ...]

    @property
    def broken(self) -> int:
        """Number of draws without a finite output."""
        return int(self.at_points["broken"].sum())

    @property
    def sentence(self) -> str:
        """The answer in one sentence, in the units of the function."""
        n = len(self.at_points)
        where = f"the {self.name} over {n} points" if n > 1 else f"the {self.name}"
        average = " on average" if n > 1 else ""
        shift = self.mean if n > 1 else 0.0
        limits = " to ".join(self._plain(limit - shift, n > 1) for limit in self.interval)
        around = " around the mean of each" if n > 1 else ""
        text = (
            f"With {self._inputs()}, {where} is {self.text(self.mean)}{average}, give or take "
            f"{self.text(self.sd)} ({100 * self.level:g} %: {limits}{self._unit()}{around})"
            f"{self._shares()}."
        )
        return printable(text + self._broken())

    def text(self, value: float) -> str:
        """Return an output as text, to two digits of its sd and with its unit.

        Parameters
        ----------
        value : float
            An output.

        Returns
        -------
        str
            Such as "5.36 mm".
        """
        return f"{self._plain(value)}{self._unit()}"

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the output where each input alone is at the limits of its noise (tornado).

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        Axes
            The axes.
        """
        axes: Axes = drawn(self, ax)
        return axes

    def report(self, path: str | Path) -> Path:
        """Write the page, one self-contained HTML file.

        Parameters
        ----------
        path : str or Path
            Where to write it.

        Returns
        -------
        Path
            Where it is.

        Raises
        ------
        BadInput
            Where it cannot be written.
        """
        path = Path(path)
        write_output(path, rendered(self, "page").encode("utf-8"))
        return path

    def _unit(self) -> str:
        unit = self.units.get(self.name, "")
        return f" {unit}" if unit else ""

    def _plain(self, value: float, signed: bool = False) -> str:
        return rounded(value, self.sd, "+" if signed else "")

    def _inputs(self) -> str:
        """The noisy inputs, and what ± is."""
        margins = self.noise.margins
        if len(margins) > MOST_NAMED:
            return f"noise on {len(margins)} inputs"
        texts = [margin.text(self.units.get(str(margin.column), "")) for margin in margins]
        gaussian = any(margin.gaussian for margin in margins)
        kind = "correlated, " if self.noise.correlation is not None else ""
        about = f" ({kind}± is one sd)" if gaussian else f" ({kind[:-2]})" if kind else ""
        return listed(texts) + about

    def _shares(self) -> str:
        """Which inputs bring the variance."""
        if self.undefined or len(self.sensitivities) == 1:
            return ""
        first = self.sensitivities["first_order"].clip(0, 1).sort_values(ascending=False)
        if first.iloc[0] >= MOSTLY:
            return f", mostly from {first.index[0]} ({100 * first.iloc[0]:.0f} % of the variance)"
        together = first.sum()
        if together < 1 - MOSTLY:
            share = 100 * (1 - together)
            return f", mostly from interactions of the inputs ({share:.0f} % of the variance)"
        count = int((first.cumsum() < NAMED_SHARE * together).sum()) + 1
        texts = [f"{name} ({100 * share:.0f} %)" for name, share in first.iloc[:count].items()]
        return f", its variance above all from {listed(texts)}"

    def _broken(self) -> str:
        """A sentence on the draws without a finite output."""
        if not self.broken:
            return ""
        of = self.outputs.size
        reasons = [each.reason for each in self.breaks if each.reason != "jump"]
        return f" At {self.broken} of {of} draws there is no output ({listed(reasons)})."

    def __repr__(self) -> str:
        return f"<Propagation of {self.name}; print it to read it>"

    def __str__(self) -> str:
        lines = [self.sentence, "", *self._table()]
        worst = self.worst_case
        for word, extreme in (("lowest", worst.lowest), ("highest", worst.highest)):
            lines.append(f"{word} output: {self.text(extreme.output)} at {_at(extreme.inputs)}")
        lines.append(f"  searched: {worst.searched}")
        for each in self.breaks:
            lines.append(f"breaks: {each.reason}, {each.count} times: {each.detail}")
            lines.append(f"  at {_at(each.inputs)}")
        lines += [] if self.breaks else ["breaks: none"]
        lines.append(f"  searched: {self.searched}")
        return "\n".join(map(printable, [*lines, *(f"note: {note}" for note in self.notes)]))

    def _table(self) -> list[str]:
        """Lines of the table of inputs."""
        lines = [f"Monte Carlo standard errors: mean {self.mean_se:.2g}, sd {self.sd_se:.2g}", ""]
        limits = f"output at its {100 * self.level:g} % limits"
        lines += [f"{'input':24} {limits:>29}"]
        if not self.undefined:
            lines[-1] += f"   {'of the variance':>15} {'with interactions':>18}"
        for margin, (_, row) in zip(self.noise.margins, self.sensitivities.iterrows(), strict=True):
            ends = f"{self._plain(row['low'])} .. {self._plain(row['high'])}"
            line = f"{margin.text(self.units.get(str(margin.column), '')):24} {ends:>29}"
            for which in () if self.undefined else ("first_order", "total"):
                share = f"{100 * row[which]:.1f} % ± {100 * row[f'{which}_se']:.1f}"
                line += f"   {share:>15}"
            lines.append(line)
        return lines

    def _repr_html_(self) -> str:
        return rendered(self, "html")


def rounded(value: float, sd: float, sign: str = "") -> str:
    """Return a number to two digits of an sd.

    Parameters
    ----------
    value : float
        The number.
    sd : float
        The sd; six digits of the number where it is 0.
    sign : {"", "+"}, default=""
        Whether to write the sign of positive numbers.

    Returns
    -------
    str
        The number, with a power of ten only far from 1.

    Examples
    --------
    >>> rounded(5.3612, 0.3987), rounded(0.3987, 0.3987), rounded(-0.001, 0.3987)
    ('5.36', '0.40', '0.00')
    """
    if not sd > 0:
        return f"{value:{sign}z.6g}"
    sd = float(f"{sd:.1e}")  # 0.9999999 is 1.0
    decimals = 1 - floor(log10(sd))
    power = floor(log10(max(abs(value), sd)))
    if POWERS[0] < power < POWERS[1]:
        return f"{value:{sign}z.{max(0, min(decimals, 12))}f}"
    return f"{value:{sign}z.{max(1, min(power + decimals, 12))}e}"


def listed(texts: list[str]) -> str:
    """Return texts as a list in a sentence.

    Parameters
    ----------
    texts : list of str
        Texts.

    Returns
    -------
    str
        Such as "a, b and c".

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))


def _at(inputs: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} = {value:.6g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in inputs.items()
    )

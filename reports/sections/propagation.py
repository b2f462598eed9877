"""Noise carried through a function, as tables."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from howrobust.propagation.result import Propagation
from howrobust.reports.number_text import significant
from howrobust.reports.table import Table, TableCell, TableRow


@dataclass(frozen=True)
class PropagationSection:
    """The tables of a page.

    Parameters
    ----------
    result : Propagation
        The result.
    """

    result: Propagation

    @cached_property
    def numbers(self) -> Table:
        """Mean, sd and limits of the output."""
        r = self.result
        level = f"{100 * r.level:g} %"
        lines = [
            ("mean", r.mean, r.mean_se),
            ("standard deviation", r.sd, r.sd_se),
            (f"lower limit of the {level} interval", r.interval[0], r.interval_se[0]),
            (f"upper limit of the {level} interval", r.interval[1], r.interval_se[1]),
        ]
        rows = [
            TableRow([TableCell(name), TableCell(r.text(value), value), _number(error)])
            for name, value, error in lines
        ]
        return Table("output", [r.name, "value", "Monte Carlo standard error"], [0], rows)

    @cached_property
    def inputs(self) -> Table:
        """Each noisy input with its effect."""
        r = self.result
        header = ["input", "output at its lower limit", "at its upper limit"]
        if not r.undefined:
            header += ["alone, of the variance", "with interactions"]
        rows = []
        described = zip(r.noise.margins, r.sensitivities.iterrows(), strict=True)
        for margin, (_, row) in described:
            cells = [TableCell(margin.text(r.units.get(str(margin.column), "")))]
            cells += [TableCell(r.text(row[side]), row[side]) for side in ("low", "high")]
            for which in () if r.undefined else ("first_order", "total"):
                text = f"{100 * row[which]:.1f} % ± {100 * row[f'{which}_se']:.1f}"
                cells.append(TableCell(text, row[which]))
            rows.append(TableRow(cells))
        return Table("noisy inputs", header, [0], rows)

    @cached_property
    def worst(self) -> Table:
        """The lowest and the highest output."""
        r = self.result
        rows = [
            TableRow([
                TableCell(word), TableCell(r.text(end.output), end.output),
                TableCell(_inputs(end.inputs)),
            ])
            for word, end in (("lowest", r.worst_case.lowest), ("highest", r.worst_case.highest))
        ]  # fmt: skip
        return Table("worst case", ["", "output", "inputs"], [0, 2], rows)

    @cached_property
    def breaks(self) -> Table:
        """Where the function breaks."""
        rows = [
            TableRow([
                TableCell(each.reason), TableCell(str(each.count), each.count),
                TableCell(each.detail), TableCell(_inputs(each.inputs)),
            ])
            for each in self.result.breaks
        ]  # fmt: skip
        return Table("breaks", ["what", "times", "detail", "inputs of the first"], [0, 2, 3], rows)

    @cached_property
    def points(self) -> Table:
        """Each of several points."""
        r = self.result
        columns = ("output", "mean", "sd", "lower", "upper")
        rows = [
            TableRow([
                TableCell(str(i), i), *(TableCell(r.text(row[c]), row[c]) for c in columns),
                TableCell(f"{row['broken']:.0f}", row["broken"]),
            ])
            for i, (_, row) in enumerate(r.at_points.iterrows())
        ]  # fmt: skip
        header = ["point", "output without noise", *columns[1:], "draws without output"]
        return Table("points", header, [], rows)


def _number(value: float) -> TableCell:
    return TableCell(significant(value), value)


def _inputs(inputs: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} = {value:.6g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in inputs.items()
    )

"""How a run was made: how each method was set."""

from howrobust.base.facts import MethodFacts
from howrobust.base.records import GRADIENTS
from howrobust.reports.number_text import TableCell
from howrobust.reports.sections.scores import Summary
from howrobust.reports.table import Sheet, SheetRow


def settings(summary: Summary) -> Sheet:
    """How each method was set and where its noise comes from, in the methods' own words."""
    rows = []
    fitted = {cell.method for cell in summary.cells}
    for label in (method for method in summary.methods if method in fitted):
        stated: MethodFacts = summary.about.method_facts[label]
        facts = " ".join(_facts(summary, data.name, label) for data in summary.data).strip()
        cells = [TableCell(text) for text in (label, stated.components, stated.noise_model, facts)]
        rows.append(SheetRow(cells, method=label))
    header = ["method", "components", "noise", "first split"]
    return Sheet("how each method was set", header, (0, 1, 2, 3), rows)


def _facts(summary: Summary, dataset: str, method: str) -> str:
    """What the fit of the first split reports; empty where there is none."""
    cells = summary.finished(dataset, method)
    if not cells:
        return ""
    facts = [f"S = {summary.clean(cells[0]).n_components}"]
    facts += [f"{k} {_range(v)}" for k, v in cells[0].facts.items() if k != GRADIENTS]
    spread = summary.estimate(dataset, method, "nll_error")
    if spread and spread.mean > 0:
        facts.append(f"Monte-Carlo error of nll {spread.mean:.2g}")
    return f"{dataset}: {', '.join(facts)}."


def _range(value: float | list[float]) -> str:
    """A number, or the least and the largest of several."""
    if isinstance(value, list):
        return f"{min(value):.3g} to {max(value):.3g}"
    return f"{value:.3g}"

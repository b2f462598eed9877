"""Records and outcomes: what a worker and the scoring hand to the store."""

from dataclasses import dataclass

from howrobust.planning.jobs import Level

GRADIENTS = "gradients"  # the fact that says whether attacks could use the model's gradients
COSTS = (
    "fit_cpu_s", "fit_wall_s", "fit_ratio", "us_per_draw", "draw_ratio", "peak_rss_mb",
    "stack_size",
)  # fmt: skip


@dataclass(frozen=True)
class Record:
    """One number of one cell at one stress level: a value, or why there is none."""

    stress: str
    level: float
    metric: str
    value: float | None
    status: str
    reason: str = ""
    code: str = ""


@dataclass(frozen=True)
class Outcome:
    """The result of fitting and forecasting a cell.

    ``levels`` were forecast; ``lost`` are levels that failed, with the reason. ``costs`` are
    records of the fit, ``facts`` what the fit reports.
    """

    key: str
    status: str
    levels: tuple[Level, ...] = ()
    lost: tuple[tuple[Level, str], ...] = ()
    testset: str = ""
    facts: dict[str, float | list[float]] | None = None
    costs: tuple[Record, ...] = ()
    kind: str = ""
    reason: str = ""
    traceback: str = ""
    whole_stack: bool = False  # it is not known yet which of the stack's cells is to blame

"""A plug-in of pytest: the fixture ``robustness``, by which tests hold a model to its robustness.

It is loaded in every test run of an environment: nothing of howrobust is imported until it is used.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from howrobust.analysis.cards.card import Card
    from howrobust.analysis.run_scores import Scores
    from howrobust.comparison.baseline import Snapshot
    from howrobust.comparison.runs import Comparison
    from howrobust.distributions.predictive import Predictive

UPDATE = "--robustness-update"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes baselines."""
    parser.getgroup("howrobust").addoption(
        UPDATE, action="store_true",
        help="write the baselines of `robustness(...).against(NAME)`, and compare with none",
    )  # fmt: skip


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say so where nothing is compared."""
    if config.getoption(UPDATE):
        return ["howrobust: baselines are written; nothing is compared with them"]
    return []


@pytest.fixture
def robustness(request: pytest.FixtureRequest, tmp_path: Path) -> "Robustness":
    """Assess a model on rows: ``robustness(model, X, y, **settings)``, an `Assessed`.

    The settings are those of `howrobust.assess`. Baselines lie in the folder ``baselines`` beside
    the file of the test.
    """
    inside = request.node.nodeid.partition("::")[2]  # its classes, its name and its parameters
    words = re.sub(r"::|\[", ".", inside.removesuffix("]"))
    test = re.sub(r"[^\w.=-]+", "_", f"{request.path.stem}.{words}")
    if not re.fullmatch(r"\w+(::\w+)*(\[[\w=-]+\])?", inside):  # others may look the same by now
        test += f"-{hashlib.sha256(inside.encode()).hexdigest()[:6]}"
    home = request.path.parent / "baselines"
    return Robustness(home, test, bool(request.config.getoption(UPDATE)), tmp_path)


class Robustness:
    """The fixture in one test; see `robustness`."""

    def __init__(self, home: Path, test: str, update: bool, scratch: Path) -> None:
        self.update = update
        self._home = home
        self._test = test
        self._scratch = scratch
        self._assessed = 0
        self._named: set[str] = set()

    def __call__(self, model: Any, X: Any, y: Any, **settings: Any) -> "Assessed":
        """Assess a model; see `howrobust.assess` for the words, and for what is raised."""
        from howrobust._assess import assess
        from howrobust._results import load
        from howrobust.analysis.run_scores import Scores

        __tracebackhide__ = True
        self._assessed += 1
        settings.setdefault("out", self._scratch / f"howrobust-{self._assessed}")
        card = assess(model, X, y, **settings)
        return Assessed(card, Scores(load(settings["out"])), self)

    def file(self, name: str) -> Path:
        """Where this test keeps the baseline of a name, which it may use once."""
        if not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
            pytest.fail(f"a baseline's name is of letters, digits, _, . and -, not {name!r}", False)
        if name in self._named:
            pytest.fail(f"this test uses the baseline {name!r} twice; give another name", False)
        self._named.add(name)
        return self._home / name / f"{self._test}.json"


@dataclass(frozen=True, repr=False)
class Assessed:
    """A model that was assessed: its ``card``, the run's ``scores``, and every clean score by name.

    ``assessed.coverage_90``, or any other metric of ``howrobust list metrics``, is its mean over
    splits; AttributeError says why where there is none.
    """

    card: "Card"
    scores: "Scores"
    robustness: Robustness

    def __getattr__(self, metric: str) -> float:
        if metric.startswith("_"):
            raise AttributeError(metric)
        (data,) = self.scores.data
        found = self.scores.estimate(data.name, self.card.method, metric)
        if found is not None:
            return found.mean
        known = sorted(self.scores.records["metric"].unique())
        if metric not in known:
            raise AttributeError(f"no score is named {metric!r}; there are {', '.join(known)}")
        why = self.scores.reason(data.name, self.card.method, metric)
        raise AttributeError(f"{self.card.method} has no {metric}: {why}")

    def __repr__(self) -> str:
        return f"<{self.card.method}: nll {self._or_dash('nll')}, rmse {self._or_dash('rmse')}>"

    def _or_dash(self, metric: str) -> str:
        value = getattr(self, metric, None)
        return "-" if value is None else f"{value:.3g}"

    def predictive(self, X: Any) -> "Predictive":
        """Return p(y | x) at new rows X, learnt on all rows."""
        return self.card.predictive(X)

    def against(self, name: str, alpha: float = 0.05) -> "Comparison | None":
        """Fail the test where the model is worse than the baseline ``name``, or there is none.

        Worse is what `howrobust.compare` calls so; it is called ``model`` there, so that one of
        another class can be held against it. With ``--robustness-update`` the baseline is written,
        and the result is None.
        """
        from howrobust._results import compare

        __tracebackhide__ = True
        path = self.robustness.file(name)
        taken = self._snapshot()
        if self.robustness.update:
            _write(path, taken)
            return None
        if not path.exists():
            pytest.fail(f"there is no baseline {path}; `pytest {UPDATE}` writes it", False)
        found = compare(path, taken, alpha=alpha)
        if found.exit_code:
            pytest.fail(f"not as good as {path}\n\n{found}", pytrace=False)
        return found

    def _snapshot(self) -> "Snapshot":
        """What is compared: the cells of the model, without those of the reference beside it."""
        from msgspec.structs import replace

        from howrobust.comparison.baseline import snapshot

        taken = snapshot(self.scores.results)
        own = [c for c in taken.cells if c.method == self.card.method]
        return replace(taken, cells=[replace(cell, method="model") for cell in own])


def _write(path: Path, taken: "Snapshot") -> None:
    from howrobust.comparison.baseline import to_json
    from howrobust.storage.atomic import write_output

    path.parent.mkdir(parents=True, exist_ok=True)
    write_output(path, to_json(taken).encode("utf-8"))

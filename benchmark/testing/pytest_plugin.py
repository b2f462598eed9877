"""A pytest plug-in: the fixture ``robustness`` assesses a model and compares it with a baseline.

pytest loads it in every test run of an environment: howrobust is imported when the fixture is used.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from howrobust.analysis.cards.card import Card
    from howrobust.analysis.new_rows.forecasts import NewRows
    from howrobust.analysis.run_scores import Scores
    from howrobust.comparison.baseline import Snapshot
    from howrobust.comparison.runs import Comparison

UPDATE = "--robustness-update"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes baselines.

    Parameters
    ----------
    parser : pytest.Parser
        Parser of the command line.
    """
    parser.getgroup("howrobust").addoption(
        UPDATE, action="store_true",
        help="write the baselines of `robustness(...).against(NAME)`; compare with none",
    )  # fmt: skip


def pytest_report_header(config: pytest.Config) -> list[str]:
    """State in the header that nothing is compared where baselines are written.

    Parameters
    ----------
    config : pytest.Config
        Options of the test run.

    Returns
    -------
    list of str
        Lines of the header.
    """
    if config.getoption(UPDATE):
        return ["howrobust: baselines are written; nothing is compared with them"]
    return []


@pytest.fixture
def robustness(request: pytest.FixtureRequest, tmp_path: Path) -> "Robustness":
    """Assess a model on rows: ``robustness(model, X, y, **settings)`` returns an `Assessed`.

    Parameters
    ----------
    request : pytest.FixtureRequest
        The test; baselines are in the folder ``baselines`` beside its file.
    tmp_path : Path
        Folder of the runs.

    Returns
    -------
    Robustness
        Is called with a model, its rows and the settings of `howrobust.assess`.
    """
    folder = request.path.parent / "baselines"
    update = bool(request.config.getoption(UPDATE))
    return Robustness(folder, _file_stem(request), update, tmp_path)


def _file_stem(request: pytest.FixtureRequest) -> str:
    """Return a file name of the test's own, without suffix."""
    inside = request.node.nodeid.partition("::")[2]  # its classes, its name and its parameters
    dotted = re.sub(r"::|\[", ".", inside.removesuffix("]"))
    stem = re.sub(r"[^\w.=-]+", "_", f"{request.path.stem}.{dotted}")
    if re.fullmatch(r"\w+(::\w+)*(\[[\w=-]+\])?", inside):
        return stem
    # Characters were replaced: another test may have the same stem.
    return f"{stem}-{hashlib.sha256(inside.encode()).hexdigest()[:6]}"


class Robustness:
    """The fixture ``robustness`` in one test.

    Parameters
    ----------
    folder : Path
        Folder of the baselines.
    test : str
        Name of the test, as a file name without suffix.
    update : bool
        Whether baselines are written in place of compared with.
    scratch : Path
        Folder of the runs.
    """

    def __init__(self, folder: Path, test: str, update: bool, scratch: Path) -> None:
        self.update = update
        self._folder = folder
        self._test = test
        self._scratch = scratch
        self._assessed = 0
        self._named: set[str] = set()

    def __call__(self, model: Any, X: Any, y: Any, **settings: Any) -> "Assessed":
        """Assess a model.

        Parameters
        ----------
        model : estimator
            A regressor, or what else `howrobust.assess` takes.
        X : array of shape (n, d)
            Inputs.
        y : array of shape (n,)
            Target.
        **settings : dict
            Settings of `howrobust.assess`.

        Returns
        -------
        Assessed
            The card and the scores.

        Raises
        ------
        BadInput
            As `howrobust.assess` does.
        """
        from howrobust._assess import assess
        from howrobust._results import load
        from howrobust.analysis.run_scores import Scores

        __tracebackhide__ = True
        self._assessed += 1
        settings.setdefault("out", self._scratch / f"howrobust-{self._assessed}")
        card = assess(model, X, y, **settings)
        return Assessed(card, Scores(load(settings["out"])), self)

    def baseline_path(self, name: str) -> Path:
        """Return the file of a baseline of this test; fail the test at a second use of the name.

        Parameters
        ----------
        name : str
            Name of the baseline: letters, digits, ``_``, ``.`` and ``-``.

        Returns
        -------
        Path
            The file, which need not exist.
        """
        if not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
            pytest.fail(f"name a baseline with letters, digits, _, . and -, not {name!r}", False)
        if name in self._named:
            pytest.fail(f"this test uses the baseline {name!r} twice; give another name", False)
        self._named.add(name)
        return self._folder / name / f"{self._test}.json"


@dataclass(frozen=True, repr=False)
class Assessed:
    """An assessed model: its card, its scores, and each clean score as an attribute.

    Parameters
    ----------
    card : Card
        Card of the model.
    scores : Scores
        Scores of the run.
    robustness : Robustness
        The fixture that assessed the model.

    Notes
    -----
    ``assessed.coverage_90``, or any other metric of ``howrobust list metrics``, is the mean of the
    metric over splits without stress; AttributeError gives the reason where it is undefined.
    """

    card: "Card"
    scores: "Scores"
    robustness: Robustness

    def __getattr__(self, metric: str) -> float:
        if metric.startswith("_"):
            raise AttributeError(metric)
        (data,) = self.scores.data
        estimate = self.scores.estimate(data.name, self.card.method, metric)
        if estimate is not None:
            return estimate.mean
        known = sorted(self.scores.records["metric"].unique())
        if metric not in known:
            raise AttributeError(f"no score is named {metric!r}; there are {', '.join(known)}")
        reason = self.scores.reason(data.name, self.card.method, metric)
        raise AttributeError(f"{self.card.method} has no {metric}: {reason}")

    def __repr__(self) -> str:
        return f"<{self.card.method}: nll {self._or_dash('nll')}, rmse {self._or_dash('rmse')}>"

    def _or_dash(self, metric: str) -> str:
        value = getattr(self, metric, None)
        return "-" if value is None else f"{value:.3g}"

    def predictive(self, X: Any) -> "NewRows":
        """Return the forecasts of new rows by a fit on all rows.

        Parameters
        ----------
        X : array of shape (n, d)
            New inputs.

        Returns
        -------
        NewRows
            The forecasts of the n inputs.
        """
        return self.card.predictive(X)

    def against(self, name: str, alpha: float = 0.05) -> "Comparison | None":
        """Fail the test where the model is worse than a baseline.

        Parameters
        ----------
        name : str
            Name of the baseline; a test may use it once.
        alpha : float, default 0.05
            Level of the tests of `howrobust.compare`.

        Returns
        -------
        Comparison or None
            The comparison; None with ``--robustness-update``, which writes the baseline.

        Notes
        -----
        The test also fails where there is no such baseline. The baseline names every model
        ``model``, so that a model of another class can be compared with it.
        """
        from howrobust._results import compare

        __tracebackhide__ = True
        path = self.robustness.baseline_path(name)
        snapshot = self._snapshot()
        if self.robustness.update:
            _write(path, snapshot)
            return None
        if not path.exists():
            pytest.fail(f"there is no baseline {path}; `pytest {UPDATE}` writes it", False)
        comparison = compare(path, snapshot, alpha=alpha)
        if comparison.exit_code:
            pytest.fail(f"not as good as {path}\n\n{comparison}", pytrace=False)
        return comparison

    def _snapshot(self) -> "Snapshot":
        """Return the cells of the model, without those of the reference method."""
        from msgspec.structs import replace

        from howrobust.comparison.baseline import snapshot

        whole = snapshot(self.scores.results)
        cells = [c for c in whole.cells if c.method == self.card.method]
        return replace(whole, cells=[replace(cell, method="model") for cell in cells])


def _write(path: Path, snapshot: "Snapshot") -> None:
    from howrobust.comparison.baseline import to_json
    from howrobust.storage.atomic import write_output

    path.parent.mkdir(parents=True, exist_ok=True)
    write_output(path, to_json(snapshot).encode("utf-8"))

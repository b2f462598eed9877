"""The models of finished runs, fitted to all rows: made again from the run's command, or kept."""

import hashlib
import io
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import joblib

from howrobust._new_rows import Fitted, reason
from howrobust.analysis.cards.saving import Origin
from howrobust.analysis.new_rows.forecasts import NewRows
from howrobust.analysis.results import StoredRun
from howrobust.base.method import Method
from howrobust.errors import BadInput
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.facts import given_from_python, options_of
from howrobust.planning.plan import plan_of
from howrobust.planning.selection import Selection, select
from howrobust.storage.atomic import write_output
from howrobust.storage.backends.location import is_url

FOLDER = "models"
KEEP = "assess it again with out= and keep_model=True"


@dataclass(frozen=True)
class RunForecaster:
    """Forecasts of new rows by a method of a run that is kept.

    Parameters
    ----------
    origin : Origin
        The run.
    method : str
        Label of the method.
    kept : bool
        Whether the model is loaded that the run has kept, which executes code in its file;
        otherwise it is made again and fitted.
    """

    origin: Origin
    method: str
    kept: bool
    _fitted: dict[str, Fitted] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __call__(self, X: Any, dataset: str) -> NewRows:
        """Forecast new rows.

        Parameters
        ----------
        X : array or data frame of shape (m, d)
            The inputs, with the columns of the data set.
        dataset : str
            Name of the data set.

        Returns
        -------
        NewRows
            The forecasts.

        Raises
        ------
        BadInput
            Where the model cannot be made again, with the reason.
        """
        if dataset not in self._fitted:
            results = StoredRun(self.origin.location, self.origin.run)
            make = load_kept if self.kept else made_again
            self._fitted[dataset] = make(results, self.method, dataset)
        return self._fitted[dataset].forecast(X)


def made_again(results: StoredRun, method: str, dataset: str) -> Fitted:
    """Make a method of a run again from the run's command, and fit it to all rows.

    Parameters
    ----------
    results : StoredRun
        The run. The module of a user's model that its command names is imported.
    method : str
        Label of the method.
    dataset : str
        Name of the data set.

    Returns
    -------
    Fitted
        The fitted model.

    Raises
    ------
    BadInput
        For a method or rows that were given from Python, and where rows or source have changed.
    """
    command = results.about.command
    for name in (method, dataset):
        if given_from_python(command, name):
            raise BadInput(
                f"{name} was given from Python, so that the run cannot make the model again; "
                f"{_remedy(results, method, dataset)}"
            )
    options = replace(options_of(command), stress=[], metrics=[])  # their modules stay unimported
    reduced = _only(select(options), method, dataset)
    plan = plan_of(reduced)
    (facts,) = plan.data
    recorded = next(data for data in results.about.data if data.name == dataset)
    if facts.sha256 != recorded.sha256:
        raise BadInput(
            f"{dataset} has changed since the run; run again, so that its card is of these rows"
        )
    known = {cell.key for cell in results.cells() if cell.method == method}
    if not known & {cell.key for cell in plan.cells}:
        raise BadInput(
            f"the source of {method} or of howrobust has changed since the run; run again, so that "
            "its card is of this model"
        )
    job = next(job for job in plan.jobs if job.cells[0].method == method)
    return Fitted.of(job.method.build(), reduced.data[0].open(), plan.seed)


def _remedy(results: StoredRun, method: str, dataset: str) -> str:
    """What to do where a model cannot be made again."""
    path = _path(results, method, dataset)
    if path is None or not path.exists():
        return KEEP
    return (
        "the run has kept the fitted model: load_card(path, kept=True) and howrobust predict "
        "--kept load it, which executes code in its file"
    )


def _only(selection: Selection, method: str, dataset: str) -> Selection:
    """Return what a run consists of, reduced to one method on one data set without stress."""
    methods = [spec for spec in selection.methods if spec.label == method]
    data = [spec for spec in selection.data if _name(spec) == dataset]
    if not methods or not data:
        raise BadInput(f"the command of the run names no {dataset if methods else method}")
    return replace(selection, methods=methods, data=data, stresses=[])


def _name(spec: DataSpec) -> str:
    """Name of the data set, as runs record it."""
    return Path(spec.name).name if spec.is_file else spec.open().name


def require_keepable(model: Method, out: str | Path | None) -> None:
    """Check, before it is assessed, that a model can be kept.

    Parameters
    ----------
    model : Method
        The model.
    out : str or Path or None
        Where the run is kept.

    Raises
    ------
    BadInput
        Where no folder keeps the run, and for a model that cannot be pickled.
    """
    if out is None or is_url(str(out)):
        raise BadInput(
            "keep_model=True keeps the model in the folder of the run; give one, out=..."
        )
    _pickled(model)


def keep(fitted: Fitted, results: StoredRun, method: str, dataset: str) -> Path:
    """Write a fitted model into the folder of its run.

    Parameters
    ----------
    fitted : Fitted
        The model.
    results : StoredRun
        The run.
    method : str
        Label of the method.
    dataset : str
        Name of the data set.

    Returns
    -------
    Path
        The file, in the folder ``models`` of the run.

    Raises
    ------
    BadInput
        Where it cannot be pickled or written.
    """
    path = _path(results, method, dataset)
    if path is None:
        raise BadInput("a model is kept in a folder, and the run is in a database; give a folder")
    _require_folder(path.parent)
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise BadInput(f"{path.parent} cannot be made ({error.strerror}); remove it") from None
    write_output(path, _pickled(fitted))
    return path


def load_kept(results: StoredRun, method: str, dataset: str) -> Fitted:
    """Load a model that a run has kept, which executes code in its file.

    Parameters
    ----------
    results : StoredRun
        The run; one of the user's own.
    method : str
        Label of the method.
    dataset : str
        Name of the data set.

    Returns
    -------
    Fitted
        The model.

    Raises
    ------
    BadInput
        Where there is none, and for a file that cannot be loaded.
    """
    path = _path(results, method, dataset)
    if path is None or not path.is_file():
        raise BadInput(f"{results.where} has kept no model of {method} on {dataset}; {KEEP}")
    _require_folder(path.parent)
    if path.is_symlink():
        raise BadInput(f"{path} is a link, which is not loaded; replace it with the file")
    try:
        fitted = joblib.load(path)
    except Exception as error:  # a pickle may raise anything
        raise BadInput(
            f"{path} cannot be loaded ({reason(error)}); {KEEP}, with these versions"
        ) from error
    if not isinstance(fitted, Fitted):
        raise BadInput(f"{path} holds no model that howrobust kept; {KEEP}")
    return fitted


def _path(results: StoredRun, method: str, dataset: str) -> Path | None:
    """Where a run keeps a model; None for a run in a database."""
    if is_url(results.where):
        return None
    name = hashlib.sha256(json.dumps([method, dataset]).encode()).hexdigest()[:12]
    return results.folder / FOLDER / f"{results.run}-{name}.joblib"


def _require_folder(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise BadInput(f"{folder} is a link or a file, not a folder; remove it")


def _pickled(thing: object) -> bytes:
    """Return an object as joblib writes it; BadInput where that is not possible."""
    buffer = io.BytesIO()
    try:
        joblib.dump(thing, buffer, compress=3)
    except Exception as error:  # whatever pickling a user's model raises
        raise BadInput(
            f"the model cannot be kept, since it cannot be pickled ({reason(error)}); define it in "
            "a module, or leave keep_model out"
        ) from None
    return buffer.getvalue()

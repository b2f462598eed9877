"""Rows given from Python."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from howrobust.base.data import Dataset, Provenance, Source
from howrobust.base.splits import Rows
from howrobust.base.tables.frame import Frame
from howrobust.base.tables.values import EXACT, NUMBERS
from howrobust.datasets.tables.kinds import kinds_of
from howrobust.datasets.tables.look import refusal
from howrobust.datasets.tables.roles import suggestion
from howrobust.datasets.tables.rows import USERS_OWN, RowSource
from howrobust.distributions.arrays import Array
from howrobust.distributions.transformed.names import TRANSFORM_NAMES
from howrobust.errors import BadInput

Values = NDArray[Any]
KINDS = {
    "b": "booleans", "M": "dates", "m": "durations", "c": "complex numbers",
    "U": "text", "S": "text", "T": "text", "V": "records",
}  # fmt: skip
ADVICE = {
    "booleans": "a regression needs numbers: give 0 and 1 if those are meant",
    "dates": "convert them to numbers, such as the days since the first",
    "durations": "convert them to numbers, such as seconds",
    "complex numbers": "give the real part, or the modulus",
    "text": "convert it to numbers",
}


def given(
    X: Any, y: Any, name: str = "data", groups: Any = None, target_transform: str = "auto"
) -> Source:
    """Return the source of rows given from Python.

    Frames of other libraries are converted by their ``to_pandas`` or the dataframe interchange,
    tensors by detaching them from gradients and devices.

    Parameters
    ----------
    X : array or data frame of shape (n, d)
        Features, NaN where a value is missing. A frame may have columns of texts, categories,
        booleans, dates, durations and missing values of any kind.
    y : array of shape (n,) or (n, 1)
        Targets.
    name : str, default="data"
        Name of the data set.
    groups : array of shape (n,), optional
        Label of each row's group; groups are held out whole.
    target_transform : {"none", "log", "yeo-johnson", "auto"}, default="auto"
        How the target is transformed for methods that are no model of a user's own.

    Returns
    -------
    Source
        The data set.

    Raises
    ------
    BadInput
        For rows that no regression can be learnt from, values that cannot be used, and rows of X
        and y whose index labels differ.
    """
    if target_transform not in TRANSFORM_NAMES:
        known = suggestion(str(target_transform), TRANSFORM_NAMES, "it is one of")
        raise BadInput(f"target_transform={target_transform!r} is unknown; {known}")
    _require_aligned(X, y, "y")
    _require_aligned(X, groups, "groups")
    X, y = as_pandas(X, "X"), as_pandas(y, "y")
    frame = _described(X) if _is_frame(X) else None
    target = _target(_numbers(y, "y"))
    label = str(y.columns[0] if _is_frame(y) else getattr(y, "name", None) or "y")
    inputs = _numbers(X, "X") if frame is None else frame.encode(X)
    if inputs.ndim != 2 or target.shape != (len(inputs),):
        raise BadInput(
            f"X must be (n, d) and y (n,), not {inputs.shape} and {target.shape}; reshape them"
        )
    if target_transform == "log" and target.size and target.min() <= 0:
        raise BadInput(
            f"y has values of 0 or less ({target.min():g}), which have no logarithm; give "
            'target_transform="auto", "yeo-johnson" or "none"'
        )
    d = inputs.shape[1]
    features = tuple(map(str, frame.names)) if frame else tuple(f"x{j}" for j in range(d))
    about = Provenance("rows given from Python", "the caller", USERS_OWN, "-")
    data = Dataset(inputs, target, features, label, index=_labels(X))
    numbers = None if groups is None else _group_numbers(groups, len(target))
    return RowSource(name, data, about, frame, numbers, target_transform=target_transform)


def _labels(X: Any) -> Any:
    """Return the labels of the rows of a frame; None for the numbers from 0."""
    if not _is_frame(X):
        return None
    import pandas as pd

    return None if X.index.equals(pd.RangeIndex(len(X))) else X.index


def _described(table: Any) -> Frame:
    """Return the frame of a table; BadInput with all that cannot be used."""
    kinds = kinds_of(dict(table.items()))
    problems = Frame.problems_of(table, kinds)
    if problems:
        raise BadInput(refusal("X", problems))
    return Frame.of(table, kinds)


def _group_numbers(groups: Any, n: int) -> Rows:
    """Return the number of each row's group; BadInput for labels that are missing or too few."""
    import pandas as pd  # 0.65 s to import: only where there are groups

    labels = np.asarray(as_pandas(groups, "groups"))
    if labels.shape != (n,):
        raise BadInput(f"groups must be ({n},), a label for each row, not {labels.shape}")
    if pd.isna(labels).any():
        raise BadInput("groups has missing labels; give every row a group")
    numbers = np.unique(labels.astype(str), return_inverse=True)[1].astype(np.int64)
    if numbers.max() == 0:
        raise BadInput("groups holds one group; a split by groups needs at least two")
    return numbers


def _is_pandas(values: Any) -> bool:
    return type(values).__module__.partition(".")[0] == "pandas"


def _is_frame(values: Any) -> bool:
    return hasattr(values, "columns")


def _require_aligned(X: Any, y: Any, name: str) -> None:
    """Raise BadInput for pandas rows whose labels say that they do not belong together."""
    if not (_is_pandas(X) and _is_pandas(y) and hasattr(X, "index") and hasattr(y, "index")):
        return
    if X.index.equals(y.index) or len(X) != len(y):
        return
    if X.index.is_unique and y.index.is_unique and X.index.isin(y.index).all():
        raise BadInput(
            f"X and {name} have the same index labels in another order; give {name}.loc[X.index] "
            f"if rows belong together by label, or {name}.to_numpy() if by position"
        )
    raise BadInput(
        f"X and {name} have different index labels; give both the same index, or {name}.to_numpy() "
        "if rows belong together by position"
    )


def as_pandas(values: Any, name: str) -> Any:
    """Return rows as a pandas object, or as what NumPy takes.

    Parameters
    ----------
    values : object
        Rows, as an array, a tensor or a frame of any library.
    name : str
        What they are called in error messages.

    Returns
    -------
    object
        A pandas object for a frame or column of another library, an array for a tensor; others as
        they are.

    Raises
    ------
    BadInput
        For what would be misread: masked and sparse arrays, and frames that cannot be converted.
    """
    kind = type(values).__name__
    if isinstance(values, np.ma.MaskedArray):
        raise BadInput(
            f"{name} is a masked array; give the rows that are not masked, or {name}.filled(value)"
        )
    if hasattr(values, "detach"):  # a tensor, in whatever memory and with its gradient
        return values.detach().cpu().numpy()
    if hasattr(values, "tocsr"):
        raise BadInput(f"{name} is sparse ({kind}); give {name}.toarray()")
    if _is_pandas(values):
        return values
    if callable(getattr(values, "to_pandas", None)):
        return _converted(values, name)
    if _is_frame(values):
        raise BadInput(f"{name} is a {kind} of {type(values).__module__}; give a pandas frame")
    return values


def _converted(values: Any, name: str) -> Any:
    """Return the frame or column of another library as one of pandas."""
    try:
        return values.to_pandas()
    except ImportError as error:  # polars converts by pyarrow
        if hasattr(values, "__dataframe__"):
            import pandas as pd

            return pd.api.interchange.from_dataframe(values)
        raise BadInput(
            f"{name} ({type(values).__name__}) cannot be converted to pandas: {error}; install "
            f"what is missing, or give {name}.to_numpy()"
        ) from None


def _numbers(values: Any, name: str) -> Array:
    """Return real numbers as float64; BadInput names what they are instead."""
    try:
        raw = values.to_numpy() if _is_pandas(values) else np.asarray(values)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name} must be an array of numbers: {error}") from None
    kind = _kind(raw)
    if kind != "numbers":
        advice = ADVICE.get(kind, "convert it to numbers")
        if name == "X" and kind in ("text", "dates", "durations"):
            advice = f"convert it, or give a pandas frame, whose columns may be {kind}"
        raise BadInput(f"{name} must be numbers, and holds {kind}; {advice}")
    _require_exact(raw, name)
    if raw.dtype.kind == "O":  # pandas' own missing value is no number
        raw = np.where(_missing(raw), np.nan, raw)
    try:
        return np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"{name} must be numbers: {error}") from None


def _kind(raw: Values) -> str:
    """Return what an array holds, in a word."""
    if raw.dtype.kind != "O":
        return KINDS.get(raw.dtype.kind, "numbers")
    import pandas as pd  # 0.65 s to import: only where values are objects

    kind = str(pd.api.types.infer_dtype(raw.ravel(), skipna=True))
    words = {
        "boolean": "booleans", "string": "text", "mixed-integer": "numbers and text",
        "datetime64": "dates", "datetime": "dates", "date": "dates", "period": "dates",
        "timedelta64": "durations", "timedelta": "durations", "complex": "complex numbers",
        "mixed": "objects",
    }  # fmt: skip
    return "numbers" if kind in (*NUMBERS, "empty") else words.get(kind, kind)


def _missing(raw: Values) -> Values:
    import pandas as pd

    return np.asarray(pd.isna(raw))


def _require_exact(raw: Values, name: str) -> None:
    """Raise BadInput for integers that float64 would round to one another."""
    if raw.dtype.kind in "iu" and raw.size and max(-int(raw.min()), int(raw.max())) > EXACT:
        raise BadInput(
            f"{name} holds integers beyond 2^53, which float64 rounds; subtract an offset, or drop "
            "the column if it is an identifier"
        )


def _target(y: Array) -> Array:
    """Return y (n,), of one column; BadInput for several."""
    if y.ndim == 2 and y.shape[1] != 1:
        raise BadInput(f"y has {y.shape[1]} columns; assess one at a time")
    return y[:, 0] if y.ndim == 2 else y

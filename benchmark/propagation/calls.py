"""How a user's function is called: on a table, an array, or its arguments by name."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from inspect import Parameter, signature
from typing import Any, Literal

import numpy as np

from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput
from howrobust.propagation.points import Points

# On all rows at once: a table, a matrix (n, d), or arrays (n,) by name. On one row: numbers by
# name, or an array (d,).
Form = Literal["table", "matrix", "columns", "named row", "row"]
AGREEMENT = 1e-9  # relative: what rows at once and one by one may differ by


class NotNumbers(ValueError):  # noqa: N818 (it reads as what was returned)
    """What a function returned is not one number for each row."""


@dataclass(frozen=True)
class Call:
    """A function of n rows, whichever way the user's function takes them.

    Parameters
    ----------
    function : callable
        The user's function.
    points : Points
        Names and encoding of the inputs.
    form : {"table", "matrix", "columns", "named row", "row"}
        How it takes them.
    """

    function: Callable[..., Any]
    points: Points
    form: Form

    @property
    def by_row(self) -> bool:
        """Whether one call is one row."""
        return self.form in ("named row", "row")

    def __call__(self, X: Array) -> Array:
        """Return the output at each row.

        Parameters
        ----------
        X : array of shape (n, d)
            Rows.

        Returns
        -------
        array of shape (n,)
            The outputs.

        Raises
        ------
        Exception
            What the function raises; NotNumbers where it does not return a number for each row.
        """
        n = len(X)
        with np.errstate(all="ignore"):  # what is not a number is counted, not warned of
            if self.form == "table" and self.points.frame is not None:
                return _numbers(self.function(self.points.frame.decode(X)), n)
            if self.form == "matrix":
                return _numbers(self.function(X.copy()), n)
            if self.form == "columns":
                return _numbers(self.function(**self._columns(X)), n)
            if self.form == "row":
                rows = [self.function(row.copy()) for row in X]
            else:
                columns = self._columns(X)
                rows = [
                    self.function(**{name: _item(values[i]) for name, values in columns.items()})
                    for i in range(n)
                ]
            return np.concatenate([_numbers(value, 1) for value in rows])

    def _columns(self, X: Array) -> dict[str, Any]:
        frame = self.points.frame
        if frame is None or all(
            column.categories is None and column.dtype.kind in "iuf" for column in frame.columns
        ):
            return {str(name): X[:, j].copy() for j, name in enumerate(self.points.names)}
        return {str(name): column.to_numpy() for name, column in frame.decode(X).items()}


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _numbers(output: Any, n: int) -> Array:
    """Return outputs as (n,); NotNumbers for what is not one number for each row."""
    if output is None:
        raise NotNumbers("it returned None; it must return a number for each row")
    if np.iscomplexobj(output):
        raise NotNumbers("it returned complex numbers; propagate their real part or modulus")
    try:
        values = np.asarray(output, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise NotNumbers(f"it returned what is no array of numbers ({error})") from None
    if values.shape not in ((n,), (n, 1)) and not (n == 1 and values.size == 1):
        raise NotNumbers(f"it returned the shape {values.shape} for {n} rows; it must be ({n},)")
    return values.reshape(n)


def function_of(thing: Any) -> Callable[..., Any]:
    """Return the function of a model or a function.

    Parameters
    ----------
    thing : callable or object with ``predict``
        What the user gives.

    Returns
    -------
    callable
        ``predict`` where there is one.

    Raises
    ------
    BadInput
        For anything else.
    """
    function = getattr(thing, "predict", thing)
    if isinstance(thing, type) or not callable(function):
        raise BadInput(f"{thing!r} is neither a function nor a fitted model with predict(X)")
    return function  # type: ignore[no-any-return]


def arguments_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the arguments that a function cannot do without.

    Parameters
    ----------
    function : callable
        The function.

    Returns
    -------
    tuple of str
        Names; empty where they cannot be read.
    """
    return tuple(p.name for p in _parameters(function) if p.default is Parameter.empty)


def _parameters(function: Callable[..., Any]) -> list[Parameter]:
    """Return what can be given by name; nothing for compiled functions."""
    try:
        known = signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p for p in known if p.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)]


def call_of(function: Callable[..., Any], points: Points, rows: Array) -> Call:
    """Find out how a function takes rows, by calling it on a few.

    A function whose arguments are the inputs by name is called with arrays if that gives the same
    numbers as one call for each row, and else row by row. A function of one argument is called with
    a table if the points have names, and else, or where it cannot take one, with an array of all
    rows or of one.

    Parameters
    ----------
    function : callable
        The function.
    points : Points
        The points.
    rows : array of shape (m, d)
        Trial rows; the first is a point. m is at least 3 and not d.

    Returns
    -------
    Call
        The function of rows.

    Raises
    ------
    BadInput
        For a function that takes other arguments, and one that gives no numbers at the point.
    """
    forms: tuple[Form, ...]
    if takes_names(function, points.names):
        forms = ("columns", "named row")
    else:
        forms = ("matrix", "row") if points.frame is None else ("table", "matrix", "row")
    errors: list[Exception] = []
    for form in forms:
        call = Call(function, points, form)
        try:
            values = call(rows if not call.by_row else rows[:1])
        except Exception as error:  # a user's function may raise anything
            errors.append(error)
            continue
        if form == "columns" and not _agrees(replace(call, form="named row"), rows, values):
            continue
        return call
    # Numbers by name are the plainest call, and its error the one that the function explains best.
    returned = [error for error in errors if isinstance(error, NotNumbers)]
    first = errors[-1 if forms[-1] == "named row" else 0]
    reason = str(returned[0]) if returned else f"{type(first).__name__}: {first}"
    at = ", ".join(f"{name} = {value}" for name, value in points.inputs(rows[0]).items())
    raise BadInput(f"{_name(function)} fails at the point itself ({at}): {reason}")


def takes_names(function: Callable[..., Any], names: tuple[Hashable, ...]) -> bool:
    """Return whether the arguments of a function are the inputs.

    Parameters
    ----------
    function : callable
        The function.
    names : tuple of hashable
        Names of the inputs.

    Returns
    -------
    bool
        False for a function of one argument that is no input.

    Raises
    ------
    BadInput
        For a function of several arguments that are not the inputs.
    """
    known = [p.name for p in _parameters(function)]
    needed = arguments_of(function)
    missing = [name for name in needed if name not in names]
    if not known or (len(needed) <= 1 and (missing or not set(known) & set(names))):
        return False
    takes = f"{_name(function)} takes {', '.join(known)}"
    if missing:
        raise BadInput(f"{takes}, but the point has no {missing[0]!r}; add it to the point")
    any_name = any(p.kind is Parameter.VAR_KEYWORD for p in signature(function).parameters.values())
    other = [name for name in names if name not in known]
    if other and not any_name:
        raise BadInput(f"{takes}, and not {other[0]!r}; rename or leave out that input")
    return True


def _agrees(by_row: Call, rows: Array, values: Array) -> bool:
    """Return whether calls row by row give the same numbers, or none at all."""
    try:
        singly = by_row(rows)
    except Exception:  # the function takes nothing but arrays
        return True
    return bool(np.allclose(values, singly, rtol=AGREEMENT, atol=0, equal_nan=True))


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))

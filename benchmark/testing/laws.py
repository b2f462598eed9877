"""A law of a contract, and the finding that a trial of it leaves."""

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from howrobust.base.method import Problem
from howrobust.base.tables.column import Column
from howrobust.base.tables.frame import Frame

Subject = TypeVar("Subject")
Law = tuple[str, Callable[[Subject], None]]


@dataclass(frozen=True)
class Finding:
    """A law, whether it held, and what happened where it did not.

    Parameters
    ----------
    law : str
        The law, in words.
    passed : bool
        Whether it held.
    detail : str, default ""
        The error that was raised where it did not hold.
    """

    law: str
    passed: bool
    detail: str = ""


def try_laws(subject: Subject, laws: Iterable[Law[Subject]]) -> list[Finding]:
    """Try each law on a subject.

    Parameters
    ----------
    subject : object
        What each law is called with.
    laws : iterable of (str, callable)
        The laws: their words, and a function that raises where the law is broken.

    Returns
    -------
    list of Finding
        One for each law, in their order.
    """
    findings = []
    for law, check in laws:
        try:
            check(subject)
        except (Exception, SystemExit) as error:  # a plug-in may raise anything
            findings.append(Finding(law, False, describe(error)))
        else:
            findings.append(Finding(law, True))
    return findings


def describe(error: BaseException) -> str:
    """Return the type of an error and its message, or the line that raised it.

    Parameters
    ----------
    error : BaseException
        An error that was raised.

    Returns
    -------
    str
        The description.
    """
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error) or f'`{where.line}` is false'}"


def require(condition: object, message: str) -> None:
    """Raise unless a condition holds.

    Parameters
    ----------
    condition : object
        Its truth value is what is required.
    message : str
        The message of the error.

    Raises
    ------
    ValueError
        Where the condition is false.
    """
    if not bool(condition):
        raise ValueError(message)


def small_problem(n: int, seed: int) -> Problem:
    """Return a read-only problem of 3 features, one of which is near 100.

    Parameters
    ----------
    n : int
        Number of rows.
    seed : int
        Seed of the rows, and of the problem.

    Returns
    -------
    Problem
        Inputs of shape (n, 3) and targets of shape (n,).
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    X[:, 0] = 100 + 10 * X[:, 0]
    y = 5 + 2 * X[:, 1] + np.sin(X[:, 2]) + 0.3 * rng.normal(size=n)
    X.flags.writeable = y.flags.writeable = False
    return Problem(X, y, seed)


def small_table(n: int, seed: int) -> Problem:
    """Return a read-only problem of a table with gaps.

    Parameters
    ----------
    n : int
        Number of rows.
    seed : int
        Seed of the rows, and of the problem.

    Returns
    -------
    Problem
        Inputs of shape (n, 6), a number with gaps, a count, two columns of categories, a date and
        an identifier, and targets of shape (n,).
    """
    rng = np.random.default_rng(seed)
    names = tuple(f"part {k:04}" for k in range(n))
    text, number = np.dtype(object), np.dtype(np.float64)
    columns = (
        Column("size", "number", number),
        Column("count", "number", np.dtype(np.int64), whole=True, lower=0.0),
        Column("colour", "category", text, ("blue", "green", "red")),
        Column("checked", "category", np.dtype(np.bool_), (False, True)),
        Column("day", "date", np.dtype("datetime64[ns]"), whole=True),
        Column("part", "id", text, names),
    )
    X = np.column_stack([
        rng.normal(5, 1, n), rng.poisson(3, n), rng.integers(3, size=n), rng.integers(2, size=n),
        rng.integers(20_000, 20_400, n), np.arange(n),
    ])  # fmt: skip
    y = X[:, 0] + 0.3 * X[:, 1] - X[:, 2] + 0.3 * rng.normal(size=n)
    X[rng.random(n) < 0.1, 0] = np.nan
    X.flags.writeable = y.flags.writeable = False
    return Problem(X, y, seed, frame=Frame(columns))

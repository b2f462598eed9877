"""The one place where methods are fitted, each to rows in the form that it takes."""

from collections.abc import Sequence

from howrobust.base.method import Method, Posterior, Problem


def infer(
    method: Method, problems: Sequence[Problem], target_transform: str
) -> Sequence[Posterior]:
    """Fit a method.

    Parameters
    ----------
    method : Method
        The method.
    problems : sequence of Problem
        What it learns.
    target_transform : str
        How targets are transformed.

    Returns
    -------
    sequence of Posterior
        The posterior of each problem.
    """
    return method.infer_stack(problems)

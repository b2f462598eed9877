"""A number known only to be greater than the range that was tested."""

from dataclasses import dataclass
from numbers import Real
from typing import Any


@dataclass(frozen=True, eq=False, repr=False)
class Beyond:
    """A number that is known only to be greater than a bound.

    It compares with numbers as far as that decides: with any number up to the bound it is greater.
    Every other comparison raises, as do arithmetic and ``float()``: the bound is no measurement.

    Parameters
    ----------
    bound : float
        The greatest value that was tested.

    Examples
    --------
    >>> Beyond(0.8) > 0.5
    True
    >>> Beyond(0.8) <= 0.8
    False
    >>> print(Beyond(0.8))
    > 0.8
    """

    bound: float

    def _is_above(self, other: Any) -> bool:
        """Return True where the number is surely greater; ValueError where that is not known."""
        if isinstance(other, Beyond):
            raise ValueError(f"two numbers known only to be {self} and {other} cannot be compared")
        if not other <= self.bound:
            raise ValueError(
                f"the number is known only to be greater than {self.bound:g}; "
                f"compare it with {self.bound:g} or less"
            )
        return True

    def __gt__(self, other: Any) -> bool:
        return self._is_above(other)

    def __ge__(self, other: Any) -> bool:
        return self._is_above(other)

    def __lt__(self, other: Any) -> bool:
        return not self._is_above(other)

    def __le__(self, other: Any) -> bool:
        return not self._is_above(other)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Real):
            return not self._is_above(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash((Beyond, self.bound))

    def __float__(self) -> float:
        raise ValueError(
            f"the number is known only to be greater than {self.bound:g}; its bound is .bound"
        )

    def __format__(self, spec: str) -> str:
        return f"> {self.bound:{spec or 'g'}}"

    def __str__(self) -> str:
        return f"{self}"

    def __repr__(self) -> str:
        return f"Beyond({self.bound!r})"

"""Names of splits and the families that they belong to."""

from collections.abc import Sequence
from typing import Literal

from howrobust.errors import BadInput

Place = Literal["lower", "middle", "upper"]
OWN_SPLITS = 20  # number of splits of a family that has no last one
PLACES: dict[str, tuple[Place, ...]] = {"gap": ("middle",), "tail": ("lower", "upper")}
THIRDS = (*PLACES, "third")  # families that hold out a third of the rows
_RANDOM_THIRDS = 3


def numbered(
    family: str, count: int | None, default: int, most: int | None, name: str
) -> list[str]:
    """Return the names of the first splits of a family.

    Parameters
    ----------
    family : str
        Family of the splits.
    count : int or None
        Number of splits; None: ``default``.
    default : int
        Number of splits that the source proposes.
    most : int or None
        Number of splits that there are; None: without end.
    name : str
        Name of the data set, for error messages.

    Returns
    -------
    list of str
        Names such as ``random-0``.

    Raises
    ------
    BadInput
        If fewer than one or more than there are is asked for.
    """
    count = default if count is None else count
    if count < 1:
        raise BadInput(f"the number of splits must be at least 1, not {count}")
    if most is not None and count > most:
        raise BadInput(f"{name} has {most} {family} splits, not {count}; ask for {most} or fewer")
    return [f"{family}-{k}" for k in range(count)]


def known_family(family: str | None, known: Sequence[str], name: str) -> str:
    """Return the family of splits that was asked for.

    Parameters
    ----------
    family : str or None
        The family; None: the first of ``known``.
    known : sequence of str
        Families of the source.
    name : str
        Name of the data set, for error messages.

    Returns
    -------
    str
        The family.

    Raises
    ------
    BadInput
        If the source has no such family.
    """
    if family is None:
        return known[0]
    if family not in known:
        raise BadInput(f"{name} has no {family!r} splits; ask for one of: {', '.join(known)}")
    return family


def thirds(d: int) -> dict[str, int]:
    """Return how many splits of each family of `THIRDS` there are.

    Parameters
    ----------
    d : int
        Number of features.

    Returns
    -------
    dict of str to int
        Number of splits by family.
    """
    return dict(zip(THIRDS, (d, 2 * d, _RANDOM_THIRDS), strict=True))


def table_splits(main: str, count: int | None, family: str | None, d: int, name: str) -> list[str]:
    """Return the names of splits of a table.

    Parameters
    ----------
    main : str
        The main family, which has any number of splits.
    count : int or None
        Number of splits; None: 20 of the main family, all of another.
    family : str or None
        The main family or one of `THIRDS`; None: the main family.
    d : int
        Number of features.
    name : str
        Name of the data set, for error messages.

    Returns
    -------
    list of str
        Names of the first splits of the family.

    Raises
    ------
    BadInput
        For an unknown family, or more splits than there are.
    """
    family = known_family(family, (main, *THIRDS), name)
    most = thirds(d).get(family)
    return numbered(family, count, most or OWN_SPLITS, most, name)


def split_number(split: str, family: str, name: str) -> int:
    """Return the number in the name of a split: k of ``family-k``.

    Parameters
    ----------
    split : str
        Name of the split.
    family : str
        Family that it must have.
    name : str
        Name of the data set, for error messages.

    Returns
    -------
    int
        The number k.

    Raises
    ------
    BadInput
        For any other name.
    """
    head, _, tail = split.rpartition("-")
    if head != family or not tail.isdigit():
        raise BadInput(f"{name} has no split {split!r}; its splits are called {family}-0, ...")
    return int(tail)


def family_of(split: str) -> str:
    """Return the family in the name of a split: ``gap`` of ``gap-3``.

    Parameters
    ----------
    split : str
        Name of the split.

    Returns
    -------
    str
        The family; "" where the name has none.
    """
    return split.rpartition("-")[0]


def held_feature(split: str) -> int | None:
    """Return the feature of which a split holds out a region.

    Parameters
    ----------
    split : str
        Name of the split.

    Returns
    -------
    int or None
        j of ``gap-j``, k // 2 of ``tail-k``, None for any other split.
    """
    family, number = family_of(split), split.rpartition("-")[2]
    if family not in PLACES or not number.isdigit():
        return None
    return int(number) // len(PLACES[family])

"""The folder of the UCI sets: data, splits and a manifest with their checksums."""

import csv
import gzip
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from howrobust.datasets.fetching.pinned import Pinned
from howrobust.datasets.fetching.published_splits import (
    INDICES,
    RowNumbers,
    array_sha256,
    gap_splits,
    random_splits,
    rows_sha256,
)
from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput

_COLUMNS = {"name", "data_file", "sha256", "splits_file", "splits_sha256", "array_sha256"}


def build(folder: Path, sets: Sequence[Pinned], sources: Sequence[Path]) -> None:
    """Write the data, splits and manifest of sets into a new folder.

    Parameters
    ----------
    folder : Path
        The folder, which does not exist.
    sets : sequence of Pinned
        The sets.
    sources : sequence of Path
        The source file of each set.

    Raises
    ------
    BadInput
        If NumPy reads or splits a source file otherwise than published.
    """
    (folder / "data").mkdir(parents=True)
    (folder / "splits").mkdir()
    rows = [_write(each, path, folder) for each, path in zip(sets, sources, strict=True)]
    with (folder / "MANIFEST.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write(each: Pinned, source: Path, folder: Path) -> dict[str, object]:
    """Write the two files of a set; return its row of the manifest."""
    table = np.loadtxt(source)
    indices = _splits(each, table)
    lines = [each.header, *(",".join(map(_shortest, row)) for row in table.tolist())]
    text = "".join(f"{line}\n" for line in lines)
    (folder / each.data_file).write_bytes(gzip.compress(text.encode(), mtime=0))
    features = np.arange(each.features, dtype=np.uint8)
    np.savez_compressed(
        folder / each.splits_file,
        feature_columns=features,
        target_column=np.uint8(each.features),
        **indices,  # type: ignore[arg-type]
    )
    return _row(each, table, indices, folder)


def _row(
    each: Pinned, table: Array, indices: dict[str, RowNumbers], folder: Path
) -> dict[str, object]:
    """Return the row of the manifest of a set whose files are written."""
    y = table[:, each.features]
    data, splits = folder / each.data_file, folder / each.splits_file
    return {
        "name": each.name,
        "source_name": each.source_name,
        "rows": len(table),
        "features": each.features,
        "columns": table.shape[1],
        "target": each.target,
        "target_column": each.features,
        "random_splits": len(indices["random_train"]),
        "random_n_train": indices["random_train"].shape[1],
        "random_n_test": indices["random_test"].shape[1],
        "gap_splits": len(indices["gap_train"]),
        "gap_n_train": indices["gap_train"].shape[1],
        "gap_n_test": indices["gap_test"].shape[1],
        "y_mean": float(y.mean()),
        "y_std": float(y.std()),
        "data_file": each.data_file,
        "data_bytes": data.stat().st_size,
        "sha256": _sha256(data),
        "splits_file": each.splits_file,
        "splits_bytes": splits.stat().st_size,
        "splits_sha256": _sha256(splits),
        "array_sha256": each.array_sha256,
        "source_data_txt_sha256": each.source_sha256,
    }


def _splits(each: Pinned, table: Array) -> dict[str, RowNumbers]:
    """Return the row numbers of all splits; BadInput where a checksum differs."""
    random = random_splits(len(table), each.random_splits)
    gap = gap_splits(table[:, : each.features])
    indices = dict(zip(INDICES, (*random, *gap), strict=True))
    if (array_sha256(table), rows_sha256(indices)) != (each.array_sha256, each.rows_sha256):
        raise BadInput(
            f"NumPy {np.__version__} reads or splits {each.name} differently than published; "
            "nothing was changed, install another version of NumPy"
        )
    return indices


def _shortest(value: float) -> str:
    return repr(value).removesuffix(".0")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def move(built: Path, folder: Path) -> None:
    """Move a finished folder into place.

    Files are moved one by one where the folder exists, the manifest last: nothing is read without
    one.

    Parameters
    ----------
    built : Path
        The finished folder.
    folder : Path
        Where it is moved to.
    """
    if not folder.exists():
        built.rename(folder)
        return
    files = [path for path in built.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name == "MANIFEST.csv"):
        target = folder / path.relative_to(built)
        target.parent.mkdir(exist_ok=True)
        path.replace(target)


def _manifest(folder: Path) -> dict[str, dict[str, str]]:
    """Return the rows of a folder's manifest by name; none where it has no such manifest."""
    try:
        with (folder / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    return {row["name"]: row for row in rows if set(row) >= _COLUMNS}


def is_complete(folder: Path, sets: Sequence[Pinned]) -> bool:
    """Return whether a folder holds all sets, undamaged.

    Parameters
    ----------
    folder : Path
        The folder.
    sets : sequence of Pinned
        The sets.

    Returns
    -------
    bool
        True where every file has the checksum of its manifest.
    """
    manifest = _manifest(folder)
    return all(
        each.name in manifest and _intact(folder, manifest[each.name], each) for each in sets
    )


def _intact(folder: Path, row: dict[str, str], each: Pinned) -> bool:
    files = {row["data_file"]: row["sha256"], row["splits_file"]: row["splits_sha256"]}
    return row["array_sha256"] == each.array_sha256 and all(
        (folder / file).is_file() and _sha256(folder / file) == digest
        for file, digest in files.items()
    )


def is_replaceable(folder: Path) -> bool:
    """Return whether sets may be written to a folder.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    bool
        True where it does not exist, is empty or holds UCI sets.
    """
    if not folder.is_dir():
        return not folder.exists()
    return not any(folder.iterdir()) or bool(_manifest(folder))

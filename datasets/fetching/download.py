"""Downloads of source files, checked by their sha256."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from howrobust.datasets.fetching.file_errors import naming_errors
from howrobust.datasets.fetching.pinned import Pinned
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pooch

Report = Callable[[str], None]


def downloaded(base_url: str, sets: Sequence[Pinned], report: Report) -> list[Path]:
    """Download the source files of sets to the user's cache.

    Parameters
    ----------
    base_url : str
        Where the source files are.
    sets : sequence of Pinned
        The sets.
    report : callable
        Called with a line of text per file that has arrived.

    Returns
    -------
    list of Path
        The source file of each set, whose checksum is right.

    Raises
    ------
    BadInput
        If a file does not arrive, or has another checksum.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")  # `report` is called instead
    downloads = pooch.create(
        path=pooch.os_cache("howrobust") / "downloads",
        base_url=base_url,
        registry={each.source: f"sha256:{each.source_sha256}" for each in sets},
    )
    sources = []
    for each in sets:
        sources.append(_download(downloads, each.source))
        report(f"{each.name}: {sources[-1].stat().st_size:,} bytes")
    return sources


def _download(downloads: "pooch.Pooch", source: str) -> Path:
    from requests import RequestException  # pooch downloads with it

    url = downloads.get_url(source)
    with naming_errors(downloads.abspath):
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

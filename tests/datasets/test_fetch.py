"""Fetching against a server on this machine: what arrives, and what does not."""

import csv
import functools
import gzip
import hashlib
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from commandline import environment, howrobust

from howrobust.datasets.fetching import fetch as fetching
from howrobust.datasets.fetching.fetch import fetch_uci
from howrobust.datasets.fetching.pinned import UCI_SETS, Pinned
from howrobust.datasets.fetching.published_splits import (
    INDICES,
    gap_splits,
    random_splits,
    rows_sha256,
)
from howrobust.datasets.uci import data_folder, usual_folder
from howrobust.errors import BadInput
from howrobust.planning.data_spec import DataSpec

NAMES = [each.name for each in UCI_SETS]
# Formats in which the stored numbers give back the source files, byte for byte. Those of concrete
# and yacht are unknown.
HOUSING = ["%8.5f", "%7.2f", "%8.3f", "%3d", "%8.4f", "%8.4f", "%7.2f", "%8.4f", "%4d", "%7.1f",
           "%7.2f", "%7.2f", "%7.2f", "%7.2f"]  # fmt: skip
FORMATS = {
    "boston": ("", HOUSING),
    "energy": ("\t", ["%.2f"] * 5 + ["%d", "%.2f", "%d", "%.2f"]),
    "kin8nm": ("", ["%16.7e"] * 9),
    "naval": ("", ["%16.7e"] * 18),
    "power": ("\t", ["%.15g"] * 5),
    "protein": (" ", ["%.15g"] * 10),
    "wine": (" ", ["%.15g"] * 12),
}


class Site:
    """Files served over HTTP, whole, cut off half-way or halting there."""

    def __init__(self):
        self.files, self.cut, self.halting, self.asked = {}, set(), set(), []
        self.half_way, self.released = threading.Event(), threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                site.answer(self)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request):
        path = request.path.removeprefix("/")
        self.asked.append(path)
        if path not in self.files:
            request.send_error(404)
            return
        body = self.files[path]
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        half = len(body) // 2
        request.wfile.write(body[:half])
        if path in self.halting:
            self.half_way.set()
            self.released.wait(60)
        elif path not in self.cut:
            request.wfile.write(body[half:])

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    site = Site()
    yield site
    site.close()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep the cache of whoever runs the tests out of them."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def made_up(name, n, d):
    """A set of n rows that bears a known name, with tied and untied features: (pinned, text)."""
    rng = np.random.default_rng(n)
    table = np.column_stack([rng.integers(0, 4, (n, d - 1)), rng.normal(size=(n, 2))])
    text = "".join(" ".join(map(repr, row)) + "\n" for row in table.tolist()).encode()
    found = (*random_splits(n, 3), *gap_splits(table[:, :d]))
    indices = dict(zip(INDICES, found, strict=True))
    header = ",".join([*(f"x{j}" for j in range(d)), "y"])
    pinned = Pinned(
        name, f"{name}-source", header, "y", 3, hashlib.sha256(text).hexdigest(),
        hashlib.sha256(table.tobytes()).hexdigest(), rows_sha256(indices),
    )  # fmt: skip
    return pinned, text


@pytest.fixture
def sets(site):
    """Two made-up sets, and their files on the site."""
    found = [made_up("boston", 50, 3), made_up("yacht", 31, 2)]
    site.files = {pinned.source: text for pinned, text in found}
    return [pinned for pinned, _ in found]


def fetched(folder, site, sets):
    """Fetch and return what was said."""
    said = []
    fetch_uci(folder, said.append, site.url, sets)
    return said


def contents(folder):
    """Every file below a folder with its bytes and its time, and every empty folder."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns) if path.is_file() else None
        for path in folder.rglob("*")
        if path.is_file() or not any(path.iterdir())
    }


def test_what_was_fetched_is_what_the_catalogue_reads(site, sets, tmp_path, monkeypatch):
    folder = tmp_path / "new" / "uci"
    said = fetched(folder, site, sets)
    sizes = [f"{each.name}: {len(site.files[each.source]):,} bytes" for each in sets]
    assert said == [*sizes, f"{folder} holds all 2 sets."]
    assert sorted(str(path.relative_to(folder)) for path in contents(folder)) == [
        "MANIFEST.csv", "README.txt", "data/boston.csv.gz", "data/yacht.csv.gz",
        "splits/boston.npz", "splits/yacht.npz",
    ]  # fmt: skip
    assert list(folder.parent.iterdir()) == [folder]
    monkeypatch.setenv("HOWROBUST_DATA", str(folder))
    for each in sets:
        table = np.array([line.split() for line in site.files[each.source].splitlines()], float)
        n, d = table.shape[0], table.shape[1] - 1
        source = DataSpec(f"uci/{each.name}").open()
        assert source.sha256 == each.array_sha256
        assert len(source.splits()) == 3
        train, test = source.realise("random-0", 0)
        order = np.random.RandomState(1).permutation(n)
        np.testing.assert_array_equal(train.X, table[order[: round(0.9 * n)], :d])
        np.testing.assert_array_equal(test.y, table[order[round(0.9 * n) :], d])
        assert train.features == tuple(f"x{j}" for j in range(d))
        # The last feature has no ties: its gap is the middle third of its ranks.
        _, test = source.realise(f"gap-{d - 1}", 0)
        ranks = np.argsort(np.argsort(table[:, d - 1], kind="stable"), kind="stable")
        middle = (ranks >= n // 2 - round(n / 6)) & (ranks < n // 2 + round(n / 6))
        np.testing.assert_array_equal(test.y, table[middle, d])
        with np.load(folder / "splits" / f"{each.name}.npz", allow_pickle=False) as splits:
            assert {splits[key].dtype for key in INDICES} == {np.dtype(np.uint16)}
            assert splits["feature_columns"].tolist() == list(range(d))
            assert int(splits["target_column"]) == d


def test_fetching_twice_gives_the_same_bytes(site, sets, tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        fetched(folder, site, sets)
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in contents(folder)}
        for folder in folders
    )
    assert first == second
    for path, held in first.items():
        if path.suffix == ".gz":
            assert held[4:8] == bytes(4)  # the time of writing, left out
    assert len(site.asked) == len(sets)  # the second time they came from the cache


def test_a_fetched_folder_is_open_to_whom_a_new_one_is(site, sets, tmp_path):
    fetched(tmp_path / "uci", site, sets)
    (tmp_path / "new").mkdir()
    assert (tmp_path / "uci").stat().st_mode == (tmp_path / "new").stat().st_mode


def test_a_complete_folder_is_left_alone(site, sets, tmp_path):
    folder = tmp_path / "uci"
    fetched(folder, site, sets)
    before, site.asked = contents(folder), []
    assert fetched(folder, site, sets) == [f"{folder} holds all 2 sets; nothing to do."]
    assert contents(folder) == before
    assert site.asked == []


@pytest.mark.parametrize("file", ["data/yacht.csv.gz", "splits/boston.npz", "MANIFEST.csv"])
def test_a_damaged_folder_is_made_whole_and_other_files_stay(site, sets, tmp_path, file):
    folder = tmp_path / "uci"
    fetched(folder, site, sets)
    whole = {path: path.read_bytes() for path in contents(folder)}
    mine = folder / "data" / "mine.csv"
    mine.write_text("x,y\n1,2\n")
    lines = (folder / file).read_bytes().splitlines(keepends=True)
    (folder / file).write_bytes(b"".join(lines[:-1]))
    assert "nothing to do" not in fetched(folder, site, sets)[-1]
    assert {path: path.read_bytes() for path in contents(folder)} == {
        **whole,
        mine: b"x,y\n1,2\n",
    }


def test_an_empty_folder_is_filled(site, sets, tmp_path):
    folder = tmp_path / "uci"
    folder.mkdir()
    fetched(folder, site, sets)
    assert "nothing to do" in fetched(folder, site, sets)[-1]


@pytest.mark.parametrize("name", ["MANIFEST.csv", "letter.txt"])
def test_a_folder_of_something_else_is_refused(site, sets, tmp_path, name):
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / name).write_text("name,date\nAnna,2020\n")
    before = contents(folder)
    with pytest.raises(BadInput, match="holds something other than UCI sets"):
        fetched(folder, site, sets)
    with pytest.raises(BadInput, match="holds something other than UCI sets"):
        fetched(folder / name, site, sets)
    assert contents(folder) == before
    assert site.asked == []


def go_missing(site, source):
    del site.files[source]


def be_cut(site, source):
    site.cut.add(source)


def be_changed(site, source):
    site.files[source] = site.files[source].replace(b"1", b"2", 1)


def be_down(site, source):
    site.close()


@pytest.mark.parametrize(
    ("ail", "sentence"),
    [
        (go_missing, r"yacht-source/data/data.txt did not arrive \(404 Not Found\)"),
        (be_cut, "yacht-source/data/data.txt did not arrive .the connection failed or broke off"),
        (be_changed, "yacht-source/data/data.txt came with another checksum"),
        (be_down, "boston-source/data/data.txt did not arrive .the connection failed"),
    ],
)
@pytest.mark.parametrize("there", [False, True])
def test_what_does_not_arrive_changes_nothing(site, sets, tmp_path, cache, there, ail, sentence):
    folder = tmp_path / "there" / "uci"
    if there:  # an older folder that lacks a set
        fetched(folder, site, sets[:1])
        (cache / "howrobust" / "downloads" / sets[0].source).unlink()
    whole = dict(site.files)
    ail(site, sets[1].source)
    before = contents(tmp_path / "there")
    with pytest.raises(BadInput, match=f"{sentence}.*; nothing was changed, try again$"):
        fetched(folder, site, sets)
    assert contents(tmp_path / "there") == before
    downloads = cache / "howrobust" / "downloads"
    arrived = [path for path in downloads.rglob("*") if path.is_file()]
    assert arrived in ([], [downloads / sets[0].source])
    if ail is not be_down:
        # What had arrived is not asked for again.
        site.files, site.cut, site.asked = whole, set(), []
        fetched(folder, site, sets)
        assert site.asked == [sets[1].source]
        assert "nothing to do" in fetched(folder, site, sets)[-1]


def full(*arguments, **words):
    raise OSError(28, "No space left on device")


def interrupted(*arguments, **words):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("failure", "raised"), [(full, BadInput), (interrupted, KeyboardInterrupt)]
)
@pytest.mark.parametrize("there", [False, True])
def test_a_failure_while_writing_changes_nothing(
    site, sets, tmp_path, monkeypatch, there, failure, raised
):
    folder = tmp_path / "there" / "uci"
    folder.parent.mkdir()
    if there:
        fetched(folder, site, sets[:1])
    before = contents(tmp_path / "there")
    monkeypatch.setattr(np, "savez_compressed", failure)
    with pytest.raises(raised, match=r"(No space left on device)|^$"):
        fetched(folder, site, sets)
    assert contents(tmp_path / "there") == before


def test_a_place_that_cannot_be_written_is_named(site, sets, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "uci"
    with pytest.raises(BadInput, match=rf"{folder} cannot be read or written \(\w+"):
        fetched(folder, site, sets)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(BadInput, match=r"file/howrobust/downloads cannot be read or written"):
        fetched(tmp_path / "uci", site, sets)
    assert not (tmp_path / "uci").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission_is_named(site, sets, tmp_path):
    folder = tmp_path / "uci"
    folder.mkdir(mode=0o500)
    with pytest.raises(BadInput, match=r"cannot be read or written \(Permission denied"):
        fetched(folder, site, sets)
    assert contents(folder) == {}


def test_other_splits_than_those_published_are_refused(site, sets, tmp_path):
    wrong = [sets[0], replace(sets[1], rows_sha256="0" * 64)]
    with pytest.raises(BadInput, match="splits yacht differently than published; nothing was"):
        fetched(tmp_path / "uci", site, wrong)
    assert not (tmp_path / "uci").exists()


# The table of the module, against the stored folder.


def stored_indices(uci, name):
    with np.load(uci / "splits" / f"{name}.npz", allow_pickle=False) as splits:
        return {key: splits[key] for key in INDICES}


def stored_manifest(folder):
    with (folder / "MANIFEST.csv").open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_what_is_pinned_is_what_is_stored(uci):
    manifest = stored_manifest(uci)
    assert list(manifest) == NAMES
    for each in UCI_SETS:
        with gzip.open(uci / "data" / f"{each.name}.csv.gz", "rt") as file:
            assert file.readline() == f"{each.header}\n"
        row = manifest[each.name]
        assert (each.source_name, each.target) == (row["source_name"], row["target"])
        assert each.features == int(row["features"]) == int(row["target_column"])
        assert each.random_splits == int(row["random_splits"])
        assert each.source_sha256 == row["source_data_txt_sha256"]
        assert each.array_sha256 == row["array_sha256"]
        indices = stored_indices(uci, each.name)
        for key in ("gap_train", "gap_test"):
            indices[key] = np.sort(indices[key], axis=1)
        assert each.rows_sha256 == rows_sha256(indices)


@pytest.mark.parametrize("name", NAMES)
def test_splits_are_the_stored_ones(uci, name):
    stored = stored_indices(uci, name)
    table = np.loadtxt(uci / "data" / f"{name}.csv.gz", delimiter=",", skiprows=1)
    train, test = random_splits(len(table), len(stored["random_train"]))
    np.testing.assert_array_equal(train, stored["random_train"])
    np.testing.assert_array_equal(test, stored["random_test"])
    train, test = gap_splits(table[:, : len(stored["gap_train"])])
    np.testing.assert_array_equal(train, np.sort(stored["gap_train"], axis=1))
    np.testing.assert_array_equal(test, np.sort(stored["gap_test"], axis=1))


def source_text(uci, name):
    """A set's source file: the published bytes where `FORMATS` knows them."""
    with gzip.open(uci / "data" / f"{name}.csv.gz", "rt") as file:
        rows = [line.rstrip("\n").split(",") for line in file][1:]
    if name not in FORMATS:
        return "".join(" ".join(row) + "\n" for row in rows).encode()
    between, formats = FORMATS[name]
    lines = [
        between.join(form % float(cell) for form, cell in zip(formats, row, strict=True))
        for row in rows
    ]
    return ("\n".join(lines) + ("\n\n" if name == "energy" else "\n")).encode()


def test_the_published_sources_come_out_as_the_stored_folder(uci, site, tmp_path):
    sets = []
    for each in UCI_SETS:
        text = source_text(uci, each.name)
        site.files[each.source] = text
        if each.name not in FORMATS:
            each = replace(each, source_sha256=hashlib.sha256(text).hexdigest())
        sets.append(each)
    fetched(tmp_path / "uci", site, sets)
    new, stored = stored_manifest(tmp_path / "uci"), stored_manifest(uci)
    for name in NAMES:
        file = new[name]["data_file"]
        with gzip.open(tmp_path / "uci" / file) as ours, gzip.open(uci / file) as theirs:
            assert ours.read() == theirs.read()
        # What depends on the version of zlib or on the order of rows in a gap.
        free = {"data_bytes", "sha256", "splits_bytes", "splits_sha256"}
        if name not in FORMATS:
            free |= {"source_data_txt_sha256"}
        assert list(new[name]) == list(stored[name])
        for column in set(new[name]) - free:
            assert new[name][column] == stored[name][column], (name, column)


def test_the_stored_folder_is_complete(uci, site, tmp_path):
    said = []
    fetch_uci(uci, said.append, site.url)
    assert said == [f"{uci} holds all 9 sets; nothing to do."]
    assert site.asked == []


# Where it goes, and where runs look.


def test_runs_look_where_fetching_goes(site, sets, tmp_path, cache, monkeypatch):
    monkeypatch.setattr(
        fetching, "fetch_uci", functools.partial(fetch_uci, base_url=site.url, sets=sets)
    )
    monkeypatch.delenv("HOWROBUST_DATA", raising=False)
    with pytest.raises(BadInput, match=r"run `howrobust fetch uci`, or set HOWROBUST_DATA"):
        data_folder()
    said = []
    fetching.fetch("uci", None, said.append)
    assert data_folder() == usual_folder() == cache / "howrobust" / "uci"
    assert DataSpec("uci/yacht").open().splits() == ["random-0", "random-1", "random-2"]
    assert said[-1] == f"{data_folder()} holds all 2 sets."
    fetching.fetch("uci", tmp_path / "named", said.append)
    assert said[-1] == f"Set HOWROBUST_DATA={tmp_path / 'named'} to run on them."
    monkeypatch.setenv("HOWROBUST_DATA", str(tmp_path / "third"))
    with pytest.raises(BadInput, match=r"run `howrobust fetch uci`, or set HOWROBUST_DATA"):
        data_folder()
    fetching.fetch("uci", None, said.append)
    assert data_folder() == tmp_path / "third"
    assert said[-1] == f"{tmp_path / 'third'} holds all 2 sets."


# The command.


def command(site, sets):
    """The command line, fetching made-up sets from the site."""
    program = f"""
import functools
from howrobust.cli.main import main
from howrobust.datasets.fetching import fetch
from howrobust.datasets.fetching.pinned import Pinned
fetch.fetch_uci = functools.partial(fetch.fetch_uci, base_url={site.url!r}, sets={sets!r})
main()
"""
    return [sys.executable, "-c", program, "fetch", "uci"]


def test_the_command_says_what_arrives(site, sets, tmp_path):
    done = subprocess.run(
        [*command(site, sets), "--to", tmp_path / "uci"], capture_output=True, text=True,
        env=environment(), timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()[:2]] == ["boston:", "yacht:"]
    assert f"{tmp_path / 'uci'} holds all 2 sets." in done.stdout


def test_an_interrupt_in_a_download_changes_nothing_and_exits_with_130(site, sets, tmp_path, cache):
    folder = tmp_path / "there" / "uci"
    fetched(folder, site, sets[:1])
    before = contents(folder.parent)
    site.halting.add(sets[1].source)
    running = subprocess.Popen(
        [*command(site, sets), "--to", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment(),
    )  # fmt: skip
    assert site.half_way.wait(60)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err == "howrobust: interrupted; nothing was changed, fetch again to continue\n"
    assert contents(folder.parent) == before
    assert [path.name for path in contents(cache) if path.is_file()] == ["data.txt"]


def test_bad_input_is_one_sentence_and_exits_with_2(tmp_path):
    code, out, err = howrobust("fetch", "imagenet")
    assert (code, out) == (2, "")
    assert err == "howrobust: there is no 'imagenet' to fetch; known: uci\n"
    # Nothing listens on port 9 of this machine: the true address cannot be reached through it.
    code, out, err = howrobust(
        "fetch", "uci", "--to", tmp_path / "uci", HTTPS_PROXY="http://127.0.0.1:9", NO_PROXY=""
    )
    assert (code, out) == (2, "")
    assert err.startswith("howrobust: https://raw.githubusercontent.com/")
    assert err.endswith(" (the connection failed or broke off); nothing was changed, try again\n")
    assert err.count("\n") == 1
    assert not (tmp_path / "uci").exists()

"""What stores go through: kills, full disks, damage, two writers; in a folder and in PostgreSQL."""

import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import numpy as np
import postgresql
import pytest
import sqlalchemy as sa
from commandline import environment
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import howrobust as hr
from howrobust._run import score_again
from howrobust.base.records import COSTS
from howrobust.cli.main import main
from howrobust.errors import BadInput, Damaged
from howrobust.storage.array_reader import ArrayReader
from howrobust.storage.arrays import Files
from howrobust.storage.backends.base import LOCK_TIMEOUT_S
from howrobust.storage.backends.location import backend_of
from howrobust.storage.baselines import Baselines
from howrobust.storage.check import check
from howrobust.storage.merge import export, merge
from howrobust.storage.reader import RunReader
from howrobust.storage.schema import baseline_table, cell_table, metadata
from howrobust.storage.store import Store
from howrobust.storage.writer import RunWriter

SECRETS = (postgresql.PASSWORD, quote(postgresql.PASSWORD, safe=""))
OF_RUN = ("levels", "data", "methods", "stresses", "command", "environment")
JSON_COLUMNS = [("run", c) for c in OF_RUN] + [("cell", c) for c in ("held", "lost", "facts")]


def run(out, splits=2, stress=("input_noise",), **words):
    words = {"methods": ["bayesian_ridge"], "data": ["diabetes"], "workers": 1, **words}
    return hr.run(out=out, splits=splits, stress=list(stress), **words)


def values(results):
    """Records less what a clock or a meter says; each is there once."""
    records = results.records()
    where = ["dataset", "split", "method", "repeat", "stress", "level", "metric"]
    assert not records.duplicated(where).any()
    return records[~records["metric"].isin(COSTS)].reset_index(drop=True)


def costs(results):
    """What each cell's fit has cost: another number for every fit."""
    records = results.records()
    costs = records[records["metric"] == "fit_wall_s"]
    return {(r.method, r.split): r.value for r in costs.itertuples() if r.status == "ok"}


def howrobust(capsys, *arguments):
    """Run the command line in this process; (exit code, standard output, standard error)."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert not any(secret in out + err for secret in SECRETS)
    return ended.value.code, out, err


@pytest.fixture(scope="session")
def new_database():
    """Make an empty database and return its URL."""
    if postgresql.programs() is None:
        reason = "PostgreSQL is not installed: apt-get install postgresql"
        (pytest.fail if postgresql.is_required() else pytest.skip)(reason)
    with postgresql.server() as make:
        yield make


@pytest.fixture(params=["folder", "server"])
def place(request, tmp_path):
    """A place without a store: a folder, or the URL of a database."""
    if request.param == "folder":
        return str(tmp_path / "out")
    return request.getfixturevalue("new_database")()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run; not to be written to."""
    folder = tmp_path_factory.mktemp("finished") / "out"
    run(folder)
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    """The same, to be spoilt."""
    return shutil.copytree(finished, tmp_path / "copy")


def change(folder, statement, *values):
    with closing(sqlite3.connect(folder / "store.sqlite")) as database, database:
        assert database.execute(statement, values).rowcount != 0


def damage(folder):
    """Findings that are not harmless."""
    return [finding.text for finding in check(folder) if not finding.harmless]


# One schema, two places


def test_a_database_holds_what_a_folder_holds_and_refits_nothing(new_database, finished):
    url, theirs = new_database(), hr.load(finished)
    ours = run(url)
    assert values(ours).equals(values(theirs))
    assert ours.forecasts().equals(theirs.forecasts())
    assert [c.held for c in ours.cells()] == [c.held for c in theirs.cells()]
    assert ours.folder == Path()
    again = run(url)
    assert costs(again) == costs(ours)
    assert again.about.took_s == ours.about.took_s


def test_another_level_joins_a_cell_that_a_database_holds(new_database, finished):
    url = new_database()
    before = costs(run(url, stress=[]))
    assert values(run(url)).equals(values(hr.load(finished)))
    assert before.keys() == costs(hr.load(url)).keys()
    assert damage(url) == []


def test_an_export_to_a_database_and_back_is_the_same_store(new_database, finished, tmp_path):
    url = new_database()
    assert export(finished, url) == []
    assert export(url, tmp_path / "back") == []
    back = hr.load(tmp_path / "back")
    assert back.records().equals(hr.load(finished).records())
    assert back.forecasts().equals(hr.load(finished).forecasts())
    assert damage(url) == damage(tmp_path / "back") == []
    assert files(tmp_path / "back", "*/*.npz") == files(finished, "*/*.npz")


def files(folder, pattern="**/*"):
    """Hashes of files by name, less what SQLite keeps beside its database."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.glob(pattern)
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def test_a_report_and_a_baseline_come_from_a_database(
    new_database, finished, tmp_path, monkeypatch, capsys
):
    url = new_database()
    export(finished, url)
    monkeypatch.chdir(tmp_path)
    code, out, _ = howrobust(capsys, "report", url, "--format", "csv")
    assert code == 0
    assert out == howrobust(capsys, "report", finished, "--format", "csv")[1]
    assert howrobust(capsys, "report", url)[0] == 0
    page = (tmp_path / "report.html").read_text()
    assert not any(secret in page for secret in SECRETS)
    assert howrobust(capsys, "baseline", "save", "main", "--out", url)[0] == 0
    assert [name for name, _ in hr.load(url).baselines()] == ["main"]
    assert (
        hr.load(url).baseline("main")
        == howrobust(capsys, "baseline", "show", "main", "--out", url)[1]
    )
    assert howrobust(capsys, "store", "check", url)[:2] == (0, "fine\n")


def test_no_sentence_has_a_password_in_it(new_database, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    url = new_database()
    wrong = [
        url.replace(SECRETS[1], SECRETS[1] + "x"),  # refused
        url.rpartition("/")[0] + "/absent",
        url.replace("127.0.0.1", "host.invalid"),
        url.replace("postgresql+psycopg", "mysql"),
        url.replace(SECRETS[1], SECRETS[0]),  # not encoded
        url.rpartition("/")[0],
        re.sub("//[^@]*@[^/]*", f"//bench:{SECRETS[1]}", url),  # no host: a port that is none
    ]
    for each in wrong:
        for command in (["report", each], ["store", "check", each], ["store", "merge", each, "x"]):
            code, _, err = howrobust(capsys, *command)
            assert code in (1, 2), err
            assert "secret" not in err
    assert list(tmp_path.iterdir()) == []


def test_tables_of_another_program_are_left_alone(new_database):
    url = new_database()
    engine = backend_of(url).engine(create=True)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE run (id integer)"))
    with pytest.raises(BadInput, match="the database has tables of another program: run; give"):
        Store(url)
    with engine.begin() as connection:
        assert sa.inspect(connection).get_table_names() == ["run"]
    engine.dispose()


def test_both_out_and_store_are_one_too_many(capsys):
    code, _, err = howrobust(capsys, "run", "--out", "x", "--store", "postgresql://h/x")
    assert (code, err.count("\n")) == (2, 1)
    assert "--out and --store" in err


# One writer, many readers


def test_a_second_writer_is_told_of_the_first_and_readers_do_not_wait(place, finished, capsys):
    export(finished, place)
    with closing(Store(place)) as store, store.exclusive():
        with pytest.raises(BadInput, match=r"is writing to .*; wait until it ends, or choose"):
            run(place)
        option = "--store" if "://" in place else "--out"
        arguments = ("run", "-d", "diabetes", "-m", "bayesian_ridge", option, place)
        code, _, err = howrobust(capsys, *arguments)
        assert (code, err.count("\n")) == (2, 1)
        assert values(hr.load(place)).equals(values(hr.load(finished)))
        assert howrobust(capsys, "report", place, "--format", "csv")[0] == 0
    assert values(run(place)).equals(values(hr.load(finished)))


def test_a_second_writer_of_a_folder_is_told_which_process_is_writing_within_patience(copy):
    writes = (
        "import sys, time; from howrobust.storage.store import Store\n"
        "with Store(sys.argv[1]).exclusive(): print('writing', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", writes, str(copy)], stdout=subprocess.PIPE, env=environment()
    )
    try:
        assert process.stdout.readline() == b"writing\n"
        began = time.monotonic()
        with pytest.raises(BadInput, match=rf"^process {process.pid} on .* is writing to"):
            run(copy)
        assert LOCK_TIMEOUT_S <= time.monotonic() - began < 60
    finally:
        process.kill()
        process.wait()
    with closing(Store(copy)) as store, store.exclusive():  # the kernel has released the lock
        assert (copy / "store.lock").read_text().startswith(f"process {os.getpid()} on ")


def test_a_report_of_what_is_being_written_scores_nothing(copy, finished):
    change(copy, "DELETE FROM record WHERE metric = 'nll'")
    busy = pytest.raises(BadInput, match="is writing to")
    with closing(Store(copy)) as store, store.exclusive(), busy:
        score_again(copy)
    assert "nll" not in set(hr.load(copy).records()["metric"])
    assert values(score_again(copy)).equals(values(hr.load(finished)))


def test_who_would_write_between_another_s_reading_and_writing_waits(tmp_path):
    with closing(Store(tmp_path)) as one, closing(Store(tmp_path)) as other:
        Baselines(one).save("main", "1")
        with ThreadPoolExecutor(1) as pool, one.writing() as connection:
            (text,) = connection.execute(sa.select(baseline_table.c.text)).scalars()
            waiting = pool.submit(Baselines(other).save, "main", "2")
            time.sleep(0.3)  # enough to write in, were it not waiting
            connection.execute(sa.update(baseline_table).values(text=text + "1"))
            assert not waiting.done()
        waiting.result()
        assert Baselines(one).text("main") == "2"


SLOW = ["bayesian_ridge", "mc_dropout[epochs=80,n_draws=300]"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return values(run(folder, methods=SLOW, data=["quintic"], stress=[]))


def test_a_run_whose_coordinator_is_killed_continues(place, undisturbed):
    arguments = ["run", "-d", "quintic", "--splits", "2", "--workers", "1", "--out", place]
    arguments += [word for method in SLOW for word in ("-m", method)]
    process = subprocess.Popen(
        [sys.executable, "-m", "howrobust", *arguments], env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while finished_cells(place) == 0 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = fits(place)
    assert before
    results = run(place, methods=SLOW, data=["quintic"], stress=[])
    assert values(results).equals(undisturbed)
    after = fits(place)
    assert {key: after[key] for key in before} == before
    assert damage(place) == []


def finished_cells(place):
    """How many cells a store holds that is being written."""
    try:
        with closing(Store(place, create=False)) as store, store.reading() as connection:
            query = sa.select(cell_table.c.key).where(cell_table.c.status == "ok")
            return len(connection.execute(query).all())
    except BadInput:  # not made yet
        return 0


def fits(place):
    """The seconds that the fit of each finished cell took, by key."""
    query = sa.text("SELECT key, value FROM record WHERE metric = 'fit_wall_s' AND status = 'ok'")
    with closing(Store(place, create=False)) as store, store.reading() as connection:
        return dict(connection.execute(query).all())


# Between a write and its commit


def test_what_was_written_and_not_committed_is_replaced(finished, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    commit, committed = RunWriter.commit, []

    def stopping(self, outcome, *words):
        if committed:
            raise KeyboardInterrupt
        committed.append(outcome.key)
        commit(self, outcome, *words)

    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "commit", stopping)
        with pytest.raises(KeyboardInterrupt):
            run(folder)
    before = fits(folder)
    orphans = [p for p in folder.glob("forecasts/*.npz") if p.stem not in committed]
    assert orphans
    for orphan in orphans:  # as a disk may leave it that lost its power
        orphan.write_bytes(orphan.read_bytes()[:100])
    (folder / "forecasts" / f".{'a' * 64}.npz.1f.tmp").write_bytes(b"half")
    (folder / "fitting" / ("b" * 64)).write_text("1 2")
    assert damage(folder) == []
    # And the test rows of the other split, the temporary file and what was being fitted.
    assert len([f for f in check(folder) if f.harmless]) == len(orphans) + 3
    results = run(folder)
    assert values(results).equals(values(hr.load(finished)))
    after = fits(folder)
    assert {key: after[key] for key in before} == before
    assert check(folder) == []


def test_what_a_killed_writer_left_in_its_spool_is_removed(new_database, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    backend = backend_of(new_database())
    left = tmp_path / f"{backend._prefix}_killed1"
    Files(left).make()
    (left / "fitting" / ("a" * 64)).write_text("1 2")
    (left / "forecasts" / f"{'a' * 64}.npz").write_bytes(b"an array")
    precious = tmp_path / "precious"
    Files(precious).make()
    (precious / "fitting" / ("a" * 64)).write_text("1 2")
    (tmp_path / f"{backend._prefix}a_link_1").symlink_to(precious)
    used = tmp_path / f"{backend._prefix}someone1"
    used.mkdir()
    (used / "mine.txt").write_text("kept")
    (tmp_path / f"{backend._prefix}my-own-notes").mkdir()
    before = sorted(set(tmp_path.rglob("*")) - {left, *left.rglob("*")})
    with closing(Store(new_database())) as store, store.exclusive():  # of another database
        assert left.is_dir()
    engine = backend.engine(create=True)
    with backend.exclusive(engine):
        assert not left.exists()
        assert backend.files.forecast("ab").parent.is_dir()
    engine.dispose()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture
def small_disk(tmp_path):
    """A function that makes, or resizes, a disk of so many KiB; it returns its folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = []

    def make(kib):
        options = f"{'remount,' if mounted else ''}size={kib}k"
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("a small disk cannot be mounted here: that takes root")
        mounted.append(kib)
        return folder

    yield make
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("kib", [60, 140, 260])
def test_a_full_disk_loses_nothing_that_is_finished(kib, small_disk, finished):
    out = small_disk(kib) / "out"
    try:
        said = " ".join(cell.reason for cell in run(out).cells())
    except BadInput as error:
        said = str(error)
    assert re.search("No space left|free some space|cannot be written", said)
    small_disk(20_000)
    before = fits(out) if finished_cells(out) else {}
    assert values(run(out)).equals(values(hr.load(finished)))
    after = fits(out)
    assert {key: after[key] for key in before} == before
    assert check(out) == []


# Damage


def forecast_of(folder):
    return sorted((folder / "forecasts").glob("*.npz"))[0]


def spoil(path, at, length=64):
    content = bytearray(path.read_bytes())
    start = int(at * len(content))
    content[start : start + length] = bytes(b ^ 0x5A for b in content[start : start + length])
    path.write_bytes(content)


def test_a_store_that_is_whole_is_found_fine(finished, capsys):
    before = files(finished)
    assert howrobust(capsys, "store", "check", finished) == (0, "fine\n", "")
    assert files(finished) == before


@pytest.mark.parametrize("harm", ["missing", "cut", "spoilt", "another cell's"])
def test_a_forecast_that_cannot_be_read_is_named_and_fitted_again(harm, copy, finished, capsys):
    path, original = forecast_of(copy), forecast_of(copy).read_bytes()
    if harm == "another cell's":
        others = sorted(set((copy / "testsets").glob("*.npz")))
        with np.load(others[0]) as held:
            fewer = {k: held[k][:-1] if k in "Xy" else held[k] for k in held.files}
        np.savez(others[0], **fewer)
    elif harm == "missing":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(original[: len(original) // 2])
    else:
        spoil(path, 0.5)
    code, out, _ = howrobust(capsys, "store", "check", copy)
    assert code == 1
    sentences = [line for line in out.splitlines() if line.startswith("DAMAGE")]
    assert len(sentences) == (2 if harm == "another cell's" else 1)  # two methods share test rows
    for sentence in sentences:
        assert re.search(r"(bayesian_ridge|marginal) on diabetes random-\d, .* again", sentence)
    if harm == "another cell's":
        assert all("test rows" in sentence and "--fresh" in sentence for sentence in sentences)
        assert values(run(copy, fresh=True)).equals(values(hr.load(finished)))
        assert damage(copy) == []
        return
    with pytest.raises(Damaged, match=r"delete that file and run again"):
        hr.load(copy).forecasts()
    path.unlink(missing_ok=True)
    assert values(run(copy)).equals(values(hr.load(finished)))
    assert damage(copy) == []


def test_an_export_saves_the_rest_and_says_what_is_lost(copy, finished, tmp_path, capsys):
    spoil(forecast_of(copy), 0.5)
    change(copy, "UPDATE cell SET facts = 'no json' WHERE key = (SELECT max(key) FROM cell)")
    before = files(copy)
    code, _, err = howrobust(capsys, "store", "export", copy, tmp_path / "new")
    assert code == 1
    assert "is to be fitted again" in err
    assert "no run has written" in err
    assert "1 of 4 planned cells of run" in err
    assert files(copy) == before
    assert damage(tmp_path / "new") == []
    kept = fits(tmp_path / "new")
    assert len(kept) == 2
    assert values(run(tmp_path / "new")).equals(values(hr.load(finished)))
    after = fits(tmp_path / "new")
    assert {key: after[key] for key in kept} == kept


def test_an_export_reads_past_a_damaged_page(copy, tmp_path):
    with closing(sqlite3.connect(copy / "store.sqlite")) as database:
        size = database.execute("PRAGMA page_size").fetchone()[0]
        query = "SELECT pageno FROM dbstat WHERE name = 'record' AND pagetype = 'leaf'"
        try:
            pages = [page for (page,) in database.execute(query)]
        except sqlite3.OperationalError:
            pytest.skip("this SQLite has no dbstat to find a page by")
        total = database.execute("SELECT count(*) FROM record").fetchone()[0]
    content = bytearray((copy / "store.sqlite").read_bytes())
    middle = (pages[len(pages) // 2] - 1) * size
    content[middle : middle + size] = b"\xff" * size
    (copy / "store.sqlite").write_bytes(content)
    assert any("record" in text or "store.sqlite" in text for text in damage(copy))
    (said,) = export(copy, tmp_path / "new")
    assert said.startswith("rows of the table record: ")
    with closing(sqlite3.connect(tmp_path / "new" / "store.sqlite")) as database:
        saved = database.execute("SELECT count(*) FROM record").fetchone()[0]
    # One page of len(pages) is gone; rows differ in length, none is four times the mean.
    assert total * (1 - 4 / len(pages)) < saved < total


def test_an_export_goes_into_nothing_that_holds_something(finished, copy, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    for target in (copy, tmp_path / "mine"):
        before = files(target)
        code, _, err = howrobust(capsys, "store", "export", finished, target)
        assert (code, err.count("\n")) == (2, 1)
        assert files(target) == before


@pytest.mark.parametrize("name", ["../../escaped", "/escaped", "a/b", "", "a" * 65, "\u212b"])
@pytest.mark.parametrize("column", ["key", "testset"])
def test_no_name_leads_out_of_a_store(name, column, copy, tmp_path):
    change(copy, f"UPDATE cell SET {column} = ? WHERE key = (SELECT min(key) FROM cell)", name)
    with closing(Store(copy, create=False)) as store, pytest.raises(Damaged, match="names arrays"):
        RunReader(store).forecast_levels()
    with pytest.raises(Damaged):
        ArrayReader(Store(copy)).fetch(name, name)
    assert damage(copy)
    export(copy, tmp_path / "new" / "deep")
    assert [path.name for path in tmp_path.rglob("*escaped*")] == []


# Union


def test_a_merge_is_the_union_of_stores(finished, tmp_path, capsys):
    wide = run(tmp_path / "wide", splits=3)
    for part, words in {"a": {"splits": 2, "stress": []}, "b": {"splits": 3}}.items():
        run(tmp_path / part, **words)
    code, _, err = howrobust(capsys, "store", "merge", tmp_path / "a", tmp_path / "b", finished)
    assert (code, err) == (0, "")
    assert damage(tmp_path / "a") == []
    before = files(tmp_path / "a")
    assert merge(tmp_path / "a", [tmp_path / "b"]) == []
    assert files(tmp_path / "a", "*/*.npz") == {k: v for k, v in before.items() if ".npz" in k}
    merged = run(tmp_path / "a", splits=3)
    assert values(merged).equals(values(wide))
    # The cells of both stores are still the target's, the others came from the source.
    ours, theirs = fits(tmp_path / "a"), fits(tmp_path / "b")
    assert len(ours) == 6
    assert len({key for key in ours if ours[key] == theirs[key]}) == 2


def test_what_is_finished_stands_before_what_failed(finished, copy, tmp_path):
    change(copy, "UPDATE cell SET status = 'failed', held = '[]', testset = '', reason = 'lost'")
    change(copy, "DELETE FROM record")
    shutil.rmtree(copy / "forecasts")
    failed = shutil.copytree(copy, tmp_path / "failed")
    assert merge(copy, [finished]) == []
    assert hr.load(copy).records().equals(hr.load(finished).records())
    assert merge(copy, [failed]) == []
    assert hr.load(copy).records().equals(hr.load(finished).records())
    assert damage(copy) == []


def test_stores_that_differ_are_named_and_the_target_stays(finished, copy, capsys):
    change(copy, "UPDATE record SET value = 7 WHERE metric = 'nll'")
    Baselines(Store(copy)).save("main", "mine")
    other = shutil.copytree(finished, copy.with_name("other"))
    Baselines(Store(other)).save("main", "yours")
    before = hr.load(copy).records()
    code, _, err = howrobust(capsys, "store", "merge", copy, other)
    assert code == 1
    assert err.count("differs in nll: the target's is kept") == 4
    assert "the baseline main differs" in err
    assert hr.load(copy).records().equals(before)


def test_a_store_is_not_merged_with_itself(copy, capsys):
    assert howrobust(capsys, "store", "merge", copy, copy)[0] == 2
    assert howrobust(capsys, "store", "merge", copy, copy.parent / "." / copy.name)[0] == 2


def test_a_merge_mends_what_is_damaged_in_the_target(finished, copy):
    forecast_of(copy).unlink()
    (said,) = merge(copy, [finished])
    assert "was damaged in the target" in said
    assert damage(copy) == []
    assert values(hr.load(copy)).equals(values(hr.load(finished)))


def test_a_merge_leaves_test_rows_that_cells_of_the_target_rest_on(finished, copy, tmp_path):
    change(copy, "DELETE FROM cell WHERE method = 'marginal'")
    source = shutil.copytree(finished, tmp_path / "source")
    for path in (source / "testsets").glob("*.npz"):
        with np.load(path) as held:
            np.savez(path, **{k: held[k] + (1000 if k == "y" else 0) for k in held.files})
    before = files(copy, "testsets/*.npz")
    merge(copy, [source])
    assert files(copy, "testsets/*.npz") == before


def test_a_merge_with_what_is_not_there_makes_nothing(finished, tmp_path):
    with pytest.raises(BadInput):
        merge(tmp_path / "new", [finished, tmp_path / "absent"])
    assert not (tmp_path / "new").exists()


def test_a_run_that_is_killed_while_it_forgets_leaves_no_damage(copy):
    results = hr.load(copy)
    with closing(Store(copy)) as store, store.exclusive():
        RunWriter(store).forget(results.run, [cell.key for cell in results.cells()])
    assert damage(copy) == []
    with pytest.raises(BadInput, match="no longer holds the run"):
        RunReader(Store(copy)).run(results.run)


def test_a_folder_without_arrays_is_damaged_and_says_so(copy, capsys):
    shutil.rmtree(copy / "forecasts")
    code, out, _ = howrobust(capsys, "store", "check", copy)
    assert code == 1
    assert "bayesian_ridge on diabetes" in out


def test_databases_that_differ_in_their_socket_alone_are_two():
    backends = [backend_of(f"postgresql:///results?host=/run/{name}") for name in "ab"]
    assert backends[0].identity != backends[1].identity
    assert backends[0]._prefix != backends[1]._prefix


# Whatever else may be found where a store should be

READERS = (
    lambda folder: hr.load(folder).records(),
    lambda folder: hr.load(folder).cells(),
    lambda folder: hr.load(folder).forecasts(),
    lambda folder: hr.load(folder).baselines(),
    check,
    lambda folder: export(folder, folder.with_name("exported")),
)


def is_read_or_named(folder):
    """Read a store in every way: what goes wrong is a BadInput, and the store stays as it is."""
    before, said = files(folder), []
    for read in READERS:
        try:
            read(folder)
        except BadInput as error:
            said.append(str(error))
    assert not any("\n" in sentence for sentence in said)
    assert files(folder) == before
    shutil.rmtree(folder.with_name("exported"), ignore_errors=True)


FUZZ = settings(
    max_examples=20, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
HARM = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=40)),
    min_size=1, max_size=8,
)  # fmt: skip


def spoilt(content, harm, cut):
    found = bytearray(content)
    for at, put in harm:
        start = int(at * len(found))
        found[start : start + len(put)] = put[: len(found) - start]
    return bytes(found[: int(cut * len(found))])


def afresh(finished, tmp_path):
    shutil.rmtree(tmp_path / "spoilt", ignore_errors=True)
    return shutil.copytree(finished, tmp_path / "spoilt")


@FUZZ
@given(harm=HARM, cut=st.one_of(st.just(1.0), st.floats(0, 1)))
def test_a_spoilt_database_is_read_or_named(harm, cut, finished, tmp_path):
    folder = afresh(finished, tmp_path)
    path = folder / "store.sqlite"
    path.write_bytes(spoilt(path.read_bytes(), harm, cut))
    is_read_or_named(folder)


@FUZZ
@given(harm=HARM, cut=st.one_of(st.just(1.0), st.floats(0, 1)), kind=st.sampled_from(["f", "t"]))
def test_spoilt_arrays_are_read_or_named(harm, cut, kind, finished, tmp_path):
    folder = afresh(finished, tmp_path)
    path = sorted(folder.glob(f"{kind}*/*.npz"))[0]
    path.write_bytes(spoilt(path.read_bytes(), harm, cut))
    is_read_or_named(folder)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=3), parts),
    max_leaves=5,
)
CELL = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | st.binary()
COLUMNS = [(t.name, c.name) for t in metadata.sorted_tables for c in t.columns if t.name != "array"]


@FUZZ
@given(
    harm=st.tuples(st.sampled_from(COLUMNS), CELL)
    | st.tuples(st.sampled_from(JSON_COLUMNS), JSON.map(json.dumps))
)
def test_a_row_that_no_run_has_written_is_read_or_named(harm, finished, tmp_path):
    folder = afresh(finished, tmp_path)
    (table, column), value = harm
    with closing(sqlite3.connect(folder / "store.sqlite")) as database, database:
        try:
            database.execute(f"UPDATE OR REPLACE {table} SET {column} = ?", (value,))
        except (sqlite3.IntegrityError, UnicodeEncodeError):
            return
    is_read_or_named(folder)


@pytest.mark.parametrize(("table", "column"), JSON_COLUMNS)
@pytest.mark.parametrize("value", ["", "nonsense", "[1, 2", "[[[]]]", '{"a": {}}', "3"])
def test_json_of_another_kind_is_one_sentence(table, column, value, copy, capsys):
    change(copy, f"UPDATE {table} SET {column} = ?", value)
    code, out, err = howrobust(capsys, "report", copy, "--format", "csv")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "store.sqlite" in err
    assert howrobust(capsys, "store", "check", copy)[0] == 1


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("stresses", "[]", "levels, but no facts, of the stress 'input_noise'"),
        (
            "stresses",
            '[{"name": "input_noise", "kind": "odd", "title": "", "unit": ""}]',
            "Invalid enum value 'odd'",
        ),
        ("methods", '["bayesian_ridge"]', "Expected `object`, got `str`"),
        ("methods", '[{"label": "bayesian_ridge", "components": 3}]', "Expected `str`, got `int`"),
        ("command", '{"text": "howrobust run"}', "missing required field `remarks`"),
        ("environment", '{"cores": "2"}', "the environment lacks howrobust, processor, torch"),
    ],
)
@pytest.mark.parametrize("kind", ["html", "md", "latex", "csv"])
def test_facts_that_a_report_needs_and_lacks_are_one_sentence(
    column, value, reason, kind, copy, capsys
):
    change(copy, f"UPDATE run SET {column} = ?", value)
    code, out, err = howrobust(capsys, "report", copy, "--format", kind)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert reason in err
    assert howrobust(capsys, "store", "check", copy)[0] == 1


@pytest.mark.parametrize("version", [1, 3, 99])
def test_a_store_of_another_schema_is_one_sentence(version, copy, capsys):
    change(copy, f"UPDATE schema SET version = {version}")
    before = files(copy)
    for command in (["report", copy], ["store", "export", copy, copy.with_name("new")]):
        code, _, err = howrobust(capsys, *command)
        assert (code, err.count("\n")) == (2, 1)
        assert f"has schema {version}, but this howrobust reads 6; use the version of" in err
    assert files(copy) == before

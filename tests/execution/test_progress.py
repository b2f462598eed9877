"""Progress of a fit: written by the worker, read by the scheduler, never in the way."""

import shutil

import pytest

from howrobust import compiled
from howrobust.base.fit_progress import announce, listening
from howrobust.base.progress import NullProgress
from howrobust.errors import BadInput
from howrobust.execution import scheduler, worker
from howrobust.execution.notes import ProgressNote
from howrobust.execution.progress import Reporter
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan
from howrobust.storage.arrays import Files
from howrobust.storage.store import Store


@pytest.fixture
def job(monkeypatch):
    monkeypatch.setenv("HOWROBUST_THREADS", "1")  # `run_job` sets it, in a process of its own
    methods = ["shuffled_cv[epochs=1, n_folds=1, n_shuffles=3]"]
    plan = make_plan(RunOptions(methods=methods, data=["quintic"], stress=[], splits=2))
    return next(job for job in plan.jobs if job.method.name == "shuffled_cv")


class RecordedProgress(NullProgress):
    def __init__(self):
        self.reports = []

    def partly(self, cells, name):
        self.reports.append((cells, name))


def test_the_progress_of_a_fit_goes_to_the_listener_if_there_is_one():
    announce(1, 2)  # there is none
    announced = []
    with listening(lambda done, total: announced.append((done, total))):
        announce(1, 2)
    announce(2, 2)
    assert announced == [(1, 2)]


def test_a_method_is_named_with_its_settings_whatever_stands_in_them(capsys):
    with Reporter() as reporter:
        reporter.begin(2, 0, "fit")
        reporter._printed = -1e9
        reporter.partly(1, "mc_dropout[epochs=80, text='[/b]'] on quintic: 1 of 2 networks")
    assert "mc_dropout[epochs=80, text='[/b]'] on quintic" in capsys.readouterr().err


@pytest.mark.parametrize("note", ["0 0", "1", "x y", ""])
def test_a_note_with_other_content_is_ignored(note, tmp_path, job):
    files = Files(tmp_path)
    files.make()
    files.fitting(job.cells[0].key).write_text(note)
    progress = RecordedProgress()
    scheduler.report_progress([job], files, progress)
    assert progress.reports == [(0.0, f"{job.cells[0].method} on quintic")]


def test_what_a_worker_writes_counts_as_parts_of_its_cells(tmp_path, job):
    files, progress = Store(tmp_path).files, RecordedProgress()
    files.make()
    note = files.fitting(job.cells[0].key)
    for text in ("", "not a number", "3"):  # being written, or foreign
        note.write_text(text)
        scheduler.report_progress([job], files, progress)
    name = f"{job.cells[0].method} on quintic"
    assert progress.reports == [(0.0, name)] * 3  # the run is heard, whatever its workers note
    note.write_text("3 6")
    scheduler.report_progress([job], files, progress)
    assert progress.reports[3:] == [(1.0, f"{name}: 3 of 6 networks")]
    ProgressNote(note).remove()
    scheduler.report_progress([job], files, progress)
    assert progress.reports[4:] == [(0.0, name)]


def test_a_worker_notes_its_progress(tmp_path, job):
    files = Store(tmp_path).files
    files.make()
    outcomes = worker.run_job(job, files, 1)
    assert [o.status for o in outcomes] == ["ok", "ok"]
    done, total = map(int, files.fitting(job.cells[0].key).read_text().split())
    assert 1 <= done <= total == 6


def test_a_fit_whose_progress_cannot_be_written_succeeds(tmp_path, job):
    files = Store(tmp_path).files
    files.make()
    shutil.rmtree(tmp_path / "fitting")
    assert [o.status for o in worker.run_job(job, files, 1)] == ["ok", "ok"]


@pytest.mark.parametrize("text", ["0", "two", "-1", "1.5"])
def test_a_thread_count_that_is_not_a_whole_number_from_1_is_bad_input(monkeypatch, text):
    monkeypatch.setenv("HOWROBUST_THREADS", text)
    with pytest.raises(BadInput, match="whole number from 1"):
        compiled.threads()


def test_parts_are_shown_with_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr("howrobust.execution.progress.LINE_EVERY_S", -1.0)
    with Reporter() as reporter:
        reporter.begin(4, 0, "fit")
        reporter.partly(1.0, "shuffled_cv on quintic: 5 of 20 networks")
        reporter.advance(4, 0, "shuffled_cv on quintic")
    lines = capsys.readouterr().err.splitlines()
    assert "fit: 0/4" in lines[1]
    assert "s left" in lines[1]
    assert lines[1].endswith("5 of 20 networks")
    assert "fit: 4/4" in lines[-1]

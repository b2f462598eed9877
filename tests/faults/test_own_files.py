"""A user's files stay: none is deleted, overwritten or written through a link."""

import hashlib
import shutil

import pytest

import howrobust as hr
from howrobust.cli.main import main
from howrobust.errors import BadInput
from howrobust.storage.backends.folder import NAMES
from howrobust.storage.merge import export

RUN = ("run", "-d", "diabetes", "-m", "bayesian_ridge", "--splits", "1", "--workers", "1")


def run(out):
    words = {"methods": ["bayesian_ridge"], "data": ["diabetes"], "stress": [], "workers": 1}
    return hr.run(out=out, splits=1, **words)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "out"
    run(folder).report()
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


@pytest.fixture
def project(tmp_path):
    """A folder of a user's, with names that howrobust uses too."""
    folder = tmp_path / "project"
    (folder / "fitting").mkdir(parents=True)
    (folder / "fitting" / "my_fit.py").write_text("precious")
    (folder / "report.html").write_text("<p>mine</p>")
    return folder


def contents(folder):
    """What is below a folder, files with a hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else ""
        for path in folder.rglob("*")
    }


def howrobust(capsys, *arguments):
    """Run the command line in this process; (exit code, the sentence on standard error)."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    err = capsys.readouterr().err
    assert "Traceback" not in err
    return ended.value.code, err


def refused(capsys, named, *arguments):
    """Assert that a command ends with 2 and one sentence, which has this name in it."""
    code, err = howrobust(capsys, *arguments)
    assert (code, err.count("\n")) == (2, 1), err
    assert str(named) in err
    return err


# Folders of other things


def test_a_run_refuses_a_folder_of_other_things(project, capsys):
    before = contents(project)
    err = refused(capsys, project, *RUN, "--out", project)
    assert "is not empty and holds no results" in err
    assert "choose another --out" in err
    with pytest.raises(BadInput, match="is not empty"):
        run(project)
    assert contents(project) == before


@pytest.mark.parametrize("name", [".DS_Store", "forecasts/", "store.lock"])
def test_one_thing_of_whatever_name_makes_a_folder_not_empty(name, tmp_path):
    (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).touch()
    with pytest.raises(BadInput, match="is not empty"):
        run(tmp_path)


def test_an_export_and_a_merge_refuse_a_folder_of_other_things(project, finished, capsys):
    before = contents(project)
    refused(capsys, project, "store", "export", finished, project)
    refused(capsys, project, "store", "merge", project, finished)
    assert contents(project) == before


def test_an_empty_folder_and_a_new_one_are_filled(tmp_path, finished, capsys):
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty").records().shape == hr.load(finished).records().shape
    assert howrobust(capsys, "store", "export", finished, tmp_path / "a" / "new") == (0, "")


def test_files_of_other_names_stay_in_a_store(copy):
    key = "0123456789abcdef" * 4
    ours = [f"fitting/{key}", f"fitting/{key}.new", f"forecasts/.{key}.npz.12.tmp"]
    mine = ["fitting/my_fit.py", "forecasts/.x.tmp", f"testsets/{key}.npz.bak", "notes.txt"]
    for name in (*ours, *mine):
        (copy / name).write_text("x")
    (copy / "fitting" / ("f" * 64)).symlink_to(copy / "notes.txt")
    run(copy)
    assert [name for name in (*ours, *mine) if (copy / name).exists()] == mine
    assert (copy / "fitting" / ("f" * 64)).is_symlink()


# Links


@pytest.mark.parametrize("name", NAMES)
def test_a_store_with_a_link_is_refused_and_nothing_is_touched_through_it(
    name, copy, tmp_path, capsys
):
    target, link = tmp_path / "target", copy / name
    if link.exists():
        link.rename(target)
    else:
        target.write_bytes(b"precious")
    if target.is_dir():
        (target / "mine").write_text("precious")
    link.symlink_to(target)
    before = contents(tmp_path)
    for command in ((*RUN, "--out", copy), ("report", copy), ("store", "export", copy, "x")):
        assert "symbolic link" in refused(capsys, link, *command)
    with pytest.raises(BadInput, match="symbolic link"):
        run(copy)
    assert contents(tmp_path) == before


def test_a_link_to_the_folder_of_a_store_is_that_store(finished, tmp_path):
    (tmp_path / "link").symlink_to(finished)
    assert hr.load(tmp_path / "link").records().equals(hr.load(finished).records())


# Pages and other output


def test_a_page_that_howrobust_has_not_made_stays(copy, capsys):
    page = copy / "report.html"
    for command in (("report", copy), (*RUN, "--out", copy)):
        page.write_text("<p>mine</p>")
        code, err = howrobust(capsys, *command)
        assert code == 2
        assert f"{page} was not made by howrobust" in err
        assert page.read_text() == "<p>mine</p>"


def test_a_page_of_howrobust_is_replaced(copy, capsys):
    before = (copy / "report.html").read_bytes()
    assert b'<meta name="generator" content="howrobust' in before
    (copy / "report.html").write_bytes(before + b"<!-- older -->")
    assert howrobust(capsys, "report", copy)[0] == 0
    assert (copy / "report.html").read_bytes() == before


def test_a_page_that_cannot_be_finished_leaves_the_one_before(copy, monkeypatch, capsys):
    before = (copy / "report.html").read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        err = refused(capsys, copy / "report.html", "report", copy)
    assert "No space left" in err
    assert (copy / "report.html").read_bytes() == before
    assert not list(copy.glob(".*"))


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_output_replaces_neither_a_link_nor_a_folder(kind, copy, tmp_path, capsys):
    results, file, target = hr.load(copy), tmp_path / "main.json", tmp_path / "precious"
    target.write_text("precious")
    file.symlink_to(target) if kind == "link" else file.mkdir()
    refused(capsys, file, "baseline", "save", "main", "--out", copy, "--file", file)
    with pytest.raises(BadInput, match="not a plain file"):
        results.report(file)
    assert target.read_text() == "precious"
    assert file.is_symlink() or file.is_dir()


def test_figures_replace_no_links(copy, tmp_path, capsys):
    figures, target = tmp_path / "figures", tmp_path / "precious"
    assert howrobust(capsys, "report", copy, "--format", "csv", "--figures", figures)[0] == 0
    one = sorted(figures.iterdir())[0]
    target.write_text("precious")
    one.unlink()
    one.symlink_to(target)
    refused(capsys, one, "report", copy, "--format", "csv", "--figures", figures)
    assert target.read_text() == "precious"


def test_an_export_is_the_same_store_after_it_was_refused(project, finished, tmp_path):
    with pytest.raises(BadInput, match="is not empty"):
        export(finished, project)
    assert export(finished, tmp_path / "new") == []
    assert hr.load(tmp_path / "new").records().equals(hr.load(finished).records())

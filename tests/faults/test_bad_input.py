"""Whatever is put in: exit code 0, 1 or 2, one sentence, in time, and nothing stored is lost."""

import contextlib
import io
import os
import subprocess
from datetime import timedelta
from itertools import chain

import pytest
from commandline import howrobust
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import howrobust as hr
from howrobust._run import execute
from howrobust.cli.main import main
from howrobust.errors import BadInput
from howrobust.execution.pools.inline import InlinePool
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan
from howrobust.planning.suite import Suite, parse_suite

# No example may take longer: with a table of 60 rows at most, a plan takes a tenth of a second.
DEADLINE = timedelta(seconds=10)
FEW = {"tables": 60, "damaged": 30, "arguments": 50, "suites": 20}
MANY = {"tables": 500, "damaged": 250, "arguments": 400, "suites": 200}
CHECKS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


def examples(count):
    return settings(
        max_examples=count, deadline=DEADLINE, derandomize=True, database=None,
        suppress_health_check=CHECKS,
    )  # fmt: skip


def judged(arguments):
    """Run the command line here; its exit code, when all that must hold of it does."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as caught,
    ):
        main(arguments)
    code, said = caught.value.code, err.getvalue()
    assert code in (0, 1, 2), (arguments, said)
    assert "Traceback" not in said
    if code == 2:
        assert said.startswith("howrobust: "), (arguments, said)
        assert said.endswith("\n")
        # A table has a line for each of its problems, which are two at most for a column.
        assert all(line.isprintable() and len(line) < 1100 for line in said.splitlines()), said
        assert len(said.splitlines()) <= 20, said
    return code


ODD = ["", " ", "a", "b", "y", "é", "\u202e", "😀", "NaN", "inf", "-inf", "1e400", "0", "1", "-1",
       "1.5", "2,5", "1e-320", "0x10", "1_000", "TRUE", "false", "None", "NULL", "2026-01-31",
       "2026-13-45", '"', '""', "'", "\t", "a\rb", "x" * 5000, "9" * 400, "=1+1", "--target",
       "\ud800", "٣", "1+2j", "b'x'"]  # fmt: skip
number = st.integers(-5, 5).map(str) | st.floats(allow_nan=False, width=32).map(repr)
cell = number | number | number | st.sampled_from(ODD)
name = st.sampled_from(["a", "b", "c", "d", "y"]) | st.sampled_from(ODD)


def mostly(usual, *odd):
    """The usual thing, three times of four."""
    return st.integers(0, 3).flatmap(lambda k: st.sampled_from(odd) if k == 3 else st.just(usual))


@st.composite
def tables(draw):
    """Bytes of a .csv: columns of one kind or another, sometimes ragged, in some encoding."""
    width = draw(mostly(3, 0, 1, 2, 5))
    header = list("abcdy"[-width:]) if width else []
    if draw(mostly(False, True)):
        header = draw(st.lists(name, min_size=width, max_size=width))
    rows = draw(mostly(40, 0, 1, 9, 10, 60))
    columns = [draw(column(rows)) for _ in range(width)]
    lines = [list(line) for line in zip(*columns, strict=True)]
    if lines and draw(mostly(False, True)):  # ragged
        line = draw(st.sampled_from(lines))
        line.extend(draw(st.lists(cell, max_size=3)))
        del line[draw(st.integers(0, len(line))) :]
    comma, end = draw(mostly(",", ";", "\t", ",,")), draw(mostly("\n", "\r", "\r\n", "\n\n"))
    text = end.join(comma.join(line) for line in [header, *lines])
    return text.encode(draw(mostly("utf-8", "utf-8-sig", "utf-16", "latin-1")), "replace")


@st.composite
def column(draw, rows):
    """Texts of a column: numbers mostly, or odd things, one thing, or a few texts."""
    kind = draw(mostly("numbers", "odd", "constant", "texts"))
    if kind == "constant":
        return [draw(cell)] * rows
    if kind == "texts":
        return [f"t{k % 3}" for k in range(rows)]
    few = draw(st.lists(number if kind == "numbers" else cell, min_size=4, max_size=8))
    return [few[k * 7 % len(few)] for k in range(rows)]


@st.composite
def damaged(draw):
    """Bytes of a sound .csv, of which some are other ones, are missing or there too often."""
    content = bytearray(b"a,b,y\n" + b"".join(b"%d,%d,%d\n" % (k, k % 5, k * k) for k in range(40)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        piece = draw(
            st.binary(max_size=3) | st.sampled_from([b'"', b"\x00", b"\n\n", b",", b"\xff"])
        )
        content[at : at + draw(st.integers(0, 3))] = piece
    return bytes(content)


KINDS = ["number", "category", "date", "id", "date:%d/%m/%Y", "word", ""]
TRANSFORMS = ["none", "log", "yeo-johnson", "auto", "sqrt"]
options = st.lists(
    st.tuples(st.sampled_from(["--target", "--groups", "--time", "--drop", "--missing"]), name)
    | st.tuples(st.just("--as"), st.builds("{}={}".format, name, st.sampled_from(KINDS)))
    | st.tuples(st.just("--target-transform"), st.sampled_from(TRANSFORMS))
    | st.tuples(st.just("--separator"), st.sampled_from([",", ";", "tab", "", "ab", '"']))
    | st.tuples(st.just("--decimal"), st.sampled_from([".", ",", "x"]))
    | st.tuples(st.just("--encoding"), st.sampled_from(["utf-8", "latin-1", "utf-16", "x", ""])),
    max_size=3,
).map(lambda drawn: [list(option) for option in drawn])


def judge_a_table(folder, content, words):
    path = folder / "mine.csv"
    path.write_bytes(content)
    more = [word for option in words for word in option if "\x00" not in word]
    code = judged(["run", "-d", str(path), "-m", "bayesian_ridge", "--dry-run", *more])
    looked = judged_look(["look", str(path), *more])
    assert looked == code, "look and run agree on whether a table can be used"
    return code


def judged_look(arguments):
    """Run `howrobust look` here; its exit code, when all that must hold of it does."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as caught,
    ):
        main(arguments)
    code, shown, said = caught.value.code, out.getvalue(), err.getvalue()
    assert code in (0, 2), (arguments, said)
    assert "Traceback" not in said
    assert all(line.isprintable() for line in shown.splitlines()), shown
    assert code == 0 or "problem 1: " in shown or said.startswith("howrobust: "), shown
    return code


VALUES = ["1", "-1", "0", "1e9", "99999999999999999999", "nan", "-inf", "true", '"x"', "''", "[]",
          "[50]", "[[1]]", "[1, 'a']", "{}", "{a=1}", "2026-01-31", "07:32:00", "0x7f", "'\\'",
          "1}\nx={y=1", '"""', "\u202e", "é", "", "=", "1,", "[", "]", "#"]  # fmt: skip
METHODS = ["deep_ensemble", "bayesian_nn", "mc_dropout", "shuffled_cv", "gaussian_process",
           "bayesian_ridge", "marginal", "oracle", "", "os:system", "os.path:join", ":", "a:",
           "builtins:int", "sklearn.linear_model:Ridge", "nowhere:x", "--help", "-m", "é",
           "a" * 300, ":b", "howrobust.base.method:Method", "\udcff", "../x:y",
           "math:pi"]  # fmt: skip
WORDS = ["epochs", "hidden", "n_members", "batch_size", "preset", "dropout", "noise", "alpha", "é",
         "", "self", "random_state", "a.b", '"epochs"']  # fmt: skip
setting = st.tuples(st.sampled_from(WORDS), st.sampled_from(VALUES)).map("=".join)
method = st.builds(
    lambda name, brackets, words: name + brackets[0] + ",".join(words) + brackets[1],
    st.sampled_from(METHODS),
    st.sampled_from([("", ""), ("[", "]"), ("[", "]"), ("[", ""), ("]", "["), ("[[", "]]")]),
    st.lists(setting, max_size=3),
)
NUMBERS = ["--splits", "--repeats", "--seed", "--workers", "--timeout"]
COUNTS = ["1", "2", "0", "-1", "1e3", "nan", "\N{FULLWIDTH DIGIT ONE}", "9" * 30, "1000000000", ""]
count = st.sampled_from(COUNTS)
argument = st.one_of(
    st.tuples(st.sampled_from(["-m", "--method"]), method),
    st.tuples(st.sampled_from(["-m", "--method"]), method),
    st.tuples(st.sampled_from(NUMBERS), count),
    st.tuples(
        st.sampled_from(["-d", "--data"]),
        st.sampled_from(["quintic", "diabetes", ".", "/", "/dev/null", "x.csv", "é", "uci/x", "",
                         "\udcff.csv", "~", "a" * 5000, "quintic\n", "..", "nowhere.parquet"]),
    ),
    st.tuples(
        st.sampled_from(["--stress"]),
        st.sampled_from(["input_noise", "gap", "tail", "none", "", "é", "settings_prior"]),
    ),
    st.tuples(st.sampled_from(["--device", "--bogus", "--out", "-", "--"]), method),
    st.tuples(st.sampled_from(["quick", "uci-gap", "nowhere", "", "é", "-x", "a/b", "x.csv"])),
)  # fmt: skip
toml_value = st.sampled_from([v for v in VALUES if "\n" not in v]) | st.just('["quintic"]')
suite_text = st.lists(
    st.tuples(
        st.sampled_from(["title", "methods", "datasets", "stress", "splits", "family", "repeats",
                         "repeat_splits", "timeout_s", "override", "extends", "name", "x"]),
        toml_value | st.sampled_from(['"quick"', '"nowhere"', '"assess"', "'a.csv'"]),
    ).map(" = ".join) | st.text(max_size=20),
    max_size=6,
).map("\n".join)  # fmt: skip


def fuzz(strategy, count, judge):
    """Judge so many examples."""

    @examples(count)
    @given(strategy)
    def run(example):
        judge(example)

    run()


def judge_a_suite(text):
    with contextlib.suppress(BadInput):
        assert isinstance(parse_suite(text, "mine"), Suite)


FUZZ = {
    "tables": (
        st.tuples(tables(), options),
        lambda folder: lambda drawn: judge_a_table(folder, *drawn),
    ),
    "damaged": (damaged(), lambda folder: lambda drawn: judge_a_table(folder, drawn, [])),
    "arguments": (
        st.lists(argument, min_size=1, max_size=4),
        lambda folder: lambda drawn: judged(["run", "--dry-run", *chain(*drawn)]),
    ),
    "suites": (suite_text, lambda folder: judge_a_suite),
}


@pytest.mark.parametrize("kind", FUZZ)
def test_odd_input_is_refused_in_a_sentence(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    strategy, judge = FUZZ[kind]
    fuzz(strategy, FEW[kind], judge(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("kind", FUZZ)
def test_much_odd_input_is_refused_in_a_sentence(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    strategy, judge = FUZZ[kind]
    fuzz(strategy, MANY[kind], judge(tmp_path))


def test_tables_that_are_accepted_can_be_learnt_from(tmp_path):
    fitted = []

    def judge(content):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"
        path.write_bytes(content)
        try:
            plan = make_plan(RunOptions(methods=["bayesian_ridge"], data=[str(path)], splits=1))
        except BadInput:
            return
        with InlinePool() as pool:
            results = execute(plan, tmp_path / f"out-{path.stem}", pool=pool)
        assert {cell.status for cell in results.cells()} == {"ok"}
        fitted.append(content)

    few = st.lists(number, min_size=4, max_size=8)
    fuzz(st.tuples(few, few, few).map(table_of), 15, judge)
    assert len(fitted) >= 5


def table_of(columns):
    """Bytes of a table of 40 rows, each column of its few numbers over and over."""
    rows = [[few[k * 7 % len(few)] for few in columns] for k in range(40)]
    return "\n".join(map(",".join, [["a", "b", "y"], *rows])).encode()


ROWS = "a,y\n" + "".join(f"{k},{k * k}\n" for k in range(40))


def test_a_folder_that_is_called_like_a_table_is_none(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    assert judged(["run", "-d", str(tmp_path / "folder.csv")]) == 2
    assert judged(["run", "-d", str(tmp_path)]) == 2


def test_a_file_that_vanishes_after_the_plan_fails_its_cells_in_a_sentence(tmp_path):
    for name in ("gone.csv", "here.csv"):
        (tmp_path / name).write_text(ROWS)
    names = [str(tmp_path / "gone.csv"), str(tmp_path / "here.csv")]
    plan = make_plan(RunOptions(methods=["bayesian_ridge"], data=names, splits=1, stress=[]))
    (tmp_path / "gone.csv").unlink()
    found = {c.dataset: c for c in execute(plan, tmp_path / "out", workers=1).cells()}
    assert found["here.csv"].status == "ok"
    assert found["gone.csv"].status == "failed"
    reason = f"changed since the run was planned: {names[0]}; run again"
    assert found["gone.csv"].reason == reason


@pytest.mark.parametrize("folder", ["/proc/nowhere", "/dev/null", "/dev/null/below"])
def test_a_folder_that_cannot_be_is_named(folder):
    arguments = ["run", "-d", "quintic", "-m", "bayesian_ridge", "--splits", "1"]
    assert judged([*arguments, "--out", folder]) == 2


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a megabyte; and a function that makes it larger."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system of a megabyte cannot be mounted here")
    yield (
        disk,
        lambda: subprocess.run(
            ["mount", "-o", "remount,size=64m", str(disk)], check=True, capture_output=True
        ),
    )
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_said_and_the_run_continues_when_there_is_room(small_disk):
    disk, enlarge = small_disk
    words = ["run", "-d", "quintic", "-m", "bayesian_ridge", "--splits", "3", "--out", disk / "out"]
    code, out, err = howrobust(*words, "--stress", "input_noise")
    assert code in (1, 2), out + err
    assert "Traceback" not in out + err
    assert "No space left" in out + err or "disk is full" in out + err
    enlarge()
    code, out, err = howrobust(*words, "--stress", "input_noise")
    assert code == 0, out + err
    assert {cell.status for cell in hr.load(disk / "out").cells()} == {"ok"}

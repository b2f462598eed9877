"""What is found in a table before anything is fitted, and how it is shown."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from howrobust.cli.main import main
from howrobust.datasets.tables.files import examine
from howrobust.datasets.tables.look import ColumnLook, Look, examples_of, refusal
from howrobust.datasets.tables.roles import Roles, read_options
from howrobust.reports.preflight import show_look

N = 80


def parts(folder):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "part_id": 1000 + np.arange(N),
            "ordered": rng.permutation(pd.date_range("2026-01-01", periods=N)),
            "site": rng.choice(["north", "south", "west"], N),
            "mass": np.round(rng.normal(20, 3, N), 2),
            "rush": rng.choice(["yes", "no"], N),
            "unit": "EUR",
            "batch": np.arange(N) // 8,
            "price": np.exp(rng.normal(size=N)),
        }
    )
    table.loc[:8, "mass"] = np.nan
    table.to_csv(folder / "parts.csv", index=False)
    return str(folder / "parts.csv")


def shown(look, warnings=(), width=80):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    show_look(look, warnings, console)
    return console.file.getvalue().splitlines()


def test_each_column_has_its_kind_its_gaps_its_examples_and_what_becomes_of_it(tmp_path):
    found = examine(parts(tmp_path), Roles(groups="batch", read=read_options(drop=["unit"]),
                                           drop=("unit",)))  # fmt: skip
    look = {column.name: column for column in found.look.columns}
    assert list(look) == [
        "part_id", "ordered", "site", "mass", "rush", "unit", "batch", "price",
    ]  # fmt: skip
    assert look["part_id"] == ColumnLook(
        "part_id", "id", 0, "1000, 1001, 1002", "feature", "left out: names the rows"
    )
    assert look["ordered"].kind == "date"
    assert "2026-" in look["ordered"].examples
    assert ":" not in look["ordered"].examples  # midnight is not stated
    assert "days since" in look["ordered"].becomes
    assert look["site"].becomes == "one-hot of 3 levels"
    assert (look["mass"].missing, look["mass"].becomes) == (9, "number with a column for missing")
    assert look["rush"].becomes == "0/1"
    assert look["unit"] == ColumnLook("unit", "", 0, "", "left out", "left out (--drop)")
    assert (look["batch"].role, look["batch"].becomes) == ("groups", "whole groups are held out")
    assert look["price"].role == "target"
    assert look["price"].becomes == "as it is or its logarithm, as fits"
    assert (found.look.n_rows, found.look.problems) == (N, ())
    assert len(found.groups) == N


@pytest.mark.parametrize(
    ("transform", "becomes"),
    [("none", "as it is"), ("log", "its logarithm"), ("yeo-johnson", "transformed by Yeo-Johnson")],
)
def test_the_look_says_what_becomes_of_the_target(tmp_path, transform, becomes):
    look = examine(parts(tmp_path), Roles(), transform).look
    assert look.columns[-1].becomes == becomes


def test_a_user_who_overrules_a_kind_sees_it(tmp_path):
    read = read_options([("part_id", "number"), ("mass", "id")])
    look = {c.name: c for c in examine(parts(tmp_path), Roles(read=read)).look.columns}
    assert (look["part_id"].kind, look["part_id"].becomes) == ("number", "number")
    assert look["mass"].becomes == "left out: names the rows"


def test_a_table_with_problems_is_shown_with_all_of_them(tmp_path):
    found = examine(parts(tmp_path), Roles(target="site", groups="mass", drop=("prise",)))
    assert found.data is None
    lines = shown(found.look)
    problems = [line for line in lines if line.startswith("problem ")]
    assert [line[:11] for line in problems] == ["problem 1: ", "problem 2: ", "problem 3: "]
    text = " ".join(" ".join(lines).split())
    for sentence in (
        "there is no column 'prise'; did you mean 'price'?",
        "the target 'site' holds text",
        "--groups: column 'mass' has 9 missing values; fill them in, or remove those rows",
    ):
        assert sentence in text
    assert found.look.refusal.startswith("parts.csv cannot be used as it is: 3 problems\n1. ")


def test_a_table_without_a_feature_that_says_anything_is_refused(tmp_path):
    path = tmp_path / "ids.csv"
    pd.DataFrame({"id": range(40), "unit": "EUR", "y": np.arange(40.0) ** 2}).to_csv(
        path, index=False
    )
    (problem,) = examine(str(path), Roles()).look.problems
    assert "'id' names the rows, 'unit' has one value" in problem
    read = read_options([("id", "number")])
    assert examine(str(path), Roles(read=read)).look.problems == ()


def test_a_terminal_of_80_columns_shows_every_column(tmp_path):
    look = examine(parts(tmp_path), Roles()).look
    lines = shown(look, ["the target price is skewed"])
    assert max(map(len, lines)) <= 80
    for column in look.columns:
        assert any(line.startswith(column.name) for line in lines)
    assert lines[-1] == "warning: the target price is skewed"


def test_text_of_a_table_is_shown_as_text():
    column = ColumnLook("[red]a\x1b[31m", "category", 0, "[/b], \u202e", "feature", "0/1")
    text = "\n".join(
        shown(Look("[bold]x\x07.csv", (column,), 3, problems=("\x1b bad",)), width=120)
    )
    assert "[red]a" in text
    assert "[bold]x" in text
    assert "[/b], " in text
    assert all(line.isprintable() for line in text.splitlines())


def test_a_wide_table_is_shortened_with_a_count_by_kind():
    features = [ColumnLook(f"x{k}", "number", 0, "1", "feature", "number") for k in range(300)]
    words = [ColumnLook(f"w{k}", "category", 0, "a", "feature", "0/1") for k in range(100)]
    target = ColumnLook("y", "number", 0, "1", "target", "as it is")
    look = Look("wide.csv", (*features, *words, target), 10)
    columns, others = look.shown()
    assert len(columns) == 40
    assert columns[-1] == target
    assert others == ("261 more of kind number", "100 more of kind category")
    assert shown(look)[-1] == "... and 261 more of kind number, 100 more of kind category"
    assert Look("x.csv", tuple(features[:40]), 10).shown() == (tuple(features[:40]), ())


@pytest.mark.parametrize(
    ("values", "examples"),
    [
        ([1.0, 1.0, np.nan, 2.5, 3.0, 4.0], "1, 2.5, 3"),
        ([1 / 3], "0.333333"),
        ([None, "b", "a", "b", "c", "d"], "b, a, c"),
        (["x" * 90], "x" * 37 + "..."),
        ([np.nan] * 5, ""),
        ([np.nan] * 2000 + [7.0], "7"),
        (
            pd.to_datetime(["2026-01-31 00:00", "2026-02-01 12:30"]),
            "2026-01-31, 2026-02-01 12:30:00",
        ),
        (pd.to_timedelta([90], unit="min"), "0 days 01:30:00"),
        ([True, False], "True, False"),
    ],
)
def test_examples_are_the_first_distinct_values(values, examples):
    assert examples_of(pd.Series(values)) == examples


def test_one_problem_is_one_line_and_several_are_a_list():
    assert refusal("a.csv", ["x; do y"]) == "a.csv cannot be used as it is: x; do y"
    assert refusal("a.csv", ["x", "y"]) == "a.csv cannot be used as it is: 2 problems\n1. x\n2. y"


def look(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["look", *arguments])
    out, err = capsys.readouterr()
    assert err == "" or err.startswith("howrobust: ")
    return ended.value.code, out, err


def test_the_command_prints_the_table_and_says_by_its_exit_code_whether_it_can_be_used(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "100")
    path = parts(tmp_path)
    code, out, _ = look([path], capsys)
    assert code == 0
    assert "parts.csv: 80 rows, 8 columns" in out
    assert "problem" not in out
    code, out, _ = look([path, "--target", "price", "--as", "mass=category", "--time", "ordered",
                         "--drop", "unit", "--target-transform", "log"], capsys)  # fmt: skip
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert any(line.startswith("mass category 9 ") for line in lines)
    assert "unit left out left out (--drop)" in lines
    code, out, err = look([path, "--target", "site"], capsys)
    assert (code, err) == (2, "")
    assert "problem 1: the target 'site' holds text" in out
    code, out, err = look([str(tmp_path / "nowhere.csv")], capsys)
    assert (code, out) == (2, "")
    assert "there is no file" in err


def test_the_command_names_repeated_rows_and_a_feature_that_gives_the_target_away(tmp_path, capsys):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=100), "y": rng.normal(size=100)})
    table.insert(0, "cents", 100 * table["y"] + 3)
    table = pd.concat([table, table.iloc[:50]])
    table.to_csv(tmp_path / "leak.csv", index=False)
    code, out, _ = look([str(tmp_path / "leak.csv")], capsys)
    assert code == 0
    text = " ".join(out.split())
    assert "warning: the feature cents gives the target y away: a line through it" in text
    assert "of the test rows (mean over splits) are also training rows" in text

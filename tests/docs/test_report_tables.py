"""The tables of suite quick in README and docs are those that a run of it prints.

A processor that rounds otherwise trains other networks, as another seed would, so numbers of
networks are held to a tenth, a few times their standard error. Other methods, whose optimisers
round otherwise too, are held to a hundredth, their standard errors included.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import environment

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "explanation" / "report.md"
SHORT = ("method", "nll", "rmse", "crps", "inside 95 %")  # columns of README's table
FIXED = {"bayesian\\_ridge", "gaussian\\_process", "marginal", "oracle", "limit of the truth"}
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
TENTH, HUNDREDTH = 0.1, 0.01


def marked(path, mark):
    """Return what a page has between a mark and its end."""
    return re.search(
        rf"<!-- {mark}(?:: \w+)? -->\n(.*?)<!-- /{mark} -->", path.read_text("utf-8"), re.DOTALL
    )[1]


def rows_of(table):
    """Return the header of a Markdown table, and the cells of each row by their header."""
    header, _, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table)
    return header, [dict(zip(header, row, strict=True)) for row in rows]


def tables(text):
    """Return the table of each data set, by the name in its heading."""
    sections = re.split(r"^### ", text.partition("### In more detail")[0], flags=re.MULTILINE)[1:]
    return {
        re.split(r"[:\n]", section, maxsplit=1)[0]: rows_of(
            [line for line in section.splitlines() if line.startswith("|")]
        )
        for section in sections
    }


def short(table):
    """Return the form that a data set's table has in README."""
    _, rows = table
    lines = [SHORT, ("---", *["---:"] * (len(SHORT) - 1))]
    lines += [[row[name] for name in SHORT] for row in rows if row["crps"]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def numbers(text):
    return [float(number) for number in NUMBER.findall(text)]


def assert_agree(shown, printed):
    """Rows of two tables name the same methods, with the same numbers."""
    assert {row["method"] for row in shown} == {row["method"] for row in printed}
    by_method = {row["method"]: row for row in printed}
    for row in shown:
        for name in set(SHORT) - {"method"}:
            before, now = numbers(row[name]), numbers(by_method[row["method"]][name])
            if row["method"] not in FIXED:
                before, now, tolerance = before[:1], now[:1], TENTH
            else:
                tolerance = HUNDREDTH
            assert before == pytest.approx(now, rel=tolerance), (row["method"], name)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What the report of suite quick prints as Markdown."""
    folder = str(tmp_path_factory.mktemp("quick"))
    for words in (["run", "quick", "--out", folder], ["report", folder, "--format", "md"]):
        done = subprocess.run(
            [sys.executable, "-m", "howrobust", *words], env=environment(MPLBACKEND="agg"),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    return done.stdout


@pytest.mark.slow
def test_the_short_table_of_the_readme_is_what_the_report_prints(printed):
    wanted = short(tables(printed)["friedman1"])
    _, shown = rows_of(marked(README, "table").strip().splitlines())
    _, now = rows_of(wanted.splitlines())
    print(wanted)  # to be pasted where it differs
    assert_agree(shown, now)


@pytest.mark.slow
def test_the_whole_report_of_the_docs_is_what_the_report_prints(printed):
    shown, now = tables(marked(PAGE, "report")), tables(printed)
    assert list(shown) == list(now)
    for name in set(shown) - {"Ranking"}:
        assert shown[name][0] == now[name][0]
        assert_agree(shown[name][1], now[name][1])


def test_the_short_table_of_the_readme_is_part_of_the_one_of_the_docs():
    long = tables(marked(PAGE, "report"))["friedman1"]
    assert marked(README, "table").strip() == short(long).strip()
    assert len(short(long).splitlines()) == 10


def test_a_number_that_is_not_so_is_noticed():
    _, rows = tables(marked(PAGE, "report"))["friedman1"]
    for method, name, wrong in [
        ("marginal", "nll", "3.000 ± 0.030"),
        ("mc\\_dropout", "rmse", "1.62"),
    ]:
        changed = [row | {name: wrong} if row["method"] == method else row for row in rows]
        with pytest.raises(AssertionError, match=name):
            assert_agree(changed, rows)


def test_the_readme_is_read_in_two_minutes():
    assert len(README.read_text("utf-8").splitlines()) <= 120

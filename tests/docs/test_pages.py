"""The commands of tutorial and how-to guides run as they stand, with the files that the pages show.

A page is followed from top to bottom in an empty folder. A block with a caption is written to the
file of that name. In a console block each line after ``$`` is a command, and lines below it must
appear in its output in that order. Runs that choose no method, data or number of splits get cheap
ones here. ``<!-- not run: reason -->`` above a block says why it cannot be.
"""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from commandline import environment

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [p for folder in ("tutorial", "how-to") for p in sorted((DOCS / folder).glob("*.md"))]
FENCE = re.compile(r"^(`{3,})([^\n]*)\n(.*?)^\1\s*$", re.DOTALL | re.MULTILINE)
CAPTION = re.compile(r"\A:caption: (\S+)\n\n?")
NOT_RUN = re.compile(r"<!-- not run: .+? -->\s*\Z")
CHEAP = {"-m": "bayesian_ridge", "-d": "diabetes", "--splits": "2"}
QUICK = "method-plugin"  # the others take a minute and a half; tox runs them with the pages


@dataclass(frozen=True)
class Step:
    """A file to write, or a command with the lines that it must print."""

    file: str = ""
    text: str = ""
    command: str = ""
    printed: tuple[str, ...] = ()


def steps(page):
    """What a reader of a page does, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        kind, body = fence[2].strip(), fence[3]
        caption = CAPTION.match(body)
        if kind.startswith("{code-block}") and caption:
            found.append(Step(file=caption[1], text=body[caption.end() :]))
        elif kind == "console" and not NOT_RUN.search(text[: fence.start()]):
            found += commands(body)
    return found


def commands(block):
    """Commands of a console block; a command may go on after a backslash."""
    for part in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
        command, *printed = part.splitlines()
        yield Step(command=command.partition("  #")[0], printed=tuple(filter(None, printed)))


def program(command, site):
    """Arguments of a command of a page, run by this interpreter."""
    name, *rest = shlex.split(command)
    if name == "howrobust":
        chosen = rest[:1] == ["run"] and "--dry-run" not in rest
        cheap = [(o, v) for o, v in CHEAP.items() if chosen and o not in rest]
        return [sys.executable, "-m", "howrobust", *rest, *(w for pair in cheap for w in pair)]
    if name == "python":
        return [sys.executable, *rest]
    if (name, rest[:1]) == ("pip", ["install"]):
        offline = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", site]
        return [sys.executable, "-m", "pip", "install", *offline, *rest[1:]]
    raise AssertionError(f"{command!r}: pages run howrobust, python and pip install")


def squeezed(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def follow(page, folder, site):
    """Do what a page says; AssertionError names the command that did something else."""
    search = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = environment(PYTHONPATH=os.pathsep.join(search), MPLBACKEND="agg")
    for step in steps(page):
        if step.file:
            (folder / step.file).write_text(step.text)
            continue
        done = subprocess.run(
            program(step.command, str(site)), cwd=folder, env=variables, capture_output=True,
            text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{page.name}: {step.command}\n{done.stdout}{done.stderr}"
        lines = iter(squeezed(done.stdout))
        for line in squeezed("\n".join(step.printed)):
            assert line in lines, f"{page.name}: {step.command} does not print {line!r}"


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=() if p.stem == QUICK else pytest.mark.slow, id=p.stem) for p in PAGES],
)
def test_the_commands_of_a_page_run(page, tmp_path):
    (tmp_path / "here").mkdir()
    follow(page, tmp_path / "here", tmp_path / "site")


def test_a_page_that_promises_what_is_not_so_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    for block, said in {
        "$ howrobust list nothing": "howrobust list nothing",
        "$ howrobust list suites\nno such suite": "does not print",
        "$ rm -r .": "pages run howrobust",
        "$ python -c 'print(1); print(2)'\n2\n1": "does not print '1'",
    }.items():
        page.write_text(f"```console\n{block}\n```\n")
        with pytest.raises(AssertionError, match=said):
            follow(page, tmp_path, tmp_path / "site")
        page.write_text(f"<!-- not run: it would fail -->\n\n```console\n{block}\n```\n")
        follow(page, tmp_path, tmp_path / "site")


def test_files_and_commands_are_read_in_order(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```{code-block} toml\n:caption: a.toml\n\nx = 1\n```\n```console\n$ howrobust info  # it\n"
        "python 3\n$ howrobust run \\\n  -d my.csv\n```\n```text\n$ no\n```\n"
    )
    assert steps(page) == [
        Step(file="a.toml", text="x = 1\n"),
        Step(command="howrobust info", printed=("python 3",)),
        Step(command="howrobust run    -d my.csv"),
    ]
    assert tomllib.loads(steps(page)[0].text) == {"x": 1}

"""`howrobust propagate` as a user meets it, and the page that it writes."""

import re
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from commandline import environment, howrobust
from matplotlib.figure import Figure

import howrobust as hr
from howrobust.cli.propagate import propagate
from howrobust.errors import BadInput
from howrobust.propagation.noise_text import parsed_noise

BEAM = """
import sys, time

def deflection(F, L, E, b, h):
    return F * L**3 / (48 * E * b * h**3 / 12)

def slow(F, L, E, b, h):
    time.sleep(0.05)
    return float(F)

def broken(F, L, E, b, h):
    return F if F < 1100 else float("nan")
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "beam.py").write_text(BEAM)
    (tmp_path / "point.csv").write_text("F,L,E,b,h\n1000,1000,210000,20,20\n")
    (tmp_path / "leaves.py").write_text("import sys; sys.exit(0)")
    return tmp_path


def test_the_answer_and_the_page(folder):
    code, out, err = howrobust(
        "propagate", "beam:deflection", "--at", "point.csv", "--noise", "F=50", "--noise",
        "L=norm(0,10)", "--unit", "F=N", "--unit", "L=mm", "--unit", "deflection=mm",
        "--report", "page.html", cwd=folder, script=True,
    )  # fmt: skip
    assert code == 0, err
    # Of F L^3: sd / mean is sqrt((1 + .05^2) (1 + 9 / 10^4 ...) - 1), about sqrt(.05^2 + .03^2).
    sentence = out.splitlines()[0]
    assert re.fullmatch(
        r"With F ± 50 N and L ± 10 mm \(± is one sd\), the deflection is 7\.44 mm, give or take "
        r"0\.43 mm \(95 %: 6\.6\d to 8\.\d\d mm\), mostly from F \(7[34] % of the variance\)\.",
        sentence,
    )
    page = (folder / "page.html").read_text()
    assert sentence in page
    assert page.count("<svg") == 2
    assert "<script" not in page
    assert "howrobust:" not in err  # nor, but on a slow machine, lines of progress


def run(folder, monkeypatch, *arguments):
    """The command in this process."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    return CliRunner().invoke(
        propagate, [*arguments, "--at", "point.csv"], standalone_mode=False, catch_exceptions=True
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["beam:deflection", "--noise", "F=fifty"], "'fifty' where a number is needed"),
        (["beam:deflection", "--noise", "F"], "'F' is not INPUT=SD"),
        (["beam:deflection", "--noise", "F=__import__(1)"], "unknown distribution '__import__'"),
        (["beam:deflection", "--noise", "F=norm(0, x)"], "'x' where a number is needed"),
        (["beam:deflection", "--noise", "F=norm(0,1,2,3,4)"], "other arguments than"),
        (["beam:deflection", "--noise", "F=norm(0,-1)"], "no finite mean"),
        (["beam:deflection", "--noise", "F=norm(loc=0,loc=1)"], "gives loc twice"),
        (["beam:deflection", "--noise", "F=1", "--noise", "F=2"], "gives 'F' twice"),
        (["beam:deflection", "--noise", "q=1"], "noise on 'q', but the point has only F, L"),
        (["nowhere:f", "--noise", "F=1"], "'nowhere:f' .* cannot be imported: ModuleNotFound"),
        (["beam:nothing", "--noise", "F=1"], "'beam:nothing' .* cannot be imported: Attribute"),
        ([":f", "--noise", "F=1"], "named module:function, not ':f'"),
        (["beam", "--noise", "F=1"], "named module:function, not 'beam'"),
        (["leaves:f", "--noise", "F=1"], "sys.exit\\(0\\) was called while the module"),
        (["beam:deflection", "--noise", "F=1", "--correlation", "F,L=.5"], "two inputs with noise"),
        (["beam:deflection", "--noise", "F=1", "--box", "F=1"], "write it as F=LOW:HIGH"),
        (["beam:deflection", "--noise", "F=1", "--unit", "N"], "not NAME=VALUE"),
    ],
)
def test_bad_input_is_one_sentence(folder, monkeypatch, arguments, said):
    result = run(folder, monkeypatch, *arguments)
    assert isinstance(result.exception, BadInput)
    assert re.search(said, str(result.exception))


def test_options_reach_the_function(folder, monkeypatch):
    result = run(
        folder, monkeypatch, "beam:deflection", "--noise", "F=50", "--noise", "L=10",
        "--correlation", "F,L=0.9", "--box", "F=900:1100", "--draws", "400", "--name", "sag",
    )  # fmt: skip
    assert result.return_value == 0, result.output
    assert "correlated, ± is one sd" in result.output
    assert "the sag is" in result.output
    assert re.search(r"lowest output: \d.\d+ at F = 900, L = 970", result.output)
    few = run(folder, monkeypatch, "beam:broken", "--noise", "F=50", "--noise", "L=10",
              "--draws", "400", "--no-indices")  # fmt: skip
    assert few.return_value == 1  # some draws have no output
    assert "breaks: NaN" in few.output
    assert "indices were not asked for" in few.output


def test_an_interrupted_command_says_so(folder):
    command = [sys.executable, "-m", "howrobust", "propagate", "beam:slow", "--at", "point.csv",
               "--noise", "F=1"]  # fmt: skip
    running = subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    first = running.stderr.readline()  # a line every five seconds
    assert re.fullmatch(r"\d+/\d+ evaluations\n", first), first
    time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "nothing is kept of a propagation" in err
    assert "Traceback" not in err


def test_a_distribution_is_read_from_text_and_nothing_is_executed():
    column, noise = parsed_noise(" L = triang(0.5, loc=-1, scale=2) ")
    assert column == "L"
    assert noise.support() == (-1, 1)
    for text in ("L=norm(0,10).rvs()", "L=().__class__", "L=norm(*[1])", "L=norm(a.b=1)", "L=[1]"):
        with pytest.raises(BadInput):
            parsed_noise(text)


def test_a_page_escapes_what_the_user_named_and_is_drawn(tmp_path):
    name = "<b>sag</b>$x"
    result = hr.propagate(
        lambda table: table["a<i>"] * 2.0, {"a<i>": 1.0}, {"a<i>": 1.0}, draws=300, name=name,
        units={name: "<u>"},
    )  # fmt: skip
    page = result.report(tmp_path / "page.html").read_text()
    for text in (page, result._repr_html_()):
        assert not re.search(r"<b>|<i>|<u>", text)
    assert "&lt;b&gt;sag&lt;/b&gt;$x" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    ax = Figure().subplots()
    assert result.plot(ax) is ax
    (low, high) = (bar.get_width() for bar in ax.patches)
    assert low == pytest.approx(-2 * 1.96, abs=1e-3)
    assert high == pytest.approx(2 * 1.96, abs=1e-3)
    assert result.plot() is not ax

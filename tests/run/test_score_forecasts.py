"""Forecasts that somebody else made: `score_forecasts` and `howrobust score`."""

import re
import resource
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from commandline import environment
from matplotlib.axes import Axes
from scipy import stats

import howrobust as hr
from howrobust._score_file import ForecastFile, quantile_levels, score_file
from howrobust.cli.main import main
from howrobust.distributions import Normal, from_scipy
from howrobust.errors import BadInput
from howrobust.metrics import score

N = 300
RNG = np.random.default_rng(2)
MEAN, SD = RNG.normal(size=N), RNG.uniform(0.5, 2, N)
Y = MEAN + SD * RNG.normal(size=N)
LEVELS = [0.1, 0.5, 0.9]
VALUES = MEAN + stats.norm.ppf(LEVELS)[:, None] * SD
STATED = {"quantiles": VALUES, "levels": LEVELS}
DRAWS = MEAN + SD * RNG.normal(size=(40, N))


@pytest.fixture
def table(tmp_path):
    """A file of every form, and its path."""
    columns = {"y": Y, "mean": MEAN, "sd": SD, "low": VALUES[0], "high": VALUES[2], "note": "a, b"}
    columns |= {f"q_{level}": row for level, row in zip(LEVELS, VALUES, strict=True)}
    columns |= {f"s{k}": row for k, row in enumerate(DRAWS, start=1)}
    frame = pd.DataFrame(columns)
    path = tmp_path / "forecasts.csv"
    frame.to_csv(path, index=False, float_format="%.17g")
    return frame, path


def test_scores_of_a_normal_are_those_of_its_distribution():
    scores = hr.score_forecasts(Y, mean=MEAN, sd=SD)
    assert dict(scores) == score(Normal(MEAN, SD), Y)
    assert dict(scores) == dict(hr.score_forecasts(Y, distribution=Normal(MEAN, SD)))
    scipy = hr.score_forecasts(Y, distribution=from_scipy(stats.norm(MEAN, SD)))
    assert scipy["nll"] == pytest.approx(scores["nll"], rel=1e-12)


@pytest.mark.parametrize(
    ("given", "columns"),
    [
        ({"mean": MEAN, "sd": SD}, {"mean": "mean", "sd": "sd"}),
        (STATED, {"quantiles": "q_"}),
        (
            STATED | {"mean": MEAN},
            {"quantiles": "q_", "mean": "mean"},
        ),
        ({"samples": DRAWS}, {"samples": "s"}),
        (
            {"lower": VALUES[0], "upper": VALUES[2], "level": 0.8},
            {"lower": "low", "upper": "high", "level": 0.8},
        ),
    ],
    ids=["normal", "quantiles", "quantiles and a mean", "samples", "interval"],
)
def test_a_file_and_blocks_score_like_arrays(given, columns, table, monkeypatch):
    whole = hr.score_forecasts(Y, **given)
    of_file = score_file(ForecastFile(table[1], "y", **columns))
    monkeypatch.setattr("howrobust._score.BLOCK", 64)
    in_blocks = hr.score_forecasts(Y, **given)
    ranked = {"mace", "rmsce", "mace_quantile"}  # of draws: ties are ranked at random
    for other in (of_file, in_blocks):
        assert other.reasons == whole.reasons
        assert other.keys() == whole.keys()
        for name in whole.keys() - {n for n in whole if n.startswith(tuple(ranked))}:
            assert other[name] == pytest.approx(whole[name], rel=1e-9), name
    assert "samples" in given or in_blocks.get("mace") == whole.get("mace")


def test_quantiles_come_as_an_array_a_mapping_or_a_frame():
    by_level = dict(zip(LEVELS, VALUES, strict=True))
    of_array = dict(hr.score_forecasts(Y, quantiles=VALUES, levels=LEVELS))
    assert dict(hr.score_forecasts(Y, quantiles=by_level)) == of_array
    assert dict(hr.score_forecasts(Y, quantiles=pd.DataFrame(by_level))) == of_array
    of_draws = dict(hr.score_forecasts(Y, samples=DRAWS))
    assert dict(hr.score_forecasts(Y, samples=pd.DataFrame(DRAWS.T))) == of_draws


def test_what_is_not_stated_is_absent_and_has_a_reason(table):
    scores = hr.score_forecasts(Y, quantiles=VALUES, levels=LEVELS)
    assert scores.reasons["nll"] == "quantiles have no density"
    assert "nll" not in scores
    inside = (VALUES[0] <= Y) & (VALUES[2] >= Y)
    assert scores["coverage_80"] == pytest.approx(inside.mean())
    assert scores["width_80"] == pytest.approx(np.mean(VALUES[2] - VALUES[0]))
    records = scores.records().set_index("metric")
    assert records.loc["nll", "reason"] == "quantiles have no density"
    assert set(records["status"]) == {"ok", "undefined"}
    with pytest.raises(KeyError, match="no density"):
        scores["nll"]


def test_a_perfect_forecaster_is_beside_what_has_a_null():
    printed = str(hr.score_forecasts(Y, mean=MEAN, sd=SD))
    assert "howrobust has supplied no distribution" in printed
    assert "up to" in printed
    assert "target unit" in printed
    narrow = hr.score_forecasts(Y, mean=MEAN + 1, sd=SD / 2)
    assert "which is more than chance would make" in " ".join(str(narrow).split())
    assert narrow["mace_quantile_p"] < 0.001


def test_the_page_is_one_file_that_escapes_names_and_says_whose_forecasts_they_are(tmp_path):
    path = tmp_path / "<b>&.csv"
    frame = pd.DataFrame({"y": Y, "q_0.5<script>": Y, "low": VALUES[0], "high": VALUES[2]})
    frame.to_csv(path, index=False)
    scores = score_file(ForecastFile(path, "y", lower="low", upper="high", level=0.8))
    page = scores.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "the forecasts of &lt;b&gt;&amp;.csv" in page
    assert "<b>" not in page
    assert "an interval has no density" in page
    assert page.count("<svg") == 1
    assert re.findall(r"src=|<link|<script", page) == []


@pytest.mark.parametrize(
    "given",
    [
        {"mean": MEAN, "sd": SD},
        {"quantiles": VALUES, "levels": LEVELS},
        {"lower": VALUES[0], "upper": VALUES[2], "level": 0.8},
    ],
)
def test_the_figure_is_drawn_on_axes(given):
    ax = hr.score_forecasts(Y, **given).plot()
    assert isinstance(ax, Axes)
    assert "share of targets" in ax.get_ylabel()


@pytest.mark.parametrize(
    ("names", "prefix", "levels"),
    [
        (["q_0.05", "q_.5", "q_0.95"], "q_", [0.05, 0.5, 0.95]),
        (["q5", "q50", "q97.5", "quality"], "q", [0.05, 0.5, 0.975]),
    ],
)
def test_levels_are_read_from_the_names_of_columns(names, prefix, levels):
    assert list(quantile_levels(names, prefix).values()) == levels


@pytest.mark.parametrize(
    "names", [["q_05", "q_50"], ["q_0.5", "q_90"], ["q_100"], ["q_a"], ["q_0"]]
)
def test_levels_that_could_be_read_in_two_ways_are_refused(names):
    with pytest.raises(BadInput, match="a quantile's column is the prefix and its level"):
        quantile_levels(names, "q_")


NORMAL = ["--mean", "mean", "--sd", "sd"]
INTERVAL = ["--lower", "low", "--upper", "high", "--level", "0.8"]


@pytest.mark.parametrize(
    ("harm", "options", "message"),
    [
        (lambda t: t.assign(sd=t["sd"].where(t.index != 4, 0)), NORMAL, "line 6: 'sd' is 0; an sd"),
        (lambda t: t.assign(y=t["y"].where(t.index != 0)), NORMAL, "line 2: 'y' is missing"),
        (lambda t: t.assign(mean=["x", *t["mean"][1:]]), NORMAL, "line 2: 'mean' is 'x', and no"),
        (lambda t: t.assign(mean=[np.inf, *t["mean"][1:]]), NORMAL, "and no finite number"),
        (lambda t: t.assign(low=t["low"] + 99), INTERVAL, "line 2: 'low' is above 'high'"),
        (lambda t: t.drop(columns="sd"), NORMAL, "no column 'sd'; its columns are: y, mean, low"),
        (lambda t: t.iloc[:0], NORMAL, "a header and no rows"),
        (lambda t: t, [*NORMAL, *INTERVAL], "choose one form"),
        (lambda t: t, ["--mean", "mean"], "choose one form"),
        (lambda t: t, ["--quantiles", "z"], "no column that begins with 'z'"),
        (lambda t: t, ["--samples", "q_"], "draws need two"),
        (lambda t: t, ["--lower", "low", "--level", "80"], "an interval needs"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(harm, options, message, table, capsys):
    frame, path = table
    harm(frame).to_csv(path, index=False)
    with pytest.raises(SystemExit) as ended:
        main(["score", str(path), "--y", "y", *options])
    assert ended.value.code == 2
    error = " ".join(capsys.readouterr().err.split())
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3,4", r"4 fields, the header 3 \(line 3\)"),
        ("1,2", r"2 fields, the header 3 \(line 3\)"),
        ('"1,2,3', "line 3 holds a quote that does not end"),
    ],
)
def test_lines_whose_values_would_be_shifted_are_refused(line, message, tmp_path):
    path = tmp_path / "f.csv"
    path.write_text(f"y,mean,sd\n1,2,3\n{line}\n1,2,3\n")
    with pytest.raises(BadInput, match=message):
        score_file(ForecastFile(path, "y", mean="mean", sd="sd"))


def test_lines_are_counted_with_blank_lines_and_quoted_line_ends(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text('y,note,mean,sd\n1,"a\nb",2,3\n\n1,,2,3\n1,,2,-3\n')
    with pytest.raises(BadInput, match="line 6: 'sd' is -3; an sd must be above 0"):
        score_file(ForecastFile(path, "y", mean="mean", sd="sd"))
    path.write_text('y,note,mean,sd\n1,"a\nb",2,3\n\n1,,2,x\n')
    with pytest.raises(BadInput, match="line 5: 'sd' is 'x', and no finite number"):
        score_file(ForecastFile(path, "y", mean="mean", sd="sd"))


@pytest.mark.parametrize("cell", ["1_0", "1,5", "1e999", "\u0661", "0x1", "12 %"])
def test_a_value_that_is_no_plain_number_is_refused(cell, tmp_path):
    path = tmp_path / "f.csv"
    path.write_text(f'y,mean,sd\n1,2,3\n1,"{cell}",3\n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"line 3: 'mean' is '.*', and no finite number"):
        score_file(ForecastFile(path, "y", mean="mean", sd="sd"))


def test_a_table_of_decimal_commas_is_read(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("y;m;s\n0,5;0,25;1\n1,5;1,0;2\n")
    file = ForecastFile(path, "y", mean="m", sd="s", separator=";", decimal=",")
    assert score_file(file)["mae"] == pytest.approx(0.375)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "nothing was given"),
        ({"mean": MEAN}, "mean= was given"),
        ({"mean": MEAN, "sd": SD, "samples": DRAWS}, "one form"),
        ({"quantiles": VALUES}, "needs their levels"),
        ({"quantiles": VALUES.T, "levels": LEVELS}, r"values\.T"),
        ({"samples": DRAWS.T}, "forecasts of 40 rows"),
        ({"distribution": stats.norm(0, 1)}, "from_scipy"),
    ],
)
def test_forms_that_are_none_or_two_are_refused(given, message):
    with pytest.raises(BadInput, match=message):
        hr.score_forecasts(Y, **given)


@pytest.mark.slow
def test_a_million_rows_take_a_minute_and_a_gigabyte(tmp_path):
    rng = np.random.default_rng(0)
    mean, sd = rng.normal(size=10**6), rng.uniform(0.5, 2, 10**6)
    frame = pd.DataFrame({"y": mean + sd * rng.normal(size=10**6), "mean": mean, "sd": sd})
    frame.to_csv(tmp_path / "big.csv", index=False)
    options = ["--y", "y", "--mean", "mean", "--sd", "sd", "--report", "page.html"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "howrobust", "score", "big.csv", *options],
        cwd=tmp_path, env=environment(), check=True, capture_output=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 60
    assert after.ru_maxrss < 2**20  # KiB

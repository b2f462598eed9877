"""Run options are stated once: the command line and `howrobust.run` take the same."""

import dataclasses
import inspect
import shlex
import subprocess
import sys

import pytest
from numpydoc.validate import validate

import howrobust as hr
from howrobust.cli.main import cli
from howrobust.cli.run import options_from
from howrobust.planning.facts import command, options_of
from howrobust.planning.first_checks import spec_of
from howrobust.planning.options import RunOptions, run_options
from howrobust.planning.plan import make_plan
from howrobust.planning.selection import select

FIELDS = {field.name: field.default for field in dataclasses.fields(RunOptions)}


def parsed(*arguments):
    """The options that arguments of `howrobust run` state."""
    values = cli.commands["run"].make_context("run", list(arguments)).params
    return options_from({k: v for k, v in values.items() if k not in ("store", "dry_run")})


def test_run_takes_the_options_by_name_with_their_defaults():
    parameters = inspect.signature(hr.run).parameters
    assert {name: each.default for name, each in parameters.items()} == FIELDS
    assert parameters["repeats"].annotation == int | None
    assert parameters["device"].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", ["howrobust._run.run", "howrobust.planning.options.RunOptions"])
def test_every_option_is_documented_where_it_is_taken(name):
    report = validate(name)
    assert not {code for code, _ in report["errors"]} & {"PR01", "PR02", "PR04", "RT01", "SS03"}
    for option in run_options():
        assert f"{option.name} : {option.annotation}\n    {option.flag.help}" in report["docstring"]


def test_the_command_line_has_every_option_with_the_same_default():
    assert parsed() == RunOptions()
    names = {parameter.name for parameter in cli.commands["run"].params}
    assert names == {*FIELDS, "store", "dry_run"}


def test_every_option_of_the_command_line_arrives_in_its_field():
    given = RunOptions(
        suite="uci", methods=("a", "b"), data=("c",), stress=("d", "e"), splits=2, repeats=3,
        seed=4, out="folder", workers=5, target="f", groups="g", time="h",
        drop=("x", "-y"), as_=("z=id", "w=date:%d/%m/%Y"), target_transform="log",
        missing=("-", "-999"), separator=";", decimal=",", encoding="cp1252",
        timeout_s=6.5, device="cpu", fresh=True, dask="i", distribution="j:k", fitted=True, draws=7,
        batch_size=8, retries=9, metrics=("l:m", "l:n"),
    )  # fmt: skip
    assert all(getattr(given, name) != default for name, default in FIELDS.items())
    arguments = []
    for option in run_options():
        value = getattr(given, option.name)
        for each in value if option.repeatable else [value]:
            text = [] if option.type is bool else [str(each)]
            arguments += [*option.flag.names[-1:], *text]
    assert parsed(*arguments) == given


def test_the_flags_are_those_that_users_know():
    flags = {name for each in cli.commands["run"].params for name in each.opts}
    assert flags == {
        "suite", "-m", "--method", "-d", "--data", "--target", "--groups", "--time", "--drop",
        "--as", "--target-transform", "--missing", "--separator", "--decimal", "--encoding",
        "--stress", "--splits", "--repeats", "--out", "--store", "--seed", "--workers", "--dask",
        "--timeout", "--device", "--fresh", "--dry-run", "--distribution", "--fitted", "--draws",
        "--batch-size", "--retries", "--metric",
    }  # fmt: skip


def test_the_repeated_command_states_how_a_file_was_read(tmp_path):
    path = tmp_path / "my.csv"
    path.write_text("a;b;-y;y\n" + "".join(f"{k};k{k % 3};1;{k * k + 1}\n" for k in range(20)))
    options = RunOptions(
        methods=("bayesian_ridge",), data=(str(path),), splits=1, target="y", drop=("-y",),
        as_=("b=id", "a=number"), target_transform="log", missing=("-", "-999"), separator=";",
        decimal=",", encoding="utf-8",
    )  # fmt: skip
    plan = make_plan(options)
    again = options_of(plan.command)
    for name in ("target", "drop", "as_", "target_transform", "missing", "separator", "decimal",
                 "encoding"):  # fmt: skip
        value = getattr(again, name)
        assert (tuple(value) if isinstance(value, list) else value) == getattr(options, name), name
    assert make_plan(again).run == plan.run
    assert parsed(*shlex.split(plan.command.text)[2:]).drop == ("-y",)


def test_one_text_is_one_value():
    options = RunOptions(data=["my.csv"], drop="ab", as_="c=id", missing="NA")
    spec = spec_of("my.csv", options)
    assert (spec.drop, spec.kinds, spec.missing) == (("ab",), (("c", "id"),), ("NA",))


def test_the_transform_of_the_target_is_part_of_what_is_fitted():
    keys = [
        {cell.key for cell in make_plan(RunOptions(methods=["bayesian_ridge"], data=["diabetes"],
                                                   splits=1, target_transform=each)).cells}
        for each in (None, "none", "auto")
    ]  # fmt: skip
    assert keys[0] == keys[1]
    assert not keys[0] & keys[2]


def test_an_unknown_option_is_a_type_error():
    with pytest.raises(TypeError, match="split"):
        hr.run(split=3)


def test_the_repeated_command_leaves_out_where_results_go_and_what_fits_them():
    options = RunOptions(
        methods=["marginal"], out="folder", workers=3, fresh=True, dask="x", splits=2
    )
    text = command(dataclasses.replace(select(options), data=[]), []).text
    assert "--splits 2" in text
    for flag in ("--out", "--workers", "--fresh", "--dask"):
        assert flag not in text


def test_the_command_line_loads_no_library_that_is_slow_to_import():
    code = (
        "import sys, howrobust.cli.main\n"
        "slow = {'numpy', 'pandas', 'torch', 'sklearn', 'sqlalchemy', 'scipy', 'matplotlib'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

"""A sentence on everything that can be chosen, without importing what is described."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from howrobust.base.metric import Metric
from howrobust.cli.descriptions import definition, docstring_of, summary
from howrobust.metrics import METRICS
from howrobust.planning import entry_points


@pytest.mark.parametrize("group", ["methods", "datasets", "stress"])
def test_every_built_in_plug_in_says_what_it_is(group):
    for name, entry in entry_points.entries(group).items():
        assert len(summary(docstring_of(entry))) > 20, name


@pytest.mark.parametrize("group", ["methods", "stress"])
def test_what_is_read_from_the_source_is_the_docstring(group):
    from inspect import getdoc

    for name, entry in entry_points.entries(group).items():
        assert docstring_of(entry) == getdoc(entry_points.load(group, name)), name


def test_every_metric_has_a_definition_that_no_other_statistic_shares():
    for metric in METRICS:
        text = definition(metric)
        assert len(text) > 15, metric.name
        assert "``level``" not in text
    by_name = {m.name: definition(m) for m in METRICS}
    assert by_name["coverage_997"].startswith("Share of y inside the central interval")
    assert "99.7 % of them" in by_name["coverage_997"]
    assert by_name["mace_quantile_null"].startswith("Mean of ``mace_quantile`` over the null")
    assert by_name["nll_worst"] == "Largest ``nll`` of a variant."


def test_a_metric_without_a_docstring_is_listed_all_the_same():
    assert definition(Metric("mine", "low", lambda f, y, s: 0.0)) == ""


def test_a_plug_in_that_would_not_import_is_described(tmp_path, monkeypatch):
    package = tmp_path / "parts" / "inner"
    package.mkdir(parents=True)
    (tmp_path / "parts" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "mine.py").write_text(
        "'''Of the module.'''\nraise RuntimeError('imported')\nclass Mine:\n    '''Of a class.'''\n"
        "other = 3\n"
    )
    (package / "odd.py").write_text("class :\n")
    monkeypatch.syspath_prepend(tmp_path)
    described = {
        value: docstring_of(EntryPoint("mine", value, "howrobust.methods"))
        for value in ("parts.inner.mine:Mine", "parts.inner.mine:other", "parts.inner.odd:Mine",
                      "parts.nowhere:Mine", "nowhere:Mine")
    }  # fmt: skip
    assert list(described.values()) == ["Of a class.", "Of the module.", "", "", ""]


def test_listing_starts_with_the_name_and_loads_nothing_slow():
    code = (
        "import sys, click.testing as t; from howrobust.cli.main import cli\n"
        "out = t.CliRunner().invoke(cli, ['list', 'methods']).output\n"
        "slow = {'torch', 'sklearn', 'scipy', 'numpy'} & set(sys.modules)\n"
        "print([line.split()[0] for line in out.splitlines()], sorted(slow))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{entry_points.names('methods')} []"

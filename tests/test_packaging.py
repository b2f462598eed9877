"""What the project declares about itself agrees with its files."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import yaml

import howrobust

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmark", "methods", "datasets", "reports")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if "==" in line
)
BY_PYTEST_ALONE = {"pytest"}  # the module of the fixture is loaded by pytest


def normal(name):
    """Return the name of a distribution in its normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported():
    """Return the top-level modules of other projects that the package imports."""
    modules = set()
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    modules.add(node.module.partition(".")[0])
    return modules - sys.stdlib_module_names - {"howrobust"}


def test_every_imported_distribution_is_declared():
    extras = [each for group in PROJECT["optional-dependencies"].values() for each in group]
    declared = {normal(re.match(r"[\w.-]+", d)[0]) for d in PROJECT["dependencies"] + extras}
    by_module = packages_distributions()
    missing = {
        module
        for module in imported() - BY_PYTEST_ALONE
        if not declared & {normal(name) for name in by_module.get(module, [module])}
    }
    assert not missing


def test_every_declared_distribution_is_pinned():
    pinned = {normal(name) for name in PINS}
    declared = {normal(re.match(r"[\w.-]+", each)[0]) for each in PROJECT["dependencies"]}
    assert declared <= pinned


def test_hooks_before_a_commit_use_the_pinned_ruff():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    wanted = {
        each
        for hook in config["repos"][0]["hooks"]
        for each in hook["additional_dependencies"]
        if each.startswith("ruff")
    }
    assert wanted == {f"ruff=={PINS['ruff']}"}


def test_the_citation_names_the_version_and_the_repository_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == howrobust.__version__
    assert citation["repository-code"] == PROJECT["urls"]["Repository"]


def test_every_issue_template_and_workflow_can_be_read():
    files = [*(ROOT / ".github").rglob("*.yml")]
    assert len(files) >= 8
    for file in files:
        assert isinstance(yaml.safe_load(file.read_text(encoding="utf-8")), dict), file

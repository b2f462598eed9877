"""The shipped suites: published settings reach the methods they belong to, and no others."""

import pytest

from howrobust.errors import BadInput
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan
from howrobust.planning.suite import load_suite, parse_suite, suite_names

GAL2016 = 'mc_dropout[preset="gal2016"]'
# Dropout rate, noise precision and length scale by data set: the authors' code.
PUBLISHED = {
    "boston": (0.05, 0.1597, 0.01), "concrete": (0.01, 0.0557, 0.01),
    "energy": (0.05, 0.427, 0.01), "kin8nm": (0.05, 192.5, 0.01),
    "naval": (0.05, 42173.5, 1.0), "power": (0.005, 0.0871, 0.01),
    "protein": (0.005, 0.0644, 0.01), "wine": (0.05, 2.958, 0.01),
    "yacht": (0.01, 0.542, 0.1),
}  # fmt: skip


def settings(plan, method):
    """Settings of a method by data set, as its jobs will have them."""
    return {
        job.cells[0].dataset.removeprefix("uci/"): job.method.build().settings()
        for job in plan.jobs
        if job.cells[0].method == method
    }


@pytest.fixture
def uci_plan(uci):
    return make_plan(RunOptions("uci", splits=1))


def test_dropout_has_the_published_rate_and_precision_on_each_set(uci_plan):
    found = settings(uci_plan, GAL2016)
    words = ("dropout", "tau", "length_scale")
    assert {name: tuple(own[w] for w in words) for name, own in found.items()} == PUBLISHED
    epochs = {name: own["epochs"] for name, own in found.items()}
    assert epochs == {name: 200 if name == "protein" else 400 for name in PUBLISHED}


def test_protein_has_a_hundred_units_with_every_network_and_the_others_fifty(uci_plan):
    for method in load_suite("uci").methods:
        units = {name: own["hidden"] for name, own in settings(uci_plan, method).items()}
        assert units == {name: (100,) if name == "protein" else (50,) for name in PUBLISHED}


def test_an_override_belongs_to_the_preset_it_names(uci):
    methods = ["mc_dropout", 'mc_dropout[preset="gal2016-10x"]', 'mc_dropout[preset="gal2018"]']
    plan = make_plan(
        RunOptions("uci", methods=methods, data=["uci/yacht", "uci/protein"], splits=1)
    )
    plain, long, grid = (settings(plan, method) for method in methods)
    assert (plain["yacht"]["tau"], plain["yacht"]["dropout"]) == (None, 0.05)
    assert plain["protein"]["hidden"] == (100,)
    assert (long["yacht"]["tau"], long["yacht"]["epochs"]) == (0.542, 4000)
    assert long["protein"]["epochs"] == 2000
    assert grid["yacht"]["tau"] == (0.25, 0.5, 0.75)
    assert grid["yacht"]["dropout"] == (0.005, 0.01, 0.05, 0.1)


def test_what_a_caller_sets_beats_an_override(uci):
    asked = 'mc_dropout[preset="gal2016",tau=9.0]'
    plan = make_plan(RunOptions("uci", methods=[asked], data=["uci/yacht"], splits=1))
    own = settings(plan, asked)["yacht"]
    assert (own["tau"], own["dropout"]) == (9.0, 0.01)


def test_the_gap_suite_is_the_uci_suite_on_other_splits(uci):
    base, gap = load_suite("uci"), load_suite("uci-gap")
    assert (gap.methods, gap.datasets, gap.override) == (
        base.methods, base.datasets, base.override,
    )  # fmt: skip
    plan = make_plan(RunOptions("uci-gap", data=["uci/yacht"]))
    assert {cell.split for cell in plan.cells} == {f"gap-{j}" for j in range(6)}
    assert settings(plan, GAL2016)["yacht"]["tau"] == 0.542


def test_a_suite_that_extends_nothing_known_is_an_error():
    with pytest.raises(BadInput, match="unknown suite 'nowhere'"):
        parse_suite('extends = "nowhere"\ntitle = "t"', "mine")


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_can_be_read(name):
    assert load_suite(name).name == name

"""The laws that span the tree: the house, generators, packaging, and what is never done."""

import ast
import tomllib

import pytest
from house import (
    FOLDERS,
    ROOT,
    arrows,
    circles,
    doors,
    floors,
    functions,
    modules,
    reachable,
    rooms,
)

# From the ground up. A room imports from lower floors alone, function-level and type-checking
# imports counted; modules that are named by text, to be imported when they are needed, too.
FLOORS = [
    {"errors", "seeds", "environment"},
    {"compiled"},
    {"distributions"},
    {"base"},
    {"methods", "stress", "datasets", "suites"},
    {"planning"},
    {"storage"},
    {"metrics", "execution"},
    {"analysis"},
    {"comparison"},
    {"reports"},
    {"_results"},
    {"_run", "_score"},
    {"_assess", "_score_file"},
    {"testing"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: k for k, names in enumerate(FLOORS) for room in names}
APART = [("storage", "planning"), ("metrics", "execution"), ("methods", "stress")]
MOST_FLOORS = 16
MOST_LINES = 350  # of a file, kernels aside
MOST_FUNCTION_LINES = 50
MOST_MODULES = 14  # of a package; in packages of plug-ins each further file is one plug-in
PLUGINS = {"methods", "datasets", "stress", "metrics"}
KERNELS = "howrobust.methods.core."

HOUSE = modules()
ARROWS = arrows(HOUSE)
ROOMS = rooms(HOUSE)


def test_every_room_has_a_floor():
    assert set(ROOMS) <= set(FLOOR)


def test_imports_point_down_the_floors():
    upward = [
        f"{name} imports {target}"
        for name, targets in ARROWS.items()
        for target in targets
        if HOUSE[name].room != HOUSE[target].room != "__init__" != HOUSE[name].room
        and FLOOR[HOUSE[target].room] >= FLOOR[HOUSE[name].room]
    ]
    assert upward == []


@pytest.mark.parametrize(("room", "other"), APART)
def test_some_rooms_of_one_floor_or_two_do_not_know_each_other(room, other):
    assert other not in ROOMS[room]
    assert room not in ROOMS[other] or FLOOR[room] < FLOOR[other]


def test_no_module_imports_itself_through_others():
    assert circles(ARROWS) == []


def test_no_room_imports_itself_through_others():
    assert circles(ROOMS) == []


def test_the_house_has_few_floors():
    assert max(floors(ROOMS).values()) <= MOST_FLOORS


def test_scoring_never_reaches_a_method():
    reached = reachable(ARROWS, "howrobust.metrics.scoring")
    assert not {name for name in reached if name.startswith("howrobust.methods")}


def test_a_worker_never_reaches_metrics_or_reports():
    reached = reachable(ARROWS, "howrobust.execution.worker")
    unknown = (
        "howrobust.metrics",
        "howrobust.analysis",
        "howrobust.reports",
        "howrobust.storage.store",
    )
    assert not {name for name in reached if name.startswith(unknown)}


def test_only_methods_import_torch():
    for module in HOUSE.values():
        if module.room != "methods":
            tops = {source.partition(".")[0] for source, _ in module.imported}
            assert "torch" not in tops, module.path


def test_a_name_that_crosses_rooms_is_exported_by_the_door_of_its_room():
    exported = doors()
    hidden = sorted(
        f"{name} takes {thing} from {source}"
        for name, module in HOUSE.items()
        for source, thing in module.imported
        if thing and source in HOUSE and module.room != HOUSE[source].room != "__init__"
        if f"howrobust.{HOUSE[source].room}" in exported and f"{source}.{thing}" not in HOUSE
        if (source, thing) not in exported[f"howrobust.{HOUSE[source].room}"]
    )
    assert hidden == []


def test_inside_the_house_an_import_names_the_defining_module():
    through = [
        f"{name} takes {thing} from the door {source}"
        for name, module in HOUSE.items()
        for source, thing in module.imported
        if source in HOUSE and HOUSE[source].is_package and thing
        if f"{source}.{thing}" not in HOUSE
        if source != "howrobust" or thing != "__version__"
    ]
    assert through == []


def test_every_room_has_a_sign():
    for module in HOUSE.values():
        if module.is_package:
            sign = ast.get_docstring(module.tree)
            assert sign, module.path
            if module.name != "howrobust":
                assert len(sign.splitlines()) == 1, module.path


def test_files_and_functions_can_be_held_in_view():
    long = [
        f"{module.path}: {lines} lines"
        for module in HOUSE.values()
        if (lines := len(module.path.read_text().splitlines())) > MOST_LINES
        and not module.name.startswith(KERNELS)
    ]
    long += [
        f"{module.path}: {function} has {lines} lines"
        for module in HOUSE.values()
        for function, lines in functions(module)
        if lines > MOST_FUNCTION_LINES and not module.name.startswith(KERNELS)
    ]
    assert long == []


def test_no_package_holds_more_modules_than_a_reader_does():
    sizes: dict[str, int] = {}
    for module in HOUSE.values():
        if not module.is_package and module.package != "howrobust":
            sizes[module.package] = sizes.get(module.package, 0) + 1
    plugins = {f"howrobust.{room}" for room in PLUGINS}
    assert {name: n for name, n in sizes.items() if n > MOST_MODULES and name not in plugins} == {}


PATHS = [module.path for module in HOUSE.values()]
GLOBAL_GENERATORS = {
    "seed",
    "rand",
    "randn",
    "random",
    "normal",
    "uniform",
    "shuffle",
    "permutation",
}


# What users bring may know no generator but the global ones: seeded, and put back, here alone.
EDGE = ROOT / "methods" / "wrappers" / "torch_regressor.py"


def outside_the_edge(path):
    """Nodes of a file, less the one function that may seed the global generators."""
    tree = ast.parse(path.read_text())
    if path == EDGE:
        tree.body = [node for node in tree.body if getattr(node, "name", "") != "own_streams"]
    return ast.walk(tree)


def test_nothing_reads_or_sets_a_global_generator():
    for path in PATHS:
        for node in outside_the_edge(path):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            called = ast.unparse(node.func)
            assert called not in ("torch.manual_seed", "torch.seed", "random.seed"), path
            assert not called.startswith("torch.default_generator."), path
            if called.startswith("np.random."):
                assert called.split(".")[2] not in GLOBAL_GENERATORS, f"{path}: {called}"
            if called in ("torch.rand", "torch.randn", "torch.randperm"):
                words = {keyword.arg for keyword in node.keywords}
                assert "generator" in words, f"{path}:{node.lineno} {called} without a generator"


def test_every_package_folder_is_listed_for_the_wheel():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = set(project["tool"]["setuptools"]["packages"])
    found = set()
    for folder, home in FOLDERS.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            parts = init.parent.relative_to(ROOT / folder).parts
            found.add(".".join([home, *parts]))
    assert found == listed


def test_nothing_untrusted_is_unpickled_or_executed():
    for path in PATHS:
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("exec", "eval", "torch.load"), f"{path}: {called}"
                if called == "np.load":
                    pickles = [k for k in node.keywords if k.arg == "allow_pickle"]
                    assert [ast.unparse(k.value) for k in pickles] == ["False"], path
                if called.startswith("pickle."):
                    # The conformance check pickles a posterior of its own making, nothing else.
                    assert path.name == "method_checks.py", path


@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX"])
def test_no_stub_is_left(word):
    assert [str(p) for p in PATHS if word in p.read_text()] == []

"""The laws that span the tree: imports, generators, packaging, and what is never done."""

import ast
import tomllib
from pathlib import Path

import pytest

from howrobust.planning import source_closure

ROOT = Path(__file__).parents[1]
HOMES = {
    "benchmark": "howrobust",
    "methods": "howrobust.methods",
    "datasets": "howrobust.datasets",
    "reports": "howrobust.reports",
}
# Layers of the harness, lowest first; a module imports from its own layer or from lower ones.
LAYERS = [
    {"errors", "interruption", "seeds", "environment", "compiled", "yardstick", "descriptions"},
    {"import_statements", "listening"},
    {"source_closure"},
    {"nodes", "streams"},
    {"quadrature"},
    {"predictive"},
    {"streamed", "known"},
    {"data", "frames"},
    {"method", "stress", "metrics", "catalogue", "cautions"},
    {"cells", "forecasting"},
    {"records"},
    {"plan"},
    {"schema", "arrays"},
    {"places", "rows"},
    {"store", "executors"},
    {"worker"},
    {"integrity"},
    {"transfer"},
    {"scheduler"},
    {"score", "statistics", "ladders", "variability", "results", "progress", "checks"},
    {"scores"},
    {"measured", "regions", "blocks", "snapshot"},
    {"card_measures", "card_stress_measures", "cards"},
    {"contest", "profiles"},
    {"card_items", "card_sentences", "variance_parts", "degradation"},
    {"card_ranking"},
    {"changes", "paces"},
    {"comparison"},
    {"harness"},
    {"own_model"},
    {"cli", "pytest_plugin", "__main__"},
]
LAYER = {name: k for k, names in enumerate(LAYERS) for name in names}


def sources():
    return [
        (home, path)
        for folder, home in HOMES.items()
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]


def imported(path, top_level_only=False):
    """Names of the howrobust modules (and of torch) that a file imports."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return found


def guarded(path):
    """Imports under `if TYPE_CHECKING`, which never run."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom):
                    found |= {inner.module} | {f"{inner.module}.{a.name}" for a in inner.names}
    return found


def test_the_harness_never_imports_torch():
    for home, path in sources():
        if home == "howrobust":
            assert not any(name.split(".")[0] == "torch" for name in imported(path)), path


def test_imports_between_the_four_folders_point_one_way():
    # catalogue loads methods and datasets, by name; results, cards, comparisons and cli reach
    # reports, and cli what fetches datasets.
    doors = {
        "results.py": {"reports"},
        "cards.py": {"reports"},
        "comparison.py": {"reports"},
        "cli.py": {"reports", "datasets"},
    }
    allowed = {
        "howrobust": set(),
        "howrobust.methods": {"methods"},
        "howrobust.datasets": {"datasets"},
        "howrobust.reports": {"reports"},
    }
    for home, path in sources():
        own = allowed[home] | doors.get(path.name, set())
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "howrobust" and len(parts) > 1 and parts[1] in (
                "methods", "datasets", "reports"
            ):  # fmt: skip
                assert parts[1] in own, f"{path} imports {name}"


def test_methods_and_datasets_import_only_contracts():
    contracts = {
        "method", "compiled", "predictive", "streamed", "known", "data", "frames", "seeds", "errors"
    }  # fmt: skip
    for home, path in sources():
        if home in ("howrobust.methods", "howrobust.datasets"):
            for name in imported(path):
                parts = name.split(".")
                if parts[0] == "howrobust" and len(parts) > 1:
                    assert parts[1] in contracts | {"methods", "datasets"}, f"{path}: {name}"


def test_modules_of_the_harness_import_only_lower_layers():
    for home, path in sources():
        if home != "howrobust" or path.name == "__init__.py":
            continue
        relative = path.relative_to(ROOT / "benchmark").parts
        own = relative[0].removesuffix(".py")
        if own == "suites":
            continue
        for name in imported(path, top_level_only=True) - guarded(path):
            parts = name.split(".")
            if parts[0] == "howrobust" and len(parts) > 1 and parts[1] in LAYER:
                assert LAYER[parts[1]] <= LAYER[own], f"{path} imports {name}"


def test_running_never_sees_metrics_and_scoring_never_sees_methods():
    worker = imported(ROOT / "benchmark" / "worker.py")
    assert not any(name.startswith("howrobust.metrics") for name in worker)
    score = imported(ROOT / "benchmark" / "score.py")
    assert not any(
        name.startswith(("howrobust.base.method.", "howrobust.methods")) for name in score
    )


def test_a_worker_reaches_neither_plan_nor_store_nor_plug_ins_nor_what_reads_results():
    reached = {
        name.removeprefix("howrobust.")
        for name in source_closure.sources("howrobust.execution.worker").files
    }
    rooms = {name.partition(".")[0] for name in reached}
    assert "forecasting" in rooms
    assert not rooms & {
        "plan",
        "store",
        "scheduler",
        "score",
        "scores",
        "metrics",
        "cli",
        "reports",
    }
    assert not rooms & {"methods", "datasets"}
    assert {name for name in reached if name.startswith("stress")} == {"stress", "stress.contract"}


def test_scoring_and_analysis_do_not_load_the_worker():
    for module in ("score", "scores", "reports.summary"):
        reached = source_closure.sources(f"howrobust.{module}").files
        assert (
            not {"howrobust.execution.worker", "howrobust.execution.scheduler"} & reached.keys()
        ), module


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
    for _, path in sources():
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
    for folder, home in HOMES.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            parts = init.parent.relative_to(ROOT / folder).parts
            found.add(".".join([home, *parts]))
    assert found == listed


def test_nothing_untrusted_is_unpickled_or_executed():
    for _, path in sources():
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
                    assert path.name == "checks.py", path


@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX"])
def test_no_stub_is_left(word):
    assert [str(p) for _, p in sources() if word in p.read_text()] == []

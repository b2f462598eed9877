"""The house as its own imports draw it: modules, rooms and the arrows between them."""

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "benchmark": "howrobust",
    "methods": "howrobust.methods",
    "datasets": "howrobust.datasets",
    "reports": "howrobust.reports",
}
NAMED = re.compile(
    r"howrobust(\.\w+){2,}"
)  # a module named by text; groups of entry points have one dot
HASHED = {"howrobust.execution.worker"}  # a key hashes its source; nothing imports it by name


@dataclass
class Module:
    """A source file of the package, and the names that it imports, wherever in it they stand."""

    name: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"))

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def package(self) -> str:
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @property
    def room(self) -> str:
        """The part of the name that stands on a floor: a package or module of the top level."""
        return [*self.name.split("."), "__init__"][1]

    @cached_property
    def imported(self) -> list[tuple[str, str]]:
        """(module, name) of each import, function-level and type-checking imports included."""
        pairs = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                pairs += [(alias.name, "") for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}: relative import"
                pairs += [(node.module or "", alias.name) for alias in node.names]
            elif isinstance(node, ast.Constant) and _is_imported(str(node.value)):
                pairs.append((str(node.value), ""))
        return pairs


def _is_imported(text: str) -> bool:
    return NAMED.fullmatch(text) is not None and text not in HASHED


def modules() -> dict[str, Module]:
    """Return every module of the package by its dotted name."""
    found = {}
    for folder, home in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join([home, *parts]).removesuffix(".__init__")
            found[name] = Module(name, path)
    return found


def arrows(house: dict[str, Module]) -> dict[str, set[str]]:
    """Return which modules of the house each module imports."""
    return {
        name: {
            target
            for source, thing in module.imported
            for target in (f"{source}.{thing}" if f"{source}.{thing}" in house else source,)
            if target in house and target != name
        }
        for name, module in house.items()
    }


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return the modules that a module reaches through any number of imports."""
    seen: set[str] = set()
    left = [start]
    while left:
        for target in graph[left.pop()] - seen:
            seen.add(target)
            left.append(target)
    return seen


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Return the nodes that reach themselves."""
    return sorted(name for name in graph if name in reachable(graph, name))


def rooms(house: dict[str, Module]) -> dict[str, set[str]]:
    """Return which rooms each room imports; the face of the package is no room."""
    graph: dict[str, set[str]] = {}
    for name, targets in arrows(house).items():
        own = house[name].room
        if own == "__init__":
            continue
        here = graph.setdefault(own, set())
        here |= {house[target].room for target in targets} - {own, "__init__"}
    return graph


def floors(graph: dict[str, set[str]]) -> dict[str, int]:
    """Return the floor of each room: one above the highest that it imports; no circles allowed."""
    height: dict[str, int] = {}

    def floor(room: str) -> int:
        if room not in height:
            height[room] = 1 + max((floor(below) for below in graph[room]), default=0)
        return height[room]

    for room in graph:
        floor(room)
    return height


def doors() -> dict[str, set[tuple[str, str]]]:
    """Return what the door of each room exports: (defining module, name)."""
    exported: dict[str, set[tuple[str, str]]] = {}
    for folder, home in FOLDERS.items():
        for stub in sorted(
            (ROOT / folder).glob("*/__init__.pyi" if folder == "benchmark" else "__init__.pyi")
        ):
            package = home if folder != "benchmark" else f"{home}.{stub.parent.name}"
            exported[package] = {
                (f"{package}.{node.module}", alias.name)
                for node in ast.parse(stub.read_text()).body
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            }
    return exported


def functions(module: Module) -> list[tuple[str, int]]:
    """Return the name and the number of lines of each function's body, docstring left out."""
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            start = first.end_lineno if documented else first.lineno - 1
            found.append((node.name, (node.end_lineno or 0) - (start or 0)))
    return found


def sign(module: Module) -> str:
    """Return the first line of a module's docstring."""
    return re.split(r"\n", ast.get_docstring(module.tree) or "")[0]

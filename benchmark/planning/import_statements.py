"""The names that a Python file imports, read from its source: nothing is imported or looked up."""

import ast
from collections.abc import Iterable, Iterator

IMPORTERS = ("import_module", "__import__")


def imported(tree: ast.Module, package: str) -> tuple[set[str], dict[str, str]]:
    """Return the dotted names that a file imports, and what each local name stands for.

    Parameters
    ----------
    tree : ast.Module
        The parsed file.
    package : str
        Full name of the package that relative imports start from.

    Returns
    -------
    dotted : set of str
        ``a.b`` for ``from a import b``, whether b is a module or a name in one, and for
        ``import_module("a.b")``.
    bound : dict of str to str
        The dotted name of each local name.
    """
    dotted: set[str] = set()
    bound: dict[str, str] = {}
    for node in _statements(tree.body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                dotted.add(alias.name)
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                bound[alias.asname or whole] = whole
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute(node, package)
            for alias in node.names:
                dotted.add(f"{origin}.{alias.name}")
                bound[alias.asname or alias.name] = f"{origin}.{alias.name}"
    return dotted | _by_text(tree, package), bound


def read_off(tree: ast.Module, packages: dict[str, str]) -> set[str]:
    """Return the dotted names that a file reads as attributes of packages.

    Parameters
    ----------
    tree : ast.Module
        The parsed file.
    packages : dict of str to str
        Full names of packages, by the local names that the file gives them.

    Returns
    -------
    set of str
        Names such as ``package.module.function``.
    """
    chains = (ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    parts = (chain.partition(".") for chain in chains)
    return {f"{packages[first]}.{rest}" for first, _, rest in parts if first in packages}


def names_of_stub(package: str, content: bytes) -> dict[str, str]:
    """Return the module that each name of a package's stub comes from.

    Parameters
    ----------
    package : str
        Full name of the package.
    content : bytes
        The content of its ``__init__.pyi``.

    Returns
    -------
    dict of str to str
        The full name of a module, by name.
    """
    names = {}
    for node in ast.parse(content).body:
        if isinstance(node, ast.ImportFrom):
            origin = _absolute(node, package)
            for alias in node.names:
                # `from . import part` is a module, `from .part import Name` a name in one.
                home = origin if node.module else f"{origin}.{alias.name}"
                names[alias.asname or alias.name] = home
    return names


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the statements that may run, at any depth: not those for type checkers alone."""
    for node in body:
        yield node
        for part in ("body", "handlers", "cases", "orelse", "finalbody"):
            inner = getattr(node, part, None)
            if isinstance(inner, list) and not (part == "body" and _is_for_types(node)):
                yield from _statements(inner)


def _is_for_types(node: ast.AST) -> bool:
    """Whether this is ``if TYPE_CHECKING``."""
    names = ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    return isinstance(node, ast.If) and ast.unparse(node.test) in names


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """Return the full name of the module that a statement imports from."""
    if not node.level:
        return node.module or ""
    base = package.split(".")
    base = base[: len(base) - node.level + 1]
    return ".".join([*base, *filter(None, [node.module])])


def _by_text(tree: ast.Module, package: str) -> set[str]:
    """Return the modules that a file imports by a constant text."""
    dotted = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _last_name(node.func) not in IMPORTERS:
            continue
        name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if isinstance(name, str):
            level = len(name) - len(name.lstrip("."))
            dotted.add(_absolute(ast.ImportFrom(name[level:] or None, [], level), package))
    return dotted


def _last_name(node: ast.expr) -> str:
    """Return c of ``a.b.c``, or of ``c`` alone."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""

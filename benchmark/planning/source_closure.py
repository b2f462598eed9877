"""The source that a module depends on: its file and every file that it imports, at any depth.

Imports are read from the source with `ast`; nothing is imported. Imports inside functions count,
those under ``if TYPE_CHECKING`` do not. The ``__init__`` of each parent package belongs to the
closure, and so does what it imports. Local files (neither the standard library's nor those of an
installed distribution; an editable install's are local) are followed and hashed by content.
An installed distribution counts by its name and version. It is not read, unless it offers plug-ins
of howrobust or depends on it: then its imports are followed, since they lead back here.

A package whose ``__init__.py`` calls ``lazy_loader.attach_stub`` is lazy: a name taken from
it is looked up in its ``__init__.pyi`` and leads to the one module that the name comes from.

Not followed: a module whose name is computed (an entry point, ``import_module(f"...")``; a
constant text is followed), names that a package's own ``__getattr__`` resolves, modules that do not
exist when the closure is taken, and files that are read rather than imported.
"""

import ast
import hashlib
import importlib.machinery
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

from howrobust.errors import BadInput
from howrobust.planning.entry_points import module_of
from howrobust.planning.import_statements import imported, names_of_stub, read_off

STANDARD = sysconfig.get_path("stdlib")
HOME = __name__.partition(".")[0]
INSTALLED_IN = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Sources:
    """What a result was computed by.

    Parameters
    ----------
    files : dict of str to str
        SHA-256 of each local file, by the name of its module.
    packages : dict of str to str
        Version of each installed distribution, by its name.
    """

    files: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)

    def __or__(self, other: "Sources") -> "Sources":
        """Return the sources of both."""
        return Sources(self.files | other.files, self.packages | other.packages)

    @property
    def sha256(self) -> str:
        """Hash of all names, contents and versions: the same in any folder."""
        parts = [sorted(self.files.items()), sorted(self.packages.items())]
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def changed(self) -> str:
        """Return the first file whose content has changed.

        Only files are compared: a worker has its packages loaded when it begins.

        Returns
        -------
        str
            The path of the file, or its module if it is gone; empty where nothing has changed.
        """
        for module, sha256 in self.files.items():
            file = file_of(module)
            if file is None or not file.is_file():
                return f"the module {module}"
            if _sha256(file.read_bytes()) != sha256:
                return str(file)
        return ""


def sources(*modules: str) -> Sources:
    """Return the files and packages that modules depend on.

    Parameters
    ----------
    *modules : str
        Full names, such as ``howrobust.methods.oracle``. They need not be imported.

    Returns
    -------
    Sources
        Files and packages.

    Raises
    ------
    BadInput
        Where there is no such module, or a file is not Python.
    """
    for module in modules:
        if _spec(module) is None:
            raise BadInput(
                f"the source of the module {module} is needed to know when it changes, and "
                "cannot be found; put it in a file that can be imported"
            )
    files: dict[str, str] = {}
    packages: dict[str, str] = {}
    waiting = [ancestor for module in modules for ancestor in _lineage(module)]
    seen = set(waiting)
    while waiting:
        module = waiting.pop()
        top = module.partition(".")[0]
        if _is_standard(top):
            continue
        distribution = _distribution(top)
        if distribution is not None:
            name, version = _identity(distribution)
            packages[name] = version
        file = file_of(module)
        if file is None or _is_foreign(top):
            continue
        content = file.read_bytes()
        sha256 = _sha256(content)
        if distribution is None:
            files[module] = sha256
        if file.suffix == ".py":
            for needed in _needed(module, sha256, content, tuple(sys.path)) - seen:
                seen.add(needed)
                waiting.append(needed)
    return Sources(files, packages)


def closure(*modules: str) -> list[Path]:
    """Return the local files that modules depend on.

    Parameters
    ----------
    *modules : str
        Full names.

    Returns
    -------
    list of Path
        The files, in the order of their modules' names.
    """
    names = sorted(sources(*modules).files)
    return [file for name in names if (file := file_of(name)) is not None]


def plugin_sources(group: str, name: str, plugin: object) -> Sources:
    """Return the files and packages that a data set or a stress depends on.

    Parameters
    ----------
    group : str
        Its group of entry points.
    name : str
        The name of its entry point, or ``package.module:Name``.
    plugin : object
        The instance.

    Returns
    -------
    Sources
        Those of the module of its class, and of the module that its name refers to.
    """
    module = type(plugin).__module__
    named = module_of(group, name)
    return sources(module) if named is None else sources(module, named)


def file_of(module: str) -> Path | None:
    """Return the file of a module, without importing it.

    Parameters
    ----------
    module : str
        Full name.

    Returns
    -------
    Path or None
        The file; None for a package without one and for an unknown module.
    """
    spec = _spec(module)
    if spec is None or not spec.has_location or spec.origin is None:
        return None
    return Path(spec.origin)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _lineage(module: str) -> list[str]:
    """Return the packages that a module lies in, and the module."""
    parts = module.split(".")
    return [".".join(parts[: k + 1]) for k in range(len(parts))]


def _spec(module: str) -> importlib.machinery.ModuleSpec | None:
    """Find a module as the interpreter does; a module without a file by its spec in memory."""
    if module == "__main__":
        return None
    loaded = sys.modules.get(module)
    return _search(module, tuple(sys.path)) or (loaded.__spec__ if loaded else None)


@cache
def _search(module: str, path: tuple[str, ...]) -> importlib.machinery.ModuleSpec | None:
    """Ask the finders for one level at a time: `find_spec` for ``a.b`` would import ``a``.

    ``path`` is `sys.path`, an argument because the cached answer depends on it.
    """
    parent, dot, _ = module.rpartition(".")
    places: list[str] | None = None
    if dot:
        above = _search(parent, path)
        if above is None or above.submodule_search_locations is None:
            return None
        places = list(above.submodule_search_locations)
    specs = (finder.find_spec(module, places) for finder in sys.meta_path)
    return next((spec for spec in specs if spec is not None), None)


def _is_standard(top: str) -> bool:
    """Whether a top-level module is the standard library's, not a user's of the same name."""
    if top not in sys.stdlib_module_names:
        return False
    file = file_of(top)
    return file is None or file.is_relative_to(STANDARD)


def _distribution(top: str) -> Distribution | None:
    """Return the installed distribution of a top-level module; None for howrobust itself."""
    spec = None if top == HOME else _spec(top)
    if spec is None:
        return None
    package = next(iter(spec.submodule_search_locations or []), spec.origin)
    return _installed(str(Path(package).parent)).get(top) if package else None


@cache
def _installed(folder: str) -> dict[str, Distribution]:
    """Return what is installed in a folder, by top-level module.

    A distribution lists its files in RECORD. An older one has none and names its top-level modules,
    which counts only where packages are installed: a source tree has the same list.
    """
    owners: dict[str, Distribution] = {}
    for distribution in distributions(path=[folder]):
        record = distribution.read_text("RECORD")
        if record is not None:
            tops = {line.partition(",")[0].partition("/")[0] for line in record.splitlines()}
            tops = {top.partition(".")[0] for top in tops}
        elif Path(folder).name in INSTALLED_IN:
            tops = set((distribution.read_text("top_level.txt") or "").split())
        else:
            tops = set()
        for top in tops:
            owners.setdefault(top, distribution)
    return owners


def _is_foreign(top: str) -> bool:
    """Whether a top-level module is installed and leads back to no module of howrobust."""
    distribution = _distribution(top)
    return distribution is not None and not _plugs_in(distribution)


@cache
def _plugs_in(distribution: Distribution) -> bool:
    """Whether a distribution offers plug-ins of howrobust, or depends on it."""
    offers = any(entry.group.startswith(f"{HOME}.") for entry in distribution.entry_points)
    return offers or any(need.startswith(HOME) for need in distribution.requires or [])


@cache
def _identity(distribution: Distribution) -> tuple[str, str]:
    """Return name and version; cached, since each access reads a file."""
    return distribution.name, distribution.version


_parsed: dict[tuple[str, str, tuple[str, ...]], frozenset[str]] = {}


def _needed(module: str, sha256: str, content: bytes, path: tuple[str, ...]) -> frozenset[str]:
    """Return the modules that a file imports, with their packages; a content is parsed once."""
    key = (module, sha256, path)
    if key not in _parsed:
        try:
            tree = ast.parse(content)
        except (SyntaxError, ValueError) as error:
            raise BadInput(f"the module {module} cannot be read as Python: {error}") from None
        dotted, bound = imported(tree, _package(module))
        packages = {name: whole for name, whole in bound.items() if _is_local_package(whole)}
        if packages:
            dotted |= read_off(tree, packages)
        _parsed[key] = frozenset(each for name in dotted for each in _modules_on(name))
    return _parsed[key]


def _package(module: str) -> str:
    """Return the package that relative imports of a module start from."""
    spec = _spec(module)
    is_package = spec is not None and spec.submodule_search_locations is not None
    return module if is_package else module.rpartition(".")[0]


def _is_local_package(name: str) -> bool:
    """Whether a dotted name is a package whose modules may be read off it."""
    top = name.partition(".")[0]
    if _is_standard(top) or _is_foreign(top):
        return False
    spec = _spec(name)
    return spec is not None and spec.submodule_search_locations is not None


def _modules_on(dotted: str) -> Iterator[str]:
    """Yield the modules on the way along a dotted name: its packages, and what it leads to."""
    current, *rest = dotted.split(".")
    yield current
    if _is_standard(current) or _is_foreign(current):
        return
    for name in rest:
        door = _door(current)
        if name == "*":
            yield from door.values()
            return
        if name in door and door[name] != f"{current}.{name}":
            yield from _lineage(door[name])
            return
        if _spec(f"{current}.{name}") is None:  # a name in a module
            return
        current = f"{current}.{name}"
        yield current


def _door(package: str) -> dict[str, str]:
    """Return the modules that the names of a lazy package come from; none for other packages."""
    init = file_of(package)
    if init is None or init.name != "__init__.py" or b"attach_stub(" not in init.read_bytes():
        return {}
    stub = init.with_suffix(".pyi")
    if not stub.is_file():
        raise BadInput(f"{init} attaches a stub, and there is no {stub.name} beside it")
    return names_of_stub(package, stub.read_bytes())

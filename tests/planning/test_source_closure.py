"""What a key hashes: the files that imports lead to, and no others."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from howrobust.errors import BadInput
from howrobust.execution import worker
from howrobust.planning import entry_points
from howrobust.planning.method_spec import WORKER
from howrobust.planning.source_closure import closure, plugin_sources, sources

ROOT = Path(__file__).parents[2]
FILES = {
    "house/__init__.py": "",
    "house/storage/__init__.py": (
        "import lazy_loader\n"
        "__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)\n"
    ),
    "house/storage/__init__.pyi": (
        "from . import schema as schema\n"
        "from .store import Store as Store\n"
        "from .arrays import read as read, write as write\n"
    ),
    "house/storage/store.py": "from .arrays import read\nclass Store: ...\n",
    "house/storage/arrays.py": "def read(): ...\ndef write(): ...\n",
    "house/storage/schema.py": "",
    "house/storage/check.py": "",
    "house/plain/__init__.py": "from house.plain.first import first\n",
    "house/plain/first.py": "first = 1\n",
    "house/plain/second.py": "",
    "house/deep/__init__.py": "",
    "house/deep/down/__init__.py": "",
    "house/deep/down/below.py": "from ...plain import second\n",
}


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A made-up package on the path; the function writes a module of it and returns its closure."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)

    def reached(text):
        (tmp_path / "house" / "user.py").write_text(text)
        return set(sources("house.user").files) - {"house", "house.user"}

    return reached


PLAIN = {"house.plain", "house.plain.first"}
DOOR = {"house.storage"}
STORE = DOOR | {"house.storage.store", "house.storage.arrays"}
DEEP = {"house.deep", "house.deep.down", "house.deep.down.below"}
REACHED = {
    "import house.plain.second": PLAIN | {"house.plain.second"},
    "from house.plain import second": PLAIN | {"house.plain.second"},
    "from house.plain import first": PLAIN,
    "from .plain import second as other": PLAIN | {"house.plain.second"},
    "from . import plain\nprint(plain.second.x)": PLAIN | {"house.plain.second"},
    "def late():\n    from house.plain import second": PLAIN | {"house.plain.second"},
    "try:\n    import nowhere\nexcept ImportError:\n    import house.plain": PLAIN,
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import house.plain": set(),
    "import typing\nif typing.TYPE_CHECKING:\n    import a\nelse:\n    import house.plain": PLAIN,
    "from house.deep.down import below": DEEP | PLAIN | {"house.plain.second"},
    "import importlib\nimportlib.import_module('house.plain')": PLAIN,
    "import importlib\nimportlib.import_module('.plain', __package__)": PLAIN,
    "from importlib import import_module\nimport_module(f'house.{1}')": set(),
    # Through a lazy door a name leads to its own module alone.
    "from house.storage import Store": STORE,
    "from house.storage import Store as Kept": STORE,
    "from house.storage import write": DOOR | {"house.storage.arrays"},
    "from house.storage import schema": DOOR | {"house.storage.schema"},
    "from house.storage import check": DOOR | {"house.storage.check"},
    "import house.storage": DOOR,
    "import house\nhouse.storage.Store()": STORE,
    "import house.storage as kept\nkept.write()": DOOR | {"house.storage.arrays"},
    "from house import storage\nstorage.Store().get()": STORE,
    "from house.storage import *": STORE | {"house.storage.schema"},
}


@pytest.mark.parametrize("text", REACHED)
def test_an_import_leads_to_the_modules_it_would_load(text, house):
    assert house(text) == REACHED[text]


def test_a_file_that_changes_changes_the_hash_and_is_named(house, tmp_path):
    house("from house.storage import Store")
    before = sources("house.user")
    assert before.changed() == ""
    (tmp_path / "house/storage/check.py").write_text("other = 1\n")
    assert before.changed() == ""
    assert sources("house.user") == before
    arrays = tmp_path / "house/storage/arrays.py"
    arrays.write_text("def read(): return 1\n")
    assert before.changed() == str(arrays)
    assert sources("house.user").sha256 != before.sha256
    arrays.unlink()
    assert before.changed() == "the module house.storage.arrays"


def test_the_standard_library_counts_for_nothing_and_an_installed_package_by_its_version(house):
    house("import json, os.path\nimport numpy as np\nfrom sklearn.base import clone\nnp.ones(1)")
    read = sources("house.user")
    assert set(read.files) == {"house", "house.user"}
    assert set(read.packages) == {"numpy", "scikit-learn"}


def test_a_users_module_may_have_the_name_of_one_of_the_standard_library(house, tmp_path):
    (tmp_path / "statistics.py").write_text("mean = 1\n")
    assert house("import statistics") == {"statistics"}


def install(folder, name, text, entries=""):
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (folder / f"{name}.py").write_text(text)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text(f"{name}.py,,\n")
    (info / "entry_points.txt").write_text(entries)


def test_an_installed_plug_in_leads_back_to_howrobust_and_any_other_package_nowhere(
    tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    text = "from howrobust.seeds import derive\n"
    install(tmp_path, "some_plugin", text, "[howrobust.methods]\nsome = some_plugin:Some\n")
    install(tmp_path, "some_package", text)
    plugin, package = sources("some_plugin"), sources("some_package")
    assert plugin.packages["some_plugin"] == "1.0"
    assert {"howrobust", "howrobust.seeds"} <= plugin.files.keys()
    assert "some_plugin" not in plugin.files
    assert (package.files, package.packages) == ({}, {"some_package": "1.0"})


def test_a_module_that_is_not_there_or_no_python_is_bad_input(house):
    with pytest.raises(BadInput, match=r"module no\.such"):
        sources("no.such")
    with pytest.raises(BadInput, match="cannot be read as Python"):
        house("def (")


def test_the_key_begins_with_the_module_of_the_worker():
    assert worker.fit_and_forecast.__module__ == worker.run_job.__module__ == WORKER


def test_what_a_function_returns_counts_with_the_module_that_its_name_leads_to():
    source = entry_points.load("datasets", "diabetes")()
    read = plugin_sources("datasets", "diabetes", source)
    assert {"howrobust.datasets.embedded", "howrobust.datasets.tables.rows"} <= read.files.keys()


# In a copy of the package: what is printed are the files of a key, those whose change left it as it
# was, and those of reports, the command line, scoring and analysis whose change did not.
TOUCH = """
from pathlib import Path
import howrobust
from howrobust.planning.source_closure import closure, sources

roots = ["howrobust.execution.worker", "howrobust.methods.oracle", "howrobust.datasets.synthetic",
         "howrobust.stress.input_noise"]
home = Path(howrobust.__file__).parent
files = closure(*roots)
key = sources(*roots).sha256

def changes(file):
    content = file.read_bytes()
    file.write_bytes(content + b"# touched\\n")
    changed = sources(*roots).sha256 != key
    file.write_bytes(content)
    assert sources(*roots).sha256 == key
    return changed

print(len(files), all(file.is_relative_to(home) for file in files))
print(*[file for file in files if not changes(file)])
outside = sorted(set(home.rglob("*.py")) - set(files))
print(*[file for file in outside if changes(file)])
print(*[file.relative_to(home) for file in outside])
"""


def test_each_file_of_the_closure_changes_the_key_and_no_other_file_does(tmp_path):
    home = tmp_path / "howrobust"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "benchmark", home, ignore=ignored)
    for folder in ("methods", "datasets", "reports"):
        shutil.copytree(ROOT / folder, home / folder, ignore=ignored)
    done = subprocess.run(
        [sys.executable, "-c", TOUCH], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    count, unmoved, moved, outside = done.stdout.splitlines()
    number, copied = count.split()
    assert int(number) > 40
    assert copied == "True"
    assert unmoved == moved == ""
    files = outside.split()
    for known in ("cli/run.py", "metrics/scoring.py", "storage/store.py", "planning/plan.py",
                  "planning/fits.py", "planning/options.py", "execution/scheduler.py",
                  "reports/page.py", "metrics/proper.py"):  # fmt: skip
        assert known in files


def test_a_closure_is_a_list_of_files():
    files = closure("howrobust.seeds")
    assert [file.name for file in files] == ["__init__.py", "seeds.py"]

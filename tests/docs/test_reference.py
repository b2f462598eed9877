"""Reference pages name all there is; what is generated is tested by building them."""

import re
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from howrobust.planning.suite import Suite
from howrobust.storage.store import Store

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def words(page):
    return set(re.findall(r"`(\w+)`", (REFERENCE / page).read_text(encoding="utf-8")))


def test_every_key_of_a_suite_file_is_described():
    keys = re.findall(r"^\| `(\w+)` \|", (REFERENCE / "suites.md").read_text(), re.MULTILINE)
    assert set(keys) == {*Suite.__struct_fields__} - {"name"} | {"extends"}


def test_every_variable_of_the_environment_is_described():
    read = set()
    for folder in ("benchmark", "methods", "datasets", "reports"):
        for file in (ROOT / folder).rglob("*.py"):
            read |= set(re.findall(r"\bHOWROBUST_\w+", file.read_text(encoding="utf-8")))
    assert read == {word for word in words("environment.md") if word.startswith("HOWROBUST_")}


def test_the_tables_of_a_store_are_named(tmp_path):
    with closing(Store(tmp_path)):
        pass
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'store.sqlite'}")
    assert set(sa.inspect(engine).get_table_names()) <= words("store.md")
    engine.dispose()

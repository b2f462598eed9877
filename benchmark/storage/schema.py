"""The schema of a store: its tables, the same in SQLite and PostgreSQL, and its version."""

import sqlalchemy as sa

from howrobust.errors import BadInput, Damaged

VERSION = 6
MAKING = int.from_bytes(b"tables", "big")  # an advisory lock

metadata = sa.MetaData()
schema_table = sa.Table("schema", metadata, sa.Column("version", sa.Integer, nullable=False))
run_table = sa.Table(
    "run",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("suite", sa.Text, nullable=False),
    sa.Column("seed", sa.Text, nullable=False),
    sa.Column("started", sa.BigInteger, nullable=False),  # ns since 1970
    sa.Column("levels", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("methods", sa.Text, nullable=False),
    sa.Column("stresses", sa.Text, nullable=False),
    sa.Column("command", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("took_s", sa.Float, nullable=False, server_default="0"),
    sa.Column("reused", sa.Integer, nullable=False, server_default="0"),
    sa.Column("metrics", sa.Text, nullable=False, server_default="[]"),
)
planned_table = sa.Table(
    "planned",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
)
cell_table = sa.Table(
    "cell",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("split", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("train_stress", sa.Text, nullable=False),
    sa.Column("level", sa.Float, nullable=False),
    sa.Column("repeat", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),  # planned, ok or failed
    sa.Column("held", sa.Text, nullable=False),  # [[stress, level, code of the stress], ...]
    sa.Column("lost", sa.Text, nullable=False),  # [[stress, level, reason], ...]
    sa.Column("testset", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("traceback", sa.Text, nullable=False),
)
record_table = sa.Table(
    "record",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("stress", sa.Text, primary_key=True),
    sa.Column("level", sa.Float, primary_key=True),
    sa.Column("metric", sa.Text, primary_key=True),
    sa.Column("feature", sa.Text, primary_key=True),  # "" where it is of all features
    sa.Column("segment", sa.Text, primary_key=True),  # "" where it is of all rows
    sa.Column("value", sa.Float),
    sa.Column("status", sa.Text, nullable=False),  # ok, undefined or failed
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),  # hash of the metric's source
)
baseline_table = sa.Table(
    "baseline",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("saved", sa.BigInteger, nullable=False),  # ns since 1970
    sa.Column("text", sa.Text, nullable=False),
)
array_table = sa.Table(  # empty where a folder keeps the arrays as files
    "array",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # forecasts/<key>.npz or testsets/<sha>.npz
    sa.Column("bytes", sa.LargeBinary, nullable=False),
)


def version_of(connection: sa.Connection) -> int | None:
    """Return the version of the schema in a database.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction that reads.

    Returns
    -------
    int or None
        The version; None where there are no tables of a store.

    Raises
    ------
    Damaged
        Where the database does not state one version.
    """
    if not sa.inspect(connection).has_table(schema_table.name):
        return None
    versions = connection.execute(sa.select(schema_table.c.version)).scalars().all()
    if len(versions) != 1 or not isinstance(versions[0], int):
        raise Damaged(
            f"the store states the versions {versions} instead of one; "
            "`howrobust store export` saves what can be read"
        )
    return int(versions[0])


def make_tables(connection: sa.Connection) -> None:
    """Make the tables, unless another process has made them meanwhile.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A transaction that writes.

    Raises
    ------
    BadInput
        Where another program has tables of these names.
    """
    if connection.dialect.name == "postgresql":  # two processes at once would both make them
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MAKING)))
    if version_of(connection) is not None:
        return
    others = sorted({*sa.inspect(connection).get_table_names()} & metadata.tables.keys())
    if others:
        raise BadInput(
            f"the database has tables of another program: {', '.join(others)}; "
            "give an empty database"
        )
    metadata.create_all(connection)
    connection.execute(sa.insert(schema_table).values(version=VERSION))

"""The store's versions: numbered SQL files, each applied once and in a transaction of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from aimsight.configs.errors import StoreError, StoreVersionError
from aimsight.metrics.engines.sql import quote_ident

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

FOLDER = Path(__file__).with_name("migrations")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from ``version - 1`` to ``version``."""

    version: int
    name: str
    sql: str


def shipped() -> tuple[Migration, ...]:
    """The migrations of this version of aimsight, in order."""
    paths = sorted(FOLDER.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return tuple(Migration(int(path.name[:4]), path.stem[5:], path.read_text("utf-8")) for path in paths)


def version_of(connection: duckdb.DuckDBPyConnection, place: str) -> int:
    """The version of an open store; 0 for an empty database.

    Raises
    ------
    StoreError
        When the database holds tables of something else.
    """
    try:
        # fetchall, because a result that is not read to its end blocks the next relation of the connection
        found = connection.execute("SELECT max(version) FROM schema_version").fetchall()
    except duckdb.CatalogException:
        if connection.execute("SELECT count(*) FROM information_schema.tables").fetchall()[0][0]:
            raise StoreError(f"{place} is a DuckDB database but no store of aimsight; give another path") from None
        return 0
    return int(found[0][0] or 0)


def refuse_newer(version: int, migrations: Sequence[Migration], place: str) -> None:
    """Stop before a store that this version of aimsight does not know.

    Raises
    ------
    StoreVersionError
        When the store is newer than the last migration.
    """
    known = migrations[-1].version
    if version > known:
        raise StoreVersionError(
            f"{place} has store version {version}, this aimsight knows versions up to {known}; "
            "install the newer aimsight that wrote it"
        )


COLUMNS = "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal"
TABLE_COLUMNS = COLUMNS + " AND table_name IN (SELECT table_name FROM duckdb_tables())"
VIEWS = "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal"


@cache
def table_columns(migrations: tuple[Migration, ...]) -> frozenset[tuple[str, str]]:
    """(table, column) pairs of a store after these migrations."""
    with _in_memory(migrations) as connection:
        return frozenset(connection.execute(TABLE_COLUMNS).fetchall())


def changed_views(found: dict[str, str], migrations: tuple[Migration, ...]) -> list[str]:
    """The views whose definition ``found`` in a store is not the one that these migrations make.

    Versions of DuckDB write the same view with other parentheses, so a text that differs is read and written again.
    """
    with _in_memory(migrations) as connection:
        expected: dict[str, str] = dict(connection.execute(VIEWS).fetchall())
        return [
            view
            for view, definition in expected.items()
            if found.get(view) != definition
            and _again(connection, view, found.get(view, "")) != _again(connection, view, definition)
        ]


def _again(connection: duckdb.DuckDBPyConnection, view: str, definition: str) -> str | None:
    """The definition as this version of DuckDB writes it; ``None`` when it is none of that view."""
    connection.execute(f"DROP VIEW IF EXISTS {quote_ident(view)}")
    try:
        connection.execute(definition)
    except duckdb.Error:
        return None
    return dict(connection.execute(VIEWS).fetchall()).get(view)


def _in_memory(migrations: tuple[Migration, ...]) -> duckdb.DuckDBPyConnection:
    """A store without rows and without a file, that reaches nothing outside."""
    connection = duckdb.connect(":memory:", config={"enable_external_access": "false"})
    for migration in migrations:
        for statement in connection.extract_statements(migration.sql):
            connection.execute(statement)
    return connection


def apply(
    connection: duckdb.DuckDBPyConnection,
    migrations: Sequence[Migration],
    now: datetime,
    found: Callable[[duckdb.DuckDBPyConnection], None],
) -> None:
    """Bring an open store to the last version; ``found`` runs inside the transaction that makes the first version.

    A new store is made in one transaction, so that it is there as a whole or not at all. An older one is brought up
    step by step: a failed step is rolled back, so that the store stays at the version before it.
    """
    at = version_of(connection, "the store")
    steps = [migration for migration in migrations if migration.version > at]
    for together in [steps] if at == 0 else [[step] for step in steps]:
        connection.execute("BEGIN TRANSACTION")
        try:
            for step in together:
                for statement in connection.extract_statements(step.sql):
                    connection.execute(statement)
                connection.execute("INSERT INTO schema_version VALUES (?, ?, ?)", [step.version, step.name, now])
            if at == 0:
                found(connection)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

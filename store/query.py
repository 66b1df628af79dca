"""Questions in SQL: one SELECT over the views, read-only, with a limit of time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import duckdb

from aimsight.configs.errors import StoreError

if TYPE_CHECKING:
    import pyarrow as pa

    from aimsight.store.database import Store


def query(store: Store, sql: str, timeout: float = 60.0) -> pa.Table:
    """The result of one SELECT, complete, as an Arrow table.

    Raises
    ------
    StoreError
        When the text is not exactly one SELECT, cannot be run, or takes longer than ``timeout`` seconds.
    """
    _check(sql)
    with store.read() as reader:
        timer = threading.Timer(timeout, reader.interrupt)
        timer.daemon = True
        timer.start()
        try:
            return reader.arrow(sql)
        except duckdb.InterruptException as error:
            raise StoreError(f"the query took longer than {timeout:g} s and was stopped") from error
        except duckdb.Error as error:
            raise StoreError(f"the query cannot be run: {error}") from error
        finally:
            timer.cancel()


def _check(sql: str) -> None:
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise StoreError(f"the query cannot be read: {error}") from error
    if len(statements) != 1:
        raise StoreError(f"a query is exactly one statement, not {len(statements)}")
    if statements[0].type != duckdb.StatementType.SELECT:
        kind = str(statements[0].type).rpartition(".")[2]
        raise StoreError(f"a query only reads: it must be a SELECT, not {kind}")

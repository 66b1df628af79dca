"""The store: one DuckDB file, short hardened connections under the sidecar lock, one transaction a commit."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from datetime import UTC
from typing import TYPE_CHECKING, Any

import duckdb

from aimsight.configs.errors import NotFoundError, StoreBusyError, StoreError, StoreVersionError
from aimsight.store import checkpoints, lock, versions
from aimsight.store.digests import lines_digest, row_line
from aimsight.store.ledger import Head, found, read_head
from aimsight.store.seams import Clock, FileSystem, SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    import pyarrow as pa

    from aimsight.store.runs import RunRecord
    from aimsight.store.signing import Signer
    from aimsight.store.table import Table

WRITE_TIMEOUT = 60.0
READ_TIMEOUT = 30.0
MINIMUM_FREE_BYTES = 50_000_000

_configuring = threading.Lock()
_BROKEN = (
    duckdb.FatalException,
    duckdb.IOException,
    duckdb.InternalException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,  # a commit that could not be written
)


class Reader:
    """A consistent view of the store: no writer commits while it is open."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def tuples(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement as tuples; moments are aware datetimes in UTC."""
        result = self._connection.execute(sql, list(params))
        moments = [place for place, column in enumerate(result.description) if "TIME ZONE" in str(column[1])]
        rows = result.fetchall()
        return [_in_utc(row, moments) for row in rows] if moments else rows

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of one statement as dictionaries; moments are aware datetimes in UTC."""
        rows = self.tuples(sql, params)
        names = [column[0] for column in self._connection.description or []]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def batches(self, sql: str, size: int = 50_000) -> Iterator[list[tuple[Any, ...]]]:
        """The committed rows of one statement in batches of tuples, for results that need not fit in memory."""
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            while batch := cursor.fetchmany(size):
                yield batch
        finally:
            cursor.close()

    def arrow(self, sql: str, params: Sequence[Any] = ()) -> pa.Table:
        """The rows of one SELECT as an Arrow table."""
        return self._connection.sql(sql, params=list(params)).to_arrow_table()

    def interrupt(self) -> None:
        """Stop the statement that is running in another thread."""
        self._connection.interrupt()


MOST_LISTED = 500_000
"""Cells of lists (eight bytes count as one) that are collected, and inserted at once, unless one row has more."""


class Transaction(Reader):
    """What one commit writes. Rows are collected and inserted in bulk before a read and at the end."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, clock: Clock, head: Head) -> None:
        super().__init__(connection)
        self.clock = clock
        self.head = head
        self.claimed: dict[str, RunRecord] = {}
        self.finished: set[str] = set()
        self._lines: dict[str, dict[str, list[str]]] = {}
        self._pending: dict[str, tuple[Table, list[tuple[Any, ...]]]] = {}
        self._listed = 0
        self._later: list[tuple[str, str, Sequence[Any]]] = []

    def insert(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows of plain cells, as ``table.row`` makes them."""
        if rows:
            self._pending.setdefault(table.name, (table, []))[1].extend(rows)
            self._listed += sum(map(_listed(table), rows))
            if self._listed > MOST_LISTED:
                self._insert_pending()

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Run one statement that changes rows."""
        self.flush()
        self._connection.execute(sql, list(params))

    def execute_later(self, table: str, sql: str, params: Sequence[Any] = ()) -> None:
        """Run one statement that changes rows of one table, but only after the collected rows are in."""
        self._later.append((table, sql, params))

    def stored(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement without those still collected: spares a flush for who knows them anyway."""
        return super().tuples(sql, params)

    def rows_of(self, tables: Collection[str], sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of one statement that reads these tables alone, no view: rows for other tables stay collected."""
        if any(table in tables for table, _, _ in self._later):
            self.flush()
        for table in tables:
            self._insert_table(table)
        return self.before.rows(sql, params)

    @property
    def before(self) -> Reader:
        """The store without the rows still collected: for questions that these cannot answer differently."""
        return Reader(self._connection)

    def insert_for_run(self, run_id: str, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows whose digest enters the ledger when the run is finished.

        Raises
        ------
        ValueError
            When the run is not claimed in this transaction or is finished: no digest would cover the rows.
        """
        if run_id not in self.claimed or run_id in self.finished:
            raise ValueError(f"run {run_id} is not claimed in this transaction, or finished already")
        self.insert(table, rows)
        self._lines.setdefault(run_id, {}).setdefault(table.name, []).extend(map(row_line, rows))

    def digests_of_run(self, run_id: str) -> dict[str, dict[str, Any]]:
        """By table: how many rows were added for the run, and their digest."""
        return {
            name: {"rows": len(lines), "sha256": lines_digest(name, lines)}
            for name, lines in self._lines.get(run_id, {}).items()
        }

    def tuples(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement, with what this transaction has written so far."""
        self.flush()
        return super().tuples(sql, params)

    def arrow(self, sql: str, params: Sequence[Any] = ()) -> pa.Table:
        """The rows of one SELECT as an Arrow table, with what this transaction has written so far."""
        self.flush()
        return super().arrow(sql, params)

    def flush(self) -> None:
        """Insert the collected rows and run what was to follow them."""
        self._insert_pending()
        while self._later:
            _, sql, params = self._later.pop(0)
            self._connection.execute(sql, list(params))

    def _insert_pending(self) -> None:
        while self._pending:
            self._insert_table(next(reversed(self._pending)))
        self._listed = 0

    def _insert_table(self, name: str) -> None:
        if name not in self._pending:
            return
        table, rows = self._pending.pop(name)
        for part in _parts(table, rows) if self._listed > MOST_LISTED else (rows,):
            self._connection.register("incoming", table.arrow(part))
            self._connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM incoming")
            self._connection.unregister("incoming")


class Store:
    """The store of one project.

    Parameters
    ----------
    path
        The DuckDB file; it and its folder are made by the first write.
    clock, files, connect
        The outside world: replaced in tests that make a call of it fail.
    checkpoints
        Files outside the database that receive the ledger's head after every commit.
    signer
        Signs the checkpoints.
    memory_limit, threads
        Bounds of every connection.
    minimum_free_bytes
        A write is refused when the file system has less left.
    migrations
        The versions of the store; the shipped ones unless a test says otherwise.
    """

    def __init__(  # noqa: PLR0913  # a store is opened in one place; every parameter but the path has a default
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        files: FileSystem | None = None,
        checkpoints: tuple[Path, ...] = (),
        signer: Signer | None = None,
        memory_limit: str = "300MB",
        threads: int = 2,
        minimum_free_bytes: int = MINIMUM_FREE_BYTES,
        migrations: tuple[versions.Migration, ...] | None = None,
        connect: Callable[..., duckdb.DuckDBPyConnection] = duckdb.connect,
    ) -> None:
        self.path = path
        self.checkpoints = checkpoints
        self._signer = signer
        self.clock = clock or SystemClock()
        self.files = files or FileSystem()
        self._settings = {
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "memory_limit": memory_limit,
            "threads": str(threads),
        }
        self._minimum_free_bytes = minimum_free_bytes
        self.migrations = migrations or versions.shipped()
        self._connect = connect

    @contextmanager
    def write(self, timeout: float = WRITE_TIMEOUT) -> Iterator[Transaction]:
        """One transaction, alone in the store: all of it is committed at the end, or nothing.

        Raises
        ------
        StoreBusyError
            When another process holds the store for longer than ``timeout`` seconds.
        StoreVersionError
            When the store was written by a newer aimsight.
        StoreError
            When the disk is full, the file is damaged or not a store, or a checkpoint could not be written.
        """
        self._prepare()
        with lock.exclusive(self.path, timeout), self._translated():
            connection = self._open_to_write()
            try:
                head = read_head(connection)
                checkpoints.repair(self.files, self.checkpoints, head, self.clock.now(), self._signer)
                transaction = Transaction(connection, self.clock, head)
                connection.execute("BEGIN TRANSACTION")
                try:
                    yield transaction
                    transaction.flush()
                    connection.execute("COMMIT")
                except BaseException:
                    with suppress(duckdb.Error):  # a connection that broke cannot roll back and need not
                        connection.execute("ROLLBACK")
                    raise
                if transaction.head != head:
                    checkpoints.append(self.files, self.checkpoints, transaction.head, self.clock.now(), self._signer)
            finally:
                connection.close()

    @contextmanager
    def read(self, timeout: float = READ_TIMEOUT) -> Iterator[Reader]:
        """A consistent view, together with other readers; keep it short, writers wait meanwhile.

        Raises
        ------
        NotFoundError
            When there is no store yet.
        StoreBusyError
            When a writer holds the store for longer than ``timeout`` seconds.
        StoreVersionError
            When the store was written by a newer aimsight, or by an older one and no write has upgraded it yet.
        StoreError
            When the file is damaged or not a store.
        """
        if not self.path.exists() or self.path.stat().st_size == 0:  # empty: its making was broken off
            raise self._missing()
        with lock.shared(self.path, timeout), self._translated():
            connection = self._open(read_only=True)
            try:
                version = versions.version_of(connection, str(self.path))
                versions.refuse_newer(version, self.migrations, str(self.path))
                if version == 0:  # a process was killed before it had made the tables
                    raise self._missing()
                if version < self.migrations[-1].version:
                    raise StoreVersionError(
                        f"{self.path} has store version {version}, this aimsight needs {self.migrations[-1].version}; "
                        "the next `aimsight run` upgrades it (after a backup)"
                    )
                yield Reader(connection)
            finally:
                connection.close()

    def checkpoint(self) -> checkpoints.Checkpoint:
        """The ledger's head as it is now, as a checkpoint signed like those of the files.

        Raises
        ------
        NotFoundError, StoreBusyError, StoreVersionError, StoreError
            As ``read``; and when the key that signs cannot be used.
        """
        with self.read() as reader:
            head = read_head(reader._connection)  # noqa: SLF001  # a reader is made here and nowhere else
        return checkpoints.made(head, self.clock.now(), self._signer)

    def stamp(self) -> tuple[int, ...]:
        """Changes whenever the store has changed; costs no lock, so that a page can ask often."""
        found_files = []
        for path in (self.path, self.path.with_name(f"{self.path.name}.wal")):
            try:
                status = path.stat()
            except FileNotFoundError:
                found_files += [0, 0, 0]
            else:
                found_files += [status.st_ino, status.st_size, status.st_mtime_ns]
        return tuple(found_files)

    def _missing(self) -> NotFoundError:
        return NotFoundError(f"{self.path}: there is no store yet; the first `aimsight run` makes it")

    def _prepare(self) -> None:
        folder = self.path.parent
        try:
            self.files.make_folder(folder)
            free = self.files.free_bytes(folder)
        except OSError as error:
            raise StoreError(f"{folder}: the store's folder cannot be used: {error.strerror or error}") from error
        if free < self._minimum_free_bytes:
            raise StoreError(
                f"{folder}: only {free / 1e6:.0f} MB are free, a write needs {self._minimum_free_bytes / 1e6:.0f} MB; "
                "nothing was written"
            )

    def _open_to_write(self) -> duckdb.DuckDBPyConnection:
        log = self.path.with_name(f"{self.path.name}.wal")
        if self.path.exists() and self.path.stat().st_size == 0 and not log.exists():
            self.path.unlink()  # a process was killed while it made the file, which DuckDB does not open any more
        connection = self._open(read_only=False)
        try:
            version = versions.version_of(connection, str(self.path))
            versions.refuse_newer(version, self.migrations, str(self.path))
            if version == self.migrations[-1].version:
                return connection
            if version > 0:
                connection.execute("CHECKPOINT")
                connection.close()
                self._back_up(version)
                connection = self._open(read_only=False)
            now = self.clock.now()
            versions.apply(connection, self.migrations, now, lambda new: found(new, now))
        except BaseException:
            connection.close()
            raise
        return connection

    def _back_up(self, version: int) -> None:
        stamp = self.clock.now().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        target = self.path.with_name(f"{self.path.name}.version-{version}.{stamp}.backup")
        try:
            self.files.copy(self.path, target)
        except OSError as error:
            raise StoreError(f"{target}: no backup could be made before the upgrade, so it did not start") from error

    def _open(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        try:
            with _configuring:  # readers of one process share settings: the first of them locks them
                connection = self._connect(str(self.path), read_only=read_only, config=self._settings)
                try:
                    _lock_settings(connection)
                except BaseException:
                    connection.close()
                    raise
        except duckdb.Error as error:
            raise _cannot_open(self.path, error) from error
        return connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            if _is_damage(error):
                raise _damaged(self.path, error) from error
            if isinstance(error, _BROKEN):
                raise StoreError(
                    f"{self.path}: the database failed and its connection was closed: {_first_line(error)}. What was "
                    "committed before is kept; look at the disk's free space, then run the command again"
                ) from error
            raise


def _parts(table: Table, rows: list[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    """The rows in parts whose lists DuckDB can hold in memory at once: it copies all lists of 2,048 rows together."""
    first = held = 0
    for number, cells in enumerate(map(_listed(table), rows)):
        if held and held + cells > MOST_LISTED:
            yield rows[first:number]
            first, held = number, 0
        held += cells
    yield rows[first:] if first else rows


def _listed(table: Table) -> Callable[[tuple[Any, ...]], int]:
    """Counts the cells of lists in a row; eight bytes count as one."""
    sizes = {"ints": 1, "floats": 1, "texts": 1, "bytes": 8}
    large = [(place, sizes[kind]) for place, kind in enumerate(table.columns.values()) if kind in sizes]
    return lambda row: sum(len(row[place] or ()) // size for place, size in large)


def _lock_settings(connection: duckdb.DuckDBPyConnection) -> None:
    locked = connection.execute("SELECT current_setting('lock_configuration')").fetchall()
    if locked == [(True,)]:
        return
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET GLOBAL lock_configuration = true")


def _cannot_open(path: Path, error: duckdb.Error) -> StoreError:
    text = str(error)
    if "lock on file" in text:
        return StoreBusyError(f"{path} is held by a program that does not use the store's lock: {_first_line(error)}")
    if "Permission denied" in text:
        return StoreError(f"{path}: permission denied")
    if "version number" in text:
        return StoreVersionError(f"{path} was written by another version of DuckDB: {_first_line(error)}")
    return _damaged(path, error)


def _is_damage(error: duckdb.Error) -> bool:
    """Whether a page of the file is not what was written (DuckDB versions raise different errors for it)."""
    return (
        type(error) is duckdb.Error
        or isinstance(error, duckdb.SerializationException)
        or "Corrupt database" in str(error)
    )


def _damaged(path: Path, error: duckdb.Error) -> StoreError:
    wal = path.with_name(f"{path.name}.wal")
    return StoreError(
        f"{path} cannot be read: {_first_line(error)}. Nothing was changed or deleted. To restore: move {path.name} "
        f"and {wal.name} (if there is one; it may hold committed runs, keep it) to another folder, copy the latest "
        f"backup to {path}, then run `aimsight verify`"
    )


def _first_line(error: duckdb.Error) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__).rstrip(". ")


def _in_utc(row: tuple[Any, ...], moments: list[int]) -> tuple[Any, ...]:
    cells = list(row)
    for place in moments:
        moment: datetime | None = cells[place]
        if moment is not None:
            cells[place] = moment.astimezone(UTC)
    return tuple(cells)

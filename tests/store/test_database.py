"""The store's file: hardened connections, versions, damage, a full disk; what a person is told in each case."""

from __future__ import annotations

import errno
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from aimsight.configs.errors import NotFoundError, StoreBusyError, StoreError, StoreVersionError
from aimsight.store import versions
from aimsight.store.database import Reader, Store
from aimsight.store.ledger import append
from aimsight.store.seams import FileSystem
from aimsight.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.tests.store.conftest import Samples

ATTACKS = {
    "read a file": "SELECT * FROM read_csv('{secret}')",
    "read text": "SELECT * FROM read_text('{secret}')",
    "read a file by its name": "SELECT * FROM '{secret}'",
    "read up the tree": "SELECT * FROM read_csv('{folder}/store/../secret.csv')",
    "read through a link": "SELECT * FROM read_csv('{folder}/link.csv')",
    "guess a file": "SELECT * FROM sniff_csv('{secret}')",
    "list files": "SELECT * FROM glob('{folder}/*')",
    "write a file": "COPY (SELECT 1) TO '{folder}/out.csv'",
    "export": "EXPORT DATABASE '{folder}/out'",
    "attach": "ATTACH '{folder}/other.duckdb'",
    "install": "INSTALL httpfs",
    "load": "LOAD '{secret}'",
    "open up again": "SET enable_external_access = true",
    "unlock": "SET lock_configuration = false",
    "take all memory": "SET memory_limit = '100GB'",
    "take all threads": "SET threads = 64",
    "allow folders": "SET allowed_directories = ['/']",
    "change the time zone": "SET TimeZone = 'America/New_York'",
    "spill elsewhere": "SET temp_directory = '{folder}'",
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("how", ["read", "write"])
def test_no_connection_reaches_outside(filled: Store, tmp_path: Path, how: str, attack: str) -> None:
    """Every known way out of the database file and every setting is closed, for readers and for writers."""
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    (tmp_path / "link.csv").symlink_to(secret)
    statement = ATTACKS[attack].format(secret=secret, folder=tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    refused = (duckdb.PermissionException, duckdb.InvalidInputException, duckdb.CatalogException)
    with (
        getattr(filled, how)() as connection,
        pytest.raises((*refused, duckdb.IOException, duckdb.NotImplementedException)),
    ):
        connection.tuples(statement)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_reader_cannot_write(filled: Store) -> None:
    """Reading connections are read-only in the database too."""
    with filled.read() as reader, pytest.raises(duckdb.InvalidInputException, match="read-only"):
        reader.tuples("DELETE FROM run")


def test_memory_and_threads_are_bounded(tmp_path: Path) -> None:
    """The limits given to the store hold for its connections."""
    store = Store(tmp_path / "a.duckdb", memory_limit="123MB", threads=1)
    with store.write() as tx:
        sql = "SELECT current_setting('threads'), current_setting('memory_limit'), current_setting('TimeZone')"
        threads, memory, zone = tx.tuples(sql)[0]
    assert (threads, zone) == (1, "UTC")
    assert memory.startswith("117")  # 123 MB in MiB


def test_several_readers_of_one_process_share_the_settings(filled: Store) -> None:
    """Threads of a server read at the same time, all in UTC and all locked."""
    with filled.read() as one, filled.read() as two:
        sql = "SELECT current_setting('TimeZone'), current_setting('lock_configuration')"
        assert one.tuples(sql) == two.tuples(sql) == [("UTC", True)]
        assert one.tuples("SELECT count(*) FROM runs") == two.tuples("SELECT count(*) FROM runs") == [(2,)]


def test_an_exception_leaves_nothing_behind(filled: Store, samples: Samples) -> None:
    """A transaction that fails, or is interrupted by Ctrl-C, has not happened: no rows, no entries, no checkpoint."""
    before = filled.checkpoints[0].read_bytes()
    for error in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(error), filled.write() as tx:  # noqa: PT012  # the error comes after the writing
            samples.write_run(tx, 5)
            tx.flush()
            raise error
    with filled.read() as reader:
        assert reader.tuples("SELECT count(*) FROM runs") == [(2,)]
    assert filled.checkpoints[0].read_bytes() == before
    assert verify(filled, filled.checkpoints).intact


def test_asking_named_tables_inserts_their_rows_alone(filled: Store, samples: Samples) -> None:
    """What was collected for the tables of a question is answered; the rest waits, and is there after the commit."""
    with filled.write() as tx:
        samples.write_run(tx, 5)
        assert tx.rows_of({"run"}, "SELECT count(*) AS runs FROM run") == [{"runs": 3}]
        assert tx.stored("SELECT count(DISTINCT run_id) FROM measurement") == [(2,)], "inserted though nobody asked"
    with filled.read() as reader:
        assert reader.tuples("SELECT count(DISTINCT run_id) FROM measurement") == [(3,)]
    assert verify(filled, filled.checkpoints).intact


def test_asking_a_named_table_sees_what_is_to_be_changed_in_it(filled: Store) -> None:
    """A statement put off runs before its table is asked; a question about another table lets it wait."""
    with filled.write() as tx:
        tx.execute_later("attempt", "UPDATE attempt SET pid = pid")
        tx.execute_later("outbox", "DELETE FROM outbox")
        assert tx.rows_of({"run"}, "SELECT count(*) AS runs FROM run") == [{"runs": 2}]
        assert tx.stored("SELECT count(*) > 0 FROM outbox") == [(True,)]
        assert tx.rows_of({"outbox"}, "SELECT count(*) AS notices FROM outbox") == [{"notices": 0}]


def test_reading_before_the_first_write_says_so(store: Store) -> None:
    """There is no store yet: that is said, and no empty file is made."""
    with pytest.raises(NotFoundError, match="there is no store yet"), store.read():
        pass
    assert not store.path.exists()


def test_a_newer_store_is_refused_by_readers_and_writers(filled: Store) -> None:
    """A store from a newer version of aimsight is left alone."""
    with duckdb.connect(str(filled.path)) as connection:
        connection.execute("INSERT INTO schema_version VALUES (99, 'future', now())")
    before = filled.path.read_bytes()
    for how in (filled.read, filled.write):
        with pytest.raises(StoreVersionError, match=r"store version 99, this aimsight knows versions up to \d"), how():
            pass
    assert filled.path.read_bytes() == before


LAST = versions.shipped()[-1].version
NEXT = versions.Migration(LAST + 1, "next", "CREATE TABLE extra (a INTEGER); INSERT INTO extra VALUES (1)")
BROKEN = versions.Migration(LAST + 1, "broken", "CREATE TABLE extra (a INTEGER); INSERT INTO nowhere VALUES (1)")


def upgraded(store: Store, migration: versions.Migration) -> Store:
    """Give the same store as a version of aimsight with one more migration sees it."""
    migrations = (*versions.shipped(), migration)
    return Store(store.path, clock=store.clock, checkpoints=store.checkpoints, migrations=migrations)


def test_an_upgrade_makes_a_backup_and_keeps_everything(filled: Store) -> None:
    """Readers wait for the upgrade, the first write makes it, and the backup is a whole store of the old version."""
    newer = upgraded(filled, NEXT)
    with pytest.raises(StoreVersionError, match=f"this aimsight needs {LAST + 1}"), newer.read():
        pass
    with newer.write() as tx:
        assert tx.tuples("FROM extra") == [(1,)]
        applied = tx.tuples("SELECT version, name FROM schema_version ORDER BY version")
    assert (applied[0], applied[-1]) == ((1, "first"), (LAST + 1, "next"))
    assert verify(newer, newer.checkpoints).intact
    (backup,) = filled.path.parent.glob("*.backup")
    assert backup.name.startswith(f"aimsight.duckdb.version-{LAST}.20260101T")
    restored = Store(backup)
    assert verify(restored, filled.checkpoints).intact
    with restored.read() as reader:
        assert reader.tuples("SELECT count(*) FROM runs") == [(2,)]


def test_a_failed_upgrade_leaves_the_store_as_before(filled: Store) -> None:
    """Half an upgrade is none: the old version goes on with everything in it."""
    with pytest.raises(duckdb.CatalogException), upgraded(filled, BROKEN).write():
        pass
    with filled.write() as tx:
        assert tx.tuples("SELECT max(version) FROM schema_version") == [(LAST,)]
        assert tx.tuples("SELECT 1 FROM information_schema.tables WHERE table_name = 'extra'") == []
    assert verify(filled, filled.checkpoints).intact


def test_no_backup_no_upgrade(filled: Store) -> None:
    """When the backup cannot be written the upgrade does not start."""

    class NoCopies(FileSystem):
        def copy(self, source: Path, target: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    store = Store(filled.path, files=NoCopies(), migrations=(*versions.shipped(), NEXT))
    with pytest.raises(StoreError, match="no backup could be made"), store.write():
        pass
    with filled.read() as reader:
        assert reader.tuples("SELECT max(version) FROM schema_version") == [(LAST,)]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """Neither a text file nor somebody's own DuckDB database is taken for a store, and neither is changed."""
    text = tmp_path / "notes.duckdb"
    text.write_text("my notes\n" * 1000)
    with pytest.raises(StoreError, match=r"cannot be read.*Nothing was changed"), Store(text).write():
        pass
    assert text.read_text() == "my notes\n" * 1000
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("CREATE TABLE mine (a INTEGER)")
    before = other.read_bytes()
    for how in (Store(other).read, Store(other).write):
        with pytest.raises(StoreError, match="no store of aimsight"), how():
            pass
    assert other.read_bytes() == before


def test_a_damaged_database_is_refused_with_the_way_back(filled: Store) -> None:
    """A flipped bit is found when the file is opened or read; the message says how to restore; nothing is deleted."""
    damaged = bytearray(filled.path.read_bytes())
    damaged[5000] ^= 1
    filled.path.write_bytes(damaged)
    for how in (filled.read, filled.write):
        with pytest.raises(StoreError, match=r"To restore: move .* copy the latest backup"), how():
            pass
    assert filled.path.read_bytes() == damaged


def test_a_flipped_bit_anywhere_is_found_or_means_nothing(filled: Store) -> None:
    """Wherever the bit lies: either the store cannot be read, with the way back, or nothing in it has changed."""
    dice = random.Random(42001)
    whole = filled.path.read_bytes()
    entries = verify(filled, filled.checkpoints).entries
    damages = 0
    for _ in range(25):
        damaged = bytearray(whole)
        damaged[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        filled.path.write_bytes(damaged)
        try:
            report = verify(filled, filled.checkpoints)
        except StoreError as error:
            assert "To restore" in str(error)  # noqa: PT017  # the other outcome is as good
            damages += 1
        else:
            assert (report.findings, report.entries) == ((), entries)
    assert damages > 0


def test_a_damaged_wal_is_refused_and_never_deleted(filled: Store, tmp_path: Path) -> None:
    """Committed runs may lie in the WAL: when it cannot be read, it stays, and a person is told."""
    script = (
        "import duckdb, os, sys\n"
        "connection = duckdb.connect(sys.argv[1])\n"
        "connection.execute('CREATE TABLE t AS SELECT range AS a FROM range(1000)')\n"
        "connection.execute('INSERT INTO t SELECT range FROM range(1000)')\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(filled.path)], check=True)
    wal = filled.path.with_name(f"{filled.path.name}.wal")
    damaged = bytearray(wal.read_bytes())
    damaged[len(damaged) // 3] ^= 1
    wal.write_bytes(damaged)
    for how in (filled.read, filled.write):
        with pytest.raises(StoreError, match=r"aimsight\.duckdb\.wal"), how():
            pass
    assert wal.read_bytes() == damaged


def test_a_nearly_full_disk_stops_a_write_before_it_starts(filled: Store) -> None:
    """Nothing is begun that may not fit."""

    class Full(FileSystem):
        def free_bytes(self, folder: Path) -> int:
            return 1_000_000

    store = Store(filled.path, files=Full())
    with (
        pytest.raises(StoreError, match=r"only 1 MB are free, a write needs 50 MB; nothing was written"),
        store.write(),
    ):
        pass


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A file where the folder should be is a message with its path, not a traceback."""
    (tmp_path / "file").write_text("x")
    store = Store(tmp_path / "file" / "a.duckdb")
    with pytest.raises(StoreError, match=r"file: the store's folder cannot be used"), store.write():
        pass


class Breaking:
    """A connection that breaks at its n-th statement, and stays broken, as DuckDB's do after a full disk."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, when: str) -> None:
        self._connection = connection
        self._when = when
        self._broken = False

    def execute(self, sql: str, *args: Any) -> Any:
        """Run a statement unless the connection is broken or breaks now."""
        if self._broken or sql == self._when:
            self._broken = True
            raise duckdb.FatalException("IO Error: could not write: No space left on device\nmore")
        return self._connection.execute(sql, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_a_fatal_error_ends_the_connection_and_says_what_is_kept(filled: Store, samples: Samples) -> None:
    """A disk that fills up during the commit is an error for a person; what was committed before is there."""

    def connect(*args: Any, **kwargs: Any) -> Any:
        return Breaking(duckdb.connect(*args, **kwargs), "COMMIT")

    store = Store(filled.path, connect=connect, checkpoints=filled.checkpoints)
    kept = r"No space left on device\. What was committed before is kept"
    with pytest.raises(StoreError, match=kept) as caught, store.write() as tx:
        samples.write_run(tx, 5)
    assert caught.value.exit_code == 1
    with filled.write() as tx:
        assert tx.tuples("SELECT count(*) FROM runs") == [(2,)]
        samples.write_run(tx, 5)
    assert verify(filled, filled.checkpoints).intact


def test_another_program_in_the_file_is_named(filled: Store) -> None:
    """A DuckDB shell that has the file open makes a busy store, with its process id, and exit code 75."""
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(filled.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(StoreBusyError, match=f"PID {other.pid}") as caught, filled.read():
            pass
        assert caught.value.exit_code == 75
        other.communicate()
    with filled.read():
        pass


def test_the_stamp_changes_with_every_commit_and_not_without(filled: Store) -> None:
    """A page can ask cheaply whether anything is new."""
    before = filled.stamp()
    with filled.read() as reader:
        reader.tuples("SELECT 1")
    assert filled.stamp() == before
    with filled.write() as tx:
        append(tx, "aimsight", "test.noted", "x", {})
    assert filled.stamp() != before
    assert Store(Path("nowhere.duckdb")).stamp() == (0, 0, 0, 0, 0, 0)


def test_a_read_is_one_consistent_view(filled: Store, samples: Samples) -> None:
    """While a reader is in, no writer commits; the writer comes when the reader has left."""
    order: list[str] = []

    def write() -> None:
        with filled.write() as tx:
            samples.write_run(tx, 5)
        order.append("written")

    with filled.read() as reader:
        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(0.05)
        assert reader.tuples("SELECT count(*) FROM runs") == [(2,)]
        order.append("read")
    writer.join()
    assert order == ["read", "written"]


def test_batches_give_every_row_once(filled: Store) -> None:
    """A long result can be read in parts."""

    def rows(reader: Reader) -> Iterator[int]:
        for batch in reader.batches("SELECT seq FROM ledger ORDER BY seq", size=5):
            assert len(batch) <= 5
            yield from (row[0] for row in batch)

    with filled.read() as reader:
        assert list(rows(reader)) == list(range(1, verify(filled).entries + 1))


def test_opening_and_asking_is_quick(filled: Store) -> None:
    """A page that asks the store waits for milliseconds (bound ten times above what is usual, for busy machines)."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        with filled.read() as reader:
            reader.rows("SELECT * FROM measurements WHERE is_latest")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5


def test_an_empty_file_is_no_store_yet(tmp_path: Path) -> None:
    """What a process killed while making it leaves: reading says so, and the next write makes the store."""
    path = tmp_path / "store.duckdb"
    path.touch()
    store = Store(path)
    with pytest.raises(NotFoundError, match="no store yet"), store.read():
        pass
    with store.write():
        pass
    with store.read() as reader:
        assert reader.tuples("SELECT count(*) FROM run") == [(0,)]

"""The lock across processes: exclusive to write, shared to read, fair, and with a name for whoever holds it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aimsight.configs.errors import StoreBusyError, StoreError
from aimsight.store import lock
from aimsight.store.database import Store
from aimsight.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.tests.store.conftest import Samples

WRITER = Path(__file__).with_name("writer.py")
HOLDER = (
    "import sys; from pathlib import Path; from aimsight.store import lock\n"
    "with getattr(lock, sys.argv[2])(Path(sys.argv[1]), 5):\n"
    "    print('held', flush=True); sys.stdin.read()\n"
)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Give the path of a database; the lock lies beside it and needs no database."""
    return tmp_path / "aimsight.duckdb"


@pytest.fixture(params=["exclusive", "shared"])
def holder(database: Path, request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Give another process that holds the lock, and how."""
    command = [sys.executable, "-c", HOLDER, str(database), request.param]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process, request.param
        process.kill()


def test_a_busy_store_names_the_process_that_holds_it(
    database: Path, holder: tuple[subprocess.Popen[bytes], str]
) -> None:
    """Whoever gives up waiting is told the other's process id; a shared lock stops writers only."""
    process, how = holder
    role = "writer" if how == "exclusive" else "reader"
    busy = rf"{role} pid {process.pid}\); gave up after 0.05 s"
    with pytest.raises(StoreBusyError, match=busy), lock.exclusive(database, 0.05):
        pass
    if how == "shared":
        with lock.shared(database, 0.05):
            return
    with pytest.raises(StoreBusyError, match=f"writer pid {process.pid}") as caught, lock.shared(database, 0.05):
        pass
    assert caught.value.exit_code == 75


def test_a_killed_holder_frees_the_lock(database: Path, holder: tuple[subprocess.Popen[bytes], str]) -> None:
    """The lock belongs to the kernel: no stale lock file has ever to be deleted by hand."""
    process, _ = holder
    process.kill()
    process.wait()
    with lock.exclusive(database, 5):
        pass


def test_without_the_kernels_table_the_writers_own_note_is_used(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no list of locks the writer's process id is read from the lock file; else nobody is named."""
    sidecar = lock.lock_path(database)
    sidecar.write_text("4242\n")
    assert lock.named_holders(sidecar, Path("no such table")) == [(4242, "writer")]
    sidecar.write_text("")
    assert lock.named_holders(sidecar, Path("no such table")) == []


def test_a_reader_needs_no_right_to_write(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An auditor's copy, or the store of another user, is read: under the lock where it has one; nothing is written."""
    usual = os.open

    def refusing(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return usual(path, flags, mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refusing)
        with lock.shared(database, 0.05):
            assert list(database.parent.iterdir()) == []
        with pytest.raises(StoreError, match="Read-only file system"), lock.exclusive(database, 0.05):
            pass
    with lock.exclusive(database, 0.05):
        pass
    monkeypatch.setattr(os, "open", refusing)
    with lock.shared(database, 0.05):
        monkeypatch.undo()
        with pytest.raises(StoreBusyError), lock.exclusive(database, 0.05):
            pass
        with lock.shared(database, 0.05):
            pass


def test_a_lock_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A missing folder or permission is an error for people."""
    database = tmp_path / "missing" / "aimsight.duckdb"
    with pytest.raises(StoreError, match=r"turn: the store's lock file cannot be opened"), lock.shared(database, 1):
        pass


def test_readers_cannot_starve_a_writer(database: Path) -> None:
    """Four readers that come and go without a pause, always overlapping, still let a writer in."""
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with lock.shared(database, 30):
                time.sleep(0.01)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(5):
            with lock.exclusive(database, 30):
                pass
    finally:
        stop.set()
        for reader in readers:
            reader.join()


def test_writers_and_readers_together_see_whole_runs_only(store: Store, samples: Samples) -> None:
    """Two writing processes and three reading threads: the rows are always the runs times ten, and nothing is lost."""
    runs = 8
    with store.write() as tx:
        tx.flush()
    arguments = [str(WRITER), str(store.path), str(store.checkpoints[0])]
    writers = [
        subprocess.Popen([sys.executable, *arguments, name, str(runs)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for name in ("one", "two")
    ]
    stop = threading.Event()
    seen: list[tuple[int, int]] = []

    def read() -> None:
        while not stop.is_set():
            with store.read() as reader:
                count, rows = reader.tuples("SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM measurements)")[
                    0
                ]
            seen.append((count, rows))
            time.sleep(0.01)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    outputs = [process.communicate(timeout=100) for process in writers]
    stop.set()
    for thread in threads:
        thread.join()
    assert [process.returncode for process in writers] == [0, 0], outputs
    assert seen
    assert all(rows == 10 * count for count, rows in seen)
    with store.read() as reader:
        assert reader.tuples("SELECT count(*) FROM runs") == [(2 * runs,)]
    report = verify(store, store.checkpoints)
    assert (report.findings, report.limits) == ((), ())


def test_the_same_run_in_two_processes_at_once_is_written_once(store: Store) -> None:
    """Both want the same keys: each key is written by one of them, and neither fails."""
    with store.write() as tx:
        tx.flush()
    command = [sys.executable, str(WRITER), str(store.path), str(store.checkpoints[0]), "same", "6"]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    keys = [key for process in writers for key in process.communicate(timeout=100)[0].split()]
    assert [process.returncode for process in writers] == [0, 0]
    assert len(keys) == len(set(keys)) == 6

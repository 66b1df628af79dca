"""Crashes, failing calls and full disks: a run is whole or absent, what was acknowledged stays, a retry succeeds."""

from __future__ import annotations

import errno
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from aimsight.configs.errors import StoreError
from aimsight.store.database import Store
from aimsight.store.ledger import append
from aimsight.store.seams import FileSystem
from aimsight.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.tests.store.conftest import Samples

WRITER = Path(__file__).with_name("writer.py")
ROWS = 10


def writer(store: Store, name: str, runs: int, die_at: int = 0) -> list[str]:
    """Give the command that writes runs into the store."""
    return [
        sys.executable,
        str(WRITER),
        str(store.path),
        str(store.checkpoints[0]),
        name,
        str(runs),
        str(die_at),
    ]


def check_whole(store: Store, acknowledged: list[str]) -> int:
    """Check that all runs are whole, the acknowledged ones are there and the ledger verifies; give their number."""
    with store.read() as reader:
        keys = {row[0] for row in reader.tuples("SELECT run_id FROM run WHERE outcome = 'success'")}
        rows = reader.tuples("SELECT count(*) FROM measurement")[0][0]
    assert set(acknowledged) <= keys
    assert rows == ROWS * len(keys)
    report = verify(store, store.checkpoints)
    assert report.findings == ()
    return len(keys)


@pytest.mark.parametrize("die_at", [1, 2, 20, 40, 47])
def test_a_kill_while_a_store_is_founded_leaves_a_whole_one_or_none(store: Store, die_at: int) -> None:
    """The next start makes what the killed one did not."""
    done = subprocess.run(writer(store, "model", 1, die_at), capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    subprocess.run(writer(store, "model", 1), check=True)
    assert check_whole(store, []) == 1


def test_a_kill_at_any_call_leaves_a_run_whole_or_absent(store: Store) -> None:
    """Killed at the 1st, 2nd, 3rd ... call into DuckDB or the file system; the same key is tried until it is in."""
    subprocess.run(writer(store, "model", 1), check=True)
    acknowledged: list[str] = []
    for die_at in range(1, 100):
        name = f"model-{check_whole(store, acknowledged)}"
        done = subprocess.run(writer(store, name, 1, die_at), capture_output=True, check=False)
        acknowledged += done.stdout.decode().split()
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
    assert die_at > 12
    assert check_whole(store, acknowledged) >= 3
    with store.write():
        pass
    assert verify(store, store.checkpoints).limits == ()


def test_a_kill_at_any_moment_loses_nothing_that_was_acknowledged(store: Store) -> None:
    """Killed at random milliseconds while it commits one run after the other."""
    dice = random.Random(42001)
    acknowledged: list[str] = []
    for loop in range(6):
        with subprocess.Popen(writer(store, f"model-{loop}", 10_000), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(dice.uniform(0, 0.3))
            process.kill()
            rest = process.stdout.read().rpartition(b"\n")[0]
        acknowledged += (first + rest).decode().split()
        check_whole(store, acknowledged)


class Countdown:
    """Lets a number of calls succeed and the next one fail; the connection in which it failed stays dead."""

    def __init__(self, fail_at: int, error: Callable[[], BaseException]) -> None:
        self.left = fail_at
        self.error = error

    def count(self) -> None:
        """Count one call, and fail when it is its turn."""
        self.left -= 1
        if self.left == 0:
            raise self.error()


class CountedConnection:
    """A connection whose statements are counted."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, countdown: Countdown) -> None:
        self._connection = connection
        self._countdown = countdown
        self._dead = False

    def execute(self, *args: Any) -> Any:
        """Run a statement, or break and stay broken."""
        if self._dead:
            raise duckdb.FatalException("database has been invalidated")
        try:
            self._countdown.count()
        except duckdb.FatalException:
            self._dead = True
            raise
        return self._connection.execute(*args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class CountedFiles(FileSystem):
    """A file system every call of which is counted."""

    def __init__(self, countdown: Countdown) -> None:
        self._countdown = countdown

    def make_folder(self, path: Path) -> None:
        """Count, then do it."""
        self._countdown.count()
        super().make_folder(path)

    def append(self, path: Path, data: bytes) -> None:
        """Count, write half of it, count, write the rest."""
        self._countdown.count()
        super().append(path, data[: len(data) // 2])
        self._countdown.count()
        super().append(path, data[len(data) // 2 :])

    def read_tail(self, path: Path, size: int | None = None) -> bytes:
        """Count, then do it."""
        self._countdown.count()
        return super().read_tail(path, size)

    def free_bytes(self, folder: Path) -> int:
        """Count, then do it."""
        self._countdown.count()
        return super().free_bytes(folder)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_every_failing_file_call_is_an_error_for_people(store: Store, samples: Samples, code: int) -> None:
    """Fail the 1st, 2nd, 3rd ... call of the file system until a write succeeds; nothing is ever half there."""
    countdown = Countdown(0, lambda: OSError(code, "No space left on device"))
    failing = Store(store.path, checkpoints=store.checkpoints, files=CountedFiles(countdown))
    for fail_at in range(1, 30):
        countdown.left = fail_at
        try:
            with failing.write() as tx:
                samples.write_run(tx, fail_at)
        except StoreError as error:
            assert "No space left" in str(error)  # noqa: PT017  # a write that succeeds ends the loop
        else:
            break
        if store.path.exists():
            assert verify(store, store.checkpoints).findings == ()
    assert 5 < fail_at < 29
    with store.write():
        pass
    report = verify(store, store.checkpoints)
    assert report.limits == ()
    assert report.warnings  # a checkpoint's line was torn, and the file went on after it


def test_every_failing_statement_is_an_error_for_people(store: Store, samples: Samples) -> None:
    """Break the connection at the 1st, 2nd, 3rd ... statement until a run is in; it is never half in."""
    samples.write_all(store)
    countdown = Countdown(0, lambda: duckdb.FatalException("No space left on device"))

    def connect(*args: Any, **kwargs: Any) -> Any:
        return CountedConnection(duckdb.connect(*args, **kwargs), countdown)

    failing = Store(store.path, checkpoints=store.checkpoints, connect=connect)
    for fail_at in range(1, 99):
        countdown.left = fail_at
        try:
            with failing.write() as tx:
                samples.write_run(tx, 2)
        except StoreError as error:
            assert "No space left" in str(error)  # noqa: PT017  # a write that succeeds ends the loop
        else:
            break
        report = verify(store, store.checkpoints)
        assert (report.findings, report.entries) == ((), 17)
    assert fail_at > 10
    report = verify(store, store.checkpoints)
    assert (report.findings, report.entries, report.anchored) == ((), 19, 19)


@pytest.mark.parametrize("limit", [4_000, 20_000])
def test_a_full_disk_stops_the_program_and_keeps_what_was_committed(store: Store, limit: int) -> None:
    """No file may grow beyond a limit: the program ends with a message and a code, and goes on when there is room."""
    subprocess.run(writer(store, "model", 1), check=True)

    def fill_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    full = subprocess.run(writer(store, "other", 2000), capture_output=True, check=False, preexec_fn=fill_up)
    assert full.returncode == 1
    assert b"StoreError" in full.stderr
    assert b"File too large" in full.stderr
    acknowledged = full.stdout.decode().split()
    before = check_whole(store, acknowledged)
    subprocess.run(writer(store, "other", len(acknowledged) + 2), check=True)
    assert check_whole(store, acknowledged) > before


def test_a_crash_between_commit_and_checkpoint_is_repaired(filled: Store) -> None:
    """The checkpoint file lags behind; the next write adds the head before anything else."""
    (path,) = filled.checkpoints
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    assert verify(filled, filled.checkpoints).limits != ()
    with filled.write():
        pass
    assert verify(filled, filled.checkpoints).limits == ()
    path.unlink()
    with filled.write():
        pass
    assert verify(filled, filled.checkpoints).anchored == 17
    assert len(path.read_bytes().splitlines()) == 1


def test_a_checkpoint_that_cannot_be_written_is_said_and_made_up_for(filled: Store, tmp_path: Path) -> None:
    """The commit stands, the error says so, the other files get their line, the next write adds the missing one."""
    (good,) = filled.checkpoints
    other = tmp_path / "other.jsonl"
    store = Store(filled.path, checkpoints=(other, good))
    committed = r"everything was committed, .*other\.jsonl"
    with pytest.raises(StoreError, match=committed), store.write() as tx:  # noqa: PT012  # it raises at its end
        append(tx, "aimsight", "test.noted", "x", {})
        other.unlink()
        other.mkdir()  # now it cannot be opened as a file
    assert verify(filled, [good]).anchored == 18
    with pytest.raises(StoreError, match=r"other\.jsonl: the checkpoint file cannot be read"), store.write():
        pass
    other.rmdir()
    with store.write():
        pass
    assert verify(filled, [other]).anchored == 18

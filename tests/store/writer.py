"""A program that writes runs into a store until it is killed; the tests of crashes and of the lock start it.

``python writer.py DATABASE CHECKPOINTS NAME RUNS [DIE_AT]`` commits RUNS runs of ten measurements each and prints the
key of each after its commit. With DIE_AT it kills itself at that call into DuckDB or into the file system.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from aimsight.metrics.values import Measurement, Value
from aimsight.store.database import Store
from aimsight.store.measurements import write_measurements
from aimsight.store.runs import RunRecord, claim, finish, run_key
from aimsight.store.seams import FileSystem

START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 10


class Fuse:
    """Kills this process at a given call; 0 never does."""

    def __init__(self, die_at: int) -> None:
        self.left = die_at

    def burn(self) -> None:
        """Count one call."""
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class FusedConnection:
    """A connection whose statements count."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, fuse: Fuse) -> None:
        self._connection = connection
        self._fuse = fuse

    def execute(self, *args: Any) -> Any:
        """Run a statement, unless the fuse has burned down."""
        self._fuse.burn()
        return self._connection.execute(*args)

    def close(self) -> None:
        """Close the connection, unless the fuse has burned down."""
        self._fuse.burn()
        self._connection.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class FusedFiles(FileSystem):
    """A file system whose writes count, and are cut in the middle when the fuse burns down in them."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse

    def append(self, path: Path, data: bytes) -> None:
        """Append the first half, then the second, with a chance to die before, between and after."""
        self._fuse.burn()
        half = len(data) // 2
        super().append(path, data[:half])
        self._fuse.burn()
        super().append(path, data[half:])
        self._fuse.burn()


def main(database: Path, checkpoints: Path, name: str, runs: int, die_at: int) -> None:
    """Write the runs."""
    fuse = Fuse(die_at)

    def connect(*args: Any, **kwargs: Any) -> Any:
        return FusedConnection(duckdb.connect(*args, **kwargs), fuse)

    store = Store(database, checkpoints=(checkpoints,), files=FusedFiles(fuse), connect=connect)
    for number in range(runs):
        start, end = START + timedelta(days=number), START + timedelta(days=number + 1)
        key = run_key(name, "main", start, end, "c", "f")
        record = RunRecord(key, name, "1", "main", start, end, end, end, "f", "c", "0")
        with store.write() as tx:
            run = claim(tx, record)
            if run is None:
                continue
            values = [Measurement(f"test.m{place}", 1, Value(place, 1)) for place in range(ROWS)]
            write_measurements(tx, run, values, end)
            finish(tx, run.run_id, "success", "", ROWS, end)
        sys.stdout.write(f"{key}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int((*sys.argv, "0")[5]))

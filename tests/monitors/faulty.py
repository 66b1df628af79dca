"""Seams that fail on demand, and a process that runs projects in children which may be killed, starved or interrupted.

As a module it gives ``Seams`` to the tests. As a program it reads jobs from stdin, one JSON object a line, runs each
one's children side by side in forks of itself (so that the imports are paid once), and answers with their exit codes.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from aimsight.configs.errors import AimsightError
from aimsight.configs.load import load_project
from aimsight.metrics.registry import facts
from aimsight.monitors.cli import app
from aimsight.monitors.run import run_due
from aimsight.store.database import Store
from aimsight.store.seams import FileSystem

if TYPE_CHECKING:
    from collections.abc import Callable


class _Clock:
    """A clock that stands still."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


class Seams:
    """Calls ``hook`` with the name of every seam before it is passed, and with ``after:`` in front afterwards."""

    def __init__(self, hook: Callable[[str], None]) -> None:
        self.hook = hook
        self.files = _Files(hook)

    def connect(self, *args: Any, **options: Any) -> Any:
        """Open the database as the store does; every statement that ends or begins a transaction is a seam."""
        self.hook("connect")
        return _Connection(duckdb.connect(*args, **options), self.hook)

    def progress(self, what: str, done: int, total: int) -> None:
        """The steps of a run between its transactions are seams as well."""
        self.hook(f"progress {what.partition(': ')[2] or what}")


class _Files(FileSystem):
    def __init__(self, hook: Callable[[str], None]) -> None:
        self.hook = hook

    def make_folder(self, path: Path) -> None:
        self.hook("make_folder")
        super().make_folder(path)

    def append(self, path: Path, data: bytes) -> None:
        self.hook("append")
        super().append(path, data)
        self.hook("after:append")

    def read_tail(self, path: Path, size: int | None = None) -> bytes:
        self.hook("read_tail")
        return super().read_tail(path, size)

    def free_bytes(self, folder: Path) -> int:
        self.hook("free_bytes")
        return super().free_bytes(folder)


class _Connection:
    """A DuckDB connection whose transactions are seams."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, hook: Callable[[str], None]) -> None:
        self._connection, self._hook = connection, hook

    def execute(self, sql: Any, *args: Any) -> Any:
        name = str(getattr(sql, "query", sql)).split(None, 1)[0].upper()
        seam = name in {"BEGIN", "COMMIT", "INSERT"}
        if seam:
            self._hook(name)
        result = self._connection.execute(sql, *args)
        if seam:
            self._hook(f"after:{name}")
        return result

    def close(self) -> None:
        self._hook("close")
        self._connection.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _child(job: dict[str, Any]) -> int:
    """One child: runs a project, killed at the n-th passing of a seam, or a command line; returns its exit code."""
    out = os.open(job["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(out, 1)
    os.dup2(out, 2)
    if "file_size" in job:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_size"], job["file_size"]))
    if "cli" in job:
        try:
            app.run(job["cli"])
        except SystemExit as end:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command has ended; what follows is ours, not its own
            sys.stdout.flush()
            return int(end.code or 0)
    left = {"n": int(job.get("n", 0))}

    def hook(name: str) -> None:
        if name == job.get("seam"):
            left["n"] -= 1
            if left["n"] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    seams = Seams(hook)
    clock = _Clock(datetime.fromisoformat(job["clock"]))
    project = load_project(Path(job["root"]), facts(), environ={})
    checkpoints = tuple(project.root / name for name in project.config.checkpoints)
    store = Store(
        project.root / project.config.store,
        clock=clock,
        files=seams.files,
        connect=seams.connect,
        checkpoints=checkpoints,
    )
    try:
        run_due(project, store, now=datetime.fromisoformat(job["now"]).astimezone(UTC), progress=seams.progress)
    except AimsightError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return error.exit_code
    return 0


def _serve() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        children = []
        for job in request["jobs"]:
            pid = os.fork()
            if pid == 0:
                code = 99
                try:
                    code = _child(job)
                except BaseException:
                    traceback.print_exc()
                    raise
                finally:
                    sys.stderr.flush()
                    os._exit(code)
            children.append(pid)
        if "signal" in request:
            deadline = time.monotonic() + 30
            while "once" in request and not Path(request["once"]).exists() and time.monotonic() < deadline:
                time.sleep(0.002)
            time.sleep(request["after"])
            for pid in children:
                os.kill(pid, request["signal"])
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        sys.stdout.write(json.dumps(codes) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()

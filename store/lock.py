"""The lock of the store across processes: a sidecar file, exclusive to write and shared to read.

A second file is the turnstile that everybody passes one at a time: a waiting writer stands in it, so that readers who
come later wait behind it and cannot starve it. The locks belong to the kernel (``flock``): a killed process loses them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aimsight.configs.errors import StoreBusyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.02
_WRITER = "writer"
_READER = "reader"
_NOT_TO_WRITE = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def exclusive(database: Path, timeout: float) -> Iterator[None]:
    """Hold the store alone; :class:`StoreBusyError` after ``timeout`` seconds."""
    with _held(database, fcntl.LOCK_EX, timeout):
        lock_path(database).write_text(f"{os.getpid()}\n", "ascii")
        try:
            yield
        finally:
            with suppress(OSError):  # only a hint for the messages of others: not worth losing the caller's error
                os.truncate(lock_path(database), 0)


@contextmanager
def shared(database: Path, timeout: float) -> Iterator[None]:
    """Hold the store together with other readers; :class:`StoreBusyError` after ``timeout`` seconds.

    Whoever may not write reads the lock's files only. In a copy that has none and cannot be written there is no lock.
    """
    with _held(database, fcntl.LOCK_SH, timeout):
        yield


def lock_path(database: Path) -> Path:
    """The sidecar file whose lock is the store's."""
    return database.with_name(f"{database.name}.lock")


@contextmanager
def _held(database: Path, mode: int, timeout: float) -> Iterator[None]:
    deadline = time.monotonic() + timeout
    sidecar = lock_path(database)
    with _opened(database.with_name(f"{database.name}.turn"), mode) as turnstile, _opened(sidecar, mode) as lock:
        if turnstile is not None and lock is not None:
            _acquire(turnstile, fcntl.LOCK_EX, deadline, sidecar, timeout)
            _acquire(lock, mode, deadline, sidecar, timeout)
            fcntl.flock(turnstile, fcntl.LOCK_UN)
        yield


@contextmanager
def _opened(path: Path, mode: int) -> Iterator[int | None]:
    """A file of the lock; ``None`` for a reader where it is missing and cannot be made."""
    try:
        descriptor = _open(path, mode)
    except OSError as error:
        if mode == fcntl.LOCK_SH and isinstance(error, FileNotFoundError) and path.parent.is_dir():
            yield None
            return
        raise StoreError(f"{path}: the store's lock file cannot be opened: {error.strerror}") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open(path: Path, mode: int) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if mode == fcntl.LOCK_SH and error.errno in _NOT_TO_WRITE:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        raise


def _acquire(descriptor: int, mode: int, deadline: float, sidecar: Path, timeout: float) -> None:
    pause = _FIRST_PAUSE
    while True:
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise StoreBusyError(_busy(sidecar, timeout)) from None
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


def _busy(sidecar: Path, timeout: float) -> str:
    holders = ", ".join(f"{role} pid {pid}" for pid, role in named_holders(sidecar)) or "a process that cannot be named"
    database = sidecar.with_name(sidecar.name.removesuffix(".lock"))
    return f"{database} is in use by another process ({holders}); gave up after {timeout:g} s, try again later"


def named_holders(sidecar: Path, table: Path = Path("/proc/locks")) -> list[tuple[int, str]]:
    """(pid, role) of the processes that hold the lock: from the kernel's table, else as the writer noted."""
    try:
        inode = sidecar.stat().st_ino
        fields = [line.split() for line in table.read_text("ascii").splitlines() if "FLOCK" in line]
        found = [
            (int(field[4]), _WRITER if field[3] == "WRITE" else _READER)
            for field in fields
            if field[1] == "FLOCK" and int(field[5].rpartition(":")[2]) == inode and int(field[4]) > 0
        ]
    except (OSError, ValueError, IndexError):
        found = []
    if found:
        return found
    with suppress(OSError, ValueError):
        return [(int(sidecar.read_text("ascii")), _WRITER)]
    return []

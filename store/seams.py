"""The outside world as parameters: the clock and the file system, so that tests can make any call of them fail."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)


class FileSystem:
    """Every change the store makes to files beside the database goes through one of these calls."""

    def make_folder(self, path: Path) -> None:
        """Create a folder and its parents; an existing one is fine."""
        path.mkdir(parents=True, exist_ok=True)

    def append(self, path: Path, data: bytes) -> None:
        """Append bytes to a file in one write and wait until they are on the disk."""
        is_new = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            written = os.write(descriptor, data)
            if written != len(data):
                raise OSError(f"only {written} of {len(data)} bytes could be appended to {path}")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            self.sync_folder(path.parent)

    def copy(self, source: Path, target: Path) -> None:
        """Copy a file so that the target is either absent or whole, and on the disk."""
        part = target.with_name(f"{target.name}.part")
        shutil.copyfile(source, part)
        with part.open("rb+") as handle:
            os.fsync(handle.fileno())
        part.replace(target)
        self.sync_folder(target.parent)

    def sync_folder(self, path: Path) -> None:
        """Wait until the entries of a folder are on the disk."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read_tail(self, path: Path, size: int | None = None) -> bytes:
        """The last ``size`` bytes of a file (all by default); ``b''`` when there is no such file."""
        try:
            with path.open("rb") as handle:
                if size is not None:
                    handle.seek(0, os.SEEK_END)
                    handle.seek(max(handle.tell() - size, 0))
                return handle.read()
        except FileNotFoundError:
            return b""

    def free_bytes(self, folder: Path) -> int:
        """Bytes that may still be written in the file system of a folder."""
        return shutil.disk_usage(folder).free

"""The sign of life of `aimsight serve`: one lock that says who serves, one small file that says how it goes."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from aimsight.configs.errors import AimsightError, StoreBusyError, StoreError

BEAT = timedelta(seconds=10)
SILENT_AFTER = 3 * BEAT


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The state of the serving process at ``beat_at``.

    ``state`` is ``starting``, ``idle``, ``running`` (what, in ``doing``) or ``stopped``; ``last_error`` is the last
    thing that went wrong and ``""`` when the job after it went well; ``next_at`` maps each job to when it is due.
    """

    pid: int
    started_at: datetime
    beat_at: datetime
    state: str = "starting"
    doing: str = ""
    url: str = ""
    last_error: str = ""
    last_done_at: datetime | None = None
    next_at: dict[str, datetime] = field(default_factory=dict)

    def is_alive(self, now: datetime) -> bool:
        """Whether the process still gives signs of life."""
        return self.state != "stopped" and now - self.beat_at <= SILENT_AFTER

    def write(self, path: Path) -> None:
        """Replace the file as a whole, so that a reader never sees half of it."""
        part = path.with_name(f"{path.name}.part")
        part.write_text(json.dumps(asdict(self), default=datetime.isoformat, indent=1) + "\n", encoding="utf-8")
        part.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """What the file says, or ``None`` when nobody has served this project."""
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            times = {key: datetime.fromisoformat(said[key]) for key in ("started_at", "beat_at")}
            done = said["last_done_at"]
            return cls(
                **(said | times)
                | {
                    "last_done_at": datetime.fromisoformat(done) if done else None,
                    "next_at": {job: datetime.fromisoformat(at) for job, at in said["next_at"].items()},
                }
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AimsightError(f"{path} cannot be read as a sign of life: {error}") from error


def heartbeat_path(store: Path) -> Path:
    """Where the sign of life of a project lies: beside its store."""
    return store.with_name("serve.json")


@contextmanager
def only_one(store: Path) -> Iterator[None]:
    """Hold the right to serve a project; the kernel gives it back when the process ends, however it ends.

    Raises
    ------
    StoreBusyError
        Another process serves this project already (its pid is named).
    StoreError
        Nothing can be written beside the store.
    """
    path = store.with_name("serve.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"{path}: nothing can be written there, so nothing can be run: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise StoreBusyError(
                f"another `aimsight serve` (pid {pid}) serves this project already; stop it with: kill {pid}"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)

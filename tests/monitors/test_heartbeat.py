"""The sign of life, and the lock that lets one process serve a project."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aimsight.configs.errors import AimsightError, StoreBusyError
from aimsight.monitors.heartbeat import SILENT_AFTER, Heartbeat, heartbeat_path, only_one

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """All fields survive the file; nobody serving is no error."""
    path = heartbeat_path(tmp_path / "store.duckdb")
    assert Heartbeat.read(path) is None
    beat = Heartbeat(7, NOW, NOW, "running", "running air-time", "http://127.0.0.1:8501", "x", NOW, {"sweep": NOW})
    beat.write(path)
    assert Heartbeat.read(path) == beat


def test_silence_and_an_orderly_end_are_no_life() -> None:
    """A process that stopped, or has not been heard of for a while, does not serve."""
    assert Heartbeat(7, NOW, NOW).is_alive(NOW + SILENT_AFTER)
    assert not Heartbeat(7, NOW, NOW).is_alive(NOW + SILENT_AFTER + timedelta(seconds=1))
    assert not Heartbeat(7, NOW, NOW, "stopped").is_alive(NOW)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    """Not a traceback, but which file cannot be read."""
    path = tmp_path / "serve.json"
    path.write_text(content)
    with pytest.raises(AimsightError, match=r"serve\.json"):
        Heartbeat.read(path)


def test_the_second_process_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    """The lock is the kernel's: it is free again as soon as its holder has ended, even when killed."""
    store = tmp_path / "store" / "test.duckdb"
    code = (
        "import sys, time; from pathlib import Path; from aimsight.monitors.heartbeat import only_one\n"
        f"with only_one(Path({str(store)!r})):\n    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreBusyError, match=f"pid {holder.pid}"), only_one(store):
            pass
        holder.kill()
    with only_one(store):
        pass

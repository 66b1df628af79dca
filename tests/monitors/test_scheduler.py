"""`aimsight serve`: it starts, says where it is, refuses a second one, records its gaps and stops cleanly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobExecutionEvent, JobSubmissionEvent

from aimsight.configs.errors import AimsightError
from aimsight.configs.load import Project, load_project
from aimsight.monitors.heartbeat import Heartbeat, heartbeat_path
from aimsight.monitors.scheduler import SWEEPER, Clock
from aimsight.store.database import Store
from aimsight.store.outbox import Notice, enqueue_notice
from aimsight.store.records import append_event
from aimsight.store.versions import shipped

PATIENCE = 30.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project without models."""
    (tmp_path / "aimsight.yaml").write_text("organisation: Test\n")
    return tmp_path


def eventually(condition: Callable[[], Any]) -> Any:
    """The first true answer of ``condition``, within some patience."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return answer


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    """`aimsight serve` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", "from aimsight.monitors.cli import main; main()", "-C", str(folder), "serve", *options],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("AIMSIGHT_")},
    )


def beat(folder: Path) -> Heartbeat | None:
    """The sign of life of the project."""
    return Heartbeat.read(heartbeat_path(folder / "store" / "aimsight.duckdb"))


def serving(folder: Path) -> Heartbeat | None:
    """The sign of life once everything runs."""
    sign = beat(folder)
    return sign if sign and sign.state == "idle" else None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_process_serves_and_a_signal_stops_it(folder: Path, number: signal.Signals) -> None:
    """It gives signs of life, refuses a second process with its pid, and leaves with 0 within seconds."""
    with start(folder, "--no-dashboard") as first:
        sign = eventually(lambda: serving(folder))
        assert sign.pid == first.pid
        with start(folder, "--no-dashboard") as second:
            _, told = second.communicate(timeout=PATIENCE)
        assert second.returncode == 75
        assert f"(pid {first.pid})" in told
        asked = time.monotonic()
        first.send_signal(number)
        assert first.wait(PATIENCE) == 0
        assert time.monotonic() - asked < 5
    last = beat(folder)
    assert last is not None
    assert last.state == "stopped"


def test_the_dashboard_answers_and_ends_with_the_process(folder: Path) -> None:
    """The address that is told answers on its health endpoint, and is free again after the stop."""
    with start(folder) as process:
        url = eventually(lambda: serving(folder)).url
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as reply:
            assert reply.read() == b"ok"
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert f"Dashboard: {url}" in told
    with pytest.raises(OSError):  # noqa: PT011  # which error a dead port gives differs by system
        urllib.request.urlopen(f"{url}/_stcore/health", timeout=5)


def test_an_older_store_is_upgraded_before_a_page_is_shown(folder: Path) -> None:
    """Nobody has to run anything first: the pages could not read it."""
    path = folder / "store" / "aimsight.duckdb"
    with Store(path, migrations=shipped()[:-1]).write():
        pass
    process = start(folder, "--no-dashboard")
    try:
        eventually(lambda: serving(folder))
        with Store(path).read() as reader:
            assert reader.tuples("SELECT count(*) FROM events")[0][0] >= 0
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)


def test_a_run_that_does_not_end_is_broken_off(folder: Path) -> None:
    """The stop waits a little, then leaves with 0 all the same."""
    script = textwrap.dedent(
        f"""
        import time
        from datetime import timedelta
        from pathlib import Path
        from aimsight.monitors.scheduler import serve

        def run_due(project, store, *, now, models=None):
            print("running", flush=True)
            time.sleep(60)
            return []

        folder = Path({str(folder)!r})
        raise SystemExit(serve(folder, port=None, say=print, run_due=run_due, grace=timedelta(seconds=0.5)))
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "running\n":
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE / 3) == 0
        assert "Stopped; the run under way was broken off" in process.stdout.read()


class Runner:
    """Counts what it was asked to run, and fails on request."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str] | None] = []
        self.error = ""
        self.ran = threading.Event()

    def __call__(
        self, project: Project, store: Store, *, now: datetime, models: Sequence[str] | None = None
    ) -> list[Any]:
        """One call of run_due."""
        self.asked.append(models)
        self.ran.set()
        if self.error:
            raise AimsightError(self.error)
        return []


@pytest.fixture
def runner() -> Runner:
    """What stands in for the runs."""
    return Runner()


@pytest.fixture
def clock(folder: Path, runner: Runner) -> Clock:
    """A clock that has not begun to tick."""
    store = Store(folder / "store" / "aimsight.duckdb")
    store.path.parent.mkdir()
    return Clock(folder, load_project(folder), store, say=lambda text: None, load=load_project, run_due=runner)


def events(folder: Path) -> list[tuple[str, str, str]]:
    """Kind, subject and payload of what the clock put on record."""
    with Store(folder / "store" / "aimsight.duckdb").read() as reader:
        return reader.tuples("SELECT kind, subject, payload FROM events WHERE kind LIKE 'tick.%' ORDER BY seq")


def test_everything_is_looked_at_at_the_start(clock: Clock, runner: Runner) -> None:
    """What fell due while nobody served is run at once."""
    clock.start()
    assert runner.ran.wait(PATIENCE)
    assert clock.stop()
    assert runner.asked == [None]


def test_a_notice_that_waits_is_delivered_when_its_pause_is_over(folder: Path, runner: Runner) -> None:
    """Not only when the next run is due, which may be in an hour."""
    (folder / "aimsight.yaml").write_text("organisation: Test\nalerts: [{name: ops, url: 'file:told.jsonl'}]\n")
    store = Store(folder / "store" / "aimsight.duckdb")
    now = datetime.now(UTC)
    with store.write() as tx:
        for key, pause in (("soon", timedelta(seconds=2)), ("later", timedelta(hours=2))):
            enqueue_notice(tx, Notice(key, now, "ops", key, "body", key, next_attempt_at=now + pause))
    project = load_project(folder)
    clock = Clock(folder, project, store, say=lambda text: None, load=load_project, run_due=runner)
    clock.start()
    told = folder / "told.jsonl"
    eventually(lambda: told.exists() and told.read_text().endswith("\n"))
    assert clock.stop()
    assert json.loads(told.read_text())["notices"] == ["soon"]
    assert (now + timedelta(seconds=2)).isoformat() <= json.loads(told.read_text())["sent_at"]


def test_the_records_are_verified_once_a_day(folder: Path, clock: Clock) -> None:
    """The first look of a day verifies and says so in the ledger; a store that was tampered with is not written to."""
    store = Store(folder / "store" / "aimsight.duckdb")
    with store.write() as tx:
        append_event(tx, "test.note", "test", "somebody", {})
    clock._verify_daily()
    clock._verify_daily()
    with store.read() as reader:
        found = reader.tuples("SELECT payload FROM events WHERE kind = 'store.verified'")
    said = [json.loads(payload) for (payload,) in found]
    assert [(one["intact"], one["complete"], one["authorised"]) for one in said] == [(True, True, True)]
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("DELETE FROM ledger WHERE seq = 2")
    before = store.path.read_bytes()
    clock._now = lambda: datetime.now(UTC) + timedelta(days=2)
    clock._verify_daily()
    assert store.path.read_bytes() == before
    assert "not whole" in clock._heart.last_error


def test_late_and_overlapping_ticks_become_evidence(folder: Path, clock: Clock) -> None:
    """A tick that came too late and one that met a run still going are entries of the ledger."""
    planned = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
    clock.start()
    clock._on_missed(JobExecutionEvent(EVENT_JOB_MISSED, SWEEPER, "default", planned))
    clock._on_still_running(JobSubmissionEvent(EVENT_JOB_MAX_INSTANCES, SWEEPER, "default", [planned]))
    clock.stop()
    found = events(folder)
    assert [(kind, subject) for kind, subject, _ in found] == [("tick.missed", "sweep"), ("tick.skipped", "sweep")]
    assert "2026-11-24T07:00:00+00:00" in found[0][2]


def test_a_missed_tick_is_caught_up_at_once(clock: Clock, runner: Runner) -> None:
    """The windows of a tick that came too late do not wait for the next one."""
    clock.start()
    assert runner.ran.wait(PATIENCE)
    runner.ran.clear()
    clock._on_missed(JobExecutionEvent(EVENT_JOB_MISSED, SWEEPER, "default", datetime(2026, 11, 24, tzinfo=UTC)))
    assert runner.ran.wait(PATIENCE)
    clock.stop()


def test_a_clock_that_is_set_back_stops_no_tick(folder: Path, clock: Clock, runner: Runner) -> None:
    """What was planned by a clock that was years ahead does not wait for these years; else a look changes nothing."""
    clock.start()
    assert runner.ran.wait(PATIENCE)
    eventually(lambda: serving(folder))
    clock.look()
    for job in clock._scheduler.get_jobs():
        clock._scheduler.modify_job(job.id, next_run_time=datetime.now(UTC) + timedelta(days=400))
    runner.ran.clear()
    clock.look()
    assert runner.ran.wait(PATIENCE)
    soon = datetime.now(UTC) + timedelta(hours=2)
    eventually(lambda: all(job.next_run_time < soon for job in clock._scheduler.get_jobs()))
    clock.stop()
    assert runner.asked == [None, None]


def test_a_failed_round_is_told_and_the_next_one_goes_on(folder: Path, clock: Clock, runner: Runner) -> None:
    """The sign of life carries the error until a round goes well."""
    runner.error = "the disk is full"
    clock._sweep()
    sign = beat(folder)
    assert sign is not None
    assert sign.last_error == "the disk is full"
    runner.error = ""
    clock._sweep()
    sign = beat(folder)
    assert sign is not None
    assert sign.last_error == ""


def test_a_broken_configuration_does_not_stop_the_monitoring(folder: Path, clock: Clock, runner: Runner) -> None:
    """The one before goes on, the mistake is told until it is repaired."""
    (folder / "aimsight.yaml").write_text("organisation: Test\nstroe: x\n")
    clock._sweep()
    sign = beat(folder)
    assert runner.asked == [None]
    assert sign is not None
    assert "stroe" in sign.last_error
    (folder / "aimsight.yaml").write_text("organisation: Test\n")
    clock._sweep()
    sign = beat(folder)
    assert sign is not None
    assert sign.last_error == ""


def test_after_a_stop_no_waiting_tick_begins(clock: Clock, runner: Runner) -> None:
    """What was queued behind a run does not start while the process ends."""
    clock.start()
    assert runner.ran.wait(PATIENCE)
    clock.stop()
    clock._tick("air-time")
    assert runner.asked == [None]

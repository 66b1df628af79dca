"""Planned runs that did not take place are a nonconformity of their own."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aimsight.monitors.missed import missed_windows
from aimsight.monitors.missed import record_missed as record_missed_of
from aimsight.store.runs import RunRecord, begin_attempts

Sandbox = Any
NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)


def record_missed(sandbox: Sandbox, now: datetime) -> list[str]:
    """What is opened for the one model."""
    project = sandbox.project
    model = project.models["credit"]
    with sandbox.store.read() as reader:
        late = missed_windows(reader, model, now)
    return record_missed_of(project, sandbox.store, model, late)


@pytest.fixture
def served(sandbox: Sandbox) -> Sandbox:
    """A model whose days until 6 January were run at noon of the 7th."""
    sandbox.clock.moment = NOON
    sandbox.model()
    sandbox.days(0, 1, 2, 3, 4, 5)
    sandbox.run(6)
    return sandbox


@pytest.mark.parametrize(("hours", "opened"), [(0, []), (11, []), (12, []), (36, ["NC-2026-0001"])])
def test_two_missed_runs_open_a_record(served: Sandbox, hours: int, opened: list[str]) -> None:
    """One midnight without a run is late, two are monitoring that was not done."""
    now = NOON + timedelta(hours=hours)
    served.clock.moment = now
    assert record_missed(served, now) == opened


def test_the_record_names_the_windows_and_is_opened_once(served: Sandbox) -> None:
    """Three missed days are its occurrences; a second look, and the catching up, open nothing more."""
    now = served.clock.moment = NOON + timedelta(days=3)
    assert record_missed(served, now) == ["NC-2026-0001"]
    assert record_missed(served, now) == []
    (record,) = served.nonconformities()
    assert (record["kind"], record["severity"], record["occurrences"]) == ("monitoring not done", "major", 3)
    assert record["statement"] == "3 runs of credit did not take place when planned: 7 Jan 2026 to 9 Jan 2026"
    served.days(6, 7, 8)
    served.run(9)
    assert record_missed(served, now) == []
    assert len(served.nonconformities()) == 1
    served.check()


def test_a_history_that_is_closed_misses_nothing(served: Sandbox) -> None:
    """After the last planned day there is nothing to run."""
    served.model(monitor={"every": "1d", "window": "1d", "end": datetime(2026, 1, 7, tzinfo=UTC).date()})
    later = NOON + timedelta(days=30)
    assert record_missed(served, later) == []


def test_a_model_that_never_ran_has_missed_nothing(sandbox: Sandbox) -> None:
    """Nothing was promised yet: the first run of a long history is late for none of it."""
    sandbox.clock.moment = NOON + timedelta(days=30)
    sandbox.model(monitor={"end": datetime(2026, 1, 7, tzinfo=UTC).date()})
    sandbox.days(0, 1, 2, 3, 4, 5)
    summary = sandbox.run(30)["credit"]
    assert (len(summary.runs), summary.opened) == (2, [])


def test_whoever_runs_by_cron_has_it_on_record(served: Sandbox) -> None:
    """The cron job was off for three days: the next run opens the record and tells it, then catches up."""
    alerts = served.root / "alerts.txt"
    (served.root / "aimsight.yaml").write_text(
        "organisation: Example\nalerts: [{name: ops, url: 'file:alerts.txt', on: [nonconformity, missed]}]\n"
    )
    served.clock.moment = NOON + timedelta(days=3)
    served.days(6, 7, 8)
    summary = served.run(9)["credit"]
    assert summary.opened == ["NC-2026-0001"]
    assert {run.window for run in summary.runs} >= {served.window(day) for day in (6, 7, 8)}
    assert "NC-2026-0001 opened (major): monitoring of credit was not done" in alerts.read_text()
    assert alerts.read_text().count("credit: run of 7–9 Jan 2026 did not take place") == 2  # in the list, and in full
    assert served.run(9)["credit"].opened == []
    served.check()


def test_a_run_that_was_broken_off_is_told(served: Sandbox) -> None:
    """Whoever wants to know of abandoned runs is told when the next run finds what is left of them."""
    alerts = served.root / "alerts.txt"
    (served.root / "aimsight.yaml").write_text(
        "organisation: Example\nalerts: [{name: ops, url: 'file:alerts.txt', on: [abandoned]}]\n"
    )
    served.days(6)
    now = served.clock.moment
    window = served.window(6)
    run = RunRecord("k", "credit", "1", "main", window.start, window.end, window.end, now, "s", "c", "0")
    with served.store.write() as tx:
        begin_attempts(tx, [run], pid=2**22 + 1, host=socket.gethostname(), lease_until=now + timedelta(hours=6))
    served.run(7)
    assert "credit: run of 7 Jan 2026 was broken off" in alerts.read_text()
    assert served.outcomes()[6] == ["abandoned", "success"]
    served.check()


def test_a_run_that_died_is_not_the_last_run(served: Sandbox) -> None:
    """The machine broke down in the middle of a run and stood still for three days: they are missed."""
    window, then = served.window(6), served.clock.moment
    run = RunRecord("k", "credit", "1", "main", window.start, window.end, window.end, then, "s", "c", "0")
    with served.store.write() as tx:
        begin_attempts(tx, [run], pid=2**22 + 1, host=socket.gethostname(), lease_until=then + timedelta(hours=6))
    served.clock.moment = NOON + timedelta(days=3)
    served.days(6, 7, 8)
    assert served.run(9)["credit"].opened == ["NC-2026-0001"]
    served.check()


def test_a_run_for_a_moment_to_come_misses_nothing_before_it(served: Sandbox) -> None:
    """Asked for windows of next week today, nothing has been missed yet."""
    assert served.run(20)["credit"].opened == ["NC-2026-0001"]  # for days without rows
    (record,) = served.nonconformities()
    assert "did not take place" not in record["statement"]

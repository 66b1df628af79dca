"""Planned runs that did not take place are a nonconformity of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aimsight.monitors.missed import record_missed

Sandbox = Any
NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)


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
    assert record_missed(served.project, served.store, now) == opened


def test_the_record_names_the_windows_and_is_opened_once(served: Sandbox) -> None:
    """Three missed days are its occurrences; a second look, and the catching up, open nothing more."""
    now = served.clock.moment = NOON + timedelta(days=3)
    assert record_missed(served.project, served.store, now) == ["NC-2026-0001"]
    assert record_missed(served.project, served.store, now) == []
    (record,) = served.nonconformities()
    assert (record["kind"], record["severity"], record["occurrences"]) == ("monitoring not done", "major", 3)
    assert record["statement"] == "3 runs of credit did not take place when planned: 7 Jan 2026 to 9 Jan 2026"
    served.days(6, 7, 8)
    served.run(9)
    assert record_missed(served.project, served.store, now) == []
    assert len(served.nonconformities()) == 1
    served.check()


def test_a_history_that_is_closed_misses_nothing(served: Sandbox) -> None:
    """After the last planned day there is nothing to run."""
    served.model(monitor={"every": "1d", "window": "1d", "end": datetime(2026, 1, 7, tzinfo=UTC).date()})
    later = NOON + timedelta(days=30)
    assert record_missed(served.project, served.store, later) == []


def test_a_model_that_never_ran_has_missed_nothing(sandbox: Sandbox) -> None:
    """Nothing was promised yet."""
    sandbox.model()
    assert record_missed(sandbox.project, sandbox.store, NOON) == []

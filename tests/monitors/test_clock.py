"""The clock's trigger fires once at every edge of a model's calendar, and never twice at the same one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.configs.durations import Duration
from aimsight.monitors.clock import CalendarTrigger
from aimsight.monitors.windows import windows

DELAY = timedelta(seconds=5)


def utc(text: str) -> datetime:
    """An instant written in ISO form, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "zone", "now", "expected"),
    [
        ("1d", "UTC", "2026-11-24T07:00", "2026-11-25T00:00"),
        ("1d", "Europe/Vienna", "2026-11-24T07:00", "2026-11-24T23:00"),
        ("1mo", "UTC", "2026-11-24T07:00", "2026-12-01T00:00"),
        ("2y", "UTC", "2026-11-24T07:00", "2028-01-01T00:00"),
        ("1h", "UTC", "2026-11-24T07:00:04", "2026-11-24T07:00"),
        ("1h", "UTC", "2026-11-24T07:00:05", "2026-11-24T08:00"),
    ],
)
def test_the_next_tick_follows_the_next_edge(every: str, zone: str, now: str, expected: str) -> None:
    """A few seconds after the edge, so that its last rows can arrive; an edge just passed still counts."""
    trigger = CalendarTrigger(Duration.parse(every), zone)
    assert trigger.get_next_fire_time(None, utc(now)) == utc(expected) + DELAY


@given(
    every=st.sampled_from(["1h", "6h", "1d", "1w", "1mo"]),
    zone=st.sampled_from(["UTC", "Europe/Vienna", "Australia/Lord_Howe", "America/Havana", "America/Sao_Paulo"]),
    start=st.datetimes(datetime(2017, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # bounds are naive by hypothesis' contract
)
def test_every_window_gets_its_tick(every: str, zone: str, start: datetime) -> None:
    """Followed from tick to tick, through every change of the clocks, no edge is left out and none comes twice."""
    duration = Duration.parse(every)
    trigger = CalendarTrigger(duration, zone)
    ticks = [trigger.get_next_fire_time(None, start)]
    for _ in range(20):
        ticks.append(trigger.get_next_fire_time(ticks[-1], ticks[-1]))
    found = windows(duration, duration, zone, ticks[0] - DELAY, ticks[-1] - DELAY)
    assert [window.end + DELAY for window in found] == ticks[1:]


def test_ticks_that_went_by_are_not_made_up_one_by_one() -> None:
    """After a long sleep there is one tick, not one for every edge: a run looks at all windows that are due."""
    trigger = CalendarTrigger(Duration(1, "h"), "UTC")
    assert trigger.get_next_fire_time(utc("2026-11-20T00:00:05"), utc("2026-11-24T07:30")) == utc("2026-11-24T08:00:05")

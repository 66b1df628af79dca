"""Windows follow the local calendar through every change of the clocks."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimsight.configs.durations import Duration
from aimsight.metrics.plan import Window
from aimsight.monitors.windows import (
    ceiling,
    complete,
    disjoint,
    earlier,
    floor,
    later,
    midnight,
    side_by_side,
    windows,
    within_lookback,
)

ZONES = sorted(available_timezones() - {"localtime", "Factory"})


def utc(text: str) -> datetime:
    """An instant written in ISO form, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def edges(count: int, unit: str, zone: str, start: str, until: str) -> list[str]:
    """The starts of the tumbling windows, and the last end, as text in UTC."""
    step = Duration(count, unit)  # type: ignore[arg-type]  # the table names only valid units
    found = windows(step, step, zone, utc(start), utc(until))
    assert all(a.end == b.start for a, b in itertools.pairwise(found))
    return [f"{window.start:%Y-%m-%dT%H:%M}" for window in found] + [f"{found[-1].end:%Y-%m-%dT%H:%M}"]


CASES = {
    "an hour is absolute when the clocks go forward": (
        (1, "h", "Europe/Vienna", "2026-03-29T00:00", "2026-03-29T03:00"),
        ["2026-03-29T00:00", "2026-03-29T01:00", "2026-03-29T02:00", "2026-03-29T03:00"],
    ),
    "the repeated hour is two windows": (
        (1, "h", "Europe/Vienna", "2026-10-25T00:00", "2026-10-25T02:00"),
        ["2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00"],
    ),
    "hours of a zone with a half-hour offset follow its own clock": (
        (1, "h", "Asia/Kolkata", "2026-01-01T00:00", "2026-01-01T02:45"),
        ["2026-01-01T00:30", "2026-01-01T01:30", "2026-01-01T02:30"],
    ),
    "a spring day has 23 hours": (
        (1, "d", "Europe/Vienna", "2026-03-28T00:00", "2026-03-31T00:00"),
        ["2026-03-28T23:00", "2026-03-29T22:00", "2026-03-30T22:00"],
    ),
    "an autumn day has 25 hours": (
        (1, "d", "Europe/Vienna", "2026-10-24T00:00", "2026-10-27T00:00"),
        ["2026-10-24T22:00", "2026-10-25T23:00", "2026-10-26T23:00"],
    ),
    "clocks that move by half an hour (23.5 h)": (
        (1, "d", "Australia/Lord_Howe", "2026-10-02T00:00", "2026-10-05T00:00"),
        ["2026-10-02T13:30", "2026-10-03T13:30", "2026-10-04T13:00"],
    ),
    "clocks that move by half an hour (24.5 h)": (
        (1, "d", "Australia/Lord_Howe", "2026-04-03T00:00", "2026-04-06T00:00"),
        ["2026-04-03T13:00", "2026-04-04T13:00", "2026-04-05T13:30"],
    ),
    "midnight itself is skipped (Sao Paulo 2018-11-04: the day begins at 01:00)": (
        (1, "d", "America/Sao_Paulo", "2018-11-03T00:00", "2018-11-06T00:00"),
        ["2018-11-03T03:00", "2018-11-04T03:00", "2018-11-05T02:00"],
    ),
    "the skipped half hour lies across midnight (Toronto 1919-03-30: 23:30 becomes 00:30)": (
        (1, "d", "America/Toronto", "1919-03-30T00:00", "1919-04-02T00:00"),
        ["1919-03-30T05:00", "1919-03-31T04:30", "1919-04-01T04:00"],
    ),
    "midnight comes twice (Havana 2026-11-01: 01:00 becomes 00:00), and the first one counts": (
        (1, "d", "America/Havana", "2026-10-31T00:00", "2026-11-03T00:00"),
        ["2026-10-31T04:00", "2026-11-01T04:00", "2026-11-02T05:00"],
    ),
    "a whole day is skipped (Apia 2011-12-30)": (
        (1, "d", "Pacific/Apia", "2011-12-28T00:00", "2012-01-01T00:00"),
        ["2011-12-28T10:00", "2011-12-29T10:00", "2011-12-30T10:00", "2011-12-31T10:00"],
    ),
    "weeks begin on Monday, also over the year's end and week 53": (
        (1, "w", "UTC", "2020-12-20T00:00", "2021-01-12T00:00"),
        ["2020-12-21T00:00", "2020-12-28T00:00", "2021-01-04T00:00", "2021-01-11T00:00"],
    ),
    "months, with a leap day inside": (
        (1, "mo", "Asia/Tokyo", "2024-01-31T15:00", "2024-03-31T15:00"),
        ["2024-01-31T15:00", "2024-02-29T15:00", "2024-03-31T15:00"],
    ),
    "quarters": (
        (1, "q", "UTC", "2026-02-01T00:00", "2026-12-31T00:00"),
        ["2026-04-01T00:00", "2026-07-01T00:00", "2026-10-01T00:00"],
    ),
    "two years are even years": (
        (2, "y", "America/Chicago", "1985-01-01T06:00", "1991-01-01T00:00"),
        ["1986-01-01T06:00", "1988-01-01T06:00", "1990-01-01T06:00"],
    ),
    "three days lie on a fixed grid (2001-01-01 and every third day)": (
        (3, "d", "UTC", "2001-01-02T00:00", "2001-01-11T00:00"),
        ["2001-01-04T00:00", "2001-01-07T00:00", "2001-01-10T00:00"],
    ),
    "two weeks lie on a fixed grid, also before its origin": (
        (2, "w", "UTC", "2000-12-01T00:00", "2001-01-15T00:00"),
        ["2000-12-04T00:00", "2000-12-18T00:00", "2001-01-01T00:00", "2001-01-15T00:00"],
    ),
}


@pytest.mark.parametrize(("given_", "expected"), CASES.values(), ids=CASES.keys())
def test_edges_of_tumbling_windows(given_: tuple[int, str, str, str, str], expected: list[str]) -> None:
    """Each case of the table gives the edges worked out by hand from the zone's rules."""
    assert edges(*given_) == expected


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    first=st.dates(date(1890, 1, 1), date(2037, 1, 1)),
    days=st.integers(1, 400),
)
def test_every_local_day_has_exactly_one_window(zone: str, first: date, days: int) -> None:
    """In every zone the day windows are adjacent and sorted, and every local day that exists begins exactly one."""
    last = first + timedelta(days=days)
    day = Duration(1, "d")
    found = windows(day, day, zone, midnight(first, zone), midnight(last, zone))
    assert found[0].start == midnight(first, zone) or not _exists(first, zone)
    assert all(a.end == b.start for a, b in itertools.pairwise(found))
    assert all(window.start < window.end for window in found)
    begun = [_day_of(window, zone) for window in found]
    assert begun == [day for day in (first + timedelta(days=i) for i in range(days)) if _exists(day, zone)]


def _exists(day: date, zone: str) -> bool:
    """Whether some half hour of this local day comes back from UTC as the same day (an independent check)."""
    info = ZoneInfo(zone)
    around = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return any((around + timedelta(minutes=30 * i)).astimezone(info).date() == day for i in range(60, -60, -1))


def _day_of(window: Window, zone: str) -> date:
    """The local day a window stands for: the one its middle lies in."""
    return (window.start + (window.end - window.start) / 2).astimezone(ZoneInfo(zone)).date()


@settings(max_examples=100, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    moment=st.datetimes(datetime(1900, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # bounds are naive by hypothesis' contract
    grid=st.builds(Duration, st.integers(1, 7), st.sampled_from(["h", "d", "w", "mo", "q", "y"])),
)
def test_floor_and_ceiling_enclose_every_moment(zone: str, moment: datetime, grid: Duration) -> None:
    """A moment lies between its grid's edges, and one window of the grid contains it."""
    low, high = floor(grid, zone, moment), ceiling(grid, zone, moment)
    assert low <= moment <= high
    assert (low == high) == (low == moment)
    if low < high:
        assert windows(grid, grid, zone, low, high) == [Window(low, high)]


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    length=st.builds(Duration, st.integers(1, 40), st.sampled_from(["h", "d", "w"])),
    every=st.builds(Duration, st.integers(1, 3), st.sampled_from(["d", "w", "mo"])),
)
def test_pieces_of_overlapping_windows_add_up(zone: str, length: Duration, every: Duration) -> None:
    """Disjoint pieces are sorted, do not overlap, and each window is exactly the chain of its pieces."""
    found = windows(length, every, zone, utc("1999-05-05T00:00"), utc("2001-02-01T00:00"))
    pieces, parts = disjoint(found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(pieces))
    for window in found:
        mine = parts[window]
        assert (mine[0].start, mine[-1].end) == (window.start, window.end)
        assert all(a.end == b.start for a, b in itertools.pairwise(mine))
        assert set(mine) <= set(pieces)


def test_windows_longer_than_their_rhythm_overlap() -> None:
    """A week looked at every day ends at each local midnight and covers the seven local days before it."""
    found = windows(
        Duration(1, "w"), Duration(1, "d"), "Europe/Vienna", utc("2026-03-22T23:00"), utc("2026-04-01T00:00")
    )
    assert [(w.start.isoformat(), w.end.isoformat()) for w in found] == [
        ("2026-03-22T23:00:00+00:00", "2026-03-29T22:00:00+00:00"),
        ("2026-03-23T23:00:00+00:00", "2026-03-30T22:00:00+00:00"),
        ("2026-03-24T23:00:00+00:00", "2026-03-31T22:00:00+00:00"),
    ]
    pieces, parts = disjoint(found)
    assert len(pieces) == 5
    assert [len(parts[window]) for window in found] == [3, 3, 3]


def test_windows_shorter_than_their_rhythm_leave_gaps() -> None:
    """A day looked at every week is the Sunday before each Monday."""
    found = windows(Duration(1, "d"), Duration(1, "w"), "UTC", utc("2026-01-01T00:00"), utc("2026-01-13T00:00"))
    assert found == [
        Window(utc("2026-01-04T00:00"), utc("2026-01-05T00:00")),
        Window(utc("2026-01-11T00:00"), utc("2026-01-12T00:00")),
    ]
    assert len(disjoint(found)[0]) == 2


def test_a_month_before_the_end_of_march_is_the_end_of_february() -> None:
    """Moving by months holds the day at the end of a shorter month, and keeps the local time of day."""
    assert earlier(Duration(1, "mo"), "Europe/Vienna", utc("2026-03-31T10:00")) == utc("2026-02-28T11:00")
    assert later(Duration(1, "mo"), "UTC", utc("2026-01-31T10:00")) == utc("2026-02-28T10:00")
    assert later(Duration(1, "mo"), "UTC", utc("2026-11-30T10:00")) == utc("2026-12-30T10:00")
    assert earlier(Duration(1, "y"), "UTC", utc("2024-02-29T00:00")) == utc("2023-02-28T00:00")


def test_only_finished_windows_are_due() -> None:
    """A window is due from the moment it ends, not a second before."""
    day = Window(utc("2026-01-01T00:00"), utc("2026-01-02T00:00"))
    assert complete([day], utc("2026-01-01T23:59:59")) == []
    assert complete([day], utc("2026-01-02T00:00")) == [day]


def test_lookback_limits_what_late_data_may_change() -> None:
    """Windows that ended at or before now less the lookback stay as they are; without a lookback all stay open."""
    days = windows(Duration(1, "d"), Duration(1, "d"), "UTC", utc("2026-01-01T00:00"), utc("2026-01-11T00:00"))
    recent = within_lookback(days, utc("2026-01-11T00:00"), Duration(3, "d"), "UTC")
    assert [window.end.day for window in recent] == [9, 10, 11]
    assert within_lookback(days, utc("2026-01-11T00:00"), None, "UTC") == days


def test_the_start_is_respected_and_nothing_is_cut() -> None:
    """A window that began before the start, or ends after the limit, is left out whole."""
    found = windows(Duration(1, "d"), Duration(1, "d"), "UTC", utc("2026-01-01T00:01"), utc("2026-01-03T23:59"))
    assert found == [Window(utc("2026-01-02T00:00"), utc("2026-01-03T00:00"))]


def test_overlapping_windows_in_groups_without_overlap() -> None:
    """Weeks that begin daily fall into seven groups; days that do not overlap stay together."""
    monday = datetime(2026, 6, 1, tzinfo=UTC)
    days = [monday + timedelta(days=n) for n in range(21)]
    weeks = [Window(day, day + timedelta(days=7)) for day in days]
    groups = side_by_side(weeks)
    assert [len(group) for group in groups] == [3] * 7
    assert sorted((w for group in groups for w in group), key=lambda w: w.start) == weeks
    assert all(a.end <= b.start for group in groups for a, b in itertools.pairwise(group))
    assert len(side_by_side([Window(day, day + timedelta(days=1)) for day in days])) == 1

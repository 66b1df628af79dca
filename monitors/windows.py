"""Windows of event time that follow a model's calendar: pure functions from durations to instants.

A calendar window begins and ends where the local day, week, month, quarter or year does, so a day has 23 or 25 hours
when the clocks change; hours are absolute. Multiples lie on a fixed grid (``2y``: even years; ``3d``, ``2w``, ``6h``:
counted from Monday, 1 January 2001, local midnight), so that a window's edges never depend on when monitoring began.
Everything is returned in UTC: two instants whose local clocks read the same stay different.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from aimsight.configs.durations import Duration
from aimsight.metrics.plan import Window

EPOCH = date(2001, 1, 1)
"""Where multiples of hours, days and weeks are counted from: a Monday that begins a year."""

_SECOND = timedelta(seconds=1)
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_DAYS = {"d": 1, "w": 7}


def windows(length: Duration, every: Duration, zone: str, start: datetime, until: datetime) -> list[Window]:
    """Every window that lies wholly within [start, until), by its end.

    Parameters
    ----------
    length
        How much event time a window covers.
    every
        The grid on which windows end. Longer than ``length`` leaves gaps, shorter makes windows overlap.
    zone
        IANA name of the time zone whose calendar counts.
    start, until
        Aware instants. Round a first row down with `floor`, so that its window is not lost.

    Returns
    -------
    list[Window]
        Sorted, without duplicates. With ``length == every`` they are adjacent, and every local day (week, ...) has
        exactly one; a local day that was skipped (Apia, 30 December 2011) has none.
    """
    found: list[Window] = []
    index = _index(every, zone, start)
    while (end := _edge(every, zone, index)) <= until:
        begin = _before(length, every, zone, index)
        if start <= begin < end and (not found or found[-1].end < end):
            found.append(Window(begin, end))
        index += 1
    return found


def complete(candidates: list[Window], now: datetime) -> list[Window]:
    """The windows that are over at ``now``: only these are due."""
    return [window for window in candidates if window.end <= now]


def within_lookback(candidates: list[Window], now: datetime, lookback: Duration | None, zone: str) -> list[Window]:
    """The windows that late rows or labels may still change: those that end after ``now`` less ``lookback``.

    Without a lookback every window stays open to late data.
    """
    if lookback is None:
        return list(candidates)
    limit = earlier(lookback, zone, now)
    return [window for window in candidates if window.end > limit]


def disjoint(overlapping: list[Window]) -> tuple[tuple[Window, ...], dict[Window, tuple[Window, ...]]]:
    """Cut windows at each other's edges, so that one pass counts every row once.

    Returns
    -------
    tuple
        The disjoint pieces, sorted, and for each window the pieces whose statistics add up to its own.
    """
    edges = sorted({edge for window in overlapping for edge in (window.start, window.end)})
    parts = {
        window: tuple(
            Window(edges[i], edges[i + 1])
            for i in range(bisect_left(edges, window.start), bisect_left(edges, window.end))
        )
        for window in overlapping
    }
    pieces = {piece for mine in parts.values() for piece in mine}
    return tuple(sorted(pieces, key=lambda piece: piece.start)), parts


def side_by_side(overlapping: list[Window]) -> list[list[Window]]:
    """The windows in as few groups as need be so that none of a group overlap."""
    groups: list[list[Window]] = []
    for window in sorted(overlapping, key=lambda one: (one.start, one.end)):
        group = next((group for group in groups if group[-1].end <= window.start), None)
        if group is None:
            groups.append([window])
        else:
            group.append(window)
    return groups


def midnight(day: date, zone: str) -> datetime:
    """The instant at which a local day begins, in UTC.

    Where the clocks skip midnight it is the moment of the change; where midnight comes twice it is the first.
    """
    return _instant(datetime.combine(day, time()), ZoneInfo(zone))


def floor(grid: Duration, zone: str, moment: datetime) -> datetime:
    """The last edge of the grid at or before ``moment``."""
    return _edge(grid, zone, _index(grid, zone, moment))


def ceiling(grid: Duration, zone: str, moment: datetime) -> datetime:
    """The first edge of the grid at or after ``moment``."""
    edge = floor(grid, zone, moment)
    index = _index(grid, zone, moment)
    while edge < moment:  # more than one step only over skipped days
        index += 1
        edge = _edge(grid, zone, index)
    return edge


def earlier(length: Duration, zone: str, moment: datetime) -> datetime:
    """``moment`` less a duration on the local clock (hours: on the absolute clock); 31 March less 1mo: 28 February."""
    return _moved(length, zone, moment, -1)


def later(length: Duration, zone: str, moment: datetime) -> datetime:
    """``moment`` and a duration on the local clock (hours: on the absolute clock); 31 January and 1mo: 28 February."""
    return _moved(length, zone, moment, 1)


def _moved(length: Duration, zone: str, moment: datetime, times: int) -> datetime:
    if length.unit == "h":
        return moment.astimezone(UTC) + timedelta(hours=times * length.count)
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    return _instant(datetime.combine(_shift(wall.date(), length, times), wall.time()), ZoneInfo(zone))


def _before(length: Duration, every: Duration, zone: str, index: int) -> datetime:
    """Where the window begins that ends at an edge of the grid: from the edge's date, which survives skipped days."""
    if length.unit == "h" or every.unit == "h":
        return earlier(length, zone, _edge(every, zone, index))
    return midnight(_shift(_date(every, index), length, -1), zone)


def _edge(grid: Duration, zone: str, index: int) -> datetime:
    """Edge number ``index`` of the grid, in UTC."""
    if grid.unit == "h":
        return midnight(EPOCH, zone) + timedelta(hours=grid.count * index)
    return midnight(_date(grid, index), zone)


def _date(grid: Duration, index: int) -> date:
    """The local date at which period ``index`` of a grid of days or longer begins."""
    if grid.unit in _DAYS:
        return EPOCH + timedelta(days=index * grid.count * _DAYS[grid.unit])
    year, month = divmod(index * grid.count * _MONTHS[grid.unit], 12)
    return date(year, month + 1, 1)


def _index(grid: Duration, zone: str, moment: datetime) -> int:
    """The number of the period that contains ``moment``."""
    if grid.unit == "h":
        return (moment - midnight(EPOCH, zone)) // timedelta(hours=grid.count)
    day = moment.astimezone(ZoneInfo(zone)).date()
    if grid.unit in _DAYS:
        index = (day - EPOCH).days // (grid.count * _DAYS[grid.unit])
    else:
        index = (day.year * 12 + day.month - 1) // (grid.count * _MONTHS[grid.unit])
    # The local date can fall back over midnight after the day's window has begun (St. John's until 2011).
    while _edge(grid, zone, index + 1) <= moment:
        index += 1
    return index


def _shift(day: date, length: Duration, times: int) -> date:
    """``day`` moved by a duration of days or longer, held at the end of a shorter month."""
    if length.unit in _DAYS:
        return day + timedelta(days=times * length.count * _DAYS[length.unit])
    year, month = divmod(day.year * 12 + day.month - 1 + times * length.count * _MONTHS[length.unit], 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)  # December is month 11 here
    last = (following - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the local clock reads ``wall`` or, where that is skipped, the change itself."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # In a gap fold=1 gives an instant before the change and fold=0 one after it (or at it): halve the way between.
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    after = high.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = low + ((high - low) // 2) // _SECOND * _SECOND
        if middle.astimezone(zone).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high

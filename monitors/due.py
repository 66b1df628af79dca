"""Which windows are to be run now: pure decisions over the calendar and what was run before."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aimsight.aims.words import window_words
from aimsight.configs.canonical import canonical_json
from aimsight.configs.durations import UNITS, Duration
from aimsight.configs.errors import AimsightError
from aimsight.metrics.plan import Window
from aimsight.monitors.windows import ceiling, floor, later, midnight, windows, within_lookback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aimsight.configs.schema import ModelConfig


ENOUGH_WINDOWS = 8
"""With fewer windows of its own, a reference says too little about how much windows differ by nature."""

NO_TIMES = frozenset({date(1, 1, 1), date(1899, 12, 30), date(1900, 1, 1), date(1970, 1, 1)})
"""Days that programs write for no time at all: monitoring does not begin there."""


@dataclass(frozen=True, slots=True)
class History:
    """What came of a window so far: the input fingerprints it was run under to a result, in order, and to a failure.

    ``awaiting`` says that one of its objectives still awaits labels.
    """

    finished: tuple[str, ...] = ()
    failed: frozenset[str] = frozenset()
    awaiting: bool = False


def planned(model: ModelConfig, first_row: datetime | None, now: datetime) -> list[Window]:
    """Every window that is over at ``now``, from where monitoring starts to where it ends.

    Monitoring starts at ``monitor.start``, else after the reference period, else with the first row of the log.

    Raises
    ------
    AimsightError
        If nothing says where to start, or the first row's time is none.
    """
    zone, monitor = model.log.time_zone, model.monitor
    return windows(monitor.calendar, monitor.every, zone, beginning(model, first_row), ending(model, now))


def none_planned(model: ModelConfig, first_row: datetime | None, now: datetime) -> str:
    """Why no window of the calendar is planned by ``now``; ``''`` when one is, or nothing says yet where to start."""
    monitor, zone = model.monitor, model.log.time_zone
    if not isinstance(monitor.window, Duration):
        return ""
    try:
        start = beginning(model, first_row)
        if planned(model, first_row, now):
            return ""
    except AimsightError:
        return ""
    # a second length, since a month from the 31st may end on the 28th
    enough = later(monitor.window, zone, later(monitor.every, zone, later(monitor.window, zone, start)))
    first = windows(monitor.window, monitor.every, zone, start, enough)[0]
    span = window_words(first, zone)
    if monitor.end is not None and midnight(monitor.end, zone) < first.end:
        return f"no window of {monitor.window} lies between start and end; the first after the start is {span}"
    return f"the first window, {span}, is not over yet"


def beginning(model: ModelConfig, first_row: datetime | None) -> datetime:
    """Where monitoring starts; see ``planned``."""
    zone, monitor = model.log.time_zone, model.monitor
    if monitor.start is not None:
        return midnight(monitor.start, zone)
    if model.reference is not None and model.reference.period is not None:
        end = reference_period(model).end
        return ceiling(monitor.every, zone, end) if isinstance(monitor.window, Duration) else end
    if first_row is not None and first_row.astimezone(UTC).date() in NO_TIMES:
        raise AimsightError(
            f"{model.model}: the first row of the log is of {first_row:%Y-%m-%d}, which is what an empty time becomes; "
            "set monitor.start, or remove such rows"
        )
    if first_row is not None:
        return floor(monitor.every, zone, first_row)
    raise AimsightError(
        f"{model.model}: the log has no rows, and neither monitor.start nor a reference period says where "
        "the first window begins; set monitor.start"
    )


def ending(model: ModelConfig, now: datetime) -> datetime:
    """Where monitoring ends: the present, or before it the day that was declared."""
    end = model.monitor.end
    return now if end is None else min(now, midnight(end, model.log.time_zone))


def reference_period(model: ModelConfig) -> Window:
    """The reference period as an interval in UTC; days begin at midnight of the log's time zone."""
    if model.reference is None or model.reference.period is None:
        raise ValueError(f"{model.model} has no reference period")
    start, end = (_instant(edge, model.log.time_zone) for edge in model.reference.period)
    return Window(start, end)


def reference_windows(model: ModelConfig) -> tuple[Window, ...]:
    """The windows of a reference period, which show how much windows differ by nature; none without a period.

    Their length is ``reference.windows``; else that of the monitor's windows or, where the period holds fewer than
    ``ENOUGH_WINDOWS`` of them, the longest shorter calendar unit that it holds enough of.
    """
    if model.reference is None or model.reference.period is None:
        return ()
    period, zone = reference_period(model), model.log.time_zone
    wanted = model.monitor.calendar
    lengths = [model.reference.windows] if model.reference.windows else [wanted, *_shorter(wanted)]
    found: list[Window] = []
    for length in lengths:
        found = windows(length, length, zone, period.start, period.end)
        if len(found) >= ENOUGH_WINDOWS:
            break
    return tuple(found)


def _shorter(length: Duration) -> list[Duration]:
    units = (Duration(1, unit) for unit in reversed(UNITS))
    return [unit for unit in units if unit.typical_hours < length.typical_hours]


def settled(model: ModelConfig, window: Window, now: datetime) -> bool:
    """Whether the label delay of a window has passed; a model without a delay has nothing to wait for."""
    if model.labels is None or model.labels.delay is None:
        return True
    return later(model.labels.delay, model.log.time_zone, window.end) <= now


def due(
    candidates: Sequence[Window],
    history: Mapping[Window, History],
    fingerprint: Callable[[Window], str],
    model: ModelConfig,
    now: datetime,
) -> list[Window]:
    """The windows to run: those without a result, and those still open to late data whose inputs have changed since.

    Open are the windows within the lookback, and those that await labels. The lookback counts from the present, or from
    the declared end of a closed history: what its labels show late comes long after. A run that failed is not tried
    again on the same inputs.
    """
    until = ending(model, now)
    within = set(within_lookback(list(candidates), until, model.monitor.lookback, model.log.time_zone))
    found = []
    for window in candidates:
        past = history.get(window, History())
        is_open = not past.finished or past.awaiting or window in within
        if is_open and fingerprint(window) not in {*past.finished, *past.failed}:
            found.append(window)
    return found


def identity(contents: str, finished: Sequence[str]) -> str:
    """The fingerprint under which a window is run.

    It is that of its inputs' contents; inputs that were there before, but not last (a file was changed and changed
    back), get another one, because the same key is never run twice and the latest result is about something else.

    Parameters
    ----------
    contents
        The fingerprint of the contents now.
    finished
        The fingerprints of the results so far, oldest first.
    """
    seen: list[str] = []
    current = previous = ""
    for stored in finished:
        current = next((one for one in seen if _again(one, previous) == stored), stored)
        seen.append(current)
        previous = stored
    if contents == current:
        return previous
    return _again(contents, previous) if contents in seen else contents


def _again(contents: str, after: str) -> str:
    return hashlib.sha256(canonical_json({"again": contents, "after": after})).hexdigest()


def _instant(edge: date | datetime, zone: str) -> datetime:
    if isinstance(edge, datetime):
        return (edge if edge.tzinfo else edge.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    return midnight(edge, zone)

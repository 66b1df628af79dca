"""Which windows are to be run now: pure decisions over the calendar and what was run before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aimsight.configs.errors import AimsightError
from aimsight.metrics.plan import Window
from aimsight.monitors.windows import ceiling, floor, later, midnight, windows, within_lookback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aimsight.configs.schema import ModelConfig


@dataclass(frozen=True, slots=True)
class History:
    """The input fingerprints under which a window was run: to a result, and to a failure."""

    finished: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()


def planned(model: ModelConfig, first_row: datetime | None, now: datetime) -> list[Window]:
    """Every window that is over at ``now``, from where monitoring starts to where it ends.

    Monitoring starts at ``monitor.start``, else after the reference period, else with the first row of the log.

    Raises
    ------
    AimsightError
        If nothing says where to start.
    """
    zone, monitor = model.log.time_zone, model.monitor
    if monitor.start is not None:
        start = midnight(monitor.start, zone)
    elif model.reference is not None and model.reference.period is not None:
        start = ceiling(monitor.every, zone, reference_period(model).end)
    elif first_row is not None:
        start = floor(monitor.every, zone, first_row)
    else:
        raise AimsightError(
            f"{model.model}: the log has no rows, and neither monitor.start nor a reference period says where "
            "the first window begins; set monitor.start"
        )
    end = now if monitor.end is None else min(now, midnight(monitor.end, zone))
    return windows(monitor.window, monitor.every, zone, start, end)


def reference_period(model: ModelConfig) -> Window:
    """The reference period as an interval in UTC; days begin at midnight of the log's time zone."""
    if model.reference is None or model.reference.period is None:
        raise ValueError(f"{model.model} has no reference period")
    start, end = (_instant(edge, model.log.time_zone) for edge in model.reference.period)
    return Window(start, end)


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
    """The windows to run: those without a result, and those within the lookback whose inputs have changed since.

    A run that failed is not tried again on the same inputs.
    """
    open_to_change = set(within_lookback(list(candidates), now, model.monitor.lookback, model.log.time_zone))
    found = []
    for window in candidates:
        past = history.get(window, History())
        if (not past.finished or window in open_to_change) and fingerprint(window) not in past.finished | past.failed:
            found.append(window)
    return found


def _instant(edge: date | datetime, zone: str) -> datetime:
    if isinstance(edge, datetime):
        return (edge if edge.tzinfo else edge.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    return midnight(edge, zone)

"""When a model is looked at: APScheduler's trigger for the edges of its calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.triggers.base import BaseTrigger

from aimsight.configs.durations import Duration
from aimsight.monitors.windows import ceiling


class CalendarTrigger(BaseTrigger):  # type: ignore[misc]  # apscheduler ships no types
    """Fires shortly after each edge of a calendar grid, the moment at which a window is over."""

    def __init__(self, every: Duration, zone: str, delay: timedelta = timedelta(seconds=5)) -> None:
        """``delay`` lets the last rows of the window reach the disk."""
        self.every = every
        self.zone = zone
        self.delay = delay

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next edge after ``now``, and after the one that fired last.

        Edges that went by while nobody was looking are not made up one by one: every run looks at all windows that are
        due, so one is enough.
        """
        after = max(now, previous_fire_time) if previous_fire_time else now
        edge = ceiling(self.every, self.zone, after.astimezone(UTC) - self.delay)
        if edge + self.delay <= after:
            edge = ceiling(self.every, self.zone, edge + timedelta(microseconds=1))
        return edge + self.delay

    def __getstate__(self) -> dict[str, Any]:
        return {"every": self.every, "zone": self.zone, "delay": self.delay}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __str__(self) -> str:
        return f"every {self.every} ({self.zone})"

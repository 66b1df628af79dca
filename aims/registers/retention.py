"""Retention (7.5.3): how long a record is kept at least, by the rule in force for its type."""

from __future__ import annotations

import calendar
from datetime import timedelta
from typing import TYPE_CHECKING

from aimsight.configs.durations import Duration
from aimsight.configs.errors import InvalidTextError
from aimsight.store.registers import RecordVersion, versions_in_force

if TYPE_CHECKING:
    from datetime import date

    from aimsight.store.database import Reader


def kept_until(reader: Reader, record_type: str, event: date) -> tuple[date | None, str | None]:
    """The day until which a record of this type is kept, and the rule that says so; ``(None, None)`` without a rule."""
    for rule in versions_in_force(reader, ["retention_rule"]):
        if rule.fields["applies_to"] == record_type:
            period = period_of(rule)
            if period is not None:
                return day_after(event, period), f"{rule.record}, version {rule.version}"
    return None, None


def period_of(rule: RecordVersion) -> Duration | None:
    """The rule's period; ``None`` when it is written in words."""
    try:
        return Duration.parse(rule.fields["period"])
    except InvalidTextError:
        return None


def day_after(start: date, period: Duration) -> date:
    """The day that lies the period after another: a month later is the same day of the month, or its last day."""
    days = {"d": 1, "w": 7}.get(period.unit)
    if period.unit == "h":
        return start + timedelta(days=-(-period.count // 24))
    if days is not None:
        return start + timedelta(days=days * period.count)
    months = start.month - 1 + period.count * {"mo": 1, "q": 3, "y": 12}[period.unit]
    year, month = start.year + months // 12, months % 12 + 1
    return start.replace(year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1]))

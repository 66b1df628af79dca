"""How numbers, periods and strangers' text are put into words, the same in notices and on the terminal."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from aimsight.metrics.plan import Window
from aimsight.metrics.values import Result, Undefined

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def plain(text: str) -> str:
    r"""Text from data or configuration on one line: control and direction characters become ``\x1b`` and the like."""
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _HIDDEN else char
        for char in text
    )


def count(number: int, one: str, many: str = "") -> str:
    """``1 window``, ``2,118 windows``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def number(value: float) -> str:
    """A number with the digits that matter: three after the point below 10, fewer above, thousands grouped."""
    size = abs(value)
    if size != 0 and size < 0.0005:
        return f"{value:.2g}".replace("-", "−")
    decimals = 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0
    return f"{value:,.{decimals}f}".replace("-", "−")


def result_text(result: Result) -> str:
    """``0.817 (0.799–0.834), n = 2,118``, or why there is no value."""
    if isinstance(result, Undefined):
        return f"no value: {plain(result.reason)}"
    return f"{value_text(result.value, *_limits(result))}, n = {result.n:,}"


def value_text(value: float, low: float | None, high: float | None) -> str:
    """``0.817 (0.799–0.834)``; negative limits are written with *to*."""
    if low is None or high is None:
        return number(value)
    between = "–" if low >= 0 else " to "
    return f"{number(value)} ({number(low)}{between}{number(high)})"


def _limits(result: Result) -> tuple[float | None, float | None]:
    interval = None if isinstance(result, Undefined) else result.interval
    return (interval.low, interval.high) if interval else (None, None)


def period(window: Window, zone: str) -> str:
    """A window as people say it, in local time: ``2015``, ``1986–1987``, ``Aug 2015``, ``3–9 Nov 2026``."""
    info = ZoneInfo(zone)
    start, end = window.start.astimezone(info), window.end.astimezone(info)
    if not (_is_midnight(start) and _is_midnight(end)) or end.date() <= start.date():
        until = f"{end:%H:%M}" if start.date() == end.date() else f"{_day(end)} {end.year}, {end:%H:%M}"
        return f"{_day(start)} {start.year}, {start:%H:%M}–{until}"
    last = end - timedelta(days=1)
    if (start.day, end.day) == (1, 1):
        if (start.month, end.month) == (1, 1):
            return f"{start.year}" if start.year == last.year else f"{start.year}–{last.year}"
        if (start.year, start.month) == (last.year, last.month):
            return f"{_MONTHS[start.month - 1]} {start.year}"
        year = "" if start.year == last.year else f" {start.year}"
        return f"{_MONTHS[start.month - 1]}{year}–{_MONTHS[last.month - 1]} {last.year}"
    if start.date() == last.date():
        return f"{_day(start)} {start.year}"
    if start.year != last.year:
        return f"{_day(start)} {start.year}–{_day(last)} {last.year}"
    if start.month != last.month:
        return f"{_day(start)}–{_day(last)} {last.year}"
    return f"{start.day}–{_day(last)} {last.year}"


def moment(instant: datetime, zone: str) -> str:
    """``9 Nov 2026, 14:05``, in local time."""
    local = instant.astimezone(ZoneInfo(zone))
    return f"{_day(local)} {local.year}, {local:%H:%M}"


def elapsed(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min``, ``5 h``, ``2 d``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _day(local: datetime) -> str:
    return f"{local.day} {_MONTHS[local.month - 1]}"


def _is_midnight(local: datetime) -> bool:
    return (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)

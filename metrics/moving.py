"""Moving references: a window's drift is measured from the windows before it, and not from the frozen reference alone.

A **rolling** reference is the last windows, an **expanding** one the frozen reference and all windows since. Either is
counted in the cells of the frozen reference, so that its counts are sums of what is known of every window, and the
windows that it is made of show how much windows differ by nature.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aimsight.metrics.inputs import Baseline, Counterpart
from aimsight.metrics.statistics import merge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimsight.metrics.plan import Reference, Window
    from aimsight.metrics.statistics import Statistics

    Before = Sequence[tuple[Window, Statistics]]

FEWEST = 3
"""Fewer windows with rows do not make a rolling reference."""


def rolling(reference: Reference, before: Before, size: int, zone: str) -> Counterpart:
    """The last ``size`` windows, or the frozen reference while fewer are known.

    Parameters
    ----------
    reference
        The frozen one, whose cells everything is counted in.
    before
        The last windows before the one that is measured, at most ``size``, oldest first. Those without rows are left
        out, and fewer than ``FEWEST`` others are too few.
    zone
        Time zone of the days that the note names.
    """
    filled = [(window, part) for window, part in before if part.quality.rows > 0]
    if len(before) < size:
        return Counterpart(None, f"compared with the reference: of {size} windows before there are {len(before)}")
    if len(filled) < FEWEST:
        return Counterpart(None, f"compared with the reference: of {size} windows before {len(filled)} have rows")
    parts = [part for _, part in filled]
    return Counterpart(_made(reference, parts, parts), f"compared with the {_named(filled, zone)} before")


def expanding(reference: Reference, before: Before, zone: str) -> Counterpart:
    """The frozen reference with all windows before the one that is measured, oldest first; see ``rolling``."""
    filled = [(window, part) for window, part in before if part.quality.rows > 0]
    if not filled:
        return Counterpart(None, "compared with the reference: there is no window since")
    parts = [part for _, part in filled]
    made = _made(reference, [reference.statistics, *parts], [*reference.windows, *parts])
    return Counterpart(made, f"compared with the reference and the {_named(filled, zone)} since")


def _made(reference: Reference, parts: list[Statistics], windows: list[Statistics]) -> Baseline:
    return Baseline(replace(reference, statistics=merge(parts), windows=tuple(windows)))


def _named(filled: Before, zone: str) -> str:
    """How many windows, with the first and the last of their days."""
    inside = filled[-1][0].end - timedelta(microseconds=1)
    first, last = (one.astimezone(ZoneInfo(zone)).date().isoformat() for one in (filled[0][0].start, inside))
    days = first if first == last else f"{first} to {last}"
    return f"1 window ({days})" if len(filled) == 1 else f"{len(filled)} windows ({days})"

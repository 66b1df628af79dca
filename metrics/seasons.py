"""Seasonal references: a window is compared with the reference's own windows of the same weekday or month."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from aimsight.metrics.inputs import Baseline, Counterpart
from aimsight.metrics.statistics import merge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimsight.metrics.plan import Reference, Window

SeasonKind = Literal["weekday", "month"]

FEWEST = 3
"""With fewer windows of its own season, a window is compared with the whole reference."""
_NAMES: dict[SeasonKind, tuple[str, ...]] = {
    "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "month": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}


@dataclass(frozen=True, eq=False)
class Seasons:
    """The seasons of one reference.

    Parameters
    ----------
    reference
        The whole.
    spans
        When each of ``reference.windows`` was, in their order.
    kind
        What windows have in common: the weekday or the month in which they start.
    zone
        Time zone whose calendar counts.
    """

    reference: Reference
    spans: Sequence[Window]
    kind: SeasonKind
    zone: str
    _made: dict[int, Counterpart] = field(default_factory=dict)

    def of(self, window: Window) -> Counterpart:
        """The windows of the reference that are of this window's season: merged counts, and their own design effect.

        With fewer than ``FEWEST`` of them that have rows it is the whole reference, and the note says so.
        """
        number = self._number(window)
        if number not in self._made:
            self._made[number] = self._season(number)
        return self._made[number]

    def _season(self, number: int) -> Counterpart:
        pairs = zip(self.spans, self.reference.windows, strict=True)
        own = [(span, part) for span, part in pairs if self._number(span) == number and part.quality.rows > 0]
        name = _NAMES[self.kind][number]
        if len(own) < FEWEST:
            amount = "1 window" if len(own) == 1 else f"{len(own)} windows"
            note = f"compared with the whole reference: it has {amount} of a {name}, fewer than {FEWEST}"
            return Counterpart(None, note)
        parts = [part for _, part in own]
        zone = ZoneInfo(self.zone)
        first, last = (own[place][0].start.astimezone(zone).date().isoformat() for place in (0, -1))
        note = f"compared with {len(own)} reference windows of a {name}, {first} to {last}"
        return Counterpart(Baseline(replace(self.reference, statistics=merge(parts), windows=tuple(parts))), note)

    def _number(self, window: Window) -> int:
        return _number(window, self.kind, ZoneInfo(self.zone))


def shortage(spans: Sequence[Window], kind: SeasonKind, zone: str) -> str:
    """What a reference with windows at these times cannot be compared by season for; empty when there is nothing."""
    counted = Counter(_number(span, kind, ZoneInfo(zone)) for span in spans)
    short = [name for number, name in enumerate(_NAMES[kind]) if counted[number] < FEWEST]
    if not short:
        return ""
    if len(short) == len(_NAMES[kind]):
        return (
            f"no {kind} has {FEWEST} of the reference's {len(spans)} windows, so that every window is compared with all"
        )
    named = ", ".join(short)
    return f"the reference has fewer than {FEWEST} windows of a {named}, which are compared with the whole of it"


def _number(window: Window, kind: SeasonKind, zone: ZoneInfo) -> int:
    start = window.start.astimezone(zone)
    return start.weekday() if kind == "weekday" else start.month - 1

"""The six verdicts: their words, glyphs and colours, the same on every surface."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """The judgement of a measurement against the version of an objective in force then."""

    CONFORMING = "conforming"
    AT_RISK = "at risk"
    NONCONFORMING = "nonconforming"
    INSUFFICIENT = "insufficient evidence"
    AWAITING_LABELS = "awaiting labels"
    NOT_MEASURED = "not measured"

    @property
    def glyph(self) -> str:
        """The one-character sign that stands beside the word."""
        return _LOOK[self][0]

    @property
    def light(self) -> str:
        """Text colour on a light background, at least 4.5:1."""
        return _LOOK[self][1]

    @property
    def dark(self) -> str:
        """Text colour on a dark background, at least 4.5:1."""
        return _LOOK[self][2]

    @property
    def rank(self) -> int:
        """Order of urgency: 0 is the most urgent."""
        return _URGENCY.index(self)


_LOOK: dict[Verdict, tuple[str, str, str]] = {
    Verdict.CONFORMING: ("●", "#00795A", "#3CC79B"),
    Verdict.AT_RISK: ("▲", "#9A6700", "#E8B339"),
    Verdict.NONCONFORMING: ("■", "#B3400B", "#FF8A5B"),
    Verdict.INSUFFICIENT: ("◇", "#3B6EA5", "#8AB8E6"),
    Verdict.AWAITING_LABELS: ("◔", "#7A4B8C", "#C9A2D8"),
    Verdict.NOT_MEASURED: ("○", "#6B7280", "#9CA3AF"),
}

_URGENCY = (
    Verdict.NONCONFORMING,
    Verdict.AT_RISK,
    Verdict.NOT_MEASURED,
    Verdict.INSUFFICIENT,
    Verdict.AWAITING_LABELS,
    Verdict.CONFORMING,
)

"""Charts of the pack as SVG: drawn from its decimal texts, the same bytes for the same pack.

A series shows the values as a line with a point a window, the interval as a band, the target as a line with its
tolerance dashed and its wrong side shaded, and the verdict's glyph under every window; a verdict is never told by
colour alone.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import number, printable

if TYPE_CHECKING:
    from aimsight.aims.review.pack import Bars, Point, Series

WIDTH, HEIGHT = 380, 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 10, 10, 46
_INK, _MUTED, _BAND, _WRONG, _RULE = "#1D2733", "#566270", "#B4C1DA", "#F7E3D8", "#DDE1E7"
_LETTER = 5.4
"""Width of a letter below the axis; windows are named as far as there is room, the others left out evenly."""
MOST_GLYPHS = 28
"""Verdicts that fit beside each other; of more windows, one glyph tells the most urgent verdict of its neighbours."""


def series_svg(series: Series) -> str:
    """The line chart of an objective; a sentence where no window has a value."""
    numbers = [_floats(point) for point in series.points]
    known = [value for trio in numbers for value in trio if value is not None]
    limits = [float(limit) for limit in (series.low, series.high) if limit is not None]
    if not known:
        return f'<p class="empty">{_said(series.title)}: no window of the period has a value.</p>'
    scale = _Scale(min([*known, *limits]), max([*known, *limits]))
    xs = _places(len(numbers))
    parts = [_open(HEIGHT, series.title)]
    parts += _wrong_sides(series, scale)
    parts += _ticks(scale)
    parts += _band(xs, numbers, scale)
    parts += [
        f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{scale.y(limit)}" y2="{scale.y(limit)}" stroke="{_INK}" '
        f'stroke-width="1.2"/>'
        for limit in limits
    ]
    parts += [
        f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{scale.y(limit)}" y2="{scale.y(limit)}" stroke="{_MUTED}" '
        f'stroke-dasharray="3 3"/>'
        for limit in _tolerated(series)
        if scale.low < limit < scale.high
    ]
    parts += _line(xs, [trio[0] for trio in numbers], scale)
    parts += _verdicts(xs, series)
    return "".join([*parts, "</svg>"])


def _tolerated(series: Series) -> list[float]:
    """How far beyond the limits a value is at risk, and not nonconforming."""
    tolerance = float(series.tolerance)
    if not tolerance:
        return []
    beyond = [float(series.low) - tolerance] if series.low is not None else []
    return [*beyond, *([float(series.high) + tolerance] if series.high is not None else [])]


def bars_svg(bars: Bars) -> str:
    """Horizontal bars with their counts, from zero."""
    step, top, left, most_wide = 26, 6, 190, 200
    most = max([count for _, count in bars.bars] + [1])
    height = top * 2 + step * len(bars.bars)
    parts = [_open(height, bars.title, left + most_wide + 60)]
    for i, (name, count) in enumerate(bars.bars):
        y = top + i * step
        width = most_wide * count / most
        parts.append(f'<text x="{left}" y="{y + 16}" text-anchor="end" fill="{_INK}">{_said(name)}</text>')
        parts.append(f'<rect x="{left + 8}" y="{y + 4}" width="{_number(width)}" height="16" fill="#7C93C4"/>')
        parts.append(f'<text x="{_number(left + 14 + width)}" y="{y + 16}" fill="{_INK}">{count}</text>')
    return "".join([*parts, "</svg>"])


class _Scale:
    """Maps values to places from top to bottom, with round ticks."""

    def __init__(self, low: float, high: float) -> None:
        spread = (high - low) or abs(high) or 1.0
        self.low, self.high = low - 0.08 * spread, high + 0.08 * spread
        raw = (self.high - self.low) / 4
        size = 10.0 ** math.floor(math.log10(raw))
        self.step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= raw)

    def y(self, value: float) -> str:
        """The place of a value, within the chart."""
        share = (value - self.low) / (self.high - self.low)
        bottom = HEIGHT - _BOTTOM
        return _number(bottom - min(max(share, 0.0), 1.0) * (bottom - _TOP))

    def ticks(self) -> list[float]:
        """Round values within the scale."""
        first = math.ceil(self.low / self.step)
        return [i * self.step for i in range(first, math.floor(self.high / self.step) + 1)]


def _open(height: int, title: str, width: int = WIDTH) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-size="11" font-family="DejaVu Sans, Arial, sans-serif"><title>{_said(title)}</title>'
    )


def _places(count: int) -> list[float]:
    inner = WIDTH - _LEFT - _RIGHT
    return [_LEFT + inner * (i + 0.5) / count for i in range(count)]


def _floats(point: Point) -> tuple[float | None, float | None, float | None]:
    value, low, high = (None if text is None else float(text) for text in (point.value, point.low, point.high))
    return value, low, high


def _wrong_sides(series: Series, scale: _Scale) -> list[str]:
    parts = []
    top, bottom = float(_TOP), float(HEIGHT - _BOTTOM)
    if series.high is not None:
        parts.append((top, float(scale.y(float(series.high)))))
    if series.low is not None:
        parts.append((float(scale.y(float(series.low))), bottom))
    return [
        f'<rect x="{_LEFT}" y="{_number(a)}" width="{WIDTH - _LEFT - _RIGHT}" height="{_number(b - a)}" '
        f'fill="{_WRONG}"/>'
        for a, b in parts
        if b > a
    ]


def _ticks(scale: _Scale) -> list[str]:
    places = max(0, -math.floor(math.log10(scale.step) + 1e-9))
    places += 1 if round(scale.step * 10**places) != scale.step * 10**places else 0
    parts = []
    for value in scale.ticks():
        y = scale.y(value)
        parts.append(f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="{_RULE}"/>')
        parts.append(
            f'<text x="{_LEFT - 6}" y="{_number(float(y) + 4)}" text-anchor="end" fill="{_MUTED}">'
            f"{number(value, places)}</text>"
        )
    return parts


def _band(xs: list[float], numbers: list[tuple[float | None, float | None, float | None]], scale: _Scale) -> list[str]:
    """The interval of every window as a bar that is wide enough to read as a band."""
    half = min(12.0, (WIDTH - _LEFT - _RIGHT) / (2 * len(xs)))
    return [
        f'<rect x="{_number(x - half)}" y="{scale.y(high)}" width="{_number(2 * half)}" '
        f'height="{_number(float(scale.y(low)) - float(scale.y(high)))}" fill="{_BAND}"/>'
        for x, (_, low, high) in zip(xs, numbers, strict=True)
        if low is not None and high is not None
    ]


def _line(xs: list[float], values: list[float | None], scale: _Scale) -> list[str]:
    runs: list[list[str]] = [[]]
    for x, value in zip(xs, values, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{_number(x)},{scale.y(value)}")
    parts = [
        f'<polyline points="{" ".join(run)}" fill="none" stroke="{_INK}" stroke-width="1.6"/>'
        for run in runs
        if len(run) > 1
    ]
    parts += [
        f'<circle cx="{point.partition(",")[0]}" cy="{point.partition(",")[2]}" r="2.8" fill="{_INK}"/>'
        for run in runs
        for point in run
        if len(run) == 1 or len(xs) <= MOST_GLYPHS
    ]
    return parts


def _verdicts(xs: list[float], series: Series) -> list[str]:
    """The glyph of every window, or of neighbours together where there are many; and the names of some windows."""
    y = HEIGHT - _BOTTOM + 18
    together = -(-len(xs) // MOST_GLYPHS)
    parts = []
    for first in range(0, len(xs), together):
        shown = [Verdict(point.verdict) for point in series.points[first : first + together]]
        verdict = min(shown, key=lambda one: one.rank)
        x = sum(xs[first : first + together]) / len(shown)
        parts.append(
            f'<text x="{_number(x)}" y="{y}" text-anchor="middle" font-size="12" '
            f'fill="{verdict.light}">{verdict.glyph}</text>'
        )
    room = _LETTER * (2 + max(len(point.label) for point in series.points))
    every = -(-len(xs) // max(1, int((WIDTH - _LEFT - _RIGHT) / room)))
    parts += [
        f'<text x="{_number(xs[i])}" y="{y + 18}" text-anchor="middle" fill="{_MUTED}" font-size="9.5">'
        f"{_said(series.points[i].label)}</text>"
        for i in range(0, len(xs), every)
    ]
    return parts


def _said(text: str) -> str:
    """Text of somebody's data within a picture: nothing of it is markup, invisible, or beyond what XML can hold."""
    return escape(printable(text))


def _number(value: float) -> str:
    """A place with one decimal, which is finer than any screen."""
    return f"{value:.1f}"

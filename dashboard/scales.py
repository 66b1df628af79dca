"""Round numbers for axes and bars."""

from __future__ import annotations

import math


def nice_ticks(low: float, high: float, most: int = 8) -> list[float]:
    """At most about ``most`` round numbers within [low, high]."""
    step = nice_step((high - low) / most)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is at least ``least`` (above 0)."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= least * (1 - 1e-9))


def tick_format(ticks: list[float]) -> str:
    """The number format (d3) that shows these evenly spaced ticks without rounding any of them."""
    if len(ticks) < 2:
        return "~g"
    step = ticks[1] - ticks[0]
    places = next((place for place in range(10) if abs(round(step, place) - step) < step * 1e-6), 10)
    return f",.{places}f"

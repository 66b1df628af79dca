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

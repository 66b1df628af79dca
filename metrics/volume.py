"""How many rows a window should have, by the windows of the reference: the expected number and how far it varies."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from statistics import fmean, median
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.intervals import Z
from aimsight.metrics.simultaneous import student

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from aimsight.metrics.plan import Window
    from aimsight.metrics.statistics import Statistics

FEWEST = 4
"""So many windows of the reference are needed to say how far their rows vary."""
FEWEST_OF_A_DAY = 3
"""With fewer windows of its weekday, a day is compared with all windows of the reference."""
A_DAY = timedelta(hours=26)
"""No longer window is expected to have the rows of its weekday."""
_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True, slots=True)
class Expected:
    """The rows expected of a window, how far their logarithm varies (half of a 95 % prediction interval), and why."""

    rows: float
    spread: float
    basis: str

    @property
    def low(self) -> float:
        """Lower end of the prediction interval."""
        return self.rows * math.exp(-self.spread)

    @property
    def high(self) -> float:
        """Upper end of the prediction interval."""
        return self.rows * math.exp(self.spread)


def expected_rows(parts: Sequence[Statistics], window: Window, zone: ZoneInfo) -> Expected | None:
    """The rows to expect of a window; ``None`` when the reference has too few windows to tell.

    Parameters
    ----------
    parts
        The reference's own windows of equal length, in the order of time.
    window
        The window in question; its length may differ from theirs, the rows are then in proportion.
    zone
        The calendar of the windows: one of a day or less is compared with those of its own weekday, where there are
        enough of them.

    Notes
    -----
    Rows of windows of one process vary more than independent events would: their variance around their mean (that of
    each weekday) is measured on the reference, is at least that of a Poisson count, grows with the length of a window,
    and enters with the uncertainty of the mean. The interval is Student's on the logarithmic scale.
    """
    seen = [(at, part) for at, part in enumerate(parts) if part.latest is not None]
    spacings = [
        (after.latest.at - before.latest.at).total_seconds() / (k - i)
        for (i, before), (k, after) in pairwise(seen)
        if before.latest is not None and after.latest is not None
    ]
    if len(parts) < FEWEST or not spacings:
        return None
    length = median(spacings)
    if length <= 0:
        return None
    ratio = (window.end - window.start).total_seconds() / length
    groups, rows = [[part.quality.rows for part in parts]], [part.quality.rows for part in parts]
    basis = f"{len(parts)} windows of the reference"
    if window.end - window.start <= A_DAY and 0.9 < ratio < 1.1:
        days: dict[int, list[int]] = defaultdict(list)
        for _, part in seen:
            if part.latest is not None:
                days[part.latest.at.astimezone(zone).weekday()].append(part.quality.rows)
        day = window.start.astimezone(zone).weekday()
        if len(days[day]) >= FEWEST_OF_A_DAY:
            groups, rows = list(days.values()), days[day]
            basis = f"{len(rows)} {_DAYS[day]} of the reference"
    mean = fmean(rows)
    if mean <= 0:
        return None
    dispersion, freedom = _dispersion(groups)
    error = math.sqrt(dispersion / mean * (1 / ratio + 1 / len(rows)))
    quantile = float(student(np.array([float(freedom)]), Z)[0])
    return Expected(mean * ratio, min(quantile * error, 20.0), basis)


def _dispersion(groups: Sequence[Sequence[int]]) -> tuple[float, int]:
    """Variance of counts over their mean, around the mean of each group; at least 1. And its degrees of freedom."""
    filled = [(rows, fmean(rows)) for rows in groups if len(rows) > 1 and any(rows)]
    freedom = sum(len(rows) - 1 for rows, _ in filled)
    squares = sum((n - mean) ** 2 / mean for rows, mean in filled for n in rows)
    return max(squares / freedom, 1.0), freedom

"""How many rows a window should have, by the windows of the reference: the expected number and how far it varies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from statistics import fmean, median, variance
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
    Rows of windows of one process vary more than independent events would: their variance is measured on the reference
    (and is at least that of a Poisson count), grows with the length of a window, and enters with the uncertainty of
    the mean. The interval is Student's on the logarithmic scale.
    """
    seen = [(at, part) for at, part in enumerate(parts) if part.latest is not None]
    spacings = [
        (after.latest.at - before.latest.at) / (k - i)
        for (i, before), (k, after) in pairwise(seen)
        if before.latest is not None and after.latest is not None
    ]
    if len(parts) < FEWEST or not spacings:
        return None
    length = median(spacings)
    if length <= timedelta(0):
        return None
    ratio = (window.end - window.start) / length
    rows, basis = [part.quality.rows for part in parts], f"{len(parts)} windows of the reference"
    if window.end - window.start <= A_DAY and 0.9 < ratio < 1.1:
        day = window.start.astimezone(zone).weekday()
        alike = [
            part.quality.rows
            for _, part in seen
            if part.latest is not None and part.latest.at.astimezone(zone).weekday() == day
        ]
        if len(alike) >= FEWEST:
            rows, basis = alike, f"{len(alike)} {_DAYS[day]} of the reference"
    mean = fmean(rows)
    if mean <= 0:
        return None
    dispersion = max(variance(rows) / mean, 1.0)
    error = math.sqrt(dispersion / mean * (1 / ratio + 1 / len(rows)))
    quantile = float(student(np.array([len(rows) - 1.0]), Z)[0])
    return Expected(mean * ratio, min(quantile * error, 20.0), basis)

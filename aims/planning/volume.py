"""How many rows a window has, how many windows a year, and which longer window would hold so many times as many."""

from __future__ import annotations

from dataclasses import dataclass

from aimsight.configs.durations import Duration

HOURS_A_YEAR = 8766.0
LENGTHS = tuple(
    Duration.parse(text)
    for text in (
        *("1h", "2h", "3h", "6h", "12h", "1d", "2d", "3d", "1w", "2w"),
        *("1mo", "2mo", "1q", "2q", "1y", "2y", "3y", "5y", "10y"),
    )
)
"""Window lengths that people choose."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What is expected of a monitor.

    Parameters
    ----------
    rows
        Rows of a window, labelled or not.
    known_from
        Where that number is from, in words: ``the last 9 windows``.
    windows_a_year
        How often a window ends.
    hours
        How long a window is.
    overlap
        Windows that a row is in.
    """

    rows: int
    known_from: str
    windows_a_year: float
    hours: float
    overlap: int = 1

    def length_of(self, times: float) -> Duration | None:
        """The shortest usual length of a window so many times as long; ``None`` beyond ten years."""
        wanted = self.hours * times
        # months differ in length: a little less than asked for is as good
        return next((length for length in LENGTHS if length.typical_hours >= 0.97 * wanted), None)


def calendar_volume(rows: int, known_from: str, window: Duration, every: Duration) -> Volume:
    """The volume of windows of a calendar length."""
    overlap = max(1, round(window.typical_hours / every.typical_hours))
    return Volume(rows, known_from, HOURS_A_YEAR / every.typical_hours, window.typical_hours, overlap)


def counted_volume(rows: int, known_from: str, rows_an_hour: float) -> Volume:
    """The volume of windows of so many rows each."""
    hours = rows / rows_an_hour
    return Volume(rows, known_from, HOURS_A_YEAR / hours, hours)

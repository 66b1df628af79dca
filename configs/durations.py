"""Calendar durations as people write them: ``1h 1d 1w 1mo 1q 1y``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Self, get_args

from aimsight.configs.errors import InvalidTextError

Unit = Literal["h", "d", "w", "mo", "q", "y"]

UNITS: tuple[Unit, ...] = get_args(Unit)
PATTERN = r"^[1-9][0-9]{0,6}(h|d|w|mo|q|y)$"
LONGEST_YEARS = 100

_WORDS: dict[str, Unit] = {
    "hour": "h",
    "hr": "h",
    "day": "d",
    "dai": "d",
    "week": "w",
    "wk": "w",
    "month": "mo",
    "mon": "mo",
    "quarter": "q",
    "year": "y",
    "yr": "y",
}
_TYPICAL_HOURS: dict[Unit, float] = {"h": 1, "d": 24, "w": 168, "mo": 730.5, "q": 2191.5, "y": 8766}
_SHAPE = re.compile(r"([1-9][0-9]{0,6})(h|d|w|mo|q|y)")
_LOOSE = re.compile(r"\s*([0-9]*)\s*([A-Za-z]+?)(?:s|ly)?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Duration:
    """A whole number of calendar units: hours, days, weeks, months, quarters or years.

    A day is a calendar day of some time zone (23 to 25 hours long), a month a calendar month: what the length is in
    seconds depends on where it begins, so there is no conversion to seconds here.
    """

    count: int
    unit: Unit

    def __post_init__(self) -> None:
        """Refuse durations of no length, of unknown units, and beyond a century."""
        if self.unit not in UNITS:
            raise InvalidTextError(f'"{self.unit}" is not a unit; units are {", ".join(UNITS)}')
        if self.count < 1:
            raise InvalidTextError("a duration is at least 1 unit long")
        if self.typical_hours > LONGEST_YEARS * _TYPICAL_HOURS["y"]:
            raise InvalidTextError(f"a duration is at most {LONGEST_YEARS} years long")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``30d``.

        Raises
        ------
        InvalidTextError
            When the text is anything else, with the likely intention (``30 days`` -> ``30d``).
        """
        match = _SHAPE.fullmatch(text)
        if match is None:
            raise InvalidTextError(
                f'"{text}" is not a duration; write a whole number and a unit: 1h, 1d, 1w, 1mo, 1q, 1y',
                _intention(text),
            )
        unit: Unit = next(unit for unit in UNITS if unit == match[2])
        return cls(int(match[1]), unit)

    @property
    def typical_hours(self) -> float:
        """Hours of an average such duration (a month is 730.5): for comparing lengths, never for placing windows."""
        return self.count * _TYPICAL_HOURS[self.unit]

    def __str__(self) -> str:
        """``30d``: what ``parse`` reads."""
        return f"{self.count}{self.unit}"


def _intention(text: str) -> str:
    """``30d`` for ``30 days``, ``1mo`` for ``monthly``."""
    loose = _LOOSE.fullmatch(text)
    if loose is None or int(loose[1] or 1) == 0:
        return ""
    word = loose[2].casefold()
    unit = _WORDS.get(word) or next((unit for unit in UNITS if unit == word and loose[1]), None)
    return f"{int(loose[1] or 1)}{unit}" if unit else ""

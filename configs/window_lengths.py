"""How long a window is: a calendar duration (``1d``), a number of rows (``1000 rows``) or a share (``12 chunks``)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aimsight.configs.durations import PATTERN as DURATION_PATTERN
from aimsight.configs.durations import Duration
from aimsight.configs.errors import InvalidTextError

PATTERN = rf"{DURATION_PATTERN}|^[1-9][0-9]{{0,9}} (rows|chunks)$"
_COUNT = re.compile(r"([1-9][0-9]{0,9}) (rows|chunks)")
_LOOSE_COUNT = re.compile(r"\s*([0-9][0-9_, ]*?)\s*(rows?|chunks?)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RowCount:
    """A window ends as soon as it holds so many rows; rows of the very same time stay together."""

    count: int

    def __str__(self) -> str:
        """``1000 rows``: what ``parse`` reads."""
        return f"{self.count} rows"


@dataclass(frozen=True, slots=True)
class ChunkCount:
    """A closed history is cut into so many windows of about as many rows each."""

    count: int

    def __str__(self) -> str:
        """``12 chunks``: what ``parse`` reads."""
        return f"{self.count} chunks"


WindowLength = Duration | RowCount | ChunkCount


def parse(text: str) -> WindowLength:
    """Read ``1d``, ``1000 rows`` or ``12 chunks``.

    Raises
    ------
    InvalidTextError
        When the text is anything else, with the likely intention.
    """
    match = _COUNT.fullmatch(text)
    if match is not None:
        return (RowCount if match[2] == "rows" else ChunkCount)(int(match[1]))
    loose = _LOOSE_COUNT.fullmatch(text)
    if loose is not None:
        number = re.sub(r"[_, ]", "", loose[1]).lstrip("0")
        near = f"{number} {'rows' if loose[2].lower().startswith('r') else 'chunks'}" if number else ""
        raise InvalidTextError(f'"{text}" is not a window; write a duration (1d), "1000 rows" or "12 chunks"', near)
    return Duration.parse(text)

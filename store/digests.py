"""Digests of rows: the same for the same rows, whoever computes them, in whatever order they lie.

A row is one line of JSON: an array of its cells in the order of the table's columns, without spaces, non-ASCII
characters escaped, numbers as Python's shortest ``repr``, moments as microseconds since 1970 in UTC, days as ISO 8601,
lists as arrays, bytes as ``{"sha256":"<hex>"}``. The digest of rows is SHA-256 over the table's name and the sorted
lines, each ended by a line feed.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=256)
def microseconds(moment: datetime) -> int:
    """Microseconds from 1970-01-01 UTC to an aware moment, exactly (rows of a run share their few moments)."""
    return (moment - EPOCH) // _MICROSECOND


def row_line(cells: Sequence[Any]) -> str:
    """The canonical line of one row (NaN and infinities, which the store never writes, make a line of their own)."""
    return _encode(cells)


def line_digest(table: str, line: str) -> str:
    """SHA-256 of one row of a table, given as its canonical line, as lower-case hex."""
    return lines_digest(table, [line])


def lines_digest(table: str, lines: Iterable[str]) -> str:
    """SHA-256 of rows of a table, given as their canonical lines in any order, as lower-case hex."""
    text = "\n".join([f"aimsight rows v1 {table}", *sorted(lines), ""])
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _plain(cell: date | bytes) -> int | str | dict[str, str]:
    """What JSON has no form of."""
    if isinstance(cell, bytes):
        return {"sha256": hashlib.sha256(cell).hexdigest()}
    return microseconds(cell) if isinstance(cell, datetime) else cell.isoformat()


_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=_plain).encode

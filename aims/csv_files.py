"""CSV in which nothing can be taken for a formula, whatever names and texts people put into their data."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FORMULA_STARTS = tuple("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")
"""A spreadsheet may read a cell that begins with one of these as a formula; four are full-width signs."""


def write_csv(names: Sequence[str], rows: Iterable[Iterable[object]], stream: TextIO) -> None:
    """Write heads and rows; heads are guarded like any text, numbers stay numbers."""
    # Texts are always quoted: without it a lone carriage return in one of them would end the row.
    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([guarded(name) for name in names])
    writer.writerows([_cell(value) for value in row] for row in rows)


def guarded(text: str) -> str:
    """The text, with an apostrophe in front when a spreadsheet could take it for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


def _cell(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    isoformat = getattr(value, "isoformat", None)
    return guarded(isoformat() if isoformat is not None else str(value))

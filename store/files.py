"""What source files hashed to, so that an unchanged file (same size and time) is not read again to know it.

A cache and no record: losing it costs time only. `aimsight verify --files` hashes them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aimsight.metrics.engines.sql import quote_ident
from aimsight.store.records import Record
from aimsight.store.tables import SOURCE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aimsight.store.database import Reader, Transaction


_AT_ONCE = 100
"""Files written by one statement: one at a time takes ten times as long."""


@dataclass(frozen=True, slots=True)
class KnownFile(Record):
    """A source file as last seen; ``min_ts`` and ``max_ts`` are the range of its event times where known."""

    table = SOURCE_FILE
    path: str
    size: int
    mtime_ns: int
    sha256: str
    min_ts: datetime | None = None
    max_ts: datetime | None = None


def known_files(reader: Reader) -> dict[str, KnownFile]:
    """Everything known of files, by path."""
    return {row["path"]: KnownFile.from_row(row) for row in reader.rows("SELECT * FROM source_file")}


def remember_files(tx: Transaction, known: Iterable[KnownFile]) -> None:
    """Keep what was found out about files, in place of what was known of them."""
    columns = ", ".join(map(quote_ident, SOURCE_FILE.columns))
    files = list({file.path: file for file in known}.values())
    for start in range(0, len(files), _AT_ONCE):
        some = files[start : start + _AT_ONCE]
        places = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(some))
        tx.execute(
            f"INSERT OR REPLACE INTO source_file ({columns}) VALUES {places}",
            [cell for file in some for cell in file.row()],
        )

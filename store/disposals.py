"""Evidence files that may be gone: the approved decisions (records of the type ``disposal``) to delete them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from aimsight.store.database import Reader

DISPOSAL = "disposal"
"""The type of record."""
DELETED = "deleted"
"""Its method after which a file is gone."""


@dataclass(frozen=True, slots=True)
class Disposed:
    """Which record disposes of a file, and who approved that, when."""

    record: str
    approver: str
    approved_at: datetime

    def __str__(self) -> str:
        """As a clause of a sentence."""
        return f"disposed of by {self.record}, approved by {self.approver} on {self.approved_at:%Y-%m-%d}"


def approved_disposals(reader: Reader) -> dict[str, Disposed]:
    """By SHA-256 of an evidence file: the record whose approval lets it be deleted.

    What was approved once counts, also where the record was withdrawn later: the file may be gone by then.
    """
    found: dict[str, Disposed] = {}
    for record, content, approver, approved_at in reader.tuples(
        "SELECT record, content, approver, approved_at FROM record_version "
        "WHERE record_type = ? AND approver IS NOT NULL ORDER BY approved_at, record",
        [DISPOSAL],
    ):
        fields = json.loads(content)
        if fields.get("method") == DELETED:
            for sha256 in fields.get("files", ()):
                found.setdefault(sha256, Disposed(record, approver, approved_at))
    return found

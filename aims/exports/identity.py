"""Names that stay: the same thing of the same ledger has the same UUID in every export."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimsight.store.exported import LAST

if TYPE_CHECKING:
    from datetime import datetime

    from aimsight.store.database import Reader


@dataclass(frozen=True, slots=True)
class Origin:
    """A ledger and how far it reached: what an export is made from.

    Parameters
    ----------
    name
        The ledger's name, ``aimsight/UUID``.
    entries, head
        Number of entries, and the hash of the last one in hexadecimal.
    first_at, last_at
        When its first and its last entry were recorded; an export is dated by the last one.
    """

    name: str
    entries: int
    head: str
    first_at: datetime
    last_at: datetime

    def uuid(self, kind: str, *parts: str) -> str:
        """The UUID (version 5) of a thing of this ledger."""
        return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, self.name), "\n".join((kind, *parts))))


def origin_of(reader: Reader) -> Origin:
    """The ledger of a store, without the exports that nothing has followed yet."""
    name, first_at = reader.tuples("SELECT subject, recorded_at FROM ledger ORDER BY seq LIMIT 1")[0]
    sql = f"SELECT seq, lower(hex(hash)), recorded_at FROM ledger WHERE seq = {LAST}"
    entries, head, last_at = reader.tuples(sql)[0]
    return Origin(name, entries, head, first_at, last_at)


def moment(value: datetime) -> str:
    """A moment in ISO form, in UTC."""
    from aimsight.store.ledger import moment_text

    return moment_text(value)

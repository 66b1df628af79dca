"""Register records in the store: one row a version, found by type and id."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aimsight.configs.errors import NotFoundError
from aimsight.store.records import Record, insert_record, save_record
from aimsight.store.tables import RECORD_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from aimsight.store.database import Reader, Transaction


@dataclass(frozen=True, slots=True)
class RecordVersion(Record):
    """One version of a register record, with the header that every record has.

    Parameters
    ----------
    content, documents
        Canonical JSON text: the fields of the record's type; name, location and SHA-256 of documents kept elsewhere.
    links
        ``kind:id`` of what the record is about: ``risk:RISK-2026-0001``, ``nonconformity:NC-2026-0003``.
    event_at, event_until
        When it happened, or the period it covers; ``recorded_at`` is when it was written down.
    origin
        ``person``, or the id of the run that made it.
    reason, supersedes
        Why there is this version, and the version that it follows.
    content_hash
        SHA-256 over title, content, links and documents.
    """

    table = RECORD_VERSION
    record_type: str
    record: str
    version: int
    status: str
    title: str
    content: str
    links: tuple[str, ...]
    documents: str
    owner: str | None
    due: date | None
    unit: str | None
    model: str | None
    model_version: str | None
    clauses: tuple[str, ...]
    classification: str
    author: str
    reviewer: str | None
    approver: str | None
    approved_at: datetime | None
    effective_from: date | None
    event_at: datetime
    event_until: datetime | None
    recorded_at: datetime
    origin: str
    reason: str | None
    supersedes: int | None
    retention_until: date | None
    retention_basis: str | None
    legal_hold: bool
    content_hash: str

    @property
    def fields(self) -> dict[str, Any]:
        """The content by field name; numbers that are not whole and days are text."""
        content: dict[str, Any] = json.loads(self.content)
        return content

    @property
    def kept_elsewhere(self) -> list[dict[str, str]]:
        """Name, location and SHA-256 of every document that is kept elsewhere."""
        documents: list[dict[str, str]] = json.loads(self.documents)
        return documents

    @property
    def subject(self) -> str:
        """What events call the record, and links point at: ``risk:RISK-2026-0001``."""
        return f"{self.record_type}:{self.record}"


def add_version(
    tx: Transaction, record: RecordVersion, *, kind: str, actor: str, details: Mapping[str, Any] | None = None
) -> None:
    """Add a version; ``kind`` says how it came about (``record.created``, ``record.revised``)."""
    insert_record(tx, RECORD_VERSION, record.row(), kind=kind, subject=record.subject, actor=actor, details=details)


def move_version(
    tx: Transaction, record: RecordVersion, *, kind: str, actor: str, details: Mapping[str, Any] | None = None
) -> None:
    """Bring a version to another status; ``kind`` names the step (``record.approved``)."""
    save_record(tx, RECORD_VERSION, record.row(), kind=kind, subject=record.subject, actor=actor, details=details)


def versions_of(reader: Reader, record_type: str, record: str) -> list[RecordVersion]:
    """All versions of a record, the oldest first.

    Raises
    ------
    NotFoundError
        When there is no such record, with the ids that are close.
    """
    rows = reader.rows(
        "SELECT * FROM record_version WHERE record_type = ? AND record = ? ORDER BY version", [record_type, record]
    )
    if not rows:
        sql = "SELECT DISTINCT record FROM record_version WHERE record_type = ?"
        known = [row[0] for row in reader.tuples(sql, [record_type])]
        raise NotFoundError.named(record_type.replace("_", " "), record, known)
    return [RecordVersion.from_row(row) for row in rows]


def latest_versions(reader: Reader, record_types: Sequence[str] = ()) -> list[RecordVersion]:
    """The latest version of every record of these types (of all types when none is named), by type and id."""
    wanted = "WHERE list_contains(?, record_type) " if record_types else ""
    rows = reader.rows(
        f"SELECT * FROM record_version {wanted}"
        "QUALIFY version = max(version) OVER (PARTITION BY record_type, record) ORDER BY record_type, record",
        [list(record_types)] if record_types else [],
    )
    return [RecordVersion.from_row(row) for row in rows]


def versions_in_force(reader: Reader, record_types: Sequence[str] = ()) -> list[RecordVersion]:
    """The version in force of every record of these types: approved, or put on record where none is approved."""
    wanted = "AND list_contains(?, record_type) " if record_types else ""
    rows = reader.rows(
        f"SELECT * FROM record_version WHERE status IN ('approved', 'recorded') {wanted}"
        "QUALIFY version = max(version) OVER (PARTITION BY record_type, record) ORDER BY record_type, record",
        [list(record_types)] if record_types else [],
    )
    return [RecordVersion.from_row(row) for row in rows]


def next_record_id(reader: Reader, record_type: str, prefix: str, year: int) -> str:
    """The next free number of a year: ``RISK-2026-0001``."""
    start = f"{prefix}-{year}-"
    rows = reader.tuples(
        "SELECT DISTINCT record FROM record_version WHERE record_type = ? AND starts_with(record, ?)",
        [record_type, start],
    )
    numbers = [name.removeprefix(start) for (name,) in rows]
    last = max((int(number) for number in numbers if number.isdecimal()), default=0)
    return f"{start}{last + 1:04d}"

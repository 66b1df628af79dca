"""The outbox: notices are written in the transaction that causes them and delivered afterwards, at least once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from aimsight.store.records import PROGRAM, Record, insert_record, save_record
from aimsight.store.tables import OUTBOX

if TYPE_CHECKING:
    from aimsight.store.database import Reader, Transaction

QUEUED = "queued"
DELIVERED = "delivered"
GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Notice(Record):
    """One message for one route. The same ``dedupe_key`` enters the outbox of a route once, for ever."""

    table = OUTBOX
    id: str
    created_at: datetime
    route: str
    subject: str
    body: str
    dedupe_key: str
    state: str = QUEUED
    attempts: int = 0
    next_attempt_at: datetime | None = None
    delivered_at: datetime | None = None
    last_error: str | None = None


def enqueue_notice(tx: Transaction, notice: Notice, *, actor: str = PROGRAM) -> bool:
    """Add a notice to be delivered; whether its dedupe key was new for the route."""
    if tx.tuples("SELECT 1 FROM outbox WHERE route = ? AND dedupe_key = ?", [notice.route, notice.dedupe_key]):
        return False
    insert_record(tx, OUTBOX, notice.row(), kind="alert.queued", subject=notice.id, actor=actor)
    return True


def due_notices(reader: Reader, now: datetime) -> list[Notice]:
    """The queued notices whose next attempt is due, oldest first."""
    rows = reader.rows(
        "SELECT * FROM outbox WHERE state = ? AND (next_attempt_at IS NULL OR next_attempt_at <= ?) "
        "ORDER BY created_at, id",
        [QUEUED, now],
    )
    return [Notice.from_row(row) for row in rows]


def next_attempt(reader: Reader) -> datetime | None:
    """When the first of the queued notices is due, ``None`` when nothing waits."""
    ((at,),) = reader.tuples("SELECT min(coalesce(next_attempt_at, created_at)) FROM outbox WHERE state = ?", [QUEUED])
    return at if isinstance(at, datetime) else None


def mark_notice(
    tx: Transaction,
    notice: Notice,
    *,
    delivered_at: datetime | None = None,
    error: str | None = None,
    next_attempt_at: datetime | None = None,
    actor: str = PROGRAM,
) -> Notice:
    """Record an attempt: delivered, or failed with the time of the next one, or (without a next one) given up."""
    state = DELIVERED if delivered_at else QUEUED if next_attempt_at else GIVEN_UP
    marked = replace(
        notice,
        state=state,
        attempts=notice.attempts + 1,
        delivered_at=delivered_at,
        next_attempt_at=next_attempt_at,
        last_error=error,
    )
    kind = {DELIVERED: "alert.delivered", QUEUED: "alert.failed", GIVEN_UP: "alert.given_up"}[state]
    save_record(tx, OUTBOX, marked.row(), kind=kind, subject=notice.id, actor=actor)
    return marked

"""Governed records: every change is an event in the ledger, and the table's row is what the events say.

An event about a record carries the whole row as it is afterwards (as text, for people and for replays) and the digest
of its exact cells; so the present state is the last event of each key, and ``verify`` finds every other row.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from aimsight.configs.canonical import decimal_text
from aimsight.configs.errors import NotFoundError
from aimsight.metrics.engines.sql import quote_ident
from aimsight.store.ledger import append, moment_text
from aimsight.store.table import Table
from aimsight.store.tables import (
    DISPOSITION,
    DOSSIER,
    EFFECTIVENESS_WINDOW,
    EVIDENCE_FILE,
    MODEL,
    NONCONFORMITY,
    OBJECTIVE_DECLARATION,
    OBJECTIVE_VERSION,
    OCCURRENCE,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aimsight.store.database import Reader, Transaction

PROGRAM = "aimsight"
"""The actor of what the product does by itself."""


def append_event(tx: Transaction, kind: str, subject: str, actor: str, payload: Mapping[str, Any]) -> int:
    """Add an event that changes no record of its own; returns its sequence number."""
    return append(tx, actor, kind, subject, payload)


def insert_record(
    tx: Transaction,
    table: Table,
    row: tuple[Any, ...],
    *,
    kind: str,
    subject: str,
    actor: str,
    details: Mapping[str, Any] | None = None,
) -> int:
    """Add a record whose key is new, with its event; rows are inserted in bulk."""
    tx.insert(table, [row])
    return append(tx, actor, kind, subject, _payload(table, row, details))


def save_record(
    tx: Transaction,
    table: Table,
    row: tuple[Any, ...],
    *,
    kind: str,
    subject: str,
    actor: str,
    details: Mapping[str, Any] | None = None,
) -> int:
    """Add a record, or bring the one with its key to this state, with the event that says so."""
    columns = ", ".join(map(quote_ident, table.columns))
    places = ", ".join("?" for _ in table.columns)
    others = [quote_ident(name) for name in table.columns if name not in table.key]
    changes = ", ".join(f"{name} = excluded.{name}" for name in others)
    key = ", ".join(map(quote_ident, table.key))
    tx.execute(
        f"INSERT INTO {table.name} ({columns}) VALUES ({places}) ON CONFLICT ({key}) DO UPDATE SET {changes}", row
    )
    return append(tx, actor, kind, subject, _payload(table, row, details))


def plain_row(table: Table, row: tuple[Any, ...]) -> dict[str, Any]:
    """The row as an event shows it: by column name, numbers that are not whole and moments as text."""
    return {name: _plain(cell) for name, cell in zip(table.columns, row, strict=True)}


def key_text(table: Table, row: tuple[Any, ...]) -> str:
    """What names a row, as text for people."""
    values = dict(zip(table.columns, row, strict=True))
    return " / ".join(str(_plain(values[name])) for name in table.key)


def _payload(table: Table, row: tuple[Any, ...], details: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        **(details or {}),
        "table": table.name,
        "row": plain_row(table, row),
        "row_sha256": table.row_digest(row),
    }


def _plain(cell: object) -> object:
    if isinstance(cell, float):
        return decimal_text(cell)
    if isinstance(cell, datetime):
        return moment_text(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    return cell


@dataclass(frozen=True, slots=True)
class Record:
    """A record that is one row of a table: its fields are the table's columns, in any order."""

    table: ClassVar[Table]

    def row(self) -> tuple[Any, ...]:
        """The cells in the table's order."""
        return self.table.row([getattr(self, name) for name in self.table.columns])

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The record of a row that was read; columns that are no fields are left out."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: tuple(row[name]) if isinstance(row[name], list) else row[name] for name in names})


@dataclass(frozen=True, slots=True)
class ModelRecord(Record):
    """A registered model, as its configuration describes it now."""

    table = MODEL
    model: str
    version: str
    owner: str
    intended_use: str
    risk: str
    task: str
    config_hash: str
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class ObjectiveVersion(Record):
    """One version of an AI objective; versions count from 1 and are never changed, only followed."""

    table = OBJECTIVE_VERSION
    model: str
    objective: str
    version: int
    statement: str
    metric: str
    column_name: str
    segment: str
    target: str
    tolerance: float
    zero_tolerance: bool
    min_rows: int
    rationale: str
    owner: str
    due: date
    severity: str
    opens_failures: int
    opens_of: int
    policy_ref: str | None
    actions: tuple[str, ...]
    resources: str | None
    content_hash: str
    effective_from: datetime


@dataclass(frozen=True, slots=True)
class Nonconformity(Record):
    """The record of clause 10.2 in its present state. ``evidence_hash`` freezes what it was opened with."""

    table = NONCONFORMITY
    nonconformity: str
    dedupe_key: str
    kind: str
    source: str
    objective: str | None
    objective_version: int | None
    model: str
    model_version: str
    segment: str
    requirement: str
    statement: str
    severity: str
    state: str
    opened_at: datetime
    occurred_from: datetime
    occurred_to: datetime
    detected_by: str
    due_at: datetime | None
    owner: str
    recurrence_of: str | None
    closed_at: datetime | None
    evidence_hash: str


@dataclass(frozen=True, slots=True)
class Occurrence(Record):
    """One more failing window of an open nonconformity, bound to its measurement and evaluation by their digests."""

    table = OCCURRENCE
    nonconformity: str
    run_id: str
    window_start: datetime
    window_end: datetime
    measurement_hash: str | None
    evaluation_hash: str | None
    value: float | None
    ci_low: float | None
    ci_high: float | None
    target: str
    attached_at: datetime


@dataclass(frozen=True, slots=True)
class EvidenceFile(Record):
    """A file of the evidence folder, named by its SHA-256; ``path`` is relative to that folder."""

    table = EVIDENCE_FILE
    sha256: str
    path: str
    nonconformity: str
    kind: str
    created_at: datetime
    bytes: int


@dataclass(frozen=True, slots=True)
class DossierRow(Record):
    """What was recorded of a nonconformity's handling; ``version`` counts changes, ``content`` is canonical text."""

    table = DOSSIER
    nonconformity: str
    version: int
    state_since: datetime
    deadlines_from: datetime
    attempt: int
    content: str


@dataclass(frozen=True, slots=True)
class EffectivenessWindow(Record):
    """One window after the actions of a nonconformity, judged against the criterion that was fixed before them."""

    table = EFFECTIVENESS_WINDOW
    nonconformity: str
    attempt: int
    window_start: datetime
    window_end: datetime
    run_id: str
    metric: str
    target: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    verdict: str
    reason: str
    measurement_hash: str | None
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class Disposition(Record):
    """Why a failing window needs no nonconformity, by a person."""

    table = DISPOSITION
    model: str
    objective: str
    column_name: str
    segment: str
    window_start: datetime
    window_end: datetime
    reason: str
    person: str
    given_at: datetime


def register_model(
    tx: Transaction, record: ModelRecord, *, actor: str = PROGRAM, details: Mapping[str, Any] | None = None
) -> bool:
    """Note a model, or that its configuration has changed; whether there was anything new.

    ``details`` stand beside the row in the entry: ``reference``, the fingerprint of what windows are compared with.
    """
    known = tx.tuples(
        "SELECT version, config_hash, owner, intended_use, risk FROM model WHERE model = ?", [record.model]
    )
    if known == [(record.version, record.config_hash, record.owner, record.intended_use, record.risk)]:
        return False
    kind = "model.changed" if known else "model.registered"
    save_record(tx, MODEL, record.row(), kind=kind, subject=record.model, actor=actor, details=details)
    return True


def configurations(reader: Reader, model: str, reference: str) -> list[str]:
    """The hashes of all configurations of a model that have this reference, as far as the ledger says it."""
    entries = reader.tuples(
        "SELECT entry FROM ledger WHERE subject = ? AND kind IN ('model.registered', 'model.changed')", [model]
    )
    found = (json.loads(entry)["payload"] for (entry,) in entries)
    return [payload["row"]["config_hash"] for payload in found if payload.get("reference") == reference]


def save_objective_version(
    tx: Transaction,
    record: ObjectiveVersion,
    *,
    actor: str = PROGRAM,
    declaration: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add a version of an objective, with all that was declared of it as canonical JSON text."""
    subject = f"{record.model}/{record.objective}"
    insert_record(
        tx, OBJECTIVE_VERSION, record.row(), kind="objective.version", subject=subject, actor=actor, details=details
    )
    if declaration is not None:
        row = OBJECTIVE_DECLARATION.row([record.model, record.objective, record.version, declaration])
        insert_record(tx, OBJECTIVE_DECLARATION, row, kind="objective.declared", subject=subject, actor=actor)


def latest_objective(reader: Reader, model: str, objective: str) -> ObjectiveVersion | None:
    """The version of an objective in force."""
    rows = reader.rows(
        "SELECT * FROM objective_version WHERE model = ? AND objective = ? ORDER BY version DESC LIMIT 1",
        [model, objective],
    )
    return ObjectiveVersion.from_row(rows[0]) if rows else None


def next_nonconformity_id(reader: Reader, year: int) -> str:
    """The next free number of a year: ``NC-2026-0001``."""
    prefix = f"NC-{year}-"
    rows = reader.tuples("SELECT nonconformity FROM nonconformity WHERE starts_with(nonconformity, ?)", [prefix])
    last = max((int(name.removeprefix(prefix)) for (name,) in rows), default=0)
    return f"{prefix}{last + 1:04d}"


def open_nonconformity(
    tx: Transaction, record: Nonconformity, *, actor: str = PROGRAM, details: Mapping[str, Any] | None = None
) -> None:
    """Add a nonconformity that has just been detected."""
    insert_record(
        tx,
        NONCONFORMITY,
        record.row(),
        kind="nonconformity.detected",
        subject=record.nonconformity,
        actor=actor,
        details=details,
    )


def save_nonconformity(
    tx: Transaction, record: Nonconformity, *, kind: str, actor: str, details: Mapping[str, Any] | None = None
) -> None:
    """Bring a nonconformity to a new state; ``kind`` names the transition (``nonconformity.contained``)."""
    save_record(tx, NONCONFORMITY, record.row(), kind=kind, subject=record.nonconformity, actor=actor, details=details)


def nonconformity(reader: Reader, name: str) -> Nonconformity:
    """The nonconformity with this id.

    Raises
    ------
    NotFoundError
        When there is none, with the ids that are close.
    """
    rows = reader.rows("SELECT * FROM nonconformity WHERE nonconformity = ?", [name])
    if not rows:
        known = [row[0] for row in reader.tuples("SELECT nonconformity FROM nonconformity")]
        raise NotFoundError.named("nonconformity", name, known)
    return Nonconformity.from_row(rows[0])


def dossier_row(reader: Reader, record: Nonconformity) -> DossierRow:
    """What was recorded of its handling; nothing yet is version 1."""
    rows = reader.rows("SELECT * FROM nonconformity_dossier WHERE nonconformity = ?", [record.nonconformity])
    if rows:
        return DossierRow.from_row(rows[0])
    return DossierRow(record.nonconformity, 1, record.opened_at, record.opened_at, 1, "{}")


def save_dossier(
    tx: Transaction, row: DossierRow, *, kind: str, actor: str, details: Mapping[str, Any] | None = None
) -> None:
    """Bring what was recorded of a nonconformity's handling to this version."""
    save_record(tx, DOSSIER, row.row(), kind=kind, subject=row.nonconformity, actor=actor, details=details)


def effectiveness_windows(reader: Reader, name: str, attempt: int) -> list[EffectivenessWindow]:
    """The judged windows of one attempt, in time order."""
    rows = reader.rows(
        "SELECT * FROM effectiveness_window WHERE nonconformity = ? AND attempt = ? ORDER BY window_end, window_start",
        [name, attempt],
    )
    return [EffectivenessWindow.from_row(row) for row in rows]


def save_effectiveness_window(tx: Transaction, row: EffectivenessWindow, *, actor: str = PROGRAM) -> None:
    """Note how a window was judged, or that it was judged again."""
    kind = "nonconformity.effect_measured"
    save_record(tx, EFFECTIVENESS_WINDOW, row.row(), kind=kind, subject=row.nonconformity, actor=actor)


def save_disposition(tx: Transaction, row: Disposition, *, actor: str) -> None:
    """Note why a failing window needs no nonconformity."""
    subject = f"{row.model}/{row.objective}"
    save_record(tx, DISPOSITION, row.row(), kind="failure.disposed", subject=subject, actor=actor)


def add_occurrence(tx: Transaction, record: Occurrence, *, actor: str = PROGRAM) -> None:
    """Attach a failing window to a nonconformity."""
    insert_record(
        tx, OCCURRENCE, record.row(), kind="nonconformity.occurrence", subject=record.nonconformity, actor=actor
    )


def save_evidence_file(tx: Transaction, record: EvidenceFile, *, actor: str = PROGRAM) -> None:
    """Note an evidence file that lies in the evidence folder."""
    insert_record(tx, EVIDENCE_FILE, record.row(), kind="evidence.frozen", subject=record.nonconformity, actor=actor)

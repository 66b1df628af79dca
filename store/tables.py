"""The tables as Python sees them: names, columns in order and their types; the SQL is in ``migrations/``."""

from __future__ import annotations

from aimsight.store.statistics_tables import REFERENCE, STATISTICS
from aimsight.store.table import Table

LEDGER = Table(
    "ledger",
    {
        "seq": "int",
        "recorded_at": "moment",
        "actor": "text",
        "kind": "text",
        "subject": "text",
        "entry": "bytes",
        "prev_hash": "bytes",
        "hash": "bytes",
    },
    ("seq",),
)

RUN = Table(
    "run",
    {
        "run_id": "text",
        "run_key": "text",
        "model": "text",
        "model_version": "text",
        "monitor": "text",
        "window_start": "moment",
        "window_end": "moment",
        "revision": "int",
        "planned_at": "moment",
        "started_at": "moment",
        "finished_at": "moment",
        "outcome": "text",
        "reason": "text",
        "rows_scanned": "int",
        "source_fingerprint": "text",
        "config_hash": "text",
        "code_version": "text",
    },
    ("run_id",),
)

MEASUREMENT = Table(
    "measurement",
    {
        "run_id": "text",
        "model": "text",
        "model_version": "text",
        "monitor": "text",
        "metric": "text",
        "metric_version": "int",
        "column_name": "text",
        "segment": "text",
        "segment_columns": "texts",
        "segment_values": "texts",
        "window_start": "moment",
        "window_end": "moment",
        "value": "float",
        "undefined_reason": "text",
        "n": "int",
        "ci_low": "float",
        "ci_high": "float",
        "ci_method": "text",
        "error_bound": "float",
        "p_value": "float",
        "q_value": "float",
        "reference": "text",
        "estimated": "bool",
        "detail": "text",
        "revision": "int",
        "computed_at": "moment",
    },
)

EVALUATION = Table(
    "evaluation",
    {
        "run_id": "text",
        "model": "text",
        "objective": "text",
        "objective_version": "int",
        "column_name": "text",
        "segment": "text",
        "window_start": "moment",
        "window_end": "moment",
        "value": "float",
        "ci_low": "float",
        "ci_high": "float",
        "n": "int",
        "target": "text",
        "tolerance": "float",
        "verdict": "text",
        "reason": "text",
        "revision": "int",
        "evaluated_at": "moment",
    },
)

SLOT = Table(
    "slot",
    {
        "model": "text",
        "monitor": "text",
        "window_start": "moment",
        "window_end": "moment",
        "planned_at": "moment",
    },
    ("model", "monitor", "window_start", "window_end"),
)

MODEL = Table(
    "model",
    {
        "model": "text",
        "version": "text",
        "owner": "text",
        "intended_use": "text",
        "risk": "text",
        "task": "text",
        "config_hash": "text",
        "registered_at": "moment",
    },
    ("model",),
)

OBJECTIVE_VERSION = Table(
    "objective_version",
    {
        "model": "text",
        "objective": "text",
        "version": "int",
        "statement": "text",
        "metric": "text",
        "column_name": "text",
        "segment": "text",
        "target": "text",
        "tolerance": "float",
        "zero_tolerance": "bool",
        "min_rows": "int",
        "rationale": "text",
        "owner": "text",
        "due": "day",
        "severity": "text",
        "opens_failures": "int",
        "opens_of": "int",
        "policy_ref": "text",
        "actions": "texts",
        "resources": "text",
        "content_hash": "text",
        "effective_from": "moment",
    },
    ("model", "objective", "version"),
)

NONCONFORMITY = Table(
    "nonconformity",
    {
        "nonconformity": "text",
        "dedupe_key": "text",
        "kind": "text",
        "source": "text",
        "objective": "text",
        "objective_version": "int",
        "model": "text",
        "model_version": "text",
        "segment": "text",
        "requirement": "text",
        "statement": "text",
        "severity": "text",
        "state": "text",
        "opened_at": "moment",
        "occurred_from": "moment",
        "occurred_to": "moment",
        "detected_by": "text",
        "due_at": "moment",
        "owner": "text",
        "recurrence_of": "text",
        "closed_at": "moment",
        "evidence_hash": "text",
    },
    ("nonconformity",),
)

OCCURRENCE = Table(
    "occurrence",
    {
        "nonconformity": "text",
        "run_id": "text",
        "window_start": "moment",
        "window_end": "moment",
        "measurement_hash": "text",
        "evaluation_hash": "text",
        "value": "float",
        "ci_low": "float",
        "ci_high": "float",
        "target": "text",
        "attached_at": "moment",
    },
    ("nonconformity", "run_id"),
)

OUTBOX = Table(
    "outbox",
    {
        "id": "text",
        "created_at": "moment",
        "route": "text",
        "subject": "text",
        "body": "text",
        "dedupe_key": "text",
        "state": "text",
        "attempts": "int",
        "next_attempt_at": "moment",
        "delivered_at": "moment",
        "last_error": "text",
    },
    ("id",),
)

EVIDENCE_FILE = Table(
    "evidence_file",
    {
        "sha256": "text",
        "path": "text",
        "nonconformity": "text",
        "kind": "text",
        "created_at": "moment",
        "bytes": "int",
    },
    ("sha256", "nonconformity"),
)

DOSSIER = Table(
    "nonconformity_dossier",
    {
        "nonconformity": "text",
        "version": "int",
        "state_since": "moment",
        "deadlines_from": "moment",
        "attempt": "int",
        "content": "text",
    },
    ("nonconformity",),
)

EFFECTIVENESS_WINDOW = Table(
    "effectiveness_window",
    {
        "nonconformity": "text",
        "attempt": "int",
        "window_start": "moment",
        "window_end": "moment",
        "run_id": "text",
        "metric": "text",
        "target": "text",
        "value": "float",
        "ci_low": "float",
        "ci_high": "float",
        "n": "int",
        "verdict": "text",
        "reason": "text",
        "measurement_hash": "text",
        "judged_at": "moment",
    },
    ("nonconformity", "attempt", "window_start", "window_end"),
)

DISPOSITION = Table(
    "disposition",
    {
        "model": "text",
        "objective": "text",
        "column_name": "text",
        "segment": "text",
        "window_start": "moment",
        "window_end": "moment",
        "reason": "text",
        "person": "text",
        "given_at": "moment",
    },
    ("model", "objective", "column_name", "segment", "window_start", "window_end"),
)

OBJECTIVE_DECLARATION = Table(
    "objective_declaration",
    {
        "model": "text",
        "objective": "text",
        "version": "int",
        "content": "text",
    },
    ("model", "objective", "version"),
)

RECORD_VERSION = Table(
    "record_version",
    {
        "record_type": "text",
        "record": "text",
        "version": "int",
        "status": "text",
        "title": "text",
        "content": "text",
        "links": "texts",
        "documents": "text",
        "owner": "text",
        "due": "day",
        "unit": "text",
        "model": "text",
        "model_version": "text",
        "clauses": "texts",
        "classification": "text",
        "author": "text",
        "reviewer": "text",
        "approver": "text",
        "approved_at": "moment",
        "effective_from": "day",
        "event_at": "moment",
        "event_until": "moment",
        "recorded_at": "moment",
        "origin": "text",
        "reason": "text",
        "supersedes": "int",
        "retention_until": "day",
        "retention_basis": "text",
        "legal_hold": "bool",
        "content_hash": "text",
    },
    ("record_type", "record", "version"),
)

SOURCE_FILE = Table(
    "source_file",
    {
        "path": "text",
        "size": "int",
        "mtime_ns": "int",
        "sha256": "text",
        "min_ts": "moment",
        "max_ts": "moment",
    },
    ("path",),
)

RECORDS: dict[str, Table] = {
    table.name: table
    for table in (
        MODEL,
        OBJECTIVE_VERSION,
        NONCONFORMITY,
        OCCURRENCE,
        OUTBOX,
        EVIDENCE_FILE,
        DOSSIER,
        EFFECTIVENESS_WINDOW,
        DISPOSITION,
        RUN,
        REFERENCE,
        RECORD_VERSION,
        OBJECTIVE_DECLARATION,
    )
}
"""Tables whose rows are the fold of the ledger's events: ``verify`` replays them."""

BY_RUN: tuple[Table, ...] = (MEASUREMENT, EVALUATION, *STATISTICS)
"""Tables whose rows enter the ledger as one digest a run."""

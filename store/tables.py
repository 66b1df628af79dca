"""The tables as Python sees them: names, columns in order and their types; the SQL is in ``migrations/``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, SupportsFloat

from aimsight.metrics.engines.sql import quote_ident
from aimsight.store.arrays import array
from aimsight.store.digests import line_digest, lines_digest, row_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pyarrow as pa

ColumnType = Literal["text", "int", "float", "bool", "moment", "day", "bytes", "texts", "ints", "floats"]


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns in the order that digests use; ``key`` are those that name a row."""

    name: str
    columns: dict[str, ColumnType]
    key: tuple[str, ...] = ()

    def row(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """The cells of one row as plain Python values of the columns' types (``None`` stays)."""
        converters = _converters(tuple(self.columns.values()))
        return tuple(
            [None if value is None else convert(value) for convert, value in zip(converters, values, strict=True)]
        )

    def row_of(self, values: dict[str, Any]) -> tuple[Any, ...]:
        """The cells of one row, given by name."""
        return self.row([values[name] for name in self.columns])

    def row_digest(self, row: Sequence[Any]) -> str:
        """The digest of one row of plain cells."""
        return line_digest(self.name, row_line(row))

    def digest(self, rows: Iterable[Sequence[Any]]) -> str:
        """The digest of rows of plain cells, in any order."""
        return lines_digest(self.name, map(row_line, rows))

    def arrow(self, rows: Sequence[Sequence[Any]]) -> pa.Table:
        """The rows as an Arrow table, for one bulk insert."""
        import pyarrow as pa

        kinds = _arrow_types()
        columns = zip(*rows, strict=True)
        return pa.table(
            {name: array(kinds[kind], cells) for (name, kind), cells in zip(self.columns.items(), columns, strict=True)}
        )

    def select(self) -> str:
        """The columns in order, for a SELECT whose rows give the same canonical lines as the rows written."""
        return ", ".join(
            f"epoch_us({quote_ident(name)})" if kind == "moment" else quote_ident(name)
            for name, kind in self.columns.items()
        )


def _moment(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value


def _each(convert: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def convert_all(values: Any) -> list[Any]:  # noqa: ANN401 -- any sequence, or an array of numpy
        return list(map(convert, values.tolist() if hasattr(values, "tolist") else values))

    return convert_all


def _finite(value: SupportsFloat) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no value that the store keeps")
    return number


def _day(value: date) -> date:
    if isinstance(value, datetime):
        raise TypeError(f"{value} is a moment, not a day")
    return value


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "int": int,
    "float": _finite,
    "bool": bool,
    "moment": _moment,
    "day": _day,
    "bytes": bytes,
    "texts": _each(str),
    "ints": _each(int),
    "floats": _each(_finite),
}


@cache
def _converters(kinds: tuple[ColumnType, ...]) -> tuple[Callable[[Any], Any], ...]:
    return tuple(_PLAIN[kind] for kind in kinds)


@cache
def _arrow_types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    return {
        "text": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "moment": pa.timestamp("us", "UTC"),
        "day": pa.date32(),
        "bytes": pa.binary(),
        "texts": pa.list_(pa.string()),
        "ints": pa.list_(pa.int64()),
        "floats": pa.list_(pa.float64()),
    }


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

STATISTICS_WINDOW = Table(
    "statistics_window",
    {
        "statistics_id": "text",
        "rows": "int",
        "duplicate_rows": "int",
        "conflicting_rows": "int",
        "early_labels": "int",
        "late_labels": "int",
        "latest_at": "moment",
    },
)

STATISTICS_COLUMN = Table(
    "statistics_column",
    {
        "statistics_id": "text",
        "position": "int",
        "column_name": "text",
        "size": "int",
        "cells": "ints",
        "counts": "ints",
        "out_of_range": "int",
    },
)

STATISTICS_VALUE = Table(
    "statistics_value",
    {
        "statistics_id": "text",
        "position": "int",
        "column_name": "text",
        "values": "floats",
        "counts": "ints",
        "missing": "int",
        "non_finite": "int",
    },
)

STATISTICS_ERROR = Table(
    "statistics_error",
    {
        "statistics_id": "text",
        "column_name": "text",
        "reason": "text",
    },
)

STATISTICS_SEGMENT = Table(
    "statistics_segment",
    {
        "statistics_id": "text",
        "position": "int",
        "segment": "text",
        "segment_columns": "texts",
        "segment_values": "texts",
        "rows": "int",
        "labelled": "int",
        "invalid_scores": "int",
        "invalid_predictions": "int",
        "binary_predicted": "int",
        "binary_selected": "int",
        "true_positive": "int",
        "false_positive": "int",
        "false_negative": "int",
        "true_negative": "int",
        "scored": "int",
        "score_gap": "text",
        "score_brier": "text",
        "score_brier_square": "text",
        "score_loss": "text",
        "score_loss_square": "text",
        "class_matrix": "ints",
        "class_predicted": "ints",
        "error_rows": "int",
        "error": "text",
        "error_absolute": "text",
        "error_square": "text",
        "label": "text",
        "label_square": "text",
        "error4": "text",
        "label3": "text",
        "label4": "text",
        "error2_label": "text",
        "error2_label2": "text",
        "error_overflow": "int",
    },
)

STATISTICS_SCORE = Table(
    "statistics_score",
    {
        "statistics_id": "text",
        "segment_position": "int",
        "class": "text",
        "cells": "ints",
        "negatives": "ints",
        "positives": "ints",
    },
)

STATISTICS: tuple[Table, ...] = (
    STATISTICS_WINDOW,
    STATISTICS_COLUMN,
    STATISTICS_VALUE,
    STATISTICS_ERROR,
    STATISTICS_SEGMENT,
    STATISTICS_SCORE,
)

REFERENCE = Table(
    "reference",
    {
        "model": "text",
        "fingerprint": "text",
        "name": "text",
        "classes": "texts",
        "error_exponent": "int",
        "label_center": "float",
        "windows": "int",
        "frozen_at": "moment",
    },
    ("model", "fingerprint"),
)

REFERENCE_COLUMN = Table(
    "reference_column",
    {
        "model": "text",
        "fingerprint": "text",
        "position": "int",
        "column_name": "text",
        "role": "text",
        "low": "float",
        "high": "float",
        "categories": "texts",
        "mean": "float",
        "std": "float",
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
    )
}
"""Tables whose rows are the fold of the ledger's events: ``verify`` replays them."""

BY_RUN: tuple[Table, ...] = (MEASUREMENT, EVALUATION, *STATISTICS)
"""Tables whose rows enter the ledger as one digest a run."""

"""Measurements as rows: one metric of one column and segment of one window; written in bulk, read as series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimsight.metrics.values import Interval, Measurement, Segment, Undefined, Value
from aimsight.store.tables import MEASUREMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from aimsight.store.database import Reader, Transaction
    from aimsight.store.runs import RunRecord


def write_measurements(
    tx: Transaction, run: RunRecord, measurements: Sequence[Measurement], computed_at: datetime
) -> None:
    """Write the measurements of a claimed run, before it is finished."""
    tx.insert_for_run(run.run_id, MEASUREMENT, [_row(run, measurement, computed_at) for measurement in measurements])


def measurement_hash(run: RunRecord, measurement: Measurement, computed_at: datetime) -> str:
    """SHA-256 of the row of one measurement, as occurrences point at it."""
    return MEASUREMENT.row_digest(_row(run, measurement, computed_at))


def stored_measurement_hash(reader: Reader, run_id: str, metric: str, column: str, segment: str) -> str | None:
    """SHA-256 of the row of one measurement as it lies in the store; ``None`` when the run has no such measurement."""
    rows = reader.rows(
        "SELECT * FROM measurement WHERE run_id = ? AND metric = ? AND column_name = ? AND segment = ?",
        [run_id, metric, column, segment],
    )
    return MEASUREMENT.row_digest(MEASUREMENT.row_of(rows[0])) if rows else None


def read_measurements(reader: Reader, run_id: str) -> list[Measurement]:
    """The measurements of a run in the order they were written."""
    rows = reader.rows("SELECT * FROM measurement WHERE run_id = ? ORDER BY rowid", [run_id])
    return [from_row(row) for row in rows]


def series(reader: Reader, model: str, metric: str, column: str = "", segment: str = "") -> list[dict[str, Any]]:
    """The latest measurements of one series by window, with the columns of the view ``measurements``."""
    return reader.rows(
        "SELECT * FROM measurements WHERE model = ? AND metric = ? AND column_name = ? AND segment = ? AND is_latest "
        "ORDER BY window_start, window_end",
        [model, metric, column, segment],
    )


def from_row(row: Mapping[str, Any]) -> Measurement:
    """The measurement of a row of the table or view."""
    conditions = tuple(zip(row["segment_columns"], row["segment_values"], strict=True))
    return Measurement(
        metric=row["metric"],
        metric_version=row["metric_version"],
        result=_result(row),
        column=row["column_name"],
        segment=Segment(conditions),
        reference=row["reference"],
        estimated=row["estimated"],
        q_value=row["q_value"],
        detail=row["detail"],
    )


def _row(run: RunRecord, measurement: Measurement, computed_at: datetime) -> tuple[Any, ...]:
    result = measurement.result
    value = result if isinstance(result, Value) else None
    interval = value.interval if value else None
    return MEASUREMENT.row(
        (
            run.run_id,
            run.model,
            run.model_version,
            run.monitor,
            measurement.metric,
            measurement.metric_version,
            measurement.column,
            str(measurement.segment),
            measurement.segment.columns,
            [value for _, value in measurement.segment.conditions],
            run.window_start,
            run.window_end,
            value.value if value else None,
            result.reason if isinstance(result, Undefined) else None,
            result.n,
            interval.low if interval else None,
            interval.high if interval else None,
            interval.method if interval else None,
            value.error_bound if value else None,
            value.p_value if value else None,
            measurement.q_value,
            measurement.reference,
            measurement.estimated,
            measurement.detail,
            run.revision,
            computed_at,
        )
    )


def _result(row: Mapping[str, Any]) -> Value | Undefined:
    if row["value"] is None:
        return Undefined(row["undefined_reason"], row["n"])
    interval = None if row["ci_low"] is None else Interval(row["ci_low"], row["ci_high"], row["ci_method"])
    return Value(row["value"], row["n"], interval, row["error_bound"], row["p_value"])

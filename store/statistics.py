"""Statistics as compact typed rows: counts are sparse lists, sums exact; what is read equals what was written.

Scores are kept in score cells (``ScoreCounts.cells``); everything else comes back bit by bit.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from aimsight.metrics.schema import Schema
from aimsight.metrics.statistics import (
    DELAY_CELLS,
    ERROR_CELLS,
    SCORE_CELLS,
    BinaryCounts,
    CellCounts,
    ClassCounts,
    ErrorDetails,
    ErrorSums,
    IntervalCounts,
    LabelDelays,
    Largest,
    Latest,
    QualityCounts,
    ScoreCounts,
    ScoreSums,
    SegmentStatistics,
    Statistics,
    ValueCounts,
)
from aimsight.metrics.values import Segment
from aimsight.store.statistics_tables import (
    STATISTICS,
    STATISTICS_COLUMN,
    STATISTICS_DECISION,
    STATISTICS_DISTINCT,
    STATISTICS_ERROR,
    STATISTICS_INTERVAL,
    STATISTICS_LEAF,
    STATISTICS_QUALITY,
    STATISTICS_REGRESSION,
    STATISTICS_SCHEMA,
    STATISTICS_SCORE,
    STATISTICS_SEGMENT,
    STATISTICS_WINDOW,
)
from aimsight.store.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from aimsight.store.database import Reader, Transaction

_BINARY = (
    "binary_predicted",
    "binary_selected",
    "true_positive",
    "false_positive",
    "false_negative",
    "true_negative",
)
_SCORE_SUMS = ("scored", "score_gap", "score_brier", "score_brier_square", "score_loss", "score_loss_square")
_ERRORS = (
    "error_rows",
    "error",
    "error_absolute",
    "error_square",
    "label",
    "label_square",
    "error4",
    "label3",
    "label4",
    "error2_label",
    "error2_label2",
    "error_overflow",
)


_DETAIL_SUMS = tuple(
    name for name in ErrorDetails.__dataclass_fields__ if name not in {"n", "signed_square", "largest", "cells"}
)
_DETAIL_COLUMNS = tuple(STATISTICS_REGRESSION.columns)[5:-2]
"""The columns of ``_DETAIL_SUMS``, in their order."""


def write_statistics(tx: Transaction, run_id: str, statistics: Statistics) -> None:
    """Write the statistics of a claimed run, before it is finished."""
    for table, rows in statistics_rows(run_id, statistics).items():
        tx.insert_for_run(run_id, _BY_NAME[table], rows)


def read_statistics(reader: Reader, statistics_id: str) -> Statistics | None:
    """The statistics of a run (or of a part of a reference); ``None`` when none are kept."""
    return read_all_statistics(reader, [statistics_id]).get(statistics_id)


def read_all_statistics(reader: Reader, ids: Sequence[str]) -> dict[str, Statistics]:
    """The statistics kept under these ids, by id: one query a table, however many they are."""
    rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for table in STATISTICS:
        kept: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in reader.rows(
            f"SELECT * FROM {table.name} WHERE statistics_id IN (SELECT unnest(?)) ORDER BY rowid", [list(ids)]
        ):
            kept[row["statistics_id"]].append(row)
        rows[table.name] = kept
    return {
        name: _statistics({table: kept[name] for table, kept in rows.items()})
        for name in ids
        if name in rows["statistics_window"]
    }


def _statistics(rows: dict[str, list[dict[str, Any]]]) -> Statistics:
    """The statistics that rows by table say."""
    window = rows["statistics_window"][0]
    parts = {table: _by_segment(rows[table]) for table in _OF_SEGMENTS}
    segments: dict[Segment, SegmentStatistics] = {}
    leaves: dict[Segment, NDArray[np.int64]] = {}
    for row in rows["statistics_segment"]:
        segment = Segment(tuple(zip(row["segment_columns"], row["segment_values"], strict=True)))
        found = {table: kept[row["position"]] for table, kept in parts.items()}
        segments[segment] = _segment(row, found)
        for leaf in found["statistics_leaf"]:
            leaves[segment] = np.array(leaf["counts"], dtype=np.int64)
    return Statistics(
        quality=_quality(window, rows["statistics_quality"]),
        columns={row["column_name"]: _cell_counts(row) for row in rows["statistics_column"]},
        segments=segments,
        values={
            row["column_name"]: _value_counts(row) for row in (*rows["statistics_value"], *rows["statistics_distinct"])
        },
        latest=Latest(window["latest_at"]) if window["latest_at"] else None,
        column_errors={row["column_name"]: row["reason"] for row in rows["statistics_error"]},
        leaves=leaves or None,
        schema=next((_schema(row) for row in rows["statistics_schema"]), None),
    )


def _schema(row: dict[str, Any]) -> Schema:
    return Schema(dict(zip(row["column_names"], row["kinds"], strict=True)))


_OF_SEGMENTS = (
    "statistics_score",
    "statistics_decision",
    "statistics_regression",
    "statistics_interval",
    "statistics_leaf",
)


def _by_segment(rows: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["segment_position"]].append(row)
    return found


def _quality(window: dict[str, Any], more: list[dict[str, Any]]) -> QualityCounts:
    counts = QualityCounts(
        window["rows"],
        window["duplicate_rows"],
        window["conflicting_rows"],
        window["early_labels"],
        window["late_labels"],
    )
    if not more:
        return counts
    delays = more[0]["delay_cells"]
    return replace(
        counts,
        outside_envelope=more[0]["outside_envelope"],
        label_delays=None if delays is None else LabelDelays(_dense(DELAY_CELLS.size, delays, more[0]["delay_counts"])),
    )


def statistics_rows(statistics_id: str, statistics: Statistics) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of all tables that keep these statistics, by table name."""
    quality = statistics.quality
    latest = statistics.latest.at if statistics.latest else None
    window = (
        statistics_id,
        quality.rows,
        quality.duplicate_rows,
        quality.conflicting_rows,
        quality.early_labels,
        quality.late_labels,
        latest,
    )
    segments = list(enumerate(statistics.segments.items()))
    return {
        "statistics_window": [STATISTICS_WINDOW.row(window)],
        "statistics_column": [
            STATISTICS_COLUMN.row(
                (statistics_id, position, name, counts.counts.size, *_sparse(counts.counts), counts.out_of_range)
            )
            for position, (name, counts) in enumerate(statistics.columns.items())
        ],
        "statistics_value": [],  # those of older versions
        "statistics_distinct": [
            STATISTICS_DISTINCT.row((statistics_id, position, name, counts.packed, counts.missing, counts.non_finite))
            for position, (name, counts) in enumerate(statistics.values.items())
        ],
        "statistics_error": [
            STATISTICS_ERROR.row((statistics_id, name, reason)) for name, reason in statistics.column_errors.items()
        ],
        "statistics_segment": [
            STATISTICS_SEGMENT.row_of(_segment_cells(statistics_id, position, segment, part))
            for position, (segment, part) in segments
        ],
        "statistics_score": [
            STATISTICS_SCORE.row(
                (statistics_id, position, name, kept.positions.astype(np.int64), kept.negatives, kept.positives)
            )
            for position, (_, part) in segments
            for name, counts in (part.scores or {}).items()
            for kept in (counts.cells(),)
        ],
        "statistics_quality": _quality_rows(statistics_id, quality),
        "statistics_schema": [
            STATISTICS_SCHEMA.row((statistics_id, list(schema.columns), list(schema.columns.values())))
            for schema in (statistics.schema,)
            if schema is not None
        ],
        "statistics_decision": [
            STATISTICS_DECISION.row((statistics_id, position, name, *_sparse(table.ravel())))
            for position, (_, part) in segments
            for name, table in (part.score_decisions or {}).items()
        ],
        "statistics_regression": [
            STATISTICS_REGRESSION.row((statistics_id, position, *_detail_cells(part.errors.details)))
            for position, (_, part) in segments
            if part.errors is not None and part.errors.details is not None
        ],
        "statistics_interval": [
            STATISTICS_INTERVAL.row((statistics_id, position, kept.covered, kept.below, kept.above, kept.invalid))
            for position, (_, part) in segments
            if (kept := part.interval) is not None
        ],
        "statistics_leaf": [
            STATISTICS_LEAF.row((statistics_id, position, statistics.leaves[segment]))
            for position, (segment, _) in segments
            if statistics.leaves is not None and segment in statistics.leaves
        ],
    }


def _quality_rows(statistics_id: str, quality: QualityCounts) -> list[tuple[Any, ...]]:
    if quality.outside_envelope is None and quality.label_delays is None:
        return []
    delays = (None, None) if quality.label_delays is None else _sparse(quality.label_delays.cells)
    return [STATISTICS_QUALITY.row((statistics_id, quality.outside_envelope, *delays))]


def _detail_cells(details: ErrorDetails) -> tuple[Any, ...]:
    sums = [getattr(details, name) for name in _DETAIL_SUMS]
    return (details.n, details.signed_square, details.largest.at, *sums, *_sparse(details.cells))


_BY_NAME: dict[str, Table] = {table.name: table for table in STATISTICS}


def _segment_cells(statistics_id: str, position: int, segment: Segment, part: SegmentStatistics) -> dict[str, Any]:
    return {
        "statistics_id": statistics_id,
        "position": position,
        "segment": str(segment),
        "segment_columns": segment.columns,
        "segment_values": [value for _, value in segment.conditions],
        "rows": part.rows,
        "labelled": part.labelled,
        "invalid_scores": part.invalid_scores,
        "invalid_predictions": part.invalid_predictions,
        **_fields(_BINARY, part.binary),
        **_fields(_SCORE_SUMS, part.score_sums),
        "class_matrix": None if part.classes is None else part.classes.matrix.ravel(),
        "class_predicted": None if part.classes is None else part.classes.predicted,
        **_fields(_ERRORS, part.errors),
    }


def _fields(names: Sequence[str], part: BinaryCounts | ScoreSums | ErrorSums | None) -> dict[str, Any]:
    """The numbers of a part in the order of its fields, under the columns' names."""
    if part is None:
        return dict.fromkeys(names)
    fields = [field for field in type(part).__dataclass_fields__ if field != "details"]
    return {name: getattr(part, field) for name, field in zip(names, fields, strict=True)}


def _segment(row: dict[str, Any], found: dict[str, list[dict[str, Any]]]) -> SegmentStatistics:
    scores, decisions = found["statistics_score"], found["statistics_decision"]
    return SegmentStatistics(
        rows=row["rows"],
        labelled=row["labelled"],
        invalid_scores=row["invalid_scores"],
        invalid_predictions=row["invalid_predictions"],
        binary=None if row["binary_predicted"] is None else BinaryCounts(*_whole(row, _BINARY)),
        score_sums=None if row["scored"] is None else ScoreSums(*_whole(row, _SCORE_SUMS)),
        scores={score["class"]: _score_counts(score) for score in scores} if scores else None,
        classes=None if row["class_predicted"] is None else _class_counts(row),
        errors=None if row["error_rows"] is None else _error_sums(row, found["statistics_regression"]),
        score_decisions={each["class"]: _decisions(each) for each in decisions} if decisions else None,
        interval=next((_interval(each) for each in found["statistics_interval"]), None),
    )


def _error_sums(row: dict[str, Any], details: list[dict[str, Any]]) -> ErrorSums:
    sums = dict(zip((name for name in ErrorSums.__dataclass_fields__), _whole(row, _ERRORS), strict=False))
    return ErrorSums(**sums, details=_error_details(details[0]) if details else None)


def _error_details(row: dict[str, Any]) -> ErrorDetails:
    return ErrorDetails(
        n=row["error_rows"],
        signed_square=int(row["signed_square"]),
        largest=Largest(int(row["largest"])),
        cells=_dense(ERROR_CELLS.size, row["cells"], row["counts"]),
        **dict(zip(_DETAIL_SUMS, _whole(row, _DETAIL_COLUMNS), strict=True)),
    )


def _interval(row: dict[str, Any]) -> IntervalCounts:
    return IntervalCounts(row["covered"], row["below"], row["above"], row["invalid"])


def _decisions(row: dict[str, Any]) -> NDArray[np.int64]:
    return _dense(SCORE_CELLS * 3, row["codes"], row["counts"]).reshape(SCORE_CELLS, 3)


def _whole(row: dict[str, Any], names: Sequence[str]) -> list[int]:
    return [int(row[name]) for name in names]


def _sparse(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    cells = np.flatnonzero(counts)
    return cells, counts[cells]


def _dense(size: int, cells: list[int], counts: list[int]) -> NDArray[np.int64]:
    dense = np.zeros(size, dtype=np.int64)
    dense[cells] = counts
    return dense


def _cell_counts(row: dict[str, Any]) -> CellCounts:
    return CellCounts(_dense(row["size"], row["cells"], row["counts"]), row["out_of_range"])


def _value_counts(row: dict[str, Any]) -> ValueCounts:
    rest = row["missing"], row["non_finite"]
    if "packed" in row:
        return ValueCounts(row["packed"], *rest)
    return ValueCounts.of(np.array(row["values"], np.float64), np.array(row["counts"], np.int64), *rest)


def _score_counts(row: dict[str, Any]) -> ScoreCounts:
    return ScoreCounts(
        np.array(row["cells"], dtype=np.float64),
        np.array(row["negatives"], dtype=np.int64),
        np.array(row["positives"], dtype=np.int64),
        exact=False,
    )


def _class_counts(row: dict[str, Any]) -> ClassCounts:
    predicted = np.array(row["class_predicted"], dtype=np.int64)
    matrix = np.array(row["class_matrix"], dtype=np.int64).reshape(predicted.size, predicted.size)
    return ClassCounts(matrix, predicted)

"""Statistics as compact typed rows: counts are sparse lists, sums exact; what is read equals what was written.

Scores are kept in score cells (``ScoreCounts.cells``); everything else comes back bit by bit.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from aimsight.metrics.statistics import (
    BinaryCounts,
    CellCounts,
    ClassCounts,
    ErrorSums,
    Latest,
    QualityCounts,
    ScoreCounts,
    ScoreSums,
    SegmentStatistics,
    Statistics,
    ValueCounts,
)
from aimsight.metrics.values import Segment
from aimsight.store.tables import (
    STATISTICS,
    STATISTICS_COLUMN,
    STATISTICS_ERROR,
    STATISTICS_SCORE,
    STATISTICS_SEGMENT,
    STATISTICS_VALUE,
    STATISTICS_WINDOW,
    Table,
)

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
    scores: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows["statistics_score"]:
        scores[row["segment_position"]].append(row)
    return Statistics(
        quality=QualityCounts(
            window["rows"],
            window["duplicate_rows"],
            window["conflicting_rows"],
            window["early_labels"],
            window["late_labels"],
        ),
        columns={row["column_name"]: _cell_counts(row) for row in rows["statistics_column"]},
        segments={
            Segment(tuple(zip(row["segment_columns"], row["segment_values"], strict=True))): _segment(
                row, scores[row["position"]]
            )
            for row in rows["statistics_segment"]
        },
        values={row["column_name"]: _value_counts(row) for row in rows["statistics_value"]},
        latest=Latest(window["latest_at"]) if window["latest_at"] else None,
        column_errors={row["column_name"]: row["reason"] for row in rows["statistics_error"]},
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
        "statistics_value": [
            STATISTICS_VALUE.row(
                (statistics_id, position, name, counts.values, counts.counts, counts.missing, counts.non_finite)
            )
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
    }


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
    return {name: getattr(part, field) for name, field in zip(names, type(part).__dataclass_fields__, strict=True)}


def _segment(row: dict[str, Any], scores: list[dict[str, Any]]) -> SegmentStatistics:
    return SegmentStatistics(
        rows=row["rows"],
        labelled=row["labelled"],
        invalid_scores=row["invalid_scores"],
        invalid_predictions=row["invalid_predictions"],
        binary=None if row["binary_predicted"] is None else BinaryCounts(*_whole(row, _BINARY)),
        score_sums=None if row["scored"] is None else ScoreSums(*_whole(row, _SCORE_SUMS)),
        scores={score["class"]: _score_counts(score) for score in scores} if scores else None,
        classes=None if row["class_predicted"] is None else _class_counts(row),
        errors=None if row["error_rows"] is None else ErrorSums(*_whole(row, _ERRORS)),
    )


def _whole(row: dict[str, Any], names: Sequence[str]) -> list[int]:
    return [int(row[name]) for name in names]


def _sparse(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    cells = np.flatnonzero(counts)
    return cells, counts[cells]


def _cell_counts(row: dict[str, Any]) -> CellCounts:
    counts = np.zeros(row["size"], dtype=np.int64)
    counts[row["cells"]] = row["counts"]
    return CellCounts(counts, row["out_of_range"])


def _value_counts(row: dict[str, Any]) -> ValueCounts:
    return ValueCounts(
        np.array(row["values"], dtype=np.float64),
        np.array(row["counts"], dtype=np.int64),
        row["missing"],
        row["non_finite"],
    )


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

"""The tables of statistics and references; the SQL is in ``migrations/``."""

from __future__ import annotations

from aimsight.store.table import Table

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

STATISTICS_DISTINCT = Table(
    "statistics_distinct",
    {
        "statistics_id": "text",
        "position": "int",
        "column_name": "text",
        "packed": "bytes",
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

STATISTICS_QUALITY = Table(
    "statistics_quality",
    {
        "statistics_id": "text",
        "outside_envelope": "int",
        "delay_cells": "ints",
        "delay_counts": "ints",
    },
)

STATISTICS_DECISION = Table(
    "statistics_decision",
    {
        "statistics_id": "text",
        "segment_position": "int",
        "class": "text",
        "codes": "ints",
        "counts": "ints",
    },
)

STATISTICS_REGRESSION = Table(
    "statistics_regression",
    {
        "statistics_id": "text",
        "segment_position": "int",
        "error_rows": "int",
        "signed_square": "text",
        "largest": "text",
        "relative_rows": "int",
        "relative": "text",
        "relative_square": "text",
        "zero_labels": "int",
        "relative_overflow": "int",
        "symmetric_error": "text",
        "symmetric_square": "text",
        "log_rows": "int",
        "log_square": "text",
        "log_fourth": "text",
        "cells": "ints",
        "counts": "ints",
    },
)

STATISTICS_INTERVAL = Table(
    "statistics_interval",
    {
        "statistics_id": "text",
        "segment_position": "int",
        "covered": "int",
        "below": "int",
        "above": "int",
        "invalid": "int",
    },
)

STATISTICS_LEAF = Table(
    "statistics_leaf",
    {
        "statistics_id": "text",
        "segment_position": "int",
        "counts": "ints",
    },
)

STATISTICS_SCHEMA = Table(
    "statistics_schema",
    {
        "statistics_id": "text",
        "column_names": "texts",
        "kinds": "texts",
    },
)

STATISTICS: tuple[Table, ...] = (
    STATISTICS_WINDOW,
    STATISTICS_COLUMN,
    STATISTICS_VALUE,
    STATISTICS_DISTINCT,
    STATISTICS_ERROR,
    STATISTICS_SEGMENT,
    STATISTICS_SCORE,
    STATISTICS_QUALITY,
    STATISTICS_DECISION,
    STATISTICS_REGRESSION,
    STATISTICS_INTERVAL,
    STATISTICS_LEAF,
    STATISTICS_SCHEMA,
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

REFERENCE_TREE = Table(
    "reference_tree",
    {
        "model": "text",
        "fingerprint": "text",
        "input_column": "texts",
        "input_test": "texts",
        "input_category": "texts",
        "input_fill": "floats",
        "node_split": "ints",
        "node_left": "ints",
        "node_right": "ints",
        "node_threshold": "floats",
        "leaf_rows": "ints",
        "leaf_absolute": "floats",
        "leaf_square": "floats",
        "leaf_absolute_variance": "floats",
        "leaf_square_variance": "floats",
    },
)

REFERENCE_LOSS = Table(
    "reference_loss",
    {
        "model": "text",
        "fingerprint": "text",
        "loss": "text",
        "leaf_rows": "ints",
        "leaf_mean": "floats",
        "leaf_variance": "floats",
    },
)

OF_REFERENCE: tuple[Table, ...] = (REFERENCE_COLUMN, REFERENCE_TREE, REFERENCE_LOSS)
"""Tables whose rows belong to a frozen reference as a whole."""

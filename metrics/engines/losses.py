"""Fitting the loss tree of a regression model while its reference is frozen: a sample of its labelled rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aimsight.metrics.engines.arrays import as_numpy
from aimsight.metrics.engines.connection import run

if TYPE_CHECKING:
    from aimsight.metrics.engines.log import LabelColumns, Log
    from aimsight.metrics.estimates.loss_tree import LossTree

MOST_ROWS = 100_000
"""Labelled rows that a loss tree is fitted to,"""
MOST_VALUES = 4_000_000
"""and fewer where there are many features: the values that are held at once."""


def loss_tree(log: Log, labels: LabelColumns | None, condition: str) -> LossTree | None:
    """The tree of the errors within some time of the log; ``None`` without labels, predictions or enough rows.

    The rows with the smallest hashes of their content are taken, in that order, so that neither the order of the rows
    nor the number of threads changes the tree.
    """
    from aimsight.metrics.estimates.loss_tree import fit_loss_tree

    prediction = log.model.log.prediction
    if labels is None or prediction is None or prediction in log.errors:
        return None
    readable = {name: feature for name, feature in log.model.features.items() if name not in log.errors}
    kinds = [feature.kind for feature in readable.values()]
    read_as = {"numeric": log.number, "category": log.text}
    label = f"CAST({labels.value} AS DOUBLE)"
    error = f"({log.number(prediction)}) - {label}"
    shown = [read_as[kind](name) for name, kind in zip(readable, kinds, strict=True)]
    listed = ", ".join(
        [*(f"{expression} AS c{i}" for i, expression in enumerate(shown)), f"{error} AS error", f"{label} AS label"]
    )
    names = ", ".join([*(f"c{i}" for i in range(len(shown))), "error"])
    rows = (
        f"(SELECT {log.time} AS t, {listed} FROM {labels.rows} WHERE {condition} AND {labels.state} = 0 "
        f"AND coalesce(isfinite({error}), FALSE))"
    )
    (counted,) = run(log.connection, f"SELECT count(*) FROM {rows}")
    total, most = int(str(counted[0])), min(MOST_ROWS, MOST_VALUES // max(len(shown), 1))
    chosen = f" WHERE hash(t, {names}) < {(1 << 64) * most // total}" if total > most else ""
    table = log.connection.sql(
        f"SELECT {names}, label FROM {rows}{chosen} ORDER BY hash(t, {names}), t, {names}, label"
    ).to_arrow_table()
    columns: list[Any] = [table.column(i).combine_chunks() for i in range(table.num_columns)]
    values = [
        as_numpy(column) if kind == "numeric" else np.array(column.to_pylist(), dtype=object)
        for column, kind in zip(columns, [*kinds, "numeric", "numeric"], strict=True)
    ]
    return fit_loss_tree(dict(zip(readable, values, strict=False)), values[-2], values[-1])

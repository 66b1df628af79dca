"""References: frozen once under (model, fingerprint) with their cells and statistics, read back as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimsight.metrics.cells import CategoryCells, NumericCells
from aimsight.metrics.estimates.loss_tree import LossTree, pack, pack_losses, unpack
from aimsight.metrics.plan import ColumnPlan, Reference
from aimsight.store.records import PROGRAM, insert_record
from aimsight.store.statistics import read_all_statistics, statistics_rows
from aimsight.store.statistics_tables import (
    OF_REFERENCE,
    REFERENCE,
    REFERENCE_COLUMN,
    REFERENCE_LOSS,
    REFERENCE_TREE,
    STATISTICS,
)

if TYPE_CHECKING:
    from aimsight.store.database import Reader, Transaction

_WHOLE = "all"


def save_reference(tx: Transaction, model: str, reference: Reference, *, actor: str = PROGRAM) -> bool:
    """Freeze a reference; ``False`` when one with its fingerprint is kept already (it is never changed)."""
    key = [model, reference.fingerprint]
    if tx.tuples("SELECT 1 FROM reference WHERE model = ? AND fingerprint = ?", key):
        return False
    belonging = {
        REFERENCE_COLUMN.name: [
            REFERENCE_COLUMN.row(_column_cells(model, reference.fingerprint, position, column))
            for position, column in enumerate(reference.columns)
        ],
        **_tree_rows(model, reference),
    }
    digests = {}
    for table in OF_REFERENCE:
        rows = belonging[table.name]
        tx.insert(table, rows)
        digests[table.name] = {"rows": len(rows), "sha256": table.digest(rows)}
    parts = {_WHOLE: reference.statistics, **{str(place): part for place, part in enumerate(reference.windows)}}
    kept = [statistics_rows(part_id(model, reference.fingerprint, name), part) for name, part in parts.items()]
    for table in STATISTICS:
        rows = [row for part in kept for row in part[table.name]]
        tx.insert(table, rows)
        digests[table.name] = {"rows": len(rows), "sha256": table.digest(rows)}
    row = REFERENCE.row_of(
        {
            "model": model,
            "fingerprint": reference.fingerprint,
            "name": reference.name,
            "classes": reference.classes,
            "error_exponent": reference.error_exponent,
            "label_center": reference.label_center,
            "windows": len(reference.windows),
            "frozen_at": tx.clock.now(),
        }
    )
    insert_record(tx, REFERENCE, row, kind="reference.frozen", subject=model, actor=actor, details={"digests": digests})
    return True


def is_frozen(reader: Reader, model: str, fingerprint: str) -> bool:
    """Whether a reference of a model is kept under this fingerprint."""
    return bool(reader.tuples("SELECT 1 FROM reference WHERE model = ? AND fingerprint = ?", [model, fingerprint]))


def load_reference(reader: Reader, model: str, fingerprint: str) -> Reference | None:
    """The reference of a model with this fingerprint; ``None`` when none is kept."""
    key = [model, fingerprint]
    rows = reader.rows("SELECT * FROM reference WHERE model = ? AND fingerprint = ?", key)
    if not rows:
        return None
    row = rows[0]
    names = [_WHOLE, *map(str, range(row["windows"]))]
    parts = read_all_statistics(reader, [part_id(model, fingerprint, name) for name in names])
    statistics, *windows = parts.values()
    columns = reader.rows("SELECT * FROM reference_column WHERE model = ? AND fingerprint = ? ORDER BY position", key)
    trees = reader.rows("SELECT * FROM reference_tree WHERE model = ? AND fingerprint = ?", key)
    losses = reader.rows("SELECT * FROM reference_loss WHERE model = ? AND fingerprint = ? ORDER BY loss", key)
    return Reference(
        name=row["name"],
        fingerprint=fingerprint,
        columns=tuple(map(_column, columns)),
        classes=tuple(row["classes"]),
        error_exponent=row["error_exponent"],
        label_center=row["label_center"],
        statistics=statistics,
        windows=tuple(windows),
        loss_tree=unpack(trees[0], losses) if trees else None,
    )


def part_id(model: str, fingerprint: str, part: str) -> str:
    """The ``statistics_id`` of the whole reference (``all``) or of one of its own windows (``0``, ``1`` ...)."""
    return f"reference/{model}/{fingerprint}/{part}"


def _tree_rows(model: str, reference: Reference) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of the loss tree by table."""
    tree = reference.loss_tree
    if not isinstance(tree, LossTree):
        return {REFERENCE_TREE.name: [], REFERENCE_LOSS.name: []}
    start = {"model": model, "fingerprint": reference.fingerprint}
    return {
        REFERENCE_TREE.name: [REFERENCE_TREE.row_of({**start, **pack(tree)})],
        REFERENCE_LOSS.name: [REFERENCE_LOSS.row_of({**start, **loss}) for loss in pack_losses(tree)],
    }


def _column_cells(model: str, fingerprint: str, position: int, column: ColumnPlan) -> tuple[Any, ...]:
    cells = column.cells
    low, high = (cells.low, cells.high) if isinstance(cells, NumericCells) else (None, None)
    categories = cells.categories if isinstance(cells, CategoryCells) else None
    start = (model, fingerprint, position, column.name, column.role)
    return (*start, low, high, categories, column.reference_mean, column.reference_std)


def _column(row: dict[str, Any]) -> ColumnPlan:
    categories = row["categories"]
    cells = NumericCells(row["low"], row["high"]) if categories is None else CategoryCells(tuple(categories))
    return ColumnPlan(row["column_name"], row["role"], cells, row["mean"], row["std"])

"""Freezing a reference: the cells of every column, their counts, means and spreads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

import numpy as np

from aimsight.configs.errors import SchemaError, SourceError
from aimsight.metrics.cells import CategoryCells, NumericCells
from aimsight.metrics.engines.arrays import blocks
from aimsight.metrics.engines.connection import run
from aimsight.metrics.engines.log import inputs, label_columns, open_log
from aimsight.metrics.engines.losses import loss_tree
from aimsight.metrics.engines.moments import Moments
from aimsight.metrics.engines.passes import fitting, read
from aimsight.metrics.engines.regression import fixed_point
from aimsight.metrics.engines.scores import ScoreLimits
from aimsight.metrics.engines.windows import moment
from aimsight.metrics.plan import ColumnPlan, Plan, Reference, Window
from aimsight.metrics.statistics import merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.engines.duckdb import DuckDBEngine
    from aimsight.metrics.engines.log import LabelColumns, Log
    from aimsight.metrics.plan import Role
    from aimsight.metrics.statistics import Statistics

T = TypeVar("T")

SAMPLE_ROWS = 200_000
"""Rows from which the robust quantiles are taken."""
SAMPLE_COLUMNS = 32
"""Columns that are sampled, or added up, at once."""
MOST_CATEGORIES = 200
MOST_CLASSES = 1000
LOW, HIGH = 0.01, 0.99


def build(
    engine: DuckDBEngine,
    model: ModelConfig,
    root: Path,
    windows: tuple[Window, ...] | None,
    period: Window | None,
    as_of: datetime,
    fingerprint: str,
) -> Reference:
    """See ``DuckDBEngine.make_reference``."""
    files = inputs(model, root, reference=True)
    with engine.connect(files.all) as connection:
        log = open_log(connection, model, files, list(model.features), () if period is None else (period,))
        labels = label_columns(log, as_of)
        whole = _whole(log, period)
        chooser = _Chooser(log, labels, whole)
        columns = chooser.columns()
        classes = chooser.classes() if model.task == "multiclass" else ()
        center, spread = chooser.label_spread() if model.task == "regression" else (0.0, 0.0)
        tree = loss_tree(log, labels, log.within(whole.start, whole.end)) if model.task == "regression" else None
        pieces = _pieces(whole, windows or ())
        plan = Plan(
            model=model,
            root=root,
            windows=pieces,
            as_of=as_of,
            columns=columns,
            classes=classes,
            error_exponent=fixed_point(spread),
            label_center=center,
            exact_drift=model.drift == "exact",
            loss_tree=tree,
        )
        moments = chooser.moments(columns)
        columns = tuple(
            replace(column, reference_mean=moments[column.name][0], reference_std=moments[column.name][1])
            if column.name in moments
            else column
            for column in columns
        )
        # the store keeps scores as cells only, so that is all that a reference ever has
        counted: list[Statistics] = []
        while len(counted) < len(pieces):
            rest = pieces[len(counted) :]
            part = replace(plan, windows=rest[: fitting(rest, columns)])
            passed = read(part, log, labels, ScoreLimits(rows=0))
            counted += [passed.statistics(n, passed.decisions.result(n)) for n in range(passed.deferred)]
    total = merge(counted)
    if model.reference is None or model.reference.season is None:  # only seasons are compared by their own values
        counted = [replace(part, values={}) for part in counted]
    of = dict(zip(pieces, counted, strict=True))
    return Reference(
        name=_name(model, period),
        fingerprint=fingerprint,
        columns=columns,
        classes=classes,
        error_exponent=plan.error_exponent,
        label_center=center,
        statistics=total,
        windows=tuple(of[window] for window in windows or ()),
        loss_tree=tree,
    )


def _name(model: ModelConfig, period: Window | None) -> str:
    if period is None:
        source = model.reference.source if model.reference is not None else None
        return f"source {source if isinstance(source, str) else ', '.join(source or ())}"
    zone = ZoneInfo(model.log.time_zone)
    start, end = (edge.astimezone(zone).replace(tzinfo=None) for edge in (period.start, period.end))
    if (start.hour, start.minute, start.second, end.hour, end.minute, end.second) == (0,) * 6:
        return f"period {start.date()}..{end.date()}"
    return f"period {start.isoformat()}..{end.isoformat()}"


def _whole(log: Log, period: Window | None) -> Window:
    """The time that the reference covers.

    Raises
    ------
    SourceError
        If there are no rows in it.
    """
    condition = "" if period is None else f" WHERE {log.within(period.start, period.end)}"
    (row,) = run(
        log.connection, f"SELECT epoch_us(min({log.time})), epoch_us(max({log.time})) FROM {log.rows_of([])}{condition}"
    )
    if row[0] is None or row[1] is None:
        where = "" if period is None else f" from {period.start.isoformat()} to {period.end.isoformat()}"
        raise SourceError(f"{log.table.what}: the reference has no rows{where}")
    if period is not None:
        return period
    return Window(moment(int(str(row[0]))), moment(int(str(row[1]))) + timedelta(microseconds=1))


def _pieces(whole: Window, windows: tuple[Window, ...]) -> tuple[Window, ...]:
    """The windows and the gaps between them, which together are the whole.

    Raises
    ------
    ValueError
        If the windows overlap or leave the whole.
    """
    pieces: list[Window] = []
    at = whole.start
    for window in windows:
        if window.start < at or window.end > whole.end:
            raise ValueError(f"[{window.start}, {window.end}) overlaps another window or leaves the reference")
        if at < window.start:
            pieces.append(Window(at, window.start))
        pieces.append(window)
        at = window.end
    if at < whole.end:
        pieces.append(Window(at, whole.end))
    return tuple(pieces)


class _Chooser:
    """Chooses cells, classes and fixed points from the rows of the reference."""

    def __init__(self, log: Log, labels: LabelColumns | None, whole: Window) -> None:
        self._log = log
        self._labels = labels
        self._condition = log.within(whole.start, whole.end)

    def _rows(self, columns: Iterable[tuple[str, Role]]) -> str:
        """The relation that holds these columns."""
        if self._labels is not None and any(role == "label" for _, role in columns):
            return self._labels.rows
        return self._log.rows_of(name for name, _ in columns)

    def _values(self, column: tuple[str, Role], expression: str) -> str:
        """A query for one column, called v."""
        return f"SELECT {expression} AS v FROM {self._rows([column])} WHERE {self._condition}"

    def _numeric_expressions(self) -> dict[tuple[str, Role], str]:
        """Numeric columns that get cells of their own range, as DOUBLE."""
        log, model = self._log, self._log.model
        found: dict[tuple[str, Role], str] = {
            (name, "feature"): log.number(name)
            for name, feature in model.features.items()
            if feature.kind == "numeric" and name not in log.errors
        }
        if model.task == "regression":
            if model.log.prediction is not None:
                found[model.log.prediction, "prediction"] = log.number(model.log.prediction)
            if self._labels is not None and model.labels is not None:
                labels = self._labels
                found[model.labels.label, "label"] = (
                    f"CASE WHEN {labels.state} = 0 THEN CAST({labels.value} AS DOUBLE) END"
                )
        return found

    def _category_expressions(self) -> dict[tuple[str, Role], str]:
        """Columns that are counted by category, as text."""
        log, model = self._log, self._log.model
        found: dict[tuple[str, Role], str] = {
            (name, "feature"): log.text(name)
            for name, feature in model.features.items()
            if feature.kind == "category" and name not in log.errors
        }
        if model.task != "regression":
            if model.log.prediction is not None:
                found[model.log.prediction, "prediction"] = log.text(model.log.prediction)
            if self._labels is not None and model.labels is not None:
                found[model.labels.label, "label"] = f"CASE WHEN {self._labels.state} = 0 THEN {self._labels.text} END"
        return found

    def columns(self) -> tuple[ColumnPlan, ...]:
        """The columns to count: features in their order, then scores, prediction and label."""
        model = self._log.model
        cells: dict[tuple[str, Role], NumericCells | CategoryCells] = dict(self._numeric_cells())
        for key, expression in self._category_expressions().items():
            cells[key] = CategoryCells(self._categories(key, expression))
        for name in (model.log.score, *(model.log.scores or {}).values()):
            if name is not None:
                self._log.number(name)
                cells[name, "score"] = NumericCells.spanning(0.0, 1.0)
        order: list[tuple[str, Role]] = [(name, "feature") for name in model.features]
        order += [key for role in ("score", "prediction", "label") for key in cells if key[1] == role]
        return tuple(ColumnPlan(name, role, cells[name, role]) for name, role in order if (name, role) in cells)

    def _numeric_cells(self) -> dict[tuple[str, Role], NumericCells]:
        """Cells between the quantiles of the finite values of a sample that does not depend on the order of rows."""
        expressions = self._numeric_expressions()
        cells: dict[tuple[str, Role], NumericCells] = {}
        for part in _portions(expressions):
            cells |= self._cells_of(part)
        return cells

    def _cells_of(self, expressions: dict[tuple[str, Role], str]) -> dict[tuple[str, Role], NumericCells]:
        listed = ", ".join(f"{expression} AS c{i}" for i, expression in enumerate(expressions.values()))
        names = ", ".join(f"c{i}" for i in range(len(expressions)))
        rows = f"SELECT {self._log.time} AS t, {listed} FROM {self._rows(expressions)} WHERE {self._condition}"
        (counted,) = run(self._log.connection, f"SELECT count(*) FROM {self._rows([])} WHERE {self._condition}")
        total = int(str(counted[0]))
        share = (1 << 64) * SAMPLE_ROWS // max(total, 1)
        chosen = f" WHERE hash(t, {names}) < {share}" if total > SAMPLE_ROWS else ""
        sample = list(blocks(self._log.connection, f"SELECT {names} FROM ({rows}){chosen}", 1 << 15))
        cells = {}
        for i, key in enumerate(expressions):
            x = np.concatenate([block[i] for block in sample] or [np.empty(0)])
            x = np.sort(x[np.isfinite(x)])
            if x.size == 0:
                cells[key] = NumericCells.spanning(0.0, 0.0)
                continue
            low, high = (float(x[round(q * (x.size - 1))]) for q in (LOW, HIGH))
            if low == high:  # a column that is mostly one value: its range says more than its quantiles
                low, high = float(x[0]), float(x[-1])
            cells[key] = NumericCells.spanning(low, high)
        return cells

    def _categories(self, column: tuple[str, Role], expression: str) -> tuple[str, ...]:
        found = run(
            self._log.connection,
            f"SELECT v, count(*) AS n FROM ({self._values(column, expression)}) "
            f"WHERE v IS NOT NULL GROUP BY v ORDER BY n DESC, v LIMIT {MOST_CATEGORIES}",
        )
        return tuple(str(row[0]) for row in found)

    def classes(self) -> tuple[str, ...]:
        """The classes of a multiclass task: those with a score, and all that occur as label or prediction.

        Raises
        ------
        SchemaError
            If there are so many that the column cannot be one of classes.
        """
        log, model = self._log, self._log.model
        found = set(model.log.scores or {})
        shown = {key: text for key, text in self._category_expressions().items() if key[1] != "feature"}
        for column, expression in shown.items():
            rows = run(
                log.connection,
                f"SELECT DISTINCT v FROM ({self._values(column, expression)}) "
                f"WHERE v IS NOT NULL LIMIT {MOST_CLASSES + 1}",
            )
            found |= {str(row[0]) for row in rows}
        if len(found) > MOST_CLASSES:
            raise SchemaError(f"{log.table.what}: more than {MOST_CLASSES} classes; is this task: regression?")
        return tuple(sorted(found))

    def label_spread(self) -> tuple[float, float]:
        """Mean and standard deviation of the label, or of the prediction when no label has arrived; 0 and 0 without."""
        expressions = self._numeric_expressions()
        for wanted in ("label", "prediction"):
            chosen = {key: expression for key, expression in expressions.items() if key[1] == wanted}
            for mean, std in self._moments({key: (text, 0.0) for key, text in chosen.items()}).values():
                if mean is not None and std is not None:
                    return mean, std
        return 0.0, 0.0

    def moments(self, columns: tuple[ColumnPlan, ...]) -> dict[str, tuple[float | None, float | None]]:
        """Mean and standard deviation of every numeric column by name."""
        expressions: dict[tuple[str, Role], str] = dict(self._numeric_expressions())
        expressions |= {(c.name, c.role): self._log.number(c.name) for c in columns if c.role == "score"}
        centers = {
            (column.name, column.role): column.cells.low / 2 + column.cells.high / 2
            for column in columns
            if isinstance(column.cells, NumericCells)
        }
        return {
            name: result
            for (name, _), result in self._moments(
                {key: (text, centers[key]) for key, text in expressions.items()}
            ).items()
        }

    def _moments(
        self, expressions: dict[tuple[str, Role], tuple[str, float]]
    ) -> dict[tuple[str, Role], tuple[float | None, float | None]]:
        found: dict[tuple[str, Role], tuple[float | None, float | None]] = {}
        for part in _portions(expressions):
            found |= self._moments_of(part)
        return found

    def _moments_of(
        self, expressions: dict[tuple[str, Role], tuple[str, float]]
    ) -> dict[tuple[str, Role], tuple[float | None, float | None]]:
        listed = ", ".join(f"{expression} AS c{i}" for i, (expression, _) in enumerate(expressions.values()))
        query = f"SELECT {listed} FROM {self._rows(expressions)} WHERE {self._condition}"
        sums = [Moments(center) for _, center in expressions.values()]
        for columns in blocks(self._log.connection, query, 1 << 15):
            for total, values in zip(sums, columns, strict=True):
                total.add(values)
        return {key: total.result() for key, total in zip(expressions, sums, strict=True)}


def _portions(columns: dict[tuple[str, Role], T]) -> Iterator[dict[tuple[str, Role], T]]:
    """The columns in portions that fit into memory."""
    items = iter(columns.items())
    while part := dict(islice(items, SAMPLE_COLUMNS)):
        yield part

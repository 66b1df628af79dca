"""The engine: one pass over a source for all columns, windows and segments (docs/adr/0010-engine.md says why so).

DuckDB reads, filters, joins and numbers categories in its own threads and streams narrow blocks of rows; NumPy counts
them into cells with the definition of ``aimsight.metrics.cells``, of which there is therefore only one. Everything that
is summed is an integer, so neither the order of the rows nor the number of threads changes a result.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.errors import SchemaError, quoted_list
from aimsight.metrics.cells import NumericCells
from aimsight.metrics.engines.arrays import blocks
from aimsight.metrics.engines.connection import connect, run
from aimsight.metrics.engines.counting import Block, CellCounter
from aimsight.metrics.engines.expressions import code, segment_text
from aimsight.metrics.engines.log import LABELS, Inputs, LabelColumns, Log, inputs, label_columns, open_log
from aimsight.metrics.engines.performance import (
    EARLY,
    LATE,
    NO_SEGMENTS,
    BinaryDecisions,
    ClassDecisions,
    Decisions,
    Leaves,
    RegressionDecisions,
)
from aimsight.metrics.engines.scores import KEY_BUDGET
from aimsight.metrics.engines.sql import quote_ident, quote_text
from aimsight.metrics.engines.tables import Table, kind_of, open_table
from aimsight.metrics.engines.windows import WindowIndex, moment
from aimsight.metrics.plan import EXACT_SCORE_ROWS
from aimsight.metrics.statistics import Latest, QualityCounts, Statistics, ValueCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import duckdb
    import pandas as pd
    from numpy.typing import NDArray

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.plan import ColumnPlan, Plan, Reference, Window
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Segment

BLOCK_ROWS = 1 << 15
"""Rows a block: a column of it fits into the processor's cache."""
MOST_LEAVES = 4096
"""Combinations of segment values that are told apart."""


@dataclass(slots=True)
class _Stream:
    """A query being put together: aliases with their expressions, and what to do with each block."""

    rows: str
    columns: dict[str, str]
    consumers: list[Callable[[Block], None]]

    def column(self, expression: str, alias: str | None = None) -> str:
        """Add an expression and return its alias; the same expression is sent once."""
        for known, other in self.columns.items():
            if other == expression and alias is None:
                return known
        name = alias or f"c{len(self.columns)}"
        self.columns[name] = expression
        return name


class DuckDBEngine:
    """Reads Parquet, CSV and JSON files and DuckDB tables.

    Parameters
    ----------
    memory_limit
        What DuckDB may use before it goes to disk; NumPy's own blocks come on top (about 150 MB at most).
    threads
        DuckDB's threads. The results do not depend on it.
    exact_rows, key_budget
        Labelled rows of a window up to which scores are kept exactly, and scores held at once; for tests.
    """

    def __init__(
        self,
        memory_limit: str = "300MB",
        threads: int = 2,
        *,
        exact_rows: int = EXACT_SCORE_ROWS,
        key_budget: int = KEY_BUDGET,
    ) -> None:
        self.memory_limit = memory_limit
        self.threads = threads
        self._exact_rows = exact_rows
        self._key_budget = key_budget

    def profile(self, plan: Plan, *, progress: Callable[[int], None] | None = None) -> dict[Window, Statistics]:
        """Statistics of every window of the plan, empty ones included.

        Raises
        ------
        SourceError, SchemaError, ResourceError
            If a file cannot be read, does not fit the configuration, or needs more memory than there is.
        """
        return dict(self.stream(plan, progress=progress))

    def stream(
        self, plan: Plan, *, progress: Callable[[int], None] | None = None
    ) -> Iterator[tuple[Window, Statistics]]:
        """As ``profile``, one window after the other in order: the exact scores of one window are in memory at a time.

        ``progress`` is told the rows of every block read.
        """
        files = inputs(plan.model, plan.root)
        if not plan.windows:
            return
        features = [column.name for column in plan.columns if column.role == "feature"]
        with self.connect(files.all) as connection:
            log = open_log(connection, plan.model, files, features, plan.windows[-1].end)
            yield from self.count(connection, plan, log, label_columns(log, plan.as_of), progress)

    def connect(self, paths: Sequence[Path]) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A hardened connection that may read these files."""
        return connect(paths, memory_limit=self.memory_limit, threads=self.threads)

    def count(
        self,
        connection: duckdb.DuckDBPyConnection,
        plan: Plan,
        log: Log,
        labels: LabelColumns | None,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[tuple[Window, Statistics]]:
        """Count an open log; see ``stream``."""
        _check_classes(log, labels)
        index = WindowIndex(plan.windows)
        leaves = _leaves(log)
        wide = _Stream(log.rows, {}, [])
        narrow = _Stream(labels.rows, {}, []) if labels is not None and log.joined else wide
        basics = _Basics(len(plan.windows))
        wide.consumers.append(basics.add)
        counters: dict[str, CellCounter] = {}
        for column in plan.columns:
            if column.name in log.errors or (column.role == "label" and labels is None):
                continue
            counters[column.name] = _count_column(narrow if column.role == "label" else wide, log, labels, plan, column)
        decisions = self._decisions(plan, leaves, 0)
        _feed_decisions(narrow, log, labels, leaves, plan, decisions)
        for stream in [wide] if narrow is wide else [wide, narrow]:
            _pump(connection, log, stream, plan.windows, index, progress)
        values = _distinct_values(connection, log, plan) if plan.exact_drift else {}
        duplicates = _duplicates(log, index)
        first = 0
        while True:
            last = decisions.deferred
            for number, segments in self._finished(decisions, range(first, last)):
                quality = _quality(basics, duplicates, decisions, log, labels, number)
                yield (
                    plan.windows[number],
                    Statistics(
                        quality=quality,
                        columns={name: counter.result(number) for name, counter in counters.items()},
                        segments=segments,
                        values=values.get(number, {}),
                        latest=basics.latest_of(number),
                        column_errors=dict(log.errors),
                    ),
                )
            if last >= len(plan.windows):
                return
            first = last
            decisions = self._decisions(plan, leaves, first)
            again = _Stream(narrow.rows, {}, [])
            _feed_decisions(again, log, labels, leaves, plan, decisions)
            _pump(connection, log, again, plan.windows[first:], index, None)

    def _finished(self, decisions: Decisions, numbers: range) -> Iterator[tuple[int, dict[Segment, SegmentStatistics]]]:
        """The windows' segments in order; scores are sorted by ``threads`` threads, no further ahead than that."""
        with ThreadPoolExecutor(max_workers=self.threads) as pool:
            waiting = {number: pool.submit(decisions.result, number) for number in numbers[: self.threads]}
            for number in numbers:
                segments = waiting.pop(number).result()
                if number + self.threads in numbers:
                    waiting[number + self.threads] = pool.submit(decisions.result, number + self.threads)
                yield number, segments

    def _decisions(self, plan: Plan, leaves: Leaves, first: int) -> Decisions:
        model, windows = plan.model, len(plan.windows)
        if model.task == "binary":
            return BinaryDecisions(
                windows,
                leaves,
                has_prediction=model.log.prediction is not None,
                has_score=model.log.score is not None,
                first=first,
                limit=self._exact_rows,
                budget=self._key_budget,
            )
        if model.task == "multiclass":
            scores = model.log.scores or {}
            return ClassDecisions(
                windows,
                leaves,
                classes=plan.classes,
                has_prediction=model.log.prediction is not None,
                scored=tuple(name for name in plan.classes if name in scores) if scores else (),
                first=first,
                limit=self._exact_rows,
                budget=self._key_budget,
            )
        return RegressionDecisions(windows, leaves, error_exponent=plan.error_exponent, label_center=plan.label_center)

    def make_reference(
        self,
        model: ModelConfig,
        root: Path,
        windows: tuple[Window, ...] | None,
        period: Window | None,
        as_of: datetime,
        fingerprint: str,
    ) -> Reference:
        """Freeze the reference of a model: choose cells, count them, keep means and spreads.

        Parameters
        ----------
        windows
            The reference's own windows (for its natural variation), disjoint, sorted and within the period; ``None``
            for none.
        period
            The part of the log that is the reference; ``None`` when it has its own source, all of whose rows count.
        as_of
            Labels that arrived later are not used.

        Raises
        ------
        SourceError, SchemaError, ResourceError
            As for ``profile``, and when the reference has no rows.
        """
        from aimsight.metrics.engines.reference import build

        return build(self, model, root, windows, period, as_of, fingerprint)

    def time_range(self, model: ModelConfig, paths: list[Path]) -> tuple[datetime, datetime] | None:
        """Earliest and latest event time (UTC) of some files of the model's log; ``None`` without rows."""
        with self.connect(paths) as connection:
            log = open_log(connection, _without_id(model), Inputs(paths, []), [])
            (row,) = run(connection, f"SELECT epoch_us(min({log.time})), epoch_us(max({log.time})) FROM {log.rows}")
        if row[0] is None or row[1] is None:
            return None
        return moment(int(str(row[0]))), moment(int(str(row[1])))

    def schema(self, paths: list[Path], table: str | None = None) -> list[tuple[str, str]]:
        """Names and SQL types of the columns of some files."""
        with self.connect(paths) as connection:
            found = open_table(connection, paths, paths, table)
            return list(found.parts[0][1].items())

    def frame(
        self, model: ModelConfig, root: Path, window: Window | None, columns: Sequence[str], limit: int, seed: int
    ) -> pd.DataFrame:
        """At most ``limit`` rows of a window (``None``: of the reference's own source) with these columns of the log.

        The rows with the smallest hashes of their content and ``seed`` are taken, in that order: the same sample
        whatever the order of the rows.
        """
        files = inputs(model, root, reference=window is None)
        with self.connect(files.all) as connection:
            table = open_table(connection, files.log, files.all, model.log.table)
            for column in columns:
                table.type_of(column)
            log = open_log(connection, _without_id(model), replace_labels(files), [])
            rows = f"({table.select([*columns, model.log.timestamp])})"
            listed = ", ".join(quote_ident(column) for column in columns)
            condition = f"WHERE {log.within(window.start, window.end)}" if window is not None else ""
            frame: pd.DataFrame = connection.sql(
                f"SELECT {listed} FROM {rows} {condition} "
                f"ORDER BY hash({int(seed)}, {listed}, {quote_ident(model.log.timestamp)}), {listed} LIMIT {int(limit)}"
            ).df()
        return frame


def replace_labels(files: Inputs) -> Inputs:
    """The same files without those of the labels."""
    return replace(files, labels=[])


def _without_id(model: ModelConfig) -> ModelConfig:
    """The model reading nothing but the times of its log."""
    log = model.log.model_copy(update={"id": None, "prediction": None, "score": None, "scores": None})
    return model.model_copy(update={"log": log, "labels": None, "protected": (), "segments": ()})


class _Basics:
    """Rows and the latest event time by window."""

    def __init__(self, windows: int) -> None:
        self.rows = np.zeros(windows, dtype=np.int64)
        self._latest = np.full(windows, np.iinfo(np.int64).min)

    def add(self, block: Block) -> None:
        if block.only is not None:
            self.rows[block.only] += block.windows.size
            self._latest[block.only] = max(self._latest[block.only], block.times.max())
            return
        self.rows += np.bincount(block.windows, minlength=self.rows.size)
        np.maximum.at(self._latest, block.windows, block.times)

    def latest_of(self, window: int) -> Latest | None:
        return Latest(moment(int(self._latest[window]))) if self.rows[window] else None


def _pump(
    connection: duckdb.DuckDBPyConnection,
    log: Log,
    stream: _Stream,
    windows: Sequence[Window],
    index: WindowIndex,
    progress: Callable[[int], None] | None,
) -> None:
    """Run a stream's query over the windows and hand every block to its consumers."""
    listed = "".join(f", {expression} AS {alias}" for alias, expression in stream.columns.items())
    condition = log.within(windows[0].start, windows[-1].end)
    query = f"SELECT epoch_us({log.time}) AS t{listed} FROM {stream.rows} WHERE {condition}"
    for times, *rest in blocks(connection, query, BLOCK_ROWS):
        block = Block.of(dict(zip(stream.columns, rest, strict=True)), times, index)
        if block is not None:
            for consume in stream.consumers:
                consume(block)
        if progress is not None:
            progress(times.size)


def _count_column(
    stream: _Stream, log: Log, labels: LabelColumns | None, plan: Plan, column: ColumnPlan
) -> CellCounter:
    """Add a planned column to a stream; returns its counter."""
    feature = plan.model.features.get(column.name) if column.role == "feature" else None
    windows = len(plan.windows)
    if isinstance(column.cells, NumericCells):
        if column.role == "label" and labels is not None:
            expression = f"CASE WHEN {labels.state} = 0 THEN CAST({labels.value} AS DOUBLE) END"
        else:
            expression = log.number(column.name)
        counter = CellCounter(column.cells, windows, feature.range if feature is not None else None)
        alias = stream.column(expression)
        stream.consumers.append(lambda block: counter.add(block, block.columns[alias]))
        return counter
    counter = CellCounter(column.cells, windows)
    if column.role == "label" and labels is not None:
        shown = f"CASE WHEN {labels.state} = 0 THEN {labels.text} END"
    else:
        shown = log.text(column.name)
    size = column.cells.size
    alias = stream.column(code(shown, column.cells.categories, missing=size, unseen=size + 1))
    stream.consumers.append(lambda block: counter.add(block, block.columns[alias]))
    if feature is not None and feature.values is not None:
        allowed = ", ".join(quote_text(_value_text(value)) for value in feature.values)
        outside = stream.column(f"CAST(coalesce(({shown}) NOT IN ({allowed}), false) AS UTINYINT)")
        stream.consumers.append(lambda block: counter.mark_outside(block, block.columns[outside]))
    return counter


def _value_text(value: object) -> str:
    """A configured category as the log's text shows it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _feed_decisions(
    stream: _Stream, log: Log, labels: LabelColumns | None, leaves: Leaves, plan: Plan, decisions: Decisions
) -> None:
    """Add the columns that decisions are counted from to a stream."""
    model = plan.model
    renamed: dict[str, str] = {}
    codes = [
        stream.column(code(segment_text(name, log.table.type_of(name), log.table.what), known, missing=0, unseen=0))
        for name, known in zip(leaves.columns, leaves.values, strict=True)
    ]
    renamed["state"] = stream.column(labels.state if labels is not None else "CAST(1 AS UTINYINT)")
    label = labels.value if labels is not None else "NULL"
    classes = plan.classes
    number_leaves = leaves.numbering()
    if model.task == "binary":
        renamed["label"] = stream.column(f"CAST(coalesce({label}, 0) AS UTINYINT)")
        if model.log.prediction is not None:
            renamed["prediction"] = stream.column(
                f"CAST(coalesce({log.positive(model.log.prediction)}, 2) AS UTINYINT)"
            )
        if model.log.score is not None:
            renamed["score"] = stream.column(log.number(model.log.score))
    elif model.task == "multiclass":
        k = len(classes)
        renamed["label"] = stream.column(code(f"CAST({label} AS VARCHAR)", classes, missing=k, unseen=k))
        if model.log.prediction is not None:
            renamed["prediction"] = stream.column(code(log.text(model.log.prediction), classes, missing=k, unseen=k))
        scores = model.log.scores or {}
        for i, name in enumerate(name for name in classes if name in scores):
            renamed[f"score{i}"] = stream.column(log.number(scores[name]))
    else:
        renamed["label"] = stream.column(f"CAST({label} AS DOUBLE)")
        if model.log.prediction is not None:
            renamed["prediction"] = stream.column(log.number(model.log.prediction))
        else:
            renamed["prediction"] = stream.column("CAST(NULL AS DOUBLE)")

    def consume(block: Block) -> None:
        leaf = number_leaves([block.columns[alias] for alias in codes], block.windows.size)
        columns = {name: block.columns[alias] for name, alias in renamed.items()}
        decisions.add(replace(block, columns=columns), leaf)

    stream.consumers.append(consume)


def _leaves(log: Log) -> Leaves:
    """The combinations of segment values that occur anywhere in the log.

    Raises
    ------
    SchemaError
        If there are too many, as when an id is declared a segment.
    """
    model = log.model
    entries = tuple(dict.fromkeys([*((name,) for name in model.protected), *map(tuple, model.segments)]))
    columns = tuple(dict.fromkeys(name for entry in entries for name in entry))
    if not columns:
        return NO_SEGMENTS
    shown = [segment_text(name, log.table.type_of(name), log.table.what) for name in columns]
    found = run(log.connection, f"SELECT DISTINCT {', '.join(shown)} FROM {log.rows} LIMIT {MOST_LEAVES + 1}")
    if len(found) > MOST_LEAVES:
        raise SchemaError(
            f"{log.table.what}: columns {quoted_list(columns)} have more than {MOST_LEAVES} combinations of values; "
            "segments and protected columns need few values, such as bands"
        )
    combinations = tuple(sorted(tuple(str(value) for value in row) for row in found))
    values = tuple(tuple(sorted({combination[i] for combination in combinations})) for i in range(len(columns)))
    return Leaves(columns, values, combinations, entries)


def _check_classes(log: Log, labels: LabelColumns | None) -> None:
    """Refuse a binary label or prediction of more than two values, or of two values of which none is positive.

    Raises
    ------
    SchemaError
        With values that were found.
    """
    model = log.model
    if model.task != "binary":
        return
    if labels is not None and model.labels is not None:
        if log.labels is not None:
            _check_two(log, log.labels, model.labels.label, LABELS, labels.text, labels.value)
        else:
            name = model.labels.label
            _check_two(log, log.table, name, log.rows, quote_ident(name), labels.value)
    if model.log.prediction is not None:
        name = model.log.prediction
        _check_two(log, log.table, name, log.rows, quote_ident(name), log.positive(name))


def _check_two(log: Log, table: Table, column: str, relation: str, raw: str, value: str) -> None:
    """Look for two different values that are not positive; ``value`` is 1 for the positive one."""
    wanted = log.model.log.positive
    if kind_of(table.type_of(column)) == "integer" and not isinstance(wanted, str):
        # answered by the statistics of a Parquet file, without reading the column
        (ends,) = run(log.connection, f"SELECT min({raw}), max({raw}) FROM {relation}")
        low, high = (None if end is None else int(str(end)) for end in ends)
        if low is None or high is None or low == high or (high - low == 1 and int(wanted) in {low, high}):
            return
    (row,) = run(
        log.connection,
        f"SELECT min({raw}) FILTER (WHERE ({value}) = 0), max({raw}) FILTER (WHERE ({value}) = 0) FROM {relation}",
    )
    if row[0] != row[1]:
        raise SchemaError(
            f"{table.what}: column {column!r} of a binary model holds {row[0]!r} and {row[1]!r}, neither of which is "
            f"the positive value {wanted!r}; name the positive value (positive: in the log), or use task: multiclass"
        )


def _duplicates(log: Log, index: WindowIndex) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Dropped rows by window: with the same content as the row kept, with other content."""
    if log.duplicates is None:
        return None
    size = index.starts.size
    if log.duplicates.times.size == 0:
        return np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    numbers = index.index(log.duplicates.times)
    same = np.bincount(numbers[(numbers >= 0) & log.duplicates.same], minlength=size)
    other = np.bincount(numbers[(numbers >= 0) & ~log.duplicates.same], minlength=size)
    return same, other


def _quality(
    basics: _Basics,
    duplicates: tuple[NDArray[np.int64], NDArray[np.int64]] | None,
    decisions: Decisions,
    log: Log,
    labels: LabelColumns | None,
    window: int,
) -> QualityCounts:
    timed = labels is not None and log.has_arrival
    states = decisions.label_states(window)
    return QualityCounts(
        rows=int(basics.rows[window]),
        duplicate_rows=None if duplicates is None else int(duplicates[0][window]),
        conflicting_rows=None if duplicates is None else int(duplicates[1][window]),
        early_labels=int(states[EARLY]) if timed else None,
        late_labels=int(states[LATE]) if timed else None,
    )


def _distinct_values(connection: duckdb.DuckDBPyConnection, log: Log, plan: Plan) -> dict[int, dict[str, ValueCounts]]:
    """Rows per distinct value of every numeric column (but the label), one narrow query a column."""
    index = WindowIndex(plan.windows)
    found: dict[int, dict[str, ValueCounts]] = {number: {} for number in range(len(plan.windows))}
    condition = log.within(plan.windows[0].start, plan.windows[-1].end)
    for column in plan.columns:
        if not isinstance(column.cells, NumericCells) or column.role == "label" or column.name in log.errors:
            continue
        query = f"SELECT epoch_us({log.time}) AS t, {log.number(column.name)} AS x FROM {log.rows} WHERE {condition}"
        parts: dict[int, list[NDArray[np.float64]]] = {}
        for times, x in blocks(connection, query, BLOCK_ROWS):
            if times.size:
                numbers = index.index(times)
                for number in np.unique(numbers[numbers >= 0]):
                    parts.setdefault(int(number), []).append(x[numbers == number])
        for number in range(len(plan.windows)):
            x = np.concatenate(parts.pop(number, [np.empty(0)]))
            finite = x[np.isfinite(x)] + 0.0  # one zero only
            values, counts = np.unique(finite, return_counts=True)
            missing = int(np.isnan(x).sum())
            found[number][column.name] = ValueCounts(
                values, counts.astype(np.int64), missing, int(x.size - finite.size - missing)
            )
    return found

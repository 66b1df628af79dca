"""One pass: the queries that stream a log to NumPy, what counts each column of them, and the finished windows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.errors import SchemaError, SourceError, quoted_list
from aimsight.configs.filters import parse
from aimsight.metrics.cells import NumericCells, Scratch
from aimsight.metrics.engines.arrays import blocks
from aimsight.metrics.engines.connection import run
from aimsight.metrics.engines.counting import Block, CellCounter, tally
from aimsight.metrics.engines.expressions import code
from aimsight.metrics.engines.filters import condition
from aimsight.metrics.engines.log import LABELS, required_columns
from aimsight.metrics.engines.performance import (
    EARLY,
    INSIDE,
    LATE,
    NO_SEGMENTS,
    OUTSIDE,
    USABLE,
    BinaryDecisions,
    ClassDecisions,
    Decisions,
    Leaves,
)
from aimsight.metrics.engines.regression import RegressionDecisions
from aimsight.metrics.engines.scores import ScoreLimits
from aimsight.metrics.engines.sql import quote_ident, quote_text
from aimsight.metrics.engines.tables import Table, kind_of
from aimsight.metrics.engines.tallies import Tally
from aimsight.metrics.engines.value_counts import distinct_values
from aimsight.metrics.engines.windows import WindowIndex, moment
from aimsight.metrics.statistics import DELAY_CELLS, LabelDelays, Latest, QualityCounts, Statistics, ValueCounts
from aimsight.metrics.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from aimsight.configs.schema import FeatureConfig
    from aimsight.metrics.engines.counting import Count
    from aimsight.metrics.engines.log import LabelColumns, Log
    from aimsight.metrics.plan import ColumnPlan, Plan, Window
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Segment

BLOCK_ROWS = 1 << 15
"""Rows a block: a column of it fits into the processor's cache."""
COLUMNS_AT_ONCE = 64
"""Columns that one query reads."""
CELL_BYTES = 80_000_000
"""What the cells of all columns may take; the windows that do not fit are read in a further pass."""
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


def fitting(
    windows: Sequence[Window], columns: Sequence[ColumnPlan], most: int = CELL_BYTES, count: type[Count] = np.int32
) -> int:
    """How many of the first windows one pass can count in numbers of this type: at least one."""
    width = sum(np.dtype(count).itemsize * (column.cells.size + 3) for column in columns)
    return min(len(windows), max(1, most // max(width, 1)))


def read(
    plan: Plan,
    log: Log,
    labels: LabelColumns | None,
    limits: ScoreLimits,
    progress: Callable[[int], None] | None = None,
    count: type[Count] = np.int32,
) -> Counted:
    """Read an open log once (its labels apart where they are joined) and count everything in the plan.

    Parameters
    ----------
    count
        The type of the counts of cells.

    Raises
    ------
    SourceError, SchemaError, ResourceError
        See ``DuckDBEngine.profile``; also when a window has more rows than the counts of cells can hold.
    """
    _check_classes(log, labels)
    index = WindowIndex(plan.windows)
    leaves = _leaves(log)
    # a join is kept away from the wide rows, which would otherwise go through it
    wide = _Stream(log.rows, {}, [])
    narrow = _Stream(labels.rows, {}, []) if labels is not None and log.joined else wide
    # a wide log is read in several queries of some columns each, so that memory does not grow with its width
    streams = [wide, *([narrow] if narrow is not wide else [])]
    basics = _Basics(len(plan.windows))
    wide.consumers.append(basics.add)
    counters: dict[str, CellCounter] = {}
    scratch = Scratch()
    of_log = [column.name for column in plan.columns if column.role != "label" and column.name not in log.errors]
    parts = dict.fromkeys(of_log[:COLUMNS_AT_ONCE], wide)
    for first in range(COLUMNS_AT_ONCE, len(of_log), COLUMNS_AT_ONCE):
        part = of_log[first : first + COLUMNS_AT_ONCE]
        streams.append(_Stream(log.rows_of(part), {}, []))
        parts |= dict.fromkeys(part, streams[-1])
    for column in plan.columns:
        if column.name in log.errors or (column.role == "label" and labels is None):
            continue
        stream = narrow if column.role == "label" else parts[column.name]
        counters[column.name] = _count_column(stream, log, labels, plan, column, scratch, count)
    envelope = _count_envelope(wide, log, plan, counters)
    decisions = _decisions(plan, leaves, limits)
    _feed_decisions(narrow, log, labels, leaves, plan, decisions)
    delays = None
    if labels is not None and labels.delay is not None:
        delays = _Delays(len(plan.windows), narrow.column(labels.state), narrow.column(labels.delay))
        narrow.consumers.append(delays.add)
    tree = _count_leaves(wide, log, plan, leaves, decisions) if plan.loss_tree is not None else None
    for stream in streams:
        _pump(log, stream, plan.windows, index, progress if stream in (wide, narrow) else None)
    if count is np.uint16 and basics.rows.max() > np.iinfo(count).max:
        raise SourceError(f"{log.table.what}: rows were added while it was read; run again")
    return Counted(
        decisions=decisions,
        basics=basics,
        counters=counters,
        envelope=envelope,
        delays=delays,
        tree=tree,
        duplicates=_duplicates(log, index),
        values=distinct_values(log, plan, int(basics.rows.sum())) if plan.exact_drift else [],
        errors=dict(log.errors),
        repeats_ids=log.repeats_ids,
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """Everything that one pass counted; the source is not needed any more."""

    decisions: Decisions
    basics: _Basics
    counters: dict[str, CellCounter]
    envelope: _Envelope | None
    delays: _Delays | None
    tree: Tally | None
    duplicates: tuple[NDArray[np.int64], NDArray[np.int64]] | None
    values: list[dict[str, ValueCounts]]
    errors: dict[str, str]
    repeats_ids: bool

    @property
    def deferred(self) -> int:
        """First window that is not complete and has to be read again; the number of windows when there is none."""
        return self.decisions.deferred

    def statistics(self, number: int, segments: dict[Segment, SegmentStatistics]) -> Statistics:
        """The statistics of one window, whose segments come from ``decisions.result``."""
        states = self.decisions.label_states(number)
        quality = QualityCounts(
            rows=int(self.basics.rows[number]),
            duplicate_rows=None if self.duplicates is None else int(self.duplicates[0][number]),
            conflicting_rows=None if self.duplicates is None else int(self.duplicates[1][number]),
            early_labels=int(states[EARLY]) if self.delays is not None else None,
            late_labels=int(states[LATE]) if self.delays is not None else None,
            outside_envelope=None if self.envelope is None else self.envelope.of(number),
            label_delays=None if self.delays is None else self.delays.of(number),
        )
        return Statistics(
            quality=quality,
            columns={name: counter.result(number) for name, counter in self.counters.items()},
            segments=segments,
            values=self.values[number] if self.values else {},
            latest=self.basics.latest_of(number),
            column_errors=dict(self.errors),
            leaves=None if self.tree is None else self._leaves(self.tree, number, segments),
        )

    def _leaves(
        self, tree: Tally, number: int, segments: dict[Segment, SegmentStatistics]
    ) -> dict[Segment, NDArray[np.int64]]:
        members = [numbers for segment, numbers in self.decisions.segments if segment in segments]
        return dict(zip(segments, tree.window(number, members), strict=True))


def _decisions(plan: Plan, leaves: Leaves, limits: ScoreLimits) -> Decisions:
    model, windows = plan.model, len(plan.windows)
    has_prediction = model.log.prediction is not None
    if model.task == "binary":
        has_score = model.log.score is not None
        return BinaryDecisions(windows, leaves, has_prediction=has_prediction, has_score=has_score, limits=limits)
    if model.task == "multiclass":
        scores = model.log.scores or {}
        scored = tuple(name for name in plan.classes if name in scores)
        return ClassDecisions(
            windows, leaves, classes=plan.classes, has_prediction=has_prediction, scored=scored, limits=limits
        )
    return RegressionDecisions(
        windows,
        leaves,
        error_exponent=plan.error_exponent,
        label_center=plan.label_center,
        has_interval=model.log.interval is not None,
        limits=limits,
    )


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


class _Delays:
    """How long the usable labels of every window took; ``state`` and ``delay`` are aliases of the stream."""

    def __init__(self, windows: int, state: str, delay: str) -> None:
        self._counts = np.zeros((windows, DELAY_CELLS.size), dtype=np.int64)
        self._state, self._delay = state, delay

    def add(self, block: Block) -> None:
        usable = block.columns[self._state] == USABLE
        if usable.any():
            cells = DELAY_CELLS.index((block.columns[self._delay][usable] // 1_000_000).astype(np.float64))
            tally(self._counts, block.windows[usable], block.only, cells)

    def of(self, window: int) -> LabelDelays:
        return LabelDelays(self._counts[window].copy())


class _Envelope:
    """Rows of every window with any feature outside what was declared of it; ``outside`` is an alias of the stream."""

    def __init__(self, windows: int, outside: str) -> None:
        self._counts = np.zeros((windows, 2), dtype=np.int64)
        self._outside = outside

    def add(self, block: Block) -> None:
        tally(self._counts, block.windows, block.only, block.columns[self._outside].astype(np.int64))

    def of(self, window: int) -> int:
        return int(self._counts[window, 1])


def _count_envelope(stream: _Stream, log: Log, plan: Plan, counters: dict[str, CellCounter]) -> _Envelope | None:
    """Add whether a row is outside the envelope; ``None`` without one, or when a feature in it could not be counted."""
    declared = {
        name: feature
        for name, feature in plan.model.features.items()
        if feature.range is not None or feature.values is not None
    }
    if not declared or any(name not in counters for name in declared):
        return None
    tests = [
        _not_among(log.text(name), feature) if feature.range is None else _beyond(log.number(name), *feature.range)
        for name, feature in declared.items()
    ]
    envelope = _Envelope(len(plan.windows), stream.column(f"CAST(coalesce({' OR '.join(tests)}, false) AS UTINYINT)"))
    stream.consumers.append(envelope.add)
    return envelope


def _beyond(value: str, low: float, high: float) -> str:
    """Whether a finite number is outside [low, high]; NaN is the largest of all numbers to DuckDB."""
    least, most, ends = (f"CAST('{bound!r}' AS DOUBLE)" for bound in (low, high, math.inf))
    return f"({value} < {least} AND {value} > -{ends}) OR ({value} > {most} AND {value} < {ends})"


def _pump(
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
    for times, *rest in blocks(log.connection, query, BLOCK_ROWS):
        block = Block.of(dict(zip(stream.columns, rest, strict=True)), times, index)
        if block is not None:
            for consume in stream.consumers:
                consume(block)
        if progress is not None:
            progress(times.size)


def _count_column(
    stream: _Stream,
    log: Log,
    labels: LabelColumns | None,
    plan: Plan,
    column: ColumnPlan,
    scratch: Scratch,
    count: type[Count],
) -> CellCounter:
    """Add a planned column to a stream; returns its counter."""
    feature = plan.model.features.get(column.name) if column.role == "feature" else None
    windows = len(plan.windows)
    if isinstance(column.cells, NumericCells):
        if column.role == "label" and labels is not None:
            expression = f"CASE WHEN {labels.state} = 0 THEN CAST({labels.value} AS DOUBLE) END"
        else:
            expression = log.number(column.name)
        bounds = feature.range if feature is not None else None
        counter = CellCounter(column.cells, windows, bounds, scratch, present_only=column.role == "label", count=count)
        alias = stream.column(expression)
        stream.consumers.append(lambda block: counter.add(block, block.columns[alias]))
        return counter
    counter = CellCounter(column.cells, windows, present_only=column.role == "label", count=count)
    known, size = column.cells.categories, column.cells.size
    if column.role == "label" and labels is not None:
        found = _label_code(log, labels, known, missing=size, unseen=size + 1)
        alias = stream.column(f"CAST(CASE WHEN {labels.state} = 0 THEN {found} ELSE {size} END AS USMALLINT)")
    else:
        alias = stream.column(log.code(column.name, known, missing=size, unseen=size + 1))
    stream.consumers.append(lambda block: counter.add(block, block.columns[alias]))
    if feature is not None and feature.values is not None:
        outside = stream.column(f"CAST(coalesce({_not_among(log.text(column.name), feature)}, false) AS UTINYINT)")
        stream.consumers.append(lambda block: counter.mark_outside(block, block.columns[outside]))
    return counter


def _label_code(log: Log, labels: LabelColumns, known: Sequence[str], *, missing: int, unseen: int) -> str:
    """The position of a label among texts, whatever its state."""
    if log.joined or log.model.labels is None:
        return code(labels.text, known, missing=missing, unseen=unseen)
    return log.code(log.model.labels.label, known, missing=missing, unseen=unseen)


def _not_among(shown: str, feature: FeatureConfig) -> str:
    allowed = ", ".join(quote_text(_value_text(value)) for value in feature.values or ())
    return f"({shown}) NOT IN ({allowed})"


def _value_text(value: object) -> str:
    """A configured category as the log's text shows it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _feed_decisions(
    stream: _Stream, log: Log, labels: LabelColumns | None, leaves: Leaves, plan: Plan, decisions: Decisions
) -> None:
    """Add the columns that decisions are counted from to a stream."""
    model = plan.model
    renamed: dict[str, str] = {}
    codes = _leaf_codes(stream, log, leaves)
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
        renamed["label"] = stream.column(
            f"CAST({k} AS USMALLINT)" if labels is None else _label_code(log, labels, classes, missing=k, unseen=k)
        )
        if model.log.prediction is not None:
            renamed["prediction"] = stream.column(log.code(model.log.prediction, classes, missing=k, unseen=k))
        scores = model.log.scores or {}
        for i, name in enumerate(name for name in classes if name in scores):
            renamed[f"score{i}"] = stream.column(log.number(scores[name]))
    else:
        renamed["label"] = stream.column(f"CAST({label} AS DOUBLE)")
        if model.log.prediction is not None:
            renamed["prediction"] = stream.column(log.number(model.log.prediction))
        else:
            renamed["prediction"] = stream.column("CAST(NULL AS DOUBLE)")
        for end, column in zip(("low", "high"), model.log.interval or (), strict=False):
            renamed[end] = stream.column(log.number(column))

    def consume(block: Block) -> None:
        leaf = number_leaves([block.columns[alias] for alias in codes], block.windows.size)
        columns = {name: block.columns[alias] for name, alias in renamed.items()}
        decisions.add(replace(block, columns=columns), leaf)

    stream.consumers.append(consume)


def _count_leaves(stream: _Stream, log: Log, plan: Plan, leaves: Leaves, decisions: Decisions) -> Tally | None:
    """Add the leaf of the loss tree to a stream; ``None`` when a feature that it looks at cannot be read."""
    tree, features = plan.loss_tree, plan.model.features
    if tree is None or any(name in log.errors or name not in features for name in tree.columns):
        return None
    read_as = {"numeric": log.number, "category": log.text}
    leaf_number = tree.sql({name: read_as[features[name].kind](name) for name in tree.columns})
    alias = stream.column(f"CAST({leaf_number} AS USMALLINT)")
    codes = _leaf_codes(stream, log, leaves)
    number_leaves = leaves.numbering()
    counts = decisions.tally(tree.size)

    def consume(block: Block) -> None:
        leaf = number_leaves([block.columns[code] for code in codes], block.windows.size)
        counts.add(decisions.groups(block, leaf), decisions.only(block), block.columns[alias].astype(np.int64))

    stream.consumers.append(consume)
    return counts


def _leaf_codes(stream: _Stream, log: Log, leaves: Leaves) -> list[str]:
    """Add the segment columns to a stream, as numbers of their values."""
    expressions = [
        log.code(name, known, missing=known.index(MISSING) if MISSING in known else 0, unseen=0)
        for name, known in zip(leaves.columns[: len(leaves.columns) - len(leaves.filters)], leaves.values, strict=False)
    ]
    for known, inside in zip(leaves.values[len(expressions) :], _inside(log), strict=True):
        expressions.append(code(inside, known, missing=0, unseen=0))
    return [stream.column(expression) for expression in expressions]


def _inside(log: Log) -> list[str]:
    """Whether a row is in each declared filter, as texts."""
    conditions = [condition(parse(text), log.table.type_of, log.table.what) for text in log.model.filters.values()]
    return [f"CASE WHEN {one} THEN {quote_text(INSIDE)} ELSE {quote_text(OUTSIDE)} END" for one in conditions]


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
    filters = tuple(model.filters)
    if not columns and not filters:
        return NO_SEGMENTS
    shown = [*map(log.text, columns), *_inside(log)]
    columns += filters
    rows = log.rows_of(required_columns(model))
    found = run(log.connection, f"SELECT DISTINCT {', '.join(shown)} FROM {rows} LIMIT {MOST_LEAVES + 1}")
    if len(found) > MOST_LEAVES:
        raise SchemaError(
            f"{log.table.what}: columns {quoted_list(columns)} have more than {MOST_LEAVES} combinations of values; "
            "segments and protected columns need few values, such as bands"
        )
    # a missing value may also be written so
    combinations = tuple(sorted({tuple(MISSING if one is None else str(one) for one in row) for row in found}))
    values = tuple(tuple(sorted({combination[i] for combination in combinations})) for i in range(len(columns)))
    return Leaves(columns, values, combinations, entries, filters)


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
            _check_two(log, log.table, name, log.rows_of([name]), quote_ident(name), labels.value)
    if model.log.prediction is not None:
        name = model.log.prediction
        _check_two(log, log.table, name, log.rows_of([name]), quote_ident(name), log.positive(name))


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

"""The inference log and its labels as SQL: duplicates set apart, labels joined as of a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.errors import SchemaError
from aimsight.configs.filters import columns, parse
from aimsight.metrics.engines.arrays import blocks
from aimsight.metrics.engines.connection import run
from aimsight.metrics.engines.expressions import SCALAR, code_of, instant, literal, number, positive, text
from aimsight.metrics.engines.sql import quote_ident
from aimsight.metrics.engines.tables import Csv, kind_of, open_table
from aimsight.metrics.engines.windows import WindowIndex
from aimsight.metrics.plan import Window
from aimsight.metrics.sources import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import duckdb
    from numpy.typing import NDArray

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.engines.tables import Table

# names that no column of a log is likely to have, so that ours cannot be mistaken for theirs
_ROW, _KEY, _AT = '"aimsight.row"', '"aimsight.key"', '"aimsight.at"'
_SCOPE, _FROM, _UNTIL = '"aimsight.window"', '"aimsight.from"', '"aimsight.until"'
_VALUE, _TEXT, _ARRIVED = '"aimsight.label"', '"aimsight.label text"', '"aimsight.arrived"'

LABELS = "label_of"
"""The temporary table of labels from another source, as of the run."""

_BEGINNING, _END = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)

ID_BLOCK = 8_000_000
"""Hashes of ids that are compared at once when duplicates are looked for (64 MB)."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files of one pass."""

    log: list[Path]
    labels: list[Path]

    @property
    def all(self) -> list[Path]:
        """Every file, each once."""
        return list(dict.fromkeys([*self.log, *self.labels]))


def inputs(model: ModelConfig, root: Path, *, reference: bool = False) -> Inputs:
    """The files of the log and of its labels, or those of the reference when it has its own.

    Raises
    ------
    SourceError
        If a file is missing or irregular.
    """
    own = model.reference if reference and model.reference is not None and model.reference.source is not None else None
    log = resolve(model.log.source if own is None or own.source is None else own.source, root)
    if model.labels is None:
        return Inputs(log, [])
    source = model.labels.source
    if own is not None and own.labels_source is not None:
        source = own.labels_source
    return Inputs(log, resolve(source, root) if source is not None else [])


def required_columns(model: ModelConfig) -> list[str]:
    """Columns of the log without which nothing can be measured."""
    log = model.log
    found = [log.timestamp, log.id, log.prediction, log.score, *(log.scores or {}).values(), *(log.interval or ())]
    if model.labels is not None and model.labels.source is None:
        found += [model.labels.label, model.labels.arrived_at]
    found += [*model.protected, *(column for entry in model.segments for column in entry)]
    found += [column for text in model.filters.values() for column in columns(parse(text))]
    return list(dict.fromkeys(name for name in found if name is not None))


@dataclass(slots=True)
class Duplicates:
    """Dropped rows: their times and whether they said the same as the row that was kept."""

    times: NDArray[np.int64]
    same: NDArray[np.bool_]


@dataclass(slots=True)
class Log:
    """A model's log on an open connection.

    ``columns`` are those that are used, and ``time`` is the SQL expression of the event time. ``errors`` names features
    that cannot be counted, with the reason. ``repeats_ids`` tells that an id (or its hash) occurs more than once among
    all rows looked at, in one window or in several.
    """

    connection: duckdb.DuckDBPyConnection
    model: ModelConfig
    table: Table
    labels: Table | None
    columns: list[str]
    time: str
    errors: dict[str, str] = field(default_factory=dict)
    duplicates: Duplicates | None = None
    repeats_ids: bool = False

    @property
    def rows(self) -> str:
        """A relation (a parenthesised query) with every column that is used."""
        return self.rows_of(self.columns)

    def rows_of(self, columns: Iterable[str]) -> str:
        """The same rows with these columns, time and id: of a wide log a query that names all is slow to prepare."""
        log = self.model.log
        names = list(dict.fromkeys([log.timestamp, *([] if log.id is None else [log.id]), *columns]))
        rows = self.table.select(names)
        if log.id is None or not self.repeats_ids:
            return f"({rows})"
        identity = quote_ident(log.id)
        listed = ", ".join(map(quote_ident, names))
        single = f"SELECT * FROM ({rows}) WHERE {identity} IS NULL OR hash({identity}) NOT IN (SELECT h FROM repeated)"
        kept = f"SELECT {listed} FROM (SELECT unnest({_ROW}) FROM twice WHERE place = 1)"
        return f"({single} UNION ALL BY NAME {kept})"

    @property
    def joined(self) -> bool:
        """Whether labels come from a source of their own."""
        return self.labels is not None

    def number(self, column: str) -> str:
        """A column of the log as DOUBLE (SchemaError if it is not numeric)."""
        return number(column, self.table.type_of(column), self.table.what)

    def text(self, column: str) -> str:
        """A column of the log as text (SchemaError if it is nested)."""
        return text(column, self.table.type_of(column), self.table.what)

    def code(self, column: str, known: Sequence[str], *, missing: int, unseen: int) -> str:
        """The position of a column's text in ``known`` (SchemaError if it is nested)."""
        what = self.table.what
        return code_of(column, self.table.type_of(column), what, known, missing=missing, unseen=unseen)

    def positive(self, column: str) -> str:
        """1 where the column holds the positive class, 0 for another, NULL for none."""
        return positive(column, self.table.type_of(column), self.model.log.positive, self.table.what)

    def within(self, start: datetime, end: datetime) -> str:
        """The condition that a row lies in [start, end)."""
        return f"{self.time} >= {literal(start)} AND {self.time} < {literal(end)}"


def open_log(
    connection: duckdb.DuckDBPyConnection,
    model: ModelConfig,
    files: Inputs,
    features: Sequence[str],
    windows: Sequence[Window] = (),
    *,
    others: Sequence[str] = (),
) -> Log:
    """Check the columns of a model's log and set duplicates apart.

    Parameters
    ----------
    features
        Columns whose absence fails only their own metrics.
    windows
        Disjoint and sorted; an id is a duplicate within each of them. Without any, within the whole source.
    others
        Further columns that are to be read.

    Raises
    ------
    SchemaError
        If a required column or one of the others is missing or has the wrong type.
    SourceError
        If a file cannot be read.
    """
    csv = Csv.of(model.log)
    table = open_table(connection, files.log, files.all, model.log.table, csv=csv)
    required = [*required_columns(model), *(name for name in others if name not in features)]
    for column in required:
        table.type_of(column)
    time = instant(model.log.timestamp, table.type_of(model.log.timestamp), model.log, table.what)
    errors: dict[str, str] = {}
    for column in features:
        try:
            kind = model.features[column].kind
            (number if kind == "numeric" else text)(column, table.type_of(column), table.what)
        except SchemaError as error:
            errors[column] = table.without_files(str(error))
    used = list(dict.fromkeys([*required, *(name for name in features if name not in errors)]))
    labels = None
    if model.labels is not None and files.labels:
        labels = open_table(connection, files.labels, files.all, model.labels.table, csv=csv)
    log = Log(connection, model, table, labels, used, time, errors)
    if model.log.id is not None:
        _set_duplicates_apart(log, model.log.id, windows)
    return log


def _set_duplicates_apart(log: Log, column: str, windows: Sequence[Window]) -> None:
    """Keep the earliest row of every id in every window; only ids whose hashes occur twice are looked at closely.

    Within each window and no further, so that its statistics do not depend on which others are counted with it.
    """
    connection, name = log.connection, quote_ident(column)
    if kind_of(log.table.type_of(column)) not in SCALAR:
        raise SchemaError(f"{log.table.what}: column {column!r} must hold plain values to be an id")
    condition = f"{name} IS NOT NULL AND {log.time} IS NOT NULL"
    if windows:
        condition += f" AND {log.within(windows[0].start, windows[-1].end)}"
    repeated = _repeated_hashes(log, f"SELECT hash({name}) AS h FROM {log.rows_of([])} WHERE {condition}")
    empty = np.empty(0, dtype=np.int64)
    log.duplicates = Duplicates(empty, empty.astype(np.bool_))
    if repeated.size == 0:
        return
    import pyarrow as pa

    scopes = windows or [Window(_BEGINNING, _END)]
    listed = ", ".join(f"({number}, {literal(w.start)}, {literal(w.end)})" for number, w in enumerate(scopes))
    connection.register("repeated_hash", pa.table({"h": repeated}))
    run(connection, "CREATE TEMP TABLE repeated AS SELECT h FROM repeated_hash")
    connection.unregister("repeated_hash")
    run(
        connection,
        f"CREATE TEMP TABLE twice AS SELECT *, row_number() OVER earliest AS place, "
        f"first_value({_ROW}) OVER earliest IS NOT DISTINCT FROM {_ROW} AS same FROM "
        f"(SELECT {_ROW}, {name} AS {_KEY}, {log.time} AS {_AT}, {_SCOPE} FROM {log.rows} AS {_ROW} "
        f"JOIN (VALUES {listed}) AS scope ({_SCOPE}, {_FROM}, {_UNTIL}) "
        f"ON {log.time} >= {_FROM} AND {log.time} < {_UNTIL} "
        f"WHERE {condition} AND hash({name}) IN (SELECT h FROM repeated)) "
        f"WINDOW earliest AS (PARTITION BY {_SCOPE}, {_KEY} ORDER BY {_AT}, {_ROW})",
    )
    dropped = list(blocks(connection, f"SELECT epoch_us({_AT}), same FROM twice WHERE place > 1", 1 << 17))
    if dropped:
        times, same = (np.concatenate(column) for column in zip(*dropped, strict=True))
        log.duplicates = Duplicates(times, same)
    log.repeats_ids = True


def _repeated_hashes(log: Log, query: str) -> NDArray[np.uint64]:
    """Hashes that occur more than once, found part by part so that memory stays bounded."""
    (row,) = run(log.connection, f"SELECT count(*) FROM ({query})")
    parts = max(1, -(-int(str(row[0])) // ID_BLOCK))
    found = []
    for part in range(parts):
        subset = query if parts == 1 else f"SELECT h FROM ({query}) WHERE h % {parts} = {part}"
        parts_read = [hashes for (hashes,) in blocks(log.connection, subset, 1 << 17)]
        if not parts_read:
            continue
        hashes = np.sort(np.concatenate(parts_read))
        found.append(np.unique(hashes[1:][hashes[1:] == hashes[:-1]]))
    return np.concatenate(found) if found else np.empty(0, dtype=np.uint64)


def rows_of_windows(log: Log, windows: Sequence[Window]) -> NDArray[np.int64]:
    """How many rows each of some windows (disjoint and sorted) has; only their times are read."""
    index = WindowIndex(windows)
    totals = np.zeros(len(windows), dtype=np.int64)
    condition = log.within(windows[0].start, windows[-1].end)
    query = f"SELECT epoch_us({log.time}) FROM {log.rows_of([])} WHERE {condition}"
    for (times,) in blocks(log.connection, query, 1 << 17):
        if times.size:
            numbers = index.index(times)
            totals += np.bincount(numbers[numbers >= 0], minlength=totals.size)
    return totals


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """How the label of a row is read: a relation and, in it, SQL for the value and the state (see ``performance``).

    ``rows`` has the log's columns; ``value`` is the label as the task needs it (NULL when absent), ``text`` the label
    as text, ``state`` a UTINYINT. ``delay`` is its arrival minus the decision in microseconds (BIGINT), where known.
    """

    rows: str
    value: str
    text: str
    state: str
    delay: str | None = None


def label_columns(log: Log, as_of: datetime) -> LabelColumns | None:
    """Where labels are found as of a moment; ``None`` when the model has none.

    A label from another source is joined by id. Of several labels of one id the one that arrived last (not later than
    ``as_of``) counts, among those the one whose text is smallest. A label that arrived before its prediction is early
    and not used; one that has not arrived yet is late.

    Raises
    ------
    SchemaError
        If columns are missing or of the wrong type, or the ids of log and labels differ in type.
    """
    labels = log.model.labels
    if labels is None:
        return None
    if log.labels is None:
        value = _label_value(log, labels.label, log.table)
        shown = text(labels.label, log.table.type_of(labels.label), log.table.what)
        if labels.arrived_at is None:
            return LabelColumns(log.rows, value, shown, f"CAST(({value}) IS NULL AS UTINYINT)")
        arrived = instant(labels.arrived_at, log.table.type_of(labels.arrived_at), log.model.log, log.table.what)
        state = (
            f"CAST(CASE WHEN ({value}) IS NULL THEN 1 WHEN {arrived} < {log.time} THEN 2 "
            f"WHEN {arrived} <= {literal(as_of)} THEN 0 ELSE 3 END AS UTINYINT)"
        )
        return LabelColumns(log.rows, value, shown, state, _delay(log, f"epoch_us({arrived})"))
    return _joined(log, log.labels, as_of)


def _label_value(log: Log, column: str, table: Table) -> str:
    type_name = table.type_of(column)
    if log.model.task == "binary":
        return positive(column, type_name, log.model.log.positive, table.what)
    if log.model.task == "multiclass":
        return text(column, type_name, table.what)
    value = number(column, type_name, table.what)
    return f"CASE WHEN isfinite({value}) THEN {value} END" if kind_of(type_name) == "float" else value


def _joined(log: Log, table: Table, as_of: datetime) -> LabelColumns:
    labels, name = log.model.labels, log.model.log.id
    if labels is None or name is None:
        raise SchemaError(f"{log.model.model}: labels from another source need an id in the log (log: id:)")
    column = labels.id or name
    mine, theirs = log.table.type_of(name), table.type_of(column)
    kinds = {kind_of(mine), kind_of(theirs)}
    if mine != theirs and kinds != {"integer"} and "empty" not in kinds:
        raise SchemaError(
            f"{table.what}: column {column!r} is {theirs}, but column {name!r} of the log is {mine}; "
            "ids must have the same type to be joined"
        )
    value = _label_value(log, labels.label, table)
    shown = text(labels.label, table.type_of(labels.label), table.what)
    arrived, usable, used = "CAST(NULL AS TIMESTAMPTZ)", "true", [column, labels.label]
    if labels.arrived_at is not None:
        arrived = instant(labels.arrived_at, table.type_of(labels.arrived_at), log.model.log, table.what)
        usable = f"coalesce({arrived} <= {literal(as_of)}, false)"
        used.append(labels.arrived_at)
    order = f"-coalesce(epoch_us({arrived}), 0)"
    # the least of (time backwards, text) is the latest label, and the smallest text among equals
    best = f"min({{'o': {order}, 't': {shown}, 'v': {value}}}) FILTER (WHERE {usable})"
    run(
        log.connection,
        f"CREATE OR REPLACE TEMP TABLE {LABELS} AS SELECT {_KEY}, best.v AS {_VALUE}, best.t AS {_TEXT}, "
        f"-best.o AS {_ARRIVED} FROM (SELECT {quote_ident(column)} AS {_KEY}, {best} AS best "
        f"FROM ({table.select(used)}) WHERE {quote_ident(column)} IS NOT NULL AND ({value}) IS NOT NULL GROUP BY 1)",
    )
    rows = f"(SELECT * FROM {log.rows} LEFT JOIN {LABELS} ON {LABELS}.{_KEY} = {quote_ident(name)})"
    early = f"WHEN {_ARRIVED} < epoch_us({log.time}) THEN 2" if labels.arrived_at is not None else ""
    state = f"CAST(CASE WHEN {_KEY} IS NULL THEN 1 WHEN {_VALUE} IS NULL THEN 3 {early} ELSE 0 END AS UTINYINT)"
    return LabelColumns(rows, _VALUE, _TEXT, state, _delay(log, _ARRIVED) if labels.arrived_at is not None else None)


def _delay(log: Log, arrived: str) -> str:
    return f"coalesce({arrived} - epoch_us({log.time}), 0)"

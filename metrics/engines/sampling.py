"""Samples of rows: the same ones whatever the order of the rows, the threads or the other windows asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aimsight.configs.errors import SchemaError
from aimsight.metrics.engines.arrays import as_numpy
from aimsight.metrics.engines.expressions import NUMERIC, number, text
from aimsight.metrics.engines.log import label_columns, open_log, required_columns, rows_of_windows
from aimsight.metrics.engines.sql import quote_ident
from aimsight.metrics.engines.tables import kind_of
from aimsight.metrics.engines.windows import WindowIndex, micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import duckdb
    import pyarrow as pa
    from numpy.typing import NDArray

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.engines.log import Inputs, LabelColumns, Log
    from aimsight.metrics.plan import Window

_ALL = (1 << 64) - 1
"""The largest hash."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Some rows of a window, in an order that depends on their content alone.

    Attributes
    ----------
    columns
        Values by column, all of shape (n,): numbers as float64 with NaN for missing, everything else as text (dtype
        object) with ``None`` for missing.
    rows
        Rows of the window that the sample was drawn from; an id that is repeated counts once.
    states
        State of each row's label (``aimsight.metrics.engines.performance``: usable, absent, early, late); ``None``
        when labels were not asked for or the model has none.
    labels
        The usable labels: 0 or 1 (binary) or numbers (regression) as float64, NaN where there is none that is usable;
        classes as text, ``None`` where there is none.
    """

    columns: Mapping[str, NDArray[Any]]
    rows: int
    states: NDArray[np.uint8] | None = None
    labels: NDArray[Any] | None = None

    @property
    def size(self) -> int:
        """Number of rows drawn."""
        return len(next(iter(self.columns.values()))) if self.columns else 0


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """What is drawn: columns of the log, at most so many rows of each window, with which seed, and labels as of when.

    ``as_of`` is ``None`` when labels are not wanted.
    """

    columns: tuple[str, ...]
    limit: int
    seed: int
    as_of: datetime | None


def draw(
    connection: duckdb.DuckDBPyConnection,
    model: ModelConfig,
    files: Inputs,
    windows: Sequence[Window],
    request: SampleRequest,
) -> list[Sample]:
    """Draw from each window the rows with the smallest hashes of what is declared of them (labels apart) and the seed.

    Only rows below a hash that a little more than ``limit`` of them are expected to have leave the database, so that
    memory does not depend on the size of the log.

    Raises
    ------
    SourceError, SchemaError, ResourceError
        As for ``DuckDBEngine.profile``, and when a column of the request cannot be read.
    """
    features = [name for name in request.columns if name in model.features]
    log = open_log(connection, model, files, features, windows, others=request.columns)
    for name in request.columns:
        if name in log.errors:
            raise SchemaError(log.errors[name])
    labels = label_columns(log, request.as_of) if request.as_of is not None else None
    index = WindowIndex(windows)
    condition = log.within(windows[0].start, windows[-1].end)
    totals = rows_of_windows(log, windows)
    wanted = np.minimum(totals, request.limit)
    shares = _shares(totals, request.limit)
    while True:
        drawn = _below(log, labels, windows, condition, request, shares)
        numbers = index.index(drawn.times) if drawn.times.size else drawn.times
        found = np.bincount(numbers[numbers >= 0], minlength=totals.size)
        short = found < wanted
        if not short.any():
            break
        shares = np.where(short, np.minimum(shares * 4, 1.0), shares)
    return [
        drawn.take(np.flatnonzero(numbers == number)[: request.limit], int(totals[number]))
        for number in range(len(windows))
    ]


def _shares(totals: NDArray[np.int64], limit: int) -> NDArray[np.float64]:
    """The share of each window's rows that is looked at: so large that it almost never holds fewer than ``limit``."""
    enough = limit + 6 * math.sqrt(limit) + 20
    return np.minimum(enough / np.maximum(totals, 1), 1.0)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Rows in the order of their hashes."""

    times: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]
    states: NDArray[np.uint8] | None
    labels: NDArray[Any] | None

    def take(self, rows: NDArray[np.int64], total: int) -> Sample:
        return Sample(
            {name: values[rows] for name, values in self.columns.items()},
            total,
            None if self.states is None else self.states[rows],
            None if self.labels is None else self.labels[rows],
        )


def _below(
    log: Log,
    labels: LabelColumns | None,
    windows: Sequence[Window],
    condition: str,
    request: SampleRequest,
    shares: NDArray[np.float64],
) -> _Drawn:
    """The rows whose hash is below the share of their window."""
    highest = [min(int(share * 2.0**64), _ALL) for share in shares.tolist()]
    numeric = {name: _is_numeric(log, name) for name in request.columns}
    columns = ", ".join(f"{_value(log, name, numeric=numeric[name])} AS c{i}" for i, name in enumerate(request.columns))
    state = labels.state if labels is not None else "CAST(1 AS UTINYINT)"
    label = f"CASE WHEN {state} = 0 THEN {labels.value} END" if labels is not None else "NULL"
    kind = "VARCHAR" if log.model.task == "multiclass" else "DOUBLE"
    hashed = _hash(log, request)  # in full, and columns by number: the log may have columns of any name
    query = (
        f"SELECT epoch_us({log.time}) AS t, {hashed} AS h, {state} AS state, "
        f"CAST({label} AS {kind}) AS label, {columns} FROM {labels.rows if labels is not None else log.rows} "
        f"WHERE {condition} AND {hashed} <= {_highest(log, windows, highest)} ORDER BY 2, 3, 4"
    )
    found = log.connection.sql(query).to_arrow_table().combine_chunks()
    arrays = [_array(column) for column in found.columns]
    times, _, states, values = arrays[:4]
    return _Drawn(
        times,
        dict(zip(request.columns, arrays[4:], strict=True)),
        states if labels is not None else None,
        values if labels is not None else None,
    )


def _hash(log: Log, request: SampleRequest) -> str:
    """The hash of everything declared of a row but its label, which may come later."""
    labels = log.model.labels
    late = {labels.label, labels.arrived_at} if labels is not None and labels.source is None else set()
    names = [*required_columns(log.model), *request.columns]
    content = ", ".join(quote_ident(name) for name in dict.fromkeys(names) if name not in late)
    return f"hash({int(request.seed)}, {content})"


def _highest(log: Log, windows: Sequence[Window], highest: list[int]) -> str:
    """The largest hash that counts at a row's time: a tree of comparisons, so that windows may lie anywhere."""
    if len(windows) == 1:
        return f"CAST({highest[0]} AS UBIGINT)"
    middle = len(windows) // 2
    early, late = (
        _highest(log, part, high)
        for part, high in ((windows[:middle], highest[:middle]), (windows[middle:], highest[middle:]))
    )
    return f"CASE WHEN epoch_us({log.time}) < {micros(windows[middle].start)} THEN {early} ELSE {late} END"


def _is_numeric(log: Log, name: str) -> bool:
    """Whether a column's values are given as numbers."""
    if name in log.model.features:
        return log.model.features[name].kind == "numeric"
    if name == log.model.log.prediction and log.model.task != "regression":
        return False
    return kind_of(log.table.type_of(name)) in NUMERIC


def _value(log: Log, name: str, *, numeric: bool) -> str:
    read_as = number if numeric else text
    return read_as(name, log.table.type_of(name), log.table.what)


def _array(column: pa.ChunkedArray) -> NDArray[Any]:
    chunks = column.chunks
    if str(column.type) in {"string", "large_string"}:
        return np.array([*column.to_pylist(), None], dtype=object)[:-1]
    dtype = {"double": np.float64, "int64": np.int64, "uint64": np.uint64, "uint8": np.uint8}[str(column.type)]
    return np.concatenate([as_numpy(chunk) for chunk in chunks]) if chunks else np.empty(0, dtype=dtype)

"""The columns of source files, looked at once a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.schema import Schema
from aimsight.metrics.sources import format_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from aimsight.metrics.engines.duckdb import DuckDBEngine


class Schemas:
    """The columns of the files of a model's log."""

    def __init__(self, engine: DuckDBEngine, table: str | None) -> None:
        self._engine, self._table = engine, table
        self._known: dict[Path, Schema] = {}

    def of(self, paths: Iterable[Path]) -> Schema | None:
        """The columns of these files together; ``None`` without any file.

        Raises
        ------
        SourceError
            If a file cannot be read.
        """
        total: Schema | None = None
        for path in paths:
            if path not in self._known:
                self._known[path] = self._look(path)
            total = self._known[path] if total is None else total + self._known[path]
        return total

    def _look(self, path: Path) -> Schema:
        if format_of(path) == "parquet" and (found := _of_parquet(path)) is not None:
            return found
        types = self._engine.schema([path], self._table)
        return Schema.of(types, guessed=format_of(path) in ("csv", "json"))


def _of_parquet(path: Path) -> Schema | None:
    """The columns by the file's footer, a hundred times quicker than a query; ``None`` when it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return None  # the query tells the person what is wrong with the file
    return Schema({field.name: _kind(field.type) for field in schema})


def _kind(kind: object) -> str:
    """The kind of an Arrow type, as ``aimsight.metrics.schema.kind_of`` names those of SQL types."""
    import pyarrow.types as of

    if of.is_dictionary(kind):
        return _kind(kind.value_type)  # type: ignore[attr-defined]  # a dictionary type has one
    if of.is_boolean(kind):
        return "boolean"
    if of.is_temporal(kind):
        return "time"
    if of.is_string(kind) or of.is_large_string(kind) or of.is_string_view(kind):
        return "text"
    if of.is_binary(kind) or of.is_large_binary(kind) or of.is_fixed_size_binary(kind) or of.is_binary_view(kind):
        return "bytes"
    return "nested" if of.is_nested(kind) else "number"

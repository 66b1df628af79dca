"""A table as Python sees it: its columns in order with their types, digests of its rows, rows as Arrow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, SupportsFloat

from aimsight.metrics.engines.sql import quote_ident
from aimsight.store.arrays import array
from aimsight.store.digests import line_digest, lines_digest, row_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pyarrow as pa

ColumnType = Literal["text", "int", "float", "bool", "moment", "day", "bytes", "texts", "ints", "floats"]


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns in the order that digests use; ``key`` are those that name a row."""

    name: str
    columns: dict[str, ColumnType]
    key: tuple[str, ...] = ()

    def row(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """The cells of one row as plain Python values of the columns' types (``None`` stays)."""
        converters = _converters(tuple(self.columns.values()))
        return tuple(
            [None if value is None else convert(value) for convert, value in zip(converters, values, strict=True)]
        )

    def row_of(self, values: dict[str, Any]) -> tuple[Any, ...]:
        """The cells of one row, given by name."""
        return self.row([values[name] for name in self.columns])

    def row_digest(self, row: Sequence[Any]) -> str:
        """The digest of one row of plain cells."""
        return line_digest(self.name, row_line(row))

    def digest(self, rows: Iterable[Sequence[Any]]) -> str:
        """The digest of rows of plain cells, in any order."""
        return lines_digest(self.name, map(row_line, rows))

    def arrow(self, rows: Sequence[Sequence[Any]]) -> pa.Table:
        """The rows as an Arrow table, for one bulk insert."""
        import pyarrow as pa

        kinds = _arrow_types()
        columns = zip(*rows, strict=True)
        return pa.table(
            {name: array(kinds[kind], cells) for (name, kind), cells in zip(self.columns.items(), columns, strict=True)}
        )

    def select(self) -> str:
        """The columns in order, for a SELECT whose rows give the same canonical lines as the rows written."""
        return ", ".join(
            f"epoch_us({quote_ident(name)})" if kind == "moment" else quote_ident(name)
            for name, kind in self.columns.items()
        )


def _moment(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value


def _each(convert: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def convert_all(values: Iterable[Any]) -> list[Any]:
        return list(map(convert, values.tolist() if hasattr(values, "tolist") else values))

    return convert_all


def _finite(value: SupportsFloat) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no value that the store keeps")
    return number


def _day(value: date) -> date:
    if isinstance(value, datetime):
        raise TypeError(f"{value} is a moment, not a day")
    return value


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "int": int,
    "float": _finite,
    "bool": bool,
    "moment": _moment,
    "day": _day,
    "bytes": bytes,
    "texts": _each(str),
    "ints": _each(int),
    "floats": _each(_finite),
}


@cache
def _converters(kinds: tuple[ColumnType, ...]) -> tuple[Callable[[Any], Any], ...]:
    return tuple(_PLAIN[kind] for kind in kinds)


@cache
def _arrow_types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    return {
        "text": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "moment": pa.timestamp("us", "UTC"),
        "day": pa.date32(),
        "bytes": pa.binary(),
        "texts": pa.list_(pa.string()),
        "ints": pa.list_(pa.int64()),
        "floats": pa.list_(pa.float64()),
    }

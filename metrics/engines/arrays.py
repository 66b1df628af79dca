"""Arrow columns as NumPy arrays, without copies where there are no nulls.

``pyarrow.Array.to_numpy`` would import pandas (0.3 s and 50 MB) for the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb
    import pyarrow as pa
    from numpy.typing import NDArray

_DTYPES: dict[str, type[np.generic]] = {
    "double": np.float64,
    "int64": np.int64,
    "uint64": np.uint64,
    "uint16": np.uint16,
    "uint8": np.uint8,
}


def as_numpy(column: pa.Array) -> NDArray[Any]:
    """A ``pyarrow.Array`` of numbers or booleans; nulls become NaN in double and 0 or false elsewhere."""
    kind = str(column.type)
    validity, data = column.buffers()
    start, size = column.offset, len(column)
    if kind == "bool":
        values: NDArray[Any] = _bits(data, start, size)
    else:
        dtype = np.dtype(_DTYPES[kind])
        values = np.frombuffer(data, dtype=dtype, count=size, offset=start * dtype.itemsize)
    if column.null_count:
        missing = ~_bits(validity, start, size)
        values = values.copy()
        values[missing] = np.nan if kind == "double" else 0
    return values


def _bits(buffer: pa.Buffer, start: int, size: int) -> NDArray[np.bool_]:
    """Bits ``start`` to ``start + size`` of a buffer, least significant first."""
    packed = np.frombuffer(buffer, dtype=np.uint8)[start // 8 : (start + size + 7) // 8]
    return np.unpackbits(packed, bitorder="little")[start % 8 : start % 8 + size].astype(np.bool_)


def blocks(connection: duckdb.DuckDBPyConnection, query: str, rows: int) -> Iterator[list[NDArray[Any]]]:
    """The columns of a query's result as arrays, at most ``rows`` rows at a time, in no particular order.

    The query is a relation rather than ``execute``d: only so its result is streamed and not materialised.
    """
    for batch in connection.sql(query).to_arrow_reader(rows):
        yield [as_numpy(column) for column in batch.columns]

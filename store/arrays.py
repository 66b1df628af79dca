"""Arrow arrays from plain cells, made of their buffers.

``pyarrow.array`` would do the same from a list, but imports pandas first (a third of a second and 50 MB) to ask whether
the list is one of its own.
"""

from __future__ import annotations

from datetime import date, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from aimsight.store.digests import microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

_EPOCH = date(1970, 1, 1)


def array(kind: pa.DataType, cells: Sequence[Any]) -> pa.Array:
    """The cells (``None`` for missing) as an array of this type.

    Parameters
    ----------
    kind
        int64, float64, bool, timestamp[us], date32, string, binary, or a list of one of these.
    cells
        Plain values of that type; a list of cells for a list.

    Raises
    ------
    OverflowError
        If an integer has more than 64 bits.
    UnicodeEncodeError
        If a text cannot be written as UTF-8.
    """
    import pyarrow as pa

    validity = _validity(cells)
    if pa.types.is_list(kind):
        parts = [cell or () for cell in cells]
        child = array(kind.value_type, list(chain.from_iterable(parts)))
        return pa.Array.from_buffers(kind, len(cells), [validity, _offsets(parts)], children=[child])
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        coded = [b"" if cell is None else cell.encode() if isinstance(cell, str) else cell for cell in cells]
        data = pa.py_buffer(b"".join(coded))
        return pa.Array.from_buffers(kind, len(cells), [validity, _offsets(coded), data])
    return pa.Array.from_buffers(kind, len(cells), [validity, _data(kind, cells)])


def _data(kind: pa.DataType, cells: Sequence[Any]) -> pa.Buffer:
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        bits = np.fromiter((bool(cell) for cell in cells), dtype=np.bool_, count=len(cells))
        return pa.py_buffer(np.packbits(bits, bitorder="little"))
    dtype: type[np.generic] = np.float64 if pa.types.is_floating(kind) else np.int64
    if pa.types.is_timestamp(kind):
        cells = [None if cell is None else microseconds(_moment(cell)) for cell in cells]
    elif pa.types.is_date(kind):
        cells, dtype = [None if cell is None else (cell - _EPOCH).days for cell in cells], np.int32
    return pa.py_buffer(np.array([0 if cell is None else cell for cell in cells], dtype=dtype))


def _moment(cell: datetime) -> datetime:
    if cell.tzinfo is None:
        raise ValueError(f"{cell} has no time zone")
    return cell


def _validity(cells: Sequence[Any]) -> pa.Buffer | None:
    import pyarrow as pa

    valid = np.fromiter((cell is not None for cell in cells), dtype=np.bool_, count=len(cells))
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


def _offsets(parts: Sequence[Any]) -> pa.Buffer:
    import pyarrow as pa

    ends = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    if ends[-1] > np.iinfo(np.int32).max:
        raise OverflowError("more than 2 GB of one column in one insert")
    return pa.py_buffer(ends.astype(np.int32))

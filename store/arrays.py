"""Arrow arrays from plain cells, made of their buffers.

``pyarrow.array`` would do the same from a list, but imports pandas first (a third of a second and 50 MB) to ask whether
the list is one of its own.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from aimsight.store.digests import EPOCH, microseconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pyarrow as pa


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

    if None not in cells:
        return _array(kind, cells)
    filler = _filler(kind)
    valid = pa.py_buffer(np.packbits([cell is not None for cell in cells], bitorder="little"))
    return _array(kind, [filler if cell is None else cell for cell in cells], valid)


def _array(kind: pa.DataType, cells: Sequence[Any], valid: pa.Buffer | None = None) -> pa.Array:
    """The cells, none of which is missing in itself; ``valid`` has a bit for each."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        child = _array(kind.value_type, list(chain.from_iterable(cells)))
        return pa.Array.from_buffers(kind, len(cells), [valid, _offsets(cells)], children=[child])
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        coded = [cell.encode() for cell in cells] if pa.types.is_string(kind) else cells
        return pa.Array.from_buffers(kind, len(cells), [valid, _offsets(coded), pa.py_buffer(b"".join(coded))])
    return pa.Array.from_buffers(kind, len(cells), [valid, _data(kind, cells)])


def _filler(kind: pa.DataType) -> object:
    """What stands in the place of a missing cell."""
    import pyarrow as pa

    if pa.types.is_list(kind) or pa.types.is_binary(kind):
        return b""
    if pa.types.is_string(kind):
        return ""
    if pa.types.is_timestamp(kind):
        return EPOCH
    return EPOCH.date() if pa.types.is_date(kind) else 0


def _data(kind: pa.DataType, cells: Sequence[Any]) -> pa.Buffer:
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return pa.py_buffer(np.packbits(np.array(cells, dtype=np.bool_), bitorder="little"))
    if pa.types.is_timestamp(kind):
        cells = [microseconds(_moment(cell)) for cell in cells]
    elif pa.types.is_date(kind):
        return pa.py_buffer(np.array([(cell - EPOCH.date()).days for cell in cells], dtype=np.int32))
    return pa.py_buffer(np.array(cells, dtype=np.float64 if pa.types.is_floating(kind) else np.int64))


def _moment(cell: datetime) -> datetime:
    if cell.tzinfo is None:
        raise ValueError(f"{cell} has no time zone")
    return cell


def _offsets(parts: Sequence[Any]) -> pa.Buffer:
    import pyarrow as pa

    ends = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    if ends[-1] > np.iinfo(np.int32).max:
        raise OverflowError("more than 2 GB of one column in one insert")
    return pa.py_buffer(ends.astype(np.int32))

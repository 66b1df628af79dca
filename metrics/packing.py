"""Sorted numbers with their counts in few bytes: about five a value instead of sixteen, without loss.

The format never changes, since its bytes are hashed in the store. All integers are little-endian:

    n, 8 bytes | the steps | the counts less one

Steps are the first value and then the difference of each value to the one before, where a value stands for the unsigned
integer of the same order: the 64 bits of the floating-point number, all of them inverted when it is negative, else the
highest one. Both lists are cut into blocks of 128 numbers. First comes one byte a block, how many bytes its largest
number needs (0 to 8); then the lowest byte of every number whose block needs one, then the second byte of every number
whose block needs two, and so on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.uint64]

BLOCK = 128
"""Numbers whose bytes are as many."""
_SIGN = np.uint64(1 << 63)
_LIMITS = np.array([1 << 8 * width for width in range(8)], dtype=np.uint64)
"""From which number on 1, 2 ... 8 bytes are needed."""


def pack(values: NDArray[np.float64], counts: NDArray[np.int64]) -> bytes:
    """The bytes of distinct values, ascending, finite and without -0.0, and of the rows at each (1 or more)."""
    size = values.size
    keys = _keys(values)
    steps, more = _room(size), b""
    flat = steps.ravel()[:size]
    flat[:1] = keys[:1]
    np.subtract(keys[1:], keys[:-1], out=flat[1:])
    if counts.max(initial=1) > 1:
        repeats = _room(size)
        np.subtract(counts, 1, out=repeats.view(np.int64).ravel()[:size])
        more = _packed(repeats, size)
    return b"".join([size.to_bytes(8, "little"), _packed(steps, size), more or bytes(len(steps))])


def unpack(data: bytes) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The values and counts that were packed, bit by bit."""
    size = int.from_bytes(data[:8], "little")
    steps, end = _unpacked(data, 8, size)
    counts, _ = _unpacked(data, end, size)
    return _numbers(np.cumsum(steps, out=steps)), counts.view(np.int64) + 1


def _keys(values: NDArray[np.float64]) -> Whole:
    """The integers of the same order."""
    keys = values.copy().view(np.uint64)
    negative = int(np.searchsorted(values, 0.0))
    np.invert(keys[:negative], out=keys[:negative])
    keys[negative:] |= _SIGN
    return keys


def _numbers(keys: Whole) -> NDArray[np.float64]:
    """The numbers of ascending integers, which they take the place of."""
    negative = int(np.searchsorted(keys, _SIGN))
    np.invert(keys[:negative], out=keys[:negative])
    keys[negative:] ^= _SIGN
    return keys.view(np.float64)


def _room(size: int) -> Whole:
    """Zeros for so many numbers, a block a row."""
    return np.zeros((-(-size // BLOCK), BLOCK), dtype="<u8")


def _packed(padded: Whole, size: int) -> bytes:
    """The first so many of the numbers, the others are 0."""
    widths = np.searchsorted(_LIMITS, padded.max(axis=1, initial=0), side="right").astype(np.uint8)
    octets = padded.view(np.uint8).reshape(len(padded), BLOCK, 8)
    parts = [widths.tobytes()]
    for place in range(int(widths.max(initial=0))):
        chosen = octets[widths > place, :, place].tobytes()
        parts.append(chosen[: len(chosen) - _padding(widths, place, size)])
    return b"".join(parts)


def _unpacked(data: bytes, start: int, size: int) -> tuple[Whole, int]:
    """So many numbers that begin at a byte, and the byte after them."""
    padded = _room(size)
    widths = np.frombuffer(data, np.uint8, len(padded), start)
    octets = padded.view(np.uint8).reshape(len(padded), BLOCK, 8)
    start += widths.size
    for place in range(int(widths.max(initial=0))):
        chosen = widths > place
        padding = _padding(widths, place, size)
        there = np.frombuffer(data, np.uint8, int(chosen.sum()) * BLOCK - padding, start)
        octets[chosen, :, place] = np.append(there, np.zeros(padding, np.uint8)).reshape(-1, BLOCK)
        start += there.size
    return padded.ravel()[:size].astype(np.uint64, copy=False), start


def _padding(widths: NDArray[np.uint8], place: int, size: int) -> int:
    """Numbers that the last block lacks, when it has a byte at this place."""
    return -size % BLOCK if widths.size and widths[-1] > place else 0

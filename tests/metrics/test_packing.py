"""Packed values: nothing is lost, whatever they are, and the bytes are those that older stores have."""

import base64

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aimsight.metrics.packing import pack, unpack
from aimsight.metrics.statistics import ValueCounts

FINITE = st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0)


@given(st.dictionaries(FINITE, st.integers(1, 2**62), max_size=400))
def test_values_and_counts_come_back_bit_by_bit(table: dict[float, int]) -> None:
    """Any finite numbers and any counts are unpacked as they were packed."""
    values, counts = np.array(sorted(table), dtype=np.float64), np.array([table[x] for x in sorted(table)], np.int64)
    unpacked = unpack(pack(values, counts))
    assert [part.tobytes() for part in unpacked] == [values.tobytes(), counts.tobytes()]
    assert [part.dtype for part in unpacked] == [np.float64, np.int64]


def test_continuous_values_take_little_room() -> None:
    """A hundred thousand normal numbers, each once, take less than six bytes each instead of sixteen."""
    values = np.sort(np.random.default_rng(1).normal(size=100_000))
    assert len(pack(values, np.ones(values.size, np.int64))) < 600_000


def test_the_format_never_changes() -> None:
    """The bytes of three values, written down by hand from the description of the format."""
    # 1.0 and 1.0 + 2**-52 are neighbours; -1.0 is as far below 0 as 1.0 is above it, less one for the two zeros
    steps = [0x400FFFFFFFFFFFFF, 0xBFF0000000000000 - 0x400FFFFFFFFFFFFF, 1]
    expected = (3).to_bytes(8, "little") + bytes([8])
    expected += b"".join(bytes(step >> 8 * place & 255 for step in steps) for place in range(8))
    expected += bytes([2]) + bytes([0, 4, 255]) + bytes([0, 1, 0])
    values, counts = np.array([-1.0, 1.0, 1.0 + 2**-52]), np.array([1, 0x105, 0x100], np.int64)
    assert base64.b16encode(pack(values, counts)) == base64.b16encode(expected)


@given(st.lists(st.lists(st.sampled_from([-2.5, 0.0, -0.0, 1.5, np.nan, np.inf, -np.inf, 7.0])), min_size=1))
def test_parts_merge_to_the_whole(parts: list[list[float]]) -> None:
    """Values that were counted in parts are, merged, those of all rows counted at once, and as Python counts them."""
    together = [x for part in parts for x in part]
    merged = ValueCounts.merged([ValueCounts.counted(np.array(part, dtype=np.float64)) for part in parts])
    assert merged == ValueCounts.counted(np.array(together, dtype=np.float64))
    finite = [x for x in together if abs(x) < 10]
    values, counts = merged.unpacked()
    assert values.tolist() == sorted(set(finite))
    assert counts.tolist() == [finite.count(x) for x in sorted(set(finite))]
    assert merged.missing == sum(x != x for x in together)  # noqa: PLR0124  # NaN alone differs from itself
    assert merged.non_finite == len(together) - len(finite) - merged.missing

"""The one definition of cells: where a value falls, and that edges and positions agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aimsight.metrics.cells import CORE_CELLS, TAIL_CELLS, CategoryCells, NumericCells

ENDS = st.floats(-1e307, 1e307, allow_nan=False)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
LAST = 2 * TAIL_CELLS + CORE_CELLS - 1


def _cells(a: float, b: float) -> NumericCells:
    return NumericCells.spanning(min(a, b), max(a, b))


def test_positions_by_hand() -> None:
    """Unit cells on [0, 1000): eight tail cells of width 1, then eight of width 2, then of width 4, on both sides."""
    cells = NumericCells(0.0, 1000.0)
    core, right = TAIL_CELLS, TAIL_CELLS + CORE_CELLS
    expected = {
        0.0: core,
        0.999: core,
        1.0: core + 1,
        999.999: right - 1,
        1000.0: right,
        1000.999: right,
        1001.0: right + 1,
        1007.5: right + 7,
        1008.0: right + 8,  # the first of width 2
        1009.9: right + 8,
        1010.0: right + 9,
        1024.0: right + 16,  # the first of width 4
        -5e-324: core - 1,
        -0.5: core - 1,
        -1.5: core - 2,
        -8.5: core - 9,
        1e308: LAST,
        -1e308: 0,
        math.nan: LAST + 1,
        math.inf: LAST + 2,
        -math.inf: LAST + 2,
    }
    assert cells.index(np.array(list(expected))).tolist() == list(expected.values())


@given(ENDS, ENDS, st.lists(FINITE, min_size=2, max_size=50))
@example(0.0, 0.0, [0.0, 5e-324, -5e-324, 1.7e308, -1.7e308])
@example(-1e307, 1e307, [1.7e308, -1.7e308])
@example(0.0, 5e-324, [5e-324, 1.0])
def test_positions_are_ordered_like_the_values(a: float, b: float, values: list[float]) -> None:
    """Every finite value has an ordered cell, and larger values never fall into smaller cells."""
    cells = _cells(a, b)
    positions = cells.index(np.sort(np.array(values)))
    assert positions.min() >= 0
    assert positions.max() < cells.size
    assert cells.index(np.array([-0.0])) == cells.index(np.array([0.0]))
    assert (np.diff(positions) >= 0).all()


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50))
def test_positions_agree_with_the_edges(low: float, span: float, values: list[float]) -> None:
    """A value that is not within rounding of an edge lies between the edges of its cell."""
    cells = NumericCells.spanning(low, low + span)
    edges, x = cells.edges(), np.array(values)
    away = np.array([np.abs(edges - value).min() > 1e-9 * (abs(value) + abs(low) + span) for value in values])
    expected = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, cells.size - 1)
    assert cells.index(x)[away].tolist() == expected[away].tolist()


@given(ENDS, ENDS)
def test_edges_ascend_and_are_finite(a: float, b: float) -> None:
    """There is one edge more than cells; all are finite, in order, and the core's ends are the given ones."""
    cells = _cells(a, b)
    edges = cells.edges()
    assert edges.shape == (cells.size + 1,)
    assert np.isfinite(edges).all()
    assert (np.diff(edges) >= 0).all()
    assert edges[TAIL_CELLS] == cells.low
    assert edges[TAIL_CELLS + CORE_CELLS] == cells.high
    assert cells.width > 0


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (math.nan, 1.0), (0.0, math.inf)])
def test_cells_need_finite_ordered_ends(low: float, high: float) -> None:
    """Ends that are not finite or not in order are refused."""
    with pytest.raises(ValueError, match="finite ordered"):
        NumericCells.spanning(low, high)


def test_category_cells_count_their_categories() -> None:
    """A list of categories has as many ordered cells."""
    assert CategoryCells(("a", "b")).size == 2

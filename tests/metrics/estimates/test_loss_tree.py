"""The loss tree: honest leaves, the same leaf in NumPy and in SQL, and back from the store as it was."""

from __future__ import annotations

import math
from typing import Any

import duckdb
import numpy as np
import pytest

from aimsight.metrics.estimates.loss_tree import FEWEST_ROWS, Input, LossTree, fit_loss_tree, pack, unpack


def rows(n: int, seed: int = 0) -> tuple[dict[str, Any], Any]:
    """Features and errors: errors are ten times as large for x above 1, and for colour red twice as large."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, n)
    x[rng.random(n) < 0.1] = math.nan
    colour = rng.choice(np.array(["red", "it's blue", None], dtype=object), n)
    scale = np.where(x > 1, 10.0, 1.0) * np.where(colour == "red", 2.0, 1.0)
    return {"x": x, "colour": colour}, rng.normal(0, scale)


@pytest.fixture(scope="module")
def tree() -> LossTree:
    """A tree over 20,000 rows."""
    fitted = fit_loss_tree(*rows(20_000))
    assert fitted is not None
    return fitted


def test_leaves_are_as_sql_says(tree: LossTree) -> None:
    """The CASE expression gives every row, missing and infinite values and quotes included, the leaf NumPy gives it."""
    columns, errors = rows(3000, 1)
    columns["x"][:3] = [math.inf, -math.inf, 1e300]
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t (i INTEGER, x DOUBLE, colour VARCHAR)")
    listed = [
        (i, None if i % 2 and math.isnan(x) else float(x), c)
        for i, (x, c) in enumerate(zip(columns["x"], columns["colour"], strict=True))
    ]
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", listed)
    found = connection.execute(f"SELECT {tree.sql({'x': 'x', 'colour': 'colour'})} FROM t ORDER BY i").fetchall()
    assert [leaf for (leaf,) in found] == tree.leaf(columns, errors.size).tolist()
    assert set(tree.columns) == {"x", "colour"}
    assert 4 <= tree.size <= 64


def test_leaves_hold_the_half_that_chose_no_split(tree: LossTree) -> None:
    """Rows, means and variances of a leaf are those of every second row that falls into it, by plain NumPy."""
    columns, errors = rows(20_000)
    half = {name: values[1::2] for name, values in columns.items()}
    leaf, absolute = tree.leaf(half, 10_000), np.abs(errors[1::2])
    assert tree.rows.sum() == 10_000
    for number in range(tree.size):
        mine = absolute[leaf == number]
        assert tree.rows[number] == mine.size
        assert tree.absolute[number] == pytest.approx(mine.mean())
        assert tree.square[number] == pytest.approx(np.mean(mine**2))
        assert tree.absolute_variance[number] == pytest.approx(mine.var(ddof=1))
        assert tree.square_variance[number] == pytest.approx(np.var(mine**2, ddof=1))


def test_finds_where_errors_are_large(tree: LossTree) -> None:
    """A red row with x = 2 is expected to be wrong by 20 * sqrt(2 / pi), a blue one with x = 0 by sqrt(2 / pi)."""
    columns = {"x": np.array([2.0, 0.0]), "colour": np.array(["red", "it's blue"], dtype=object)}
    red, blue = tree.absolute[tree.leaf(columns, 2)]
    assert red == pytest.approx(20 * math.sqrt(2 / math.pi), rel=0.15)
    assert blue == pytest.approx(math.sqrt(2 / math.pi), rel=0.15)


def test_comes_back_as_it_was(tree: LossTree) -> None:
    """What is packed for the store and unpacked again is the same tree, bit by bit."""
    assert pack(unpack(pack(tree))) == pack(tree)
    columns, errors = rows(500, 2)
    assert unpack(pack(tree)).leaf(columns, errors.size).tolist() == tree.leaf(columns, errors.size).tolist()


def test_the_same_rows_give_the_same_tree(tree: LossTree) -> None:
    """Fitting again on the same rows changes nothing."""
    again = fit_loss_tree(*rows(20_000))
    assert again is not None
    assert pack(again) == pack(tree)


def test_too_few_rows_or_no_features() -> None:
    """With few rows there is no tree; without any feature it is a single leaf that says the mean."""
    assert fit_loss_tree(*rows(FEWEST_ROWS - 1)) is None
    alone = fit_loss_tree({}, np.arange(1000.0))
    assert alone is not None
    assert alone.size == 1
    assert alone.absolute[0] == pytest.approx(np.arange(1, 1000, 2).mean())
    assert alone.sql({}) == "0"
    empty = fit_loss_tree({"x": np.full(1000, math.nan)}, np.arange(1000.0))
    assert empty is not None
    assert empty.size == 1


def test_a_missing_number_is_a_split_of_its_own() -> None:
    """Rows whose number is missing can be told apart, in NumPy and in SQL."""
    assert Input("x", "missing").of(np.array([1.0, math.nan, math.inf])).tolist() == [0, 1, 1]
    assert Input("x", "value", fill=7.0).of(np.array([1.0, math.nan])).tolist() == [1, 7]

"""The loss tree: honest leaves, the same leaf in NumPy and in SQL, and back from the store as it was."""

from __future__ import annotations

import math
from typing import Any

import duckdb
import numpy as np
import pytest

from aimsight.metrics.estimates.loss_tree import (
    FEWEST_ROWS,
    Input,
    LossTree,
    fit_loss_tree,
    losses_of,
    pack,
    pack_losses,
    unpack,
)


def rows(n: int, seed: int = 0) -> tuple[dict[str, Any], Any, Any]:
    """Features, errors and labels: errors are ten times as large for x above 1, and for colour red twice as large."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, n)
    x[rng.random(n) < 0.1] = math.nan
    colour = rng.choice(np.array(["red", "it's blue", None], dtype=object), n)
    scale = np.where(x > 1, 10.0, 1.0) * np.where(colour == "red", 2.0, 1.0)
    return {"x": x, "colour": colour}, rng.normal(0, scale), rng.normal(5, 2, n)


@pytest.fixture(scope="module")
def tree() -> LossTree:
    """A tree over 20,000 rows."""
    fitted = fit_loss_tree(*rows(20_000))
    assert fitted is not None
    return fitted


def test_leaves_are_as_sql_says(tree: LossTree) -> None:
    """The CASE expression gives every row, missing and infinite values and quotes included, the leaf NumPy gives it."""
    columns, errors, _ = rows(3000, 1)
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
    columns, errors, labels = rows(20_000)
    half = {name: values[1::2] for name, values in columns.items()}
    leaf, e, y = tree.leaf(half, 10_000), errors[1::2], labels[1::2]
    p = y + e
    with np.errstate(invalid="ignore"):
        logs = np.square(np.log1p(p) - np.log1p(y))
    wanted = {
        "absolute": np.abs(e),
        "square": e**2,
        "signed": e,
        "signed_square": np.sign(e) * e**2,
        "relative": np.abs(e / y),
        "symmetric": 2 * np.abs(e) / (np.abs(y) + np.abs(p)),
        "log_square": logs,
    }
    assert tree.rows.sum() == 10_000
    for number in range(tree.size):
        here = leaf == number
        assert tree.rows[number] == here.sum()
        for name, loss in wanted.items():
            mine, found = loss[here & np.isfinite(loss)], tree.losses[name]
            assert found.rows[number] == mine.size
            assert found.mean[number] == pytest.approx(mine.mean())
            assert found.variance[number] == pytest.approx(mine.var(ddof=1))
    assert set(tree.losses) == set(wanted)


def test_losses_by_hand() -> None:
    """A label of 0 has no relative error, a prediction of -1 or less no logarithm, and 0 for 0 is exact."""
    found = losses_of(np.array([1.0, -3.0, 0.0]), np.array([0.0, 2.0, 0.0]))
    assert found["signed_square"].tolist() == [1.0, -9.0, 0.0]
    assert found["symmetric"].tolist() == [2.0, 2.0, 0.0]
    assert found["relative"][1] == 1.5
    assert np.isnan(found["relative"][[0, 2]]).all()
    assert found["log_square"][0] == pytest.approx(math.log(2) ** 2)
    assert math.isnan(found["log_square"][1])


def test_finds_where_errors_are_large(tree: LossTree) -> None:
    """A red row with x = 2 is expected to be wrong by 20 * sqrt(2 / pi), a blue one with x = 0 by sqrt(2 / pi)."""
    columns = {"x": np.array([2.0, 0.0]), "colour": np.array(["red", "it's blue"], dtype=object)}
    red, blue = tree.losses["absolute"].mean[tree.leaf(columns, 2)]
    assert red == pytest.approx(20 * math.sqrt(2 / math.pi), rel=0.15)
    assert blue == pytest.approx(math.sqrt(2 / math.pi), rel=0.15)


def test_comes_back_as_it_was(tree: LossTree) -> None:
    """What is packed for the store and unpacked again is the same tree, bit by bit."""
    again = unpack(pack(tree), pack_losses(tree))
    assert pack(again) == pack(tree)
    assert pack_losses(again) == pack_losses(tree)
    columns, errors, _ = rows(500, 2)
    assert again.leaf(columns, errors.size).tolist() == tree.leaf(columns, errors.size).tolist()


def test_the_same_rows_give_the_same_tree(tree: LossTree) -> None:
    """Fitting again on the same rows changes nothing."""
    again = fit_loss_tree(*rows(20_000))
    assert again is not None
    assert pack(again) == pack(tree)


def test_too_few_rows_or_no_features() -> None:
    """With few rows there is no tree; without any feature it is a single leaf that says the mean."""
    assert fit_loss_tree(*rows(FEWEST_ROWS - 1)) is None
    alone = fit_loss_tree({}, np.arange(1000.0), np.ones(1000))
    assert alone is not None
    assert alone.size == 1
    assert alone.losses["absolute"].mean[0] == pytest.approx(np.arange(1, 1000, 2).mean())
    assert alone.sql({}) == "0"
    empty = fit_loss_tree({"x": np.full(1000, math.nan)}, np.arange(1000.0), np.zeros(1000))
    assert empty is not None
    assert empty.size == 1
    assert "relative" not in empty.losses


def test_a_missing_number_is_a_split_of_its_own() -> None:
    """Rows whose number is missing can be told apart, in NumPy and in SQL."""
    assert Input("x", "missing").of(np.array([1.0, math.nan, math.inf])).tolist() == [0, 1, 1]
    assert Input("x", "value", fill=7.0).of(np.array([1.0, math.nan])).tolist() == [1, 7]

"""A tree that predicts the absolute error of a regression model from its features: direct loss estimation.

The tree is **honest**: one half of the reference's labelled rows chooses the splits, the other half says how large
the errors in each leaf are, so that a leaf's loss is not too small because the split was chosen to make it so. A
window then needs only its rows per leaf, which add up over windows and segments like every other count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

MOST_LEAVES = 64
LEAF_ROWS = 50
"""Fewest rows of a leaf, in the half that chooses the splits."""
FEWEST_ROWS = 500
"""With fewer labelled rows in the reference there is no tree: nothing honest could be said."""
MOST_CATEGORIES = 20
"""Categories of a column that splits may single out: its most frequent ones."""

Test = Literal["value", "missing", "category"]


@dataclass(frozen=True, slots=True)
class Input:
    """What a split may look at: the number in a column, whether it is missing, or whether it is one category.

    ``fill`` stands in for a missing number.
    """

    column: str
    test: Test
    category: str = ""
    fill: float = 0.0

    def of(self, values: NDArray[Any]) -> Floats:
        """The input of every row; numbers are float64 with NaN where missing, categories objects with ``None``."""
        if self.test == "category":
            is_it: Floats = np.asarray(values == self.category, dtype=np.float64)
            return is_it
        finite = np.isfinite(values)
        if self.test == "missing":
            missing: Floats = np.where(finite, 0.0, 1.0)
            return missing
        filled: Floats = np.where(finite, values, self.fill)
        return filled

    def is_left(self, expression: str, threshold: float) -> str:
        """SQL: whether the input is at most the threshold, never NULL."""
        if self.test == "category":
            quoted = "'" + self.category.replace("'", "''") + "'"
            return f"coalesce(({expression}) <> {quoted}, TRUE)"
        known = f"coalesce(isfinite({expression}), FALSE)"
        if self.test == "missing":
            return known
        at_most = f"({expression}) <= CAST('{threshold!r}' AS DOUBLE)"
        return f"CASE WHEN {known} THEN {at_most} ELSE {'TRUE' if self.fill <= threshold else 'FALSE'} END"


@dataclass(frozen=True, slots=True, eq=False)
class LossTree:
    """Splits and what is known of each leaf.

    Attributes
    ----------
    inputs
        What splits look at.
    split, left, right
        Of every node (int64): the input's number and the nodes where rows go with the input at most ``threshold``, and
        above it. A leaf has split -1, and in ``left`` its number.
    threshold
        Of every node (float64); 0 for leaves.
    rows
        Of every leaf (int64): rows of the half that says how large the errors are.
    absolute, square
        Of every leaf (float64): mean of |e| and of e^2.
    absolute_variance, square_variance
        Of every leaf (float64): sample variance of |e| and of e^2.
    """

    inputs: tuple[Input, ...]
    split: Whole
    left: Whole
    right: Whole
    threshold: Floats
    rows: Whole
    absolute: Floats
    square: Floats
    absolute_variance: Floats
    square_variance: Floats

    @property
    def size(self) -> int:
        """Number of leaves."""
        return int(self.rows.size)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        return tuple(dict.fromkeys(self.inputs[int(i)].column for i in self.split if i >= 0))

    def leaf(self, columns: Mapping[str, NDArray[Any]], rows: int) -> Whole:
        """The leaf number of every row, int64 of shape (rows,)."""
        node = np.zeros(rows, dtype=np.int64)
        seen = {int(i): self.inputs[int(i)].of(columns[self.inputs[int(i)].column]) for i in set(self.split) if i >= 0}
        # children have larger numbers than their parent, so one walk over the nodes moves every row to its leaf
        for number in np.flatnonzero(self.split >= 0):
            here = np.flatnonzero(node == number)
            is_left = seen[int(self.split[number])][here] <= self.threshold[number]
            node[here] = np.where(is_left, self.left[number], self.right[number])
        leaves: Whole = self.left[node]
        return leaves

    def sql(self, columns: Mapping[str, str]) -> str:
        """The leaf number of a row as an integer SQL expression.

        Parameters
        ----------
        columns
            Each of ``columns`` as a SQL expression: numbers as DOUBLE (NULL or NaN where missing), categories as
            VARCHAR (NULL where missing).
        """
        return self._sql(0, columns)

    def _sql(self, node: int, columns: Mapping[str, str]) -> str:
        split = int(self.split[node])
        if split < 0:
            return str(int(self.left[node]))
        test = self.inputs[split].is_left(columns[self.inputs[split].column], float(self.threshold[node]))
        left, right = (self._sql(int(child[node]), columns) for child in (self.left, self.right))
        return f"CASE WHEN {test} THEN {left} ELSE {right} END"


def fit_loss_tree(
    columns: Mapping[str, NDArray[Any]], errors: Floats, *, most_leaves: int = MOST_LEAVES
) -> LossTree | None:
    """Fit a tree to the absolute errors of a reference's labelled rows.

    Parameters
    ----------
    columns
        Values of each feature, shape (rows,): numbers as float64 (NaN where missing), categories as objects (``None``
        where missing). The same rows in the same order give the same tree.
    errors
        Prediction minus label of every row, finite.

    Returns
    -------
    LossTree or None
        ``None`` with fewer than ``FEWEST_ROWS`` rows.
    """
    from sklearn.tree import DecisionTreeRegressor

    if errors.size < FEWEST_ROWS:
        return None
    inputs = tuple(one for name, values in columns.items() for one in _inputs(name, values))
    # the engine's sample comes in the order of a hash, so every second row is half of them at random
    structure, values = np.arange(0, errors.size, 2), np.arange(1, errors.size, 2)
    absolute = np.abs(errors)
    if inputs:
        matrix = np.column_stack([one.of(columns[one.column])[structure] for one in inputs])
        # scikit-learn works in single precision, where larger numbers are infinite
        matrix = np.clip(matrix, -_LARGEST, _LARGEST)
        # a few far errors would choose every split: the tree looks for where errors are large, not for where one was
        target = np.minimum(absolute[structure], np.quantile(absolute[structure], 0.99))
        least = max(LEAF_ROWS, structure.size // (8 * most_leaves))
        model = DecisionTreeRegressor(max_leaf_nodes=most_leaves, min_samples_leaf=least, random_state=0)
        found = model.fit(matrix, target).tree_
        split, left, right, threshold = _nodes(found)
    else:
        split, left, right, threshold = np.array([-1]), np.array([0]), np.array([0]), np.zeros(1)
    empty = np.zeros(0)
    bare = LossTree(inputs, split, left, right, threshold, np.zeros(0, np.int64), empty, empty, empty, empty)
    leaf = bare.leaf({name: part[values] for name, part in columns.items()}, values.size)
    return _with_leaves(bare, leaf, absolute[values], int((split < 0).sum()))


_LARGEST = 1e38


def _inputs(name: str, values: NDArray[Any]) -> list[Input]:
    if values.dtype == object:
        kinds, counts = np.unique(values[values != None].astype(str), return_counts=True)  # noqa: E711  # element-wise
        chosen = sorted(zip(counts, kinds, strict=True), key=lambda pair: (-int(pair[0]), str(pair[1])))
        return [Input(name, "category", str(kind)) for _, kind in chosen[:MOST_CATEGORIES]]
    finite = np.isfinite(values)
    if not finite.any():
        return []
    found = [Input(name, "value", fill=float(np.median(values[finite])))]
    return found if finite.all() else [*found, Input(name, "missing")]


def _nodes(found: Any) -> tuple[Whole, Whole, Whole, Floats]:  # noqa: ANN401  # scikit-learn's tree has no types
    split = np.asarray(found.feature, dtype=np.int64).copy()
    left = np.asarray(found.children_left, dtype=np.int64).copy()
    right = np.asarray(found.children_right, dtype=np.int64).copy()
    threshold = np.asarray(found.threshold, dtype=np.float64).copy()
    # grown best first, children get their numbers after their parent; a leaf keeps its own number in `left`
    is_leaf = left < 0
    split[is_leaf], right[is_leaf], threshold[is_leaf] = -1, 0, 0.0
    left[is_leaf] = np.arange(int(is_leaf.sum()))
    return split, left, right, threshold


def _with_leaves(bare: LossTree, leaf: Whole, absolute: Floats, size: int) -> LossTree:
    parts = [absolute[leaf == number] for number in range(size)]
    # a leaf that no row of the second half fell into says what all of them say
    parts = [part if part.size > 1 else absolute for part in parts]
    rows = np.bincount(leaf, minlength=size).astype(np.int64)
    squares = [np.square(part) for part in parts]
    return LossTree(
        bare.inputs,
        bare.split,
        bare.left,
        bare.right,
        bare.threshold,
        rows,
        np.array([_mean(part) for part in parts]),
        np.array([_mean(part) for part in squares]),
        np.array([_variance(part) for part in parts]),
        np.array([_variance(part) for part in squares]),
    )


def _mean(values: Floats) -> float:
    return math.fsum(values) / values.size


def _variance(values: Floats) -> float:
    mean = _mean(values)
    return math.fsum(np.square(values - mean)) / (values.size - 1)


def pack(tree: LossTree) -> dict[str, Sequence[Any]]:
    """The tree as plain lists by column name, as the store keeps it."""
    return {
        "input_column": [one.column for one in tree.inputs],
        "input_test": [one.test for one in tree.inputs],
        "input_category": [one.category for one in tree.inputs],
        "input_fill": [one.fill for one in tree.inputs],
        "node_split": tree.split.tolist(),
        "node_left": tree.left.tolist(),
        "node_right": tree.right.tolist(),
        "node_threshold": tree.threshold.tolist(),
        "leaf_rows": tree.rows.tolist(),
        "leaf_absolute": tree.absolute.tolist(),
        "leaf_square": tree.square.tolist(),
        "leaf_absolute_variance": tree.absolute_variance.tolist(),
        "leaf_square_variance": tree.square_variance.tolist(),
    }


def unpack(row: Mapping[str, Sequence[Any]]) -> LossTree:
    """The tree that ``pack`` made these lists of."""
    inputs = zip(row["input_column"], row["input_test"], row["input_category"], row["input_fill"], strict=True)
    whole = (np.array(row[name], dtype=np.int64) for name in ("node_split", "node_left", "node_right"))
    split, left, right = whole
    return LossTree(
        tuple(Input(*one) for one in inputs),
        split,
        left,
        right,
        np.array(row["node_threshold"], dtype=np.float64),
        np.array(row["leaf_rows"], dtype=np.int64),
        np.array(row["leaf_absolute"], dtype=np.float64),
        np.array(row["leaf_square"], dtype=np.float64),
        np.array(row["leaf_absolute_variance"], dtype=np.float64),
        np.array(row["leaf_square_variance"], dtype=np.float64),
    )

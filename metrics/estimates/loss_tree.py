"""A tree that predicts the errors of a regression model from its features: direct loss estimation.

The tree is **honest**: one half of the reference's labelled rows chooses the splits, the other half says how large
the errors in each leaf are, so that a leaf's loss is not too small because the split was chosen to make it so. A
window then needs only its rows per leaf, which add up over windows and segments like every other count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
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

FARTHEST = 2.0**30
"""Relative errors of this size or more are left out, as they are when labels come."""

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
class LeafLoss:
    """One loss in every leaf: ``rows`` of it (int64), and their ``mean`` and sample ``variance`` (float64)."""

    rows: Whole
    mean: Floats
    variance: Floats


def losses_of(errors: Floats, labels: Floats) -> dict[str, Floats]:
    """Every loss that leaves keep, by name, of rows with these errors (prediction - label); NaN where a row has none.

    ``absolute`` = |e|, ``square`` = e^2, ``signed`` = e, ``signed_square`` = e |e|, ``relative`` = |e| / |y| of a label
    other than 0, ``symmetric`` = 2 |e| / (|y| + |p|), 0 where both are 0, and where both are above -1 ``log_square`` =
    (ln(1 + p) - ln(1 + y))^2.
    """
    predictions, absolute = labels + errors, np.abs(errors)
    both = np.abs(labels) + np.abs(predictions)
    with np.errstate(all="ignore"):
        relative = absolute / np.abs(labels)
        logs = np.log1p(predictions) - np.log1p(labels)
        return {
            "absolute": absolute,
            "square": np.square(errors),
            "signed": errors,
            "signed_square": errors * absolute,
            "relative": np.where(relative < FARTHEST, relative, math.nan),
            "symmetric": np.where(both > 0, 2 * absolute / both, 0.0),
            "log_square": np.where((predictions > -1) & (labels > -1), np.square(logs), math.nan),
        }


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
    losses
        What is known of each loss of ``losses_of`` in every leaf, by name; one that a version without it did not keep,
        or that no row has, is not in it.
    """

    inputs: tuple[Input, ...]
    split: Whole
    left: Whole
    right: Whole
    threshold: Floats
    rows: Whole
    losses: Mapping[str, LeafLoss]

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
    columns: Mapping[str, NDArray[Any]], errors: Floats, labels: Floats, *, most_leaves: int = MOST_LEAVES
) -> LossTree | None:
    """Fit a tree to the errors of a reference's labelled rows: absolute, signed and relative ones, each alike.

    Parameters
    ----------
    columns
        Values of each feature, shape (rows,): numbers as float64 (NaN where missing), categories as objects (``None``
        where missing). The same rows in the same order give the same tree.
    errors
        Prediction minus label of every row, finite.
    labels
        Label of every row, finite.

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
    losses = losses_of(errors, labels)
    if inputs:
        matrix = np.column_stack([one.of(columns[one.column])[structure] for one in inputs])
        # scikit-learn works in single precision, where larger numbers are infinite
        matrix = np.clip(matrix, -_LARGEST, _LARGEST)
        target = _targets({name: loss[structure] for name, loss in losses.items()})
        least = max(LEAF_ROWS, structure.size // (8 * most_leaves))
        model = DecisionTreeRegressor(max_leaf_nodes=most_leaves, min_samples_leaf=least, random_state=0)
        found = model.fit(matrix, target).tree_
        split, left, right, threshold = _nodes(found)
    else:
        split, left, right, threshold = np.array([-1]), np.array([0]), np.array([0]), np.zeros(1)
    bare = LossTree(inputs, split, left, right, threshold, np.zeros(0, np.int64), {})
    leaf, size = bare.leaf({name: part[values] for name, part in columns.items()}, values.size), int((split < 0).sum())
    kept = {name: _by_leaf(leaf, loss[values], size) for name, loss in losses.items() if _known(loss[values]).size > 1}
    return replace(bare, rows=np.bincount(leaf, minlength=size).astype(np.int64), losses=kept)


_LARGEST = 1e38


def _known(loss: Floats) -> Floats:
    return loss[np.isfinite(loss)]


def _targets(losses: Mapping[str, Floats]) -> Floats:
    """What the splits are to tell apart, each in units of its own spread, shape (rows, targets).

    A few far errors would choose every split: the tree looks for where errors are large, not for where one was.
    """
    found = []
    for name, tails in (("absolute", (0.0, 0.99)), ("signed", (0.01, 0.99)), ("relative", (0.0, 0.99))):
        known = _known(losses[name])
        if known.size == 0:
            continue
        ends = np.quantile(known, tails)
        cut = np.clip(np.where(np.isfinite(losses[name]), losses[name], np.median(known)), *ends)
        spread = float(cut.std())
        found.append(cut / spread if spread > 0 else np.zeros_like(cut))
    return np.column_stack(found)


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


def _by_leaf(leaf: Whole, loss: Floats, size: int) -> LeafLoss:
    everything = _known(loss)
    found = [_known(loss[leaf == number]) for number in range(size)]
    # a leaf that no row of the second half fell into says what all of them say
    parts = [part if part.size > 1 else everything for part in found]
    return LeafLoss(
        np.array([part.size for part in found], dtype=np.int64),
        np.array([_mean(part) for part in parts]),
        np.array([_variance(part) for part in parts]),
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
        "leaf_absolute": tree.losses["absolute"].mean.tolist(),
        "leaf_square": tree.losses["square"].mean.tolist(),
        "leaf_absolute_variance": tree.losses["absolute"].variance.tolist(),
        "leaf_square_variance": tree.losses["square"].variance.tolist(),
    }


def pack_losses(tree: LossTree) -> list[dict[str, Any]]:
    """The losses that have rows of their own in the store, as plain lists by column name."""
    return [
        {
            "loss": name,
            "leaf_rows": loss.rows.tolist(),
            "leaf_mean": loss.mean.tolist(),
            "leaf_variance": loss.variance.tolist(),
        }
        for name, loss in tree.losses.items()
        if name not in _IN_TREE
    ]


_IN_TREE = ("absolute", "square")
"""Losses that lie beside the tree itself, as in its first version."""


def unpack(row: Mapping[str, Sequence[Any]], more: Sequence[Mapping[str, Any]] = ()) -> LossTree:
    """The tree that ``pack`` made these lists of, with the losses that ``pack_losses`` did."""
    inputs = zip(row["input_column"], row["input_test"], row["input_category"], row["input_fill"], strict=True)
    whole = (np.array(row[name], dtype=np.int64) for name in ("node_split", "node_left", "node_right", "leaf_rows"))
    split, left, right, rows = whole
    near = {
        name: LeafLoss(rows, *(np.array(row[f"leaf_{name}{part}"], dtype=np.float64) for part in ("", "_variance")))
        for name in _IN_TREE
    }
    further = {
        one["loss"]: LeafLoss(
            np.array(one["leaf_rows"], dtype=np.int64),
            np.array(one["leaf_mean"], dtype=np.float64),
            np.array(one["leaf_variance"], dtype=np.float64),
        )
        for one in more
    }
    threshold = np.array(row["node_threshold"], dtype=np.float64)
    return LossTree(tuple(Input(*one) for one in inputs), split, left, right, threshold, rows, near | further)

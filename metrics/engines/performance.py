"""Counting decisions against labels, by window and segment: binary, multiclass and regression tasks.

Rows are grouped by *leaf*: the combination of the values of all segment columns. A segment is a union of leaves, so its
statistics are sums of theirs and every row is looked at once.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.engines.counting import tally
from aimsight.metrics.engines.exact import Runs
from aimsight.metrics.engines.scores import ScoreKeys, ScoreLimits
from aimsight.metrics.statistics import (
    COARSE_BITS,
    ERROR_BITS,
    LOSS_BITS,
    LOSS_SQUARE_BITS,
    UNIT_BITS,
    BinaryCounts,
    ClassCounts,
    ErrorSums,
    ScoreSums,
    SegmentStatistics,
)
from aimsight.metrics.values import ALL_ROWS, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from aimsight.metrics.engines.counting import Block
    from aimsight.metrics.statistics import ScoreCounts

EPSILON = 2.0**-52
"""Probabilities are clipped to [EPSILON, 1 - EPSILON] before the logarithm."""

USABLE, NO_LABEL, EARLY, LATE = 0, 1, 2, 3
"""States of a row's label: usable, absent, arrived before the prediction, not arrived yet."""
STATES = 4


@dataclass(frozen=True, slots=True)
class Leaves:
    """The combinations of values of the segment columns that occur in the source, in a fixed order.

    ``values`` has the distinct values of each column (for numbering), ``combinations`` the leaves, ``entries`` the
    group-bys that are asked for (each a tuple of columns).
    """

    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    combinations: tuple[tuple[str, ...], ...]
    entries: tuple[tuple[str, ...], ...]

    @property
    def size(self) -> int:
        """Number of leaves; 1 without segment columns."""
        return len(self.combinations)

    def numbering(self) -> Callable[[Sequence[NDArray[np.generic]], int], NDArray[np.int64]]:
        """A function from the rows' value numbers in every column (and how many rows) to their leaf numbers."""
        steps: list[NDArray[np.int64]] = []
        prefixes: list[tuple[str, ...]] = [()]
        for depth, values in enumerate(self.values):
            known = sorted({combination[: depth + 1] for combination in self.combinations})
            number = {prefix: i for i, prefix in enumerate(known)}
            steps.append(np.array([[number.get((*prefix, value), -1) for value in values] for prefix in prefixes]))
            prefixes = known

        def index(codes: Sequence[NDArray[np.generic]], rows: int) -> NDArray[np.int64]:
            leaf = np.zeros(rows, dtype=np.int64)
            for depth, (step, code) in enumerate(zip(steps, codes, strict=True)):
                leaf = step[0, code] if depth == 0 else step[leaf, code]
            return leaf

        return index

    def segments(self) -> list[tuple[Segment, NDArray[np.int64]]]:
        """All rows first, then every value of every entry, with the leaves each consists of."""
        found: dict[Segment, list[int]] = {ALL_ROWS: list(range(self.size))}
        for entry in self.entries:
            at = [self.columns.index(column) for column in entry]
            parts: dict[Segment, list[int]] = defaultdict(list)
            for number, combination in enumerate(self.combinations):
                parts[Segment(tuple((self.columns[i], combination[i]) for i in at))].append(number)
            found.update(sorted(parts.items(), key=lambda item: item[0].conditions))
        return [(segment, np.array(numbers, dtype=np.int64)) for segment, numbers in found.items()]


NO_SEGMENTS = Leaves((), (), ((),), ())


class Decisions(ABC):
    """Base of the three tasks: rows and label states by group, and the assembly of segments."""

    def __init__(self, windows: int, leaves: Leaves) -> None:
        self.leaves = leaves
        self.windows = windows
        self._segments = leaves.segments()
        self._table = np.zeros((windows * leaves.size, self._cells() * STATES), dtype=np.int64)

    @abstractmethod
    def _cells(self) -> int:
        """How many kinds of rows are told apart besides the state of their label."""

    @abstractmethod
    def add(self, block: Block, leaf: NDArray[np.int64]) -> None:
        """Count one block."""

    @abstractmethod
    def _statistics(self, window: int, numbers: NDArray[np.int64], table: NDArray[np.int64]) -> SegmentStatistics:
        """The statistics of the union of leaves ``numbers``; ``table`` is their rows by kind and label state."""

    def _tally(self, block: Block, leaf: NDArray[np.int64], kind: NDArray[np.generic]) -> NDArray[np.int64]:
        """Count the rows by kind and label state; returns their groups."""
        groups = block.windows * self.leaves.size + leaf
        only = block.only if self.leaves.size == 1 else None
        tally(self._table, groups, only, kind.astype(np.int64) * STATES + block.columns["state"])
        return groups

    def label_states(self, window: int) -> NDArray[np.int64]:
        """Rows of a window by the state of their label, shape (4,)."""
        first = window * self.leaves.size
        table = self._table[first : first + self.leaves.size].reshape(-1, STATES)
        states: NDArray[np.int64] = table.sum(axis=0)
        return states

    def result(self, window: int) -> dict[Segment, SegmentStatistics]:
        """Statistics of every segment that has rows in the window, and of all rows."""
        first = window * self.leaves.size
        tables = self._table[first : first + self.leaves.size]
        present = [
            (segment, numbers)
            for segment, numbers in self._segments
            if segment == ALL_ROWS or int(tables[numbers].sum()) > 0
        ]
        scores = self._scores(window, [numbers for _, numbers in present])
        out: dict[Segment, SegmentStatistics] = {}
        for i, (segment, numbers) in enumerate(present):
            part = self._statistics(window, numbers, tables[numbers].sum(axis=0).reshape(self._cells(), STATES))
            if scores is not None:
                part = part + SegmentStatistics(0, 0, scores={name: counts[i] for name, counts in scores.items()})
            out[segment] = part
        return out

    def _scores(self, window: int, members: Sequence[NDArray[np.int64]]) -> dict[str, list[ScoreCounts]] | None:
        """Score counts of unions of leaves by class; ``None`` when the model gives no scores."""
        del window, members
        return None

    @property
    def deferred(self) -> int:
        """First window whose scores have to be read in another pass; the number of windows when there is none."""
        return self.windows


class _Sums:
    """Exact sums by group: a list of integers each."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._sums: dict[int, list[int]] = {}

    def add(self, runs: Runs, columns: Iterable[list[int]]) -> None:
        for group, numbers in zip(runs.groups, zip(*columns, strict=True), strict=True):
            total = self._sums.setdefault(int(group), [0] * self._size)
            for i, number in enumerate(numbers):
                total[i] += number

    def of(self, groups: Iterable[int]) -> list[int]:
        total = [0] * self._size
        for group in groups:
            for i, number in enumerate(self._sums.get(int(group), ())):
                total[i] += number
        return total


def _fixed(values: NDArray[np.float64], bits: int) -> NDArray[np.int64]:
    return np.rint(values * 2.0**bits).astype(np.int64)


def _loss(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-np.log(np.clip(probability, EPSILON, 1.0 - EPSILON)), dtype=np.float64)


class BinaryDecisions(Decisions):
    """A binary task.

    Columns of a block: ``state``, ``label`` (0, 1), ``prediction`` (0, 1, 2 = invalid), ``score`` (NaN = missing).
    """

    def __init__(
        self,
        windows: int,
        leaves: Leaves,
        *,
        has_prediction: bool,
        has_score: bool,
        limits: ScoreLimits,
    ) -> None:
        super().__init__(windows, leaves)
        self._has_prediction = has_prediction
        self._keys = ScoreKeys(windows, leaves.size, limits) if has_score else None
        self._sums = _Sums(5)

    def _cells(self) -> int:
        return 12  # label (0, 1) x prediction (0, 1, invalid) x score (valid, invalid)

    def add(self, block: Block, leaf: NDArray[np.int64]) -> None:
        """Count one block."""
        label = block.columns["label"]
        kind = label * np.uint8(6)
        if self._has_prediction:
            kind += block.columns["prediction"] * np.uint8(2)
        if self._keys is None:
            self._tally(block, leaf, kind)
            return
        score = block.columns["score"].astype(np.float64, copy=False)
        valid = (score >= 0.0) & (score <= 1.0)
        kind += ~valid
        groups = self._tally(block, leaf, kind)
        rows = np.flatnonzero(valid & (block.columns["state"] == USABLE))
        if rows.size == 0:
            return
        runs = Runs(groups[rows])
        rows = runs.sort(rows)
        s, y = score[rows], label[rows].astype(np.int64)
        gap = y - s
        square = gap * gap
        loss = _loss(np.where(y == 1, s, 1.0 - s))
        coarse = _fixed(loss, LOSS_SQUARE_BITS)
        exact = (
            _fixed(gap, UNIT_BITS),
            _fixed(square, UNIT_BITS),
            _fixed(square * square, UNIT_BITS),
            _fixed(loss, LOSS_BITS),
            coarse * coarse,
        )
        self._sums.add(runs, [runs.sums(values) for values in exact])
        self._keys.add(runs, s, y)

    def _statistics(self, window: int, numbers: NDArray[np.int64], table: NDArray[np.int64]) -> SegmentStatistics:
        cube = table.reshape(2, 3, 2, STATES)  # label, prediction, score, state
        usable = cube[..., USABLE]
        decided = usable.sum(axis=2)
        rows, labelled = int(table.sum()), int(usable.sum())
        binary = sums = None
        if self._has_prediction:
            selected = int(cube[:, 1].sum())
            binary = BinaryCounts(
                predicted=int(cube[:, :2].sum()),
                selected=selected,
                true_positive=int(decided[1, 1]),
                false_positive=int(decided[0, 1]),
                false_negative=int(decided[1, 0]),
                true_negative=int(decided[0, 0]),
            )
        if self._keys is not None:
            sums = ScoreSums(int(usable[:, :, 0].sum()), *self._sums.of(window * self.leaves.size + numbers))
        return SegmentStatistics(
            rows,
            labelled,
            invalid_scores=int(cube[:, :, 1].sum()) if self._keys is not None else 0,
            invalid_predictions=int(cube[:, 2].sum()) if self._has_prediction else 0,
            binary=binary,
            score_sums=sums,
        )

    def _scores(self, window: int, members: Sequence[NDArray[np.int64]]) -> dict[str, list[ScoreCounts]] | None:
        return None if self._keys is None else {"": self._keys.window(window, members)}

    @property
    def deferred(self) -> int:
        """First window whose scores have to be read in another pass."""
        return self.windows if self._keys is None else self._keys.deferred


class ClassDecisions(Decisions):
    """A task of k classes.

    Columns of a block: ``state``, ``label`` and ``prediction`` (class number; k = invalid), ``score0`` ... for every
    class that has a score column.
    """

    def __init__(
        self,
        windows: int,
        leaves: Leaves,
        *,
        classes: tuple[str, ...],
        has_prediction: bool,
        scored: tuple[str, ...],
        limits: ScoreLimits,
    ) -> None:
        self._classes = classes
        self._has_prediction = has_prediction
        self._scored = scored
        super().__init__(windows, leaves)
        share = replace(limits, budget=limits.budget // max(1, len(scored)))
        self._keys = [ScoreKeys(windows, leaves.size, share) for _ in scored]
        self._sums = _Sums(5)

    def _cells(self) -> int:
        k = len(self._classes) + 1
        return k * k * 2  # label x prediction x score (valid, invalid)

    def add(self, block: Block, leaf: NDArray[np.int64]) -> None:
        """Count one block."""
        k = len(self._classes)
        label = block.columns["label"].astype(np.int64)
        kind = label * (k + 1)
        kind += block.columns["prediction"].astype(np.int64) if self._has_prediction else k
        kind *= 2
        if not self._scored:
            self._tally(block, leaf, kind)
            return
        scores = np.stack([block.columns[f"score{i}"].astype(np.float64) for i in range(len(self._scored))], axis=1)
        valid = ((scores >= 0.0) & (scores <= 1.0)).all(axis=1)
        kind += ~valid
        groups = self._tally(block, leaf, kind)
        rows = np.flatnonzero(valid & (label < k) & (block.columns["state"] == USABLE))
        if rows.size == 0:
            return
        runs = Runs(groups[rows])
        rows = runs.sort(rows)
        s = scores[rows]
        truth = np.array([self._classes.index(name) for name in self._scored])[None, :] == label[rows][:, None]
        true_score = (s * truth).sum(axis=1)
        # squares of a fixed column order, added in that order: the same for every row order
        brier = np.zeros(rows.size)
        for i in range(s.shape[1]):
            brier += (s[:, i] - truth[:, i]) ** 2
        loss = _loss(true_score)
        coarse = _fixed(loss, LOSS_SQUARE_BITS)
        exact = (
            _fixed(1.0 - true_score, UNIT_BITS),
            _fixed(brier, UNIT_BITS),
            _fixed(brier * brier, UNIT_BITS),
            _fixed(loss, LOSS_BITS),
            coarse * coarse,
        )
        self._sums.add(runs, [runs.sums(values) for values in exact])
        for i, keys in enumerate(self._keys):
            keys.add(runs, np.ascontiguousarray(s[:, i]), truth[:, i].astype(np.int64))

    def _statistics(self, window: int, numbers: NDArray[np.int64], table: NDArray[np.int64]) -> SegmentStatistics:
        k = len(self._classes)
        cube = table.reshape(k + 1, k + 1, 2, STATES)
        usable = cube[:k, :, :, USABLE]
        classes = sums = None
        if self._has_prediction:
            classes = ClassCounts(
                matrix=usable[:, :k].sum(axis=2), predicted=cube[:, :k].sum(axis=(0, 2, 3), dtype=np.int64)
            )
        if self._scored:
            sums = ScoreSums(int(usable[:, :, 0].sum()), *self._sums.of(window * self.leaves.size + numbers))
        return SegmentStatistics(
            int(table.sum()),
            int(usable.sum()),
            invalid_scores=int(cube[:, :, 1].sum()) if self._scored else 0,
            invalid_predictions=int(cube[:, k].sum()) if self._has_prediction else 0,
            classes=classes,
            score_sums=sums,
        )

    def _scores(self, window: int, members: Sequence[NDArray[np.int64]]) -> dict[str, list[ScoreCounts]] | None:
        if not self._scored:
            return None
        return {name: keys.window(window, members) for name, keys in zip(self._scored, self._keys, strict=True)}

    @property
    def deferred(self) -> int:
        """First window whose scores have to be read in another pass."""
        return min((keys.deferred for keys in self._keys), default=self.windows)


class RegressionDecisions(Decisions):
    """A regression task.

    Columns of a block: ``state``, ``label`` and ``prediction`` (numbers; NaN = missing).
    """

    def __init__(self, windows: int, leaves: Leaves, *, error_exponent: int, label_center: float) -> None:
        super().__init__(windows, leaves)
        self._exponent = error_exponent
        self._center = label_center
        self._sums = _Sums(12)

    def _cells(self) -> int:
        return 2  # prediction valid, invalid

    def add(self, block: Block, leaf: NDArray[np.int64]) -> None:
        """Count one block."""
        prediction = block.columns["prediction"].astype(np.float64, copy=False)
        valid = np.isfinite(prediction)
        groups = self._tally(block, leaf, (~valid).astype(np.int64))
        rows = np.flatnonzero(valid & (block.columns["state"] == USABLE))
        if rows.size == 0:
            return
        runs = Runs(groups[rows])
        rows = runs.sort(rows)
        label = block.columns["label"].astype(np.float64, copy=False)[rows]
        with np.errstate(over="ignore", invalid="ignore"):
            e = np.ldexp(prediction[rows] - label, -self._exponent)
            z = np.ldexp(label - self._center, -self._exponent)
        fits = (np.abs(e) < 2.0**ERROR_BITS) & (np.abs(z) < 2.0**ERROR_BITS)
        error = np.rint(np.where(fits, e, 0.0)).astype(np.int64)
        centered = np.rint(np.where(fits, z, 0.0)).astype(np.int64)
        coarse_e = np.rint(np.where(fits, e, 0.0) * 2.0**-COARSE_BITS).astype(np.int64)
        coarse_z = np.rint(np.where(fits, z, 0.0) * 2.0**-COARSE_BITS).astype(np.int64)
        e2, z2 = coarse_e * coarse_e, coarse_z * coarse_z
        self._sums.add(
            runs,
            [
                runs.sums(fits.astype(np.int64)),
                runs.sums(error),
                runs.sums(np.abs(error)),
                runs.product_sums(error, error),
                runs.sums(centered),
                runs.product_sums(centered, centered),
                runs.product_sums(e2, e2),
                runs.product_sums(z2, coarse_z),
                runs.product_sums(z2, z2),
                runs.product_sums(e2, coarse_z),
                runs.product_sums(e2, z2),
                runs.sums((~fits).astype(np.int64)),
            ],
        )

    def _statistics(self, window: int, numbers: NDArray[np.int64], table: NDArray[np.int64]) -> SegmentStatistics:
        return SegmentStatistics(
            int(table.sum()),
            int(table[:, USABLE].sum()),
            invalid_predictions=int(table[1].sum()),
            errors=ErrorSums(*self._sums.of(window * self.leaves.size + numbers)),
        )


def fixed_point(spread: float) -> int:
    """The exponent of a regression's fixed-point unit: 2**-34 of the label's standard deviation.

    Parameters
    ----------
    spread
        Standard deviation of the label in the reference; 0 (a constant label) counts as 1.
    """
    return math.frexp(spread)[1] - 34 if spread > 0 and math.isfinite(spread) else -34

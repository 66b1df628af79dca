"""Counting decisions against labels, by window and segment: what tasks share, and binary and multiclass tasks.

Rows are grouped by *leaf*: the combination of the values of all segment columns. A segment is a union of leaves, so its
statistics are sums of theirs and every row is looked at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.engines.exact import Runs, Sums
from aimsight.metrics.engines.scores import ScoreKeys, ScoreLimits, from_cells
from aimsight.metrics.engines.tallies import Tally
from aimsight.metrics.statistics import (
    LOSS_BITS,
    LOSS_SQUARE_BITS,
    SCORE_CELLS,
    UNIT_BITS,
    BinaryCounts,
    ClassCounts,
    ScoreSums,
    SegmentStatistics,
)
from aimsight.metrics.values import ALL_ROWS, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    group-bys that are asked for (each a tuple of columns). The last columns are ``filters``: whether a row is in each.
    """

    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    combinations: tuple[tuple[str, ...], ...]
    entries: tuple[tuple[str, ...], ...]
    filters: tuple[str, ...] = ()

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
        """All rows first, then every value of every entry and every filter, with the leaves each consists of."""
        found: dict[Segment, list[int]] = {ALL_ROWS: list(range(self.size))}
        for entry in self.entries:
            at = [self.columns.index(column) for column in entry]
            parts: dict[Segment, list[int]] = defaultdict(list)
            for number, combination in enumerate(self.combinations):
                parts[Segment(tuple((self.columns[i], combination[i]) for i in at))].append(number)
            found.update(sorted(parts.items(), key=lambda item: item[0].conditions))
        first = len(self.columns) - len(self.filters)
        for i, name in enumerate(self.filters, start=first):
            inside = [number for number, combination in enumerate(self.combinations) if combination[i] == INSIDE]
            if inside:
                found[Segment.of_filter(name)] = inside
        return [(segment, np.array(numbers, dtype=np.int64)) for segment, numbers in found.items()]


INSIDE, OUTSIDE = "in", "out"
"""The values of a filter."""
NO_SEGMENTS = Leaves((), (), ((),), ())


class Decisions(ABC):
    """Base of the three tasks: rows and label states by group, and the assembly of segments."""

    def __init__(self, windows: int, leaves: Leaves, limits: ScoreLimits) -> None:
        self.leaves = leaves
        self.windows = windows
        self.limits = limits
        self.segments = leaves.segments()
        self._everything = [np.arange(leaves.size)]
        self._tallies: list[Tally] = []
        self._scores: _Scores | None = None
        self._kinds = self.tally(self._cells() * STATES)

    def tally(self, size: int) -> Tally:
        """A new tally of rows by window, leaf and cell; the windows that do not fit in it are deferred."""
        self._tallies.append(Tally(self.windows, self.leaves.size, size, budget=self.limits.tally_bytes))
        return self._tallies[-1]

    @abstractmethod
    def _cells(self) -> int:
        """How many kinds of rows are told apart besides the state of their label."""

    @abstractmethod
    def add(self, block: Block, leaf: NDArray[np.int64]) -> None:
        """Count one block."""

    @abstractmethod
    def _statistics(self, groups: list[NDArray[np.int64]], tables: NDArray[np.int64]) -> list[SegmentStatistics]:
        """The statistics of unions of groups; ``tables`` are their rows by kind and label state, one a union."""

    def _tally(self, block: Block, leaf: NDArray[np.int64], kind: NDArray[np.generic]) -> NDArray[np.int64]:
        """Count the rows by kind and label state; returns their groups."""
        groups = self.groups(block, leaf)
        self._kinds.add(groups, self.only(block), kind.astype(np.int64) * STATES + block.columns["state"])
        return groups

    def groups(self, block: Block, leaf: NDArray[np.int64]) -> NDArray[np.int64]:
        """The group of every row of a block."""
        return block.windows if self.leaves.size == 1 else block.windows * self.leaves.size + leaf

    def only(self, block: Block) -> int | None:
        """The group of a block whose rows all have the same."""
        return block.only if self.leaves.size == 1 else None

    def label_states(self, window: int) -> NDArray[np.int64]:
        """Rows of a window by the state of their label, shape (4,)."""
        (table,) = self._kinds.window(window, self._everything)
        states: NDArray[np.int64] = table.reshape(-1, STATES).sum(axis=0)
        return states

    def result(self, window: int) -> dict[Segment, SegmentStatistics]:
        """Statistics of every segment that has rows in the window, and of all rows."""
        tables = self._kinds.window(window, [numbers for _, numbers in self.segments])
        present = [
            (segment, numbers, table)
            for (segment, numbers), table in zip(self.segments, tables, strict=True)
            if segment == ALL_ROWS or table.any()
        ]
        members = [numbers for _, numbers, _ in present]
        kinds = np.stack([table for _, _, table in present]).reshape(len(present), -1, STATES)
        parts = self._statistics(self.groups_of(window, members), kinds)
        found = self._complete(window, members, parts)
        return {segment: part for (segment, _, _), part in zip(present, found, strict=True)}

    def forget(self, window: int) -> None:
        """Let go of the scores of a window that is not asked for again."""
        if self._scores is not None:
            self._scores.forget(window)

    def groups_of(self, window: int, members: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
        """The groups of unions of leaves in a window."""
        return [window * self.leaves.size + leaves for leaves in members]

    def _complete(
        self, window: int, members: Sequence[NDArray[np.int64]], parts: list[SegmentStatistics]
    ) -> list[SegmentStatistics]:
        """The statistics of unions of leaves with what is in tallies and scores."""
        return parts if self._scores is None else self._scores.complete(window, members, parts)

    @property
    def deferred(self) -> int:
        """First window that has to be read in another pass; the number of windows when there is none."""
        deferred = min(tally.deferred for tally in self._tallies)
        return deferred if self._scores is None else min(deferred, self._scores.deferred)


_PLACES = 9
"""Kinds of rows of a score cell: prediction (two, and none or invalid) by label (two, and none that is usable)."""


class _Scores:
    """Rows with valid scores by class: keys of the labelled ones, and all of them in score cells."""

    def __init__(self, decisions: Decisions, classes: tuple[str, ...]) -> None:
        self._classes = classes
        limits = decisions.limits
        count = max(1, len(classes))
        share = replace(limits, rows=limits.rows // count, budget=limits.budget // count)
        self._keys = [ScoreKeys(decisions.windows, decisions.leaves.size, share) for _ in classes]
        self._cells = decisions.tally(len(classes) * SCORE_CELLS * _PLACES)

    def add(
        self,
        place: int,
        groups: NDArray[np.int64],
        only: int | None,
        scores: NDArray[np.float64],
        kinds: NDArray[np.generic],
    ) -> None:
        """Add scores in [0, 1] of the class at ``place``, at least one.

        ``kinds`` is the prediction times 3 plus the label, both 0 or 1, or 2 for none.
        """
        cells = (scores * SCORE_CELLS).astype(np.int64)
        np.minimum(cells, SCORE_CELLS - 1, out=cells)
        cells += place * SCORE_CELLS
        cells *= _PLACES
        cells += kinds.astype(np.int64, copy=False)
        self._cells.add(groups, only, cells)

    def add_labelled(self, place: int, runs: Runs, scores: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
        """Add the scores of labelled rows, in the order of ``runs``; labels are 0 or 1."""
        self._keys[place].add(runs, scores, labels)

    def forget(self, window: int) -> None:
        """Let go of the labelled scores of a window that is not asked for again."""
        for keys in self._keys:
            keys.forget(window)

    def complete(
        self, window: int, members: Sequence[NDArray[np.int64]], parts: list[SegmentStatistics]
    ) -> list[SegmentStatistics]:
        """The statistics of unions of leaves with their scores and decisions."""
        exact = [keys.window(window, members) for keys in self._keys]
        count = len(self._classes)
        labels = None
        if any(kept is None for kept in exact):
            labels = self._cells.window(window, members)
        out = []
        for i, (part, table) in enumerate(zip(parts, self._cells.window(window, members, 3), strict=True)):
            scores: dict[str, ScoreCounts] = {}
            for place, (name, kept) in enumerate(zip(self._classes, exact, strict=True)):
                if kept is not None:
                    scores[name] = kept[i]
                elif labels is not None:
                    cube = labels[i].reshape(count, SCORE_CELLS, 3, 3)[place]
                    scores[name] = from_cells(cube[:, 0, :2] + cube[:, 1, :2] + cube[:, 2, :2])
            decisions = dict(zip(self._classes, table.reshape(count, SCORE_CELLS, 3), strict=True))
            out.append(replace(part, scores=scores, score_decisions=decisions))
        return out

    @property
    def deferred(self) -> int:
        """First window whose scores have to be read in another pass."""
        return min(keys.deferred for keys in self._keys)


def fixed(values: NDArray[np.float64], bits: int) -> NDArray[np.int64]:
    """Values in units of 2**-bits, rounded to whole numbers (halves to even)."""
    return np.rint(values * 2.0**bits).astype(np.int64)


def _add_sums(
    sums: Sums, runs: Runs, gap: NDArray[np.float64], square: NDArray[np.float64], loss: NDArray[np.float64]
) -> None:
    """Add up the fields of ``ScoreSums`` but n; all in the order of ``runs``."""
    sums.add(runs, 0, fixed(gap, UNIT_BITS))
    sums.add(runs, 1, fixed(square, UNIT_BITS))
    sums.add(runs, 2, fixed(square * square, UNIT_BITS))
    sums.add(runs, 3, fixed(loss, LOSS_BITS))
    coarse = fixed(loss, LOSS_SQUARE_BITS)
    sums.add(runs, 4, coarse * coarse)


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
        super().__init__(windows, leaves, limits)
        self._has_prediction = has_prediction
        self._scores = _Scores(self, ("",)) if has_score else None
        self._sums = Sums(windows * leaves.size, 5)

    def _cells(self) -> int:
        return 12  # label (0, 1) x prediction (0, 1, invalid) x score (valid, invalid)

    def add(self, block: Block, leaf: NDArray[np.int64]) -> None:
        """Count one block."""
        label = block.columns["label"]
        kind = label * np.uint8(6)
        if self._has_prediction:
            kind += block.columns["prediction"] * np.uint8(2)
        if self._scores is None:
            self._tally(block, leaf, kind)
            return
        score = block.columns["score"].astype(np.float64, copy=False)
        valid = (score >= 0.0) & (score <= 1.0)
        kind += ~valid
        groups = self._tally(block, leaf, kind)
        usable = block.columns["state"] == USABLE
        place = np.where(usable, label, np.uint8(2))
        place += block.columns["prediction"] * np.uint8(3) if self._has_prediction else np.uint8(6)
        if valid.all():
            self._scores.add(0, groups, self.only(block), score, place)
        else:
            usable &= valid
            if valid.any():
                self._scores.add(0, groups[valid], self.only(block), score[valid], place[valid])
        rows = np.flatnonzero(usable)
        if rows.size == 0:
            return
        runs = Runs(groups[rows])
        rows = runs.sort(rows)
        s, y = score[rows], label[rows].astype(np.int64)
        gap = y - s
        square = gap * gap
        loss = _loss(np.where(y == 1, s, 1.0 - s))
        _add_sums(self._sums, runs, gap, square, loss)
        self._scores.add_labelled(0, runs, s, y)

    def _statistics(self, groups: list[NDArray[np.int64]], tables: NDArray[np.int64]) -> list[SegmentStatistics]:
        cubes = tables.reshape(-1, 2, 3, 2, STATES)  # union, label, prediction, score, state
        usable = cubes[..., USABLE]
        size = len(groups)
        rows, labelled = cubes.reshape(size, -1).sum(axis=1), usable.reshape(size, -1).sum(axis=1)
        none: list[None] = [None] * size
        found = {
            "rows": rows.tolist(),
            "labelled": labelled.tolist(),
            "invalid_scores": [0] * size,
            "invalid_predictions": [0] * size,
            "binary": none,
            "score_sums": none,
        }
        if self._has_prediction:
            predicted = cubes.sum(axis=(1, 3, 4))
            decided = usable.sum(axis=3)
            counts = (
                predicted[:, :2].sum(axis=1),
                predicted[:, 1],
                decided[:, 1, 1],
                decided[:, 0, 1],
                decided[:, 1, 0],
                decided[:, 0, 0],
            )
            found["binary"] = [BinaryCounts(*each) for each in zip(*(each.tolist() for each in counts), strict=True)]
            found["invalid_predictions"] = predicted[:, 2].tolist()
        if self._scores is not None:
            scored = usable[..., 0].sum(axis=(1, 2)).tolist()
            sums = self._sums.of(groups)
            found["score_sums"] = [ScoreSums(n, *each) for n, each in zip(scored, sums, strict=True)]
            found["invalid_scores"] = cubes[:, :, :, 1].sum(axis=(1, 2, 3)).tolist()
        return [SegmentStatistics(*each) for each in zip(*found.values(), strict=True)]


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
        super().__init__(windows, leaves, limits)
        self._scores = _Scores(self, scored) if scored else None
        self._sums = Sums(windows * leaves.size, 5)

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
        if self._scores is None:
            self._tally(block, leaf, kind)
            return
        scores = np.stack([block.columns[f"score{i}"].astype(np.float64) for i in range(len(self._scored))], axis=1)
        valid = ((scores >= 0.0) & (scores <= 1.0)).all(axis=1)
        kind += ~valid
        groups = self._tally(block, leaf, kind)
        usable = (label < k) & (block.columns["state"] == USABLE)
        numbers = [self._classes.index(name) for name in self._scored]
        self._add_cells(block, groups, np.flatnonzero(valid), scores, np.where(usable, label, -1), numbers)
        rows = np.flatnonzero(valid & usable)
        if rows.size == 0:
            return
        runs = Runs(groups[rows])
        rows = runs.sort(rows)
        s = scores[rows]
        truth = np.array(numbers)[None, :] == label[rows][:, None]
        true_score = (s * truth).sum(axis=1)
        # squares of a fixed column order, added in that order: the same for every row order
        brier = np.zeros(rows.size)
        for i in range(s.shape[1]):
            brier += (s[:, i] - truth[:, i]) ** 2
        _add_sums(self._sums, runs, 1.0 - true_score, brier, _loss(true_score))
        for i in range(s.shape[1]):
            self._scores.add_labelled(i, runs, np.ascontiguousarray(s[:, i]), truth[:, i].astype(np.int64))

    def _add_cells(
        self,
        block: Block,
        groups: NDArray[np.int64],
        rows: NDArray[np.int64],
        scores: NDArray[np.float64],
        label: NDArray[np.int64],
        numbers: list[int],
    ) -> None:
        """Add the scores of some rows, class by class; ``label`` is -1 where there is none that is usable."""
        if self._scores is None or rows.size == 0:
            return
        labels, chosen = label[rows], groups[rows]
        predicted = np.full(rows.size, len(self._classes))
        if self._has_prediction:
            predicted = block.columns["prediction"].astype(np.int64)[rows]
        for i, number in enumerate(numbers):
            kinds = np.where(predicted == len(self._classes), 2, predicted == number) * 3
            kinds += np.where(labels < 0, 2, labels == number)
            self._scores.add(i, chosen, self.only(block), scores[rows, i], kinds)

    def _statistics(self, groups: list[NDArray[np.int64]], tables: NDArray[np.int64]) -> list[SegmentStatistics]:
        sums = self._sums.of(groups) if self._scored else [[]] * len(groups)
        return [self._of_union(table, each) for table, each in zip(tables, sums, strict=True)]

    def _of_union(self, table: NDArray[np.int64], sums: list[int]) -> SegmentStatistics:
        k = len(self._classes)
        cube = table.reshape(k + 1, k + 1, 2, STATES)
        usable = cube[:k, :, :, USABLE]
        classes = None
        if self._has_prediction:
            classes = ClassCounts(
                matrix=usable[:, :k].sum(axis=2), predicted=cube[:, :k].sum(axis=(0, 2, 3), dtype=np.int64)
            )
        return SegmentStatistics(
            int(table.sum()),
            int(usable.sum()),
            invalid_scores=int(cube[:, :, 1].sum()) if self._scored else 0,
            invalid_predictions=int(cube[:, k].sum()) if self._has_prediction else 0,
            classes=classes,
            score_sums=ScoreSums(int(usable[:, :, 0].sum()), *sums) if self._scored else None,
        )

"""Scores of labelled rows, kept exactly in little memory: eight bytes a row, sorted once at the end."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.engines.tallies import TALLY_BYTES
from aimsight.metrics.statistics import ScoreCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from aimsight.metrics.engines.exact import Runs

KEY_BUDGET = 12_000_000
"""Rows whose scores are held at once; the windows that do not fit are read in a further narrow pass."""

ROOM = 1 << 23
"""Bytes that are taken from the system at once."""
FEWEST_WANTED = 0.9
"""When less than this share of the rows held is still asked for, the others are let go."""


@dataclass(frozen=True, slots=True)
class ScoreLimits:
    """How many scores are kept exactly.

    ``rows`` = labelled rows of a window up to which its scores are exact; ``budget`` = rows held at once over all
    windows; ``tally_bytes`` = what each tally of cells may hold.
    """

    rows: int
    budget: int = KEY_BUDGET
    tally_bytes: int = TALLY_BYTES


@dataclass(slots=True)
class _Batch:
    """Keys in the order of their groups; ``starts`` has one entry more than ``groups``."""

    keys: NDArray[np.uint64]
    groups: NDArray[np.int64]
    starts: NDArray[np.int64]


class ScoreKeys:
    """Collects ``score bits * 2 + label`` of the labelled rows by group (group = window * leaves + leaf).

    The bits of the floating-point numbers in [0, 1] have the order of the numbers, so sorted keys are sorted by score
    and within it by label. Of a window with more rows than the limit nothing is kept. When more rows than the budget
    would be held, the last windows are given up: ``deferred`` is the first of them, and they are to be read again.
    """

    def __init__(self, windows: int, leaves: int, limits: ScoreLimits) -> None:
        self._leaves = leaves
        self._limit = limits.rows
        self._budget = max(limits.budget, limits.rows + 1)  # one window always fits
        self.deferred = windows
        self._rows = np.zeros(windows, dtype=np.int64)
        self._forgotten = np.zeros(windows, dtype=np.bool_)
        self._batches: list[_Batch] = []
        self._held = 0
        self._room = np.empty(0, dtype=np.uint64)

    def add(self, runs: Runs, scores: NDArray[np.float64], labels: NDArray[np.int64]) -> None:
        """Add one block: scores in [0, 1] and labels (0 or 1), both in the order of ``runs``."""
        if self._limit == 0:
            np.add.at(self._rows, runs.groups // self._leaves, 1)
            return
        # -0.0 + 0.0 is +0.0, whose bits are the smallest
        keys = self._space(scores.size)
        np.left_shift((scores + 0.0).view(np.uint64), np.uint64(1), out=keys)
        keys |= labels.view(np.uint64)
        batch = _Batch(keys, runs.groups, np.append(runs.starts, keys.size))
        sizes = np.diff(batch.starts)
        windows = batch.groups // self._leaves
        before = self._rows[windows]
        np.add.at(self._rows, windows, sizes)
        if ((before <= self._limit) & (self._rows[windows] > self._limit)).any():
            self._filter()
        batch = self._without(batch, windows)
        if batch.keys.size:
            self._batches.append(batch)
            self._held += batch.keys.size
            if self._held > self._budget:
                self._shrink()

    def _space(self, size: int) -> NDArray[np.uint64]:
        """Room for so many keys, in large pieces that go back to the system, which small ones in between would not."""
        if self._room.size < size:
            self._room = np.frombuffer(mmap.mmap(-1, max(ROOM, 8 * size)), dtype=np.uint64)
        found, self._room = self._room[:size], self._room[size:]
        return found

    def _filter(self) -> None:
        """Let go of what is not kept any more."""
        held = [self._without(batch, batch.groups // self._leaves) for batch in self._batches]
        self._batches = [batch for batch in held if batch.keys.size]
        self._held = sum(batch.keys.size for batch in self._batches)

    def _keeps(self, windows: NDArray[np.int64]) -> NDArray[np.bool_]:
        return (windows < self.deferred) & (self._rows[windows] <= self._limit) & ~self._forgotten[windows]

    def _without(self, batch: _Batch, windows: NDArray[np.int64]) -> _Batch:
        """The batch without the rows of windows that are not kept exactly."""
        keep = self._keeps(windows)
        if keep.all():
            return batch
        sizes = np.diff(batch.starts)
        kept = sizes[keep]
        return _Batch(batch.keys[np.repeat(keep, sizes)], batch.groups[keep], np.concatenate([[0], np.cumsum(kept)]))

    def _shrink(self) -> None:
        """Give up the last windows, which do not fit into the budget."""
        rows = np.zeros(self._rows.size, dtype=np.int64)
        for batch in self._batches:
            np.add.at(rows, batch.groups // self._leaves, np.diff(batch.starts))
        fits = np.flatnonzero(np.cumsum(rows) > self._budget)
        self.deferred = max(int(fits[0]), 1)
        self._filter()

    def forget(self, window: int) -> None:
        """Let go of a window that is not asked for again, as soon as it is worth it."""
        self._forgotten[window] = True
        wanted = int(self._rows[self._keeps(np.arange(self._rows.size))].sum())
        if wanted < self._held * FEWEST_WANTED:
            self._filter()

    def window(self, window: int, members: Sequence[NDArray[np.int64]]) -> list[ScoreCounts] | None:
        """Score counts of unions of leaves in one window: ``members`` holds the leaf numbers of each union.

        ``None`` when the window has more rows than the limit.
        """
        if self._rows[window] > self._limit:
            return None
        parts = [_part(batch, window, self._leaves) for batch in self._batches]
        keys = np.concatenate([part[0] for part in parts] or [np.empty(0, np.uint64)])
        leaves = np.concatenate([part[1] for part in parts] or [np.empty(0, np.int64)])
        order = np.argsort(leaves.astype(np.uint16), kind="stable")
        keys = keys[order]
        return _of_unions(keys, np.searchsorted(leaves[order], np.arange(self._leaves + 1)).tolist(), members)


def _of_unions(keys: NDArray[np.uint64], bounds: list[int], members: Sequence[NDArray[np.int64]]) -> list[ScoreCounts]:
    """Score counts of unions of leaves; ``keys`` lie leaf by leaf between ``bounds``, and are sorted here."""
    for start, end in pairwise(bounds):
        keys[start:end].sort()
    positions, labels, first = _split(keys)
    others = 1 - labels
    ties = np.cumsum(~first)
    found = []
    for union in members:
        start, end = (bounds[union[0]], bounds[union[0] + 1]) if union.size == 1 else (0, 0)
        # the first row of a leaf is compared with the last of another, which says nothing
        if start < end and ties[end - 1] == ties[start]:
            found.append(ScoreCounts(positions[start:end], others[start:end], labels[start:end], exact=True))
        else:
            found.append(_from_sorted(_merged([keys[bounds[leaf] : bounds[leaf + 1]] for leaf in union])))
    return found


def _part(batch: _Batch, window: int, leaves: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Keys and leaf numbers of one window of a batch."""
    low, high = np.searchsorted(batch.groups, [window * leaves, (window + 1) * leaves])
    starts = batch.starts[low : high + 1]
    keys = batch.keys[starts[0] : starts[-1]]
    return keys, np.repeat(batch.groups[low:high] - window * leaves, np.diff(starts))


def _merged(parts: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    parts = [part for part in parts if part.size]
    if not parts:
        return np.empty(0, dtype=np.uint64)
    if len(parts) == 1:
        return parts[0]
    # numpy's stable sort merges runs that are sorted already, several times faster than sorting anew
    return np.sort(np.concatenate(parts), kind="stable")


def _from_sorted(keys: NDArray[np.uint64]) -> ScoreCounts:
    """Distinct scores with their negatives and positives."""
    if keys.size == 0:
        return ScoreCounts(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64), exact=True)
    positions, labels, first = _split(keys)
    if first.all():  # the usual case of a continuous score: no ties
        return ScoreCounts(positions, 1 - labels, labels, exact=True)
    starts = np.flatnonzero(first)
    positives = np.add.reduceat(labels, starts)
    sizes = np.diff(np.append(starts, keys.size))
    return ScoreCounts(positions[starts], sizes - positives, positives, exact=True)


def _split(keys: NDArray[np.uint64]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Scores and labels of keys, and whether a key's score is another one than that before it."""
    bits = keys >> np.uint64(1)
    first = np.ones(keys.size, dtype=np.bool_)
    np.not_equal(bits[1:], bits[:-1], out=first[1:])
    return bits.view(np.float64), (keys & np.uint64(1)).view(np.int64), first


def from_cells(labelled: NDArray[np.int64]) -> ScoreCounts:
    """Score counts from rows by score cell and label, shape (SCORE_CELLS, 2)."""
    positions = np.flatnonzero(labelled.sum(axis=1))
    return ScoreCounts(
        positions.astype(np.float64), labelled[positions, 0].copy(), labelled[positions, 1].copy(), exact=False
    )

"""Mergeable sufficient statistics of one window (and its segments): a monoid of integers.

Every number kept is an integer: counts are counts, and sums of real quantities are kept in fixed point (a stated power
of two). So merging is exact, associative and commutative: days merge to the week bit by bit, whatever the order of
rows, the number of threads or the engine; the only division comes last, in the metric.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from aimsight.metrics.cells import LogCells
from aimsight.metrics.packing import pack, unpack
from aimsight.metrics.values import ALL_ROWS, Segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from aimsight.metrics.schema import Schema

LOSS_BITS = 40
"""log loss of a row is kept as round(loss * 2**40)."""
LOSS_SQUARE_BITS = 20
"""its square as round(loss * 2**20) ** 2, i.e. in units of 2**-40."""
UNIT_BITS = 50
"""quantities within [-1, 1] (score gaps, squared score errors and their squares) are kept as round(x * 2**50)."""
ERROR_BITS = 48
"""errors of a regression model are kept up to 2**48 times the fixed-point unit (about 2**18 spreads of the label)."""
COARSE_BITS = 20
"""the unit of the fourth-order sums is 2**20 times as large."""
SCORE_CELLS = 1000
"""score cells of equal width on [0, 1]; the last one includes 1."""
RATIO_BITS = 30
"""relative errors are kept as round(x * 2**30), below 2**30 (an error of a billion times the label)."""
LOG_BITS = 40
"""squared log errors are kept as round(x * 2**40)."""
ERROR_CELL_BITS = 14
"""the smallest error cell is 2**14 fixed-point units wide (about a millionth of the label's spread)."""
ERROR_CELLS = LogCells(per_octave=64, octaves=28)
"""cells of |e| in units of ``2**(error_exponent + ERROR_CELL_BITS)``: 64 equal ones, then 64 an octave."""
DELAY_CELLS = LogCells(per_octave=64, octaves=26)
"""cells of a label's delay in seconds: 64 of one second, then 64 an octave up to 136 years."""


@dataclass(frozen=True, slots=True, eq=False)
class Monoid:
    """Field-wise addition: integers and arrays add, ``None`` is neutral, mappings merge by key."""

    def __add__(self, other: Self) -> Self:
        """The statistics of both parts together."""
        return type(self)(**{f.name: _add(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)})


def _add(a: Any, b: Any) -> Any:  # noqa: ANN401  # a field may be anything that adds
    if a is None or b is None:
        return b if a is None else a
    if isinstance(a, dict):
        return {key: _add(a.get(key), b.get(key)) for key in a | b}
    if isinstance(a, str):  # why a column is missing: the same in both parts, or the first in order of the alphabet
        return min(a, b)
    return a + b


@dataclass(frozen=True, slots=True, eq=False)
class CellCounts(Monoid):
    """Rows per cell of one column (positions as in ``aimsight.metrics.cells``).

    ``counts`` is int64 of shape (cells.size + 2,): ordered cells, missing, then non-finite (numeric) or unseen
    (category).
    ``out_of_range`` counts finite values outside the declared range (or categories outside the declared domain);
    ``None`` when none is declared.
    """

    counts: NDArray[np.int64]
    out_of_range: int | None = None


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """Rows per distinct finite value, for exact drift distances: merges by union of the values.

    ``packed`` holds values and counts (``aimsight.metrics.packing``), since those of all columns together take more
    memory than everything else.
    """

    packed: bytes
    missing: int
    non_finite: int

    @classmethod
    def of(cls, values: NDArray[np.float64], counts: NDArray[np.int64], missing: int, non_finite: int) -> Self:
        """Of distinct finite values, ascending, and the rows at each (1 or more)."""
        return cls(pack(values, counts), missing, non_finite)

    @classmethod
    def counted(cls, rows: NDArray[np.float64]) -> Self:
        """Of the values of rows in any order, NaN where missing."""
        values = rows[np.isfinite(rows)]
        values += 0.0  # one zero only
        values.sort()
        missing = int(np.isnan(rows).sum())
        others = missing, rows.size - values.size - missing
        if (values[1:] != values[:-1]).all():  # the usual case of continuous numbers
            return cls.of(values, np.broadcast_to(np.int64(1), values.shape), *others)
        starts = _starts(values)
        return cls.of(values[starts], np.diff(starts, append=values.size), *others)

    @classmethod
    def merged(cls, parts: Sequence[Self]) -> Self:
        """The counts of all parts together."""
        values, counts = map(np.concatenate, zip(*(part.unpacked() for part in parts), strict=True))
        order = np.argsort(values, kind="stable")  # which merges what is sorted already
        values, counts = values[order], counts[order]
        starts = _starts(values)
        counts = np.add.reduceat(counts, starts) if starts.size else counts
        missing, non_finite = (
            sum(numbers) for numbers in zip(*((p.missing, p.non_finite) for p in parts), strict=True)
        )
        return cls.of(values[starts], counts, missing, non_finite)

    def unpacked(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The distinct values, ascending, and the rows at each."""
        return unpack(self.packed)

    def __add__(self, other: Self) -> Self:
        """The counts of both parts together."""
        return self.merged([self, other])


def _starts(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Where each distinct value of sorted ones begins."""
    return np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])[: values.size])


@dataclass(frozen=True, slots=True)
class BinaryCounts(Monoid):
    """Decisions of a binary model.

    ``predicted`` = rows with a valid prediction, ``selected`` = predicted positive (labelled or not); the confusion
    counts cover rows with both a valid prediction and a label.
    """

    predicted: int
    selected: int
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


@dataclass(frozen=True, slots=True)
class ScoreSums(Monoid):
    """Fixed-point sums over labelled rows with a valid score s in [0, 1] and label y in {0, 1}.

    ``gap`` = sum of (y - s), ``brier`` = sum of (s - y)^2, ``brier_square`` = sum of (s - y)^4, all in 2**-UNIT_BITS;
    ``loss`` = sum of -ln(probability given to the label, clipped to [eps, 1 - eps] with eps = 2**-52) in 2**-LOSS_BITS;
    ``loss_square`` = sum of its squares in 2**-(2 * LOSS_SQUARE_BITS). For a multiclass model s is the probability of
    the true class (y = 1) for the losses and the gap, and ``brier`` is the sum over classes.
    """

    n: int
    gap: int
    brier: int
    brier_square: int
    loss: int
    loss_square: int


@dataclass(frozen=True, slots=True, eq=False)
class ScoreCounts:
    """Labelled rows by score: sorted positions with the negatives and positives at each.

    ``exact``: positions are the distinct scores themselves; else they are score-cell numbers (0 .. SCORE_CELLS-1) and
    rows within a cell are ties of unknown order.
    """

    positions: NDArray[np.float64]
    negatives: NDArray[np.int64]
    positives: NDArray[np.int64]
    exact: bool
    ups: int = field(init=False)
    """How many rows are positive."""
    downs: int = field(init=False)

    def __post_init__(self) -> None:
        """Add up once what many metrics ask for: the arrays may be as long as the window."""
        object.__setattr__(self, "ups", int(self.positives.sum()))
        object.__setattr__(self, "downs", int(self.negatives.sum()))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.ups + self.downs

    @property
    def untied(self) -> bool:
        """Whether there is exactly one row at every position, as is usual of a continuous score."""
        return self.rows == self.positions.size and bool(((self.positives | self.negatives) == 1).all())

    @property
    def cell_numbers(self) -> NDArray[np.int16]:
        """The score cell of each position."""
        scale = SCORE_CELLS if self.exact else 1
        return np.minimum((self.positions * scale).astype(np.int16), SCORE_CELLS - 1)

    def cells(self) -> ScoreCounts:
        """The same counts in score cells (what the store keeps)."""
        if not self.exact:
            return self
        if not self.positions.size:
            return replace(self, exact=False)
        # the positions are sorted, so a cell's rows lie together: no sort and no scattered addition is needed
        cell = self.cell_numbers
        starts = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]]))
        return ScoreCounts(
            cell[starts].astype(np.float64),
            np.add.reduceat(self.negatives, starts),
            np.add.reduceat(self.positives, starts),
            exact=False,
        )

    def __add__(self, other: ScoreCounts) -> ScoreCounts:
        """The counts of both parts together: exact when both are."""
        a, b = (self, other) if self.exact and other.exact else (self.cells(), other.cells())
        positions, inverse = np.unique(np.concatenate([a.positions, b.positions]), return_inverse=True)
        negatives = np.zeros(positions.size, dtype=np.int64)
        positives = np.zeros(positions.size, dtype=np.int64)
        np.add.at(negatives, inverse, np.concatenate([a.negatives, b.negatives]))
        np.add.at(positives, inverse, np.concatenate([a.positives, b.positives]))
        return ScoreCounts(positions, negatives, positives, exact=a.exact)


@dataclass(frozen=True, slots=True, eq=False)
class ClassCounts(Monoid):
    """Decisions of a multiclass model.

    ``matrix[i, j]`` = labelled rows of true class i predicted as j (int64, (k, k), classes in the plan's order);
    ``predicted[j]`` = all rows predicted as j, labelled or not.
    """

    matrix: NDArray[np.int64]
    predicted: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest of some whole numbers (0 of none); merging keeps the larger one."""

    at: int = 0

    def __add__(self, other: Largest) -> Largest:
        """The larger of both."""
        return self if self.at >= other.at else other


@dataclass(frozen=True, slots=True, eq=False)
class ErrorDetails(Monoid):
    """More of the same rows as ``ErrorSums``: e = prediction - label = p - y, in units of q = 2**plan.error_exponent.

    Attributes
    ----------
    n
        Rows that the sums are over: ``ErrorSums.n``, unless statistics of an older version are among those merged.
    signed_square
        Sum of e |e|, in q^2. The pinball loss at level t is (1/2 - t) e + |e| / 2, its square
        (1/4 + (1/2 - t)^2) e^2 + (1/2 - t) e |e|.
    largest
        The largest |e|, in q.
    relative_n, relative, relative_square
        Rows with y != 0, and over them the sum of r = |e| / |y| in 2**-RATIO_BITS and the sum of the squares of those
        rounded r in 2**-(2 * RATIO_BITS). ``zero_labels`` are the rows with y = 0, ``relative_overflow`` those with
        r >= 2**30; neither is in the sums.
    symmetric, symmetric_square
        Sum over all n rows of s = 2 |e| / (|y| + |p|), which is 0 where both are 0, in 2**-UNIT_BITS, and of s^2
        likewise.
    log_n, log_square, log_fourth
        Rows with y > -1 and p > -1, and over them the sum of l^2 in 2**-LOG_BITS with l = ln(1 + p) - ln(1 + y), and
        the sum of the squares of those rounded l^2 in 2**-(2 * LOG_BITS). The other n - log_n rows have no logarithm.
    cells
        Rows by |e| in ``ERROR_CELLS``, int64 of shape (ERROR_CELLS.size,).
    """

    n: int
    signed_square: int
    largest: Largest
    relative_n: int
    relative: int
    relative_square: int
    zero_labels: int
    relative_overflow: int
    symmetric: int
    symmetric_square: int
    log_n: int
    log_square: int
    log_fourth: int
    cells: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class IntervalCounts(Monoid):
    """Labels against declared prediction intervals [low, high] (``log.interval``), ends included.

    ``invalid`` = rows, labelled or not, whose interval has an end that is missing or NaN, or ends before it begins;
    an end may be infinite. ``covered``, ``below`` and ``above`` are the rows with a valid interval and a usable label
    within it, below it and above it.
    """

    covered: int
    below: int
    above: int
    invalid: int


@dataclass(frozen=True, slots=True)
class ErrorSums(Monoid):
    """Fixed-point sums over labelled rows of a regression model: e = prediction - label, z = label - plan.label_center.

    ``error``, ``absolute`` (sums of e, |e|) and ``label`` (sum of z) are in units of q = 2**plan.error_exponent,
    ``square`` (e^2) and ``label_square`` (z^2) in q^2. The fourth-order sums serve intervals only and are coarse: with
    E = round(e / (q 2**20)) and Z likewise: ``error4`` = sum E^4, ``label3`` = sum Z^3, ``label4`` = sum Z^4,
    ``error2_label`` = sum E^2 Z, ``error2_label2`` = sum E^2 Z^2. ``overflow`` counts rows too extreme for fixed point
    (|e| or |z| >= q 2**ERROR_BITS), which make every error metric undefined. ``details`` is ``None`` in statistics that
    a version without it wrote.
    """

    n: int
    error: int
    absolute: int
    square: int
    label: int
    label_square: int
    error4: int
    label3: int
    label4: int
    error2_label: int
    error2_label2: int
    overflow: int
    details: ErrorDetails | None = None


@dataclass(frozen=True, slots=True)
class SegmentStatistics(Monoid):
    """What is known of one segment of a window; parts that do not apply to the task are ``None``.

    ``rows`` = rows of the segment, ``labelled`` = those with a usable label that had arrived, ``invalid_scores`` = rows
    whose score is missing, non-finite or outside [0, 1], ``invalid_predictions`` = rows whose prediction is missing,
    non-finite or not one of the classes. ``scores`` maps the class (``''`` in binary tasks) to its score counts.

    ``score_decisions`` maps the same classes to **all** rows with a valid score, labelled or not, by score cell and
    prediction: int64 of shape (SCORE_CELLS, 3), whose columns are in binary tasks the predictions 0, 1 and none or
    invalid, in multiclass ones "another class", "this class" and none or invalid. ``interval`` is there when the log
    declares prediction intervals.
    """

    rows: int
    labelled: int
    invalid_scores: int = 0
    invalid_predictions: int = 0
    binary: BinaryCounts | None = None
    score_sums: ScoreSums | None = None
    scores: dict[str, ScoreCounts] | None = None
    classes: ClassCounts | None = None
    errors: ErrorSums | None = None
    score_decisions: dict[str, NDArray[np.int64]] | None = None
    interval: IntervalCounts | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LabelDelays(Monoid):
    """How long labels took: rows with a usable label by arrival minus decision, in ``DELAY_CELLS`` (seconds).

    int64 of shape (DELAY_CELLS.size,). Labels that have not arrived are not in it, so that a young window shows only
    its quick ones: ``QualityCounts.late_labels`` says how many are known to be missing.
    """

    cells: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class QualityCounts(Monoid):
    """Row-level findings of a window.

    ``rows`` counts distinct decisions used; ``duplicate_rows`` were dropped because their id had been seen with the
    same content, ``conflicting_rows`` because their id had been seen with other content; ``early_labels`` arrived
    before their prediction and were not used; ``late_labels`` had not arrived as of the run. ``outside_envelope`` are
    the rows with a feature outside its declared range or values (missing and non-finite values are not); ``None`` when
    nothing is declared. ``label_delays`` is there when it is known when labels arrive.
    """

    rows: int
    duplicate_rows: int | None = None
    conflicting_rows: int | None = None
    early_labels: int | None = None
    late_labels: int | None = None
    outside_envelope: int | None = None
    label_delays: LabelDelays | None = None


@dataclass(frozen=True, slots=True)
class Statistics(Monoid):
    """All statistics of one window: quality, one ``CellCounts`` a column, one ``SegmentStatistics`` a segment.

    ``column_errors`` says why a column that was planned could not be counted (it is missing, or of the wrong type);
    such a column has no entry in ``columns``. A column of role "label" counts only rows with a usable label.
    ``leaves`` has the rows of every segment by leaf of the reference's loss tree, int64 of shape (size of the tree,).
    ``schema`` are the columns of the source's files; ``None`` where nobody looked.
    """

    quality: QualityCounts
    columns: dict[str, CellCounts] = field(default_factory=dict)
    segments: dict[Segment, SegmentStatistics] = field(default_factory=dict)
    values: dict[str, ValueCounts] = field(default_factory=dict)
    latest: Latest | None = None
    column_errors: dict[str, str] = field(default_factory=dict)
    leaves: dict[Segment, NDArray[np.int64]] | None = None
    schema: Schema | None = None

    def with_score_cells(self) -> Self:
        """The same statistics with scores in cells only, which is what the store keeps and takes little memory."""
        segments = {
            segment: part
            if part.scores is None
            else replace(part, scores={name: counts.cells() for name, counts in part.scores.items()})
            for segment, part in self.segments.items()
        }
        return replace(self, segments=segments)

    @property
    def all_rows(self) -> SegmentStatistics:
        """The statistics of every row of the window."""
        return self.segments[ALL_ROWS]


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest event time seen; merging keeps the later one."""

    at: datetime

    def __add__(self, other: Latest) -> Latest:
        """The later of both."""
        return self if self.at >= other.at else other


def merge(parts: Mapping[object, Statistics] | list[Statistics]) -> Statistics:
    """The statistics of all parts together; at least one part is needed."""
    every = parts if isinstance(parts, list) else list(parts.values())
    values = {name: None for part in every for name in part.values}
    first, *rest = every
    if not rest or not values:
        return reduce(add, rest, first)
    total = reduce(add, (replace(part, values={}) for part in every))
    # the values of many parts are sorted once, and not again with every part
    found = {name: ValueCounts.merged([part.values[name] for part in every if name in part.values]) for name in values}
    return replace(total, values=found)

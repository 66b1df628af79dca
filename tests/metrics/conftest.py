"""Statistics counted from arrays by a few lines of NumPy, independent of every engine, for the tests of metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pytest

from aimsight.configs.schema import ModelConfig
from aimsight.metrics.cells import CategoryCells, NumericCells
from aimsight.metrics.plan import ColumnPlan, Plan, Reference, Window
from aimsight.metrics.statistics import (
    DELAY_CELLS,
    ERROR_CELL_BITS,
    ERROR_CELLS,
    LOG_BITS,
    LOSS_BITS,
    LOSS_SQUARE_BITS,
    RATIO_BITS,
    SCORE_CELLS,
    UNIT_BITS,
    BinaryCounts,
    CellCounts,
    ClassCounts,
    ErrorDetails,
    ErrorSums,
    IntervalCounts,
    LabelDelays,
    Largest,
    Latest,
    QualityCounts,
    ScoreCounts,
    ScoreSums,
    SegmentStatistics,
    Statistics,
    ValueCounts,
)
from aimsight.metrics.values import ALL_ROWS, MISSING, Segment
from aimsight.tests.configurations import a_model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

START = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=7))
MISS = -1
"""A label, prediction or class index that is not there."""
Part = TypeVar("Part")


@dataclass(frozen=True)
class Counting:
    """Counts arrays into statistics; MISS in labels and predictions and NaN in scores mean "not there"."""

    def binary(self, y: Any, predicted: Any = None, scores: Any = None, *, exact: bool = True) -> SegmentStatistics:
        """Statistics of one segment of a binary model; y and predicted in {0, 1, MISS}, scores in [0, 1] or invalid."""
        y = np.asarray(y)
        out = SegmentStatistics(rows=y.size, labelled=int((y != MISS).sum()))
        if predicted is not None:
            p = np.asarray(predicted)
            pairs = [int(((p == a) & (y == b)).sum()) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0))]
            counts = BinaryCounts(int((p != MISS).sum()), int((p == 1).sum()), *pairs)
            out = replace(out, binary=counts, invalid_predictions=int((p == MISS).sum()))
        if scores is not None:
            s = np.asarray(scores, dtype=float)
            valid = (s >= 0) & (s <= 1)
            use = valid & (y != MISS)
            out = replace(
                out,
                score_sums=self.score_sums(y[use], s[use]),
                scores={"": self.scores(y[use], s[use], exact=exact)},
                invalid_scores=int((~valid).sum()),
            )
            decided = np.full(y.size, MISS) if predicted is None else np.asarray(predicted)
            out = replace(out, score_decisions={"": self.score_decisions(s[valid], decided[valid])})
        return out

    def score_decisions(self, s: Any, decided: Any) -> Any:
        """Rows by score cell and prediction (0, 1, MISS), labelled or not."""
        out = np.zeros((SCORE_CELLS, 3), dtype=np.int64)
        for score, decision in zip(np.asarray(s).tolist(), np.asarray(decided).tolist(), strict=True):
            out[min(int(score * SCORE_CELLS), SCORE_CELLS - 1), 2 if decision == MISS else int(decision)] += 1
        return out

    def scores(self, y: Any, s: Any, *, exact: bool = True) -> ScoreCounts:
        """Score counts of positives and negatives."""
        positions, inverse = np.unique(np.asarray(s, dtype=float), return_inverse=True)
        ups = np.bincount(inverse, weights=np.asarray(y), minlength=positions.size).astype(np.int64)
        all_rows = np.bincount(inverse, minlength=positions.size)
        counts = ScoreCounts(positions, all_rows - ups, ups, exact=True)
        return counts if exact else counts.cells()

    def score_sums(self, y: Any, s: Any) -> ScoreSums:
        """Fixed-point sums, one row at a time in Python integers."""
        rows = [(int(a), float(b)) for a, b in zip(y, s, strict=True)]
        losses = [-np.log(np.clip(b if a else 1 - b, 2**-52, 1 - 2**-52)) for a, b in rows]
        return ScoreSums(
            n=len(rows),
            gap=sum(round((a - b) * 2**UNIT_BITS) for a, b in rows),
            brier=sum(round((a - b) ** 2 * 2**UNIT_BITS) for a, b in rows),
            brier_square=sum(round((a - b) ** 4 * 2**UNIT_BITS) for a, b in rows),
            loss=sum(round(x * 2**LOSS_BITS) for x in losses),
            loss_square=sum(round(x * 2**LOSS_SQUARE_BITS) ** 2 for x in losses),
        )

    def classes(self, y: Any, predicted: Any, k: int, probabilities: Any = None) -> SegmentStatistics:
        """Statistics of one segment of a multiclass model; y and predicted are class numbers or MISS."""
        y, p = np.asarray(y), np.asarray(predicted)
        matrix = np.zeros((k, k), dtype=np.int64)
        both = (y != MISS) & (p != MISS)
        np.add.at(matrix, (y[both], p[both]), 1)
        counts = ClassCounts(matrix, np.bincount(p[p != MISS], minlength=k))
        out = SegmentStatistics(rows=y.size, labelled=int((y != MISS).sum()), classes=counts)
        if probabilities is None:
            return out
        s = np.asarray(probabilities, dtype=float)
        chosen = [np.where(p == MISS, MISS, p == c) for c in range(k)]
        valid = (s >= 0) & (s <= 1)
        decisions = {f"c{c}": self.score_decisions(s[valid[:, c], c], chosen[c][valid[:, c]]) for c in range(k)}
        out = replace(out, score_decisions=decisions)
        s, y = s[y != MISS], y[y != MISS]
        briers = np.square(s - np.eye(k)[y]).sum(axis=1)
        true = self.score_sums(np.ones(y.size), s[np.arange(y.size), y])
        sums = replace(
            true,
            brier=sum(round(b * 2**UNIT_BITS) for b in briers),
            brier_square=sum(round(b * b * 2**UNIT_BITS) for b in briers),
        )
        return replace(out, score_sums=sums, scores={f"c{c}": self.scores(y == c, s[:, c]) for c in range(k)})

    def errors(self, predicted: Any, label: Any, *, exponent: int = -40, centre: float = 0.0) -> ErrorSums:
        """Fixed-point sums of a regression model, one row at a time in Python integers."""
        q = 2.0**exponent
        es = [round((float(p) - float(y)) / q) for p, y in zip(predicted, label, strict=True)]
        zs = [round((float(y) - centre) / q) for y in label]
        e1 = [round(e / 2**20) for e in es]
        z1 = [round(z / 2**20) for z in zs]
        return ErrorSums(
            n=len(es),
            error=sum(es),
            absolute=sum(map(abs, es)),
            square=sum(e * e for e in es),
            label=sum(zs),
            label_square=sum(z * z for z in zs),
            error4=sum(e**4 for e in e1),
            label3=sum(z**3 for z in z1),
            label4=sum(z**4 for z in z1),
            error2_label=sum(e * e * z for e, z in zip(e1, z1, strict=True)),
            error2_label2=sum(e * e * z * z for e, z in zip(e1, z1, strict=True)),
            overflow=0,
            details=self.error_details(predicted, label, es, q),
        )

    def error_details(self, predicted: Any, label: Any, errors: list[int], q: float) -> ErrorDetails:
        """Details of errors, one row at a time in Python integers."""
        pairs = [(float(p), float(y)) for p, y in zip(predicted, label, strict=True)]
        ratios = [abs(p - y) / abs(y) for p, y in pairs if y != 0]
        rounded = [round(r * 2**RATIO_BITS) for r in ratios if r < 2**30]
        both = [2 * abs(p - y) / (abs(y) + abs(p)) if y or p else 0.0 for p, y in pairs]
        logs = [round((math.log1p(p) - math.log1p(y)) ** 2 * 2**LOG_BITS) for p, y in pairs if p > -1 and y > -1]
        amounts = np.array([abs(e) for e in errors], dtype=float) / 2**ERROR_CELL_BITS
        return ErrorDetails(
            n=len(pairs),
            signed_square=sum(e * abs(e) for e in errors),
            largest=Largest(max(map(abs, errors), default=0)),
            relative_n=len(rounded),
            relative=sum(rounded),
            relative_square=sum(r * r for r in rounded),
            zero_labels=sum(y == 0 for _, y in pairs),
            relative_overflow=len(ratios) - len(rounded),
            symmetric=sum(round(x * 2**UNIT_BITS) for x in both),
            symmetric_square=sum(round(x * x * 2**UNIT_BITS) for x in both),
            log_n=len(logs),
            log_square=sum(logs),
            log_fourth=sum(x * x for x in logs),
            cells=np.bincount(ERROR_CELLS.index(amounts), minlength=ERROR_CELLS.size).astype(np.int64),
        )

    def tally(self, positions: Any, size: int) -> Any:
        """Rows by position."""
        return np.bincount(np.asarray(positions, dtype=np.int64), minlength=size).astype(np.int64)

    def intervals(self, label: Any, low: Any, high: Any) -> IntervalCounts:
        """Where labels lie against their prediction intervals."""
        y, low, high = np.asarray(label), np.asarray(low), np.asarray(high)
        below, above = int((y < low).sum()), int((y > high).sum())
        return IntervalCounts(y.size - below - above, below, above, 0)

    def quality(self, repeated: Any, outside: Any, delays: Any) -> QualityCounts:
        """Findings of rows that are repeated as they were (1), otherwise (2) or not (0), outside or not, and delays."""
        repeated, seconds = np.asarray(repeated), np.asarray(delays, dtype=float)
        known = LabelDelays(self.tally(DELAY_CELLS.index(seconds), DELAY_CELLS.size)) if seconds.size else None
        again, otherwise = (int((repeated == kind).sum()) for kind in (1, 2))
        return QualityCounts(repeated.size, again, otherwise, outside_envelope=int(np.sum(outside)), label_delays=known)

    def numeric(self, name: str, reference: Any, *, role: Any = "feature") -> ColumnPlan:
        """Plan of a numeric column with the cells that a reference would get."""
        x = np.asarray(reference, dtype=float)
        x = x[np.isfinite(x)]
        if x.size == 0:
            return ColumnPlan(name, role, NumericCells.spanning(0.0, 1.0))
        low, high = np.quantile(x, [0.01, 0.99])
        return ColumnPlan(name, role, NumericCells.spanning(float(low), float(high)), float(x.mean()), float(x.std()))

    def category(self, name: str, categories: Sequence[str], *, role: Any = "feature") -> ColumnPlan:
        """Plan of a category column."""
        return ColumnPlan(name, role, CategoryCells(tuple(categories)))

    def column(self, plan: ColumnPlan, values: Any) -> CellCounts:
        """Counts of one column; None or NaN is missing."""
        if isinstance(plan.cells, NumericCells):
            positions = plan.cells.index(np.asarray(values, dtype=float))
        else:
            places = {name: i for i, name in enumerate(plan.cells.categories)}
            size = plan.cells.size
            positions = np.array([size if v is None else places.get(v, size + 1) for v in values], dtype=np.int64)
        return CellCounts(np.bincount(positions, minlength=plan.cells.size + 2).astype(np.int64))

    def values(self, values: Any) -> ValueCounts:
        """Distinct finite values and their counts."""
        x = np.asarray(values, dtype=float)
        distinct, counts = np.unique(x[np.isfinite(x)], return_counts=True)
        return ValueCounts.of(distinct, counts.astype(np.int64), int(np.isnan(x).sum()), int(np.isinf(x).sum()))

    def window(
        self,
        plans: Sequence[ColumnPlan],
        data: Mapping[str, Any],
        segments: Mapping[Segment, SegmentStatistics] | None = None,
        *,
        exact: bool = False,
    ) -> Statistics:
        """Statistics of one window from the values of its columns and the statistics of its segments."""
        rows = next((len(v) for v in data.values()), 0)
        all_rows = {ALL_ROWS: SegmentStatistics(rows=rows, labelled=0)}
        chosen = dict(segments) if segments is not None else all_rows
        return Statistics(
            QualityCounts(rows=chosen[ALL_ROWS].rows, duplicate_rows=0, conflicting_rows=0),
            columns={p.name: self.column(p, data[p.name]) for p in plans if p.name in data},
            segments=chosen,
            values={
                p.name: self.values(data[p.name])
                for p in plans
                if exact and p.name in data and isinstance(p.cells, NumericCells)
            },
            latest=Latest(WINDOW.end - timedelta(hours=3)) if rows or segments else None,
        )

    def reference(
        self, plans: Sequence[ColumnPlan], data: Mapping[str, Any], *, parts: int = 0, exact: bool = False
    ) -> Reference:
        """A reference from the values of its columns, cut into ``parts`` windows of its own."""
        rows = np.arange(next(len(v) for v in data.values()))
        pieces = [
            self.window(plans, {name: [v[i] for i in piece] for name, v in data.items()})
            for piece in (np.array_split(rows, parts) if parts else [])
        ]
        whole = self.window(plans, data, exact=exact)
        return Reference("period 2025", "f" * 64, tuple(plans), (), -40, 0.0, whole, tuple(pieces))

    def groups(self, names: Any, column: str, **arrays: Any) -> dict[Segment, SegmentStatistics]:
        """Binary statistics of all rows and of every group of one column (None is MISSING)."""
        labels = np.array([MISSING if g is None else g for g in names], dtype=object)
        out = {ALL_ROWS: self.binary(**arrays)}
        for name in sorted(set(labels)):
            part = {key: np.asarray(value)[labels == name] for key, value in arrays.items()}
            out[Segment(((column, str(name)),))] = self.binary(**part)
        return out

    def model(self, task: str = "binary", **changes: Any) -> ModelConfig:
        """A model's configuration; ``changes`` replace whole top-level parts."""
        log: dict[str, Any] = {"source": "log.parquet", "timestamp": "at", "prediction": "decision", "id": "id"}
        if task == "binary":
            log["score"] = "p"
        elif task == "multiclass":
            log["scores"] = {"c0": "p0", "c1": "p1", "c2": "p2"}
        config = {
            "model": "demo",
            "task": task,
            "log": log,
            "labels": {"label": "y"},
            "monitor": {"every": "1w", "window": "1w"},
        }
        return a_model(**config | changes)

    def plan(self, model: ModelConfig | None = None, columns: Sequence[ColumnPlan] = (), **changes: Any) -> Plan:
        """A plan of one week."""
        model = model if model is not None else self.model()
        return Plan(model, Path(), (WINDOW,), WINDOW.end + timedelta(days=30), tuple(columns), **changes)


class CountingByDays(Counting):
    """Counts the same arrays in seven parts and merges what was counted, as a week is merged from its days."""

    def binary(self, y: Any, predicted: Any = None, scores: Any = None, *, exact: bool = True) -> SegmentStatistics:
        """As ``Counting.binary``."""
        return _merged(lambda *day: Counting.binary(self, *day, exact=exact), y, predicted, scores)

    def classes(self, y: Any, predicted: Any, k: int, probabilities: Any = None) -> SegmentStatistics:
        """As ``Counting.classes``."""
        return _merged(lambda y, p, s: Counting.classes(self, y, p, k, s), y, predicted, probabilities)

    def errors(self, predicted: Any, label: Any, *, exponent: int = -40, centre: float = 0.0) -> ErrorSums:
        """As ``Counting.errors``."""
        return _merged(lambda *day: Counting.errors(self, *day, exponent=exponent, centre=centre), predicted, label)

    def tally(self, positions: Any, size: int) -> Any:
        """As ``Counting.tally``."""
        return _merged(lambda day: Counting.tally(self, day, size), positions)

    def intervals(self, label: Any, low: Any, high: Any) -> IntervalCounts:
        """As ``Counting.intervals``."""
        return _merged(super().intervals, label, low, high)

    def quality(self, repeated: Any, outside: Any, delays: Any) -> QualityCounts:
        """As ``Counting.quality``."""
        return _merged(super().quality, repeated, outside, delays)

    def column(self, plan: ColumnPlan, values: Any) -> CellCounts:
        """As ``Counting.column``."""
        return _merged(lambda day: Counting.column(self, plan, day), values)


def _merged(count: Callable[..., Part], *columns: Any) -> Part:
    """What is counted in each of seven parts of the rows, added up."""
    days = ([None if one is None else np.asarray(one)[day::7] for one in columns] for day in range(7))
    return reduce(add, (count(*day) for day in days))


@pytest.fixture(scope="session")
def counting() -> Counting:
    """Counts arrays into statistics."""
    return Counting()


@pytest.fixture(scope="session")
def counting_by_days() -> CountingByDays:
    """Counts arrays into statistics day by day."""
    return CountingByDays()

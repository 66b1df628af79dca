"""When an estimate may be trusted, and what its earlier errors say of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.cells import NumericCells
from aimsight.metrics.design_effect import learned_from_errors
from aimsight.metrics.estimates.intervals import NONE, Variance
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from aimsight.metrics.cells import Cells
    from aimsight.metrics.plan import Reference
    from aimsight.metrics.statistics import Statistics
    from aimsight.metrics.values import Measurement

OUT_OF_SUPPORT = 0.1
"""With more rows than this share outside of what the reference knows, there is no estimate."""
FEWEST_ERRORS = 5
"""Fewer earlier errors than this say nothing of how much windows differ."""
RECENT = 12
"""So many of the latest errors make the running bias."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an estimate must know beside the counts: rows whose features the reference has not, and earlier errors."""

    unknown_share: float = 0.0
    unknown_column: str = ""
    past: PastErrors | None = None

    @property
    def why(self) -> str:
        """What is unknown, in words."""
        return f"{self.unknown_share:.0%} of the rows have values of {self.unknown_column} that the reference has not"

    def widened(self, parts: list[Variance]) -> list[Variance]:
        """The parts of an error's variance, and what earlier errors add to them."""
        if self.past is None:
            return parts
        return [*parts, self.past.beyond(sum(part.value for part in parts))]


def not_trusted(why: str, n: int) -> Undefined:
    """No estimate: it would rest on a guess. Insufficient evidence, never a failure of the monitoring."""
    return Undefined(f"not to be trusted: {why}", n, Cause.TOO_FEW)


def spread_out(reach: float) -> Variance:
    """Variance of a value that may lie anywhere within ``reach``, evenly."""
    return Variance(reach * reach / 12)


def excess(errors: Sequence[tuple[float, float]]) -> Variance:
    """Variance that errors have beyond the one expected of each, given as (error, variance expected by chance).

    So it holds what windows differ by, and bias. Windows in which chance is large do not show whether there is any: the
    posterior of the design effect keeps what may be there (``aimsight.metrics.design_effect``), and the variance given
    is that of the normal law with the same 95 % interval.
    """
    known = [(error, variance) for error, variance in errors if variance > 0]
    if len(known) < FEWEST_ERRORS:
        return NONE
    found, variances = (np.array(part) for part in zip(*known, strict=True))
    effect = learned_from_errors(found / np.sqrt(variances))
    typical = variances.size / float((1 / variances).sum())
    return Variance(effect.deviation(typical * effect.excess) ** 2)


@dataclass(frozen=True, slots=True)
class PastErrors:
    """Errors of earlier estimates of the same series, estimate minus realised value, oldest first."""

    errors: tuple[float, ...]

    @property
    def recent(self) -> tuple[float, ...]:
        """The latest ones."""
        return self.errors[-RECENT:]

    @property
    def bias(self) -> float:
        """Mean of the latest errors: above 0 when estimates are too high."""
        return float(np.mean(self.recent)) if self.recent else 0.0

    def beyond(self, promised: float) -> Variance:
        """What an interval of this variance lacks to be as wide as the latest errors were large, bias included."""
        if len(self.recent) < FEWEST_ERRORS:
            return NONE
        lacking = float(np.mean(np.square(self.recent))) - promised
        return Variance(lacking, len(self.recent)) if lacking > 0 else NONE


def unknown_features(statistics: Statistics, reference: Reference) -> tuple[float, str]:
    """Largest share of rows, over features, with values that the reference has none of; and that feature.

    Such are missing, non-finite or unseen values where the reference has none, and numbers beyond its outermost cells.
    """
    worst, which = 0.0, ""
    for column in reference.columns:
        counted = statistics.columns.get(column.name)
        known = reference.statistics.columns.get(column.name)
        if column.role != "feature" or counted is None or known is None or counted.counts.shape != known.counts.shape:
            continue
        total = int(counted.counts.sum())
        unknown = int(counted.counts[~_support(column.cells, known.counts)].sum())
        if total and unknown / total > worst:
            worst, which = unknown / total, column.name
    return worst, which


def _support(cells: Cells, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The positions that the reference has rows of; a number between two that it has is no news."""
    known: NDArray[np.bool_] = counts > 0
    occupied = np.flatnonzero(known[: cells.size])
    if isinstance(cells, NumericCells) and occupied.size:
        known[occupied[0] : occupied[-1] + 1] = True
    return known


JOINT = ("drift.domain_classifier_auc", "drift.reconstruction_error_change")
"""Metrics of the drift of all features at once, by which estimates are doubted where they are measured."""
DOUBT = 0.01


def doubted(measurements: list[Measurement]) -> list[Measurement]:
    """The same measurements, estimates noted as doubtful where all features together have drifted.

    A calibration holds for rows like the reference's: a score may mean something else in a new combination of features,
    which no score shows.
    """
    drifted = [
        one.metric
        for one in measurements
        if one.metric.partition("(")[0] in JOINT and isinstance(one.result, Value) and (one.result.p_value or 1) < DOUBT
    ]
    if not drifted:
        return measurements
    note = f"the features have drifted together ({', '.join(drifted)}): trust it less"
    return [
        replace(one, detail="; ".join(filter(None, [one.detail, note]))) if one.estimated else one
        for one in measurements
    ]

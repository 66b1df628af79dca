"""How much more than by chance the windows of one objective differ by nature: its design effect."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.design_effect import INDEPENDENT, DesignEffect, learned
from aimsight.metrics.inputs import Baseline

if TYPE_CHECKING:
    from aimsight.aims.planning.judging import Judging
    from aimsight.aims.planning.population import Population
    from aimsight.metrics.statistics import Statistics

DRAWS = 100
"""Windows of independent rows from which the variance of a metric by chance is known."""


def effect_of(judging: Judging, base: Population, seed: int, *, missing: bool) -> DesignEffect:
    """The design effect of an objective's metric.

    A distance from the reference has that of its column's shares (or of its cumulative shares, or of its missing
    share). Any other metric is computed in each of the reference's own windows, and these values are compared with what
    independent rows of the reference would give.
    """
    if judging.unit.kind == "distribution":
        return _of_column(judging, missing=missing)
    found = [(value, rows) for value, rows in _own_windows(judging, base) if rows > 1]
    if len(found) < 2:
        return INDEPENDENT
    values, rows = (np.array(column, dtype=np.float64) for column in zip(*found, strict=True))
    typical = float(rows.mean())
    random = np.random.default_rng(seed)
    drawn = [
        judging.value(base.statistics(counts)) for counts in random.multinomial(round(typical), base.shares, size=DRAWS)
    ]
    usable = np.array([one for one in drawn if one is not None])
    chance = float(usable.var(ddof=1)) if usable.size > 1 else 0.0
    if chance <= 0:
        return INDEPENDENT
    centre = float(rows @ values) / float(rows.sum())
    residuals = (values - centre) * np.sqrt(rows / (typical * chance))
    return learned(residuals[:, None], 0.5, typical)


def _of_column(judging: Judging, *, missing: bool) -> DesignEffect:
    base = Baseline(judging.reference).column(judging.objective.column_name)
    if base is None:
        return INDEPENDENT
    if missing:
        return base.effects.missing
    return base.curve.gap if judging.unit.needs.column_kinds == frozenset({"numeric"}) else base.effects.groups


def _own_windows(judging: Judging, base: Population) -> list[tuple[float, int]]:
    """The metric's value and rows in each of the reference's own windows where it has one."""
    kept = base.statistics(base.expected(max(base.rows, 1)))
    out = []
    for window in judging.reference.windows:
        part = _restricted(window, kept)
        value = judging.value(part) if part.quality.rows else None
        rows = part.quality.rows if part.columns else sum(one.rows for one in part.segments.values())
        if value is not None:
            out.append((value, rows))
    return out


def _restricted(window: Statistics, kept: Statistics) -> Statistics:
    """The parts of a window that the metric is computed from: measuring the others would only take time."""
    return replace(
        window,
        columns={name: counts for name, counts in window.columns.items() if name in kept.columns},
        segments={segment: part for segment, part in window.segments.items() if segment in kept.segments},
    )

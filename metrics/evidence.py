"""Evidence: how likely a drift as large as the one seen would be if nothing had changed.

A distance says how large a difference is; a p-value says whether a difference this large would appear anyway, at the
actual numbers of rows of reference and window. No draws are made: moments and tails are in closed form, so the same
counts always give the same p-value, in microseconds.

Real windows are not independent draws: weekdays, seasons and campaigns make their counts vary more than multinomial
ones. By how much is the design effect (``aimsight.metrics.design_effect``), which divides what was seen. It is no part
of the intervals of distances: these say how far the rows of the window lie from those of the reference, whatever made
them lie there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.design_effect import INDEPENDENT, DesignEffect, inflated_shape, learned, typical_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

RARE = 1.0
"""A group whose expected rows on the smaller side are below this is rare: no chi-square tail describes it."""


def effect_of_shares(windows: Counts) -> DesignEffect:
    """Design effect of shares from the counts of the reference's own windows in time order, shape (windows, groups).

    Their residuals are Pearson's. Groups with fewer than one row a window on average are put together. Fewer than two
    windows or groups: ``INDEPENDENT``.
    """
    counts = windows[windows.sum(axis=1) > 0].astype(np.float64)
    if counts.shape[0] < 2:
        return INDEPENDENT
    common = counts.mean(axis=0) >= RARE
    counts = np.column_stack([counts[:, common], counts[:, ~common].sum(axis=1)])
    counts = counts[:, counts.sum(axis=0) > 0]
    freedom = counts.shape[1] - 1
    if freedom < 1:
        return INDEPENDENT
    rows = counts.sum(axis=1)
    expected = np.outer(rows, counts.sum(axis=0) / rows.sum())
    residuals = (counts - expected) / np.sqrt(expected * freedom)
    return learned(residuals, freedom / 2, typical_rows(rows))


def change_p_value(
    reference: Counts, window: Counts, effect: DesignEffect = INDEPENDENT, alone: Sequence[int] = ()
) -> float:
    """Evidence against equal distributions of two rows of group counts, in (0, 1].

    Pearson's chi-square of the two-row table over its **permutation distribution**: exact mean and variance (Dawson
    1954, Lewis et al. 1984), Gamma tail. That keeps the promised rate where groups expect only a few rows. Groups that
    expect less than one row on the smaller side are put together; when even together they do, and for the groups in
    ``alone`` (missing, non-finite, unseen: a single one can be news), the tail is the exact conditional binomial one.
    Several parts: the smallest p times their number (Bonferroni). ``effect`` divides what was seen.
    """
    n, m = int(reference.sum()), int(window.sum())
    pooled = reference + window
    occupied = pooled > 0
    if n == 0 or m == 0 or int(occupied.sum()) < 2:
        return 1.0
    inflation = effect.inflation(n, m)
    share = m / (n + m)
    rare = occupied & (pooled * min(share, 1 - share) < RARE)
    tails = [_rare_tail(int(window[g]), int(pooled[g]), share, inflation) for g in alone if rare[g]]
    together = rare.copy()
    together[list(alone)] = False
    common = occupied & ~rare
    x, y = reference[common], window[common]
    if together.any():
        seen, total = int(window[together].sum()), int(pooled[together].sum())
        if total * min(share, 1 - share) < RARE:
            tails.append(_rare_tail(seen, total, share, inflation))
        else:
            x, y = np.append(x, total - seen), np.append(y, seen)
    if x.size > 1 and x.any() and y.any():
        tails.append(_permutation_tail(x.astype(np.float64), y.astype(np.float64), inflation))
    parts = [effect.average(tail) for tail in tails]
    return min(1.0, max(min(parts) * len(parts), 1e-300)) if parts else 1.0


def _permutation_tail(x: Floats, y: Floats, inflation: Floats) -> Floats:
    from scipy.special import gammaincc

    n, m, column = float(x.sum()), float(y.sum()), x + y
    total, k = n + m, x.size
    statistic = float((np.square(x * m - y * n) / column).sum()) / (n * m)
    mean = total * (k - 1) / (total - 1)
    shape = mean * mean / _permutation_variance(n, m, column)
    inflated = inflated_shape(shape, inflation)
    tail: Floats = gammaincc(inflated, inflated * statistic / (mean * inflation))
    return tail


def _permutation_variance(n: float, m: float, column: Floats) -> float:
    """Variance of Pearson's chi-square of a 2 x k table over all tables with its margins (Lewis et al. 1984)."""
    total, k = n + m, column.size
    if total <= 3:
        return 2.0 * (k - 1)
    v1, v2 = (total - 2) / (total - 1), (k - 1) * (total - k) / (total - 1)
    w1 = (total * (1 / n + 1 / m) - 4) / (total - 2)
    w2 = (total * float((1 / column).sum()) - k * k) / (total - 2)
    exact = 2 * total / (total - 3) * (v1 - w1) * (v2 - w2) + total * total / (total - 1) * w1 * w2
    return max(exact, 1e-12)


def _rare_tail(seen: int, total: int, share: float, inflation: Floats) -> Floats:
    """Two-sided tail of ``seen`` of ``total`` rare rows in the window, given the window's share of all rows."""
    from scipy.special import betainc

    x, t = seen / inflation, total / inflation
    upper = np.where(seen > 0, betainc(np.maximum(x, 1e-12), t - x + 1, share), 1.0)
    lower = np.where(seen < total, betainc(np.maximum(t - x, 1e-12), x + 1, 1 - share), 1.0)
    tail: Floats = np.minimum(1.0, 2 * np.minimum(upper, lower))
    return tail


def q_values(p_values: Sequence[float], *, dependent: bool = False) -> list[float]:
    """Adjusted p-values in the given order: the false discovery rate that finds each.

    Benjamini and Hochberg (1995), which also holds for tests that depend on each other positively; ``dependent``: as
    adjusted by Benjamini and Yekutieli (2001), which holds whatever the dependence, at a price of about ln(tests).
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.size == 0:
        return []
    ranks = np.arange(1, p.size + 1)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / ranks * (float((1 / ranks).sum()) if dependent else 1.0)
    adjusted = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    out = np.empty_like(p)
    out[order] = adjusted
    return [float(q) for q in out]

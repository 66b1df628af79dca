"""Fairness of scores: how well they rank within groups, and whether they mean the same in every group."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.catalogue.fairness import of_groups
from aimsight.metrics.catalogue.scores import SCORED, sums, unit
from aimsight.metrics.comparisons import (
    FEW,
    LARGEST_GAP,
    POOL,
    Family,
    Groups,
    Ratio,
    compared,
    too_few,
)
from aimsight.metrics.intervals import Z, auc, auc_error_bound, auc_interval, normal_quantile
from aimsight.metrics.losses import brier_losses, class_losses, gap_of
from aimsight.metrics.reliability import scores_of
from aimsight.metrics.simultaneous import Comparisons, Estimates, Floats, largest_magnitude, with_correlated
from aimsight.metrics.statistics import SCORE_CELLS, ScoreCounts, SegmentStatistics
from aimsight.metrics.values import Interval, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from aimsight.metrics.losses import Gap
    from aimsight.metrics.values import Result

BAROCAS = "Barocas, Hardt and Narayanan, Fairness and Machine Learning (2023), ch. 3: calibration by group"
BORKAN = "Borkan et al., Nuanced metrics for measuring unintended bias (2019): subgroup AUC"
ONE_CLASS = "fewer than two groups with scored rows of both labels"
BINS = 10
"""Score bins of equal width that calibration within a group is judged by."""


def _ranked(counts: ScoreCounts) -> int:
    """Rows of the rarer of both labels."""
    return min(counts.ups, counts.downs)


def ranked(s: SegmentStatistics) -> int:
    """Scored rows of the rarer label; in a multiclass model of the class where these are most."""
    return max((_ranked(counts) for counts in (s.scores or {}).values()), default=0)


def _auc_families(groups: Groups) -> tuple[list[Family], float]:
    """The AUC of every group, one family a class, and how far those from score cells may be off."""
    whole = groups.whole()
    if whole is None or whole.scores is None:
        return [], 0.0
    families, bound = [], 0.0
    for label, of_all in whole.scores.items():
        known = {
            name: part.scores[label]
            for name, part in groups.parts.items()
            if part.scores is not None and label in part.scores and _ranked(part.scores[label])
        }
        bound = max([bound, *(auc_error_bound(counts) for counts in known.values())])
        families.append(_auc_family(known, of_all, frozenset(groups.pooled), label))
    return families, bound


def _auc_family(known: dict[str, ScoreCounts], of_all: ScoreCounts, pooled: frozenset[str], label: str) -> Family:
    found = [auc(counts) for counts in known.values()]
    rows = np.array([float(ups + downs) for _, _, ups, downs in found])
    estimates = _aucs(found)

    def overall() -> Comparisons | None:
        if not found or not _ranked(of_all):
            return None
        correlation = [0.0 if name in pooled else _correlation(counts, of_all) for name, counts in known.items()]
        return with_correlated(estimates, _aucs([auc(of_all)] * len(found)), np.array(correlation))

    return Family(tuple(known), estimates, rows, overall, label)


def _aucs(found: list[tuple[float, float, int, int]]) -> Estimates:
    """AUCs with the bounds of ``auc_interval`` at any level."""

    def bounds(z: float) -> tuple[Floats, Floats]:
        around = [auc_interval(*one, z) for one in found]
        return np.array([one.low for one in around]), np.array([one.high for one in around])

    return Estimates(np.array([one[0] for one in found]), bounds, "AUC")


def _correlation(part: ScoreCounts, whole: ScoreCounts) -> float:
    """Correlation of the AUC of a group with that of all rows, from what each row contributes to either."""
    if part.exact != whole.exact:
        part, whole = part.cells(), whole.cells()
    places = np.searchsorted(whole.positions, part.positions)
    covariance = own = total = 0.0
    for mine, others, all_mine, all_others in (
        (part.positives, part.negatives, whole.positives, whole.negatives),
        (part.negatives, part.positives, whole.negatives, whole.positives),
    ):
        here, there = _contributions(mine, others), _contributions(all_mine, all_others)
        covariance += float(np.dot(mine, here * there[places]))
        own += float(np.dot(mine, here * here))
        total += float(np.dot(all_mine, there * there))
    return min(max(covariance / math.sqrt(own * total), 0.0), 1.0) if own > 0 and total > 0 else 0.0


def _contributions(mine: NDArray[np.int64], others: NDArray[np.int64]) -> Floats:
    """What a row at each position adds to the error of an AUC: its share of won pairs, less the mean, by its class."""
    below = (np.cumsum(others) - others / 2) / others.sum()
    return np.asarray((below - np.dot(mine, below) / mine.sum()) / mine.sum(), dtype=np.float64)


def _compared_aucs(groups: Groups, against: str, ratio: Ratio) -> Result:
    families, bound = _auc_families(groups)
    never = "no positive is ranked above a negative in any group"
    result = compared(groups, families, against, ratio=ratio, never=never)
    if not isinstance(result, Value) or bound == 0:
        return result
    if not ratio:
        return replace(result, error_bound=min(2 * bound, 1.0))
    smallest = min(float(family.estimates.values.min()) for family in families if family.names)
    return replace(result, error_bound=min(2 * bound / (smallest - bound), 1.0) if smallest > bound else 1.0)


@of_groups(
    id="fairness.auc_difference",
    version=2,
    unit="share",
    direction="lower",
    undefined_when=(FEW, ONE_CLASS),
    source=BORKAN,
    needs=SCORED,
    rests_on=ranked,
    core=False,
)
def auc_difference(groups: Groups, *, against: str = LARGEST_GAP, pool: int = 1) -> Result:
    """Largest gap between groups in the ROC AUC within the group.

    ``max_g AUC(g) - min_g AUC(g)``. 0: scores rank as well in every group; 1: perfectly in one, perfectly wrong in
    another. Multiclass: every class against the rest, and the most extreme of them. ``against`` says what a group is
    compared with; by default every group with every other. Interval: DeLong on the logit scale (Newcombe's method 5
    for rare classes) for every group, MOVER for every comparison, lower ends at the Šidák level of all of them.
    """
    return _compared_aucs(groups.over(pool), against, "")


@of_groups(
    id="fairness.auc_ratio",
    version=2,
    unit="ratio",
    direction="one",
    undefined_when=(FEW, ONE_CLASS, "no positive is ranked above a negative in any group"),
    source=BORKAN,
    needs=SCORED,
    rests_on=ranked,
    core=False,
)
def auc_ratio(groups: Groups, *, against: str = LARGEST_GAP, pool: int = 1) -> Result:
    """Smallest ratio between groups of the ROC AUC within the group: the smaller over the larger.

    ``min_g AUC(g) / max_g AUC(g)``. 1: scores rank as well in every group. Multiclass: every class against the rest,
    and the most extreme of them. ``against`` says what a group is compared with; by default every group with every
    other. Interval: DeLong on the logit scale (Newcombe's method 5 for rare classes) for every group, MOVER-R for
    every comparison, upper ends at the Šidák level of all of them.
    """
    return _compared_aucs(groups.over(pool), against, "folded")


def scored(s: SegmentStatistics) -> int:
    """Labelled rows with a valid score; none below two, which have no spread."""
    return s.score_sums.n if s.score_sums is not None and s.score_sums.n > 1 else 0


of_calibration = functools.partial(
    of_groups,
    unit="probability",
    direction="lower",
    undefined_when=("fewer than two groups with enough labelled and scored rows",),
    source=BAROCAS,
    needs=SCORED,
    rests_on=scored,
    parameters=(POOL,),
)
"""Declares how far scores are from labels within groups."""


@of_calibration(id="fairness.calibration_gap", version=4)
def calibration_gap(groups: Groups, *, pool: int = 1) -> Result:
    """Largest distance, over groups, between mean label and mean score.

    ``max_g |mean(y | g) - mean(s | g)|``; multiclass: over groups and classes, each against the rest. 0: in every group
    as many positives as the scores promise. Which group it is, and in which direction, stands beside it, and in
    ``performance.calibration_gap`` by segment. Interval: for every group (and class) that of
    ``performance.calibration_gap``, which allows for labels of a rare class that were not seen, the lower end at the
    Šidák level of all of them.
    """
    judged = groups.over(pool)
    counted = {name: part for name, part in judged.parts.items() if scored(part)}
    if len(counted) < 2:
        return too_few(judged)
    found = [(name, *one) for name, part in counted.items() for one in _gaps(part)]
    if not found:
        return too_few(judged)
    names, labels, gaps, exact = zip(*found, strict=True)
    values = np.array([gap.value for gap in gaps])
    centres, variances, n = np.array([(gap.centre, gap.variance, gap.rows) for gap in gaps]).T
    worst = int(np.abs(values).argmax())
    value = abs(float(values[worst]))
    interval = largest_magnitude(centres, np.sqrt(variances / n), n - 1.0).holding(value).within(0.0, 1.0)
    of_class = f" for class {labels[worst]}" if labels[worst] else ""
    note = f"largest in {names[worst]}{of_class} (label - score: {values[worst]:+.4g})"
    rows = sum(part.score_sums.n for part in counted.values() if part.score_sums is not None)
    return Value(value, rows, interval, 0.0 if all(exact) else 0.5 / SCORE_CELLS, detail=note)


def _gaps(part: SegmentStatistics) -> Iterator[tuple[str, Gap, bool]]:
    """Of every class its name (none of a binary model), the gap of label and score, and whether scores are exact."""
    if part.classes is None and (found := sums(part)) is not None:
        yield "", gap_of(unit(found.gap), brier_losses(part, found)), True
        return
    for label, counts in (part.scores or {}).items():
        if counts.rows > 1:
            total = counts.ups - float((counts.positives + counts.negatives) @ scores_of(counts))
            yield label, gap_of(total, class_losses(counts)), counts.exact


@of_calibration(id="fairness.calibration_within_groups", version=3, core=False)
def calibration_within_groups(groups: Groups, *, pool: int = 1) -> Result:
    """Largest expected calibration error of a group: the mean distance of label and score over ten score bins.

    ``max_g sum_b n_gb / n_g |mean(y | g, b) - mean(s | g, b)|`` with bins of equal width; multiclass: mean over the
    classes, each against the rest (class-wise: Kull et al., Beyond temperature scaling, 2019). 0: every score means the
    same in every group. Chance alone keeps it above 0: with few rows read the interval, whose lower end is 0 then.
    Interval: the error of the bins is at most a sum of folded normal ones, whose mean and spread is added and
    subtracted, at the lower end at the Šidák level of all groups.
    """
    judged = groups.over(pool)
    counted = {
        name: [counts for counts in part.scores.values() if counts.rows]
        for name, part in judged.parts.items()
        if part.scores is not None and scored(part)
    }
    counted = {name: parts for name, parts in counted.items() if parts}
    if len(counted) < 2:
        return too_few(judged)
    z = normal_quantile(len(counted))
    errors = [np.mean([_calibration_error(one, z) for one in parts], axis=0) for parts in counted.values()]
    values, all_at_once, alone = np.array(errors).T
    n = sum(max(one.rows for one in parts) for parts in counted.values())
    worst = int(values.argmax())
    low, high = float(np.maximum(values - all_at_once, 0).max()), min(float((values + alone).max()), 1.0)
    bound = 0.0 if all(one.exact for parts in counted.values() for one in parts) else 0.5 / SCORE_CELLS
    interval = Interval(low, max(high, float(values[worst])), "folded normal, Šidák over groups")
    return Value(float(values[worst]), n, interval, bound, detail=f"largest in {list(counted)[worst]}")


def _calibration_error(counts: ScoreCounts, z: float) -> tuple[float, float, float]:
    """Expected calibration error over the bins, and the half-widths of its interval at ``z`` and on its own."""
    scores = scores_of(counts)
    bins = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    rows = (counts.positives + counts.negatives).astype(np.float64)
    sums_of = (rows, counts.positives.astype(np.float64), rows * scores)
    n, ups, total = (np.bincount(bins, weights=weights, minlength=BINS) for weights in sums_of)
    used = n > 0
    n, ups, mean = n[used], ups[used], total[used] / n[used]
    weight = n / n.sum()
    # one row more on either side: a bin where every label is alike is not certain
    share = (ups + 1) / (n + 2)
    error = weight * np.sqrt(share * (1 - share) / n)
    return float((weight * np.abs(ups / n - mean)).sum()), _folded_sum(error, z), _folded_sum(error, Z)


def _folded_sum(errors: Floats, z: float) -> float:
    """Quantile of the sum of the absolute values of normal variables, skewness allowed for (Cornish and Fisher)."""
    mean = math.sqrt(2 / math.pi)
    spread = math.sqrt((1 - mean**2) * float((errors**2).sum()))
    third = mean * (4 / math.pi - 1) * float((errors**3).sum())
    skewed = z + (z * z - 1) / 6 * third / spread**3
    return mean * float(errors.sum()) + skewed * spread

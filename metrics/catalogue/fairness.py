"""Fairness: how differently a model treats groups, with intervals that hold for all pairs of groups at once.

Groups that are too small, whose group is not recorded or that have no row the rate is about are left out by the caller
(``aimsight.metrics.measure``) and listed with their rows; a gap needs two groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.catalogue.scores import gap_of, sums
from aimsight.metrics.intervals import clipped, largest_difference, largest_magnitude, smallest_ratio
from aimsight.metrics.registry import BINARY, Needs, metric
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from aimsight.metrics.statistics import BinaryCounts, SegmentStatistics
    from aimsight.metrics.values import Result

    Groups = Mapping[str, SegmentStatistics]
    Rate = Callable[[BinaryCounts], tuple[int, int]]
    Counted = tuple[NDArray[np.float64], NDArray[np.float64]]

DECIDED = Needs(prediction=True)
LABELLED = Needs(prediction=True, labels=True)
FEW = "fewer than two groups with enough rows"
HARDT = "Hardt, Price and Srebro, Equality of opportunity in supervised learning (2016)"
EEOC = "Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D (1978): the four-fifths rule"
CALDERS = "Calders and Verwer, Three naive Bayes approaches for discrimination-free classification (2010)"


def selected(c: BinaryCounts) -> tuple[int, int]:
    """Positive decisions, of all decisions."""
    return c.selected, c.predicted


def found(c: BinaryCounts) -> tuple[int, int]:
    """Positives that were found, of all labelled positives."""
    return c.true_positive, c.true_positive + c.false_negative


def wronged(c: BinaryCounts) -> tuple[int, int]:
    """Negatives that were selected, of all labelled negatives."""
    return c.false_positive, c.false_positive + c.true_negative


def _counted(groups: Groups, rate: Rate) -> Counted | Undefined:
    pairs = [rate(s.binary) for s in groups.values() if s.binary is not None and rate(s.binary)[1] > 0]
    if len(pairs) < 2:
        return Undefined(FEW, sum(s.rows for s in groups.values()), Cause.TOO_FEW)
    counts = np.array(pairs, dtype=np.float64)
    return counts[:, 0], counts[:, 1]


def _difference(groups: Groups, *rates: Rate) -> Result:
    """Largest gap over groups, over all the rates, with its simultaneous interval."""
    families: list[Counted] = []
    for rate in rates:
        counted = _counted(groups, rate)
        if isinstance(counted, Undefined):
            return counted
        families.append(counted)
    value = max(float(np.ptp(x / n)) for x, n in families)
    return Value(value, int(sum(n.sum() for _, n in families)), largest_difference(families))


def _ratio(groups: Groups, rate: Rate, never: str) -> Result:
    counted = _counted(groups, rate)
    if isinstance(counted, Undefined):
        return counted
    x, n = counted
    share = x / n
    if share.max() == 0:
        return Undefined(never, int(n.sum()), Cause.TOO_FEW)
    return Value(float(share.min() / share.max()), int(n.sum()), smallest_ratio(x, n))


def _rows(rate: Rate) -> Callable[[SegmentStatistics], int]:
    return lambda s: rate(s.binary)[1] if s.binary is not None else 0


@metric(
    id="fairness.demographic_parity_difference",
    version=1,
    tasks=BINARY,
    kind="groups",
    unit="share",
    bounds=(0.0, 1.0),
    direction="lower",
    undefined_when=(FEW,),
    source=CALDERS,
    needs=DECIDED,
    rests_on=_rows(selected),
)
def demographic_parity_difference(groups: Groups) -> Result:
    """Largest gap between groups in the share of positive decisions.

    ``max_g P(decision = 1 | g) - min_g P(decision = 1 | g)``. 0: all groups are selected alike; 1: one group always,
    another never. Interval: Newcombe for every pair of groups at the Šidák level of all pairs.
    """
    return _difference(groups, selected)


@metric(
    id="fairness.demographic_parity_ratio",
    version=1,
    tasks=BINARY,
    kind="groups",
    unit="ratio",
    bounds=(0.0, 1.0),
    direction="one",
    undefined_when=(FEW, "no group was ever selected"),
    source=EEOC,
    needs=DECIDED,
    rests_on=_rows(selected),
)
def demographic_parity_ratio(groups: Groups) -> Result:
    """Smallest share of positive decisions of a group, over the largest (disparate impact).

    ``min_g P(decision = 1 | g) / max_g P(decision = 1 | g)``. 1: all groups are selected alike; below 0.8: the
    four-fifths rule speaks of adverse impact; 0: a group is never selected. Interval: MOVER-R for every pair of
    groups at the Šidák level; none where a group's share cannot be told from 0.
    """
    return _ratio(groups, selected, "no group was ever selected")


@metric(
    id="fairness.equal_opportunity_difference",
    version=1,
    tasks=BINARY,
    kind="groups",
    unit="share",
    bounds=(0.0, 1.0),
    direction="lower",
    undefined_when=(FEW, "fewer than two groups with positive labels"),
    source=HARDT,
    needs=LABELLED,
    rests_on=_rows(found),
)
def equal_opportunity_difference(groups: Groups) -> Result:
    """Largest gap between groups in recall (true positive rate).

    ``max_g P(decision = 1 | y = 1, g) - min_g P(decision = 1 | y = 1, g)``. 0: positives are found alike in all
    groups; 1: always in one, never in another. Interval: Newcombe for every pair of groups at the Šidák level.
    """
    return _difference(groups, found)


@metric(
    id="fairness.equal_opportunity_ratio",
    version=1,
    tasks=BINARY,
    kind="groups",
    unit="ratio",
    bounds=(0.0, 1.0),
    direction="one",
    undefined_when=(FEW, "fewer than two groups with positive labels", "no positive was found in any group"),
    source=HARDT,
    needs=LABELLED,
    rests_on=_rows(found),
)
def equal_opportunity_ratio(groups: Groups) -> Result:
    """Smallest recall (true positive rate) of a group, over the largest.

    ``min_g P(decision = 1 | y = 1, g) / max_g P(decision = 1 | y = 1, g)``. 1: positives are found alike in all groups;
    0: never in one of them. Interval: MOVER-R for every pair of groups at the Šidák level; none where a group's rate
    cannot be told from 0.
    """
    return _ratio(groups, found, "no positive was found in any group")


def _smaller_class(s: SegmentStatistics) -> int:
    return min(found(s.binary)[1], wronged(s.binary)[1]) if s.binary is not None else 0


@metric(
    id="fairness.equalized_odds_difference",
    version=1,
    tasks=BINARY,
    kind="groups",
    unit="share",
    bounds=(0.0, 1.0),
    direction="lower",
    undefined_when=(FEW, "fewer than two groups with both positive and negative labels"),
    source=HARDT,
    needs=LABELLED,
    rests_on=_smaller_class,
)
def equalized_odds_difference(groups: Groups) -> Result:
    """Larger of the largest gaps between groups in true and in false positive rate.

    ``max(TPR gap, FPR gap)``, each max - min over the groups that have labels of both classes. 0: right and wrong
    decisions are spread alike; 1: one group always, another never. Interval: Newcombe for every pair of groups and
    both rates at the Šidák level of all of them.
    """
    both = {name: s for name, s in groups.items() if _smaller_class(s) > 0}
    return _difference(both, found, wronged)


def _scored(s: SegmentStatistics) -> int:
    return s.score_sums.n if s.score_sums is not None else 0


@metric(
    id="fairness.calibration_gap",
    version=1,
    tasks=BINARY,
    kind="groups",
    unit="probability",
    bounds=(0.0, 1.0),
    direction="lower",
    undefined_when=("fewer than two groups with enough labelled and scored rows",),
    source="Barocas, Hardt and Narayanan, Fairness and Machine Learning (2023), ch. 3: calibration by group",
    needs=Needs(score=True, labels=True),
    rests_on=_scored,
)
def calibration_gap(groups: Groups) -> Result:
    """Largest distance, over groups, between mean label and mean score.

    ``max_g |mean(y | g) - mean(s | g)|``. 0: in every group as many positives as the scores promise. Which group it
    is, and in which direction, stands in ``performance.calibration_gap`` by segment. Interval: Student for every
    group at the Šidák level of all groups.
    """
    counted = [c for c in (sums(s) for s in groups.values()) if c is not None]
    n = sum(c.n for c in counted)
    if len(counted) < 2:
        return Undefined(FEW, n, Cause.TOO_FEW)
    gaps, variances = (np.array(column) for column in zip(*(gap_of(c) for c in counted), strict=True))
    numbers = np.array([c.n for c in counted])
    value = float(np.abs(gaps).max())
    if numbers.min() < 2:
        return Value(value, n)
    around = largest_magnitude(gaps, np.sqrt(variances / numbers), [int(k) - 1 for k in numbers])
    return Value(value, n, clipped(around, 0.0, 1.0))

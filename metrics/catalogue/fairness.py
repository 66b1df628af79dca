"""Fairness of decisions: how differently a model treats groups, for every rate of its confusion matrix.

One table names the rates; each gives a largest difference and a smallest ratio over groups. What is common to all
comparisons of groups is in ``aimsight.metrics.comparisons``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.comparisons import (
    AGAINST,
    FEW,
    LARGEST_GAP,
    POOL,
    Family,
    Groups,
    Ratio,
    compared,
    families_of_shares,
)
from aimsight.metrics.registry import CLASSIFICATION, Needs, metric
from aimsight.metrics.statistics import BinaryCounts, SegmentStatistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.metrics.values import Result

    Count = tuple[int, int]
    """Rows of a kind, of all rows that the rate is about."""

DECIDED = Needs(prediction=True)
LABELLED = Needs(prediction=True, labels=True)
HARDT = "Hardt, Price and Srebro, Equality of opportunity in supervised learning (2016)"
EEOC = "Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D (1978): the four-fifths rule"
CALDERS = "Calders and Verwer, Three naive Bayes approaches for discrimination-free classification (2010)"
CHOULDECHOVA = "Chouldechova, Fair prediction with disparate impact (2017)"
BERK = "Berk, Heidari, Jabbari, Kearns and Roth, Fairness in criminal justice risk assessments (2021)"
SALEIRO = "Saleiro et al., Aequitas: a bias and fairness audit toolkit (2018)"

of_groups = functools.partial(
    metric, tasks=CLASSIFICATION, kind="groups", bounds=(0.0, 1.0), parameters=(AGAINST, POOL)
)
"""Declares a comparison of groups, of a classification model if it says no other."""
FOUR_FIFTHS = 0.8


def one_against_rest(s: SegmentStatistics) -> tuple[BinaryCounts, ...]:
    """The decisions of a binary model, or those about each class of a multiclass one."""
    if s.binary is not None:
        return (s.binary,)
    if s.classes is None:
        return ()
    matrix, predicted = s.classes.matrix, s.classes.predicted
    hits, of_label, of_decision = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    total, decided = int(matrix.sum()), int(predicted.sum())
    return tuple(
        BinaryCounts(decided, chosen, tp, decision - tp, label - tp, total - label - decision + tp)
        for tp, label, decision, chosen in zip(
            *(x.tolist() for x in (hits, of_label, of_decision, predicted)), strict=True
        )
    )


def right(s: SegmentStatistics) -> list[Count]:
    """Right decisions, of all decisions about labelled rows."""
    if s.classes is not None:
        return [(int(np.trace(s.classes.matrix)), int(s.classes.matrix.sum()))]
    if s.binary is None:
        return []
    c = s.binary
    hits = c.true_positive + c.true_negative
    return [(hits, hits + c.false_positive + c.false_negative)]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of decisions that groups are compared by.

    Parameters
    ----------
    id
        First part of the names of its metrics.
    words, formula
        What it is, in words and in symbols.
    about
        The rows that it is a share of, in words.
    counts
        The rate of a segment: one pair of counts, or one a class.
    never
        What it means when it is 0 in every group.
    source
        Where the criterion is from.
    needs
        What it needs.
    core
        Whether difference and ratio are measured unless others are asked for.
    """

    id: str
    words: str
    formula: str
    about: str
    counts: Callable[[SegmentStatistics], list[Count]]
    never: str
    source: str
    needs: Needs = LABELLED
    core: tuple[bool, bool] = (False, False)

    def rows(self, s: SegmentStatistics) -> int:
        """Rows of a segment that the rate rests on: of the class with most of them."""
        return max((n for _, n in self.counts(s)), default=0)


def per_class(count: Callable[[BinaryCounts], Count]) -> Callable[[SegmentStatistics], list[Count]]:
    """The counts of a binary model, or of every class against the rest."""
    return lambda s: [count(c) for c in one_against_rest(s)]


SELECTED = per_class(lambda c: (c.selected, c.predicted))
FOUND = per_class(lambda c: (c.true_positive, c.true_positive + c.false_negative))
MISSED = per_class(lambda c: (c.false_negative, c.true_positive + c.false_negative))
WRONGED = per_class(lambda c: (c.false_positive, c.false_positive + c.true_negative))
CONFIRMED = per_class(lambda c: (c.true_positive, c.true_positive + c.false_positive))
REFUTED = per_class(lambda c: (c.false_positive, c.true_positive + c.false_positive))
OMITTED = per_class(lambda c: (c.false_negative, c.false_negative + c.true_negative))

RATES = (
    Rate(
        "demographic_parity",
        "the share of positive decisions (selection rate)",
        "P(decision = 1 | g)",
        "decisions",
        SELECTED,
        "no group was ever selected",
        CALDERS,
        DECIDED,
        core=(True, True),
    ),
    Rate(
        "equal_opportunity",
        "recall (true positive rate)",
        "P(decision = 1 | y = 1, g)",
        "positive labels",
        FOUND,
        "no positive was found in any group",
        HARDT,
        core=(True, True),
    ),
    Rate(
        "predictive_equality",
        "the false positive rate",
        "P(decision = 1 | y = 0, g)",
        "negative labels",
        WRONGED,
        "no group has a false positive",
        CHOULDECHOVA,
        core=(True, False),
    ),
    Rate(
        "predictive_parity",
        "precision",
        "P(y = 1 | decision = 1, g)",
        "labelled positive decisions",
        CONFIRMED,
        "no positive decision was right in any group",
        CHOULDECHOVA,
        core=(True, False),
    ),
    Rate(
        "false_discovery_rate",
        "the share of positive decisions that are wrong (FDR)",
        "P(y = 0 | decision = 1, g)",
        "labelled positive decisions",
        REFUTED,
        "no positive decision was wrong in any group",
        SALEIRO,
    ),
    Rate(
        "false_omission_rate",
        "the share of negative decisions that are wrong (FOR)",
        "P(y = 1 | decision = 0, g)",
        "labelled negative decisions",
        OMITTED,
        "no negative decision was wrong in any group",
        SALEIRO,
    ),
    Rate(
        "false_negative_rate",
        "the share of positives that were missed (FNR)",
        "P(decision = 0 | y = 1, g)",
        "positive labels",
        MISSED,
        "no positive was missed in any group",
        SALEIRO,
    ),
    Rate(
        "accuracy",
        "accuracy (the share of right decisions)",
        "P(decision = y | g)",
        "labelled decisions",
        right,
        "no decision was right in any group",
        BERK,
        core=(True, False),
    ),
)
"""The rates that groups are compared by, each with a difference and a ratio."""

MULTICLASS = "Multiclass: every class against the rest, and the most extreme of them."
AGAINST_DOC = "``against`` says what a group is compared with; by default every group with every other."


def families(groups: Groups, *rates: Rate) -> list[Family]:
    """The shares of the rates (and classes) in the groups that all of these rates are about."""
    return families_of_shares(groups, *(rate.counts for rate in rates))


def _difference(rate: Rate) -> None:
    per = "" if rate.counts is right else f" {MULTICLASS}"

    def difference(groups: Groups, *, against: str = LARGEST_GAP, pool: int = 1) -> Result:
        judged = groups.over(pool)
        return compared(judged, families(judged, rate), against)

    difference.__doc__ = f"""Largest gap between groups in {rate.words}.

    ``max_g {rate.formula} - min_g {rate.formula}``.{per} 0: alike in all groups; 1: always in one group, never in
    another. {AGAINST_DOC} Interval: Newcombe for every comparison, lower ends at the Šidák level of all of them.
    """
    of_groups(
        id=f"fairness.{rate.id}_difference",
        version=2,
        unit="share",
        direction="lower",
        undefined_when=(FEW, f"fewer than two groups with {rate.about}"),
        source=rate.source,
        needs=rate.needs,
        rests_on=rate.rows,
        core=rate.core[0],
    )(difference)


def _ratio(rate: Rate) -> None:
    per = "" if rate.counts is right else f" {MULTICLASS}"
    limit = FOUR_FIFTHS if rate.needs is DECIDED else None

    def ratio(groups: Groups, *, against: str = LARGEST_GAP, pool: int = 1) -> Result:
        judged = groups.over(pool)
        return compared(judged, families(judged, rate), against, ratio="folded", never=rate.never, limit=limit)

    fifths = " Below 0.8 the four-fifths rule speaks of adverse impact: the detail says so." if limit else ""
    ratio.__doc__ = f"""Smallest ratio between groups of {rate.words}: the smaller over the larger.

    ``min_g {rate.formula} / max_g {rate.formula}``.{per} 1: alike in all groups; 0: never in one of them.{fifths}
    {AGAINST_DOC} Interval: MOVER-R for every comparison, upper ends at the Šidák level of all of them.
    """
    of_groups(
        id=f"fairness.{rate.id}_ratio",
        version=2,
        unit="ratio",
        direction="one",
        undefined_when=(FEW, f"fewer than two groups with {rate.about}", rate.never),
        source=EEOC if limit else rate.source,
        needs=rate.needs,
        rests_on=rate.rows,
        core=rate.core[1],
    )(ratio)


for _rate in RATES:
    _difference(_rate)
    _ratio(_rate)

_BY_ID = {rate.id: rate for rate in RATES}
ODDS = (_BY_ID["equal_opportunity"], _BY_ID["predictive_equality"])
FEW_OF_BOTH = "fewer than two groups with both positive and negative labels"


def smaller_class(s: SegmentStatistics) -> int:
    """Rows of the rarer of both labels; in a multiclass model of the class where these are most."""
    return max((min(a, b) for (_, a), (_, b) in zip(FOUND(s), WRONGED(s), strict=True)), default=0)


@of_groups(
    id="fairness.equalized_odds_difference",
    version=2,
    unit="share",
    direction="lower",
    undefined_when=(FEW, FEW_OF_BOTH),
    source=HARDT,
    needs=LABELLED,
    rests_on=smaller_class,
)
def equalized_odds_difference(groups: Groups, *, against: str = LARGEST_GAP, pool: int = 1) -> Result:
    """Larger of the largest gaps between groups in true and in false positive rate.

    ``max(TPR gap, FPR gap)``, each max - min over the groups that have labels of both classes. Multiclass: every class
    against the rest, and the most extreme of them. 0: right and wrong decisions are spread alike; 1: always in one
    group, never in another. ``against`` says what a group is compared with; by default every group with every other.
    Interval: Newcombe for every comparison of both rates, lower ends at the Šidák level of all of them.
    """
    judged = groups.over(pool)
    return compared(judged, families(judged, *ODDS), against)


@of_groups(
    id="fairness.equalized_odds_ratio",
    version=2,
    unit="ratio",
    direction="one",
    undefined_when=(FEW, FEW_OF_BOTH, "no decision was positive in any group"),
    source=HARDT,
    needs=LABELLED,
    rests_on=smaller_class,
    core=False,
)
def equalized_odds_ratio(groups: Groups, *, against: str = LARGEST_GAP, pool: int = 1) -> Result:
    """Smaller of the smallest ratios between groups of true and of false positive rate.

    ``min(TPR ratio, FPR ratio)``, each min / max over the groups that have labels of both classes; a rate that is 0 in
    both groups has no ratio. Multiclass: every class against the rest, and the most extreme of them. 1: right and
    wrong decisions are spread alike; 0: never in one of the groups. ``against`` says what a group is compared with; by
    default every group with every other. Interval: MOVER-R for every comparison of both rates, upper ends at the Šidák
    level of all of them.
    """
    judged = groups.over(pool)
    never = "no decision was positive in any group"
    return compared(judged, families(judged, *ODDS), against, ratio="folded", never=never)


@of_groups(
    id="fairness.disparate_impact",
    version=2,
    unit="ratio",
    bounds=(0.0, None),
    direction="one",
    undefined_when=(FEW, "the share of positive decisions that the others are divided by cannot be told from 0"),
    source=EEOC,
    needs=DECIDED,
    rests_on=_BY_ID["demographic_parity"].rows,
    core=False,
)
def disparate_impact(groups: Groups, *, against: str = LARGEST_GAP, pool: int = 1) -> Result:
    """Smallest share of positive decisions of a group, over that of the group it is compared with.

    ``min_g P(decision = 1 | g) / P(decision = 1 | reference)``. The reference is the group with the largest share
    (``against=largest_gap``; then this is the demographic parity ratio), or the group, or all rows, that ``against``
    names: the ratio then keeps its direction and may exceed 1. 1: all are selected alike; below 0.8: the four-fifths
    rule speaks of adverse impact, and the detail says so; 0: a group is never selected. Multiclass: every class
    against the rest, and the smallest of them. Interval: MOVER-R for every comparison, upper ends at the Šidák
    level of all of them; undefined where the denominator's lower bound is 0.
    """
    judged = groups.over(pool)
    rate = _BY_ID["demographic_parity"]
    ratio: Ratio = "folded" if against == LARGEST_GAP else "plain"
    never = "the share that the others are divided by cannot be told from 0"
    return compared(judged, families(judged, rate), against, ratio=ratio, never=never, limit=FOUR_FIFTHS)

"""Performance of scores as a ranking: precision over all thresholds, separation of the classes, the top of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.configs.parameters import Parameter
from aimsight.metrics.catalogue.scores import NO_SCORE, ONE_CLASS, no_scores, of_scores, one_sided, roc_auc
from aimsight.metrics.intervals import clopper_pearson, effective_rows, share_like
from aimsight.metrics.ranked import average_precision as precision_of
from aimsight.metrics.ranked import average_precision_interval, separation, top
from aimsight.metrics.registry import CLASSIFICATION
from aimsight.metrics.values import Cause, Interval, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.ranked import Top
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Result

K = Parameter("k", "float", 0.1, 0.0001, 1.0, "share of rows with the highest scores")


@of_scores(
    id="performance.average_precision",
    version=2,
    tasks=CLASSIFICATION,
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=(NO_SCORE, ONE_CLASS),
    source="Boyd, Eng and Page, Area under the precision-recall curve: point estimates and intervals, ECML (2013)",
)
def average_precision(s: SegmentStatistics) -> Result:
    """Mean over the positives of the precision at their score (area under the precision-recall curve, step-wise).

    ``sum over thresholds of (rise of recall) * precision``, tied scores being one threshold. 1: every positive before
    every negative; the share of positives: no better than chance. Interval: Student on the logit scale with the
    variance of the influence function; Clopper and Pearson's over the positives when fewer than 3 are missed. From
    score cells the error bound says how far the order within cells could move it. Multiclass: unweighted mean over the
    classes that occur, each against the rest; its standard error is at most the mean of theirs, which is what the
    interval takes.
    """
    several = s.scores is not None and list(s.scores) != [""]
    trouble = None if several else one_sided(s)
    if trouble is not None or s.scores is None:
        return trouble or no_scores(s)
    n = max(c.rows for c in s.scores.values())
    usable = [c for c in s.scores.values() if c.ups and c.downs]
    if not usable:
        return Undefined("one class only among the labels", n, Cause.TOO_FEW) if n else no_scores(s)
    found = [precision_of(c) for c in usable]
    value = min(sum(one.value for one in found) / len(found), 1.0)
    bound = sum(one.error_bound for one in found) / len(found)
    if not several:
        interval = average_precision_interval(value, found[0].variance, usable[0].ups)
    else:
        error = sum(one.variance**0.5 for one in found) / len(found)
        interval = share_like(value, error * error, n, "influence, Wilson")
    return Value(value, n, interval, error_bound=bound)


@of_scores(
    id="performance.gini",
    version=1,
    tasks=CLASSIFICATION,
    unit="share",
    bounds=(-1.0, 1.0),
    direction="higher",
    undefined_when=(NO_SCORE, ONE_CLASS),
    source="Hand and Till, A simple generalisation of the area under the ROC curve, Machine Learning 45 (2001)",
    core=False,
)
def gini(s: SegmentStatistics) -> Result:
    """Gini coefficient of the ranking (accuracy ratio, Somers' D): ``2 AUC - 1``.

    1: perfect ranking; 0: no better than chance; -1: perfectly wrong. Interval: that of the AUC.
    """
    found = roc_auc(s)
    if isinstance(found, Undefined):
        return found
    interval = found.interval and found.interval.carried(lambda auc: 2 * auc - 1)
    return Value(2 * found.value - 1, found.n, interval, error_bound=2 * found.error_bound)


@of_scores(
    id="performance.score_ks",
    version=1,
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=(NO_SCORE, ONE_CLASS),
    source="Siddiqi, Credit Risk Scorecards (2006), ch. 6; Newcombe, Statistics in Medicine 17 (1998)",
    core=False,
)
def score_ks(s: SegmentStatistics) -> Result:
    """Largest distance between the cumulative scores of positives and negatives (Kolmogorov-Smirnov, Youden's J).

    ``max over t of P(s >= t | y = 1) - P(s >= t | y = 0)``. 1: a threshold tells the classes apart; 0: no threshold is
    of any use. Interval: Newcombe's of both shares at the best threshold, from 0 unless the Kolmogorov-Smirnov test
    rejects "no skill", because the largest of many distances is above 0 by chance.
    """
    trouble = one_sided(s)
    if trouble is not None or s.scores is None:
        return trouble or no_scores(s)
    found = separation(s.scores[""])
    n = found.positives + found.negatives
    return Value(found.value, n, found.interval, error_bound=found.error_bound)


@of_scores(
    id="performance.precision_at",
    version=2,
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=(NO_SCORE, "the share of rows is less than one row"),
    source="Manning, Raghavan and Schütze, Introduction to Information Retrieval (2008), ch. 8",
    parameters=(K,),
    core=False,
)
def precision_at(s: SegmentStatistics, *, k: float = 0.1) -> Result:
    """Share of positives among the share ``k`` of rows with the highest scores.

    Rows tied at the threshold count in proportion. 1: all of them are positive; 0: none is. Interval: Clopper and
    Pearson's, since the top is few rows, with the effective number of rows that the variance stands for, the estimated
    threshold included.
    """
    found = _top(s, k)
    if isinstance(found, Undefined):
        return found
    value = found.positives / found.rows
    interval = _exact(value, found.precision_variance, found.rows)
    return Value(value, found.all_rows, interval, error_bound=found.error_bound / found.rows)


@of_scores(
    id="performance.recall_at",
    version=2,
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=(NO_SCORE, "no positive labels", "the share of rows is less than one row"),
    source="Manning, Raghavan and Schütze, Introduction to Information Retrieval (2008), ch. 8",
    parameters=(K,),
    core=False,
)
def recall_at(s: SegmentStatistics, *, k: float = 0.1) -> Result:
    """Share of all positives that are among the share ``k`` of rows with the highest scores (capture rate).

    Rows tied at the threshold count in proportion. 1: all positives are there; ``k``: no better than chance. Interval:
    Clopper and Pearson's with the effective number of positives that the variance stands for.
    """
    found = _top(s, k)
    if isinstance(found, Undefined):
        return found
    if found.all_positives == 0:
        return Undefined("one class: no positive labels", found.all_rows, Cause.TOO_FEW)
    value = found.positives / found.all_positives
    interval = _exact(value, found.recall_variance, found.all_positives)
    return Value(value, found.all_rows, interval, error_bound=found.error_bound / found.all_positives)


@of_scores(
    id="performance.lift",
    version=2,
    unit="ratio",
    bounds=(0.0, None),
    direction="higher",
    undefined_when=(NO_SCORE, "no positive labels", "the share of rows is less than one row"),
    source="Piatetsky-Shapiro and Masand, Estimating campaign benefits and modeling lift, KDD (1999)",
    parameters=(K,),
    core=False,
)
def lift(s: SegmentStatistics, *, k: float = 0.1) -> Result:
    """How many times more positives there are among the share ``k`` with the highest scores than among all rows.

    ``precision_at(k) / share of positives = recall_at(k) / k``. 1: no better than chance; ``1 / k``: all positives are
    at the top; 0: none is. Interval: that of ``recall_at``.
    """
    found = recall_at(s, k=k)
    if isinstance(found, Undefined):
        return found
    interval = found.interval and found.interval.carried(lambda share: share / k)
    return Value(found.value / k, found.n, interval, error_bound=found.error_bound / k)


def _top(s: SegmentStatistics, k: float) -> Top | Undefined:
    counts = (s.scores or {}).get("")
    n = 0 if counts is None else counts.rows
    if counts is None or n == 0:
        return no_scores(s)
    if k * n < 1:
        return Undefined(f"a share of {k:g} of {n} rows is less than one row", n, Cause.TOO_FEW)
    return top(counts, k)


def _exact(value: float, variance: float, n: float) -> Interval:
    effective = effective_rows(value, variance, n)
    return clopper_pearson(value * effective, effective, "Clopper-Pearson, effective n")

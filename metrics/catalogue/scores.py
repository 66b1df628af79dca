"""Performance of scores: how well probabilities rank, how large their losses are, and whether they hold on average."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

from aimsight.metrics.intervals import auc, auc_error_bound, auc_interval, mean, share_like
from aimsight.metrics.losses import brier_losses, gap_of, log_losses
from aimsight.metrics.registry import BINARY, CLASSIFICATION, Needs, metric
from aimsight.metrics.statistics import UNIT_BITS
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.statistics import ScoreCounts, ScoreSums, SegmentStatistics
    from aimsight.metrics.values import Result

NO_SCORE, ONE_CLASS = "no row has both a label and a valid score", "one class only among them"
SCORED = Needs(labels=True, score=True)
of_scores = functools.partial(metric, tasks=BINARY, kind="segment", needs=SCORED, per_class=True)
"""Declares a metric of scores and labels, of a binary model or one class of a multiclass one if it says no other."""


def no_scores(s: SegmentStatistics) -> Undefined:
    """Why there is not a single row with both a label and a valid score."""
    if s.rows == 0:
        return Undefined("no rows")
    if s.labelled == 0:
        return Undefined(f"no labels: 0 of {s.rows} rows are labelled", s.rows, Cause.TOO_FEW)
    return Undefined("no labelled row has a valid score", s.rows)


def one_sided(s: SegmentStatistics) -> Undefined | None:
    """Why the scores of a binary model cannot be compared between the classes, if so."""
    counts = (s.scores or {}).get("")
    n = 0 if counts is None else counts.rows
    if counts is None or n == 0:
        return no_scores(s)
    if counts.ups and counts.downs:
        return None
    which = "positive" if counts.downs else "negative"
    return Undefined(f"one class: no {which} labels", n, Cause.TOO_FEW)


def sums(s: SegmentStatistics) -> ScoreSums | None:
    """The sums over labelled rows with a valid score, when there is at least one."""
    return s.score_sums if s.score_sums is not None and s.score_sums.n > 0 else None


def unit(fixed: int) -> float:
    """A fixed-point sum of quantities in [-1, 1] as a number."""
    return float(fixed / 2**UNIT_BITS)


@of_scores(
    id="performance.roc_auc",
    version=1,
    tasks=CLASSIFICATION,
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=(
        NO_SCORE,
        ONE_CLASS,
        "no class has both rows of it and rows of others (multiclass)",
    ),
    source="Hanley and McNeil (1982); DeLong, DeLong and Clarke-Pearson (1988); Newcombe (2006)",
)
def roc_auc(s: SegmentStatistics) -> Result:
    """Probability that a positive row has a higher score than a negative one, ties counting half.

    ``(sum over pairs of [s+ > s-] + [s+ = s-] / 2) / (P N)``. 1: perfect ranking; 0.5: no better than chance; 0:
    perfectly wrong. From the scores themselves, or from score cells, where rows of one cell count as ties and the
    error bound is half the share of pairs that meet in a cell. Interval: DeLong on the logit scale; Newcombe's method
    5 when a class has fewer than 10 rows, or fewer than 3 of them are, on balance, ranked against the rule.
    Multiclass: unweighted mean over the classes that occur of the AUC of one class against the rest; its standard
    error is at most the mean of theirs, which is what the interval takes.
    """
    if not s.scores or not any(c.rows for c in s.scores.values()):
        return no_scores(s)
    if list(s.scores) == [""]:
        return _binary_auc(s, s.scores[""])
    usable = [c for c in s.scores.values() if c.ups and c.downs]
    n = max(c.rows for c in s.scores.values())
    if not usable:
        return Undefined("one class only among the labels", n, Cause.TOO_FEW)
    results = [(*auc(c), auc_error_bound(c)) for c in usable]
    value = sum(r[0] for r in results) / len(results)
    error = sum(math.sqrt(r[1]) for r in results) / len(results)
    interval = share_like(value, error * error, n, "DeLong, Wilson")
    return Value(value, n, interval, error_bound=sum(r[4] for r in results) / len(results))


def _binary_auc(s: SegmentStatistics, counts: ScoreCounts) -> Result:
    trouble = one_sided(s)
    if trouble is not None:
        return trouble
    value, variance, ups, downs = auc(counts)
    return Value(value, ups + downs, auc_interval(value, variance, ups, downs), error_bound=auc_error_bound(counts))


@of_scores(
    id="performance.log_loss",
    version=2,
    tasks=CLASSIFICATION,
    unit="nats",
    bounds=(0.0, None),
    direction="lower",
    undefined_when=(NO_SCORE,),
    source="Good, Rational decisions, J. Royal Statistical Society B 14 (1952)",
    per_class=False,
)
def log_loss(s: SegmentStatistics) -> Result:
    """Mean of ``-ln(probability given to the label)``, probabilities clipped to [2**-52, 1 - 2**-52].

    0: certain and right, every time; ln 2 = 0.693: a coin; unbounded above (36.04 for certain and wrong). Interval:
    skewed as losses are (a Gamma law), with two rows of unknown label beside those that were seen.
    """
    c = sums(s)
    if c is None:
        return no_scores(s)
    found = log_losses(s, c)
    return Value(found.mean, c.n, found.interval().holding(found.mean))


@of_scores(
    id="performance.brier",
    version=2,
    tasks=CLASSIFICATION,
    unit="squared probability",
    bounds=(0.0, None),
    direction="lower",
    undefined_when=(NO_SCORE,),
    source="Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78 (1950)",
    per_class=False,
)
def brier(s: SegmentStatistics) -> Result:
    """Mean squared distance of probabilities from what came true.

    Binary: mean of ``(s - y)**2``, in [0, 1]; multiclass: mean of the sum over classes of ``(s_c - y_c)**2``, in [0,
    2] where the probabilities of a row add up to 1. 0: certain and right, every time; 0.25 (binary): always one half.
    Interval: as that of ``performance.log_loss``.
    """
    c = sums(s)
    if c is None:
        return no_scores(s)
    found = brier_losses(s, c)
    most = math.inf if s.classes is not None else 1.0
    return Value(found.mean, c.n, found.interval().holding(found.mean).within(0.0, most))


@of_scores(
    id="performance.calibration_gap",
    version=2,
    unit="probability",
    bounds=(-1.0, 1.0),
    direction="zero",
    undefined_when=(NO_SCORE,),
    source="Cox, Two further applications of a model for binary regression, Biometrika 45 (1958)",
    per_class=False,
)
def calibration_gap(s: SegmentStatistics) -> Result:
    """Mean label minus mean score: calibration in the large.

    ``mean(y) - mean(s)``. 0: as many positives as the scores promise; above 0: the scores are too low; below 0: too
    high. Interval: Student, with the variance of ``y - s`` (its squares are the Brier sum) and two rows of unknown
    label beside those that were seen.
    """
    c = sums(s)
    if c is None:
        return no_scores(s)
    gap = gap_of(unit(c.gap), brier_losses(s, c))
    around = mean(gap.centre, gap.variance, round(gap.rows))
    return Value(gap.value, c.n, around and around.holding(gap.value).within(-1.0, 1.0))

"""Performance of scores as probabilities: how far they are from what came true, and how to put them right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from aimsight.configs.parameters import Parameter
from aimsight.metrics.catalogue.scores import NO_SCORE, ONE_CLASS, no_scores, of_scores, one_sided
from aimsight.metrics.intervals import Z, wilson
from aimsight.metrics.registry import CLASSIFICATION
from aimsight.metrics.reliability import Bins, of_absolute, of_squares, recalibration
from aimsight.metrics.values import Cause, Interval, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.statistics import ScoreCounts, SegmentStatistics
    from aimsight.metrics.values import Result

Binning = Literal["width", "mass"]
MURPHY = "Murphy, A new vector partition of the probability score, J. Applied Meteorology 12 (1973)"
COX = "Cox (1958); Van Calster et al., Calibration: the Achilles heel of predictive analytics, BMC Medicine 17 (2019)"
BINS = (
    Parameter("bins", "int", 10, 2, 100, "bins of scores"),
    Parameter("binning", "word", "width", doc="bins of equal width, or of equal mass", choices=("width", "mass")),
)


@of_scores(
    id="performance.ece",
    version=2,
    tasks=CLASSIFICATION,
    unit="probability",
    bounds=(0.0, 1.0),
    direction="lower",
    undefined_when=(NO_SCORE,),
    source="Naeini, Cooper and Hauskrecht, AAAI (2015); class-wise: Kull et al., Beyond temperature scaling (2019)",
    parameters=BINS,
)
def ece(s: SegmentStatistics, *, bins: int = 10, binning: Binning = "width") -> Result:
    """Expected calibration error: mean distance of the scores of a bin from the share of positives in it.

    ``sum_b (n_b / n) |share of positives_b - mean score_b|``; multiclass: mean over the classes, each against the rest.
    0: as many positives in every bin as the scores promise; 0.5: as good as random ones. Few rows make it positive by
    chance: the interval is of all sums of gaps proportional to the observed ones that would show the observed sum, and
    reaches 0 exactly when chance explains it.
    """
    found = [c for c in (s.scores or {}).values() if c.rows]
    if not found:
        return no_scores(s)
    n = max(c.rows for c in found)
    parts = [Bins.of(c, bins, binning) for c in found]
    values = [float(one.weights @ abs(one.gaps)) for one in parts]
    around = [of_absolute(one.gaps, one.variances(one.score), one.rows) for one in parts]
    interval = Interval(
        sum(one.low for one in around) / len(parts), sum(one.high for one in around) / len(parts), around[0].method
    )
    value = min(sum(values) / len(parts), 1.0)
    bound = sum(one.gap_bound for one in parts) / len(parts)
    return Value(value, n, interval.holding(value).within(0.0, 1.0), error_bound=bound)


@of_scores(
    id="performance.brier_reliability",
    version=2,
    unit="squared probability",
    bounds=(0.0, 1.0),
    direction="lower",
    undefined_when=(NO_SCORE,),
    source=MURPHY,
    parameters=BINS,
    core=False,
)
def brier_reliability(s: SegmentStatistics, *, bins: int = 10, binning: Binning = "width") -> Result:
    """The part of the Brier score that recalibration would remove.

    ``sum_b (n_b / n) (share of positives_b - mean score_b)**2``; Brier = reliability - resolution + uncertainty, up to
    the spread of scores within bins. 0: as many positives in every bin as the scores promise; 1: always certain and
    wrong. Interval: of all gaps proportional to the observed ones that would show the observed sum.
    """
    counts = _counts(s)
    if isinstance(counts, Undefined):
        return counts
    found = Bins.of(counts, bins, binning)
    value = float(found.weights @ found.gaps**2)
    interval = of_squares(found.gaps, found.variances(found.score), found.rows)
    bound = min(2 * found.gap_bound, 1.0)
    return Value(value, counts.rows, interval.holding(value).within(0.0, 1.0), error_bound=bound)


@of_scores(
    id="performance.brier_resolution",
    version=2,
    unit="squared probability",
    bounds=(0.0, 0.25),
    direction="higher",
    undefined_when=(NO_SCORE,),
    source=MURPHY,
    parameters=BINS,
    core=False,
)
def brier_resolution(s: SegmentStatistics, *, bins: int = 10, binning: Binning = "width") -> Result:
    """The part of the Brier score that the scores win by telling rows apart.

    ``sum_b (n_b / n) (share of positives_b - share of positives)**2``. 0: every bin has the same share of positives;
    the uncertainty (at most 0.25): bins tell the classes apart. Interval: of all differences proportional to the
    observed ones that would show the observed sum.
    """
    counts = _counts(s)
    if isinstance(counts, Undefined):
        return counts
    found = Bins.of(counts, bins, binning)
    prevalence = float(found.weights @ found.share)
    differences = found.share - prevalence
    expected = (prevalence * found.rows.sum() + 0.5) / (found.rows.sum() + 1)
    value = float(found.weights @ differences**2)
    interval = of_squares(differences, found.variances(np.full_like(differences, expected)), found.rows)
    bound = min(2 * found.moved, 0.25)
    return Value(value, counts.rows, interval.holding(value).within(0.0, 0.25), error_bound=bound)


@of_scores(
    id="performance.brier_uncertainty",
    version=1,
    unit="squared probability",
    bounds=(0.0, 0.25),
    direction="none",
    undefined_when=(NO_SCORE,),
    source=MURPHY,
    core=False,
)
def brier_uncertainty(s: SegmentStatistics) -> Result:
    """The Brier score of always predicting the share of positives p: ``p (1 - p)``.

    0: all labels are equal; 0.25: half of them are positive. A plain fact about the labels that tells how hard they
    are to predict. Interval: Wilson's of p, carried over.
    """
    counts = _counts(s)
    if isinstance(counts, Undefined):
        return counts
    n, positives = counts.rows, counts.ups
    share = wilson(positives, n)
    ends = [p * (1 - p) for p in (share.low, share.high)]
    high = 0.25 if share.low <= 0.5 <= share.high else max(ends)
    value = positives * (n - positives) / n**2
    return Value(value, n, Interval(min(ends), high, "Wilson, carried over").holding(value))


@of_scores(
    id="performance.calibration_slope",
    version=3,
    unit="slope",
    bounds=(None, None),
    direction="one",
    undefined_when=(NO_SCORE, ONE_CLASS, "a threshold tells the classes apart"),
    source=COX,
    core=False,
)
def calibration_slope(s: SegmentStatistics) -> Result:
    """Slope b of the logistic regression of the labels on the logit of the scores: ``logit P(y = 1) = a + b logit(s)``.

    1: scores spread as they should; below 1: they are too extreme; above 1: too timid; 0: they say nothing. Scores
    within 0.0005 of 0 or 1 are taken to be at that distance. Interval: Wald, from the observed information.
    """
    return _recalibrated(s, slope=True)


@of_scores(
    id="performance.calibration_intercept",
    version=2,
    unit="log odds",
    bounds=(None, None),
    direction="zero",
    undefined_when=(NO_SCORE, ONE_CLASS),
    source=COX,
    core=False,
)
def calibration_intercept(s: SegmentStatistics) -> Result:
    """What has to be added to the logit of every score to make them right on average.

    The a of the logistic regression ``logit P(y = 1) = a + logit(s)``. 0: right on average; above 0: scores are too
    low; below 0: too high. Scores within 0.0005 of 0 or 1 are taken to be at that distance. Interval: Wald, with the
    Huber-White error where it is larger, because the true slope need not be 1.
    """
    return _recalibrated(s, slope=False)


def _recalibrated(s: SegmentStatistics, *, slope: bool) -> Result:
    trouble = one_sided(s)
    counts = (s.scores or {}).get("")
    if trouble is not None or counts is None:
        return trouble or no_scores(s)
    n = counts.rows
    found = recalibration(counts, slope=slope)
    if found is None:
        return Undefined("the scores tell the classes apart, or do not differ: no finite slope", n, Cause.TOO_FEW)
    value, reach = found.value, Z * found.error
    return Value(value, n, Interval(value - reach, value + reach, "Wald"), error_bound=found.bound)


def _counts(s: SegmentStatistics) -> ScoreCounts | Undefined:
    counts = (s.scores or {}).get("")
    return counts if counts is not None and counts.rows else no_scores(s)

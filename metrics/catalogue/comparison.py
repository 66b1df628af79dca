"""Performance against something: against the reference, and against a model that knows nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from aimsight.configs.errors import InvalidTextError
from aimsight.configs.parameters import Parameter
from aimsight.metrics.catalogue.decisions import balanced_accuracy
from aimsight.metrics.catalogue.errors import r2, small_sample
from aimsight.metrics.catalogue.ranking import gini
from aimsight.metrics.catalogue.scores import brier, log_loss, no_scores, one_sided, sums
from aimsight.metrics.confusion import occurring, whole
from aimsight.metrics.intervals import holding, mover_difference, positive, skewed
from aimsight.metrics.losses import brier_losses, log_losses
from aimsight.metrics.registry import ALL_TASKS, Needs, find, measured_by, metric
from aimsight.metrics.reliability import HALF_CELL, scores_of
from aimsight.metrics.values import Cause, Interval, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from aimsight.configs.parameters import Argument
    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.frames import FramePair
    from aimsight.metrics.losses import Losses
    from aimsight.metrics.registry import Direction, Kind, Metric
    from aimsight.metrics.statistics import ErrorSums, ScoreSums, SegmentStatistics
    from aimsight.metrics.values import Result

    Floats = NDArray[np.float64]

FEWEST_OF_A_CLASS = 5
"""With fewer labels of a class than this it is not known how large the losses of a dummy are."""
ZOU = "Zou and Donner, Construction of confidence limits about effect measures, Statistics in Medicine 27 (2008)"


def _as_the_other(made: Metric, _arguments: Mapping[str, Argument]) -> Metric:
    """What the metric that changes decides about its change."""
    inner = measured_by(made)
    if inner.direction == "none":
        raise InvalidTextError(f"no direction of {inner.id} is better, so its change cannot be judged")
    low, high = inner.bounds
    width = None if low is None or high is None else high - low
    return replace(
        made,
        version=made.version + inner.version - 1,
        tasks=inner.tasks,
        unit=inner.unit,
        bounds=(None if width is None else -width, width),
        needs=replace(inner.needs, reference=True),
        arguments=(("of", inner.text.removeprefix("performance.")),),
    )


@metric(
    id="performance.change",
    version=1,
    tasks=ALL_TASKS,
    kind="change",
    unit="unit of the other metric",
    bounds=(None, None),
    direction="higher",
    undefined_when=("the other metric is undefined in the window or in the reference",),
    source=ZOU,
    needs=Needs(reference=True, labels=True),
    parameters=(Parameter("of", "metric", doc="another performance metric, such as roc_auc or recall(of=high)"),),
    core=False,
    specialise=_as_the_other,
)
def change(now: Value, then: Value, *, of: str) -> Result:
    """How much better another metric is than on the reference's own labelled rows.

    Where higher is better: window minus reference; where lower is better: reference minus window; where a value near 0
    (or 1) is best: by how much the distance from it shrank. 0: as in the reference; above 0: better, so that no
    improvement ever misses a target such as ``>= -0.02``; below 0: worse. Scores of both sides are read by their
    cells. Interval: MOVER from the intervals of both (for a proportion, Newcombe's).
    """
    first, second = (
        _oriented(one, find(f"performance.{of.removeprefix('performance.')}").direction) for one in (now, then)
    )
    value = first.value - second.value
    interval = None
    if first.interval is not None and second.interval is not None:
        a, b, c, d, e, f = (
            np.array([x])
            for x in (
                first.value,
                first.interval.low,
                first.interval.high,
                second.value,
                second.interval.low,
                second.interval.high,
            )
        )
        low, high = mover_difference(a, (b, c), d, (e, f))
        interval = Interval(min(float(low[0]), value), max(float(high[0]), value), "MOVER")
    return Value(value, now.n, interval, error_bound=now.error_bound + then.error_bound)


def _oriented(found: Value, direction: Direction) -> Value:
    """The same result turned so that higher is better."""
    if direction == "higher":
        return found
    best = {"zero": 0.0, "one": 1.0}.get(direction)
    around = found.interval
    if best is None:
        turned = around and Interval(-around.high, -around.low, around.method)
        return replace(found, value=-found.value, interval=turned)
    if around is not None:
        ends = sorted((abs(around.low - best), abs(around.high - best)))
        nearest = 0.0 if around.low <= best <= around.high else ends[0]
        around = Interval(-ends[1], -nearest, around.method)
    return replace(found, value=-abs(found.value - best), interval=around)


Judged = Literal["accuracy", "balanced_accuracy", "precision", "f1", "roc_auc", "log_loss", "brier", "mae", "rmse"]
JUDGED = get_args(Judged)


def _with_the_other(made: Metric, _arguments: Mapping[str, Argument]) -> Metric:
    inner, of = measured_by(made), dict(made.arguments)["of"]
    tasks = inner.tasks - {"multiclass"} if of in ("precision", "f1") else inner.tasks
    kind: Kind = "frame" if of == "mae" else inner.kind
    return replace(made, version=made.version + inner.version - 1, tasks=tasks, kind=kind, needs=inner.needs)


@metric(
    id="performance.skill",
    version=2,
    tasks=ALL_TASKS,
    kind="segment",
    unit="share of the way to perfect",
    bounds=(None, 1.0),
    direction="higher",
    undefined_when=(
        "the other metric is undefined",
        "all labels are equal: nothing can be known better",
        "fewer than 5 labels of a class (log loss and Brier score of a binary model)",
    ),
    source="Murphy, Skill scores based on the mean square error, Monthly Weather Review 116 (1988)",
    needs=Needs(labels=True),
    parameters=(Parameter("of", "word", doc="the metric that is compared", choices=JUDGED),),
    core=False,
    specialise=_with_the_other,
)
def skill(*found: SegmentStatistics | ErrorSums | float | FramePair | ModelConfig, of: Judged) -> Result:
    """How far a model has come from a dummy, which knows the labels' shares or mean only, to being perfect.

    ``(value - dummy) / (perfect - dummy)``. The dummy of ``accuracy`` predicts the most frequent class; that of
    ``balanced_accuracy`` and ``roc_auc`` guesses; that of ``precision`` selects at random; that of ``f1`` selects all;
    that of ``log_loss`` and ``brier`` gives every row the shares of the classes as probability; that of ``rmse``
    predicts the mean label; that of ``mae`` the median label, which sums do not tell: it is measured on the rows, at
    most 20,000 of them. All of them know the window's own labels. 1: perfect; 0: no better than the dummy; below 0:
    worse. Interval: bootstrap of counts (accuracy, precision, F1), the other metric's own (balanced accuracy,
    AUC, RMSE), or of the ratio of both losses: by the delta method (MAE), or as that of ``performance.log_loss``.
    """
    return _SKILLS[of](*found)


def _of_mae(pair: FramePair, model: ModelConfig) -> Result:
    """``1 - mean |error| / mean |label - median label|``, over the labelled rows."""
    frame, name = pair.window, model.log.prediction
    if frame.labels is None or name is None:
        return Undefined("no labels" if frame.labels is None else "no prediction", frame.rows)
    label, predicted = frame.labels.astype(np.float64), frame.columns[name].astype(np.float64)
    there = np.isfinite(label) & np.isfinite(predicted)
    n = int(there.sum())
    if n == 0:
        return Undefined(
            f"no labels: 0 of {frame.rows} rows have one and a valid prediction", frame.rows, Cause.TOO_FEW
        )
    order = np.lexsort((predicted[there], label[there]))  # so that sums do not depend on the order of rows
    label, predicted = label[there][order], predicted[there][order]
    with np.errstate(over="ignore", invalid="ignore"):
        errors, distances = np.abs(predicted - label), np.abs(label - np.median(label))
        ratio, dummy = float(errors.sum() / distances.sum()) if distances.any() else 0.0, float(distances.mean())
        spread = float((errors - ratio * distances).std()) / dummy if dummy else 0.0
    if dummy == 0:
        return Undefined("all labels are equal" if n > 1 else "a single label", n, Cause.TOO_FEW)
    if not math.isfinite(ratio + dummy + spread):
        return Undefined("labels or predictions are too large", n)
    detail = f"on a sample of {frame.total:,} rows" if frame.rows < frame.total else ""
    around = positive(ratio, small_sample(n) * spread / math.sqrt(n - 1), n, "delta, log")
    interval = around and holding(Interval(1 - around.high, 1 - around.low, around.method), 1 - ratio)
    return Value(1 - ratio, n, interval, detail=detail)


def _of_rmse(c: ErrorSums, size: float) -> Result:
    """``1 - sqrt(1 - R2)``, which rises with R2."""
    explained = r2(c, size)
    if isinstance(explained, Undefined):
        return explained
    value, *ends = (
        1 - math.sqrt(max(1 - x, 0.0))
        for x in (explained.value, *((explained.interval.low, explained.interval.high) if explained.interval else ()))
    )
    interval = Interval(ends[0], ends[1], "delta, log") if ends else None
    return Value(value, explained.n, interval)


def _of_accuracy(s: SegmentStatistics) -> Result:
    matrix = occurring(s)
    # the dummy keeps to its class: were it chosen anew in each draw, equally frequent classes would bias the interval
    frequent = int(matrix.sum(axis=1).argmax()) if matrix.size else 0

    def statistic(shares: Floats) -> Floats:
        total, right = shares.sum(axis=(-2, -1)), np.trace(shares, axis1=-2, axis2=-1)
        guessed = shares[..., frequent, :].sum(axis=-1)
        result: Floats = (right - guessed) / (total - guessed)
        return result

    return whole(s, statistic, _one_label)


def _of_precision(s: SegmentStatistics) -> Result:
    def statistic(shares: Floats) -> Floats:
        total, positives = shares.sum(axis=(-2, -1)), shares[..., 1, :].sum(axis=-1)
        prevalence = positives / total
        precision = shares[..., 1, 1] / shares[..., :, 1].sum(axis=-1)
        result: Floats = (precision - prevalence) / (1 - prevalence)
        return result

    def undefined(matrix: Floats) -> str:
        return _one_label(matrix) or ("" if matrix[:, 1].sum() else "nothing was predicted positive")

    return whole(s, statistic, undefined)


def _of_f1(s: SegmentStatistics) -> Result:
    def statistic(shares: Floats) -> Floats:
        positives = shares[..., 1, :].sum(axis=-1) / shares.sum(axis=(-2, -1))
        value = 2 * shares[..., 1, 1] / (shares[..., 1, :].sum(axis=-1) + shares[..., :, 1].sum(axis=-1))
        dummy = 2 * positives / (1 + positives)
        result: Floats = (value - dummy) / (1 - dummy)
        return result

    return whole(s, statistic, _one_label)


def _one_label(matrix: Floats) -> str:
    return "all labels are of one class" if (matrix.sum(axis=1) > 0).sum() < 2 else ""


def _of_balanced_accuracy(s: SegmentStatistics) -> Result:
    found = balanced_accuracy(s)
    if isinstance(found, Undefined) or found.interval is None:
        return found
    classes = 2 if s.classes is None else int((s.classes.matrix.sum(axis=1) > 0).sum())
    value, low, high = (
        (x * classes - 1) / (classes - 1) for x in (found.value, found.interval.low, found.interval.high)
    )
    return Value(value, found.n, Interval(low, high, found.interval.method))


def _of_log_loss(s: SegmentStatistics) -> Result:
    if s.classes is not None:
        return _of_classes(s, log_loss(s), lambda share: -float(share @ np.log(share)))

    def entropy(p: float) -> tuple[float, float]:
        return -p * math.log(p) - (1 - p) * math.log(1 - p), math.log((1 - p) / p)

    return _of_losses(s, log_losses, entropy, lambda score: -np.log(np.clip(score, HALF_CELL, 1.0)))


def _of_brier(s: SegmentStatistics) -> Result:
    if s.classes is not None:
        return _of_classes(s, brier(s), lambda share: 1 - float(share @ share))
    return _of_losses(s, brier_losses, lambda p: (p * (1 - p), 1 - 2 * p), lambda score: np.square(1 - score))


def _of_losses(
    s: SegmentStatistics,
    losses_of: Callable[[SegmentStatistics, ScoreSums], Losses],
    dummy: Callable[[float], tuple[float, float]],
    of_positive: Callable[[Floats], Floats],
) -> Result:
    """``1 - mean loss / dummy's``, of a binary model.

    ``dummy`` gives the loss of always saying the share p of positives, and how it changes with p; ``of_positive`` the
    loss of a positive at a score. The interval is the ratio's, with rows of unknown label beside those that were seen;
    they are positive as often as the others, so that they say nothing about p.
    """
    c = sums(s)
    trouble = no_scores(s) if c is None else one_sided(s)
    if trouble is not None or c is None or s.scores is None:
        return trouble or no_scores(s)
    counts = s.scores[""]
    there, n = counts.ups, c.n
    if min(there, n - there) < FEWEST_OF_A_CLASS:
        few = f"{min(there, n - there)} {'positive' if there < n - there else 'negative'} labels"
        return Undefined(f"{few}, fewer than {FEWEST_OF_A_CLASS}", n, Cause.TOO_FEW)
    found = losses_of(s, c)
    value = 1 - found.mean / dummy(there / n)[0]
    p, rows = (there + 1) / (n + 2), n + found.rows
    mean, variance = found.moments(np.array([1 - p, p]))
    positives = there + found.rows * p
    p = positives / rows
    of_positives = float(counts.positives @ of_positive(scores_of(counts))) + found.rows * p * found.further[0, 1]
    loss, slope = dummy(p)
    ratio = mean / loss
    variance += -2 * ratio * slope * p * (of_positives / positives - mean) + (ratio * slope) ** 2 * p * (1 - p)
    around = skewed(ratio, max(variance, 0.0) / (rows + 1) / loss**2, "delta, skewed, unknown rows")
    return Value(value, n, holding(Interval(1 - around.high, 1 - around.low, around.method), value))


def _of_classes(s: SegmentStatistics, found: Result, dummy_of: Callable[[Floats], float]) -> Result:
    """The skill of a loss of a multiclass model; the shares of the classes are taken as known in its interval."""
    if isinstance(found, Undefined) or s.scores is None:
        return found
    share = np.array([c.ups for c in s.scores.values()]) / found.n
    share = share[share > 0]
    if share.size < 2:
        return Undefined("all labels are of one class", found.n, Cause.TOO_FEW)
    dummy = dummy_of(share)
    around = found.interval
    interval = around and Interval(1 - around.high / dummy, 1 - around.low / dummy, around.method)
    return Value(1 - found.value / dummy, found.n, interval)


_SKILLS: dict[Judged, Callable[..., Result]] = {
    "accuracy": _of_accuracy,
    "balanced_accuracy": _of_balanced_accuracy,
    "precision": _of_precision,
    "f1": _of_f1,
    "roc_auc": gini,
    "log_loss": _of_log_loss,
    "brier": _of_brier,
    "mae": _of_mae,
    "rmse": _of_rmse,
}
"""What is measured, each of what its kind hands over."""

"""Performance against a model that knows nothing but the labels' shares: a dummy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.errors import InvalidTextError
from aimsight.configs.parameters import Parameter
from aimsight.metrics.catalogue.agreement import prices_of
from aimsight.metrics.catalogue.errors import r2, small_sample
from aimsight.metrics.catalogue.scores import brier, log_loss, no_scores, one_sided, sums
from aimsight.metrics.confusion import against_rest, matrix_of, occurring_classes, one_against_rest, whole
from aimsight.metrics.estimates.formulas import DECISIONS
from aimsight.metrics.intervals import positive, skewed
from aimsight.metrics.losses import brier_losses, log_losses
from aimsight.metrics.registry import ALL_TASKS, Needs, find, measured_by, metric
from aimsight.metrics.reliability import HALF_CELL, scores_of
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from aimsight.configs.parameters import Argument
    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.frames import FramePair
    from aimsight.metrics.losses import Losses
    from aimsight.metrics.registry import Kind, Metric
    from aimsight.metrics.statistics import ErrorSums, ScoreSums, SegmentStatistics
    from aimsight.metrics.values import Result

    Floats = NDArray[np.float64]

FEWEST_OF_A_CLASS = 5
"""With fewer labels of a class than this it is not known how large the losses of a dummy are."""


def _with_the_other(made: Metric, _arguments: Mapping[str, Argument]) -> Metric:
    inner = measured_by(made)
    name = inner.id.removeprefix("performance.")
    if name not in SKILLS:
        known = ", ".join(sorted(SKILLS))
        raise InvalidTextError(f"{inner.id} has no dummy to be compared with; these have: {known}")
    kind: Kind = "frame" if name in _ROWS else inner.kind
    return replace(
        made,
        version=made.version + inner.version - 1,
        tasks=inner.tasks,
        kind=kind,
        needs=replace(inner.needs, classes=kind == "segment"),
        arguments=(("of", inner.text.removeprefix("performance.")),),
    )


@metric(
    id="performance.skill",
    version=4,
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
    parameters=(Parameter("of", "metric", doc="the metric that is compared, such as f1 or recall(of=high)"),),
    core=False,
    specialise=_with_the_other,
)
def skill(*found: SegmentStatistics | ErrorSums | float | FramePair | ModelConfig | tuple[str, ...], of: str) -> Result:
    """How far a model has come from a dummy, which knows the labels' shares or mean only, to being perfect.

    ``(value - dummy) / (perfect - dummy)``, whichever way is better. The dummy of ``accuracy``, ``f1``, ``f_beta`` and
    costs gives every row the one class that is best for it (F of several classes: it guesses, if that is better);
    that of other metrics of decisions and of rankings guesses each class as often as it occurs; that of ``log_loss``
    and ``brier`` gives every row the shares of the classes as probability; that of ``rmse``, ``mse`` and ``r2``
    predicts the mean label; that of ``mae``, ``mape`` and ``smape`` the median label, of ``pinball_loss`` the label's
    quantile, and of ``msle`` and ``rmsle`` the mean of the logarithms, which sums do not tell: they are measured on the
    rows, at most 20,000 of them. All of them know the window's own labels. 1: perfect; 0: no better than the dummy;
    below 0: worse. Interval: the other metric's own, carried over (balanced accuracy, MCC, kappa, rankings, RMSE),
    bootstrap of counts (other decisions), or of the ratio of both losses: by the delta method, or as that of
    ``performance.log_loss``.
    """
    unit = find(f"performance.{of.removeprefix('performance.')}")
    return SKILLS[unit.id.removeprefix("performance.")](unit, *found)


# --- decisions -------------------------------------------------------------------------------------------------------


Statistic = Callable[["Floats"], "Floats"]
"""A metric of decisions from matrices [..., label, decision] of shares of rows."""


def _of_decisions(unit: Metric, s: SegmentStatistics, classes: tuple[str, ...] = (), *, best: bool) -> Result:
    """Any metric of decisions against the dummy's matrix; ``best``: always one class, where that is better."""
    part = s if unit.one_class is None else one_against_rest(s, classes, unit.one_class)
    if part is None:
        return Undefined(f'there is no class "{unit.one_class}"', s.rows)
    own = unit.compute(part, classes) if unit.needs.classes else unit.compute(part)
    if isinstance(own, Undefined):
        return own
    value_of, better = _statistic(unit, part, classes), -1.0 if unit.direction == "lower" else 1.0
    counts = matrix_of(part).astype(np.float64)
    if part.classes is not None:
        there = occurring_classes(part.classes.matrix)
        counts = np.ascontiguousarray(counts[np.ix_(there, there)])
    # the dummy keeps to its class: were it chosen anew in each draw, equally good ones would bias the interval
    tried: list[int | None] = [None, *(range(counts.shape[0]) if best else [])]
    values = [better * float(value_of(_dummy(counts / counts.sum(), one))) for one in tried]
    if not np.isfinite(values).any():
        return Undefined("all labels are of one class", own.n, Cause.TOO_FEW)
    chosen = tried[int(np.nanargmax(values))]

    def statistic(shares: Floats) -> Floats:
        dummy, perfect = (value_of(one) for one in (_dummy(shares, chosen), _perfect(shares)))
        result: Floats = (value_of(shares) - dummy) / (perfect - dummy)
        return result

    return whole(part, statistic, lambda matrix: _without_skill(matrix, statistic))


def _without_skill(matrix: Floats, statistic: Statistic) -> str:
    if (matrix.sum(axis=1) > 0).sum() < 2:
        return "all labels are of one class"
    with np.errstate(divide="ignore", invalid="ignore"):
        return "" if np.isfinite(statistic(matrix / matrix.sum())) else "nothing is better than what a dummy does"


def _dummy(shares: Floats, one: int | None) -> Floats:
    """What is decided by a dummy that always says one class, or guesses each as often as it occurs."""
    labels = shares.sum(axis=-1)
    total = labels.sum(axis=-1)[..., None, None]
    if one is None:
        result: Floats = labels[..., :, None] * labels[..., None, :] / total
        return result
    result = np.zeros_like(shares)
    result[..., :, one] = labels
    return result


def _perfect(shares: Floats) -> Floats:
    result = np.zeros_like(shares)
    every = np.arange(shares.shape[-1])
    result[..., every, every] = shares.sum(axis=-1)
    return result


def _statistic(unit: Metric, part: SegmentStatistics, classes: tuple[str, ...]) -> Statistic:
    name, given = unit.id.removeprefix("performance."), dict(unit.arguments)
    if name == "cost_matrix":
        prices = prices_of(part, classes, **given)  # type: ignore[arg-type]  # they were read as its parameters say
        return lambda shares: np.asarray((shares * prices).sum(axis=(-2, -1)) / shares.sum(axis=(-2, -1)))
    formula = DECISIONS[name].of
    several = part.classes is not None
    arguments = {key: value for key, value in given.items() if not (unit.per_class and key == "of")}
    occurs = np.array([True])
    if part.classes is not None:
        matrix = part.classes.matrix
        occurs = matrix[occurring_classes(matrix)].sum(axis=1) > 0

    def of(shares: Floats) -> Floats:
        counts = against_rest(shares)
        if not several:
            counts = type(counts)(
                counts.true_positive[..., 1:],
                counts.false_positive[..., 1:],
                counts.false_negative[..., 1:],
                counts.true_negative[..., 1:],
            )
        return np.asarray(formula(counts, occurs, **arguments)).real

    return of


# --- what is carried over --------------------------------------------------------------------------------------------


def _carried(dummy_of: Callable[..., tuple[float, float]]) -> Callable[..., Result]:
    """The other metric's result on the way from its dummy to the best it can be, both taken as known."""

    def of(unit: Metric, s: SegmentStatistics, classes: tuple[str, ...] = ()) -> Result:
        part = s if unit.one_class is None else one_against_rest(s, classes, unit.one_class)
        found = Undefined(f'there is no class "{unit.one_class}"', s.rows) if part is None else unit.compute(part)
        if isinstance(found, Undefined) or part is None:
            return found
        dummy, perfect = dummy_of(part, **{key: one for key, one in unit.arguments if key != "of"})
        if perfect <= dummy:
            return Undefined("all labels are of one class", found.n, Cause.TOO_FEW)
        value, around = min((found.value - dummy) / (perfect - dummy), 1.0), found.interval
        interval = around and around.carried(lambda end: min((end - dummy) / (perfect - dummy), 1.0))
        return Value(value, found.n, interval, error_bound=found.error_bound / (perfect - dummy))

    return of


def _by_chance(_: SegmentStatistics) -> tuple[float, float]:
    return 0.0, 1.0


def _half(_: SegmentStatistics) -> tuple[float, float]:
    return 0.5, 1.0


def _one_of_the_classes(s: SegmentStatistics) -> tuple[float, float]:
    return 1 / (2 if s.classes is None else int((s.classes.matrix.sum(axis=1) > 0).sum())), 1.0


def _prevalence(s: SegmentStatistics) -> tuple[float, float]:
    usable = [c for c in (s.scores or {}).values() if c.ups and c.downs]
    return float(np.mean([c.ups / c.rows for c in usable])), 1.0


def _top(s: SegmentStatistics, *, k: float = 0.1, per: str) -> tuple[float, float]:
    """Of precision, recall or lift: what a random order gives, and what the best one does."""
    counts = (s.scores or {})[""]
    share = counts.ups / counts.rows
    if share == 0:
        return 1.0, 1.0
    found = min(k, share)
    return {"rows": (share, found / k), "positives": (k, found / share), "ratio": (1.0, found / share / k)}[per]


# --- losses of scores ------------------------------------------------------------------------------------------------


def _of_log_loss(_unit: Metric, s: SegmentStatistics, _classes: tuple[str, ...] = ()) -> Result:
    if s.classes is not None:
        return _of_classes(s, log_loss(s), lambda share: -float(share @ np.log(share)))

    def entropy(p: float) -> tuple[float, float]:
        return -p * math.log(p) - (1 - p) * math.log(1 - p), math.log((1 - p) / p)

    return _of_losses(s, log_losses, entropy, lambda score: -np.log(np.clip(score, HALF_CELL, 1.0)))


def _of_brier(_unit: Metric, s: SegmentStatistics, _classes: tuple[str, ...] = ()) -> Result:
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
    cells = counts.cells()  # what the store keeps, so that the interval can be computed again
    of_positives = float(cells.positives @ of_positive(scores_of(cells))) + found.rows * p * found.further[0, 1]
    loss, slope = dummy(p)
    ratio = mean / loss
    variance += -2 * ratio * slope * p * (of_positives / positives - mean) + (ratio * slope) ** 2 * p * (1 - p)
    around = skewed(ratio, max(variance, 0.0) / (rows + 1) / loss**2, "delta, skewed, unknown rows")
    return Value(value, n, around.carried(lambda end: 1 - end).holding(value))


def _of_classes(s: SegmentStatistics, found: Result, dummy_of: Callable[[Floats], float]) -> Result:
    """The skill of a loss of a multiclass model; the shares of the classes are taken as known in its interval."""
    if isinstance(found, Undefined) or s.scores is None:
        return found
    share = np.array([c.ups for c in s.scores.values()]) / found.n
    share = share[share > 0]
    if share.size < 2:
        return Undefined("all labels are of one class", found.n, Cause.TOO_FEW)
    dummy = dummy_of(share)
    interval = found.interval and found.interval.carried(lambda end: 1 - end / dummy)
    return Value(1 - found.value / dummy, found.n, interval)


# --- regression ------------------------------------------------------------------------------------------------------


def _of_r2(_unit: Metric, c: ErrorSums, size: float) -> Result:
    return r2(c, size)


def _of_rmse(_unit: Metric, c: ErrorSums, size: float) -> Result:
    """``1 - sqrt(1 - R2)``, which rises with R2."""
    return _root(r2(c, size))


def _root(explained: Result) -> Result:
    """``1 - sqrt(ratio)`` of a skill ``1 - ratio``."""
    if isinstance(explained, Undefined):
        return explained
    around = explained.interval
    interval = around and around.carried(lambda end: 1 - math.sqrt(max(1 - end, 0.0)))
    return replace(explained, value=1 - math.sqrt(max(1 - explained.value, 0.0)), interval=interval)


@dataclass(frozen=True, slots=True)
class RowLoss:
    """The loss of predictions given labels, row by row, and the one prediction of the dummy."""

    loss: Callable[..., Floats]
    dummy: Callable[..., float]


def _absolute(predicted: Floats, label: Floats) -> Floats:
    return np.abs(predicted - label)


def _relative(predicted: Floats, label: Floats) -> Floats:
    return np.divide(np.abs(predicted - label), np.abs(label), out=np.full_like(label, np.nan), where=label != 0)


def _symmetric(predicted: Floats, label: Floats) -> Floats:
    both = np.abs(predicted) + np.abs(label)
    return np.asarray(np.divide(2 * np.abs(predicted - label), both, out=np.zeros_like(label), where=both > 0))


def _logarithmic(predicted: Floats, label: Floats) -> Floats:
    return np.asarray(np.square(np.log1p(predicted) - np.log1p(label)))


def _pinball(predicted: Floats, label: Floats, level: float = 0.5) -> Floats:
    return np.asarray(np.maximum(level * (label - predicted), (1 - level) * (predicted - label)))


def _median(label: Floats) -> float:
    return float(np.median(label))


_ROWS = {
    "mae": RowLoss(_absolute, _median),
    "mape": RowLoss(_relative, _median),
    "smape": RowLoss(_symmetric, _median),
    "msle": RowLoss(_logarithmic, lambda label: float(np.expm1(np.log1p(label).mean()))),
    "rmsle": RowLoss(_logarithmic, lambda label: float(np.expm1(np.log1p(label).mean()))),
    "pinball_loss": RowLoss(_pinball, lambda label, level=0.5: float(np.quantile(label, level))),
}
"""What is compared row by row."""


def _of_rows(unit: Metric, pair: FramePair, model: ModelConfig) -> Result:
    """``1 - mean loss / mean loss of the dummy``, over the labelled rows."""
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
    what = unit.id.removeprefix("performance.")
    if what in ("msle", "rmsle") and min(label.min(), predicted.min()) <= -1:
        return Undefined("a label or prediction is -1 or less", n)
    of, given = _ROWS[what], dict(unit.arguments)
    with np.errstate(over="ignore", invalid="ignore"):
        constant = np.full_like(label, of.dummy(label, **given))
        errors, distances = of.loss(predicted, label, **given), of.loss(constant, label, **given)
        counted = ~np.isnan(distances)
        errors, distances, n = errors[counted], distances[counted], int(counted.sum())
        dummy = float(distances.mean()) if n else 0.0
        ratio = float(errors.sum() / distances.sum()) if dummy else 0.0
        spread = float((errors - ratio * distances).std()) / dummy if dummy else 0.0
    if dummy == 0:
        return Undefined("all labels are equal" if n > 1 else "a single label", n, Cause.TOO_FEW)
    if n < 2:
        return Undefined("a single label", n, Cause.TOO_FEW)
    if not math.isfinite(ratio + dummy + spread):
        return Undefined("labels or predictions are too large", n)
    detail = f"on a sample of {frame.total:,} rows" if frame.rows < frame.total else ""
    around = positive(ratio, small_sample(n) * spread / math.sqrt(n - 1), n, "delta, log")
    interval = around and around.carried(lambda end: 1 - end).holding(1 - ratio)
    found = Value(1 - ratio, n, interval, detail=detail)
    return _root(found) if what == "rmsle" else found


_GUESSED = partial(_of_decisions, best=False)
_BEST = partial(_of_decisions, best=True)
SKILLS: dict[str, Callable[..., Result]] = {
    **dict.fromkeys(("precision", "recall", "specificity", "false_positive_rate", "false_negative_rate"), _GUESSED),
    **dict.fromkeys(("accuracy", "f1", "f_beta", "cost", "cost_matrix"), _BEST),
    "balanced_accuracy": _carried(_one_of_the_classes),
    **dict.fromkeys(("mcc", "cohen_kappa", "gini", "score_ks"), _carried(_by_chance)),
    "roc_auc": _carried(_half),
    "average_precision": _carried(_prevalence),
    "precision_at": _carried(partial(_top, per="rows")),
    "recall_at": _carried(partial(_top, per="positives")),
    "lift": _carried(partial(_top, per="ratio")),
    "log_loss": _of_log_loss,
    "brier": _of_brier,
    "rmse": _of_rmse,
    **dict.fromkeys(("mse", "r2"), _of_r2),
    **dict.fromkeys(_ROWS, _of_rows),
}
"""What is measured, each of what its kind hands over."""

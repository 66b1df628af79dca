"""What performance is to be expected of rows without labels: a value, and what one more positive label would change.

Rows come by class: float64 of shape (SCORE_CELLS, 3) as ``SegmentStatistics.score_decisions``, with the chance of the
class in every score cell; a binary model has one, its positive class. A value's **gradient** has the same shape: how
much one more row of the class among those of a cell and decision would change it. It carries every kind of error, of
single labels and of the chances themselves.

Values of decisions are the very ratios of ``aimsight.metrics.confusion``, of expected counts; complex numbers carry
their derivatives along, so that none has to be written down (Squire and Trapp, SIAM Review 40, 1998).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from aimsight.metrics.confusion import (
    Against,
    all_of,
    cell_of,
    f_of,
    false_negative_rate_of,
    false_positive_rate_of,
    precision_of,
    recall_of,
    specificity_of,
)
from aimsight.metrics.estimates.calibration import SCORES
from aimsight.metrics.statistics import SCORE_CELLS
from aimsight.metrics.values import Cause, Undefined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from aimsight.configs.parameters import Argument
    from aimsight.metrics.confusion import Ratio

    Floats = NDArray[np.float64]
    Complex = NDArray[np.complex128]
    Flags = NDArray[np.bool_]
    Rows = Mapping[str, Floats]
    Ends = tuple[float, float]
    Gradient = tuple[float, Floats] | None

TINY = 1e-9
"""Fewer expected rows than this are none."""
FEWEST_EXPECTED = 0.5
"""A class among several of which fewer labels are expected does not occur."""
STEP = 1e-30
"""The imaginary step: what it is added to is not changed by it, so its derivative is exact."""
NO_POSITIVE, NO_NEGATIVE = "no positive is expected", "no negative is expected"
ONE_CLASS = "one class is expected only"


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A value and its gradient by class; ``n`` rows it rests on, ``ends`` the least and greatest that it may be.

    ``blur`` is how far it may be off because scores are known by their cells.
    """

    value: float
    gradients: Rows
    n: int
    ends: Ends
    blur: float = 0.0


def _share(**_: object) -> Ends:
    return 0.0, 1.0


@dataclass(frozen=True, slots=True)
class Decided:
    """A value of decisions, from what is expected of every class against the rest.

    ``of`` takes the expected counts (any number of variants first, classes last), which of the classes occur, and the
    metric's arguments, and gives one number a variant, NaN where it has no denominator, which ``nothing`` says in
    words.
    """

    of: Callable[..., Complex]
    nothing: str = ONE_CLASS
    ends: Callable[..., Ends] = _share


@dataclass(frozen=True, slots=True)
class Ranked:
    """A value of scores: ``of`` takes rows by score cell and the chances of one class, and gives value and gradient.

    The gradient has shape (SCORE_CELLS,), whatever was decided; ``None`` means that it has no denominator. Of several
    classes it is the mean over those that occur.
    """

    of: Callable[..., Gradient]
    nothing: str = ONE_CLASS
    ends: Callable[..., Ends] = _share


@dataclass(frozen=True, slots=True, eq=False)
class Lossy:
    """A mean loss: that of a positive row by score cell, and how far it may be off, float64 of shape (SCORE_CELLS,).

    A negative row loses as a positive one with the opposite score does. Of several classes it is the sum over all of
    them, to which a row's other classes add only if the loss is ``of_all``. ``most`` is the greatest loss of a row.
    """

    positive: Floats
    blur: Floats
    most: float
    of_all: bool

    def at(self, rows: Rows, chances: Rows, n: int) -> Point:
        """The value of these rows."""
        negatives = 1.0 if self.of_all or len(rows) == 1 else 0.0
        value, blur, gradients = 0.0, 0.0, {}
        for one, part in rows.items():
            counted, up = part.sum(axis=1) / float(part.sum()), chances[one]
            down = negatives * (1 - up)
            value += float(counted @ (up * self.positive + down * self.positive[::-1]))
            blur += float(counted @ (up * self.blur + down * self.blur[::-1]))
            slope = (self.positive - negatives * self.positive[::-1]) / float(part.sum())
            gradients[one] = np.repeat(slope[:, None], 3, axis=1)
        return Point(value, gradients, n, (0.0, self.most * (2 if self.of_all and len(rows) > 1 else 1)), blur)


def expected(
    name: str, rows: Rows, chances: Rows, arguments: Mapping[str, Argument] | None = None
) -> Point | Undefined:
    """The value ``performance.<name>`` that is to be expected of these rows at these chances."""
    formula, given = FORMULAS[name], arguments or {}
    columns = slice(0, 2) if isinstance(formula, Decided) else slice(None)
    n = round(sum(float(part[:, columns].sum()) for part in rows.values())) // len(rows)
    if n == 0:
        return Undefined(f"no row has a valid score{' and prediction' if isinstance(formula, Decided) else ''}")
    likely = {one: float(part[:, columns].sum(axis=1) @ chances[one]) for one, part in rows.items()}
    occurs = np.array([count >= FEWEST_EXPECTED for count in likely.values()]) if len(rows) > 1 else np.array([True])
    if isinstance(formula, Lossy):
        return formula.at(rows, chances, n)
    nothing = Undefined(formula.nothing, n, Cause.TOO_FEW)
    if not occurs.any():
        return nothing
    ends = formula.ends(**given)
    if isinstance(formula, Decided):
        value, slopes = _of_decisions(partial(formula.of, **given), rows, chances, occurs)
        if not math.isfinite(value):
            return nothing
        gradients = {
            one: np.tile([slope[0], slope[1], 0.0], (SCORE_CELLS, 1)) for one, slope in zip(rows, slopes, strict=True)
        }
        selected = round(sum(float(part[:, 1].sum()) for part in rows.values()))
        return Point(value, gradients, selected if name == "precision" and len(rows) == 1 else n, ends)
    used = [one for one, there in zip(rows, occurs, strict=True) if there]
    found = {one: formula.of(rows[one].sum(axis=1), chances[one], **given) for one in used}
    known = {one: point for one, point in found.items() if point is not None}
    if len(known) < len(used):
        return nothing
    gradients = {
        one: np.repeat(known[one][1][:, None] / len(used), 3, axis=1) if one in known else np.zeros_like(part)
        for one, part in rows.items()
    }
    return Point(sum(value for value, _ in known.values()) / len(used), gradients, n, ends)


def _of_decisions(formula: Callable[..., Complex], rows: Rows, chances: Rows, occurs: Flags) -> tuple[float, Floats]:
    """The value, and what one more row of every class would change: among those decided otherwise, and for it."""
    size = len(rows)
    counts = np.zeros((2 * size + 1, 4, size), dtype=np.complex128)
    for place, (one, part) in enumerate(rows.items()):
        missed, right = (float(part[:, column] @ chances[one]) for column in (0, 1))
        rest, selected = float(part[:, 0].sum()) - missed, float(part[:, 1].sum())
        counts[:, :, place] = right, selected - right, missed, rest
        counts[1 + 2 * place, 2:, place] += np.array([STEP, -STEP]) * 1j
        counts[2 + 2 * place, :2, place] += np.array([STEP, -STEP]) * 1j
    values = formula(Against(*np.moveaxis(counts, 1, 0)), occurs)
    return float(values[0].real), (values[1:].imag / STEP).reshape(size, 2)


# --- decisions -------------------------------------------------------------------------------------------------------


def _over(above: NDArray[Any], below: NDArray[Any]) -> Complex:
    """The ratio; NaN where there is nothing to divide by."""
    nothing = np.full(np.broadcast_shapes(above.shape, below.shape), math.nan, np.result_type(above, below))
    return np.asarray(np.divide(above, below, out=nothing, where=below.real > TINY))


def _rate(ratio: Ratio) -> Callable[..., Complex]:
    """A ratio of one class, or its average over those that occur."""

    def of(c: Against, occurs: Flags, *, average: str = "macro") -> Complex:
        hits, rows = (side[..., occurs] for side in ratio(c))
        if average == "micro":
            return _over(hits.sum(axis=-1), rows.sum(axis=-1))
        each = _over(hits, rows)
        if average == "macro":
            return np.asarray(each.mean(axis=-1))
        labels = (c.true_positive + c.false_negative)[..., occurs]
        return _over((labels * each).sum(axis=-1), labels.sum(axis=-1))

    return of


def _f_beta(c: Against, occurs: Flags, *, beta: float = 2.0, average: str = "macro") -> Complex:
    return _rate(f_of(beta))(c, occurs, average=average)


def _by_class(c: Against) -> tuple[Complex, Complex, Complex]:
    """Rows decided right, shares of the labels and shares of the decisions, by class; the rest of one class is one."""
    sides = (c.true_positive, c.true_positive + c.false_negative, c.true_positive + c.false_positive)
    if sides[0].shape[-1] == 1:
        rest = (c.true_negative, c.true_negative + c.false_positive, c.true_negative + c.false_negative)
        right, labels, decided = (np.concatenate(pair, axis=-1) for pair in zip(sides, rest, strict=True))
    else:
        right, labels, decided = sides
    total = decided.sum(axis=-1, keepdims=True)
    return _over(right, total), _over(labels, labels.sum(axis=-1, keepdims=True)), _over(decided, total)


def _accuracy(c: Against, _occurs: Flags) -> Complex:
    right, _, _ = _by_class(c)
    return np.asarray(right.sum(axis=-1))


def _balanced_accuracy(c: Against, occurs: Flags) -> Complex:
    found = _rate(recall_of)(c, occurs)
    if c.true_positive.shape[-1] > 1:
        return found
    return np.asarray((found + _rate(specificity_of)(c, occurs)) / 2)


def _mcc(c: Against, _occurs: Flags) -> Complex:
    right, labels, decided = _by_class(c)
    above = right.sum(axis=-1) - (labels * decided).sum(axis=-1)
    spreads = [1 - np.square(side).sum(axis=-1) for side in (labels, decided)]
    told = (spreads[0].real > TINY) & (spreads[1].real > TINY)
    return _over(above, np.sqrt(np.where(told, spreads[0] * spreads[1], 0.0)))


def _cohen_kappa(c: Against, _occurs: Flags) -> Complex:
    right, labels, decided = _by_class(c)
    by_chance = (labels * decided).sum(axis=-1)
    return _over(right.sum(axis=-1) - by_chance, 1 - by_chance)


def _cost(c: Against, _occurs: Flags, *, fp: float, fn: float, tp: float = 0.0, tn: float = 0.0) -> Complex:
    paid = tp * c.true_positive + fp * c.false_positive + fn * c.false_negative + tn * c.true_negative
    return _over(paid[..., 0], all_of(c)[..., 0])


def _confusion(c: Against, _occurs: Flags, *, label: str, decision: str) -> Complex:
    return _over(cell_of(c, label, decision)[..., 0], all_of(c)[..., 0])


def _prices(*, fp: float, fn: float, tp: float = 0.0, tn: float = 0.0) -> Ends:
    return min(fp, fn, tp, tn), max(fp, fn, tp, tn)


# --- scores ----------------------------------------------------------------------------------------------------------


def _split(counted: Floats, chance: Floats) -> tuple[Floats, Floats, float, float]:
    ups = counted * chance
    downs = counted - ups
    return ups, downs, float(ups.sum()), float(downs.sum())


def _roc_auc(counted: Floats, chance: Floats) -> Gradient:
    ups, downs, positives, negatives = _split(counted, chance)
    if min(positives, negatives) <= TINY:
        return None
    below = np.cumsum(downs) - downs / 2
    above = positives - np.cumsum(ups) + ups / 2
    value = float(ups @ below) / (positives * negatives)
    return value, (below / negatives - value) / positives - (above / positives - value) / negatives


def _gini(counted: Floats, chance: Floats) -> Gradient:
    found = _roc_auc(counted, chance)
    return found and (2 * found[0] - 1, 2 * found[1])


def _average_precision(counted: Floats, chance: Floats) -> Gradient:
    ups, downs, positives, _ = _split(counted, chance)
    if positives <= TINY:
        return None
    seen = np.cumsum((ups + downs)[::-1])[::-1]
    per_row = np.divide(1.0, seen, out=np.zeros_like(seen), where=seen > 0)
    at = np.cumsum(ups[::-1])[::-1] * per_row
    value = float(ups @ at) / positives
    return value, (at + np.cumsum(ups * per_row) - value) / positives


HALF = 0.5 / SCORE_CELLS
"""Half of the width of a score cell."""
EDGE = 2.0**-52
"""Log loss clips scores this close to 0 and 1, as the metric itself does."""


def _squares() -> Lossy:
    """Of the middle of every cell; at its ends the square differs by this much."""
    return Lossy(np.square(1 - SCORES), 2 * HALF * (1 - SCORES) + HALF**2, most=1.0, of_all=True)


def _logs() -> Lossy:
    """Of the middle of every cell; in the outermost ones a score may lie as near to 0 or 1 as it is clipped."""
    ends = [-np.log(np.clip(SCORES + side * HALF, EDGE, 1 - EDGE)) for side in (-1, 1)]
    loss = -np.log(SCORES)
    return Lossy(loss, np.abs(ends - loss).max(axis=0), most=-math.log(EDGE), of_all=False)


def _top(counted: Floats, k: float) -> Floats | None:
    """How much of every cell is among the share ``k`` of rows with the highest scores; ties count in proportion."""
    rows = k * float(counted.sum())
    if rows < 1:
        return None
    left = np.clip(rows - (np.cumsum(counted[::-1])[::-1] - counted), 0.0, None)
    return np.minimum(np.divide(left, counted, out=np.ones_like(left), where=counted > 0), 1.0)


def _precision_at(counted: Floats, chance: Floats, *, k: float = 0.1) -> Gradient:
    part = _top(counted, k)
    if part is None:
        return None
    rows = k * float(counted.sum())
    return float(counted @ (part * chance)) / rows, part / rows


def _recall_at(counted: Floats, chance: Floats, *, k: float = 0.1) -> Gradient:
    part, positives = _top(counted, k), float(counted @ chance)
    if part is None or positives <= TINY:
        return None
    value = float(counted @ (part * chance)) / positives
    return value, (part - value) / positives


def _lift(counted: Floats, chance: Floats, *, k: float = 0.1) -> Gradient:
    found = _recall_at(counted, chance, k=k)
    return found and (found[0] / k, found[1] / k)


def _signed(**_: object) -> Ends:
    return -1.0, 1.0


def _highest_lift(*, k: float = 0.1) -> Ends:
    return 0.0, 1 / k


FEW_AT_TOP = "no positive is expected, or the share of rows is less than one row"
DECISIONS: dict[str, Decided] = {
    "accuracy": Decided(_accuracy),
    "balanced_accuracy": Decided(_balanced_accuracy),
    "precision": Decided(_rate(precision_of), "what is expected was never predicted"),
    "recall": Decided(_rate(recall_of), NO_POSITIVE),
    "specificity": Decided(_rate(specificity_of), NO_NEGATIVE),
    "false_positive_rate": Decided(_rate(false_positive_rate_of), NO_NEGATIVE),
    "false_negative_rate": Decided(_rate(false_negative_rate_of), NO_POSITIVE),
    "f1": Decided(_rate(f_of(1.0)), f"{NO_POSITIVE} and nothing was predicted positive"),
    "f_beta": Decided(_f_beta, f"{NO_POSITIVE} and nothing was predicted positive"),
    "mcc": Decided(_mcc, "one class is expected, or decided for, only", _signed),
    "cohen_kappa": Decided(_cohen_kappa, ONE_CLASS, _signed),
    "cost": Decided(_cost, ends=_prices),
    "confusion": Decided(_confusion),
}
FORMULAS: dict[str, Decided | Ranked | Lossy] = {
    **DECISIONS,
    "roc_auc": Ranked(_roc_auc),
    "gini": Ranked(_gini, ends=_signed),
    "average_precision": Ranked(_average_precision, NO_POSITIVE),
    "brier": _squares(),
    "log_loss": _logs(),
    "precision_at": Ranked(_precision_at, FEW_AT_TOP),
    "recall_at": Ranked(_recall_at, FEW_AT_TOP),
    "lift": Ranked(_lift, FEW_AT_TOP, _highest_lift),
}
"""By the name that the value has in the family ``performance``."""

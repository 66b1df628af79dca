"""Performance of decisions as a whole: agreement beyond chance, and what right and wrong decisions cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.parameters import Parameter
from aimsight.metrics.catalogue.decisions import DECISIONS, NO_DECISION
from aimsight.metrics.confusion import whole
from aimsight.metrics.registry import BINARY, CLASSIFICATION, metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Result

    Floats = NDArray[np.float64]


@metric(
    id="performance.mcc",
    version=2,
    tasks=CLASSIFICATION,
    kind="segment",
    unit="correlation",
    bounds=(-1.0, 1.0),
    direction="higher",
    undefined_when=(NO_DECISION, "all labels or all predictions are of one class"),
    source="Matthews (1975); Gorodkin, Comparing two K-category assignments, Comput. Biol. Chem. 28 (2004)",
    needs=DECISIONS,
    per_class=True,
)
def mcc(s: SegmentStatistics) -> Result:
    """Correlation of decisions and labels (Matthews correlation coefficient, phi).

    Binary: ``(TP TN - FP FN) / sqrt((TP + FP)(TP + FN)(TN + FP)(TN + FN))``; multiclass: Gorodkin's R_K, its
    generalisation. 1: every decision is right; 0: no better than chance; -1 (binary): every decision is wrong.
    Interval: bootstrap of counts.
    """
    return whole(s, _correlation, _one_sided)


def _margins(shares: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """All rows, rows decided right, rows by label and rows by prediction (classes first, then draws)."""
    # sums over the draws' own axis are vectorised, those over a few classes are not
    by_class = np.ascontiguousarray(np.moveaxis(shares, (-2, -1), (0, 1)))
    labels, predicted = by_class.sum(axis=1), by_class.sum(axis=0)
    return labels.sum(axis=0), np.trace(by_class), labels, predicted


def _correlation(shares: Floats) -> Floats:
    total, right, labels, predicted = _margins(shares)
    above = right * total - (labels * predicted).sum(axis=0)
    spread = (total**2 - (labels**2).sum(axis=0)) * (total**2 - (predicted**2).sum(axis=0))
    divided = np.divide(above, np.sqrt(spread), out=np.zeros_like(above), where=spread > 0)
    result: Floats = np.clip(divided, -1.0, 1.0)
    return result


def _one_sided(matrix: Floats) -> str:
    for side, axis in (("labels", 1), ("predictions", 0)):
        if (matrix.sum(axis=axis) > 0).sum() < 2:
            return f"all {side} are of one class"
    return ""


@metric(
    id="performance.cohen_kappa",
    version=2,
    tasks=CLASSIFICATION,
    kind="segment",
    unit="agreement",
    bounds=(-1.0, 1.0),
    direction="higher",
    undefined_when=(NO_DECISION, "all labels and all predictions are of one and the same class"),
    source="Cohen, A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20 (1960)",
    needs=DECISIONS,
    core=False,
    per_class=True,
)
def cohen_kappa(s: SegmentStatistics) -> Result:
    """Agreement of decisions and labels beyond what their shares alone would give.

    ``(p_o - p_e) / (1 - p_e)`` with p_o the share of right decisions and p_e that of labels and predictions drawn
    independently. 1: every decision is right; 0: no better than chance; below 0: worse. Interval: bootstrap of counts.
    """
    return whole(s, _kappa, _of_one_class)


def _of_one_class(matrix: Floats) -> str:
    return "all labels and predictions are of one class" if np.diag(matrix).max() == matrix.sum() else ""


def _kappa(shares: Floats) -> Floats:
    total, right, labels, predicted = _margins(shares)
    expected = (labels * predicted).sum(axis=0) / total**2
    result: Floats = np.clip(1 - (1 - right / total) / np.maximum(1 - expected, 1e-300), -1.0, 1.0)
    return result


def _money(name: str, what: str, default: float | None = 0.0) -> Parameter:
    doc = f"what {what} costs; below 0: what it brings"
    if default is None:
        return Parameter(name, "float", low=-1e9, high=1e9, doc=doc)
    return Parameter(name, "float", default, -1e9, 1e9, doc)


@metric(
    id="performance.cost",
    version=2,
    tasks=BINARY,
    kind="segment",
    unit="cost of a decision",
    bounds=(None, None),
    direction="lower",
    undefined_when=(NO_DECISION,),
    source="Elkan, The foundations of cost-sensitive learning, IJCAI (2001)",
    needs=DECISIONS,
    parameters=(
        _money("fp", "a false positive", None),
        _money("fn", "a false negative", None),
        _money("tp", "a true positive"),
        _money("tn", "a true negative"),
    ),
    core=False,
    per_class=True,
)
def cost(s: SegmentStatistics, *, fp: float, fn: float, tp: float = 0.0, tn: float = 0.0) -> Result:
    """Mean cost of a decision, from what each kind of right and wrong decision costs.

    ``(fp FP + fn FN + tp TP + tn TN) / n``, in the unit of the costs. 0: nothing is lost on average; below 0: decisions
    bring more than they cost. Interval: bootstrap of counts.
    """
    prices = np.array([[tn, fp], [fn, tp]])
    return whole(s, lambda shares: (shares * prices).sum(axis=(-2, -1)) / shares.sum(axis=(-2, -1)), lambda _: "")

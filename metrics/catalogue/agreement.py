"""Performance of decisions as a whole: agreement beyond chance, and what right and wrong decisions cost."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.errors import InvalidTextError
from aimsight.configs.parameters import Parameter
from aimsight.metrics.catalogue.decisions import DECISIONS, NO_DECISION, of_decisions
from aimsight.metrics.confusion import matrix_of, occurring_classes, whole
from aimsight.metrics.registry import BINARY, CLASSIFICATION, metric
from aimsight.metrics.values import Undefined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from aimsight.configs.parameters import Argument
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Result

    Floats = NDArray[np.float64]


@of_decisions(
    id="performance.mcc",
    version=2,
    tasks=CLASSIFICATION,
    unit="correlation",
    bounds=(-1.0, 1.0),
    direction="higher",
    undefined_when=(NO_DECISION, "all labels or all predictions are of one class"),
    source="Matthews (1975); Gorodkin, Comparing two K-category assignments, Comput. Biol. Chem. 28 (2004)",
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


@of_decisions(
    id="performance.cohen_kappa",
    version=2,
    tasks=CLASSIFICATION,
    unit="agreement",
    bounds=(-1.0, 1.0),
    direction="higher",
    undefined_when=(NO_DECISION, "all labels and all predictions are of one and the same class"),
    source="Cohen, A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20 (1960)",
    core=False,
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


MOST = 1e9
"""Largest cost."""


def _money(name: str, what: str, default: float | None = 0.0) -> Parameter:
    doc = f"what {what} costs; below 0: what it brings"
    if default is None:
        return Parameter(name, "float", low=-MOST, high=MOST, doc=doc)
    return Parameter(name, "float", default, -MOST, MOST, doc)


@of_decisions(
    id="performance.cost",
    version=2,
    tasks=BINARY,
    unit="cost of a decision",
    bounds=(None, None),
    direction="lower",
    undefined_when=(NO_DECISION,),
    source="Elkan, The foundations of cost-sensitive learning, IJCAI (2001)",
    parameters=(
        _money("fp", "a false positive", None),
        _money("fn", "a false negative", None),
        _money("tp", "a true positive"),
        _money("tn", "a true negative"),
    ),
    core=False,
)
def cost(s: SegmentStatistics, *, fp: float, fn: float, tp: float = 0.0, tn: float = 0.0) -> Result:
    """Mean cost of a decision, from what each kind of right and wrong decision costs.

    ``(fp FP + fn FN + tp TP + tn TN) / n``, in the unit of the costs. 0: nothing is lost on average; below 0: decisions
    bring more than they cost. Interval: bootstrap of counts.
    """
    prices = np.array([[tn, fp], [fn, tp]])
    return whole(s, lambda shares: (shares * prices).sum(axis=(-2, -1)) / shares.sum(axis=(-2, -1)), lambda _: "")


_PRICE = re.compile(r"\s*(.+?) as (.+?)\s*:\s*(\S+)\s*")


def _prices(costs: str) -> dict[tuple[str, str], float]:
    """The costs of a text such as ``high as low: 5, low as high: 1``, by label and decision.

    Raises
    ------
    InvalidTextError
        When it is no such text.
    """
    found: dict[tuple[str, str], float] = {}
    for part in costs.split(","):
        match = _PRICE.fullmatch(part)
        try:
            price = float(match[3]) if match is not None else math.nan
        except ValueError:
            price = math.nan
        if match is None or not abs(price) <= MOST:
            raise InvalidTextError(f"costs must be written LABEL as DECISION: COST, ..., not {part.strip()}")
        if (match[1], match[2]) in found:
            raise InvalidTextError(f"costs gives {match[1]} as {match[2]} twice")
        found[match[1], match[2]] = price
    return found


def _readable(made: Metric, arguments: Mapping[str, Argument]) -> Metric:
    """The metric as it is, once its costs can be read."""
    _prices(str(arguments["costs"]))
    return made


@metric(
    id="performance.cost_matrix",
    version=1,
    tasks=frozenset({"multiclass"}),
    kind="segment",
    unit="cost of a decision",
    bounds=(None, None),
    direction="lower",
    undefined_when=(NO_DECISION, "a cost is given for a class that the model does not have"),
    source="Elkan, The foundations of cost-sensitive learning, IJCAI (2001)",
    needs=replace(DECISIONS, classes=True),
    parameters=(
        Parameter(
            "costs", "text", doc="what a label costs that is decided as another class: LABEL as DECISION: COST, ..."
        ),
        Parameter("other", "float", 1.0, -MOST, MOST, "what any other wrong decision costs"),
        Parameter("right", "float", 0.0, -MOST, MOST, "what any other right decision costs; below 0: what it brings"),
    ),
    core=False,
    specialise=_readable,
)
def cost_matrix(
    s: SegmentStatistics, classes: tuple[str, ...], *, costs: str, other: float = 1.0, right: float = 0.0
) -> Result:
    """Mean cost of a decision between several classes, from what it costs to take each for each other.

    ``sum over label i, decision j of cost[i, j] n[i, j] / n``, in the unit of the costs, which are written
    ``performance.cost_matrix(costs="high as low: 5, low as high: 1")``. 0: nothing is lost on average; below 0:
    decisions bring more than they cost. Interval: bootstrap of counts.
    """
    strangers = sorted({name for pair in _prices(costs) for name in pair} - set(classes))
    if strangers:
        return Undefined(f'there is no class "{strangers[0]}"', s.rows)
    used = prices_of(s, classes, costs=costs, other=other, right=right)
    return whole(s, lambda shares: (shares * used).sum(axis=(-2, -1)) / shares.sum(axis=(-2, -1)), lambda _: "")


def prices_of(
    s: SegmentStatistics, classes: tuple[str, ...], *, costs: str, other: float = 1.0, right: float = 0.0
) -> Floats:
    """What each label costs by decision, of the classes that occur."""
    prices = np.full((len(classes), len(classes)), other)
    np.fill_diagonal(prices, right)
    for (label, decision), price in _prices(costs).items():
        prices[classes.index(label), classes.index(decision)] = price
    there = occurring_classes(matrix_of(s))
    return prices[np.ix_(there, there)]

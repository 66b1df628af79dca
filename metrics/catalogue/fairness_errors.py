"""Fairness of predicted quantities: how differently a regression model errs in groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.catalogue.errors import ERRORS
from aimsight.metrics.catalogue.fairness import of_groups
from aimsight.metrics.comparisons import FEW, LARGEST_GAP, Family, Groups, against_rest, compared
from aimsight.metrics.registry import REGRESSION
from aimsight.metrics.simultaneous import Comparisons, Estimates, Floats, means, positive_means
from aimsight.metrics.statistics import SegmentStatistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.metrics.statistics import ErrorSums
    from aimsight.metrics.values import Result

    Sum = Callable[[ErrorSums], int]
    """A sum over labelled rows, in fixed-point units."""
    Spread = Callable[[Floats, Floats, Floats], Estimates]
    """Estimates from means, standard errors and degrees of freedom."""

AGARWAL = "Agarwal, Dudík and Wu, Fair regression (2019): bounded group loss"
CALDERS = "Calders, Karim, Kamiran, Ali and Zhang, Controlling attribute effect in linear regression (2013)"
UNDEFINED = (FEW, "fewer than two groups with two labelled rows", "an error is too extreme for fixed point")


def counted(s: SegmentStatistics) -> int:
    """Labelled rows of a segment whose errors have a spread: none below two, or when one is too extreme."""
    return s.errors.n if s.errors is not None and s.errors.n > 1 and not s.errors.overflow else 0


def _family(groups: Groups, total: Sum, spread: Spread) -> list[Family]:
    """Means of errors (or of their sizes) in the groups, and in the rest of the rows of each."""
    known = {name: part.errors for name, part in groups.parts.items() if part.errors is not None and counted(part)}
    whole = groups.whole()
    if not known or whole is None or whole.errors is None:
        return []
    names, of_all = tuple(known), whole.errors
    # whole numbers of any size: they are added and subtracted before they become floats
    inside = {name: c if name not in groups.pooled else None for name, c in known.items()}
    estimates = _means([(c.n, total(c), c.square) for c in known.values()], groups.unit, spread)
    rests = [
        (of_all.n - c.n, total(of_all) - total(c), of_all.square - c.square)
        if c is not None
        else (of_all.n, total(of_all), of_all.square)
        for c in inside.values()
    ]
    n = np.array([c.n if c is not None else 0 for c in inside.values()], dtype=np.float64)
    rest_n = np.array([rest[0] for rest in rests], dtype=np.float64)

    def overall() -> Comparisons | None:
        if of_all.overflow:
            return None
        return against_rest(
            estimates, n, rest_n, lambda places: _means([rests[at] for at in places], groups.unit, spread), least=2
        )

    return [Family(names, estimates, np.array([c.n for c in known.values()], dtype=np.float64), overall)]


def _means(sums: list[tuple[int, int, int]], unit: float, spread: Spread) -> Estimates:
    """Estimates from rows (two or more), sum and sum of squares of each group, exact until the last division."""
    values = np.array([total / n for n, total, _ in sums]) * unit
    variances = [max(n * squares - total * total, 0) / (n * n * (n - 1)) for n, total, squares in sums]
    return spread(values, np.sqrt(variances) * unit, np.array([n - 1.0 for n, _, _ in sums]))


@of_groups(
    id="fairness.mean_error_difference",
    version=2,
    tasks=REGRESSION,
    unit="label units",
    bounds=(0.0, None),
    direction="lower",
    undefined_when=UNDEFINED,
    source=CALDERS,
    needs=ERRORS,
    rests_on=counted,
)
def mean_error_difference(groups: Groups, *, against: str = LARGEST_GAP, pool: int = 1) -> Result:
    """Largest gap between groups in the mean error (residual): who is predicted too high, who too low.

    ``max_g mean(prediction - label | g) - min_g mean(prediction - label | g)``. 0: all groups are over- or
    underestimated alike; in the label's unit. A mean error has no ratio, since it may be 0 or negative. ``against``
    says what a group is compared with; by default every group with every other. Interval: Student for every group,
    MOVER for every comparison, lower ends at the Šidák level of all of them.
    """
    judged = groups.over(pool)
    return compared(judged, _family(judged, lambda c: c.error, means), against)


@of_groups(
    id="fairness.mae_difference",
    version=2,
    tasks=REGRESSION,
    unit="label units",
    bounds=(0.0, None),
    direction="lower",
    undefined_when=UNDEFINED,
    source=AGARWAL,
    needs=ERRORS,
    rests_on=counted,
)
def mae_difference(groups: Groups, *, against: str = LARGEST_GAP, pool: int = 1) -> Result:
    """Largest gap between groups in the mean absolute error: for whom predictions are less exact.

    ``max_g mean(|prediction - label| | g) - min_g mean(|prediction - label| | g)``. 0: predictions are as exact for
    every group; in the label's unit. ``against`` says what a group is compared with; by default every group with every
    other. Interval: Student on the log scale for every group, MOVER for every comparison, lower ends at the Šidák level
    of all of them.
    """
    judged = groups.over(pool)
    return compared(judged, _family(judged, lambda c: c.absolute, positive_means), against)


@of_groups(
    id="fairness.mae_ratio",
    version=2,
    tasks=REGRESSION,
    unit="ratio",
    direction="one",
    undefined_when=(*UNDEFINED, "every prediction is exact"),
    source=AGARWAL,
    needs=ERRORS,
    rests_on=counted,
    core=False,
)
def mae_ratio(groups: Groups, *, against: str = LARGEST_GAP, pool: int = 1) -> Result:
    """Smallest ratio between groups of the mean absolute error: the smaller over the larger.

    ``min_g mean(|prediction - label| | g) / max_g mean(|prediction - label| | g)``. 1: predictions are as exact for
    every group; 0: always exact in one of them only. ``against`` says what a group is compared with; by default every
    group with every other. Interval: Student on the log scale for every group, MOVER-R for every comparison, upper ends
    at the Šidák level of all of them.
    """
    judged = groups.over(pool)
    found = _family(judged, lambda c: c.absolute, positive_means)
    return compared(judged, found, against, ratio="folded", never="every prediction is exact")

"""How a population gets worse: the change of its shares that moves a metric by so much and is otherwise the smallest.

Shares are multiplied by exp(strength * influence), where the **influence** of a kind of row is what one more row of it
does to the metric. Among all changes with the same effect on the metric this one is, to first order, the closest to the
present distribution (exponential tilting), and it is defined for every metric alike. A distance from the reference has
no influence at the reference itself; there the column is shifted along its order, or, where missing rows are what is
measured, missing rows become more frequent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.aims.planning.population import Population

    Floats = NDArray[np.float64]
    Measure = Callable[[Population], float | None]

NUDGE = 1e-4
"""Share of the rows that is moved to find an influence."""
BESIDE = 0.01
"""How far beside the population its influences are looked for (strength of a random tilt)."""
MOST = 4.0
"""Standardised influences are bounded, so that rare rows of great influence do not take over at once."""
STRONGEST = 40.0
STEPS = 44


@dataclass(frozen=True, eq=False)
class Path:
    """Populations from much better to much worse.

    ``at`` gives the population of a strength (0: the reference's own); ``value`` the metric of such a population over
    unboundedly many rows, ``None`` where it has none. Values rise with the strength when ``sign`` is 1.
    """

    base: Population
    direction: Floats
    sign: int
    measure: Measure

    def at(self, strength: float) -> Population:
        """The population of a strength."""
        return self.base.tilted(self.sign * strength * self.direction[self.base.groups]) if strength else self.base

    def value(self, strength: float) -> float | None:
        """The metric's value there."""
        return self.measure(self.at(strength))

    def strength_of(self, wanted: float) -> float | None:
        """The strength whose metric has the wanted value, by bisection; ``None`` where no population reaches it."""
        start = self.value(0.0)
        if start is None:
            return None
        up = (wanted - start) * self.sign > 0
        near, far = 0.0, 0.25 if up else -0.25
        while not self._passed(far, wanted, up=up):
            near, far = far, far * 2
            if abs(far) > STRONGEST:
                return None
        for _ in range(STEPS):
            middle = (near + far) / 2
            if self._passed(middle, wanted, up=up):
                far = middle
            else:
                near = middle
        return far

    def _passed(self, strength: float, wanted: float, *, up: bool) -> bool:
        found = self.value(strength)
        return found is not None and ((found - wanted) * self.sign >= 0) == up


def path(base: Population, measure: Measure, sign: int, *, distance: bool, missing: bool) -> Path | None:
    """The path on which a metric gets worse; ``None`` when the metric does not respond to any change of the shares.

    Parameters
    ----------
    sign
        1 when larger values are worse, else -1.
    distance
        Whether the metric compares with the population itself.
    missing
        Whether it is about missing rows only.
    """
    direction = _order(base, missing=missing) if distance else _influence(base, measure)
    if direction is None:
        return None
    return Path(base, direction, sign, measure)


def _influence(base: Population, measure: Measure) -> Floats | None:
    """Influence of each group of atoms, standardised; ``None`` when there is none.

    It is looked for a little beside the population: where groups are exactly alike, the largest gap between them has a
    kink, and every change would be as bad as its opposite.
    """
    sides = np.random.default_rng(0).standard_normal(int(base.groups.max()) + 1)
    base = base.tilted(BESIDE * sides[base.groups])
    start = measure(base)
    if start is None:
        return None
    mass = np.bincount(base.groups, base.shares).astype(np.float64)
    found = np.zeros(mass.size)
    for group in np.flatnonzero(mass > 0):
        inside = base.groups == group
        factor = np.where(inside, np.log((NUDGE + (1 - NUDGE) * mass[group]) / mass[group]), np.log1p(-NUDGE))
        moved = measure(base.tilted(factor))
        found[group] = 0.0 if moved is None else (moved - start) / NUDGE
    return _standardised(found, mass)


def _order(base: Population, *, missing: bool) -> Floats | None:
    """Normal scores of the groups in their order; for missing rows: these alone."""
    mass = np.bincount(base.groups, base.shares).astype(np.float64)
    if missing:
        return _standardised((np.arange(mass.size) == base.missing).astype(np.float64), mass, most=np.inf)
    middle = np.clip(np.cumsum(mass) - mass / 2, 1e-9, 1 - 1e-9)
    return _standardised(np.array([NormalDist().inv_cdf(float(one)) for one in middle]), mass)


def _standardised(values: Floats, mass: Floats, most: float = MOST) -> Floats | None:
    centre = float(mass @ values)
    spread = float(np.sqrt(mass @ np.square(values - centre)))
    if not np.isfinite(spread) or spread <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return None
    return np.clip((values - centre) / spread, -most, most)

"""What an objective can show at its volume: drawn windows, judged as real ones are, from conforming to far beyond.

At a few populations along the path on which the metric gets worse, windows are drawn, measured and judged. The bound
that the verdict reads is close to normal, so its mean and spread give the probability of a failing window also where
draws are too few to see one; between the populations mean and spread are interpolated. How windows differ by nature is
carried as a few equally likely design effects.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from aimsight.aims.planning.rule import normal_cdf, overlapping_rate, rate, within
from aimsight.aims.planning.tilt import Path, path
from aimsight.aims.verdicts import Verdict
from aimsight.configs.targets import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from aimsight.aims.evaluation import OpeningRule
    from aimsight.aims.planning.judging import Judged, Judging
    from aimsight.aims.planning.population import Population
    from aimsight.metrics.design_effect import DesignEffect

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]

STRATA = 4
"""Equally likely design effects that are followed."""
DRAWS = 96
"""Windows drawn at each population and design effect."""
QUICK_DRAWS = 32
TIE = 1e-12
"""Bounds this close to the best value are there."""
FEWEST = 20
"""Fewer drawn values than this say nothing about how the bound follows what was drawn."""
GLANCE = 15
"""Windows of which the most, an odd number, say whether windows like the reference's get a verdict."""
UNBOUNDED = 100_000_000
"""So many rows stand for unboundedly many."""
LIKELY, NEARLY_SURE = 0.8, 0.95
"""Probabilities with which a deterioration is to be found."""
HORIZONS = (1, 3, 6)
"""Windows after which it may be found, beside those of the rule."""
LONGEST = 4096.0
"""No window more than so many times as long is proposed."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """The judged bound in windows of one population and design effect: mean and spread beyond the tolerance.

    ``able`` is the share of windows that can fail at all (they have a value and rows enough), ``gate`` the share of
    bounds beyond the tolerance that are called nonconforming (a change that can be chance is not). Of an estimate the
    bound is its value, and failing is to warn.
    """

    mean: float
    spread: float
    able: float = 1.0
    gate: float = 1.0

    @property
    def failing(self) -> float:
        """Probability that a window fails."""
        return self.able * self.gate * normal_cdf(self.beyond)

    @property
    def beyond(self) -> float:
        """Mean over spread."""
        if self.spread > 0:
            return self.mean / self.spread
        return math.copysign(40.0, self.mean) if self.mean else -40.0


@dataclass(frozen=True, slots=True)
class Seen:
    """Windows of one population: the metric's true value, an outlook a design effect, and the shares of verdicts."""

    value: float
    outlooks: tuple[Outlook, ...]
    verdicts: dict[Verdict, float]
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Power:
    """The judgement of windows of ``rows`` rows along the path on which an objective's metric gets worse.

    Parameters
    ----------
    judging
        Measures and judges.
    base
        The reference's population.
    rows
        Rows of a window of this population.
    effect
        How much more than by chance windows differ.
    rule
        When failures open a record.
    seed
        Of all draws: the same objective always gets the same answer.
    distance, missing
        Whether the metric is a distance from the reference, and whether it is about missing rows only.
    relative
        Whether it compares with the reference, a distance or a change: then this one's sampling error counts.
    overlap
        Windows that a row is in.
    """

    judging: Judging
    base: Population
    rows: int
    effect: DesignEffect
    rule: OpeningRule
    seed: int
    distance: bool = False
    missing: bool = False
    relative: bool = False
    overlap: int = 1
    _seen: dict[float, Seen] = field(default_factory=dict)

    @cached_property
    def value(self) -> float | None:
        """The metric's value in the reference; ``None`` when it has none."""
        return self._true(self.base)

    @cached_property
    def target(self) -> float:
        """The number of the target that is watched: in a corridor the nearer one."""
        limits = Target.parse(self.judging.objective.target).limits
        value = self.value if self.value is not None else limits[0]
        return min(limits, key=lambda limit: abs(limit - value))

    @cached_property
    def sign(self) -> int:
        """1 when larger values are worse, else -1."""
        return 1 if self.target == Target.parse(self.judging.objective.target).high else -1

    @property
    def met(self) -> bool:
        """Whether the reference itself meets the target."""
        return self.value is not None and (self.value - self.target) * self.sign <= 0

    @property
    def limit(self) -> float:
        """The value from which windows are nonconforming, given rows enough: target and tolerance."""
        return self.target + self.sign * self.judging.tolerance

    @cached_property
    def path(self) -> Path | None:
        """How the metric gets worse; ``None`` when no change of the shares moves it."""
        return path(self.base, self._true, self.sign, distance=self.distance, missing=self.missing)

    def _true(self, population: Population) -> float | None:
        return self.judging.value(population.statistics(population.expected(UNBOUNDED)))

    def inflation(self, rows: int) -> Floats:
        """Equally likely design effects of a window of so many rows, ascending.

        They grow with the rows up to those of the reference's windows; a window with the rows of several averages what
        they differ by, as its interval does.
        """
        return self.effect.strata(max(rows, 1), 1 if self.effect.excess.size == 1 else STRATA)

    @cached_property
    def expected(self) -> Judged:
        """The most typical window of the reference: cheap, no draws."""
        return self.judging.judged(self.base.statistics(self.base.expected(self.rows)))

    def glance(self) -> Iterator[Judged]:
        """A few windows of the reference's own population, each measured when it is asked for."""
        counts = self._counts(self.base, self.rows, float(self.inflation(self.rows).mean()), GLANCE)
        return (self.judging.judged(self.base.statistics(one)) for one in counts)

    @cached_property
    def as_is(self) -> Seen:
        """Windows of the reference's own population."""
        return self._look(self.base, self.value or 0.0)

    def at(self, value: float) -> Seen | None:
        """Windows of the population on the path whose metric has this value; ``None`` when there is none."""
        if value not in self._seen:
            population = self._population(value)
            if population is None:
                return None
            self._seen[value] = self._look(population, value)
        return self._seen[value]

    def _population(self, value: float) -> Population | None:
        strength = self.path.strength_of(value) if self.path is not None else None
        return None if strength is None or self.path is None else self.path.at(strength)

    def _look(self, population: Population, value: float) -> Seen:
        found = [
            self._drawn(population, float(inflation), stratum)
            for stratum, inflation in enumerate(self.inflation(self.rows))
        ]
        everything = [one for windows, _ in found for one in windows]
        verdicts = {
            verdict: sum(one.verdict is verdict for one in everything) / len(everything)
            for verdict in {one.verdict for one in everything}
        }
        reason = next((one.reason for one in everything if one.verdict is Verdict.INSUFFICIENT), "")
        reason = reason or next((one.reason for one in everything if one.value is None), "")
        outlooks = tuple(_outlook(windows, self.judging, lean) for windows, lean in found)
        return Seen(value, outlooks, verdicts, reason)

    def _drawn(self, population: Population, inflation: float, stratum: int) -> tuple[list[Judged], Floats]:
        """Drawn windows, judged, and how far each leans towards what is worse: 0 on average, with a variance of 1.

        Populations share their draws, so that neighbours are alike; strata do not, so that their chance averages out.
        """
        counts = self._counts(population, self.rows, inflation, DRAWS, stratum)
        windows = [self.judging.judged(population.statistics(one)) for one in counts]
        if self.path is None:
            return windows, np.zeros(len(windows))
        direction = self.path.direction[population.groups]
        mean = float(population.shares @ direction)
        variance = float(population.shares @ np.square(direction - mean)) * inflation / self.rows
        if self.relative:
            variance *= 1.0 + self.rows / inflation / self._reference_rows(population)
        lean = counts @ direction / self.rows - mean
        return windows, lean / math.sqrt(variance) if variance > 0 else np.zeros(len(windows))

    def _windows(self, population: Population, rows: int, inflation: float, number: int) -> list[Judged]:
        """So many drawn windows of so many rows, judged."""
        counts = self._counts(population, rows, inflation, number)
        return [self.judging.judged(population.statistics(one)) for one in counts]

    def _counts(self, population: Population, rows: int, inflation: float, number: int, stratum: int = 0) -> Counts:
        random = np.random.default_rng((self.seed, stratum))
        reference_rows = self._reference_rows(population) if self.relative else None
        return draws(population.shares, rows, inflation, number, random, reference_rows)

    def _reference_rows(self, population: Population) -> float:
        """Independent rows that would tell as much as those of the reference."""
        return population.rows / self.effect.mean

    def opening(self, seen: Seen, windows: int) -> float:
        """Probability that the rule opens within so many windows that do not overlap."""
        return float(np.mean([within(self.rule, one.failing, windows) for one in seen.outlooks]))

    def openings(self, seen: Seen, windows_a_year: float) -> float:
        """Expected openings a year, every opened record being closed at once."""
        if self.overlap > 1:
            rates = [
                overlapping_rate(self.rule, min(one.beyond, 8.0), self.overlap, self.seed) if one.failing > 0 else 0.0
                for one in seen.outlooks
            ]
        else:
            rates = [rate(self.rule, one.failing) for one in seen.outlooks]
        return float(np.mean(rates)) * windows_a_year

    def found(self, wanted: float, windows: int) -> float | None:
        """The smallest deterioration (as a value) found with this probability within so many windows, if any."""
        if within(self.rule, 1.0, windows) < wanted:
            return None
        seen = self._curve()
        if seen and self.opening(seen[0], windows) >= wanted:  # no better mix of the reference's rows is there
            return seen[0].value
        for near, far in itertools.pairwise(seen):
            if self.opening(far, windows) >= wanted:
                return self._between(near, far, wanted, windows)
        return None

    def _between(self, near: Seen, far: Seen, wanted: float, windows: int) -> float:
        low, high = 0.0, 1.0
        for _ in range(30):
            middle = (low + high) / 2
            if self.opening(_mixed(near, far, middle), windows) < wanted:
                low = middle
            else:
                high = middle
        return near.value + (far.value - near.value) * high

    @cached_property
    def half_width(self) -> float:
        """Distance of the judged bound from a value at the limit."""
        population = self._population(self.limit)
        if population is None:
            return 0.0
        one = self.judging.judged(population.statistics(population.expected(self.rows)))
        return max(-(one.beyond or 0.0), 0.0)

    def _curve(self) -> list[Seen]:
        """Populations from the limit on, each further, until the rule opens nearly surely or no worse one is there.

        Where the reference lies beyond the limit and nothing that it holds would do better, from the reference on.
        """
        first = self.at(self.limit) or (None if self.met else self.as_is)
        if first is None:
            return []
        step = self.half_width or abs(self.limit - (self.value or 0.0)) / 4 or abs(self.limit) / 4 or 1.0
        out = [first]
        for times in (0.7, 1.1, 1.5, 2.0, 2.7, 3.7, 5.0, 7.0, 10.0, 15.0, 22.0):
            one = self.at(first.value + self.sign * step * times)
            if one is None:
                last = self._last_reached(out[-1].value, first.value + self.sign * step * times)
                return [*out, last] if last is not None else out
            out.append(one)
            if min(self.opening(one, n) for n in self._horizons()) > NEARLY_SURE + 0.01:
                break
        return out

    def _horizons(self) -> list[int]:
        return [n for n in {self.rule.of, *HORIZONS} if within(self.rule, 1.0, n) > NEARLY_SURE]

    def _last_reached(self, reached: float, missed: float) -> Seen | None:
        """The worst population before the value that cannot be reached, if it is any worse."""
        for _ in range(6):
            middle = (reached + missed) / 2
            if self._population(middle) is None:
                missed = middle
            else:
                reached = middle
        return self.at(reached)

    def longer(self, value: float) -> float | None:
        """How many times as long a window has to be for this value to be found likely within the rule's windows.

        Windows that are longer average over more of what differs between windows. ``None``: no length would do.
        """
        population = self._population(value)
        if population is None:
            return None
        z = NormalDist().inv_cdf(self._chance())

        def enough(times: float) -> bool:
            rows = max(round(self.rows * times), 1)
            inflation = float(self.inflation(self.rows).mean())
            part = self._windows(population, rows, min(inflation, max(rows / 2, 1.0)), QUICK_DRAWS)
            look = _outlook(part, self.judging)
            return look.able * look.gate > LIKELY and look.beyond >= z

        low, high = 1 / 64, 1.0
        while not enough(high):
            low, high = high, high * 4
            if high > LONGEST:
                return None
        for _ in range(10):
            middle = math.sqrt(low * high)
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high

    def _chance(self) -> float:
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if within(self.rule, middle, self.rule.of) < LIKELY else (low, middle)
        return min(max(high, 1e-9), 1 - 1e-9)


def draws(  # what a draw depends on
    shares: Floats,
    rows: int,
    inflation: float,
    number: int,
    random: np.random.Generator,
    reference_rows: float | None = None,
) -> Counts:
    """Windows of so many rows, int64 of shape (number, atoms): multinomial, or more variable than that.

    Shares differ between windows as Dirichlet draws do, which multiplies the variance of every share by ``inflation``
    (at least 1, less than ``rows``). With ``reference_rows`` they also carry the reference's own sampling error: for
    distances from a reference that was itself drawn.
    """
    p = np.broadcast_to(shares, (number, shares.size))
    if reference_rows is not None:
        p = _dirichlet(p * reference_rows, random)
    if inflation > 1.0 and rows > 1:
        concentration = max((rows - 1) / (inflation - 1) - 1, 0.5)
        p = _dirichlet(p * concentration, random)
    return random.multinomial(rows, p)


def _dirichlet(shapes: Floats, random: np.random.Generator) -> Floats:
    drawn = random.standard_gamma(shapes)
    total = drawn.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(drawn, total, out=np.full_like(drawn, 1.0 / drawn.shape[1]), where=total > 0))


def _outlook(windows: list[Judged], judging: Judging, lean: Floats | None = None) -> Outlook:
    usable = [one for one in windows if one.beyond is not None and one.n >= judging.objective.min_rows]
    if not usable:
        return Outlook(-1.0, 0.0, able=0.0)
    beyond = np.array([one.beyond for one in usable], dtype=np.float64)
    past = [one.fails for one in usable if one.beyond is not None and one.beyond > 0]
    gate = sum(past) / len(past) if past else 1.0
    free = beyond > judging.floor + TIE
    mean, spread = _normal(beyond, free, judging.floor)
    if lean is not None and len(usable) == len(windows):
        mean, spread = _steadied(mean, spread, beyond[free], lean[free], lean)
    return Outlook(mean, spread, len(usable) / len(windows), gate)


def _normal(bounds: Floats, free: NDArray[np.bool_], floor: float) -> tuple[float, float]:
    """Mean and spread of the normal law of bounds, of which those that are not free stop at the best value there is.

    Those are known to lie at ``floor`` or below: the law has their share there, and the mean of the others above it
    (Cohen 1950). Of bounds that all stop nothing else is known.
    """
    stopped = 1.0 - float(free.mean())
    if stopped in {0.0, 1.0}:
        return float(bounds.mean()), float(bounds.std(ddof=1)) if bounds.size > 1 else 0.0
    law = NormalDist()
    at = law.inv_cdf(stopped)
    spread = (float(bounds[free].mean()) - floor) / (law.pdf(at) / (1.0 - stopped) - at)
    return floor - spread * at, spread


def _steadied(mean: float, spread: float, bounds: Floats, lean: Floats, every: Floats) -> tuple[float, float]:
    """Mean and spread less what the draws by chance lean too far, or vary too much, in the direction of the path.

    How far windows lean has a known mean and variance, and the bound follows it (a control variate): ``bounds`` of
    windows that lean by ``lean``, ``every`` with those whose bound stops.
    """
    varied = float(lean.var(ddof=1)) if lean.size >= FEWEST else 0.0
    if varied <= 0 or spread <= 0:
        return mean, spread
    slope = float(np.cov(lean, bounds)[0, 1]) / varied
    variance = spread**2 + slope**2 * (1.0 - float(every.var(ddof=1)))
    return mean - slope * float(every.mean()), math.sqrt(max(variance, spread**2 / 4))


def _mixed(near: Seen, far: Seen, part: float) -> Seen:
    """What is seen in between, linearly."""
    outlooks = tuple(
        Outlook(*(a + (b - a) * part for a, b in zip(_numbers(one), _numbers(other), strict=True)))
        for one, other in zip(near.outlooks, far.outlooks, strict=True)
    )
    return Seen(near.value + (far.value - near.value) * part, outlooks, {})


def _numbers(one: Outlook) -> tuple[float, float, float, float]:
    return one.mean, one.spread, one.able, one.gate

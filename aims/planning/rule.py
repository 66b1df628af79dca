"""How often a rule "k of n windows" opens when each window fails with a given probability: exact, no draws.

Windows are taken as independent given that probability; windows that overlap are treated in ``overlapping_rate``.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.aims.evaluation import OpeningRule

    Floats = NDArray[np.float64]

MOST_STATES = 1500
"""More states than this are not followed one by one."""
RARE = 1e-6
"""Below this probability a window fails so rarely that the first-order rate is exact to six digits."""
PATH = 100_000
"""Windows of the path that overlapping windows are counted on."""
ENOUGH = 20
"""With fewer openings than this on the path, their rate is bounded instead of counted."""


def within(rule: OpeningRule, chance: float, windows: int) -> float:
    """Probability that the rule opens within so many windows, none of the windows before having failed.

    Parameters
    ----------
    chance
        Probability that a window fails, in [0, 1].
    windows
        Windows from the change on, at least 1.
    """
    if windows <= rule.of:
        return _at_least(rule.failures, windows, chance)
    matrix, opens = _chain(rule.failures, rule.of)
    if matrix is None:  # too many states: the chance of the first ``of`` windows, then the long-run rate
        closed = 1.0 - _at_least(rule.failures, rule.of, chance)
        return 1.0 - closed * (1.0 - min(rate(rule, chance), 1.0)) ** (windows - rule.of)
    fails, passes = matrix
    state = np.zeros(opens.size)
    state[0] = 1.0
    for _ in range(windows):
        state = state @ passes * (1.0 - chance) + state @ fails * chance
    return float(min(max(1.0 - state.sum(), 0.0), 1.0))


def rate(rule: OpeningRule, chance: float) -> float:
    """Openings a window in the long run, when every opened record is closed at once and starts afresh.

    The inverse of the mean number of windows until the rule opens.
    """
    if chance <= 0:
        return 0.0
    matrix, opens = _chain(rule.failures, rule.of)
    if matrix is None or chance < RARE:
        return chance * _at_least(rule.failures - 1, rule.of - 1, chance)
    fails, passes = matrix
    stay = passes * (1.0 - chance) + fails * chance
    waiting = np.linalg.solve(np.eye(opens.size) - stay, np.ones(opens.size))
    return float(1.0 / waiting[0])


def overlapping_rate(rule: OpeningRule, beyond: float, overlap: int, seed: int) -> float:
    """Openings a window when each window shares all but one ``overlap``-th of its rows with the one before.

    Parameters
    ----------
    beyond
        How far, in standard deviations, the mean of the judged bound lies beyond the limit (negative: on the right
        side); a window fails with probability Phi(beyond).
    overlap
        Windows that a row is in.
    seed
        Of the path.

    Notes
    -----
    The bound moves like the mean of the last ``overlap`` independent pieces. A record stays open while one of the
    last ``of`` windows failed. Where the path shows fewer than ``ENOUGH`` openings, the rate is bounded by that of a
    failing window.
    """
    pieces = np.random.default_rng(seed).standard_normal(PATH + overlap)
    sums = np.cumsum(pieces)
    failed = (sums[overlap:] - sums[:-overlap]) / math.sqrt(overlap) + beyond > 0
    counted = np.cumsum(np.concatenate([np.zeros(rule.of, dtype=np.int64), failed]))
    recent = counted[rule.of :] - counted[: -rule.of]
    openings, is_open = 0, False
    for place in np.flatnonzero(np.diff((recent > 0).astype(np.int8) + 2 * (recent >= rule.failures), prepend=0)):
        is_open = is_open and recent[place] > 0
        if not is_open and recent[place] >= rule.failures:
            openings, is_open = openings + 1, True
    return openings / PATH if openings >= ENOUGH else min(normal_cdf(beyond), ENOUGH / PATH)


def normal_cdf(x: float) -> float:
    """The standard normal distribution function, accurate in the lower tail."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def _at_least(k: int, n: int, chance: float) -> float:
    """Probability of at least ``k`` failures among ``n`` windows."""
    if k <= 0:
        return 1.0
    return min(sum(math.comb(n, i) * chance**i * (1.0 - chance) ** (n - i) for i in range(k, n + 1)), 1.0)


@lru_cache(maxsize=64)
def _chain(k: int, n: int) -> tuple[tuple[Floats, Floats] | None, Floats]:
    """Moves between the patterns of the last n - 1 windows that have not opened: by a failure, and by a pass.

    The first pattern is "none failed". A failure that opens leads out of the matrix.
    """
    if sum(math.comb(n - 1, i) for i in range(k)) > MOST_STATES:
        return None, np.empty(0)
    patterns = [frozenset(which) for size in range(k) for which in combinations(range(1, n), size)]
    places = {pattern: place for place, pattern in enumerate(patterns)}
    fails, passes = np.zeros((len(patterns), len(patterns))), np.zeros((len(patterns), len(patterns)))
    for pattern, place in places.items():
        older = frozenset(age + 1 for age in pattern if age + 1 < n)  # ages of the failures, 1 the newest
        passes[place, places[older]] = 1.0
        if len(pattern) + 1 < k:
            fails[place, places[older | {1} if n > 1 else older]] = 1.0
    return (fails, passes), np.ones(len(patterns))

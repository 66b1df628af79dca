"""Intervals of any function of joint counts: a smoothed (Bayesian) bootstrap, seeded by the counts themselves.

A multinomial bootstrap draws new counts and may lose a class, which makes many metrics undefined, or never show an
error that has not been seen yet. Drawing the shares instead, from a Dirichlet distribution around the counts plus two
rows spread evenly over the cells, has neither trouble and covers the truth from 30 rows on
(docs/adr/0015-bootstrap-of-joint-counts.md and docs/adr/0020-two-unknown-rows.md).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.intervals import LEVEL, UNKNOWN_ROWS
from aimsight.metrics.values import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DRAWS = 1000
"""Draws of one interval: its ends are then off by about a twentieth of their distance."""
FEWER_DRAWS = 300
"""Draws where there are many cells."""
MANY = 64
"""More cells than this are many, and those without rows are then left empty."""


def shares_of(counts: NDArray[np.int64]) -> Floats:
    """Draws of the shares of all cells, shape (draws, *counts.shape); each draw adds up to 1.

    The generator is seeded by the counts: the same counts give the same draws, whatever else was drawn before.
    """
    seed = hashlib.blake2b(repr(counts.shape).encode() + counts.astype("<i8").tobytes(), digest_size=16).digest()
    rng = np.random.Generator(np.random.SFC64(int.from_bytes(seed, "little")))
    flat = counts.reshape(-1)
    many = flat.size > MANY
    drawn = np.flatnonzero(flat) if many else np.arange(flat.size)
    out = np.zeros((FEWER_DRAWS if many else DRAWS, flat.size))
    out[:, drawn] = rng.standard_gamma(flat[drawn] + UNKNOWN_ROWS / drawn.size, size=(out.shape[0], drawn.size))
    out /= out.sum(axis=1, keepdims=True)
    return out.reshape(-1, *counts.shape)


def interval_of(value: float, counts: NDArray[np.int64], statistic: Callable[[Floats], Floats]) -> Interval:
    """Percentile interval of a statistic of the cells' shares; at least one row is needed.

    ``statistic`` takes shares of shape (draws, *counts.shape) and gives one finite number a draw. The interval always
    holds the value itself.
    """
    ends = [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]
    low, high = np.quantile(statistic(shares_of(counts)), ends, method="weibull")
    return Interval(min(float(low), value), max(float(high), value), "bootstrap of counts")

"""Small seeded data that both nannyml and the tests estimate on."""

from __future__ import annotations

from typing import Any

import numpy as np


def classified(rows: int, seed: int, *, shifted: bool = False) -> tuple[Any, Any]:
    """Scores of a model that is too sure of itself, and labels; shifted: higher scores."""
    rng = np.random.default_rng(seed)
    s = rng.beta(*((3.0, 2.0) if shifted else (2.0, 3.0)), rows)
    return s, (rng.random(rows) < 0.2 + 0.6 * s).astype(int)


def regressed(rows: int, seed: int, *, shifted: bool = False) -> tuple[Any, Any, Any, Any]:
    """Features x and z, prediction and label; errors grow with x; shifted: more rows with large x."""
    rng = np.random.default_rng(seed)
    x = rng.beta(*((3.0, 2.0) if shifted else (2.0, 3.0)), rows)
    z = rng.normal(0, 1, rows)
    p = 10 * x + z
    return x, z, p, p + rng.normal(0, 0.5 + 3 * x)


def sorted_out(rows: int, seed: int, *, shifted: bool = False) -> tuple[Any, Any]:
    """Scores of three classes by a model that is too sure of itself, and labels; shifted: more of the last class."""
    rng = np.random.default_rng(seed)
    s = rng.dirichlet((1.5, 2.0, 3.0) if shifted else (3.0, 2.0, 1.5), rows)
    chances = 0.1 + 0.7 * s
    return s, (rng.random(rows)[:, None] > chances.cumsum(axis=1)).sum(axis=1)


def priced(rows: int, seed: int, *, shifted: bool = False) -> tuple[Any, Any, Any, Any]:
    """As ``regressed``, but predictions and labels are well above 0, so that they have relative and log errors."""
    x, z, p, y = regressed(rows, seed, shifted=shifted)
    return x, z, p + 30, y + 30

"""Whether the rows that have labels look like those that have none, feature by feature: on a sample of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aimsight.metrics.curves import kolmogorov_p_value
from aimsight.metrics.estimates.selection import ALPHA, MATERIAL
from aimsight.metrics.evidence import change_p_value, q_values
from aimsight.metrics.samples import MOST_CODES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.samples import SamplePair

    Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FeatureSelection:
    """How far the labelled rows of a sample are from all of its rows in one feature.

    ``distance`` is at most by how much the share of rows in any range of the feature (numbers: up to any value;
    categories: in any set) differs, missing values taken as one of its values; ``p_value`` the evidence that labelled
    and unlabelled rows differ, ``q_value`` the same adjusted over the features.
    """

    name: str
    distance: float
    p_value: float
    q_value: float = 1.0

    @property
    def differs(self) -> bool:
        """Whether labels are selective by this feature: the evidence holds, and the distance is of some size."""
        return self.q_value <= ALPHA and self.distance >= MATERIAL


def by_feature(pair: SamplePair, labelled: Flags) -> list[FeatureSelection]:
    """Every feature of the window's rows, in the order of the features; both kinds of rows must be there."""
    found = [
        (_category if kind == "category" else _numeric)(name, pair.window[name], labelled)
        for name, kind in pair.kinds.items()
    ]
    adjusted = q_values([one.p_value for one in found])
    return [FeatureSelection(one.name, one.distance, one.p_value, q) for one, q in zip(found, adjusted, strict=True)]


def _numeric(name: str, values: NDArray[Any], labelled: Flags) -> FeatureSelection:
    """By the largest gap of the cumulative shares of what is finite or infinite, and by the share of missing values."""
    numbers = values.astype(np.float64)
    there = ~np.isnan(numbers)
    missing = _apart(np.where(there, 0, 1), labelled)
    parts = [(_distance(*missing), change_p_value(*missing, alone=(1,)))]
    inside, kept = labelled[there], numbers[there]
    n, m = int(inside.sum()), int((~inside).sum())
    if n and m:
        points = np.unique(kept)
        ours, theirs = (
            np.searchsorted(np.sort(side), points, side="right") / side.size for side in (kept[inside], kept[~inside])
        )
        gap = float(np.abs(ours - theirs).max())
        # all rows are a mixture of both, so that the labelled ones are this much nearer to them
        parts.append((gap * m / (n + m), kolmogorov_p_value(gap, n, m)))
    return FeatureSelection(
        name, max(distance for distance, _ in parts), min(1.0, min(p for _, p in parts) * len(parts))
    )


def _category(name: str, values: NDArray[Any], labelled: Flags) -> FeatureSelection:
    """By the shares of the most frequent categories, of all others together, and of missing values."""
    missing = np.array([value is None for value in values], dtype=bool)
    names, inverse, counts = np.unique(values[~missing].astype(str), return_inverse=True, return_counts=True)
    place = np.empty(names.size, dtype=np.int64)
    place[np.lexsort((names, -counts))] = np.minimum(np.arange(names.size), MOST_CODES)
    codes = np.full(values.size, min(names.size, MOST_CODES + 1), dtype=np.int64)
    codes[~missing] = place[inverse]
    tables = _apart(codes, labelled)
    alone = (tables[0].size - 1,) if missing.any() else ()
    return FeatureSelection(name, _distance(*tables), change_p_value(*tables, alone=alone))


def _apart(codes: NDArray[np.int64], labelled: Flags) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows by code, with labels and without."""
    size = int(codes.max()) + 1
    ours, theirs = (np.bincount(codes[part], minlength=max(size, 2)) for part in (labelled, ~labelled))
    return ours, theirs


def _distance(labelled: NDArray[np.int64], unlabelled: NDArray[np.int64]) -> float:
    """Total variation distance between the rows with labels and all rows."""
    everything = labelled + unlabelled
    return float(np.abs(labelled / labelled.sum() - everything / everything.sum()).sum()) / 2

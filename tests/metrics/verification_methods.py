"""The rows of the verification's cases, and textbook forms of metrics on plain arrays."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

Floats = NDArray[np.float64]
FOLDER = Path(__file__).resolve().parents[2] / "metrics" / "verification"
SPLIT = datetime(2026, 2, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Rows:
    """The rows of one side of a case, each id once, in order of time."""

    rows: tuple[dict[str, str], ...]

    def text(self, name: str) -> NDArray[Any]:
        """A column as text, ``''`` where missing."""
        return np.array([row[name] for row in self.rows])

    def number(self, name: str) -> Floats:
        """A column as numbers, NaN where missing."""
        return np.array([float(row[name] or "nan") for row in self.rows])

    def where(self, *names: str) -> Rows:
        """The rows in which none of these is missing (nor, for a score, outside [0, 1])."""
        return Rows(tuple(row for row in self.rows if all(self._has(row, name) for name in names)))

    @staticmethod
    def _has(row: dict[str, str], name: str) -> bool:
        return row[name] != "" and (name != "p" or 0 <= float(row[name]) <= 1)

    def of(self, gender: str) -> Rows:
        """The rows of one group."""
        return Rows(tuple(row for row in self.rows if row["gender"] == gender))

    @cached_property
    def genders(self) -> list[str]:
        """The groups, in order."""
        return sorted({row["gender"] for row in self.rows})


@cache
def side(case: str, *, late: bool) -> Rows:
    """Reference or window of a case; of rows with the same id the first counts."""
    with (FOLDER / f"{case}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    seen: dict[str, dict[str, str]] = {}
    for row in rows:
        seen.setdefault(row["id"], row)
    return Rows(tuple(row for row in seen.values() if (datetime.fromisoformat(row["at"]) >= SPLIT) == late))


before = partial(side, late=False)
now = partial(side, late=True)


def bins(y: Floats, p: Floats) -> list[tuple[float, float, float]]:
    """Rows, share of positives and mean score of each of ten bins of equal width."""
    place = np.minimum((p * 10).astype(int), 9)
    return [(float((place == b).sum()), float(y[place == b].mean()), float(p[place == b].mean())) for b in set(place)]


def ece(y: Floats, p: Floats) -> float:
    """Expected calibration error over ten bins."""
    return sum(n * abs(up - mean) for n, up, mean in bins(y, p)) / y.size


def reliability(y: Floats, p: Floats) -> float:
    """Reliability of Murphy's partition."""
    return sum(n * (up - mean) ** 2 for n, up, mean in bins(y, p)) / y.size


def resolution(y: Floats, p: Floats) -> float:
    """Resolution of Murphy's partition."""
    return float(sum(n * (up - y.mean()) ** 2 for n, up, _ in bins(y, p)) / y.size)


def slope(y: Floats, p: Floats) -> float:
    """Slope of the logistic regression of the label on the logit of the score."""
    logit = np.log(p / (1 - p))[:, None]
    return float(LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(logit, y).coef_[0, 0])


def intercept(y: Floats, p: Floats) -> float:
    """The number that, added to every logit, makes the scores right on average: by bisection."""
    logit, low, high = np.log(p / (1 - p)), -10.0, 10.0
    for _ in range(100):
        middle = (low + high) / 2
        if (1 / (1 + np.exp(-logit - middle))).sum() < y.sum():
            low = middle
        else:
            high = middle
    return low


def at_top(y: Floats, p: Floats, k: float = 0.1) -> float:
    """Positives among the share k of rows with the highest scores, tied rows in proportion."""
    wanted, found = k * y.size, 0.0
    for score in np.unique(p)[::-1]:
        tied = y[p == score]
        taken = min(tied.size, wanted)
        found, wanted = found + tied.sum() * taken / tied.size, wanted - taken
    return found


def fixed_cost(y: Floats, yes: Floats) -> float:
    """Five for a false positive, one for a false negative."""
    return float((5 * ((yes == 1) & (y == 0)) + ((yes == 0) & (y == 1))).mean())


def class_specificity(labels: NDArray[Any], decisions: NDArray[Any]) -> float:
    """Mean over the classes of the share of other rows that are left alone."""
    return float(np.mean([(decisions[labels != one] != one).mean() for one in "abc"]))


def class_cost(labels: NDArray[Any], decisions: NDArray[Any]) -> float:
    """Five for an a that is taken for b, two for a c that is taken for a, one for any other error."""
    special = {"ab": 5.0, "ca": 2.0}
    pairs = zip(labels, decisions, strict=True)
    return float(np.mean([special.get(label + decision, float(label != decision)) for label, decision in pairs]))


def divergence(p: Floats, q: Floats) -> float:
    """Jensen-Shannon divergence in nats."""
    middle = (p + q) / 2
    return float((stats.entropy(p, middle) + stats.entropy(q, middle)) / 2)


def gap(values: list[float]) -> float:
    """Largest difference."""
    return max(values) - min(values)


def ratio(values: list[float]) -> float:
    """Smallest over largest."""
    return min(values) / max(values)


def complement(values: list[float]) -> list[float]:
    """One less each."""
    return [1 - one for one in values]


def told_apart(values: Floats, is_window: NDArray[np.int64]) -> float:
    """Cross-validated AUC of gradient-boosted trees that tell window from reference."""
    trees = HistGradientBoostingClassifier(
        max_iter=40,
        max_leaf_nodes=8,
        min_samples_leaf=20,
        categorical_features=[False, False, True],
        early_stopping=False,
        random_state=20_240_229,
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=20_240_229)
    return float(cross_val_score(trees, values, is_window, cv=folds, scoring="roc_auc").mean())


def encoded(values: Floats, is_window: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Reference and window as the principal components see them: robustly scaled numbers, indicators, gaps."""
    old = is_window == 0
    columns: list[Floats] = []

    def unit(indicators: Floats) -> Floats:
        shares = indicators[old].mean(axis=0)
        return np.asarray((indicators - shares) / np.sqrt(indicators[old].var(axis=0).sum()))

    for place in range(2):
        number = np.where(values[:, place] > 1e300, np.inf, values[:, place])
        known = number[old][np.isfinite(number[old])]
        gap_in = np.isnan(number)
        scaled = (np.where(gap_in, np.median(known), number) - np.median(known)) / (stats.iqr(known) / 1.349)
        columns.append(np.clip(scaled, -5, 5))
        if gap_in.any():
            columns.append(unit(gap_in[:, None].astype(float))[:, 0])
    codes = np.nan_to_num(values[:, 2], nan=-1.0)
    kinds = np.unique(codes[old])
    flags = np.column_stack([*(codes == kind for kind in kinds), ~np.isin(codes, kinds)]).astype(float)
    matrix = np.column_stack([*columns, unit(flags)])
    return matrix[old], matrix[~old]


def reconstruction_change(values: Floats, is_window: NDArray[np.int64]) -> float:
    """Mean distance from the principal components of one half of the reference: window over the other half."""
    old, new = encoded(values, is_window)
    half = np.arange(len(old)) % 2 == 0
    known, fresh = [], []
    for fitted in (half, ~half):
        plane = PCA(n_components=0.65, svd_solver="full").fit(old[fitted])
        known.append(np.linalg.norm(old[~fitted] - plane.inverse_transform(plane.transform(old[~fitted])), axis=1))
        fresh.append(np.linalg.norm(new - plane.inverse_transform(plane.transform(new)), axis=1))
    return float(np.mean(fresh) / np.concatenate(known).mean() - 1)


def features() -> tuple[Floats, NDArray[np.int64]]:
    """Age, income and coded region of the rows of both sides, and which rows are the window's."""
    sides = before("binary"), now("binary")
    numbers = np.concatenate([np.column_stack([one.number("age"), one.number("income")]) for one in sides])
    numbers[np.isinf(numbers)] = np.finfo(np.float64).max
    regions = np.concatenate([one.text("region") for one in sides])
    kinds = sorted(set(regions) - {""}, key=lambda kind: (-(regions == kind).sum(), kind))
    codes = np.array([np.nan if one == "" else float(kinds.index(one)) for one in regions])
    return np.column_stack([numbers, codes]), np.repeat([0, 1], [len(one.rows) for one in sides])


def shares(case: str = "binary") -> tuple[Floats, Floats]:
    """Rows of reference and window by region; what the reference lacks is one group, what is missing another."""
    known = sorted(set(before(case).text("region")) - {""})

    def counted(rows: Rows) -> Floats:
        regions = rows.text("region")
        kinds = [*((regions == one).sum() for one in known), (regions == "").sum()]
        return np.array([*kinds, regions.size - sum(kinds)], dtype=float)

    x, y = counted(before(case)), counted(now(case))
    return x[x + y > 0], y[x + y > 0]


def distance(how: Callable[[Floats, Floats], float], half: float = 0.0) -> float:
    """A distance of the shares of the regions, with so many rows added to every group."""
    x, y = shares()
    return float(how((x + half) / (x + half).sum(), (y + half) / (y + half).sum()))


def values(name: str = "age") -> tuple[Floats, Floats]:
    """Finite values of reference and window."""
    found = before("binary").number(name), now("binary").number(name)
    return found[0][np.isfinite(found[0])], found[1][np.isfinite(found[1])]


def gaps(name: str = "age") -> tuple[Floats, Floats, Floats, Floats]:
    """Distinct values of both sides together, cumulative shares of each side at them, and of both together."""
    a, b = values(name)
    points = np.unique(np.concatenate([a, b]))
    f, g = (np.searchsorted(np.sort(one), points, side="right") / one.size for one in (a, b))
    return points, f, g, (f * a.size + g * b.size) / (a.size + b.size)


def cramer_von_mises() -> float:
    """Mean squared gap over the rows of both sides."""
    _, f, g, pooled = gaps()
    return float(np.square(f - g) @ np.diff(pooled, prepend=0.0))


def anderson_darling() -> float:
    """Two-sample statistic of SciPy's k-sample version without midranks, turned back from its standardised form."""
    _, f, g, pooled = gaps()
    a, b = values()
    inner = pooled < 1
    steps = np.diff(pooled, prepend=0.0)[inner]
    total = np.square(f - g)[inner] / (pooled * (1 - pooled))[inner] @ steps
    return float(total * a.size * b.size / (a.size + b.size))


def spread() -> float:
    """Standard deviation of the finite ages of the reference."""
    return float(values()[0].std())

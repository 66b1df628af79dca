"""What a measurement has to be, from the rows of a drawn project: scikit-learn, SciPy and plain counting alone.

Written from docs/metrics.md and docs/concepts.md: a decision counts once in a window, its earliest row; labels that
arrived after the run or before their decision are not used; group values that are missing are no group.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sk

from aimsight.tests.random_projects import CURVES, METRICS, SHARES, RandomProject

Floats = NDArray[np.float64]
Z = float(stats.norm.ppf(0.975))
PROBABILITIES = 2.0**-52


@dataclass(frozen=True)
class Expected:
    """A value with its interval, where that has a textbook form, and its rows, where they are no matter of taste."""

    value: float
    interval: tuple[float, float] | None = None
    n: int | None = None


def wilson(hits: float, n: float, z: float = Z) -> tuple[float, float]:
    """Wilson's interval of a share, by its quadratic equation."""
    a, b, c = n * n + n * z * z, -(2 * n * hits + n * z * z), hits * hits
    low, high = sorted(float(one.real) for one in np.roots([a, b, c]))
    return (0.0 if hits == 0 else low), (1.0 if hits == n else high)


def share(hits: float, n: float) -> Expected | None:
    """A share of rows; nothing without rows."""
    return Expected(hits / n, wilson(hits, n), int(n)) if n else None


def student(values: Floats, low: float = -math.inf, high: float = math.inf) -> Expected:
    """A mean with Student's interval, cut off at its bounds; none for few rows, whose quantile is an expansion."""
    if values.size < 12 or values.std() == 0:
        return Expected(float(values.mean()), n=values.size)
    ends = stats.t.interval(0.95, values.size - 1, values.mean(), stats.sem(values))
    return Expected(float(values.mean()), (max(float(ends[0]), low), min(float(ends[1]), high)), values.size)


class Rows:
    """The rows of one side, each decision once, with their labels as of a moment."""

    def __init__(self, project: RandomProject, start: datetime, end: datetime) -> None:
        self.task, self.project = project.model["task"], project
        rows = project.rows[(project.rows["at"] >= start) & (project.rows["at"] < end)]
        self.read = len(rows)
        self.rows = rows.sort_values("at", kind="stable").drop_duplicates("id").pipe(self._labelled)

    def _labelled(self, rows: pd.DataFrame) -> pd.DataFrame:
        labels, now = self.project.labels, pd.Timestamp(self.project.now)
        if labels is not None:
            known = labels[labels["known_at"] <= now].sort_values("known_at").drop_duplicates("id", keep="last")
            rows = rows.merge(known, on="id", how="left")
        if "arrived_at" in self.project.model["labels"]:
            usable = (rows["known_at"] >= rows["at"]) & (rows["known_at"] <= now)
            rows = rows.assign(y=rows["y"].where(usable))
        return rows.reset_index(drop=True)

    def part(self, columns: list[str], values: list[str], name: str) -> pd.DataFrame:
        """The rows of a segment: all, those with these values, or those of the one filter."""
        if name == "upper":
            return self.rows[(self.rows["x"] > 0.25) & (self.rows["half"] == "b")]
        chosen = np.ones(len(self.rows), dtype=bool)
        for column, value in zip(columns, values, strict=True):
            chosen &= (self.rows[column].fillna("(missing)") == value).to_numpy()
        return self.rows[chosen]


class Oracle:
    """Everything that can be expected of a drawn project."""

    def __init__(self, project: RandomProject) -> None:
        self.project, self.task = project, project.model["task"]
        self._known: dict[tuple[datetime, datetime], Rows] = {}

    @cached_property
    def reference(self) -> Rows:
        """The rows of the reference."""
        return Rows(self.project, *self.project.bounds[:2])

    def window(self, start: datetime, end: datetime) -> Rows:
        """The rows of a window."""
        if (start, end) not in self._known:
            self._known[start, end] = Rows(self.project, start, end)
        return self._known[start, end]

    def expected(self, metric: str, column: str, side: Rows, rows: pd.DataFrame) -> Expected | None:
        """What a metric has to give for these rows of a window; ``None`` where it is undefined."""
        family, name = metric.split(".")
        if family == "performance":
            return self._performance(name, rows)
        if family == "fairness":
            return self._fairness(name, side.rows, column.split(" & "))
        if family == "drift":
            return self._drift(name, column, side)
        return self._quality(name, column, side)

    def _performance(self, name: str, rows: pd.DataFrame) -> Expected | None:
        if name == "selection_rate":
            decided = rows["decision"].dropna()
            return share((decided == "yes").sum(), len(decided))
        if name in METRICS["binary"][9:]:
            return _of_scores(name, rows[rows["y"].notna() & rows["p"].between(0, 1)])
        both = rows[rows["y"].notna() & rows["decision"].notna()]
        if both.empty:
            return None
        y, d = both["y"].to_numpy(), both["decision"].to_numpy()
        if self.task == "regression":
            return _of_errors(name, y.astype(float), d.astype(float))
        if name == "precision(of=mid)":
            return share(((y == "mid") & (d == "mid")).sum(), (d == "mid").sum())
        return _of_decisions(name, y.astype(str), d.astype(str), binary=self.task == "binary")

    def _fairness(self, name: str, rows: pd.DataFrame, over: list[str]) -> Expected | None:
        """Over the groups with enough rows; the interval of two groups is Newcombe's own."""
        counts = [
            counted
            for _, part in rows.groupby(over)
            if len(part) >= self.project.model["min_group"] and (counted := _rate(name, part))[1]
        ]
        rates = [hits / n for hits, n in counts]
        if len(rates) < 2:
            return None
        if name.endswith("_ratio"):
            return Expected(min(rates) / max(rates)) if max(rates) else None
        gap = max(rates) - min(rates)
        if len(rates) > 2:
            return Expected(gap)
        (low, smaller), (high, larger) = sorted(zip(rates, [wilson(*one) for one in counts], strict=True))
        below = math.hypot(high - larger[0], smaller[1] - low)
        above = math.hypot(larger[1] - high, low - smaller[0])
        return Expected(gap, (max(gap - below, 0.0), max(gap + above, below - gap)))

    def _drift(self, name: str, column: str, side: Rows) -> Expected | None:
        both = [self.reference.rows, side.rows]
        if column == "y":  # a label that is not there yet is no missing value
            both = [rows[rows["y"].notna()] for rows in both]
        if side.rows.empty or both[1].empty:
            return None
        if name in SHARES:
            known = both[0][column].dropna().unique()
            counts = np.array(
                [
                    [
                        *((rows[column] == one).sum() for one in known),
                        rows[column].isna().sum(),
                        (rows[column].notna() & ~rows[column].isin(known)).sum(),
                    ]
                    for rows in both
                ]
            )
            return _of_shares(name, counts[:, counts.sum(axis=0) > 0])
        old, new = (rows[column].to_numpy(float) for rows in both)
        return _of_curves(name, old[np.isfinite(old)], new[np.isfinite(new)])

    def _quality(self, name: str, column: str, side: Rows) -> Expected | None:
        rows, n = side.rows, len(side.rows)
        if name == "duplicate_share":
            return share(side.read - n, side.read)
        if not n:
            return None
        if name == "rows":
            return Expected(float(n), n=n)
        if name == "label_coverage":
            return share(rows["y"].notna().sum(), n)
        if name == "missing_share":
            return share(rows[column].isna().sum(), n)
        values = rows[column].dropna()
        if name == "non_finite_share":
            return share(np.isinf(values).sum(), len(values))
        return share((~values.isin(self.reference.rows[column].unique())).sum(), len(values))


def _of_decisions(name: str, y: NDArray[Any], d: NDArray[Any], *, binary: bool) -> Expected | None:
    positive, selected = y == "yes", d == "yes"
    shares: dict[str, Callable[[], Expected | None]] = {
        "accuracy": lambda: share((y == d).sum(), y.size),
        "precision": lambda: share((positive & selected).sum(), selected.sum()),
        "recall": lambda: share((positive & selected).sum(), positive.sum()),
        "specificity": lambda: share((~positive & ~selected).sum(), (~positive).sum()),
    }
    if name in shares:
        return shares[name]()
    labels, decisions = sorted(set(y)), sorted(set(d))
    if name == "f1" and binary:
        right, all_of_them = (positive & selected).sum(), (positive | selected).sum()
        if not all_of_them:
            return None
        low, high = wilson(right, all_of_them)
        value = float(sk.f1_score(y, d, pos_label="yes"))
        return Expected(value, (2 * low / (1 + low), 2 * high / (1 + high)))
    if name == "f1":
        return Expected(float(sk.f1_score(y, d, labels=labels, average="macro", zero_division=0)))
    if name == "balanced_accuracy":
        value = sk.recall_score(y, d, labels=labels, average="macro", zero_division=0)
        return Expected(float(value)) if len(labels) > 1 else None
    if name == "mcc":
        return Expected(float(sk.matthews_corrcoef(y, d))) if min(len(labels), len(decisions)) > 1 else None
    return Expected(float(sk.cohen_kappa_score(y, d))) if len({*labels, *decisions}) > 1 else None


def _of_scores(name: str, rows: pd.DataFrame) -> Expected | None:
    y, p = (rows["y"] == "yes").to_numpy(float), rows["p"].to_numpy(float)
    if (name in {"roc_auc", "average_precision"} and len(set(y)) < 2) or not y.size:
        return None
    clipped = np.clip(p, PROBABILITIES, 1 - PROBABILITIES)
    value = {
        "roc_auc": lambda: sk.roc_auc_score(y, p),
        "average_precision": lambda: sk.average_precision_score(y, p),
        "brier": lambda: np.square(y - p).mean(),
        "log_loss": lambda: -np.where(y == 1, np.log(clipped), np.log1p(-clipped)).mean(),
        "calibration_gap": lambda: y.mean() - p.mean(),
    }[name]()
    return Expected(float(value), n=y.size)


def _of_errors(name: str, y: Floats, d: Floats) -> Expected | None:
    errors = d - y
    if name == "mae":
        return student(np.abs(errors), 0.0)
    if name == "mean_error":
        return student(errors)
    if name == "smape":
        return student(2 * np.abs(errors) / (np.abs(y) + np.abs(d)), 0.0, 2.0)
    if name == "r2":
        return Expected(float(sk.r2_score(y, d)), n=y.size) if y.size > 1 else None
    found = sk.max_error(y, d) if name == "max_error" else sk.root_mean_squared_error(y, d)
    return Expected(float(found), n=y.size)


def _rate(name: str, rows: pd.DataFrame) -> tuple[float, float]:
    """How many of how many rows of a group a fairness metric counts."""
    decided = rows[rows["decision"].notna()]
    if name.startswith("demographic"):
        return float((decided["decision"] == "yes").sum()), float(len(decided))
    labelled = decided[decided["y"].notna()]
    if name.startswith("accuracy"):
        return float((labelled["decision"] == labelled["y"]).sum()), float(len(labelled))
    positive = labelled[labelled["y"] == "yes"]
    return float((positive["decision"] == "yes").sum()), float(len(positive))


def _of_shares(name: str, counts: NDArray[np.int64]) -> Expected:
    if name == "psi":
        p, q = ((side + 0.5) / (side + 0.5).sum() for side in counts)
        return Expected(float(stats.entropy(p, q) + stats.entropy(q, p)))
    if name == "chi_square":
        return Expected(float(stats.chi2_contingency(counts, correction=False).statistic))
    p, q = (side / side.sum() for side in counts)
    if name == "total_variation":
        return Expected(float(np.abs(p - q).sum() / 2))
    middle = (p + q) / 2
    return Expected(float(np.sqrt((stats.entropy(p, middle) + stats.entropy(q, middle)) / 2)))


def _of_curves(name: str, old: Floats, new: Floats) -> Expected | None:
    if not new.size:
        return None
    if name == "ks":
        return Expected(float(stats.ks_2samp(old, new).statistic))
    if name == "wasserstein_normed":
        return Expected(float(stats.wasserstein_distance(old, new) / old.std()))
    pooled = np.concatenate([old, new])
    below = [np.searchsorted(np.sort(side), pooled, side="right") / side.size for side in (old, new)]
    return Expected(float(np.square(below[0] - below[1]).mean()))


def comparable(metric: str, column: str) -> bool:
    """Whether the value can be told without knowing cells: shares of categories, curves of numbers, all else."""
    family, name = metric.split(".")
    numbers = {"x", "far", "few"}
    return family != "drift" or (name in SHARES and column == "kind") or (name in CURVES and column in numbers)

"""What a measurement has to be, from the rows of a drawn project: scikit-learn, SciPy and plain counting alone.

Written from docs/metrics.md and docs/concepts.md: a decision counts once in a window, its earliest row; labels that
arrived after the run or before their decision are not used; group values that are missing are no group.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sk
from sklearn.isotonic import IsotonicRegression

from aimsight.tests.random_projects import CLASSES, CURVES, SCORES, SEASON_HOURS, SHARES, RandomProject

Floats = NDArray[np.float64]
Span = tuple[datetime, datetime]
FEWEST_OF_A_CLASS = 5
"""With fewer labels of a class a skill of probabilities is undefined."""
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
    if values.size < 20 or values.std() == 0:
        return Expected(float(values.mean()), n=values.size)
    ends = stats.t.interval(0.95, values.size - 1, values.mean(), stats.sem(values))
    return Expected(float(values.mean()), (max(float(ends[0]), low), min(float(ends[1]), high)), values.size)


class Rows:
    """The rows of one side, each decision once, with their labels as of a moment."""

    def __init__(self, project: RandomProject, start: datetime, end: datetime) -> None:
        self.task, self.project, self.start = project.model["task"], project, start
        rows = project.rows[(project.rows["at"] >= start) & (project.rows["at"] < end)]
        self.read = len(rows)
        self._parts: dict[str, pd.DataFrame] = {}
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
        if name not in self._parts:
            filtered = (self.rows["x"] > 0.25) & (self.rows["half"] == "b")
            chosen = filtered if name == "upper" else pd.Series(data=True, index=self.rows.index)
            for column, value in zip(columns, values, strict=True) if name != "upper" else ():
                chosen &= self.rows[column].fillna("(missing)") == value
            self._parts[name] = self.rows[chosen]
        return self._parts[name]


class Oracle:
    """Everything that can be expected of a drawn project."""

    def __init__(self, project: RandomProject, windows: Iterable[Span]) -> None:
        self.project, self.task, self.windows = project, project.model["task"], sorted(set(windows), reverse=True)
        self._known: dict[Span, Rows] = {}
        self._fitted: dict[str, IsotonicRegression] = {}

    @cached_property
    def reference(self) -> Rows:
        """The rows of the reference."""
        return Rows(self.project, *self.project.bounds[:2])

    def window(self, start: datetime, end: datetime) -> Rows:
        """The rows of a window."""
        if (start, end) not in self._known:
            self._known[start, end] = Rows(self.project, start, end)
        return self._known[start, end]

    def _before(self, side: Rows, count: int) -> list[Rows]:
        """At most so many windows before this one, the latest first, none of which overlap."""
        found, start = list[Rows](), side.start
        for one in self.windows:
            if len(found) < count and one[1] <= start:
                found.append(self.window(*one))
                start = one[0]
        return found

    def expected(self, measured: Mapping[str, Any]) -> Expected | None:
        """What a measurement has to be; ``None`` where it is undefined."""
        side = self.window(measured["window_start"], measured["window_end"])
        segment = measured["segment_columns"], measured["segment_values"], measured["segment"]
        rows, before = side.part(*segment), self.reference.part(*segment)
        least = self.project.model["min_group"]
        if measured["segment"] and len(rows) < least:
            return None
        (family, name), arguments = _parsed(measured["metric"])
        column = measured["column_name"]
        if family == "performance" and name == "change":
            known = not measured["segment"] or len(before) >= least
            return self._change(arguments, rows, before) if known else None
        if family == "performance":
            return self._performance(name, arguments, rows)
        if family == "estimated":
            return self._estimated(name, arguments, rows)
        if family == "fairness":
            return self._fairness(name, side, column.split(" & "), int(arguments.get("pool", 1)))
        return self._drift(name, column, side) if family == "drift" else self._quality(name, column, side)

    def _change(self, arguments: Mapping[str, str], rows: pd.DataFrame, before: pd.DataFrame) -> Expected | None:
        """Of a metric that is better when higher, or (an error) when lower."""
        now, then = (self._performance(arguments["of"], {}, one) for one in (rows, before))
        if now is None or then is None:
            return None
        found = _ratio_less_1(now, then) if "relative" in arguments else _difference(now, then)
        if arguments["of"] != "mae":
            return found
        ends = found.interval and (-found.interval[1], -found.interval[0])
        return Expected(-found.value, ends)

    def _performance(self, name: str, arguments: Mapping[str, str], rows: pd.DataFrame) -> Expected | None:
        of = arguments.get("of", "")
        if name == "skill":
            return self._skill(of, rows)
        if name == "selection_rate":
            decided = rows["decision"].dropna()
            return share((decided == "yes").sum(), len(decided))
        if name in {*SCORES, "calibration_gap"}:
            return self._of_scores(name, of, rows)
        both = rows[rows["y"].notna() & rows["decision"].notna()]
        if both.empty:
            return None
        y, d = both["y"].to_numpy(), both["decision"].to_numpy()
        if self.task == "regression":
            return _of_errors(name, y.astype(float), d.astype(float))
        if of:
            return share(((y == of) & (d == of)).sum(), (d == of).sum())
        average = arguments.get("average", "macro")
        return _of_decisions(name, y.astype(str), d.astype(str), average, binary=self.task == "binary")

    def _of_scores(self, name: str, of: str, rows: pd.DataFrame) -> Expected | None:
        """Of one class against the rest, or of all of them; rows count that have a label and only valid scores."""
        rows = rows[rows["y"].notna() & _valid(rows, self.task)]
        if self.task == "binary" or of:
            one, column = ("yes", "p") if self.task == "binary" else (of, f"p {of}")
            return _of_one_class(name, _ones(rows["y"] == one), rows[column].to_numpy(float))
        if rows.empty:
            return None
        y = np.column_stack([_ones(rows["y"] == one) for one in CLASSES])
        p = np.column_stack([rows[f"p {one}"].to_numpy(float) for one in CLASSES])
        if name == "brier":
            return Expected(float(np.square(y - p).sum(axis=1).mean()), n=len(rows))
        if name == "log_loss":
            return Expected(float(-np.log(np.clip((y * p).sum(axis=1), PROBABILITIES, 1 - PROBABILITIES)).mean()))
        each = [_of_one_class(name, y[:, c], p[:, c]) for c in range(len(CLASSES)) if y[:, c].any()]
        found = [one.value for one in each if one is not None]
        return Expected(float(np.mean(found)), n=len(rows)) if found else None

    def _skill(self, of: str, rows: pd.DataFrame) -> Expected | None:
        """How far from a dummy, which knows the shares or the mean of these very labels, to being without loss."""
        found = self._performance(of, {}, rows)
        if found is None:
            return None
        if of == "rmse":
            spread = rows.loc[rows["y"].notna() & rows["decision"].notna(), "y"].to_numpy(float).std()
            return Expected(1 - found.value / spread) if spread else None
        labels = rows.loc[rows["y"].notna() & _valid(rows, self.task), "y"].value_counts()
        shares = labels.to_numpy() / labels.sum()
        if shares.size < 2 or (self.task == "binary" and labels.min() < FEWEST_OF_A_CLASS):
            return None
        return Expected(
            1 - found.value / float(stats.entropy(shares) if of == "log_loss" else 1 - np.square(shares).sum())
        )

    def _estimated(self, name: str, arguments: Mapping[str, str], rows: pd.DataFrame) -> Expected | None:
        """From the chances of a label that an isotonic regression finds in the reference, the same for all segments."""
        of = arguments.get("of", "yes")
        rows = rows[_valid(rows, self.task)]
        if name not in SCORES:
            rows = rows[rows["decision"].notna()]
        if rows.empty:
            return None
        if name in {"brier", "log_loss"}:
            return self._estimated_loss(name, rows)
        if self.task == "multiclass" and not arguments:
            own = [self._chances(c, rows)[(rows["decision"] == c).to_numpy()].sum() for c in CLASSES]
            return Expected(float(np.sum(own)) / len(rows))
        chance, decided = self._chances(of, rows), (rows["decision"] == of).to_numpy()
        positives, right = chance.sum(), chance[decided].sum()
        if name == "accuracy":
            return Expected(float(np.where(decided, chance, 1 - chance).mean()), n=len(rows))
        if name == "precision":
            return Expected(float(right / decided.sum())) if decided.any() else None
        if name == "recall":
            return Expected(float(right / positives)) if positives else None
        if name == "f1":
            return Expected(float(2 * right / (positives + decided.sum()))) if positives + decided.sum() else None
        if not 0 < positives < len(rows):
            return None
        score = rows[self._column(of)].to_numpy(float)
        measure = sk.roc_auc_score if name == "roc_auc" else sk.average_precision_score
        twice, labels = np.tile(score, 2), np.repeat([1, 0], len(rows))
        return Expected(float(measure(labels, twice, sample_weight=np.concatenate([chance, 1 - chance]))))

    def _estimated_loss(self, name: str, rows: pd.DataFrame) -> Expected:
        """Of scores in the middle of their cells; of several classes only Brier's counts those that a row is not of."""
        value = 0.0
        for one in CLASSES if self.task == "multiclass" else ("yes",):
            chance, score = self._chances(one, rows), rows[self._column(one)].to_numpy(float)
            score = (np.minimum(np.floor(score * 1000), 999) + 0.5) / 1000
            own, other = (1 - score) ** 2, score**2
            if name == "log_loss":
                own, other = -np.log(score), -np.log(1 - score) if self.task == "binary" else 0 * score
            value += float((chance * own + (1 - chance) * other).mean())
        return Expected(value, n=len(rows))

    def _column(self, of: str) -> str:
        return "p" if self.task == "binary" else f"p {of}"

    def _chances(self, of: str, rows: pd.DataFrame) -> Floats:
        """The chance of a class at the scores of these rows."""
        column = self._column(of)
        if of not in self._fitted:
            known = self.reference.rows[self.reference.rows["y"].notna() & _valid(self.reference.rows, self.task)]
            fitted = IsotonicRegression(out_of_bounds="clip").fit(known[column].to_numpy(float), known["y"] == of)
            self._fitted[of] = fitted
        found: Floats = self._fitted[of].predict(rows[column].to_numpy(float))
        return found

    def _fairness(self, name: str, side: Rows, over: list[str], pool: int) -> Expected | None:
        """Over the groups with enough rows; the interval of two groups is Newcombe's own.

        A group with too few is judged with its rows of the windows before, as few of them as it takes.
        """
        sides, least, counts = [side, *self._before(side, pool - 1)], self.project.model["min_group"], []
        for group, _ in pd.concat([self.reference.rows, side.rows])[over].groupby(over):
            parts = [one.rows[(one.rows[over] == list(group)).all(axis=1)] for one in sides]
            for count in range(1, 2 if len(parts[0]) >= least else len(parts) + 1):
                part = pd.concat(parts[:count])
                if len(part) >= least and (counted := _rate(name, part))[1]:
                    counts.append(counted)
                    break
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

    def _compared_with(self, side: Rows) -> pd.DataFrame:
        """The rows that the drift of a window is measured from."""
        declared, frozen = self.project.model["reference"], self.reference.rows
        if "season" in declared:
            zone = self.project.model["log"]["time_zone"]
            starts = self._starts_of_seasons(zone, frozen["at"])
            alike = starts.dt.tz_convert(zone).dt.weekday == side.start.astimezone(ZoneInfo(zone)).weekday()
            own: pd.DataFrame = frozen.loc[alike.to_numpy(dtype=bool)]
            return own
        before = [one.rows for one in self._before(side, declared.get("rolling", len(self.windows)))]
        if "expanding" in declared:
            return pd.concat([frozen, *before])
        enough = len(before) == declared.get("rolling") and not any(one.empty for one in before)
        return pd.concat(before) if enough else frozen

    def _starts_of_seasons(self, zone: str, times: pd.Series) -> pd.Series:
        """When the window of the reference begins that a row lies in, on the grid of hours since 2001.

        Nothing for those in a window which the reference does not wholly hold.
        """
        grid, step = pd.Timestamp(2001, 1, 1, tz=zone).tz_convert("UTC"), pd.Timedelta(hours=SEASON_HOURS)
        starts = grid + (times - grid) // step * step
        start, end, _ = self.project.bounds
        return starts.where((starts >= start) & (starts + step <= end))

    def _drift(self, name: str, column: str, side: Rows) -> Expected | None:
        both = [self._compared_with(side), side.rows]
        if column == "y":  # a label that is not there yet is no missing value
            both = [rows[rows["y"].notna()] for rows in both]
        if side.rows.empty or both[1].empty:
            return None
        if name in SHARES:
            known = self.reference.rows[column].dropna().unique()
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
        frozen = self.reference.rows[column].to_numpy(float)
        return _of_curves(name, old[np.isfinite(old)], new[np.isfinite(new)], float(frozen[np.isfinite(frozen)].std()))

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


def _parsed(metric: str) -> tuple[list[str], dict[str, str]]:
    """``fairness.accuracy_difference(pool=3)`` as family and name, and its arguments."""
    name, _, inner = metric.partition("(")
    return name.split("."), dict(re.findall(r"(\w+)=(\w+)", inner))


def _valid(rows: pd.DataFrame, task: str) -> pd.Series:
    """Rows all of whose scores are probabilities."""
    columns = ["p"] if task == "binary" else [f"p {one}" for one in CLASSES]
    return ((rows[columns] >= 0) & (rows[columns] <= 1)).all(axis=1)


def _ones(true: pd.Series) -> Floats:
    """1 where it holds, else 0."""
    return np.asarray(true, dtype=np.float64)


def _of_decisions(name: str, y: NDArray[Any], d: NDArray[Any], average: str, *, binary: bool) -> Expected | None:
    positive, selected = y == "yes", d == "yes"
    shares: dict[str, Callable[[], Expected | None]] = {
        "accuracy": lambda: share((y == d).sum(), y.size),
        "precision": lambda: share((positive & selected).sum(), selected.sum()),
        "recall": lambda: share((positive & selected).sum(), positive.sum()),
        "specificity": lambda: share((~positive & ~selected).sum(), (~positive).sum()),
    }
    if name in shares and (binary or name == "accuracy"):
        return shares[name]()
    labels, decisions = sorted(set(y)), sorted(set(d))
    if name == "f1" and binary:
        right, all_of_them = (positive & selected).sum(), (positive | selected).sum()
        if not all_of_them:
            return None
        low, high = wilson(right, all_of_them)
        value = float(sk.f1_score(y, d, pos_label="yes"))
        return Expected(value, (2 * low / (1 + low), 2 * high / (1 + high)))
    if name in {"f1", "recall"}:
        measure = sk.f1_score if name == "f1" else sk.recall_score
        return Expected(float(measure(y, d, labels=labels, average=average, zero_division=0)))
    if name == "balanced_accuracy":
        value = sk.recall_score(y, d, labels=labels, average="macro", zero_division=0)
        return Expected(float(value)) if len(labels) > 1 else None
    if name == "mcc":
        return Expected(float(sk.matthews_corrcoef(y, d))) if min(len(labels), len(decisions)) > 1 else None
    return Expected(float(sk.cohen_kappa_score(y, d))) if len({*labels, *decisions}) > 1 else None


def _of_one_class(name: str, y: Floats, p: Floats) -> Expected | None:
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


def _difference(now: Expected, then: Expected) -> Expected:
    """Of two sides that know nothing of each other (Newcombe 1998)."""
    value = now.value - then.value
    if now.interval is None or then.interval is None:
        return Expected(value)
    (low, high), (before_low, before_high) = now.interval, then.interval
    below, above = (
        math.hypot(now.value - low, before_high - then.value),
        math.hypot(high - now.value, then.value - before_low),
    )
    return Expected(value, (value - below, value + above))


def _ratio_less_1(now: Expected, then: Expected) -> Expected:
    """Donner and Zou's interval: the ratios at which Newcombe's of ``now - ratio * then`` just reaches 0."""
    value, both = now.value / then.value - 1, (now.interval, then.interval)
    if both[0] is None or both[1] is None or both[1][0] <= 0:
        return Expected(value)
    ends = []
    for own, other in ((0, 1), (1, 0)):
        to_now, to_then = both[0][own] - now.value, both[1][other] - then.value
        # (now - ratio then)^2 = to_now^2 + ratio^2 to_then^2
        found = np.roots([then.value**2 - to_then**2, -2 * now.value * then.value, now.value**2 - to_now**2]).real
        ends.append(float(sorted(found)[own]) - 1)
    return Expected(value, (ends[0], ends[1]))


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


def _of_curves(name: str, old: Floats, new: Floats, deviation: float) -> Expected | None:
    if not new.size:
        return None
    if name == "ks":
        return Expected(float(stats.ks_2samp(old, new).statistic))
    if name == "wasserstein_normed":
        return Expected(float(stats.wasserstein_distance(old, new) / deviation))
    pooled = np.concatenate([old, new])
    below = [np.searchsorted(np.sort(side), pooled, side="right") / side.size for side in (old, new)]
    return Expected(float(np.square(below[0] - below[1]).mean()))


def comparable(metric: str, column: str) -> bool:
    """Whether the value can be told without knowing cells: shares of categories, curves of numbers, all else."""
    (family, name), _ = _parsed(metric)
    numbers = {"x", "far", "few"}
    return family != "drift" or (name in SHARES and column == "kind") or (name in CURVES and column in numbers)

"""Derives the known answers of the metrics' verification, by other means than the metrics themselves.

``python tests/metrics/verification_oracles.py`` writes ``metrics/verification/answers.csv``. To give a new metric its
answer, add one entry to ``ORACLES``: its name as in an objective, the case, the column (a feature or a group-by), how
far off is still right, by which means, and how. Answers come from scikit-learn, SciPy, fairlearn and NumPy on the rows.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from fairlearn import metrics as fair
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sk
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

FOLDER = Path(__file__).resolve().parents[2] / "metrics" / "verification"
SPLIT, END = datetime(2026, 2, 2, tzinfo=UTC), datetime(2026, 2, 9, tzinfo=UTC)
EXACT, FIXED, FITTED = 1e-12, 1e-8, 1e-5
"""What is still right: counts, sums in fixed point, and what an optimiser finds."""
Floats = NDArray[np.float64]


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


# --- performance -----------------------------------------------------------------------------------------------------


def decided(score: Callable[..., float], case: str = "binary", **options: Any) -> float:
    """A metric of labels and decisions."""
    found = now(case).where("y", {"binary": "yes", "multiclass": "kind"}[case])
    if case == "binary":
        return float(score(found.number("y"), found.number("yes"), **options))
    return float(score(found.text("y"), found.text("kind"), **options))


def scored(score: Callable[..., float], **options: Any) -> float:
    """A metric of labels and scores."""
    found = now("binary").where("y", "p")
    return float(score(found.number("y"), found.number("p"), **options))


def of_errors(how: Callable[[Floats, Floats], float]) -> float:
    """A metric of labels and predictions of the regression case."""
    found = now("regression").where("y", "guess")
    return float(how(found.number("y"), found.number("guess")))


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
    return sum(n * (up - y.mean()) ** 2 for n, up, _ in bins(y, p)) / y.size


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


BINARY = [
    ("performance.accuracy", partial(decided, sk.accuracy_score)),
    ("performance.balanced_accuracy", partial(decided, sk.balanced_accuracy_score)),
    ("performance.cohen_kappa", partial(decided, sk.cohen_kappa_score)),
    ("performance.f1", partial(decided, sk.f1_score)),
    ("performance.f_beta", partial(decided, partial(sk.fbeta_score, beta=2.0))),
    ("performance.f_beta(beta=0.5)", partial(decided, partial(sk.fbeta_score, beta=0.5))),
    ("performance.mcc", partial(decided, sk.matthews_corrcoef)),
    ("performance.precision", partial(decided, sk.precision_score)),
    ("performance.recall", partial(decided, sk.recall_score)),
    ("performance.specificity", partial(decided, partial(sk.recall_score, pos_label=0))),
    ("performance.false_positive_rate", lambda: 1 - decided(partial(sk.recall_score, pos_label=0))),
    ("performance.false_negative_rate", lambda: 1 - decided(sk.recall_score)),
    ("performance.average_precision", partial(scored, sk.average_precision_score)),
    ("performance.roc_auc", partial(scored, sk.roc_auc_score)),
    ("performance.gini", lambda: 2 * scored(sk.roc_auc_score) - 1),
]
"""Binary performance, by scikit-learn."""
MULTICLASS = [
    ("performance.accuracy", sk.accuracy_score),
    ("performance.balanced_accuracy", sk.balanced_accuracy_score),
    ("performance.cohen_kappa", sk.cohen_kappa_score),
    ("performance.f1", partial(sk.f1_score, average="macro")),
    ("performance.f_beta", partial(sk.fbeta_score, beta=2.0, average="macro")),
    ("performance.mcc", sk.matthews_corrcoef),
    ("performance.precision", partial(sk.precision_score, average="macro")),
    ("performance.recall", partial(sk.recall_score, average="macro")),
]
"""Multiclass performance, by scikit-learn."""


def skill() -> float:
    """How far the decisions are from the most frequent class to perfection."""
    found = now("binary").where("y", "yes")
    truth = found.number("y")
    dummy = DummyClassifier(strategy="most_frequent").fit(truth[:, None], truth).score(truth[:, None], truth)
    return float((decided(sk.accuracy_score) - dummy) / (1 - dummy))


def change() -> float:
    """Accuracy of the window less that of the reference."""
    old = before("binary").where("y", "yes")
    return decided(sk.accuracy_score) - float(sk.accuracy_score(old.number("y"), old.number("yes")))


def class_scores() -> tuple[NDArray[Any], Floats]:
    """Labels of the multiclass window and the probabilities of a, b and c."""
    found = now("multiclass").where("y", "p_a", "p_b", "p_c")
    return found.text("y"), np.column_stack([found.number(f"p_{one}") for one in "abc"])


def macro(score: Callable[..., float]) -> float:
    """Mean over the classes of a metric of each class against the rest."""
    labels, scores = class_scores()
    return float(np.mean([score(labels == one, scores[:, i]) for i, one in enumerate("abc")]))


def class_brier() -> float:
    """Mean over rows of the sum over classes of squared distances."""
    labels, scores = class_scores()
    truth = np.array([[float(label == one) for one in "abc"] for label in labels])
    return float(np.square(scores - truth).sum(axis=1).mean())


def class_log_loss() -> float:
    """Mean of minus the logarithm of the probability given to the label."""
    labels, scores = class_scores()
    return float(-np.log(scores[np.arange(labels.size), np.searchsorted(list("abc"), labels)]).mean())


def class_specificity() -> float:
    """Mean over the classes of the share of other rows that are left alone."""
    found = now("multiclass").where("y", "kind")
    labels, kinds = found.text("y"), found.text("kind")
    return float(np.mean([(kinds[labels != one] != one).mean() for one in "abc"]))


def coverage() -> float:
    """Share of labels within the prediction interval."""
    found = now("regression").where("y", "low", "high")
    label = found.number("y")
    return float(((found.number("low") <= label) & (label <= found.number("high"))).mean())


ERRORS = [
    ("performance.mae", sk.mean_absolute_error, FIXED),
    ("performance.rmse", sk.root_mean_squared_error, FIXED),
    ("performance.r2", sk.r2_score, FIXED),
    ("performance.mape", lambda y, p: float((np.abs(p - y)[y != 0] / np.abs(y[y != 0])).mean()), FIXED),
    ("performance.max_error", sk.max_error, FIXED),
    ("performance.mean_error", lambda y, p: float((p - y).mean()), FIXED),
    (
        "performance.median_absolute_error",
        lambda y, p: float(np.quantile(np.abs(p - y), 0.5, method="inverted_cdf")),
        FIXED,
    ),
    ("performance.pinball_loss", partial(sk.mean_pinball_loss, alpha=0.5), FIXED),
    ("performance.pinball_loss(level=0.9)", partial(sk.mean_pinball_loss, alpha=0.9), FIXED),
    (
        "performance.rmsle",
        lambda y, p: float(np.sqrt(np.square(np.log1p(p) - np.log1p(y))[(y > -1) & (p > -1)].mean())),
        FIXED,
    ),
    ("performance.smape", lambda y, p: float((2 * np.abs(p - y) / (np.abs(p) + np.abs(y))).mean()), FIXED),
]
"""Regression, by scikit-learn or NumPy on the rows."""


# --- estimates -------------------------------------------------------------------------------------------------------


def calibrated() -> tuple[Floats, Floats, Floats]:
    """Chance of a positive (isotonic regression on the reference), score and decision of the window's decided rows."""
    known = before("binary").where("y", "p")
    scores = known.number("p")
    fitted = IsotonicRegression(out_of_bounds="clip").fit(scores, known.number("y"))
    rows = now("binary").where("p", "yes")
    return fitted.predict(rows.number("p")), rows.number("p"), rows.number("yes")


def estimated(how: Callable[[Floats, Floats, Floats], float]) -> float:
    """An estimate of the binary case."""
    return float(how(*calibrated()))


def expected_ranking(score: Callable[..., float]) -> float:
    """A ranking metric in which every row of the window is a positive with its chance and a negative with the rest."""
    known = before("binary").where("y", "p")
    fitted = IsotonicRegression(out_of_bounds="clip").fit(known.number("p"), known.number("y"))
    p = now("binary").where("p").number("p")
    c = fitted.predict(p)
    truth = np.concatenate([np.ones(p.size), np.zeros(p.size)])
    return float(score(truth, np.concatenate([p, p]), sample_weight=np.concatenate([c, 1 - c])))


def expected_brier() -> float:
    """Expected squared distance of the scores from the labels."""
    known = before("binary").where("y", "p")
    fitted = IsotonicRegression(out_of_bounds="clip").fit(known.number("p"), known.number("y"))
    p = now("binary").where("p").number("p")
    c = fitted.predict(p)
    return float((c * (1 - p) ** 2 + (1 - c) * p**2).mean())


ESTIMATED = [
    ("estimated.accuracy", lambda c, _, d: np.where(d == 1, c, 1 - c).mean()),
    ("estimated.f1", lambda c, _, d: 2 * (c * d).sum() / (c.sum() + d.sum())),
    ("estimated.precision", lambda c, _, d: c[d == 1].mean()),
    ("estimated.recall", lambda c, _, d: (c * d).sum() / c.sum()),
    ("estimated.specificity", lambda c, _, d: ((1 - c) * (1 - d)).sum() / (1 - c).sum()),
]


def region_losses() -> Floats:
    """Absolute errors of the window's rows, which the region decides."""
    return np.array([{"north": 2.0, "south": 5.0, "east": 9.0}[one] for one in now("losses").text("region")])


# --- drift -----------------------------------------------------------------------------------------------------------


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


def divergence(p: Floats, q: Floats) -> float:
    """Jensen-Shannon divergence in nats."""
    middle = (p + q) / 2
    return float((stats.entropy(p, middle) + stats.entropy(q, middle)) / 2)


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


REGION = [
    ("drift.psi", lambda: distance(lambda p, q: ((q - p) * np.log(q / p)).sum(), 0.5)),
    ("drift.kl_divergence", lambda: distance(lambda p, q: stats.entropy(q, p), 0.5)),
    ("drift.jensen_shannon_divergence", lambda: distance(divergence)),
    ("drift.jensen_shannon_distance", lambda: distance(lambda p, q: np.sqrt(divergence(p, q)))),
    ("drift.hellinger", lambda: distance(lambda p, q: np.sqrt(1 - np.sqrt(p * q).sum()))),
    ("drift.total_variation", lambda: distance(lambda p, q: np.abs(p - q).sum() / 2)),
    ("drift.l_infinity", lambda: distance(lambda p, q: np.abs(p - q).max())),
    ("drift.cramers_v", lambda: distance(lambda p, q: np.sqrt((np.square(p - q) / (2 * (p + q))).sum()))),
    ("drift.chi_square", lambda: stats.chi2_contingency(np.array(shares()), correction=False)[0]),
]


def features() -> tuple[Floats, NDArray[np.int64]]:
    """Age, income and coded region of the rows of both sides, and which rows are the window's."""
    sides = before("binary"), now("binary")
    numbers = np.concatenate([np.column_stack([one.number("age"), one.number("income")]) for one in sides])
    numbers[np.isinf(numbers)] = np.finfo(np.float64).max
    regions = np.concatenate([one.text("region") for one in sides])
    kinds = sorted(set(regions) - {""}, key=lambda kind: (-(regions == kind).sum(), kind))
    codes = np.array([np.nan if one == "" else float(kinds.index(one)) for one in regions])
    return np.column_stack([numbers, codes]), np.repeat([0, 1], [len(one.rows) for one in sides])


def told_apart() -> float:
    """Cross-validated AUC of gradient-boosted trees that tell window from reference."""
    values, is_window = features()
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


def encoded() -> tuple[Floats, Floats]:
    """Reference and window as the principal components see them: robustly scaled numbers, indicators, gaps."""
    values, is_window = features()
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


def reconstruction_change() -> float:
    """Mean distance from the principal components of one half of the reference: window over the other half."""
    old, new = encoded()
    half = np.arange(len(old)) % 2 == 0
    known, fresh = [], []
    for fitted in (half, ~half):
        plane = PCA(n_components=0.65, svd_solver="full").fit(old[fitted])
        known.append(np.linalg.norm(old[~fitted] - plane.inverse_transform(plane.transform(old[~fitted])), axis=1))
        fresh.append(np.linalg.norm(new - plane.inverse_transform(plane.transform(new)), axis=1))
    return float(np.mean(fresh) / np.concatenate(known).mean() - 1)


def kolmogorov(name: str) -> float:
    """Largest gap between the cumulative shares of a column."""
    return float(stats.ks_2samp(*values(name)).statistic)


# --- fairness --------------------------------------------------------------------------------------------------------


def by_gender(score: Callable[..., float], *, labels: bool = True, **options: Any) -> list[float]:
    """A metric of every gender, by fairlearn's frame."""
    found = now("binary").where("y", "yes") if labels else now("binary").where("yes")
    truth = found.number("y") if labels else found.number("yes")
    frame = fair.MetricFrame(
        metrics=partial(score, **options),
        y_true=truth,
        y_pred=found.number("yes"),
        sensitive_features=found.text("gender"),
    )
    return [float(one) for one in frame.by_group]


def gap(values: list[float]) -> float:
    """Largest difference."""
    return max(values) - min(values)


def ratio(values: list[float]) -> float:
    """Smallest over largest."""
    return min(values) / max(values)


def by_score(score: Callable[[Floats, Floats], float]) -> list[float]:
    """A metric of labels and scores of every gender."""
    found = now("binary").where("y", "p")
    return [score(found.of(one).number("y"), found.of(one).number("p")) for one in found.genders]


def by_error(how: Callable[[Floats], float]) -> list[float]:
    """A metric of errors of every gender."""
    found = now("regression").where("y", "guess")
    return [float(how(found.of(one).number("guess") - found.of(one).number("y"))) for one in found.genders]


def complement(values: list[float]) -> list[float]:
    """One less each."""
    return [1 - one for one in values]


NPV = partial(sk.precision_score, pos_label=0)
RATES: dict[str, Callable[[], list[float]]] = {
    "accuracy": lambda: by_gender(sk.accuracy_score),
    "demographic_parity": lambda: by_gender(fair.selection_rate, labels=False),
    "equal_opportunity": lambda: by_gender(fair.true_positive_rate),
    "predictive_equality": lambda: by_gender(fair.false_positive_rate),
    "false_negative_rate": lambda: by_gender(fair.false_negative_rate),
    "predictive_parity": lambda: by_gender(sk.precision_score),
    "false_discovery_rate": lambda: complement(by_gender(sk.precision_score)),
    "false_omission_rate": lambda: complement(by_gender(NPV)),
    "auc": lambda: by_score(lambda y, p: float(sk.roc_auc_score(y, p))),
}
"""What fairness metrics compare over groups."""


# --- quality ---------------------------------------------------------------------------------------------------------


def missing(name: str) -> float:
    """Share of rows without a value."""
    return float((now("binary").text(name) == "").mean())


def outside() -> float:
    """Share of rows with an age outside [18, 75] or a region that was not declared."""
    age, region = now("binary").number("age"), now("binary").text("region")
    return float((((age < 18) | (age > 75)) | ((region != "") & ~np.isin(region, ["north", "south", "east"]))).mean())


def among_values(name: str, is_odd: Callable[[Any], bool]) -> float:
    """Share among the values that are there."""
    found = [one for one in now("binary").text(name) if one != ""]
    return float(np.mean([is_odd(one) for one in found]))


def delay() -> float:
    """Median hours from decision to label, the least that at least half of the labels did not exceed."""
    rows = now("binary").where("y", "known_at")
    hours = [
        (datetime.fromisoformat(row["known_at"]) - datetime.fromisoformat(row["at"])).total_seconds() / 3600
        for row in rows.rows
    ]
    return float(np.quantile(hours, 0.5, method="inverted_cdf"))


def selection() -> float:
    """Total variation distance between the decisions of labelled rows and of all rows."""
    every, labelled = now("binary").text("yes"), now("binary").where("y").text("yes")
    kinds = [one for one in sorted(set(every)) if one != ""]

    def part(rows: NDArray[Any]) -> Floats:
        counts = np.array([(rows == one).sum() for one in kinds], dtype=float)
        return counts / counts.sum()

    return float(np.abs(part(every) - part(labelled)).sum() / 2)


def most_frequent(name: str) -> float:
    """Share of the most frequent value among the values that are there."""
    found = [one for one in now("binary").text(name) if one != ""]
    return max(found.count(one) for one in set(found)) / len(found)


@dataclass(frozen=True)
class Oracle:
    """How one answer is found."""

    metric: str
    case: str
    column: str
    tolerance: float
    by: str
    find: Callable[[], float]
    segment: str = ""


SK, SP, FL, NP, HAND = "scikit-learn", "SciPy", "fairlearn", "NumPy on the rows", "by hand"

ORACLES: list[Oracle] = [
    *(Oracle(name, "binary", "", EXACT, SK, find) for name, find in BINARY),
    *(Oracle(name, "multiclass", "", EXACT, SK, partial(decided, score, "multiclass")) for name, score in MULTICLASS),
    *(Oracle(name, "regression", "", how_far, SK, partial(of_errors, how)) for name, how, how_far in ERRORS),
    Oracle("performance.brier", "binary", "", FIXED, SK, partial(scored, sk.brier_score_loss)),
    Oracle("performance.log_loss", "binary", "", FIXED, SK, partial(scored, sk.log_loss)),
    Oracle("performance.ece", "binary", "", EXACT, NP, partial(scored, ece)),
    Oracle("performance.brier_reliability", "binary", "", EXACT, NP, partial(scored, reliability)),
    Oracle("performance.brier_resolution", "binary", "", EXACT, NP, partial(scored, resolution)),
    Oracle(
        "performance.brier_uncertainty", "binary", "", EXACT, NP, lambda: scored(lambda y, _: y.mean() * (1 - y.mean()))
    ),
    Oracle("performance.calibration_gap", "binary", "", FIXED, NP, lambda: scored(lambda y, p: (y - p).mean())),
    Oracle("performance.calibration_slope", "binary", "", FITTED, SK, partial(scored, slope)),
    Oracle("performance.calibration_intercept", "binary", "", FITTED, NP, partial(scored, intercept)),
    Oracle("performance.cost(fp=5, fn=1)", "binary", "", EXACT, NP, partial(decided, fixed_cost)),
    Oracle("performance.lift", "binary", "", EXACT, NP, lambda: scored(lambda y, p: at_top(y, p) / y.sum() / 0.1)),
    Oracle(
        "performance.precision_at", "binary", "", EXACT, NP, lambda: scored(lambda y, p: at_top(y, p) / (0.1 * y.size))
    ),
    Oracle("performance.recall_at", "binary", "", EXACT, NP, lambda: scored(lambda y, p: at_top(y, p) / y.sum())),
    Oracle(
        "performance.score_ks",
        "binary",
        "",
        EXACT,
        SP,
        lambda: scored(lambda y, p: stats.ks_2samp(p[y == 1], p[y == 0]).statistic),
    ),
    Oracle(
        "performance.selection_rate",
        "binary",
        "",
        EXACT,
        NP,
        lambda: float(now("binary").where("yes").number("yes").mean()),
    ),
    Oracle("performance.roc_auc", "multiclass", "", EXACT, SK, partial(macro, sk.roc_auc_score)),
    Oracle("performance.average_precision", "multiclass", "", EXACT, SK, partial(macro, sk.average_precision_score)),
    Oracle("performance.ece", "multiclass", "", EXACT, NP, partial(macro, lambda y, p: ece(y.astype(float), p))),
    Oracle("performance.brier", "multiclass", "", FIXED, NP, class_brier),
    Oracle("performance.log_loss", "multiclass", "", FIXED, NP, class_log_loss),
    Oracle("performance.specificity", "multiclass", "", EXACT, NP, class_specificity),
    Oracle("performance.interval_coverage", "regression", "", EXACT, NP, coverage),
    *(Oracle(name, "binary", "", FITTED, SK, partial(estimated, how)) for name, how in ESTIMATED),
    Oracle("estimated.roc_auc", "binary", "", FITTED, SK, partial(expected_ranking, sk.roc_auc_score)),
    Oracle(
        "estimated.average_precision", "binary", "", FITTED, SK, partial(expected_ranking, sk.average_precision_score)
    ),
    Oracle("estimated.brier", "binary", "", FITTED, SK, expected_brier),
    Oracle("estimated.mae", "losses", "", FIXED, HAND, lambda: float(region_losses().mean())),
    Oracle("estimated.rmse", "losses", "", FIXED, HAND, lambda: float(np.sqrt(np.square(region_losses()).mean()))),
    *(Oracle(name, "binary", "region", EXACT, NP, find) for name, find in REGION),
    Oracle("drift.ks", "binary", "age", EXACT, SP, lambda: stats.ks_2samp(*values()).statistic),
    Oracle("drift.domain_classifier_auc", "binary", "", FITTED, SK, told_apart),
    Oracle("drift.reconstruction_error_change", "binary", "", FITTED, SK, reconstruction_change),
    Oracle(
        "drift.importance_weighted(by=drift.ks)",
        "binary",
        "",
        EXACT,
        SP,
        lambda: (3 * kolmogorov("age") + kolmogorov("income")) / 4,
    ),
    Oracle(
        "drift.share_of_drifted_features(by=drift.ks, threshold=0.15)",
        "binary",
        "",
        EXACT,
        SP,
        lambda: float(np.mean([kolmogorov(name) > 0.15 for name in ("age", "income")])),
    ),
    Oracle("performance.skill(of=accuracy)", "binary", "", EXACT, SK, skill),
    Oracle("performance.change(of=accuracy)", "binary", "", EXACT, SK, change),
    Oracle("drift.cramer_von_mises", "binary", "age", EXACT, NP, cramer_von_mises),
    Oracle("drift.anderson_darling", "binary", "age", FIXED, NP, anderson_darling),
    Oracle(
        "drift.energy_distance",
        "binary",
        "age",
        FIXED,
        SP,
        lambda: stats.energy_distance(*values()) / np.sqrt(spread()),
    ),
    Oracle(
        "drift.wasserstein_normed", "binary", "age", FIXED, SP, lambda: stats.wasserstein_distance(*values()) / spread()
    ),
    Oracle(
        "drift.missing_share_change",
        "binary",
        "region",
        EXACT,
        NP,
        lambda: float((now("binary").text("region") == "").mean() - (before("binary").text("region") == "").mean()),
    ),
    *(
        Oracle(f"fairness.{name}_difference", "binary", "gender", EXACT, FL, partial(lambda rates: gap(rates()), rates))
        for name, rates in RATES.items()
    ),
    *(
        Oracle(f"fairness.{name}_ratio", "binary", "gender", EXACT, FL, partial(lambda rates: ratio(rates()), rates))
        for name, rates in RATES.items()
    ),
    Oracle("fairness.disparate_impact", "binary", "gender", EXACT, FL, lambda: ratio(RATES["demographic_parity"]())),
    Oracle(
        "fairness.equalized_odds_difference",
        "binary",
        "gender",
        EXACT,
        FL,
        lambda: max(gap(RATES["equal_opportunity"]()), gap(RATES["predictive_equality"]())),
    ),
    Oracle(
        "fairness.equalized_odds_ratio",
        "binary",
        "gender",
        EXACT,
        FL,
        lambda: min(ratio(RATES["equal_opportunity"]()), ratio(RATES["predictive_equality"]())),
    ),
    Oracle(
        "fairness.calibration_gap",
        "binary",
        "gender",
        FIXED,
        NP,
        lambda: max(by_score(lambda y, p: abs(float((y - p).mean())))),
    ),
    Oracle("fairness.calibration_within_groups", "binary", "gender", EXACT, NP, lambda: max(by_score(ece))),
    Oracle(
        "fairness.mae_difference", "regression", "gender", FIXED, NP, lambda: gap(by_error(lambda e: np.abs(e).mean()))
    ),
    Oracle(
        "fairness.mae_ratio", "regression", "gender", FIXED, NP, lambda: ratio(by_error(lambda e: np.abs(e).mean()))
    ),
    Oracle("fairness.mean_error_difference", "regression", "gender", FIXED, NP, lambda: gap(by_error(np.mean))),
    Oracle("quality.rows", "binary", "", EXACT, HAND, lambda: 160.0),
    Oracle("quality.duplicate_share", "binary", "", EXACT, HAND, lambda: 2 / 162),
    Oracle("quality.schema_changes", "binary", "", EXACT, HAND, lambda: 3.0),
    Oracle("quality.constant_columns", "binary", "", EXACT, HAND, lambda: 0.0),
    Oracle("quality.volume_ratio", "binary", "", EXACT, HAND, lambda: 160 / (280 / 4)),
    Oracle(
        "quality.freshness_hours",
        "binary",
        "",
        EXACT,
        NP,
        lambda: (END - datetime.fromisoformat(now("binary").rows[-1]["at"])).total_seconds() / 3600,
    ),
    Oracle("quality.label_coverage", "binary", "", EXACT, NP, lambda: len(now("binary").where("y").rows) / 160),
    Oracle("quality.label_delay", "binary", "", EXACT, NP, delay),
    Oracle("quality.label_selection", "binary", "yes", EXACT, NP, selection),
    Oracle("quality.invalid_prediction_share", "binary", "", EXACT, NP, lambda: missing("yes")),
    Oracle(
        "quality.invalid_score_share", "binary", "", EXACT, NP, lambda: 1 - len(now("binary").where("p").rows) / 160
    ),
    Oracle("quality.missing_share", "binary", "region", EXACT, NP, lambda: missing("region")),
    Oracle(
        "quality.non_finite_share",
        "binary",
        "income",
        EXACT,
        NP,
        lambda: among_values("income", lambda one: one == "inf"),
    ),
    Oracle(
        "quality.out_of_range_share",
        "binary",
        "age",
        EXACT,
        NP,
        lambda: among_values("age", lambda one: not 18 <= float(one) <= 75),
    ),
    Oracle(
        "quality.unseen_category_share",
        "binary",
        "region",
        EXACT,
        NP,
        lambda: among_values("region", lambda one: one == "west"),
    ),
    Oracle("quality.most_frequent_share", "binary", "region", EXACT, NP, lambda: most_frequent("region")),
    Oracle("quality.outside_intended_use_share", "binary", "", EXACT, NP, outside),
]
"""Every answer, in the order of the file."""


def lines() -> list[list[str]]:
    """The lines of the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            [one.metric, one.case, one.column, one.segment, repr(float(one.find())), f"{one.tolerance:g}", one.by]
            for one in ORACLES
        ]


def main() -> None:
    """Write the answers."""
    with (FOLDER / "answers.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["metric", "case", "column", "segment", "value", "tolerance", "by"])
        writer.writerows(lines())


if __name__ == "__main__":
    main()

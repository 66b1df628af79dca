"""Derives the known answers of the metrics' verification, by other means than the metrics themselves.

``python tests/metrics/verification_oracles.py`` writes ``metrics/verification/answers.csv``. To give a new metric its
answer, add one entry to ``ORACLES``: its name as in an objective, the case, the column (a feature or a group-by), how
far off is still right, by which means, and how. Answers come from scikit-learn, SciPy, fairlearn and NumPy on the rows.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fairlearn import metrics as fair
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sk
from sklearn.dummy import DummyClassifier

FOLDER = Path(__file__).resolve().parents[2] / "metrics" / "verification"
END = datetime(2026, 2, 9, tzinfo=UTC)
EXACT, FIXED, FITTED = 1e-12, 1e-8, 1e-5
"""What is still right: counts, sums in fixed point, and what an optimiser finds."""
Floats = NDArray[np.float64]


def _beside(name: str) -> Any:
    """A module that lies beside this one, in no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


m, of_estimates = _beside("verification_methods"), _beside("verification_estimates")
"""The rows of the cases, and textbook forms on plain arrays."""


# --- performance -----------------------------------------------------------------------------------------------------


def decided(score: Callable[..., float], case: str = "binary", **options: Any) -> float:
    """A metric of labels and decisions."""
    found = m.now(case).where("y", {"binary": "yes", "multiclass": "kind"}[case])
    if case == "binary":
        return float(score(found.number("y"), found.number("yes"), **options))
    return float(score(found.text("y"), found.text("kind"), **options))


def scored(score: Callable[..., float], **options: Any) -> float:
    """A metric of labels and scores."""
    found = m.now("binary").where("y", "p")
    return float(score(found.number("y"), found.number("p"), **options))


def of_errors(how: Callable[[Floats, Floats], float]) -> float:
    """A metric of labels and predictions of the regression case."""
    found = m.now("regression").where("y", "guess")
    return float(how(found.number("y"), found.number("guess")))


BINARY: list[tuple[str, Callable[[], float]]] = [
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
    (
        "performance.confusion(label=positive, decision=negative)",
        lambda: decided(lambda y, d: float(sk.confusion_matrix(y, d, normalize="all")[1, 0])),
    ),
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
    found = m.now("binary").where("y", "yes")
    truth = found.number("y")
    dummy = DummyClassifier(strategy="most_frequent").fit(truth[:, None], truth).score(truth[:, None], truth)
    return float((decided(sk.accuracy_score) - dummy) / (1 - dummy))


def change() -> float:
    """Accuracy of the window less that of the reference."""
    old = m.before("binary").where("y", "yes")
    return decided(sk.accuracy_score) - float(sk.accuracy_score(old.number("y"), old.number("yes")))


def relative_change() -> float:
    """The same as a share of the accuracy of the reference."""
    before = decided(sk.accuracy_score) - change()
    return change() / before


def class_scores() -> tuple[NDArray[Any], Floats]:
    """Labels of the multiclass window and the probabilities of a, b and c."""
    found = m.now("multiclass").where("y", "p_a", "p_b", "p_c")
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


def class_calibration() -> float:
    """Largest over genders of the mean over classes of the calibration error of each class against the rest."""
    found, values = m.now("multiclass").where("y", "p_a", "p_b", "p_c"), []
    for one in found.genders:
        rows = found.of(one)
        values.append(np.mean([m.ece((rows.text("y") == c).astype(float), rows.number(f"p_{c}")) for c in "abc"]))
    return float(max(values))


class_costs = partial(decided, m.class_cost, "multiclass")


def coverage() -> float:
    """Share of labels within the prediction interval."""
    found = m.now("regression").where("y", "low", "high")
    label = found.number("y")
    return float(((found.number("low") <= label) & (label <= found.number("high"))).mean())


ERRORS: list[tuple[str, Callable[[Floats, Floats], float], float]] = [
    ("performance.mae", sk.mean_absolute_error, FIXED),
    ("performance.mse", sk.mean_squared_error, FIXED),
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
    (
        "performance.msle",
        lambda y, p: float(np.square(np.log1p(p) - np.log1p(y))[(y > -1) & (p > -1)].mean()),
        FIXED,
    ),
    ("performance.smape", lambda y, p: float((2 * np.abs(p - y) / (np.abs(p) + np.abs(y))).mean()), FIXED),
]
"""Regression, by scikit-learn or NumPy on the rows."""


# --- drift -----------------------------------------------------------------------------------------------------------


REGION: list[tuple[str, Callable[[], float]]] = [
    ("drift.psi", lambda: m.distance(lambda p, q: ((q - p) * np.log(q / p)).sum(), 0.5)),
    ("drift.kl_divergence", lambda: m.distance(lambda p, q: stats.entropy(q, p), 0.5)),
    ("drift.jensen_shannon_divergence", lambda: m.distance(m.divergence)),
    ("drift.jensen_shannon_distance", lambda: m.distance(lambda p, q: np.sqrt(m.divergence(p, q)))),
    ("drift.hellinger", lambda: m.distance(lambda p, q: np.sqrt(1 - np.sqrt(p * q).sum()))),
    ("drift.total_variation", lambda: m.distance(lambda p, q: np.abs(p - q).sum() / 2)),
    ("drift.l_infinity", lambda: m.distance(lambda p, q: np.abs(p - q).max())),
    ("drift.cramers_v", lambda: m.distance(lambda p, q: np.sqrt((np.square(p - q) / (2 * (p + q))).sum()))),
    ("drift.chi_square", lambda: stats.chi2_contingency(np.array(m.shares()), correction=False)[0]),
]


def kolmogorov(name: str) -> float:
    """Largest gap between the cumulative shares of a column."""
    return float(stats.ks_2samp(*m.values(name)).statistic)


# --- fairness --------------------------------------------------------------------------------------------------------


def by_gender(score: Callable[..., float], *, labels: bool = True, **options: Any) -> list[float]:
    """A metric of every gender, by fairlearn's frame."""
    found = m.now("binary").where("y", "yes") if labels else m.now("binary").where("yes")
    truth = found.number("y") if labels else found.number("yes")
    frame = fair.MetricFrame(
        metrics=partial(score, **options),
        y_true=truth,
        y_pred=found.number("yes"),
        sensitive_features=found.text("gender"),
    )
    return [float(one) for one in frame.by_group]


def by_score(score: Callable[[Floats, Floats], float]) -> list[float]:
    """A metric of labels and scores of every gender."""
    found = m.now("binary").where("y", "p")
    return [score(found.of(one).number("y"), found.of(one).number("p")) for one in found.genders]


def by_error(how: Callable[[Floats], float]) -> list[float]:
    """A metric of errors of every gender."""
    found = m.now("regression").where("y", "guess")
    return [float(how(found.of(one).number("guess") - found.of(one).number("y"))) for one in found.genders]


NPV = partial(sk.precision_score, pos_label=0)
RATES: dict[str, Callable[[], list[float]]] = {
    "accuracy": lambda: by_gender(sk.accuracy_score),
    "demographic_parity": lambda: by_gender(fair.selection_rate, labels=False),
    "equal_opportunity": lambda: by_gender(fair.true_positive_rate),
    "predictive_equality": lambda: by_gender(fair.false_positive_rate),
    "false_negative_rate": lambda: by_gender(fair.false_negative_rate),
    "predictive_parity": lambda: by_gender(sk.precision_score),
    "false_discovery_rate": lambda: m.complement(by_gender(sk.precision_score)),
    "false_omission_rate": lambda: m.complement(by_gender(NPV)),
    "auc": lambda: by_score(lambda y, p: float(sk.roc_auc_score(y, p))),
}
"""What fairness metrics compare over groups."""


# --- quality ---------------------------------------------------------------------------------------------------------


def missing(name: str) -> float:
    """Share of rows without a value."""
    return float((m.now("binary").text(name) == "").mean())


def outside() -> float:
    """Share of rows with an age outside [18, 75] or a region that was not declared."""
    age, region = m.now("binary").number("age"), m.now("binary").text("region")
    return float((((age < 18) | (age > 75)) | ((region != "") & ~np.isin(region, ["north", "south", "east"]))).mean())


def among_values(name: str, is_odd: Callable[[Any], bool]) -> float:
    """Share among the values that are there."""
    found = [one for one in m.now("binary").text(name) if one != ""]
    return float(np.mean([is_odd(one) for one in found]))


def delay() -> float:
    """Median hours from decision to label, the least that at least half of the labels did not exceed."""
    rows = m.now("binary").where("y", "known_at")
    hours = [
        (datetime.fromisoformat(row["known_at"]) - datetime.fromisoformat(row["at"])).total_seconds() / 3600
        for row in rows.rows
    ]
    return float(np.quantile(hours, 0.5, method="inverted_cdf"))


def selection() -> float:
    """Total variation distance between the decisions of labelled rows and of all rows."""
    every, labelled = m.now("binary").text("yes"), m.now("binary").where("y").text("yes")
    kinds = [one for one in sorted(set(every)) if one != ""]

    def part(rows: NDArray[Any]) -> Floats:
        counts = np.array([(rows == one).sum() for one in kinds], dtype=float)
        return np.asarray(counts / counts.sum())

    return float(np.abs(part(every) - part(labelled)).sum() / 2)


def selection_by_features() -> float:
    """Largest distance of labelled rows from all rows: SciPy's KS statistic, or half the differences of shares."""
    every, labelled = m.now("binary"), m.now("binary").where("y")
    found = []
    for name in ("age", "income"):
        missing = abs(float(np.isnan(labelled.number(name)).mean() - np.isnan(every.number(name)).mean()))
        sides = [side[~np.isnan(side)] for side in (labelled.number(name), every.number(name))]
        found += [missing, float(stats.ks_2samp(*sides).statistic)]
    kinds = sorted(set(every.text("region")))
    shares = [np.array([(side.text("region") == one).mean() for one in kinds]) for side in (labelled, every)]
    return max(*found, float(np.abs(shares[0] - shares[1]).sum() / 2))


def most_frequent(name: str) -> float:
    """Share of the most frequent value among the values that are there."""
    found = [one for one in m.now("binary").text(name) if one != ""]
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
    Oracle("performance.ece", "binary", "", EXACT, NP, partial(scored, m.ece)),
    Oracle("performance.brier_reliability", "binary", "", EXACT, NP, partial(scored, m.reliability)),
    Oracle("performance.brier_resolution", "binary", "", EXACT, NP, partial(scored, m.resolution)),
    Oracle(
        "performance.brier_uncertainty", "binary", "", EXACT, NP, lambda: scored(lambda y, _: y.mean() * (1 - y.mean()))
    ),
    Oracle("performance.calibration_gap", "binary", "", FIXED, NP, lambda: scored(lambda y, p: (y - p).mean())),
    Oracle("performance.calibration_slope", "binary", "", FITTED, SK, partial(scored, m.slope)),
    Oracle("performance.calibration_intercept", "binary", "", FITTED, NP, partial(scored, m.intercept)),
    Oracle("performance.cost(fp=5, fn=1)", "binary", "", EXACT, NP, partial(decided, m.fixed_cost)),
    Oracle("performance.lift", "binary", "", EXACT, NP, lambda: scored(lambda y, p: m.at_top(y, p) / y.sum() / 0.1)),
    Oracle(
        "performance.precision_at",
        "binary",
        "",
        EXACT,
        NP,
        lambda: scored(lambda y, p: m.at_top(y, p) / (0.1 * y.size)),
    ),
    Oracle("performance.recall_at", "binary", "", EXACT, NP, lambda: scored(lambda y, p: m.at_top(y, p) / y.sum())),
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
        lambda: float(m.now("binary").where("yes").number("yes").mean()),
    ),
    Oracle("performance.roc_auc", "multiclass", "", EXACT, SK, partial(macro, sk.roc_auc_score)),
    Oracle("performance.average_precision", "multiclass", "", EXACT, SK, partial(macro, sk.average_precision_score)),
    Oracle("performance.ece", "multiclass", "", EXACT, NP, partial(macro, lambda y, p: m.ece(y.astype(float), p))),
    Oracle("performance.brier", "multiclass", "", FIXED, NP, class_brier),
    Oracle("performance.log_loss", "multiclass", "", FIXED, NP, class_log_loss),
    Oracle("performance.specificity", "multiclass", "", EXACT, NP, partial(decided, m.class_specificity, "multiclass")),
    Oracle('performance.cost_matrix(costs="a as b: 5, c as a: 2")', "multiclass", "", EXACT, NP, class_costs),
    Oracle("performance.interval_coverage", "regression", "", EXACT, NP, coverage),
    *(Oracle(name, "binary", "", FITTED, SK, find) for name, find in of_estimates.SCORED),
    *(Oracle(name, case, "", FIXED, SK if case == "ratios" else HAND, find) for name, case, find in of_estimates.LOST),
    *(Oracle(name, "binary", "region", EXACT, NP, find) for name, find in REGION),
    Oracle("drift.ks", "binary", "age", EXACT, SP, lambda: stats.ks_2samp(*m.values()).statistic),
    Oracle("drift.domain_classifier_auc", "binary", "", FITTED, SK, lambda: m.told_apart(*m.features())),
    Oracle(
        "drift.reconstruction_error_change", "binary", "", FITTED, SK, lambda: m.reconstruction_change(*m.features())
    ),
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
    Oracle("performance.change(of=accuracy, relative=true)", "binary", "", EXACT, SK, relative_change),
    Oracle("drift.cramer_von_mises", "binary", "age", EXACT, NP, m.cramer_von_mises),
    Oracle("drift.anderson_darling", "binary", "age", FIXED, NP, m.anderson_darling),
    Oracle(
        "drift.energy_distance",
        "binary",
        "age",
        FIXED,
        SP,
        lambda: stats.energy_distance(*m.values()) / np.sqrt(m.spread()),
    ),
    Oracle(
        "drift.wasserstein_normed",
        "binary",
        "age",
        FIXED,
        SP,
        lambda: stats.wasserstein_distance(*m.values()) / m.spread(),
    ),
    Oracle(
        "drift.missing_share_change",
        "binary",
        "region",
        EXACT,
        NP,
        lambda: float((m.now("binary").text("region") == "").mean() - (m.before("binary").text("region") == "").mean()),
    ),
    *(
        Oracle(
            f"fairness.{name}_difference", "binary", "gender", EXACT, FL, partial(lambda rates: m.gap(rates()), rates)
        )
        for name, rates in RATES.items()
    ),
    *(
        Oracle(f"fairness.{name}_ratio", "binary", "gender", EXACT, FL, partial(lambda rates: m.ratio(rates()), rates))
        for name, rates in RATES.items()
    ),
    Oracle("fairness.disparate_impact", "binary", "gender", EXACT, FL, lambda: m.ratio(RATES["demographic_parity"]())),
    Oracle(
        "fairness.equalized_odds_difference",
        "binary",
        "gender",
        EXACT,
        FL,
        lambda: max(m.gap(RATES["equal_opportunity"]()), m.gap(RATES["predictive_equality"]())),
    ),
    Oracle(
        "fairness.equalized_odds_ratio",
        "binary",
        "gender",
        EXACT,
        FL,
        lambda: min(m.ratio(RATES["equal_opportunity"]()), m.ratio(RATES["predictive_equality"]())),
    ),
    Oracle(
        "fairness.calibration_gap",
        "binary",
        "gender",
        FIXED,
        NP,
        lambda: max(by_score(lambda y, p: abs(float((y - p).mean())))),
    ),
    Oracle("fairness.calibration_within_groups", "binary", "gender", EXACT, NP, lambda: max(by_score(m.ece))),
    Oracle("fairness.calibration_within_groups", "multiclass", "gender", EXACT, NP, class_calibration),
    Oracle(
        "fairness.mae_difference",
        "regression",
        "gender",
        FIXED,
        NP,
        lambda: m.gap(by_error(lambda e: np.abs(e).mean())),
    ),
    Oracle(
        "fairness.mae_ratio", "regression", "gender", FIXED, NP, lambda: m.ratio(by_error(lambda e: np.abs(e).mean()))
    ),
    Oracle("fairness.mean_error_difference", "regression", "gender", FIXED, NP, lambda: m.gap(by_error(np.mean))),
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
        lambda: (END - datetime.fromisoformat(m.now("binary").rows[-1]["at"])).total_seconds() / 3600,
    ),
    Oracle("quality.label_coverage", "binary", "", EXACT, NP, lambda: len(m.now("binary").where("y").rows) / 160),
    Oracle("quality.label_delay", "binary", "", EXACT, NP, delay),
    Oracle("quality.label_selection", "binary", "yes", EXACT, NP, selection),
    Oracle("quality.label_selection_features", "binary", "", EXACT, SP, selection_by_features),
    Oracle("quality.invalid_prediction_share", "binary", "", EXACT, NP, lambda: missing("yes")),
    Oracle(
        "quality.invalid_score_share", "binary", "", EXACT, NP, lambda: 1 - len(m.now("binary").where("p").rows) / 160
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

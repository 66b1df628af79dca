"""Names of metrics: what books and other tools call them, and which one a person most likely meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.configs.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

OTHER_NAMES = {
    "auc": "roc_auc",
    "auroc": "roc_auc",
    "pr_auc": "average_precision",
    "map": "average_precision",
    "sensitivity": "recall",
    "tpr": "recall",
    "true_positive_rate": "recall",
    "hit_rate": "recall",
    "tnr": "specificity",
    "true_negative_rate": "specificity",
    "fpr": "false_positive_rate",
    "fnr": "false_negative_rate",
    "miss_rate": "false_negative_rate",
    "ppv": "precision",
    "positive_predictive_value": "precision",
    "matthews_corrcoef": "mcc",
    "kappa": "cohen_kappa",
    "cross_entropy": "log_loss",
    "brier_loss": "brier",
    "expected_calibration_error": "ece",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
    "mean_squared_log_error": "msle",
    "confusion_matrix": "performance.confusion",
    "business_value": "performance.cost",
    "root_mean_squared_error": "rmse",
    "root_mean_squared_log_error": "rmsle",
    "mean_absolute_percentage_error": "mape",
    "bias": "mean_error",
    "r_squared": "r2",
    "quantile_loss": "pinball_loss",
    "precision_at_k": "precision_at",
    "recall_at_k": "recall_at",
    "population_stability_index": "psi",
    "js": "jensen_shannon_distance",
    "jensenshannon": "jensen_shannon_distance",
    "jensen_shannon": "jensen_shannon_distance",
    "kolmogorov_smirnov": "drift.ks",
    "kolmogorov": "drift.ks",
    "wasserstein": "wasserstein_normed",
    "emd": "wasserstein_normed",
    "kl": "kl_divergence",
    "kl_div": "kl_divergence",
    "energy": "energy_distance",
    "tvd": "total_variation",
    "chi2": "chi_square",
    "chisquare": "chi_square",
    "domain_classifier": "domain_classifier_auc",
    "statistical_parity": "demographic_parity_difference",
    "statistical_parity_difference": "demographic_parity_difference",
    "demographic_parity": "demographic_parity_difference",
    "equal_opportunity": "equal_opportunity_difference",
    "equalized_odds": "equalized_odds_difference",
    "equalised_odds": "equalized_odds_difference",
    "four_fifths": "disparate_impact",
    "adverse_impact": "disparate_impact",
    "missing": "missing_share",
    "nulls": "missing_share",
    "null_rate": "missing_share",
    "duplicates": "duplicate_share",
    "freshness": "freshness_hours",
    "coverage": "label_coverage",
    "row_count": "rows",
    "volume": "volume_ratio",
    "schema": "schema_changes",
}
"""Other names, and what they are called here: the last part of an id, or all of it where that is not enough."""


def meant(name: str, valid: Iterable[str]) -> str:
    """The metric that a name most likely means, or ``''``: of the family that is written, else the first that fits."""
    ids = list(valid)
    family, _, last = name.casefold().rpartition(".")
    bare = _bare(last)
    other = {_bare(key): _bare(word) for key, word in OTHER_NAMES.items()}
    for word in (bare, bare.removesuffix("score"), other.get(bare), other.get(bare.removesuffix("score"))):
        fitting = [one for one in ids if word in (_bare(one), _bare(one.rpartition(".")[2]))]
        if fitting:
            return next((one for one in fitting if one.startswith(f"{family}.")), fitting[0])
    return did_you_mean(name, ids)


def _bare(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "")

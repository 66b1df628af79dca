"""Names that books and other tools give to metrics lead to ours."""

from __future__ import annotations

import pytest

from aimsight.configs.metric_names import OTHER_NAMES, meant
from aimsight.metrics.registry import METRICS


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("accuracy", "performance.accuracy"),
        ("estimated.auc", "estimated.roc_auc"),
        ("f1_score", "performance.f1"),
        ("performance.f1score", "performance.f1"),
        ("Recall", "performance.recall"),
        ("auc_roc", "performance.roc_auc"),
        ("performance.mean_absolute_error", "performance.mae"),
        ("ks", "drift.ks"),
        ("drift.jensen-shannon", "drift.jensen_shannon_distance"),
        ("fairness.demographic_parity", "fairness.demographic_parity_difference"),
        ("quality.duplicates", "quality.duplicate_share"),
        ("nothing like it", ""),
    ],
)
def test_the_metric_that_was_meant(name: str, metric: str) -> None:
    """By its last part in the family that is written, by another name, else by likeness."""
    assert meant(name, METRICS) == metric


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_every_other_name_leads_to_a_metric(name: str) -> None:
    """None is the name of a metric itself, and each is one that there is."""
    found = meant(name, METRICS)
    assert found in METRICS
    assert found.endswith(OTHER_NAMES[name])
    assert name not in {one.rpartition(".")[2] for one in METRICS}

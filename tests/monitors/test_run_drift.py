"""Runs whose drift needs more than counts: samples of rows, seasons of the reference, the project's correction."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from aimsight.tests.monitors.sandbox import Sandbox, binary_rows

MULTIVARIATE = ["drift.domain_classifier_auc", "drift.reconstruction_error_change"]


def rows(day: int, *, n: int, shift: float = 0.0) -> list[dict[str, Any]]:
    """Rows of a day within its first hours, with ``x`` moved."""
    found, rng = binary_rows(day, n=n), random.Random(day)
    start = found[0]["at"]
    return [
        row
        | {
            "x": rng.gauss(50 + shift, 10),
            "colour": rng.choice(["red", "blue"]),
            "at": start + timedelta(minutes=2 * i),
        }
        for i, row in enumerate(found)
    ]


@pytest.mark.parametrize("own_source", [False, True], ids=["period", "source"])
def test_rows_are_sampled_when_a_metric_needs_them(sandbox: Sandbox, own_source: bool) -> None:
    """A day whose x moved can be told from the reference, of the log or of its own files; a quiet one cannot."""
    for day in range(4):
        sandbox.day(day, rows(day, n=150))
    reference = {"source": "data/credit/2026-01-0[1-4].parquet", "labels_source": "labels/credit/*.parquet"}
    changes: dict[str, Any] = {"monitor": {"start": binary_rows(4)[0]["at"].date()}}
    if own_source:
        changes["reference"] = reference | {"period": None, "windows": None}
    sandbox.model(metrics=MULTIVARIATE, objectives=[], **changes)
    sandbox.day(4, rows(4, n=150))
    sandbox.day(5, rows(5, n=150, shift=40.0))
    sandbox.run(6)
    found = {
        (row["metric"], row["window_start"].day): row
        for row in sandbox.rows("SELECT * FROM measurements WHERE is_latest AND metric LIKE 'drift.%'")
    }
    quiet, moved = (found["drift.domain_classifier_auc", day] for day in (5, 6))
    assert quiet["value"] == pytest.approx(0.5, abs=0.1)
    assert moved["value"] > 0.95
    assert moved["p_value"] < 1e-3
    assert moved["detail"].startswith("told apart by x (")
    assert (
        found["drift.reconstruction_error_change", 6]["value"] > found["drift.reconstruction_error_change", 5]["value"]
    )
    sandbox.check()


def test_a_seasonal_reference_is_said_with_every_drift(sandbox: Sandbox) -> None:
    """Four weeks of reference days: a Thursday is compared with its four Thursdays, and the measurement says so."""
    period = [sandbox.window(0).start.date(), sandbox.window(28).start.date()]
    sandbox.model(reference={"period": period, "season": "weekday"}, objectives=[])
    sandbox.days(*range(29))
    sandbox.run(29)
    (found,) = sandbox.rows("SELECT * FROM measurements WHERE metric = 'drift.psi' AND column_name = 'x'")
    assert found["detail"] == "compared with 4 reference windows of a Thursday, 2026-01-01 to 2026-01-22"
    assert found["value"] is not None
    sandbox.check()


def test_the_correction_is_the_projects_or_the_models(sandbox: Sandbox) -> None:
    """Benjamini-Yekutieli for all models unless one has its own: q-values are larger by the harmonic sum."""
    (sandbox.root / "aimsight.yaml").parent.mkdir(parents=True, exist_ok=True)
    (sandbox.root / "aimsight.yaml").write_text("organisation: Example\ndrift_fdr: by\n")
    q_values = {}
    for name, choice in (("credit", None), ("other", "bh")):
        sandbox.model(name, objectives=[], **({"drift_fdr": choice} if choice else {}))
        for day in range(5):
            sandbox.days(day, name=name, n=60 if day < 4 else 40)
    sandbox.run(5)
    for name in ("credit", "other"):
        found = sandbox.rows("SELECT q_value, p_value FROM measurements WHERE metric = 'drift.psi' AND model = ?", name)
        q_values[name] = sorted(row["q_value"] for row in found)
        assert len(found) >= 3
    assert all(by >= bh for by, bh in zip(q_values["credit"], q_values["other"], strict=True))
    assert q_values["credit"][0] > q_values["other"][0]


def test_which_rows_got_labels_is_looked_at_by_feature(sandbox: Sandbox) -> None:
    """Labels of half the rows, those with a large x: the feature is named, from the labels' own files."""
    for day in range(6):
        drawn = rows(day, n=150)
        sandbox.day(day, drawn, labels=False)
        sandbox.labels(day, [row for row in drawn if row["x"] > 50])
    sandbox.model(metrics=["quality.label_selection_features"], objectives=[])
    sandbox.run(6)
    found = sandbox.rows("SELECT * FROM measurements WHERE is_latest")
    assert found
    for row in found:
        assert row["detail"].startswith("1 of 3 features differ: x (")
        assert row["p_value"] < 1e-6
    sandbox.check()

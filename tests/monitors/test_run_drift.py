"""Runs whose drift needs more than counts: samples of rows, seasons of the reference, the project's correction."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from scipy.stats import ks_2samp

from aimsight.monitors.recompute import recompute
from aimsight.tests.configurations import an_objective
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


def moving(sandbox: Sandbox, *, drift: str = "binned", **reference: Any) -> None:
    """Write a model whose reference of four days moves, and twelve days whose ``x`` goes up by 2 a day."""
    sandbox.model(reference=reference, drift=drift, metrics=["drift.ks", "drift.psi"], objectives=[])
    for day in range(12):
        sandbox.day(day, rows(day, n=150, shift=2.0 * day))


def distances(sandbox: Sandbox) -> dict[int, tuple[float, str]]:
    """The Kolmogorov-Smirnov distance of ``x`` and its note by day."""
    found = sandbox.rows(
        "SELECT window_start, value, detail FROM measurements "
        "WHERE metric = 'drift.ks' AND column_name = 'x' AND is_latest ORDER BY window_start"
    )
    return {row["window_start"].day - 1: (row["value"], row["detail"]) for row in found}


@pytest.mark.parametrize(("drift", "off"), [("binned", 0.01), ("exact", 1e-12)])
@pytest.mark.parametrize(
    ("reference", "notes", "bases"),
    [
        (
            {"rolling": 3},
            {
                4: "compared with the reference: of 3 windows before there are 0",
                6: "compared with the reference: of 3 windows before there are 2",
                11: "compared with the 3 windows (2026-01-09 to 2026-01-11) before",
            },
            {6: range(4), 7: range(4, 7), 11: range(8, 11)},
        ),
        (
            {"expanding": True},
            {
                4: "compared with the reference: there is no window since",
                5: "compared with the reference and the 1 window (2026-01-05) since",
                11: "compared with the reference and the 7 windows (2026-01-05 to 2026-01-11) since",
            },
            {4: range(4), 5: range(5), 11: range(11)},
        ),
    ],
    ids=["rolling", "expanding"],
)
def test_a_moving_reference_is_the_windows_before(
    sandbox: Sandbox, reference: dict[str, Any], notes: dict[int, str], bases: dict[int, range], drift: str, off: float
) -> None:
    """Distances are those of scipy between a day's rows and the rows of the days before that it is compared with."""
    moving(sandbox, drift=drift, **reference)
    sandbox.run(12)
    found = distances(sandbox)
    assert {day: found[day][1] for day in notes} == notes
    drawn = {day: [row["x"] for row in rows(day, n=150, shift=2.0 * day)] for day in range(12)}
    for day, base in bases.items():
        before = [x for one in base for x in drawn[one]]
        assert found[day][0] == pytest.approx(ks_2samp(before, drawn[day]).statistic, abs=off)
    sandbox.check()
    again = recompute(sandbox.project, sandbox.store, ["credit"])
    assert (again.runs, again.findings) == (8, ())


def test_an_expanding_reference_takes_no_row_twice(sandbox: Sandbox) -> None:
    """Where monitoring starts within the reference, its windows there are a part of it and not added to it."""
    moving(sandbox, expanding=True)
    sandbox.run(12)
    later = distances(sandbox)
    early = sandbox.at(sandbox.root.parent / "early")
    moving(early, expanding=True)
    early.write_model(
        "credit", {**early.raw["credit"], "monitor": {**early.raw["credit"]["monitor"], "start": "2026-01-02"}}
    )
    early.run(12)
    found = distances(early)
    assert found[3][1] == "compared with the reference: there is no window since"
    assert {day: found[day] for day in later} == later


def test_a_moving_reference_does_not_hang_on_what_is_run_together(sandbox: Sandbox) -> None:
    """Day by day, with an objective edited on the way, distances are those of one run."""
    moving(sandbox, rolling=3)
    sandbox.run(12)
    together = distances(sandbox)
    single = sandbox.at(sandbox.root.parent / "single")
    moving(single, rolling=3)
    for day in range(5, 13):
        if day == 9:
            single.model(
                reference={"rolling": 3},
                drift="binned",
                metrics=["drift.ks", "drift.psi"],
                objectives=[an_objective(metric="drift.psi", column="x", target="<= 0.3")],
            )
        single.run(day)
    assert distances(single) == together
    single.check()


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

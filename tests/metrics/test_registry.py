"""The registry: what it refuses, what it tells, and that every metric is declared, documented and tested."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aimsight.configs.facts import MetricFacts
from aimsight.metrics.page import main, render
from aimsight.metrics.registry import ALL_TASKS, METRICS, DeclarationError, Metric, Needs, facts, metric
from aimsight.metrics.values import Result, Undefined

ROOT = Path(__file__).resolve().parents[2]

EXPECTED = {
    "performance": "accuracy brier calibration_gap f1 false_positive_rate log_loss mae mean_error precision r2"
    " recall rmse roc_auc selection_rate",
    "drift": "jensen_shannon_distance ks missing_share_change psi wasserstein_normed",
    "fairness": "calibration_gap demographic_parity_difference demographic_parity_ratio"
    " equal_opportunity_difference equal_opportunity_ratio equalized_odds_difference",
    "quality": "duplicate_share freshness_hours invalid_prediction_share invalid_score_share label_coverage"
    " missing_share non_finite_share out_of_range_share rows unseen_category_share",
}


def declaration(**changes: Any) -> dict[str, Any]:
    """A complete declaration, with changes."""
    return {
        "id": "quality.example",
        "version": 1,
        "tasks": ALL_TASKS,
        "kind": "quality",
        "unit": "rows",
        "bounds": (0.0, None),
        "direction": "none",
        "undefined_when": ("always",),
        "source": "A book of examples (2026)",
        "needs": Needs(),
    } | changes


def example(_facts: object) -> Result:
    """Something that is long enough to be the definition of a metric."""
    return Undefined("always")


def test_the_catalogue_holds_every_promised_metric() -> None:
    """Families in order, names in order, none missing and none unexpected."""
    assert list(METRICS) == [f"{family}.{name}" for family, names in EXPECTED.items() for name in names.split()]


def test_a_declaration_registers_a_frozen_unit() -> None:
    """The function stays a function; the unit knows its family, summary and documentation."""
    register: dict[str, Metric] = {}
    assert metric(**declaration(), register=register)(example) is example
    unit = register["quality.example"]
    assert (unit.family, unit.summary, unit.compute) == ("quality", (example.__doc__ or "").strip(), example)
    with pytest.raises(AttributeError):
        unit.version = 2  # type: ignore[misc]  # that it is refused is the point


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": "example"}, "family.name"),
        ({"id": "speed.example"}, "a family of performance, drift, fairness, quality"),
        ({"version": 0}, "version starts at 1"),
        ({"source": ""}, "source must be named"),
        ({"undefined_when": ()}, "when it is undefined"),
        ({"tasks": frozenset()}, "for which tasks"),
        ({"kind": "groups"}, "what a rate rests on"),
    ],
)
def test_an_incomplete_declaration_is_refused(changes: dict[str, Any], problem: str) -> None:
    """Whoever forgets a part is told which."""
    with pytest.raises(DeclarationError, match=re.escape(problem)):
        metric(**declaration(**changes), register={})(example)


def test_a_metric_without_documentation_is_refused() -> None:
    """The docstring is the text that users read."""
    with pytest.raises(DeclarationError, match="docstring must hold the definition"):
        metric(**declaration(), register={})(lambda _facts: Undefined("always"))


def test_an_id_is_taken_only_once() -> None:
    """Two metrics of one id would fight over one series."""
    register: dict[str, Metric] = {}
    metric(**declaration(), register=register)(example)
    with pytest.raises(DeclarationError, match="the id is taken"):
        metric(**declaration(), register=register)(example)


@pytest.mark.parametrize("unit", METRICS.values(), ids=lambda unit: unit.id)
def test_every_metric_documents_itself(unit: Metric) -> None:
    """A one-sentence summary, more below it, what particular values mean, ordered bounds, how the interval is made."""
    assert unit.summary.endswith(".")
    assert len(unit.summary) <= 120
    assert "\n\n" in unit.doc
    assert re.search(r"[Ii]nterval", unit.doc)
    assert re.search(r"\b\d(\.\d+)?:|above 0|A plain", unit.doc), "say what particular values mean"
    low, high = unit.bounds
    assert low is None or high is None or low < high


def test_facts_tell_the_loader_what_objectives_need() -> None:
    """One fact sheet a metric; spot checks of each kind."""
    known = facts()
    assert list(known) == list(METRICS)
    assert known["drift.ks"] == MetricFacts(
        "drift.ks",
        "drift",
        ALL_TASKS,
        needs_column=True,
        needs_reference=True,
        bounds=(0.0, 1.0),
        column_kinds=frozenset({"numeric"}),
    )
    assert known["fairness.calibration_gap"].needs_over
    assert known["fairness.calibration_gap"].needs_score
    assert known["performance.mae"].tasks == frozenset({"regression"})
    assert not known["performance.selection_rate"].needs_labels


def test_the_metrics_page_is_the_catalogue() -> None:
    """docs/metrics.md is generated; run `python -m aimsight.metrics.page docs/metrics.md` after a change."""
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == render()


def test_the_page_can_be_written_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a file name it is written there, without it is printed."""
    main([str(tmp_path / "page.md")])
    main([])
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == capsys.readouterr().out == render()


def test_every_metric_is_named_in_a_test_of_the_catalogue() -> None:
    """A metric without a test of its numbers does not ship."""
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_catalogue_[!p]*.py"))
    tests += (Path(__file__).parent / "test_catalogue_performance.py").read_text(encoding="utf-8")
    assert [name for name in METRICS if name.partition(".")[2] not in tests] == []


def test_the_registry_loads_no_heavy_package() -> None:
    """Listing metrics imports neither SciPy nor pandas nor scikit-learn."""
    code = (
        "import sys; from aimsight.metrics.registry import METRICS; len(METRICS);"
        "print(sorted({'scipy', 'pandas', 'sklearn', 'duckdb'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""A valid model, the facts of a small catalogue, and a project folder, shared by the tests of configs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aimsight.configs.facts import MetricFacts, Task
from aimsight.configs.parameters import REQUIRED, Parameter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODEL = """\
model: wage-band
version: "2"
owner: people@example.org
intended_use: Suggest a wage band to a human reviewer.
risk: high
task: binary
log:
  source: data/*.parquet
  id: decision_id
  timestamp: decided_at
  time_zone: Europe/Vienna
  prediction: band_high
  score: p_high
labels: {source: outcomes/*.parquet, label: is_high, delay: 30d}
features:
  age: {kind: numeric, range: [18, 120]}
  education: {kind: category, values: [low, high]}
  job: category
protected: [gender]
segments: [gender, [gender, age_group]]
reference: {period: [1974-01-01, 1985-01-01]}
monitor: {every: 1d, window: 1d, lookback: 45d}
objectives:
  - id: OBJ-01
    statement: Ranking stays as good as at release.
    metric: performance.roc_auc
    target: ">= 0.83"
    tolerance: 0.01
    rationale: 0.86 at validation.
    owner: people@example.org
    due: 2027-03-31
    severity: major
  - id: OBJ-02
    statement: Women and men get the same chance.
    metric: fairness.gap
    over: gender
    target: "<= 0.1"
    rationale: Policy.
    owner: people@example.org
    due: 2027-03-31
    severity: minor
  - id: OBJ-03
    statement: Education does not drift.
    metric: drift.psi
    column: education
    target: "<= 0.2"
    rationale: Custom.
    owner: people@example.org
    due: 2027-03-31
    severity: minor
"""

EVERY_TASK: frozenset[Task] = frozenset({"binary", "multiclass", "regression"})


@pytest.fixture(scope="session")
def model_text() -> str:
    """A model without problems; 48 lines."""
    return MODEL


@pytest.fixture(scope="session")
def facts() -> dict[str, MetricFacts]:
    """Facts of a catalogue with one metric of each sort."""
    binary: frozenset[Task] = frozenset({"binary"})
    metrics = (
        MetricFacts(
            "performance.roc_auc",
            "performance",
            binary,
            needs_labels=True,
            needs_score=True,
            bounds=(0.0, 1.0),
            direction="higher",
        ),
        MetricFacts(
            "performance.mae",
            "performance",
            frozenset({"regression"}),
            needs_labels=True,
            bounds=(0.0, None),
            direction="lower",
        ),
        MetricFacts(
            "quality.out_of_range_share",
            "quality",
            EVERY_TASK,
            needs_column=True,
            needs_declared=True,
            bounds=(0.0, 1.0),
            direction="lower",
        ),
        MetricFacts("fairness.gap", "fairness", binary, needs_over=True, bounds=(0.0, 1.0), direction="lower"),
        MetricFacts(
            "drift.psi",
            "drift",
            EVERY_TASK,
            needs_column=True,
            needs_reference=True,
            bounds=(0.0, None),
            direction="lower",
        ),
        MetricFacts(
            "drift.ks",
            "drift",
            EVERY_TASK,
            needs_column=True,
            needs_reference=True,
            bounds=(0.0, 1.0),
            direction="lower",
            column_kinds=frozenset({"numeric"}),
        ),
        MetricFacts("quality.rows", "quality", EVERY_TASK, bounds=(0.0, None)),
        MetricFacts(
            "performance.f_beta",
            "performance",
            frozenset({"binary", "multiclass"}),
            needs_labels=True,
            bounds=(0.0, 1.0),
            direction="higher",
            parameters=(
                Parameter("beta", "float", REQUIRED, 0.0, 100.0),
                Parameter("of", "class", None, tasks=frozenset({"multiclass"})),
            ),
        ),
    )
    return {metric.id: metric for metric in metrics}


@pytest.fixture
def write_project(tmp_path: Path) -> Callable[..., Path]:
    """Write ``{path: text}`` into a folder with a valid ``aimsight.yaml``, and return the folder."""

    def write(files: dict[str, str], project: str = "organisation: Example\n") -> Path:
        for name, text in {"aimsight.yaml": project, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write

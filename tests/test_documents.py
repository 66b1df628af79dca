"""What the documents promise exists: make targets, and YAML that the schema accepts."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
import yaml

from aimsight.configs.schema import ModelConfig, ObjectiveConfig
from aimsight.metrics import registry
from aimsight.metrics.measure import chosen
from aimsight.metrics.statistics import BinaryCounts, SegmentStatistics
from aimsight.metrics.values import Undefined, Value
from aimsight.monitors.cli.app import COMMANDS, GROUPS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", ".ci/run")


def test_the_objective_in_the_readme_is_one_that_aimsight_accepts() -> None:
    """Whoever copies the README's YAML gets an objective, and it means what the prose says."""
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (entry,) = yaml.safe_load(block)["objectives"]
    objective = ObjectiveConfig.model_validate(entry)
    assert objective.metric == "performance.roc_auc"
    assert objective.target == ">= 0.83"
    assert (objective.opens.failures, objective.opens.of) == (2, 3)


@pytest.mark.parametrize("number", range(4))
def test_the_snippets_of_the_concepts_are_configurations(number: int) -> None:
    """Each part of a model's file that the text shows is accepted in one, and every metric that it names is known."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 4
    model = ModelConfig.model_validate(
        {
            "model": "churn",
            "version": "1",
            "owner": "me@example.org",
            "intended_use": "An example.",
            "risk": "minimal",
            "task": "binary",
            "log": {"source": "log.parquet", "id": "id", "timestamp": "at", "prediction": "yes", "score": "p"},
            "labels": {"label": "y"},
            "features": {"age": "numeric", "tenure": "numeric"},
            "reference": {"period": ["2025-01-01", "2025-02-01"]},
            "monitor": {"every": "1w", "window": "1w"},
            **yaml.safe_load(blocks[number]),
        }
    )
    assert chosen(model, model.metrics)


def test_the_metric_in_the_contributing_guide_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever copies the guide's example has added a metric: it registers, and it computes what it says."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
    registered: dict[str, registry.Metric] = {}
    monkeypatch.setattr(registry, "metric", functools.partial(registry.metric, register=registered))
    exec(compile(code, "CONTRIBUTING.md", "exec"), {"__name__": "example"})
    (unit,) = registered.values()
    decisions = BinaryCounts(
        predicted=10, selected=4, true_positive=3, false_positive=1, false_negative=1, true_negative=5
    )
    result = unit.compute(SegmentStatistics(rows=10, labelled=10, binary=decisions))
    assert isinstance(result, Value)
    assert (result.value, result.n) == (5 / 6, 6)
    assert isinstance(unit.compute(SegmentStatistics(rows=10, labelled=0)), Undefined)


def test_every_command_that_is_named_exists() -> None:
    """A reader who types a command gets its answer, not "No such command" (`aimsight rows v1` is a hash's tag)."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "configs/demo/PROVENANCE.md"]
    named = {
        command
        for document in documents
        for command in re.findall(r"`aimsight (?:-C \S+ )?([a-z]+)\b(?! v\d)", document.read_text(encoding="utf-8"))
    }
    assert {"demo", "init", "check", "run", "verify", "metrics"} <= named
    assert named <= COMMANDS.keys() | GROUPS.keys()


def test_every_make_target_that_is_named_exists() -> None:
    """A reader who types what a document says gets no "No rule to make target"."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        target
        for document in DOCUMENTS
        for target in re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / document).read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {"demo", "test", "check", "lock", "lint"} <= named
    assert named <= targets


def test_every_make_target_is_explained_by_make_help() -> None:
    """`make` alone lists every target with a sentence."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert set(phony.split()) == set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))


def test_every_decision_is_listed_and_has_its_four_parts() -> None:
    """The list of decisions is complete, and each page says state, context, decision and consequences."""
    folder = ROOT / "docs" / "adr"
    pages = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    listed = re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))
    assert listed == [page.name for page in pages]
    for number, page in enumerate(pages, start=1):
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {number:04d}: "), page.name
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], page.name
        assert re.search(r"^(Accepted|Replaced by \[\d{4}\])", text, re.MULTILINE), page.name

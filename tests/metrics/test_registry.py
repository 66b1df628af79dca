"""The registry: what it refuses, what it tells, and that every metric is declared, documented and tested."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aimsight.configs.errors import NotFoundError
from aimsight.configs.facts import MetricFacts
from aimsight.configs.parameters import Parameter, parse
from aimsight.metrics.page import main, render
from aimsight.metrics.registry import (
    ALL_TASKS,
    FAMILIES,
    METRICS,
    DeclarationError,
    Metric,
    Needs,
    _general,
    bound,
    facts,
    find,
    metric,
)
from aimsight.metrics.values import Result, Undefined, Value

ROOT = Path(__file__).resolve().parents[2]


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


def test_the_catalogue_is_ordered() -> None:
    """Families in their order, names in order, every one under its own id."""
    assert list(METRICS) == sorted(METRICS, key=lambda name: (FAMILIES.index(name.partition(".")[0]), name))
    assert all(unit.id == name == unit.text for name, unit in METRICS.items())


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
        ({"id": "speed.example"}, "a family of performance, "),
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


def scaled(_facts: object, *, factor: float = 1.0, name: str | None = None) -> Result:
    """Something that gives its factor back, with a name that says nothing more."""
    return Value(factor, 1 + len(name or ""))


def parametrised(**changes: Any) -> Metric:
    """A declared metric with a factor and a name."""
    register: dict[str, Metric] = {}
    parameters = (Parameter("factor", "float", 1.0, 0.0, 9.0), Parameter("name", "text", None))
    metric(**declaration(parameters=parameters) | changes, register=register)(scaled)
    return register["quality.example"]


def test_a_metric_is_bound_to_its_arguments() -> None:
    """What is computed uses them; the text names those that are not the default."""
    unit = parametrised()
    assert unit.compute(None) == Value(1.0, 1)
    one = bound(unit, parse("quality.example(name=ab, factor=2)"))
    assert (one.text, one.id) == ("quality.example(factor=2, name=ab)", "quality.example")
    assert one.compute(None) == Value(2.0, 3)
    assert bound(unit, parse("quality.example(factor=1)")) is unit


def test_arguments_may_change_the_declaration() -> None:
    """The unit or the bounds of a metric may follow from its arguments."""
    unit = parametrised(specialise=lambda made, given: replace(made, unit=f"{given['factor']} rows"))
    assert bound(unit, parse("quality.example(factor=2)")).unit == "2.0 rows"


@pytest.mark.parametrize(
    "parameters",
    [(), (Parameter("factor", "float", 2.0), Parameter("name", "text", None)), (Parameter("name", "text", None),)],
)
def test_parameters_are_the_keywords_of_the_function(parameters: tuple[Parameter, ...]) -> None:
    """The same names and the same defaults, or it is refused."""
    with pytest.raises(DeclarationError, match="its keywords and their defaults must be the parameters"):
        parametrised(parameters=parameters)


def test_find_says_what_was_meant() -> None:
    """Unknown metrics, unknown parameters and wrong arguments."""
    assert find("performance.roc_auc") is METRICS["performance.roc_auc"]
    with pytest.raises(
        NotFoundError, match=r'no metric "performance.blance_accuracy"; did you mean performance\.balanced_accuracy\?'
    ):
        find("performance.blance_accuracy")
    with pytest.raises(NotFoundError, match=r"performance\.log_loss has no parameter x; it takes none"):
        find("performance.log_loss(x=1)")


def test_a_family_is_made_when_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another module answers for names with its prefix, imported when first asked; its facts are known, too."""
    made = parametrised()

    def resolve(identity: str) -> Metric:
        if identity != "outside.example":
            raise NotFoundError.named("metric", identity, ["outside.example"])
        return replace(made, id=identity)

    module = types.ModuleType("a_module_of_the_test")
    module.resolve = resolve  # type: ignore[attr-defined]  # a module made here has what is put into it
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr("aimsight.metrics.registry._RESOLVERS", {"outside": f"{module.__name__}:resolve"})
    assert bound(_general("outside.example"), parse("outside.example(factor=3)")).compute(None) == Value(3.0, 1)
    assert facts()["outside.example(factor=3)"].id == "outside.example(factor=3)"
    assert facts().get("outside.exmple") is None
    assert "outside.example" not in list(facts())


def test_a_core_metric_needs_no_arguments() -> None:
    """What is measured by default must be measurable without anybody naming it."""
    with pytest.raises(DeclarationError, match="cannot be core"):
        parametrised(parameters=(Parameter("factor", "float"), Parameter("name", "text", None)))


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
        direction="lower",
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
    files = {*Path(__file__).parent.rglob("test_*.py")} - {Path(__file__).with_name("test_catalogue_properties.py")}
    tests = "".join(path.read_text(encoding="utf-8") for path in files)
    assert [name for name in METRICS if name.partition(".")[2] not in tests] == []


def test_the_registry_loads_no_heavy_package() -> None:
    """Listing metrics imports neither SciPy nor pandas nor scikit-learn."""
    code = (
        "import sys; from aimsight.metrics.registry import METRICS; len(METRICS);"
        "print(sorted({'scipy', 'pandas', 'sklearn', 'duckdb'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

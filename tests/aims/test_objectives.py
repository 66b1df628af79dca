"""Objectives under version control: what makes a version, which one is in force, what it is about."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.aims.objectives import in_force, is_registered, measurement_of, register
from aimsight.metrics.values import Measurement, Segment, Value
from aimsight.store.evaluations import Evaluation, save_evaluations
from aimsight.store.runs import claim, finish
from aimsight.store.verify import verify

if TYPE_CHECKING:
    from aimsight.configs.schema import ModelConfig
    from aimsight.store.database import Store
    from aimsight.store.records import ObjectiveVersion
    from aimsight.tests.aims.conftest import Makers


def registered(store: Store, model: ModelConfig, makers: Makers, days: int = 0) -> bool:
    """Register a model so many days after the first; whether anything was new."""
    with store.write() as tx:
        return register(tx, model, "owner@example.org", makers.now + timedelta(days=days))


def versions(store: Store) -> list[tuple[Any, ...]]:
    """Objective, version and target of everything registered."""
    with store.read() as reader:
        return reader.tuples("SELECT objective, version, target FROM objective_version ORDER BY objective, version")


def judged(store: Store, makers: Makers, day: int, objective: ObjectiveVersion) -> None:
    """A verdict of a day under a version."""
    with store.write() as tx:
        run = claim(tx, makers.run(day))
        assert run is not None
        row: dict[str, Any] = {
            "run_id": run.run_id,
            "model": "credit",
            "objective": objective.objective,
            "objective_version": objective.version,
            "column_name": "",
            "segment": "",
            "window_start": run.window_start,
            "window_end": run.window_end,
            "value": 0.8,
            "ci_low": 0.75,
            "ci_high": 0.85,
            "n": 100,
            "target": objective.target,
            "tolerance": 0.0,
            "verdict": "conforming",
            "reason": "",
            "revision": run.revision,
            "evaluated_at": makers.now,
        }
        save_evaluations(tx, [Evaluation(**row)])
        finish(tx, run.run_id, "success", "", 100, makers.now)


def force(store: Store, model: ModelConfig, makers: Makers, day: int) -> list[ObjectiveVersion]:
    """The versions in force for a day."""
    with store.read() as reader:
        return in_force(reader, model, [makers.window(day)])[makers.window(day)]


def test_registering_twice_is_registering_once(store: Store, makers: Makers) -> None:
    """The same configuration adds nothing, and is known."""
    model = makers.model()
    assert registered(store, model, makers)
    with store.read() as reader:
        entries = reader.tuples("SELECT count(*) FROM ledger")
        assert is_registered(reader, model)
    assert not registered(store, model, makers, days=1)
    with store.read() as reader:
        assert reader.tuples("SELECT count(*) FROM ledger") == entries
    assert versions(store) == [("OBJ-1", 1, ">= 0.7")]


@pytest.mark.parametrize(
    "change",
    [
        {"target": ">= 0.8"},
        {"tolerance": 0.01},
        {"rationale": "The board decided so."},
        {"owner": "other@example.org"},
        {"severity": "major"},
        {"zero_tolerance": True},
        {"opens": {"failures": 1, "of": 1}},
        {"actions": ["Retrain."]},
    ],
)
def test_whatever_changes_in_an_objective_makes_a_version(store: Store, makers: Makers, change: dict[str, Any]) -> None:
    """Versions count up, the old one stays as it was, and who changed it is in the ledger."""
    registered(store, makers.model(), makers)
    changed = makers.model(makers.objective(**change))
    with store.read() as reader:
        assert not is_registered(reader, changed)
    assert registered(store, changed, makers, days=1)
    found = versions(store)
    assert [(name, version) for name, version, _ in found] == [("OBJ-1", 1), ("OBJ-1", 2)]
    assert found[0][2] == ">= 0.7"
    with store.read() as reader:
        events = reader.tuples("SELECT actor, subject FROM ledger WHERE kind = 'objective.version'")
    assert events == [("owner@example.org", "credit/OBJ-1")] * 2
    assert verify(store).intact


def test_a_change_of_the_model_leaves_the_objectives(store: Store, makers: Makers) -> None:
    """A new version of the model is an event of its own and no version of its objectives."""
    registered(store, makers.model(), makers)
    assert registered(store, makers.model(version="2"), makers, days=1)
    assert len(versions(store)) == 1
    with store.read() as reader:
        kinds = reader.tuples("SELECT kind FROM ledger WHERE kind LIKE 'model.%' ORDER BY seq")
    assert kinds == [("model.registered",), ("model.changed",)]


def test_changed_and_changed_back_are_three_versions(store: Store, makers: Makers) -> None:
    """Going back is a change like any other."""
    for day, target in enumerate([">= 0.7", ">= 0.8", ">= 0.7"]):
        registered(store, makers.model(makers.objective(target=target)), makers, days=day)
    assert [target for _, _, target in versions(store)] == [">= 0.7", ">= 0.8", ">= 0.7"]


def test_a_judged_window_keeps_its_version_and_others_get_the_latest(store: Store, makers: Makers) -> None:
    """Changing the target never changes the measure of an old verdict."""
    first = makers.model()
    registered(store, first, makers)
    judged(store, makers, 0, force(store, first, makers, 0)[0])
    second = makers.model(makers.objective(target=">= 0.9"), makers.objective("OBJ-2", target=">= 0.1"))
    registered(store, second, makers, days=1)
    assert [(o.objective, o.version, o.target) for o in force(store, second, makers, 0)] == [
        ("OBJ-1", 1, ">= 0.7"),
        ("OBJ-2", 1, ">= 0.1"),
    ]
    assert [(o.objective, o.version, o.target) for o in force(store, second, makers, 1)] == [
        ("OBJ-1", 2, ">= 0.9"),
        ("OBJ-2", 1, ">= 0.1"),
    ]


def test_an_objective_that_was_taken_away_is_in_force_no_more(store: Store, makers: Makers) -> None:
    """Its versions and verdicts stay on record."""
    registered(store, makers.model(makers.objective(), makers.objective("OBJ-2")), makers)
    rest = makers.model(makers.objective("OBJ-2"))
    registered(store, rest, makers, days=1)
    assert [o.objective for o in force(store, rest, makers, 0)] == ["OBJ-2"]
    assert [name for name, _, _ in versions(store)] == ["OBJ-1", "OBJ-2"]


def test_the_measurement_of_an_objective_has_its_metric_column_and_segment(store: Store, makers: Makers) -> None:
    """All three must fit; otherwise there is none."""
    objectives = [
        makers.objective("ALL"),
        makers.objective("WOMEN", segment="gender=F"),
        makers.objective("GAP", metric="fairness.demographic_parity_difference", over=["gender", "age"], target="<= 1"),
        makers.objective("DRIFT", metric="drift.psi", column="x", target="<= 1"),
        makers.objective("OTHER", metric="drift.psi", column="z", target="<= 1"),
    ]
    model = makers.model(*objectives)
    registered(store, model, makers)
    measurements = [
        Measurement("performance.accuracy", 1, Value(0.1, 9), segment=Segment((("gender", "F"),))),
        Measurement("performance.accuracy", 1, Value(0.2, 9)),
        Measurement("drift.psi", 1, Value(0.3, 9), column="x"),
        Measurement("fairness.demographic_parity_difference", 1, Value(0.4, 9), column="gender"),
        Measurement("fairness.demographic_parity_difference", 1, Value(0.5, 9), column="gender & age"),
    ]
    found = {o.objective: measurement_of(o, measurements) for o in force(store, model, makers, 0)}
    results = {name: one.result if one else None for name, one in found.items()}
    values = {name: result.value if isinstance(result, Value) else None for name, result in results.items()}
    assert values == {"ALL": 0.2, "WOMEN": 0.1, "GAP": 0.5, "DRIFT": 0.3, "OTHER": None}

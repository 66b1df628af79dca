"""Changes of objectives: what a proposal says, who approves it, what runs judge by meanwhile; the past stays."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.aims import changes
from aimsight.aims.objective_lint import lint
from aimsight.aims.objective_texts import config_of
from aimsight.aims.objectives import in_force
from aimsight.aims.people import Actor, AuthorityError, Role
from aimsight.aims.registers import service
from aimsight.aims.registers.service import RegisterError
from aimsight.configs.schema import ObjectiveConfig
from aimsight.metrics.values import Interval, Measurement, Undefined, Value
from aimsight.store.evaluations import Evaluation, save_evaluations
from aimsight.store.measurements import write_measurements
from aimsight.store.records import latest_objective
from aimsight.store.runs import claim, finish
from aimsight.store.verify import verify

if TYPE_CHECKING:
    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.values import Result
    from aimsight.store.database import Store
    from aimsight.store.registers import RecordVersion
    from aimsight.tests.aims.conftest import Makers
    from aimsight.tests.clocks import SetClock

ENGINEER = Actor("engineer@example.org", frozenset({Role.ENGINEER}))
APPROVER = Actor("quality@example.org", frozenset({Role.APPROVER}))
STATED = {
    "owner": "owner@example.org",
    "purpose": "Review of 2026.",
    "integrity": "Nothing else changes.",
    "reassessment": "not needed",
    "reassessment_reason": "No other risk.",
}


def registered(store: Store, model: ModelConfig, policy: changes.Policy = "record") -> bool:
    """Register a model as a run does; whether anything was new."""
    with store.write() as tx:
        return changes.register(tx, model, "aimsight", store.clock.now(), policy)


def proposals(store: Store, model: ModelConfig) -> list[changes.Proposal]:
    """What differs."""
    with store.read() as reader:
        return changes.proposals(reader, model)


def proposed(store: Store, model: ModelConfig, **stated: Any) -> RecordVersion:
    """The only difference, put on record by an engineer."""
    with store.write() as tx:
        (one,) = changes.proposals(tx, model)
        return changes.propose(tx, one, STATED | stated, ENGINEER)


def approved(store: Store, model: ModelConfig, record: str, actor: Actor = APPROVER) -> RecordVersion:
    """The change, approved."""
    with store.write() as tx:
        return changes.approve(tx, {model.model: model}, record, actor, expected=None)


def targets(store: Store, model: ModelConfig) -> dict[str, str]:
    """Objective -> target by which runs judge where changes are approved."""
    with store.read() as reader:
        return {one.id: one.target for one in changes.governed(reader, model, "approve").objectives}


def judged(store: Store, makers: Makers, model: ModelConfig, day: int, result: Result, verdict: str) -> None:
    """A window with a measurement of accuracy and its verdict."""
    with store.write() as tx:
        run = claim(tx, makers.run(day))
        assert run is not None
        (objective,) = in_force(tx, model, [makers.window(day)])[makers.window(day)]
        write_measurements(tx, run, [Measurement("performance.accuracy", 1, result)], makers.now)
        value = result if isinstance(result, Value) else None
        row: dict[str, Any] = {
            "run_id": run.run_id,
            "model": run.model,
            "objective": objective.objective,
            "objective_version": objective.version,
            "column_name": "",
            "segment": "",
            "window_start": run.window_start,
            "window_end": run.window_end,
            "value": value.value if value else None,
            "ci_low": value.interval.low if value and value.interval else None,
            "ci_high": value.interval.high if value and value.interval else None,
            "n": result.n,
            "target": objective.target,
            "tolerance": objective.tolerance,
            "verdict": verdict,
            "reason": "",
            "revision": run.revision,
            "evaluated_at": makers.now,
        }
        save_evaluations(tx, [Evaluation(**row)])
        finish(tx, run.run_id, "success", "", 100, makers.now)


def test_until_approval_the_old_target_holds(store: Store, makers: Makers, clock: SetClock) -> None:
    """An edited file is a proposal; a second person approves it, and only then does the new version hold."""
    first = makers.model()
    registered(store, first)
    edited = makers.model(makers.objective(target=">= 0.8"))
    (one,) = proposals(store, edited)
    assert (one.kind, one.subject, one.differences) == ("changed", "threshold", (("target", ">= 0.7", ">= 0.8"),))
    assert targets(store, edited) == {"OBJ-1": ">= 0.7"}
    assert not registered(store, changes.governed_by(store, edited, "approve"), "approve")
    change = proposed(store, edited)
    assert (change.status, change.fields["subject"]) == ("draft", "threshold")
    assert change.fields["before"] == "target: >= 0.7"
    for actor in (ENGINEER, Actor(ENGINEER.id, frozenset({Role.APPROVER}))):
        with pytest.raises(AuthorityError):
            approved(store, edited, change.record, actor)
    assert targets(store, edited) == {"OBJ-1": ">= 0.7"}
    clock.moment += timedelta(days=1)
    approved(store, edited, change.record)
    assert targets(store, edited) == {"OBJ-1": ">= 0.8"}
    assert proposals(store, edited) == []
    with store.read() as reader:
        version = latest_objective(reader, "credit", "OBJ-1")
        events = reader.tuples("SELECT actor, payload FROM events WHERE kind = 'objective.version' ORDER BY seq")
    assert version is not None
    assert (version.version, version.effective_from) == (2, clock.moment)
    assert [actor for actor, _ in events] == ["aimsight", APPROVER.id]
    assert '"change":"change:CHG-2026-0001"' in events[1][1]
    assert verify(store).intact


def test_the_first_version_needs_approval_too(store: Store, makers: Makers) -> None:
    """Where changes are approved nothing is judged before; the model is registered all the same."""
    model = makers.model()
    governed = changes.governed_by(store, model, "approve")
    assert governed.objectives == ()
    assert registered(store, governed, "approve")
    assert targets(store, model) == {}
    change = proposed(store, model)
    assert change.title == "credit/OBJ-1: objective new"
    approved(store, model, change.record)
    assert targets(store, model) == {"OBJ-1": ">= 0.7"}


def test_taking_an_objective_out_is_a_change_too(store: Store, makers: Makers) -> None:
    """It stays in force until its withdrawal is approved, and comes back as a new version."""
    both = makers.model(makers.objective(), makers.objective("OBJ-2"))
    registered(store, both)
    one = makers.model(makers.objective())
    (gone,) = proposals(store, one)
    assert (gone.kind, gone.objective) == ("withdrawn", "OBJ-2")
    assert set(targets(store, one)) == {"OBJ-1", "OBJ-2"}
    change = proposed(store, one)
    assert change.fields["after"] == "withdrawn"
    approved(store, one, change.record)
    assert set(targets(store, one)) == {"OBJ-1"}
    approved(store, both, proposed(store, both).record)
    assert set(targets(store, both)) == {"OBJ-1", "OBJ-2"}
    with store.read() as reader:
        assert getattr(latest_objective(reader, "credit", "OBJ-2"), "version", 0) == 2


def test_where_changes_are_recorded_nothing_is_silent(store: Store, makers: Makers) -> None:
    """The new version holds at once, and a draft change says what was changed and that nobody has approved it."""
    registered(store, makers.model())
    edited = makers.model(makers.objective(target=">= 0.8"))
    assert registered(store, edited)
    assert not registered(store, edited)
    with store.read() as reader:
        (change,) = service.list_records(reader, ["change"])
        assert changes.is_registered(reader, edited, "record")
    assert (change.status, change.author, change.origin) == ("draft", "aimsight", "configuration")
    assert change.fields["purpose"] == changes.NOT_STATED
    with pytest.raises(
        RegisterError,
        match=r"not on record yet: .*integrity.*reassessment.*records revise change CHG-\d{4}-0001 --set",
    ):
        approved(store, edited, change.record)
    with store.write() as tx:
        given = {"integrity": "It does.", "reassessment": "not needed", "reassessment_reason": "r"}
        service.revise(tx, "change", change.record, given, ENGINEER, expected=1, reason="stated afterwards")
    approved(store, edited, change.record)
    with store.read() as reader:
        assert getattr(latest_objective(reader, "credit", "OBJ-1"), "version", 0) == 2


def test_a_withdrawal_on_record_and_back(store: Store, makers: Makers) -> None:
    """Without approval, too, taking out and putting back are two changes that leave a trace."""
    both = makers.model(makers.objective(), makers.objective("OBJ-2"))
    one = makers.model(makers.objective())
    for model in (both, one, both):
        assert registered(store, model)
        assert not registered(store, model)
        assert targets(store, model) == {objective.id: ">= 0.7" for objective in model.objectives}
    with store.read() as reader:
        assert [record.title for record in service.list_records(reader, ["change"])] == [
            "credit/OBJ-2: objective withdrawn"
        ]


def test_consequences_are_past_verdicts_judged_again(store: Store, makers: Makers) -> None:
    """By hand: a target raised from 0.7 to 0.8 makes two of five past windows fail or be at risk."""
    # Intervals are +-0.05: 0.90 and 0.85 meet both targets; 0.78 reaches up to 0.83 and is at risk; 0.72 ends at 0.77,
    # below 0.8, and fails; a window without a value keeps its verdict.
    model = makers.model()
    registered(store, model)
    for day, value in enumerate((0.9, 0.85, 0.78, 0.72)):
        judged(
            store, makers, model, day, Value(value, 100, Interval(value - 0.05, value + 0.05, "wilson")), "conforming"
        )
    judged(store, makers, model, 4, Undefined("no labels", 0), "awaiting labels")
    edited = makers.model(makers.objective(target=">= 0.8"))
    change = proposed(store, edited, consequences="More work")
    assert (change.fields["compared_verdicts"], change.fields["differing_verdicts"]) == (5, 2)
    assert change.fields["consequences"] == (
        "More work. Of 5 past verdicts 2 would have been others: 1 at risk instead of conforming and "
        "1 nonconforming instead of conforming."
    )
    approved(store, edited, change.record)
    with store.read() as reader:
        kept = reader.tuples("SELECT DISTINCT target, objective_version FROM evaluation")
    assert kept == [(">= 0.7", 1)]


def test_prose_changes_no_verdict(store: Store, makers: Makers) -> None:
    """A new owner is a change of the objective and no change of the threshold."""
    model = makers.model()
    registered(store, model)
    judged(store, makers, model, 0, Value(0.9, 100, Interval(0.85, 0.95, "wilson")), "conforming")
    (one,) = proposals(store, makers.model(makers.objective(owner="new@example.org")))
    with store.read() as reader:
        effects = changes.consequences(reader, one)
    assert (one.subject, effects.compared, effects.differing) == ("objective", 1, ())
    assert effects.sentence == "None of 1 past verdict would have been another."


def test_a_proposal_is_of_what_the_file_said(store: Store, makers: Makers) -> None:
    """Edited again, or proposed twice: approval and proposal are refused, and say what to do."""
    registered(store, makers.model())
    edited = makers.model(makers.objective(target=">= 0.8"))
    change = proposed(store, edited)
    with pytest.raises(RegisterError, match="proposed already as CHG-2026-0001"):
        proposed(store, edited)
    again = makers.model(makers.objective(target=">= 0.9"))
    with pytest.raises(RegisterError, match="changed since it was proposed"):
        approved(store, again, change.record)
    with store.read() as reader:
        assert service.get(reader, "change", change.record).status == "draft"
    assert targets(store, again) == {"OBJ-1": ">= 0.7"}


def test_proposed_and_run_is_one_record(store: Store, makers: Makers) -> None:
    """Where runs record changes, what somebody has proposed is not recorded again; approval finds it in force."""
    registered(store, makers.model())
    edited = makers.model(makers.objective(target=">= 0.8"))
    change = proposed(store, edited)
    assert registered(store, edited)
    with store.read() as reader:
        assert [one.record for one in service.list_records(reader, ["change"])] == [change.record]
    with pytest.raises(RegisterError, match="holds already"), store.write() as tx:
        changes.reject(tx, change.record, APPROVER, expected=1, reason="Too late.")
    approved(store, edited, change.record)
    with store.read() as reader:
        assert getattr(latest_objective(reader, "credit", "OBJ-1"), "version", 0) == 2


def test_a_rejected_change_leaves_what_is_in_force(store: Store, makers: Makers) -> None:
    """The reason is on record; the same edit can be proposed anew."""
    registered(store, makers.model())
    edited = makers.model(makers.objective(target=">= 0.8"))
    change = proposed(store, edited)
    with pytest.raises(RegisterError, match="needs a reason"), store.write() as tx:
        changes.reject(tx, change.record, APPROVER, expected=1, reason="")
    with store.write() as tx:
        changes.reject(tx, change.record, APPROVER, expected=1, reason="Not now.")
    assert targets(store, edited) == {"OBJ-1": ">= 0.7"}
    assert proposed(store, edited).record == "CHG-2026-0002"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"due": "2026-05-03"}, "due 2026-05-03 has passed"),
        ({"rationale": "Because."}, "rationale gives no reason"),
        ({"target": ">= 0.1", "tolerance": 0.1}, "so it is not measurable"),
        ({"review": "2026-01-01"}, "review 2026-01-01 has passed"),
    ],
)
def test_what_is_not_measurable_is_not_approved(
    store: Store, makers: Makers, change: dict[str, Any], words: str
) -> None:
    """A day that has passed, no reason, or a target that nothing can miss stand against it."""
    registered(store, makers.model())
    with pytest.raises(RegisterError, match=words):
        proposed(store, makers.model(makers.objective(**change)))


def test_advice_names_what_an_auditor_asks_for(makers: Makers) -> None:
    """A baseline of 0 is a baseline; everything stated leaves nothing to advise."""
    bare = ObjectiveConfig.model_validate(makers.objective())
    assert [text.partition(" ")[0] for text in lint(bare, makers.now.date()).advice] == [
        "baseline",
        "policy_ref",
        "actions",
        "resources",
        "review",
        "communicated",
    ]
    stated: dict[str, Any] = {
        "baseline": 0.0,
        "baseline_date": "2026-01-01",
        "policy_ref": "2",
        "actions": ["Retrain."],
        "resources": "1 day",
        "review": "2027-01-01",
        "communicated": ["Works council, 2026-02-01"],
    }
    full = ObjectiveConfig.model_validate(makers.objective(**stated))
    assert lint(full, makers.now.date()).advice == ()


@pytest.mark.parametrize("keep_declaration", [True, False], ids=["declared", "before declarations were kept"])
def test_an_objective_reads_back_as_it_was_declared(store: Store, makers: Makers, keep_declaration: bool) -> None:
    """From its declaration, or for versions of older stores from its row: the same objective."""
    objectives = [
        makers.objective(tolerance=0.015, segment="gender=F", opens={"failures": 1, "of": 4}, actions=["Look."]),
        makers.objective("GAP", metric="fairness.demographic_parity_difference", over=["gender", "age"], target="<= 1"),
        makers.objective("DRIFT", metric="drift.psi", column="x", target="<= 1", zero_tolerance=True, policy_ref="3"),
    ]
    model = makers.model(*objectives)
    registered(store, model)
    if not keep_declaration:
        with store.write() as tx:
            tx.execute("DELETE FROM objective_declaration")
    with store.read() as reader:
        known = changes.in_force_now(reader, model.model)
        assert {name: config_of(reader, one) for name, one in known.items()} == {
            one.id: one for one in model.objectives
        }
    assert proposals(store, model) == []

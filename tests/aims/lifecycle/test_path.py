"""The whole way of a nonconformity: every guard, every illegal step, who may, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.aims.lifecycle import service, transitions
from aimsight.aims.lifecycle.dossier import (
    Closure,
    Conclusion,
    Containment,
    Deviation,
    Evidence,
    Grading,
    Incident,
)
from aimsight.aims.lifecycle.fold import FOLDS
from aimsight.aims.lifecycle.guards import TransitionError
from aimsight.aims.lifecycle.states import PATH, STEPS, State
from aimsight.aims.people import Actor, AuthorityError, ConflictError, Role
from aimsight.aims.registers import service as registers
from aimsight.store.records import save_effectiveness_window
from aimsight.store.verify import verify
from aimsight.tests.aims.lifecycle.desks import (
    AUDITOR,
    BOSS,
    CAUSE,
    CLOSURE,
    CONTAINMENT,
    DOER,
    GRADING,
    JUDGE,
    NOW,
    OWNER,
    PEOPLE,
    SAID,
    a_plan,
    new_desk,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_whole_way_is_walked_and_replayed(desk: Any) -> None:
    """From detected to closed by four people; the events alone give the same state, and the store verifies."""
    case = desk.walk("closed")
    assert case.record.closed_at == desk.clock.now()
    assert case.dossier.conclusion.measured == "effective"
    report = verify(desk.store, folds=FOLDS)
    assert report.intact, report.findings
    with desk.store.read() as reader:
        steps = [row["kind"].partition(".")[2] for row in service.history(reader, desk.name)]
    assert steps == [
        "detected", "confirmed", "contained", "similar_searched", "analysed", "planned", "approved", "action_done",
        "watch_started", "concluded", "closed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("detected", ["a severity with its criteria", "a correction or why none", "the cause and the method",
                      "the search for similar", "actions with owner and due", "the approval of the plan",
                      "that the actions are done", "the start of the watch", "a verdict from measured windows",
                      "the conclusion of a person"]),
        ("contained", ["the cause and the method", "the search for similar", "actions with owner and due"]),
        ("implementing", ["that action A1 is done, with evidence", "the start of the watch"]),
        ("effectiveness_window", ["a verdict from measured windows", "the conclusion of a person"]),
    ],
)  # fmt: skip
def test_closing_too_early_names_each_missing_guard(desk: Any, state: str, said: list[str]) -> None:
    """Whoever tries to close reads everything that is missing until then."""
    desk.walk(state)
    before = desk.case()
    with pytest.raises(TransitionError) as caught:
        desk.act(JUDGE, transitions.close, CLOSURE)
    for sentence in said:
        assert sentence in str(caught.value)
    assert "Possible now: " in str(caught.value)
    assert desk.case() == before


def _given() -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """Every step with something valid to give."""
    return {
        "confirm": (transitions.confirm, (GRADING,)),
        "contain": (transitions.contain, (CONTAINMENT,)),
        "analyse": (transitions.analyse, (CAUSE,)),
        "plan": (transitions.plan, (a_plan(),)),
        "approve": (transitions.approve, (SAID,)),
        "implement": (transitions.implement, ("A1", (Evidence(text="done"),))),
        "start": (transitions.start, ()),
        "conclude": (transitions.conclude, (Conclusion(effective=False, reason="No."),)),
        "close": (transitions.close, (CLOSURE,)),
        "correction-only": (transitions.without_action, (SAID,)),
        "reject": (transitions.reject, (SAID,)),
        "accept": (
            transitions.accept,
            (Deviation(risk="RISK-2026-0001", reason="Small.", until=date(2026, 6, 1), worst=0.4),),
        ),
        "reopen": (transitions.reopen, (SAID,)),
        "escalate": (transitions.escalate, (Incident(kind="serious", description="A person was refused."),)),
    }


@pytest.mark.parametrize("state", [state.value for state in PATH])
def test_no_step_is_possible_where_the_table_does_not_have_it(desk: Any, state: str) -> None:
    """Every step from every state of the path: refused with nothing changed, unless the table allows it."""
    desk.walk(state)
    case, knows = desk.knows()
    for name, (do, given) in _given().items():
        if State(state) not in STEPS[name].sources:
            with pytest.raises(TransitionError):
                do(case, *given, desk.who(BOSS), knows)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"correction": None}, "or the reason why none is needed"),
        ({"serious": None}, "the answer whether it is a serious incident"),
        ({"serious_because": None}, "the reason why it is, or is not"),
        ({"serious": True}, "the escalation as an incident"),
    ],
)
def test_what_containment_needs(desk: Any, changes: dict[str, Any], said: str) -> None:
    """A correction (or why none) and the answered question of a serious incident."""
    desk.walk("open")
    with pytest.raises(TransitionError, match=said):
        desk.act(OWNER, transitions.contain, CONTAINMENT.model_copy(update=changes))
    desk.act(
        OWNER,
        transitions.contain,
        Containment(none_needed="It was over.", serious=False, serious_because="No harm."),
    )
    assert desk.state == "contained"


def test_an_owner_nobody_knows_is_refused(desk: Any) -> None:
    """The owner answers for it, so the project has to know them."""
    with pytest.raises(TransitionError, match=r"nobody@example.org is not among its people"):
        desk.act(
            OWNER,
            transitions.confirm,
            Grading(severity="minor", criteria="Small.", owner="nobody@example.org"),
        )


def test_analysis_needs_the_search_and_a_cause(desk: Any) -> None:
    """Neither a cause without the search nor a method without a root cause will do."""
    desk.walk("contained")
    with pytest.raises(TransitionError, match="the search for similar nonconformities"):
        desk.act(OWNER, transitions.analyse, CAUSE)
    desk.similar()
    with pytest.raises(TransitionError, match="at least one root cause"):
        desk.act(OWNER, transitions.analyse, CAUSE.model_copy(update={"causes": ()}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"actions": ({"id": "A1", "description": "Retrain the model.", "owner": "doer@example.org",
                       "due": date(2026, 6, 1)},)}, "A1 only corrects"),
        ({"actions": ({"id": "A1", "description": "Look.", "owner": "x@example.org", "due": date(2026, 6, 1)},)},
         "x@example.org is not among its people"),
        ({"criterion": {"kind": "objective", "objective": "OBJ-9"}}, "OBJ-9 is none of OBJ-1"),
        ({"criterion": {"kind": "check", "check": "Look at it."}}, "a check by a person is for what is not monitored"),
        ({"criterion": {"kind": "metric", "metric": "performance.acuracy", "threshold": ">= 0.7"}},
         "a metric of the catalogue"),
    ],
)  # fmt: skip
def test_what_a_plan_needs(desk: Any, changes: dict[str, Any], said: str) -> None:
    """Known owners, an action that is more than a correction, a criterion that the pipeline can measure."""
    desk.walk("analysed")
    with pytest.raises(TransitionError, match=said):
        desk.plan(given=a_plan(**changes))
    assert desk.state == "analysed"


def test_retraining_with_its_reason_is_a_plan(desk: Any) -> None:
    """Retraining may remove a cause, but somebody has to say why."""
    desk.walk("analysed")
    actions = ({"id": "A1", "description": "Retrain the model.", "owner": DOER, "due": date(2026, 6, 1)},)
    desk.plan(given=a_plan(actions=actions, correction_only_because="The old data were the cause."))
    assert desk.state == "planned"


def test_the_criterion_keeps_the_target_of_its_day(desk: Any) -> None:
    """The plan holds the objective's target, so that a later change of it does not move the criterion."""
    desk.walk("planned")
    criterion = desk.case().dossier.plan.criterion
    assert (criterion.metric, criterion.threshold, criterion.min_rows) == ("performance.accuracy", ">= 0.7", 30)


def test_what_the_program_stamps_is_not_taken_from_input(desk: Any) -> None:
    """A file that says it is approved and done is neither."""
    desk.walk("analysed")
    given = a_plan().model_copy(update={"approved_by": "me", "by": "me", "attempt": 7})
    done = given.actions[0].model_copy(update={"done_by": "me", "done_at": NOW, "evidence": (Evidence(text="x"),)})
    desk.plan(given=given.model_copy(update={"actions": (done,)}))
    made = desk.case().dossier.plan
    assert (made.approved_by, made.by, made.attempt) == ("", OWNER, 1)
    assert (made.actions[0].done_by, made.actions[0].evidence) == ("", ())


def test_an_action_needs_evidence_and_its_file_to_be_attached(desk: Any) -> None:
    """No evidence, an unknown action, a file that nobody attached, or a day to come: refused."""
    desk.walk("implementing")
    with pytest.raises(TransitionError, match="evidence that it was done"):
        desk.act(DOER, transitions.implement, "A1", ())
    with pytest.raises(TransitionError, match="has no action A2"):
        desk.act(DOER, transitions.implement, "A2", (Evidence(text="x"),))
    with pytest.raises(TransitionError, match="the attached file abc"):
        desk.act(DOER, transitions.implement, "A1", (Evidence(file="abc"),))
    with pytest.raises(TransitionError, match="still to come"):
        desk.act(DOER, transitions.implement, "A1", (Evidence(text="x"),), on=date(2026, 5, 5))
    assert desk.state == "implementing"


def test_the_watch_begins_after_the_day_of_the_last_action(desk: Any) -> None:
    """An action done on 7 May shows from 8 May on; one recorded today from this moment on."""
    actions = tuple(
        {"id": name, "description": "Check units.", "owner": DOER, "due": date(2026, 6, 1)} for name in ("A1", "A2")
    )
    desk.walk("analysed")
    desk.plan(given=a_plan(actions=actions))
    desk.act(JUDGE, transitions.approve, SAID)
    desk.clock.moment = NOW.replace(day=9)
    desk.act(DOER, transitions.implement, "A1", (Evidence(text="x"),), on=date(2026, 5, 4))
    assert desk.state == "implementing"
    desk.act(DOER, transitions.implement, "A2", (Evidence(text="x"),), on=date(2026, 5, 7))
    desk.start()
    assert desk.case().dossier.watch.start == NOW.replace(day=8, hour=0)


@pytest.mark.parametrize(
    ("kind", "end", "refused"),
    [("corrective", None, True), ("correction", None, False), ("corrective", date(2026, 5, 1), False)],
)
def test_no_corrective_action_is_older_than_its_approval(desk: Any, kind: str, end: date | None, refused: bool) -> None:
    """The criterion is fixed before the action; only what corrects is older, and every day of a closed history."""
    model = desk.project.models["credit"]
    monitor = model.monitor.model_copy(update={"end": end})
    desk.project.models["credit"] = model.model_copy(update={"monitor": monitor})
    action = {"id": "A1", "description": "Check units.", "kind": kind, "owner": DOER, "due": date(2026, 6, 1)}
    desk.walk("analysed")
    desk.plan(given=a_plan(actions=(action,), correction_only_because="It does."))
    desk.act(JUDGE, transitions.approve, SAID)
    done = (Evidence(text="x"),)
    if refused:
        with pytest.raises(TransitionError, match=r"a day from 2026-05-04 on, .* approved \(aimsight nc approve\)"):
            desk.act(DOER, transitions.implement, "A1", done, on=date(2026, 5, 3))
    else:
        desk.act(DOER, transitions.implement, "A1", done, on=date(2026, 5, 3))
    assert desk.state == ("implementing" if refused else "implemented")


@pytest.mark.parametrize("verdicts", [(), ("conforming",), ("conforming", "at risk"), ("not measured",) * 5])
def test_effective_is_never_concluded_without_measured_windows(desk: Any, verdicts: tuple[str, ...]) -> None:
    """Too few, doubtful or empty windows: the conclusion is refused, whoever draws it."""
    desk.walk("effectiveness_window")
    desk.windows(*verdicts)
    with pytest.raises(TransitionError, match="a verdict from measured windows that says effective"):
        desk.act(JUDGE, transitions.conclude, Conclusion(effective=True, reason="I think so."))
    assert desk.state == "effectiveness_window"


def test_not_effective_begins_the_next_attempt_with_the_cause(desk: Any) -> None:
    """The attempt is kept whole, the deadlines begin anew, and cause and search are asked for again."""
    desk.walk("effectiveness_window")
    desk.windows("nonconforming")
    desk.clock.moment += timedelta(days=40)
    desk.act(JUDGE, transitions.conclude, Conclusion(effective=False, reason="Failed again."))
    case = desk.case()
    assert (case.state, case.attempt, case.dossier.plan) == ("analysed", 2, None)
    assert case.dossier.attempts[0].plan.actions[0].done_by == DOER
    assert case.record.due_at == desk.clock.now() + timedelta(days=20)
    with pytest.raises(TransitionError, match="the cause and the method by which it was found again"):
        desk.plan()
    desk.similar()
    desk.act(OWNER, transitions.analyse, CAUSE)
    desk.plan()
    assert desk.state == "planned"


def test_a_window_that_turns_bad_after_the_conclusion_stops_the_closing(desk: Any) -> None:
    """Late labels may turn a verdict; the closing looks at the windows as they are then."""
    desk.walk("closing")
    with desk.store.write() as tx:
        save_effectiveness_window(tx, desk.window(tx, "nonconforming", 1))
    with pytest.raises(TransitionError, match="a verdict from measured windows that says effective"):
        desk.act(JUDGE, transitions.close, CLOSURE)


@pytest.mark.parametrize(
    ("closure", "said"),
    [
        (Closure(), "what changes in the management system"),
        (Closure(changed=("risks",)), "the records of what was changed"),
    ],
)
def test_closing_asks_for_the_management_system(desk: Any, closure: Closure, said: str) -> None:
    """What was changed and where, or why nothing has to."""
    desk.walk("closing")
    with pytest.raises(TransitionError, match=said):
        desk.act(JUDGE, transitions.close, closure)
    desk.act(JUDGE, transitions.close, Closure(changed=("risks",), links=("RISK-2026-0001",)))
    assert desk.state == "closed"


@pytest.mark.parametrize(
    ("state", "step", "who"),
    [
        ("detected", "reject", OWNER),
        ("planned", "approve", OWNER),
        ("planned", "approve", DOER),
        ("effectiveness_window", "conclude", DOER),
        ("closing", "close", OWNER),
        ("closing", "close", DOER),
        ("analysed", "correction-only", OWNER),
        ("open", "accept", OWNER),
    ],
)
def test_four_eyes_where_two_are_needed(desk: Any, state: str, step: str, who: str) -> None:
    """With every role in hand, nobody judges their own work; with the single-person mode it is allowed and marked."""
    desk.walk(state)
    case, knows = desk.knows()
    do, given = _given()[step]
    person = Actor(who, frozenset(Role))
    with pytest.raises(AuthorityError, match="A second person does it"):
        do(case, *given, person, knows)
    assert do(case, *given, replace(person, single_person="A firm of two."), knows).single_person


def test_a_firm_of_one_is_marked_in_the_history(tmp_path: Path) -> None:
    """One person rejects their own record: allowed by the declared reason, and marked for ever."""
    alone = [{"id": OWNER, "name": "One", "roles": ["owner", "approver"]}]
    desk = new_desk(tmp_path, people=alone, single_person="A firm of one.")
    assert desk.act(OWNER, transitions.reject, SAID).single_person
    with desk.store.read() as reader:
        assert service.history(reader, desk.name)[-1]["single_person"]


@pytest.mark.parametrize("state", ["detected", "contained", "planned", "closing"])
def test_an_auditor_changes_nothing(desk: Any, state: str) -> None:
    """Reading is for everybody, changing is not for auditors."""
    desk.walk(state)
    case, knows = desk.knows()
    for do, given in _given().values():
        with pytest.raises(AuthorityError, match="auditor"):
            do(case, *given, desk.who(AUDITOR), knows)


def test_two_editors_lose_nothing(desk: Any) -> None:
    """The second to save sees what the first did, and nothing of the first is overwritten."""
    seen = desk.walk("open").version
    desk.act(OWNER, transitions.contain, CONTAINMENT, expected=seen)
    with pytest.raises(ConflictError) as caught:
        desk.act(DOER, transitions.contain, CONTAINMENT, expected=seen)
    assert f"you saw version {seen}, it is version {seen + 1} (contained) now" in str(caught.value)
    assert f"{OWNER}: contained (Decisions go to people.)" in str(caught.value)
    assert desk.case().dossier.containment.by == OWNER


def test_a_clock_that_jumps_back_breaks_no_order(desk: Any) -> None:
    """What follows is never before what it follows; the event says that the clock was behind."""
    desk.walk("contained")
    desk.clock.moment -= timedelta(days=3)
    desk.similar()
    desk.act(OWNER, transitions.analyse, CAUSE)
    case = desk.case()
    assert case.state_since == NOW
    assert case.dossier.cause.at == NOW
    with desk.store.read() as reader:
        payload = reader.tuples("SELECT payload FROM events WHERE kind = 'nonconformity.analysed'")[0][0]
    assert '"clock_behind":true' in payload


def test_grading_below_the_rules_takes_a_judge(desk: Any) -> None:
    """A recurrence is major; its owner cannot call it minor."""
    desk.walk("closed")
    desk.name = desk.fail(day=3)
    assert desk.case().record.severity == "major"
    with pytest.raises(AuthorityError, match="below the major that the rules give"):
        desk.act(OWNER, transitions.confirm, GRADING)
    desk.act(JUDGE, transitions.confirm, GRADING)
    assert desk.case().record.severity == "minor"


@pytest.mark.parametrize(
    ("days", "severity", "linked"), [(0, "major", True), (180, "major", True), (181, "minor", False)]
)
def test_recurrence_within_the_watch_period(desk: Any, days: int, severity: str, linked: bool) -> None:
    """The same failure within 180 days of the closing is a recurrence, graded one step up; later it is a new one."""
    desk.walk("closed")
    desk.clock.moment += timedelta(days=days)
    name = desk.fail(day=3)
    assert name == "NC-2026-0002"
    desk.name = name
    record = desk.case().record
    assert (record.severity, record.recurrence_of) == (severity, "NC-2026-0001" if linked else None)


def test_a_rejected_record_is_no_base_of_a_recurrence(desk: Any) -> None:
    """What was no nonconformity cannot recur."""
    desk.act(JUDGE, transitions.reject, SAID)
    desk.name = desk.fail(day=3)
    assert desk.case().record.recurrence_of is None


def test_an_accepted_deviation_opens_again_on_a_worse_value(desk: Any) -> None:
    """0.5 was accepted: 0.5 again changes nothing, 0.4 opens it."""
    desk.walk("open")
    desk.bear()
    desk.act(JUDGE, transitions.accept, Deviation(risk="RISK-2026-0001", reason="Small.", until=date(2026, 6, 1)))
    assert desk.case().dossier.deviation.worst == 0.5
    desk.fail(day=1, value=0.5)
    assert desk.state == "accepted_until"
    desk.fail(day=2, value=0.4)
    assert desk.state == "open"
    assert desk.case().dossier.reopenings[0].reason == "the value 0.4 is worse than the accepted 0.5"
    assert verify(desk.store, folds=FOLDS).intact


def test_an_accepted_deviation_opens_again_at_its_end(desk: Any) -> None:
    """The last day is still accepted, the day after is not; the deadlines begin anew."""
    desk.walk("open")
    desk.bear()
    desk.act(JUDGE, transitions.accept, Deviation(risk="RISK-2026-0001", reason="Small.", until=date(2026, 5, 10)))
    for day, state in ((10, "accepted_until"), (11, "open")):
        desk.clock.moment = NOW.replace(day=day)
        with desk.store.write() as tx:
            service.look_after(tx, desk.project)
        assert desk.state == state
    assert desk.case().record.due_at == desk.clock.now() + timedelta(days=5)


def test_an_accepted_deviation_opens_again_when_its_risk_is_withdrawn(desk: Any) -> None:
    """Nobody accepts any more what remains: it is open again at once, long before its end."""
    desk.walk("open")
    desk.bear()
    desk.act(JUDGE, transitions.accept, Deviation(risk="RISK-2026-0001", reason="Small.", until=date(2026, 6, 1)))
    with desk.store.read() as reader:
        assert not service.needs_looking_after(reader, desk.clock.now())
    with desk.store.write() as tx:
        registers.withdraw(tx, "risk", "RISK-2026-0001", desk.who(BOSS), expected=None, reason="Not borne any more.")
    with desk.store.write() as tx:
        assert service.needs_looking_after(tx, desk.clock.now())
        service.look_after(tx, desk.project)
    assert desk.state == "open"
    assert "RISK-2026-0001 carried the acceptance" in desk.case().dossier.reopenings[0].reason


@pytest.mark.parametrize(("kind", "days"), [("serious", 15), ("death", 10), ("widespread", 2)])
def test_the_clock_of_an_incident(desk: Any, kind: Any, days: int) -> None:
    """15, 10 or 2 days from becoming aware; then it goes on where it was, reported or with the reason why not."""
    desk.walk("open")
    aware = NOW - timedelta(days=1)
    desk.act(OWNER, transitions.escalate, Incident(kind=kind, description="A person.", aware_at=aware))
    assert desk.case().record.due_at == aware + timedelta(days=days)
    with pytest.raises(TransitionError, match="to whom the incident was reported"):
        desk.act(OWNER, transitions.resume)
    desk.act(OWNER, transitions.resume, not_reportable="No high-risk system.")
    case = desk.case()
    assert (case.state, case.dossier.incident.not_reportable) == ("open", "No high-risk system.")
    desk.act(OWNER, transitions.contain, CONTAINMENT.model_copy(update={"serious": True}))
    assert desk.state == "contained"


def test_nobody_becomes_aware_in_the_future(desk: Any) -> None:
    """A clock that begins tomorrow would give a day for free."""
    desk.walk("open")
    with pytest.raises(TransitionError, match="still to come"):
        desk.act(
            OWNER,
            transitions.escalate,
            Incident(kind="serious", description="A person.", aware_at=NOW + timedelta(days=1)),
        )


def test_correction_only_is_a_decision_with_a_reason(desk: Any) -> None:
    """An approver who did not do the work may say that no corrective action is needed; that closes it."""
    desk.walk("analysed")
    desk.act(BOSS, transitions.without_action, SAID)
    case = desk.case()
    assert (case.state, case.dossier.no_action.by, case.record.due_at) == ("closed_correction_only", BOSS, None)


def test_overdue_is_told_twice_and_noted_once_each(desk: Any) -> None:
    """After the due date once, after a week more a second time for top management; the action has its own due date."""
    desk.walk("implementing")
    told = []
    for days in (0, 29, 29, 37, 91, 99):
        desk.clock.moment = NOW + timedelta(days=days)
        with desk.store.write() as tx:
            told.append([(one.what, one.level, one.who) for one in service.look_after(tx, desk.project)[1]])
    record = ("the step after implementing", 1, OWNER)
    assert told == [
        [],
        [("action A1", 1, DOER)],
        [],
        [("action A1", 2, DOER)],
        [record],
        [("the step after implementing", 2, OWNER)],
    ]
    assert verify(desk.store, folds=FOLDS).intact


def test_regrading_changes_the_deadline(desk: Any) -> None:
    """Major: contained within a day of the opening instead of five."""
    desk.walk("open")
    assert desk.case().record.due_at == NOW + timedelta(days=5)
    desk.act(JUDGE, transitions.regrade, Grading(severity="major", criteria="A person was harmed.", owner="-"))
    case = desk.case()
    assert (case.record.due_at, case.record.owner) == (NOW + timedelta(days=1), OWNER)


def test_a_major_is_closed_by_an_approver(tmp_path: Path) -> None:
    """A reviewer closes a minor one; a major one takes an approver or top management."""
    people = [*PEOPLE, {"id": "rev@example.org", "name": "Rev", "roles": ["reviewer"]}]
    desk = new_desk(tmp_path, people=people)
    desk.walk("closing")
    desk.act(JUDGE, transitions.regrade, Grading(severity="major", criteria="Systemic.", owner="-"))
    with pytest.raises(AuthorityError, match="approver or top management"):
        desk.act("rev@example.org", transitions.close, CLOSURE)
    desk.act(BOSS, transitions.close, CLOSURE)
    assert desk.state == "closed"

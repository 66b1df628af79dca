"""Evidence by clause: what counts, what is missing, other frameworks, phases; and what is due again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.aims import changes
from aimsight.aims.coverage import Line, Status, coverage, through
from aimsight.aims.people import Actor, Role
from aimsight.aims.phases import PhaseLine, gaps
from aimsight.aims.registers import service
from aimsight.aims.registers.due import overdue_records, reassessments_due
from aimsight.aims.registers.inventory import inventory
from aimsight.configs.standard import load_standard
from aimsight.store.ledger import append
from aimsight.store.records import Nonconformity, open_nonconformity
from aimsight.store.runs import plan_slots

if TYPE_CHECKING:
    from aimsight.store.database import Store
    from aimsight.store.registers import RecordVersion
    from aimsight.tests.aims.conftest import Makers
    from aimsight.tests.clocks import SetClock

OUTLINE = load_standard().outline
WRITER = Actor("writer@example.org", frozenset({Role.OWNER}))
BOARD = Actor("board@example.org", frozenset({Role.TOP_MANAGEMENT}))

RISK = {
    "title": "Unequal chances",
    "owner": "owner@example.org",
    "due": "2026-06-30",
    "description": "Women are advised lower bands.",
    "method": "Matrix of 2025.",
    "trigger": "first",
    "likelihood": "medium",
    "consequence": "high",
    "assessors": ["writer@example.org"],
    "treatments": [{"option": "reduce", "description": "Watch.", "owner": "a", "due": "2026-06-30"}],
    "residual_likelihood": "low",
    "residual_consequence": "high",
    "accepted_by": "writer@example.org",
}
ASSESSMENT = {
    "title": "Impact of credit",
    "owner": "owner@example.org",
    "due": "2026-12-31",
    "model": "credit",
    "event_at": "2026-04-01",
    "method": "Guide of 2025.",
    "trigger": "first",
    "result": "Acceptable.",
    "assessed_version": "1",
    "assessors": ["writer@example.org"],
}

AUDIT = {
    "title": "Audit",
    "kind": "internal",
    "event_at": "2026-04-01",
    "event_until": "2026-04-03",
    "objectives": "o",
    "criteria": ["Clause 9.2", "A.6"],
    "audited": ["monitoring"],
    "auditors": ["else@example.org"],
    "competence": "c",
    "samples": [{"population": "p", "size": 1, "sampled": 1, "method": "m"}],
    "conclusion": "c",
    "reported_to": ["board@example.org"],
    "reported_at": "2026-04-10",
}


def kept(store: Store, kind: str, values: dict[str, Any], *, approve: bool = True) -> RecordVersion:
    """A record, approved where its type asks for it."""
    with store.write() as tx:
        made = service.create(tx, kind, values, WRITER)
        return service.approve(tx, kind, made.record, BOARD, expected=1) if approve else made


def lines(store: Store, makers: Makers, days: int = 0) -> dict[str, Line]:
    """Every clause with its evidence, so many days after the records were made."""
    with store.read() as reader:
        found = coverage(reader, OUTLINE, (makers.now + timedelta(days=days)).date())
    return {line.clause.id: line for line in found}


def phase(store: Store, makers: Makers, name: str) -> dict[str, PhaseLine]:
    """What a phase finds."""
    with store.read() as reader:
        found = gaps(
            reader,
            load_standard().certification.phase(name),
            coverage(reader, OUTLINE, makers.now.date()),
            makers.now.date(),
        )
    return {one.line.clause.id: one for one in found}


def test_an_empty_store_has_no_evidence_and_says_what_is_missing(store: Store, makers: Makers) -> None:
    """All 70 are there; only what the ledger itself is evidence for has any, and that is in part."""
    with store.write():
        pass
    found = lines(store, makers)
    assert len(found) == 70
    assert {name for name, line in found.items() if line.status is not Status.NONE} == {"7.5.1", "7.5.2", "7.5.3"}
    assert found["7.5.1"].status is Status.PART
    assert "risk" in found["8.2"].missing[1]
    assert all(line.limit for line in found.values())
    assert "not in the statement of applicability" in found["A.6.2.6"].missing


def test_a_draft_is_evidence_in_part_and_an_approved_record_is_evidence(store: Store, makers: Makers) -> None:
    """A clause of people needs a record that counts; one of both needs a pipeline, too."""
    kept(store, "risk", RISK, approve=False)
    found = lines(store, makers)
    assert found["6.1.2"].status is Status.PART
    assert found["6.1.2"].missing[-1] == "1 record waits for approval"
    with store.write() as tx:
        service.approve(tx, "risk", "RISK-2026-0001", BOARD, expected=1)
    found = lines(store, makers)
    assert (found["6.1.2"].status, found["6.1.2"].missing) == (Status.EVIDENCE, ())
    assert found["6.1.2"].people == (BOARD.id, WRITER.id)
    assert found["6.1.2"].evidence[0].items == ("RISK-2026-0001",)
    assert found["8.2"].status is Status.PART
    assert found["8.2"].missing == ("nothing that a pipeline measured or recorded",)


def test_what_no_pipeline_does_needs_none(store: Store, makers: Makers) -> None:
    """An internal audit is a matter of people: its record is enough; A.6.2.6 asks for measurements."""
    kept(store, "audit", AUDIT)
    found = lines(store, makers)
    assert (found["9.2.1"].status, found["9.2.1"].missing) == (Status.EVIDENCE, ())
    assert found["9.2.1"].limit.startswith("A person records it")
    assert found["A.6.2.6"].missing[0] == "nothing that a pipeline measured or recorded"


def test_evidence_names_its_records_and_counts_the_rest(store: Store, makers: Makers) -> None:
    """Records are named by their ids, rows are counted."""
    kept(store, "risk", RISK)
    found = lines(store, makers)
    assert found["6.1.2"].evidence[0].words == "Risk: RISK-2026-0001"
    assert found["7.5.1"].evidence[0].words == "ledger entries: 3"


def test_old_evidence_is_called_old(store: Store, makers: Makers) -> None:
    """A year and a day later it still counts, and its age is said."""
    kept(store, "risk", RISK)
    assert lines(store, makers, 365)["6.1.2"].missing == ()
    assert "more than a year ago" in lines(store, makers, 366)["6.1.2"].missing[0]


def test_objectives_approved_by_a_person_are_evidence(store: Store, makers: Makers) -> None:
    """What a run put in force by itself is a pipeline's evidence only."""
    model = makers.model()
    with store.write() as tx:
        changes.register(tx, model, "aimsight", makers.now, "record")
    assert lines(store, makers)["6.2"].status is Status.PART
    edited = makers.model(makers.objective(target=">= 0.8"))
    with store.write() as tx:
        (one,) = changes.proposals(tx, edited)
        stated = {
            "owner": "o",
            "purpose": "p",
            "integrity": "i",
            "reassessment": "not needed",
            "reassessment_reason": "r",
        }
        made = changes.propose(tx, one, stated, WRITER)
        changes.approve(tx, {"credit": edited}, made.record, BOARD, expected=1)
    found = lines(store, makers)
    assert (found["6.2"].status, found["6.3"].status) == (Status.EVIDENCE, Status.EVIDENCE)


def test_a_control_that_does_not_apply_is_no_gap(store: Store, makers: Makers) -> None:
    """The statement of applicability is shown with its record, whatever it says."""
    for control, applicable in (("A.10.4", False), ("A.2.2", True)):
        statement = {
            "title": control,
            "owner": "o",
            "control": control,
            "applicable": applicable,
            "justification": "So it is.",
            "implemented": "no",
        }
        kept(store, "applicability", statement)
    found = lines(store, makers)
    assert (found["A.10.4"].status, found["A.10.4"].missing) == (Status.NOT_APPLICABLE, ())
    assert found["A.10.4"].applicability == "SOA-2026-0001: does not apply"
    assert found["A.2.2"].applicability == "SOA-2026-0002: applies"
    assert "A.10.4" not in phase(store, makers, "gap")


def test_other_frameworks_are_served_by_their_clauses(store: Store, makers: Makers) -> None:
    """A requirement is met as far as all that serves it has evidence; one with and one without is in part."""
    kept(store, "improvement", IMPROVEMENT, approve=False)
    kept(store, "risk", RISK)
    standard = load_standard()
    with store.read() as reader:
        found = coverage(reader, OUTLINE, makers.now.date())
    act = {one.requirement.id: one for one in through(standard.crosswalk.framework("eu-ai-act"), OUTLINE, found)}
    assert act["Art. 9(2)(c)"].status is Status.PART
    assert act["Art. 27"].status is Status.NONE
    quality = {one.requirement.id: one for one in through(standard.crosswalk.framework("iso9001"), OUTLINE, found)}
    assert quality["10.3"].lines[0].clause.id == "10.1"
    assert quality["10.3"].status is Status.EVIDENCE


IMPROVEMENT = {
    "title": "Fewer alarms",
    "owner": "owner@example.org",
    "due": "2026-09-30",
    "source": "trend",
    "description": "Group notices.",
    "benefit": "Notices a week.",
    "state": "accepted",
    "clauses": ["10.1", "6.1.4"],
}


def test_every_gap_has_a_plan_or_nobody(store: Store, makers: Makers) -> None:
    """A gap is planned for by an open record that names its clause, which is no evidence for that clause itself."""
    kept(store, "improvement", IMPROVEMENT, approve=False)
    found = phase(store, makers, "implement")
    assert lines(store, makers)["6.1.4"].status is Status.NONE
    assert found["6.1.4"].ready
    assert "IMP-2026-0001 (owner@example.org, 2026-09-30)" in found["6.1.4"].note
    assert not found["6.1.2"].ready
    assert found["6.1.2"].note.startswith("nobody has planned to close it")


def test_internal_audits_reach_the_clauses_that_they_name(store: Store, makers: Makers) -> None:
    """9.2 reaches 9.2.1 and 9.2.2; an open finding stands against it; 9.22 would not."""
    kept(store, "audit", AUDIT)
    finding = {
        "title": "No sample",
        "audit": "audit:AUD-2026-0001",
        "grade": "minor",
        "requirement": "A.6.2.6",
        "statement": "s",
        "evidence": ["e"],
        "state": "open",
    }
    kept(store, "audit_finding", finding, approve=False)
    found = phase(store, makers, "internal-audit")
    assert [name for name, one in found.items() if one.ready] == [
        "9.2.1",
        "9.2.2",
        *(control.id for control in OUTLINE.controls if control.id.startswith("A.6") and control.id != "A.6.2.6"),
    ]
    assert "open findings: AF-2026-0001" in found["A.6.2.6"].note


def test_stage_one_wants_approval_and_retention(store: Store, makers: Makers) -> None:
    """An approved record without a day until which it is kept is not ready."""
    kept(store, "risk", RISK)
    assert "no retention: RISK-2026-0001" in phase(store, makers, "stage-1")["6.1.2"].note
    with store.write() as tx:
        service.revise(
            tx, "risk", "RISK-2026-0001", {"retention_until": "2036-01-01"}, WRITER, expected=1, reason="kept"
        )
        service.approve(tx, "risk", "RISK-2026-0001", BOARD, expected=2)
    one = phase(store, makers, "stage-1")["6.1.2"]
    assert one.ready
    assert one.note == "RISK-2026-0001 v2 approved by board@example.org"


@pytest.mark.parametrize("name", ["stage-2", "surveillance"])
def test_operation_and_recency(store: Store, makers: Makers, name: str) -> None:
    """Without anything that happened nothing is ready; a recorded improvement of today is recent."""
    kept(store, "improvement", IMPROVEMENT, approve=False)
    found = phase(store, makers, name)
    assert not found["9.1"].ready
    assert "2026-05-04" in found["10.1"].note
    assert found["10.1"].ready


def test_an_assessment_is_due_on_interval_release_and_fairness(store: Store, makers: Makers, clock: SetClock) -> None:
    """Each reason is named; a nonconformity that nobody has confirmed is none."""
    today = makers.now.date()

    def due(day: int = 0) -> list[tuple[str | None, tuple[str, ...]]]:
        with store.read() as reader:
            return [(one.assessment, one.reasons) for one in reassessments_due(reader, today + timedelta(days=day))]

    with store.write() as tx:
        changes.register(tx, makers.model(), "aimsight", makers.now, "record")
    assert due() == [(None, ("there is no approved impact assessment",))]
    kept(store, "impact_assessment", ASSESSMENT)
    assert due() == []
    assert due(365) == [("IA-2026-0001", ("its interval ended on 2026-12-31",))]
    record = Nonconformity(
        nonconformity="NC-2026-0001", dedupe_key="k", kind="fairness", source="monitoring", objective=None,
        objective_version=None, model="credit", model_version="1", segment="", requirement="r", statement="s",
        severity="major", state="detected", opened_at=makers.now, occurred_from=makers.now, occurred_to=makers.now,
        detected_by="aimsight", due_at=None, owner="o", recurrence_of=None, closed_at=None, evidence_hash="",
    )  # fmt: skip
    with store.write() as tx:
        open_nonconformity(tx, record)
    assert due() == []
    with store.write() as tx:
        tx.execute("UPDATE nonconformity SET state = 'open'")
        changes.register(tx, makers.model(version="2"), "aimsight", makers.now, "record")
    assert due() == [
        (
            "IA-2026-0001",
            ("version 2 was released, version 1 was assessed", "fairness nonconformity after it: NC-2026-0001"),
        )
    ]


def test_a_fairness_nonconformity_counts_from_its_confirmation(store: Store, makers: Makers, clock: SetClock) -> None:
    """Detected before the assessment and confirmed after it: whoever assessed could not know, so it is due again."""
    with store.write() as tx:
        changes.register(tx, makers.model(), "aimsight", makers.now, "record")
    record = Nonconformity(
        nonconformity="NC-2026-0001", dedupe_key="k", kind="fairness", source="monitoring", objective=None,
        objective_version=None, model="credit", model_version="1", segment="", requirement="r", statement="s",
        severity="major", state="detected", opened_at=makers.now - timedelta(days=90),
        occurred_from=makers.now, occurred_to=makers.now, detected_by="aimsight", due_at=None, owner="o",
        recurrence_of=None, closed_at=None, evidence_hash="",
    )  # fmt: skip
    with store.write() as tx:
        open_nonconformity(tx, record)
    kept(store, "impact_assessment", ASSESSMENT)
    with store.write() as tx:
        tx.execute("UPDATE nonconformity SET state = 'open'")
        append(tx, "writer@example.org", "nonconformity.confirmed", "NC-2026-0001", {})
    with store.read() as reader:
        assert [one.reasons for one in reassessments_due(reader, makers.now.date())] == [
            ("fairness nonconformity after it: NC-2026-0001",)
        ]


@pytest.mark.parametrize(
    ("given", "last"),
    [
        ({"kind": "serious"}, "2026-04-16"),
        ({"kind": "death"}, "2026-04-11"),
        ({"kind": "widespread or critical infrastructure"}, "2026-04-03"),
        ({"kind": "death", "report_due": "2026-04-05"}, "2026-04-05"),
        ({"kind": "death", "due": "2026-04-02"}, "2026-04-02"),
        ({"kind": "serious", "reportable": False}, None),
    ],
)
def test_the_report_of_an_incident_is_due_by_its_kind(store: Store, given: dict[str, Any], last: str | None) -> None:
    """15, 10 or 2 days from becoming aware unless an earlier day is stated; until an authority was told."""
    incident = {
        "title": "Denied",
        "owner": "o",
        "description": "d",
        "aware_at": "2026-04-01",
        "reportable": True,
        "reportable_reason": "r",
        "state": "open",
    }
    kept(store, "incident", incident | given, approve=False)
    far = date(2030, 1, 1)
    with store.read() as reader:
        assert [one.due for one in overdue_records(reader, far)] == ([date.fromisoformat(last)] if last else [])
        if last:
            assert overdue_records(reader, date.fromisoformat(last)) == []
    told = {
        "title": "Told",
        "incident": "incident:INC-2026-0001",
        "recipient": "all",
        "recipient_kind": "users",
        "told_at": "2026-04-02",
        "basis": "law",
        "message": "m",
    }
    kept(store, "incident_communication", told, approve=False)
    with store.read() as reader:
        assert len(overdue_records(reader, far)) == (1 if last else 0)
    kept(store, "incident_communication", told | {"recipient_kind": "authority"}, approve=False)
    with store.read() as reader:
        assert [one.due for one in overdue_records(reader, far)] == ([date(2026, 4, 2)] if "due" in given else [])


def test_records_past_their_day_are_overdue_until_they_are_done(store: Store, makers: Makers) -> None:
    """An improvement that is done waits for nothing any more."""
    kept(store, "improvement", IMPROVEMENT, approve=False)
    after = makers.now.date() + timedelta(days=365)
    with store.read() as reader:
        assert overdue_records(reader, makers.now.date()) == []
        assert [one.record for one in overdue_records(reader, after)] == ["IMP-2026-0001"]
    with store.write() as tx:
        done = {"state": "done", "result": "Half as many calls."}
        service.revise(tx, "improvement", "IMP-2026-0001", done, WRITER, expected=1, reason="it is done")
    with store.read() as reader:
        assert overdue_records(reader, after) == []


def test_a_system_in_scope_without_a_plan_is_shown(store: Store, makers: Makers) -> None:
    """A model with objectives watches its system; so does a plan in words; a system that is planned only needs none."""
    system = {"owner": "o", "intended_use": "u", "in_scope": True, "stage": "in operation"}
    for title, more in (
        ("Watched", {"models": ["credit"]}),
        ("Bought", {"monitoring_plan": "Quarterly sample by hand."}),
        ("Unseen", {"models": ["gone"]}),
        ("Coming", {"stage": "planned"}),
        ("Out", {"in_scope": False}),
    ):
        kept(store, "ai_system", {"title": title, **system, **more}, approve=False)
    models = {"credit": makers.model(), "other": makers.model(model="other")}
    with store.read() as reader:
        found = inventory(reader, models)
    assert [one.title for one in found.without_plan] == ["Unseen"]
    assert found.unassigned == ("other",)
    assert found.systems[2].gaps == (
        "model gone is not monitored here",
        "in scope without a monitoring plan",
        "the record is draft",
    )


def test_what_was_planned_and_not_done_is_missing(store: Store, makers: Makers) -> None:
    """A nonconformity past its day and a planned window without an outcome stand beside the evidence."""
    record = Nonconformity(
        nonconformity="NC-2026-0001", dedupe_key="k", kind="drift", source="monitoring", objective=None,
        objective_version=None, model="credit", model_version="1", segment="", requirement="r", statement="s",
        severity="minor", state="open", opened_at=makers.now, occurred_from=makers.now, occurred_to=makers.now,
        detected_by="aimsight", due_at=makers.now + timedelta(days=10), owner="o", recurrence_of=None, closed_at=None,
        evidence_hash="",
    )  # fmt: skip
    with store.write() as tx:
        open_nonconformity(tx, record)
        plan_slots(tx, "credit", "main", [(makers.window(0).start, makers.window(0).end)], makers.now)
    assert "past their day" not in " ".join(lines(store, makers, days=10)["10.2"].missing)
    after = lines(store, makers, days=11)
    assert "past their day: NC-2026-0001" in after["10.2"].missing
    for clause in ("8.1", "9.1"):
        assert "1 planned window without an outcome" in after[clause].missing

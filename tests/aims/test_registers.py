"""Registers: what a record must hold, its versions, who may move it on, and what two people at once see."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aimsight.aims.people import Actor, AuthorityError, ConflictError, Role
from aimsight.aims.registers import service
from aimsight.aims.registers.forms import checked, read_form, template
from aimsight.aims.registers.record_type import HEADER
from aimsight.aims.registers.retention import day_after
from aimsight.aims.registers.service import RegisterError
from aimsight.aims.registers.types import TYPES, find_type
from aimsight.configs.durations import Duration
from aimsight.configs.errors import AimsightError, ConfigError, NotFoundError
from aimsight.configs.standard import load_standard
from aimsight.store.records import ModelRecord, register_model
from aimsight.store.registers import RecordVersion, versions_in_force
from aimsight.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aimsight.store.database import Store, Transaction
    from aimsight.tests.aims.conftest import Makers

ENGINEER = Actor("engineer@example.org", frozenset({Role.ENGINEER}))
OWNER = Actor("owner@example.org", frozenset({Role.OWNER, Role.APPROVER}))
REVIEWER = Actor("reviewer@example.org", frozenset({Role.REVIEWER}))
BOARD = Actor("board@example.org", frozenset({Role.TOP_MANAGEMENT}))
AUDITOR = Actor("auditor@example.org", frozenset({Role.AUDITOR}))
ALONE = Actor("me@example.org", frozenset(Role) - {Role.AUDITOR}, "one person works here")


def system(**changes: Any) -> dict[str, Any]:
    """An AI system as a person writes it."""
    return {
        "title": "Wage band",
        "owner": "owner@example.org",
        "intended_use": "Suggests a band.",
        "in_scope": True,
        "scope_reason": "It concerns people.",
        "stage": "in operation",
    } | changes


def audit(**changes: Any) -> dict[str, Any]:
    """An internal audit as a person writes it."""
    return {
        "title": "Audit of monitoring",
        "kind": "internal",
        "event_at": "2026-04-01",
        "event_until": "2026-04-03",
        "objectives": "Whether monitoring works.",
        "criteria": ["9.1"],
        "audited": ["credit"],
        "auditors": ["auditor@example.org"],
        "competence": "Course of 2025.",
        "samples": [{"population": "Runs of March", "size": 31, "sampled": 5, "method": "Every sixth."}],
        "conclusion": "It works.",
        "reported_to": ["board@example.org"],
        "reported_at": "2026-04-10",
    } | changes


def done(store: Store, step: Callable[[Transaction], RecordVersion]) -> RecordVersion:
    """One step in a transaction of its own."""
    with store.write() as tx:
        return step(tx)


def created(store: Store, actor: Actor = OWNER, **changes: Any) -> RecordVersion:
    """A new AI system."""
    return done(store, lambda tx: service.create(tx, "ai_system", system(**changes), actor))


def statuses(store: Store) -> list[tuple[int, str]]:
    """Version and status of everything."""
    with store.read() as reader:
        return reader.tuples("SELECT version, status FROM records ORDER BY record, version")


def test_a_record_has_number_header_and_content(store: Store) -> None:
    """Numbers count within a year; what nobody fills in is filled in by the type and the clock."""
    first, second = created(store), created(store, ENGINEER, title="Other", event_at="2026-03-01")
    assert [first.record, second.record] == ["SYS-2026-0001", "SYS-2026-0002"]
    assert (first.version, first.status, first.author, first.classification) == (1, "draft", OWNER.id, "internal")
    assert first.clauses == find_type("ai_system").clauses
    assert second.event_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert second.recorded_at > second.event_at
    assert first.fields["stage"] == "in operation"
    with store.read() as reader:
        assert service.get(reader, "ai_system", first.record) == first
    assert verify(store).intact


def test_everything_wrong_is_told_at_once() -> None:
    """Unknown, missing and invalid values, each with its key and the likely intention."""
    with pytest.raises(ConfigError) as told:
        service.check_record(
            find_type("risk"),
            {
                "titel": "x",
                "owner": "a",
                "due": "1.2.2027",
                "likelihood": "hihg",
                "legal_hold": "no",
                "links": ["RISK-1"],
                "treatments": [{"option": "reduce", "owner": "a", "due": "2027-01-01"}, 3],
                "objectives": "objective",
                "clauses": ["8.22", 9.1],
            },
        )
    text = str(told.value)
    assert "titel: unknown key" in text
    assert "did you mean title?" in text
    assert "title: is missing" not in text
    assert "due: " in text
    assert "did you mean 2027-02-01?" in text
    assert "likelihood: must be one of low, medium, high, very high; did you mean high?" in text
    assert "legal_hold: must be true or false" in text
    assert "links[0]: must point at a record as kind:id" in text
    assert "treatments[0].description: is missing: What is done." in text
    assert "treatments[1]: must have the keys option, description" in text
    assert "objectives[0]: must point at a record" in text
    assert "clauses[0]: must be a clause or control" in text
    assert "did you mean 8.2?" in text
    assert "clauses[1]" not in text
    assert "description: is missing" in text


def test_links_point_at_something(store: Store) -> None:
    """A link to a record that is not there is refused, with the one that was meant."""
    made = created(store)
    linked = created(store, links=[f"ai_system:{made.record}", "review:R-1"])
    assert linked.links == (f"ai_system:{made.record}", "review:R-1")
    for link, words in (
        ("ai_system:SYS-2026-0009", "did you mean ai_system:SYS-2026-000"),
        ("ai_sistem:SYS-2026-0001", "did you mean ai_system:SYS-2026-0001"),
        ("nonconformity:NC-1", 'there is no nonconformity "NC-1"'),
    ):
        with pytest.raises(ConfigError, match=words):
            created(store, links=[link])


def test_a_draft_is_reviewed_and_approved_by_others(store: Store) -> None:
    """Approval by the author, without the role, or by an auditor is refused; the event names who did it."""
    made = created(store)
    for actor in (ENGINEER, AUDITOR, OWNER):
        with pytest.raises(AuthorityError), store.write() as tx:
            service.approve(tx, "ai_system", made.record, actor, expected=1)
    reviewed = done(store, lambda tx: service.review(tx, "ai_system", made.record, REVIEWER, expected=1))
    assert (reviewed.status, reviewed.reviewer) == ("in review", REVIEWER.id)
    approved = done(store, lambda tx: service.approve(tx, "ai_system", made.record, BOARD, expected=1))
    assert (approved.status, approved.approver) == ("approved", BOARD.id)
    assert approved.effective_from == date(2026, 5, 4)
    assert approved.content == made.content
    with store.read() as reader:
        kinds = reader.tuples("SELECT kind, actor FROM ledger WHERE kind LIKE 'record.%' ORDER BY seq")
    assert kinds == [
        ("record.created", OWNER.id),
        ("record.reviewed", REVIEWER.id),
        ("record.approved", BOARD.id),
    ]
    assert verify(store).intact


def test_an_auditor_changes_nothing(store: Store) -> None:
    """Whoever is an auditor and nothing else may neither add nor change nor withdraw."""
    made = created(store)
    steps: list[Callable[[Transaction], RecordVersion]] = [
        lambda tx: service.create(tx, "ai_system", system(), AUDITOR),
        lambda tx: service.revise(tx, "ai_system", made.record, {"stage": "retired"}, AUDITOR, expected=1, reason="x"),
        lambda tx: service.withdraw(tx, "ai_system", made.record, AUDITOR, expected=1, reason="x"),
        lambda tx: service.review(tx, "ai_system", made.record, AUDITOR, expected=1),
    ]
    for step in steps:
        with pytest.raises(AuthorityError, match="auditor"):
            done(store, step)


def test_whoever_wrote_an_earlier_draft_does_not_approve(store: Store) -> None:
    """A second version by somebody else does not make the first author independent."""
    made = created(store)
    done(
        store,
        lambda tx: service.revise(tx, "ai_system", made.record, {"risk": "high"}, ENGINEER, expected=1, reason="added"),
    )
    with pytest.raises(AuthorityError, match="they wrote it"):
        done(store, lambda tx: service.approve(tx, "ai_system", made.record, OWNER, expected=2))


def test_a_firm_of_one_approves_and_it_shows(store: Store) -> None:
    """Single-person mode lets the author approve, and the event says that it did."""
    made = created(store, ALONE)
    done(store, lambda tx: service.approve(tx, "ai_system", made.record, ALONE, expected=1))
    with store.read() as reader:
        payload = reader.tuples("SELECT payload FROM events WHERE kind = 'record.approved'")[0][0]
    assert '"single_person":true' in payload


def test_the_version_in_force_stays_until_the_next_is_approved(store: Store) -> None:
    """A draft after an approval changes nothing; approved it supersedes, withdrawn it leaves all as it was."""
    made = created(store, ENGINEER)
    done(store, lambda tx: service.approve(tx, "ai_system", made.record, OWNER, expected=1))

    def revised(stage: str, expected: int) -> RecordVersion:
        return done(
            store,
            lambda tx: service.revise(
                tx, "ai_system", made.record, {"stage": stage}, ENGINEER, expected=expected, reason="moved on"
            ),
        )

    revised("in validation", 1)
    with store.read() as reader:
        assert [one.version for one in versions_in_force(reader)] == [1]
    done(store, lambda tx: service.withdraw(tx, "ai_system", made.record, ENGINEER, expected=2, reason="mistaken"))
    assert statuses(store) == [(1, "approved"), (2, "withdrawn")]
    third = revised("retired", 2)
    assert (third.version, third.supersedes) == (3, 1)
    done(store, lambda tx: service.approve(tx, "ai_system", made.record, OWNER, expected=3))
    assert statuses(store) == [(1, "superseded"), (2, "withdrawn"), (3, "approved")]
    with pytest.raises(AuthorityError):
        done(store, lambda tx: service.withdraw(tx, "ai_system", made.record, ENGINEER, expected=3, reason="gone"))
    done(store, lambda tx: service.withdraw(tx, "ai_system", made.record, OWNER, expected=3, reason="gone"))
    with store.read() as reader:
        assert versions_in_force(reader) == []
    with pytest.raises(RegisterError, match="is withdrawn"):
        revised("in operation", 3)
    assert verify(store).intact


def test_the_second_of_two_people_sees_what_the_first_changed(store: Store) -> None:
    """A change based on an old version is refused with what came in between, and nothing is lost."""
    made = created(store)
    done(
        store,
        lambda tx: service.revise(tx, "ai_system", made.record, {"risk": "high"}, ENGINEER, expected=1, reason="added"),
    )
    with pytest.raises(ConflictError) as told:
        done(
            store,
            lambda tx: service.revise(tx, "ai_system", made.record, {"risk": "limited"}, OWNER, expected=1, reason="x"),
        )
    assert "version 2 by engineer@example.org (added): risk: nothing → high" in str(told.value)
    with pytest.raises(ConflictError):
        done(store, lambda tx: service.approve(tx, "ai_system", made.record, BOARD, expected=1))
    assert statuses(store) == [(1, "superseded"), (2, "draft")]


def test_a_change_needs_a_reason_and_changes_something(store: Store) -> None:
    """Neither an empty reason nor an empty change makes a version; None takes a value away."""
    made = created(store, links=[], risk="high")

    def revised(changes: dict[str, Any], reason: str) -> RecordVersion:
        return done(
            store,
            lambda tx: service.revise(tx, "ai_system", made.record, changes, OWNER, expected=1, reason=reason),
        )

    with pytest.raises(RegisterError, match="needs a reason"):
        revised({"risk": None}, " ")
    with pytest.raises(RegisterError, match="nothing changes"):
        revised({"stage": "in operation"}, "none")
    assert "risk" not in revised({"risk": None}, "it is not known").fields


def test_what_is_open_stands_against_approval(store: Store) -> None:
    """Every field that approval needs and that is missing is named."""
    made = created(store, scope_reason=None)
    with pytest.raises(RegisterError, match=r"not on record yet: why it is in or out of scope \(scope_reason\)"):
        done(store, lambda tx: service.approve(tx, "ai_system", made.record, BOARD, expected=1))


def test_what_needs_no_approval_counts_at_once(store: Store) -> None:
    """A concern is recorded, confidential unless it says otherwise, and cannot be approved."""
    concern = {
        "title": "Unequal",
        "owner": "owner@example.org",
        "due": "2026-06-01",
        "channel": "employee",
        "description": "Bands differ.",
        "theme": "fairness",
        "confidentiality": "The ombudsperson alone knows who it was.",
        "state": "received",
    }
    made = done(store, lambda tx: service.create(tx, "concern", concern, ENGINEER))
    assert (made.status, made.classification) == ("recorded", "confidential")
    with pytest.raises(RegisterError, match="needs no approval"):
        done(store, lambda tx: service.approve(tx, "concern", made.record, BOARD, expected=1))
    done(
        store,
        lambda tx: service.revise(
            tx,
            "concern",
            made.record,
            {"state": "closed", "response": "Explained."},
            ENGINEER,
            expected=1,
            reason="end",
        ),
    )
    assert statuses(store) == [(1, "superseded"), (2, "recorded")]


def test_auditors_are_compared_with_owners(store: Store, makers: Makers) -> None:
    """Whoever owns the audited model, or wrote the record sampled, does not audit it; others do."""
    with store.write() as tx:
        register_model(
            tx, ModelRecord("credit", "1", "auditor@example.org", "Tests.", "high", "binary", "c", makers.now)
        )
    written = created(store, ENGINEER)
    made = done(store, lambda tx: service.create(tx, "audit", audit(), ENGINEER))
    with pytest.raises(RegisterError, match=r"auditor@example.org audits their own work: model credit"):
        done(store, lambda tx: service.approve(tx, "audit", made.record, OWNER, expected=1))
    sampled = audit(
        audited=["wage-band"],
        auditors=[ENGINEER.id],
        samples=[{"population": "Systems", "size": 1, "sampled": 1, "method": "All.", "items": [written.record]}],
    )
    own = done(store, lambda tx: service.create(tx, "audit", sampled, REVIEWER))
    with pytest.raises(RegisterError, match=f"record written by them {written.record}"):
        done(store, lambda tx: service.approve(tx, "audit", own.record, OWNER, expected=1))
    free = done(store, lambda tx: service.create(tx, "audit", audit(auditors=["other@example.org"]), ENGINEER))
    done(store, lambda tx: service.approve(tx, "audit", free.record, OWNER, expected=1))
    with store.read() as reader:
        payload = reader.tuples("SELECT payload FROM events WHERE kind = 'record.approved'")[0][0]
    assert json.loads(payload)["independence"] == "no auditor answers for what is audited"


def test_what_an_audit_names_and_nobody_knows_is_not_compared(store: Store) -> None:
    """A name that is no id on record proves no independence, and the approval says so."""
    vague = audit(audited=["the scoring team", "credit"])
    made = done(store, lambda tx: service.create(tx, "audit", vague, ENGINEER))
    done(store, lambda tx: service.approve(tx, "audit", made.record, OWNER, expected=1))
    with store.read() as reader:
        ((payload,),) = reader.tuples("SELECT payload FROM events WHERE kind = 'record.approved'")
    told = json.loads(payload)["independence"]
    assert told.endswith("as far as it is on record; not compared: credit and the scoring team")


def test_retention_follows_the_rule_in_force(store: Store) -> None:
    """A rule counts once it is approved; records written before keep what they had."""
    rule = {
        "title": "Systems",
        "applies_to": "ai_system",
        "period": "10y",
        "from_event": "The event.",
        "basis": "Art. 18",
        "disposition": "Deleted by the owner.",
    }
    made = done(store, lambda tx: service.create(tx, "retention_rule", rule, ENGINEER))
    assert created(store).retention_until is None
    done(store, lambda tx: service.approve(tx, "retention_rule", made.record, OWNER, expected=1))
    kept = created(store, event_at="2024-02-29")
    assert (kept.retention_until, kept.retention_basis) == (date(2034, 2, 28), "RET-2026-0001, version 1")
    assert created(store, retention_until="2040-01-01").retention_until == date(2040, 1, 1)


@pytest.mark.parametrize(
    ("start", "period", "end"),
    [
        (date(2026, 1, 31), "1mo", date(2026, 2, 28)),
        (date(2024, 2, 29), "1y", date(2025, 2, 28)),
        (date(2026, 11, 30), "1q", date(2027, 2, 28)),
        (date(2026, 12, 31), "2w", date(2027, 1, 14)),
        (date(2026, 12, 31), "25h", date(2027, 1, 2)),
        (date(2026, 12, 31), "180d", date(2027, 6, 29)),
    ],
)
def test_a_period_after_a_day(start: date, period: str, end: date) -> None:
    """Months end on their last day; hours are rounded up to days, since a record is kept at least so long."""
    assert day_after(start, Duration.parse(period)) == end


def test_a_record_that_is_not_there(store: Store) -> None:
    """Misspelt types, ids and versions are told with what is there."""
    made = created(store)
    with store.read() as reader:
        with pytest.raises(NotFoundError, match="did you mean SYS-2026-0001"):
            service.get(reader, "ai_system", "SYS-2026-001")
        with pytest.raises(NotFoundError, match="did you mean ai_system"):
            service.get(reader, "ai_sytem", made.record)
        with pytest.raises(RegisterError, match="versions 1 to 1, not 7"):
            service.get(reader, "ai_system", made.record, 7)


def test_types_are_whole() -> None:
    """Every clause that a type names exists, every number starts differently, every field says what it is."""
    clauses = {clause.id for clause in load_standard().outline.all}
    prefixes = [kind.id_prefix for kind in TYPES.values()]
    assert len(set(prefixes)) == len(prefixes)
    for kind in TYPES.values():
        assert set(kind.clauses) <= clauses, kind.name
        assert set(kind.header_required) <= {field.name for field in HEADER}
        assert all(
            field.doc.endswith(".") or field.doc.endswith(")") or field.doc[-1].isalnum() for field in kind.fields
        )
        assert not (kind.check and not kind.approved), kind.name


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_form_is_yaml_that_lacks_nothing_but_values(name: str, tmp_path: Path) -> None:
    """As printed, a form reads without a mistake of form; what is required is told as missing, and nothing else is."""
    kind = TYPES[name]
    (tmp_path / "form.yaml").write_text(template(kind))
    with pytest.raises(ConfigError) as told:
        checked(kind, read_form(kind, tmp_path / "form.yaml"))
    required = {field.name for field in kind.all_fields if field.required}
    found = {problem.key.partition("[")[0] for problem in told.value.problems}
    assert found == required
    assert all("is missing" in problem.problem for problem in told.value.problems)


words = st.text(alphabet="ab\n\u202eé=<'", max_size=6)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | words | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)


@given(name=st.sampled_from(sorted(TYPES)), data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_given_is_checked_or_refused(name: str, data: st.DataObject) -> None:
    """Any values at all either become a record that checks to itself again, or an error for people; never a crash."""
    kind = TYPES[name]
    given_values = {field.name: data.draw(anything) for field in kind.all_fields if data.draw(st.booleans())}
    try:
        values = service.check_record(kind, given_values)
    except AimsightError as error:
        assert str(error)  # noqa: PT017  # the other outcome is as good
    else:
        assert service.check_record(kind, values) == values

"""Authority over registers, objectives and the people themselves, told from the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.aims import changes, objectives
from aimsight.aims.authority import Authorities
from aimsight.aims.lifecycle.states import STEPS
from aimsight.aims.lifecycle.transitions import APPROVE_MAJOR, APPROVE_MINOR
from aimsight.aims.people import CHANGES_RECORDS, Actor, Role
from aimsight.aims.people_on_record import RECORDED, is_recorded, keep_people, record_people
from aimsight.aims.registers import service
from aimsight.configs.schema import ProjectConfig
from aimsight.store.check_authority import APPROVERS, BY_SEVERITY, JUDGES
from aimsight.store.check_authority import STEPS as RULES
from aimsight.store.findings import Event
from aimsight.store.records import append_event
from aimsight.store.registers import add_version
from aimsight.store.verify import record_verification, verify

if TYPE_CHECKING:
    from aimsight.store.database import Store
    from aimsight.store.findings import Authority
    from aimsight.tests.aims.conftest import Makers

OWNER, SECOND, BOARD = "owner@example.org", "second@example.org", "board@example.org"
PEOPLE = [
    {"id": OWNER, "name": "Olga Owner", "roles": ["owner", "approver"]},
    {"id": SECOND, "name": "Sam Second", "roles": ["approver"]},
    {"id": BOARD, "name": "Bo Board", "roles": ["top management"]},
    {"id": "auditor@example.org", "name": "Ada", "roles": ["auditor"]},
]
CHANGERS = "action owner or approver or engineer or owner or reviewer or top management"
SYSTEM = {
    "title": "Wage band",
    "owner": OWNER,
    "intended_use": "Suggests a band.",
    "in_scope": True,
    "scope_reason": "It concerns people.",
    "stage": "in operation",
}


def config(**given: Any) -> ProjectConfig:
    """A project with four people."""
    return ProjectConfig.model_validate({"organisation": "Tests", "people": PEOPLE} | given)


def known(store: Store, **given: Any) -> None:
    """Who the people are, on record."""
    with store.write() as tx:
        record_people(tx, config(**given))


def anybody(name: str, alone: str | None = None) -> Actor:
    """A person who gives themselves every role, as another program could."""
    return Actor(name, frozenset(Role), alone)


def judged(store: Store) -> Authority:
    """The verdict on authority of a store that is whole."""
    report = verify(store, watcher=Authorities())
    assert report.intact, report.findings
    assert report.authority is not None
    return report.authority


def system(store: Store, author: str = OWNER) -> str:
    """A new record that needs approval."""
    with store.write() as tx:
        return service.create(tx, "ai_system", SYSTEM, anybody(author)).record


def approve(store: Store, record: str, by: str, alone: str | None = None) -> None:
    """An approval, past the rules if need be."""
    with store.write() as tx:
        service.approve(tx, "ai_system", record, anybody(by, alone), expected=None)


def test_people_are_recorded_when_they_differ(store: Store) -> None:
    """Ids and roles, no names; once, again when something changes, and not for a project without people."""
    with store.write() as tx:
        assert not record_people(tx, ProjectConfig.model_validate({"organisation": "Tests"}))
        assert record_people(tx, config())
        assert not record_people(tx, config())
        assert record_people(tx, config(single_person="One works here."))
        assert is_recorded(tx, config(single_person="One works here."))
        entries = tx.tuples("SELECT entry FROM events WHERE kind = ? ORDER BY seq", [RECORDED])
    assert len(entries) == 2
    assert '"owner@example.org":["approver","owner"]' in entries[0][0]
    assert "Olga" not in entries[0][0]


def test_roles_and_rules_that_changed_are_told(store: Store) -> None:
    """Who got which role, who is gone and what is demanded now, with the entry; the first entry is no change."""
    known(store)
    assert judged(store).changed == ()
    raised = [{**PEOPLE[0], "roles": ["approver", "owner", "top management"]}, *PEOPLE[1:3]]
    known(store, people=raised, changes="approve", single_person="Everybody is ill.")
    assert [line.partition(": ")[2] for line in judged(store).changed] == [
        "auditor@example.org was auditor and is now nothing",
        "owner@example.org was approver, owner and is now approver, owner, top management",
        "single-person mode was none and is now Everybody is ill.",
        "the policy on changes was record and is now approve",
    ]


def test_people_are_kept_before_the_first_act(store: Store) -> None:
    """A store that is not there yet is made; one that knows them is not written to."""
    keep_people(store, config())
    with store.read() as reader:
        assert is_recorded(reader, config())
        (head,) = reader.tuples("SELECT max(seq) FROM ledger")[0]
    keep_people(store, config())
    with store.read() as reader:
        assert reader.tuples("SELECT max(seq) FROM ledger") == [(head,)]


def test_records_by_the_rules_are_in_order(store: Store) -> None:
    """Written by one, approved by another, withdrawn by a third."""
    known(store)
    record = system(store)
    approve(store, record, SECOND)
    with store.write() as tx:
        service.withdraw(tx, "ai_system", record, anybody(BOARD), expected=None, reason="Sold.")
    found = judged(store)
    assert (found.findings, found.alone, found.acts) == ((), (), 3)


def test_approving_ones_own_record(store: Store) -> None:
    """Marked by the actor, but never declared by the project: a break. Declared: a limitation."""
    known(store)
    approve(store, system(store), OWNER, alone="says who")
    found = judged(store)
    assert len(found.findings) == 1
    assert "they wrote it, and no single-person mode was declared" in str(found.findings[0])
    known(store, single_person="One person works here.")
    approve(store, system(store), OWNER, alone="One person works here.")
    again = judged(store)
    assert (len(again.findings), len(again.alone)) == (1, 1)
    assert any("need two, allowed by single_person: 1" in limit for limit in again.limits)


def test_the_author_of_an_earlier_draft_does_not_approve(store: Store) -> None:
    """Two wrote on it since the last approval: neither of them is a second person."""
    known(store)
    record = system(store)
    with store.write() as tx:
        changed = {"title": "Band of wages"}
        service.revise(tx, "ai_system", record, changed, anybody(SECOND), expected=None, reason="Better name.")
    approve(store, record, OWNER, alone="mine")
    assert "they wrote it" in str(judged(store).findings[0])


def test_withdrawing_what_was_approved_takes_a_second_person(store: Store) -> None:
    """The author alone may drop a draft, and not an approved version."""
    known(store)
    dropped, kept = system(store), system(store)
    approve(store, kept, SECOND)
    with store.write() as tx:
        service.withdraw(tx, "ai_system", dropped, anybody(OWNER), expected=None, reason="Twice.")
        service.withdraw(tx, "ai_system", kept, anybody(OWNER, "mine"), expected=None, reason="Sold.")
    found = judged(store).findings
    assert [("record.withdrawn" in str(one), kept in str(one)) for one in found] == [(True, True)]


def test_roles_are_those_on_record(store: Store) -> None:
    """Whoever gives themselves a role that the project never gave them is found."""
    known(store)
    record = system(store, "auditor@example.org")
    approve(store, record, "stranger@example.org")
    assert [str(one).partition(": ")[2] for one in judged(store).findings] == [
        f"auditor@example.org: had auditor then, and this takes {CHANGERS}",
        "stranger@example.org: nobody of that id was among the people then",
    ]


def test_a_record_that_names_other_people_than_its_event(store: Store) -> None:
    """Author and approver of a row are those who acted."""
    known(store)
    with store.write() as tx:
        made = service.create(tx, "ai_system", SYSTEM, anybody(OWNER))
        add_version(tx, replace(made, record="SYS-2026-9999", author=SECOND), kind="record.created", actor=OWNER)
    assert "the record names another author, second@example.org" in str(judged(store).findings[0])


@pytest.mark.parametrize(("approver", "allowed"), [(BOARD, True), (SECOND, False)])
def test_a_review_is_signed_by_top_management(approver: str, allowed: bool) -> None:
    """An approver who is not top management does not sign a management review."""
    walk = Authorities()
    row = {"record_type": "management_review", "version": 1, "author": OWNER, "status": "draft", "approver": None}
    people = {"people": {one["id"]: one["roles"] for one in PEOPLE}, "single_person": None, "changes": "record"}
    walk.see(Event(1, "aimsight", RECORDED, "project", people))
    walk.see(Event(2, OWNER, "record.created", "management_review:MR-2026-0001", {"row": row}))
    signed = {"row": row | {"status": "approved", "approver": approver}}
    walk.see(Event(3, approver, "record.approved", "management_review:MR-2026-0001", signed))
    assert [one.seq for one in walk.verdict().findings] == ([] if allowed else [3])


def test_an_objective_comes_into_force_by_an_approved_change(store: Store, makers: Makers) -> None:
    """Where changes are approved, a version without one, and one by somebody who did not approve it, are breaks."""
    known(store, changes="approve")
    model = makers.model()
    with store.write() as tx:
        (proposal,) = changes.proposals(tx, model)
        stated = {
            "owner": OWNER,
            "purpose": "To have one.",
            "consequences": "None.",
            "integrity": "It does.",
            "reassessment": "not needed",
            "reassessment_reason": "No other risk.",
        }
        change = changes.propose(tx, proposal, stated, anybody(OWNER))
        changes.approve(tx, {"credit": model}, change.record, anybody(SECOND), expected=None)
    assert judged(store).findings == ()
    lower = makers.model(makers.objective(target=">= 0.5"))
    with store.write() as tx:
        objectives.register(tx, lower, "aimsight", makers.now)
    found = judged(store).findings
    assert len(found) == 1
    assert "without an approved change" in str(found[0])


def test_people_are_recorded_by_the_program_alone(store: Store) -> None:
    """Nobody writes themselves into the list."""
    known(store)
    with store.write() as tx:
        append_event(tx, RECORDED, "project", OWNER, {"people": {OWNER: ["top management"]}, "single_person": None})
    assert "by the program alone" in str(judged(store).findings[0])


def test_a_verification_says_all_three_verdicts(store: Store) -> None:
    """The event of a daily verification tells what was found of each; acts that break a rule do not stop it."""
    known(store)
    approve(store, system(store), OWNER, alone="says who")
    report = verify(store, watcher=Authorities())
    record_verification(store, report)
    with store.read() as reader:
        ((payload,),) = reader.tuples("SELECT payload FROM events WHERE kind = 'store.verified'")
    assert '"intact":true' in payload
    assert '"complete":true' in payload
    assert '"authorised":false' in payload
    assert '"acts_not_allowed":1' in payload


def test_the_rules_of_the_bundles_program_are_those_of_the_life_cycle() -> None:
    """Auditors get the steps, their states and roles in a table of their own; it says the same."""
    everybody = frozenset(role.value for role in CHANGES_RECORDS)
    wanted = {
        step.event: (
            {state.value for state in step.sources},
            step.target.value if step.target else "",
            frozenset(role.value for role in step.roles) or everybody,
        )
        for step in STEPS.values()
    }
    for event in BY_SEVERITY:
        sources, target, _ = wanted[event]
        wanted[event] = (sources, target, RULES[event][2])
    assert {event: (set(sources.split()), target, roles) for event, (sources, target, roles) in RULES.items()} == wanted
    assert tuple(frozenset(role.value for role in roles) for roles in (APPROVE_MAJOR, APPROVE_MINOR)) == (
        APPROVERS,
        JUDGES,
    )

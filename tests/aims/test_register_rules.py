"""What records must say of themselves: who is named, of when a finding is, what a state and a change ask for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.aims.changes import register
from aimsight.aims.people import Actor, Role, close_id
from aimsight.aims.people_on_record import record_people
from aimsight.aims.registers import service
from aimsight.aims.registers.due import reassessments_due, without_owner
from aimsight.aims.registers.forms import checked, read_form
from aimsight.aims.registers.service import RegisterError
from aimsight.aims.registers.types import find_type
from aimsight.configs.errors import ConfigError
from aimsight.configs.schema import ProjectConfig

if TYPE_CHECKING:
    from aimsight.store.database import Store
    from aimsight.tests.aims.conftest import Makers
    from aimsight.tests.clocks import SetClock

ANN = Actor("ann@example.org", frozenset({Role.OWNER}))
BOB = Actor("bob@example.org", frozenset({Role.APPROVER}))
RISK: dict[str, Any] = {
    "title": "Unequal chances",
    "owner": ANN.id,
    "due": "2026-12-31",
    "description": "Women are advised lower bands.",
    "method": "Matrix of 2025.",
    "trigger": "first",
    "likelihood": "medium",
    "consequence": "high",
}
ASSESSMENT: dict[str, Any] = {
    "title": "Assessment",
    "owner": ANN.id,
    "due": "2027-04-30",
    "model": "credit",
    "method": "Own method.",
    "trigger": "first",
    "result": "Nobody is harmed.",
    "assessed_version": "1",
    "assessors": [ANN.id],
}
CHANGE: dict[str, Any] = {
    "title": "Another use",
    "owner": ANN.id,
    "model": "credit",
    "trigger": "law",
    "subject": "scope",
    "purpose": "p",
    "consequences": "c",
    "integrity": "i",
    "reassessment": "needed",
}


def people(store: Store, *ids: str) -> None:
    """Put on record who the people are."""
    config = ProjectConfig.model_validate(
        {"organisation": "Tests", "people": [{"id": one, "name": one, "roles": ["owner"]} for one in ids]}
    )
    with store.write() as tx:
        record_people(tx, config)


def add(store: Store, kind: str, **values: Any) -> str:
    """A new record by Ann; its id."""
    with store.write() as tx:
        return service.create(tx, kind, values, ANN).record


def approve(store: Store, kind: str, record: str) -> None:
    """Let it count, by Bob."""
    with store.write() as tx:
        service.approve(tx, kind, record, BOB, expected=None)


def revise(store: Store, kind: str, record: str, **changes: Any) -> None:
    """Change a record, by Ann."""
    with store.write() as tx:
        service.revise(tx, kind, record, changes, ANN, expected=None, reason="r")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Ann@Example.org", ANN.id),
        ("an@example.org", ANN.id),
        ("ann@exmaple.org", ANN.id),
        ("bbo", BOB.id),
        ("ann@auditors.test", ""),
        ("zoe@example.org", ""),
        ("Chief of everything", ""),
    ],
)
def test_an_id_is_close_where_name_and_domain_are(name: str, meant: str) -> None:
    """A common domain alone makes nobody alike, and somebody of another house is somebody else."""
    assert close_id(name, [ANN.id, BOB.id]) == meant


def test_who_answers_is_one_of_the_people(store: Store) -> None:
    """Owners, also of treatments, are people on record; a near miss is told, and who has left stays where they were."""
    people(store, ANN.id, BOB.id)
    with pytest.raises(ConfigError, match=r'owner: nobody has the id "ann@exmaple.org"; did you mean ann@example.org'):
        add(store, "risk", **RISK | {"owner": "ann@exmaple.org"})
    treatment = {"option": "reduce", "description": "Watch.", "owner": "x@example.org", "due": "2026-06-30"}
    with pytest.raises(ConfigError, match=r"treatments\[0\].owner: nobody has the id .* add them there"):
        add(store, "risk", **RISK | {"treatments": [treatment]})
    record = add(store, "risk", **RISK)
    people(store, BOB.id)
    revise(store, "risk", record, due="2027-01-31")
    with store.read() as reader:
        assert [one.record for one in without_owner(reader)] == [record]
    with store.write() as tx:
        service.withdraw(tx, "risk", record, ANN, expected=None, reason="r")
        assert without_owner(tx) == []


def test_nobody_accepts_what_remains_for_another(store: Store) -> None:
    """Only who acts can be named as accepting, and what they accepted lapses when somebody else changes it."""
    people(store, ANN.id, BOB.id)
    with pytest.raises(ConfigError, match=r"accepted_by: bob@example.org has to say so, and ann@example.org acts"):
        add(store, "risk", **RISK | {"accepted_by": BOB.id})
    record = add(store, "risk", **RISK | {"accepted_by": ANN.id, "residual_likelihood": "low"})
    with store.write() as tx:
        told = service.revise(tx, "risk", record, {"affected": ["All."]}, BOB, expected=None, reason="r")
        assert told.fields["accepted_by"] == ANN.id
        told = service.revise(tx, "risk", record, {"residual_likelihood": "high"}, BOB, expected=None, reason="r")
        assert "accepted_by" not in told.fields


def test_who_assessed_may_be_somebody_else_but_not_nearly_one_of_us(store: Store) -> None:
    """An assessor of another house is taken as named; independence is compared by ids, so a misspelt one is refused."""
    people(store, ANN.id, BOB.id)
    add(store, "risk", **RISK | {"assessors": ["Jo Fox, Fox & Co", "jo@fox.test"]})
    with pytest.raises(ConfigError, match=r"assessors\[1\]: .*did you mean bob@example.org"):
        add(store, "risk", **RISK | {"assessors": [ANN.id, "Bob@example.org"]})


def test_where_nobody_is_on_record_names_are_taken(store: Store) -> None:
    """A store of before the people were recorded has nothing to compare with."""
    add(store, "risk", **RISK | {"owner": "anybody"})


def test_a_new_finding_has_its_day(store: Store) -> None:
    """Another result of an approved assessment asks when it was found; another due day does not, nor does a draft."""
    record = add(store, "impact_assessment", **ASSESSMENT | {"event_at": "2026-03-01"})
    revise(store, "impact_assessment", record, result="Still nobody is harmed.")
    approve(store, "impact_assessment", record)
    revise(store, "impact_assessment", record, due="2027-05-31")
    approve(store, "impact_assessment", record)
    with pytest.raises(RegisterError, match=r"is of 2026-03-01, and result of it changes. State event_at"):
        revise(store, "impact_assessment", record, result="Some are harmed.")
    revise(store, "impact_assessment", record, result="Some are harmed.", event_at="2026-05-01")
    with store.read() as reader:
        assert service.get(reader, "impact_assessment", record).event_at.date().isoformat() == "2026-05-01"


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (
            "management_action",
            {"title": "t", "owner": ANN.id, "due": "2026-12-31", "description": "d", "state": "done"},
            {"done: is missing with state done", "evidence: is missing with state done"},
        ),
        (
            "risk",
            RISK
            | {
                "treatments": [
                    {"option": "share", "description": "d", "owner": ANN.id, "due": "2026-12-31", "effect": "effective"}
                ]
            },
            {"treatments[0].evidence: is missing with effect effective"},
        ),
        ("change", CHANGE | {"reassessment": "not needed"}, {"reassessment_reason: is missing with reassessment not"}),
    ],
)
def test_what_a_state_asks_for_is_there(store: Store, kind: str, values: dict[str, Any], said: set[str]) -> None:
    """Done without evidence, found effective without what shows it, not needed without a reason: refused by name."""
    with pytest.raises(ConfigError) as told:
        add(store, kind, **values)
    assert all(one in str(told.value) for one in said)


def test_a_change_that_asks_for_a_reassessment_makes_it_due(store: Store, makers: Makers, clock: SetClock) -> None:
    """From its approval until the assessment is made anew."""
    with store.write() as tx:
        register(tx, makers.model(), "aimsight", makers.now, "record")
    assessment = add(store, "impact_assessment", **ASSESSMENT | {"event_at": "2026-03-01"})
    approve(store, "impact_assessment", assessment)
    change = add(store, "change", **CHANGE)

    def due() -> list[tuple[str, ...]]:
        with store.read() as reader:
            return [one.reasons for one in reassessments_due(reader, makers.now.date())]

    assert due() == []
    approve(store, "change", change)
    assert due() == [(f"{change} asks for it",)]
    clock.moment = clock.moment.replace(hour=20)
    revise(store, "impact_assessment", assessment, result="As before.", event_at=clock.moment.isoformat())
    approve(store, "impact_assessment", assessment)
    assert due() == []


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('"m1"', "m1"),
        ("'it''s'", "it's"),
        ('"a \\"b\\""', 'a "b"'),
        ('"Fair" is a claim', '"Fair" is a claim'),
        ('"a" # "b"', '"a" # "b"'),
        ('"open', '"open'),
        ("it's", "it's"),
    ],
)
def test_quotes_around_a_whole_setting_are_no_part_of_it(text: str, read: str) -> None:
    """As in a file; any other quotes are kept, and nothing after them is taken for a comment."""
    kind = find_type("risk")
    kind = replace(kind, fields=())
    settings = [f"title={text}", f"owner={ANN.id}", "due=2026-12-31", f"links={'risk:RISK-1'!r}"]
    values = checked(kind, read_form(kind, None, settings))
    assert (values["title"], values["links"]) == (read, ["risk:RISK-1"])

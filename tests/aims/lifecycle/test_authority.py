"""Authority over nonconformities: what the service refuses is found afterwards when somebody went past it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.aims.authority import Authorities
from aimsight.aims.lifecycle import service, transitions
from aimsight.aims.lifecycle.dossier import Closure, Conclusion, Deviation, Grading, Said
from aimsight.aims.people import Actor, Role
from aimsight.aims.people_on_record import record_people
from aimsight.store.findings import Authority
from aimsight.store.verify import verify
from aimsight.tests.aims.lifecycle.desks import Desk

if TYPE_CHECKING:
    from collections.abc import Callable

OWNER, DOER, JUDGE, AUDITOR = "owner@example.org", "doer@example.org", "judge@example.org", "auditor@example.org"
SAID = Said(reason="It is so.")
GRADING = Grading(severity="minor", criteria="Nobody is affected.", owner=OWNER)
Walked = dict[str | None, dict[str, bytes]]
"""By what is declared about single persons, the stores by state."""
DEVIATION = Deviation(risk="RISK-2026-0001", until=date(2026, 12, 31), reason="A new model comes.")


def judged(desk: Desk) -> Authority:
    """The verdict on authority; the records themselves are whole."""
    report = verify(desk.store, watcher=Authorities())
    assert report.intact, report.findings
    assert report.authority is not None
    assert report.authorised is (not report.authority.findings)
    return report.authority


def people(desk: Desk, **changes: Any) -> None:
    """Put on record who the people are, as declared or with changes."""
    config = desk.project.config.model_copy(update=changes)
    with desk.store.write() as tx:
        record_people(tx, config)


def go_past(desk: Desk, name: str, do: Callable[..., Any], *given: Any, alone: str | None = None) -> None:
    """A step by somebody who gives themselves every role, as another program could."""
    actor = Actor(name, frozenset(Role), alone)
    with desk.store.write() as tx:
        service.act(tx, desk.project, desk.name, actor, lambda case, who, knows: do(case, *given, who, knows))


def test_the_whole_way_is_in_order(desk: Desk) -> None:
    """Four people walk it by the rules: every act is judged, none is found."""
    people(desk)
    desk.templates = None
    desk.walk("closed")
    found = judged(desk)
    assert (found.findings, found.alone, found.unjudged) == ((), (), 0)
    assert found.acts == 10


def test_acts_before_the_people_are_on_record_are_not_judged(desk: Desk) -> None:
    """Their roles cannot be told any more, which is said; it is no finding."""
    go_past(desk, "ghost@example.org", transitions.confirm, GRADING)
    found = judged(desk)
    assert (found.findings, found.acts, found.unjudged > 0) == ((), 1, True)
    assert any("before it was on record who they are" in limit for limit in found.limits)


@pytest.mark.parametrize(
    ("until", "who", "step", "said"),
    [
        ("detected", "ghost@example.org", (transitions.confirm, GRADING), "nobody of that id was among the people"),
        ("detected", AUDITOR, (transitions.confirm, GRADING), "had auditor then"),
        ("detected", DOER, (transitions.reject, SAID), "this takes approver or reviewer or top management"),
        ("planned", DOER, (transitions.approve, SAID), "had action owner, engineer then"),
        ("detected", "aimsight", (transitions.confirm, GRADING), "only a person does this"),
    ],
)
def test_a_role_that_may_not_is_found(desk: Desk, until: str, who: str, step: tuple[Any, ...], said: str) -> None:
    """A stranger, an auditor, a missing role and the program itself: each is named with its entry."""
    desk.templates = None
    people(desk)
    desk.walk(until)
    alone = "not declared" if who == DOER and until == "planned" else None
    go_past(desk, who, *step, alone=alone)
    messages = [str(one) for one in judged(desk).findings]
    assert any(said in message and who in message and "ledger entry" in message for message in messages), messages


@pytest.fixture(scope="module")
def walked() -> Walked:
    """The stores on the way where everybody has every role, made when a test first needs them."""
    return {}


@pytest.mark.parametrize(
    ("until", "who", "step", "because"),
    [
        ("detected", OWNER, (transitions.reject, SAID), "it is their own record"),
        ("contained", OWNER, (transitions.accept, DEVIATION), "they own it"),
        ("planned", OWNER, (transitions.approve, SAID), "they made the plan or carry it out"),
        (
            "effectiveness_window",
            DOER,
            (transitions.conclude, Conclusion(effective=False, reason="It came again.")),
            "they carried out an action",
        ),
        (
            "closing",
            OWNER,
            (transitions.close, Closure(none_because="The procedure was right.")),
            "they own it or carried out an action",
        ),
        ("analysed", OWNER, (transitions.without_action, SAID), "they own it, corrected it or analysed it"),
    ],
)
@pytest.mark.parametrize("declared", [None, "One person works here."])
def test_judging_ones_own_work_is_found(
    desk: Desk, walked: Walked, until: str, who: str, step: tuple[Any, ...], because: str, declared: str | None
) -> None:
    """Somebody who marks it as single-person: a break, unless the project had declared that mode; then a limitation."""
    desk.templates = walked.setdefault(declared, {})
    everybody = [person.model_copy(update={"roles": tuple(Role)}) for person in desk.project.config.people]
    people(desk, people=tuple(everybody), single_person=declared)
    desk.walk(until)
    desk.bear()
    go_past(desk, who, *step, alone="I said so")
    found = judged(desk)
    assert (len(found.findings), len(found.alone)) == ((0, 1) if declared else (1, 0))
    told = found.alone[0] if declared else str(found.findings[0])
    assert because in told
    assert who in told


def test_a_major_one_is_not_closed_by_a_reviewer(desk: Desk) -> None:
    """The severity before the step decides who may; a reviewer closes a minor one only."""
    desk.templates = None
    config = desk.project.config
    weaker = tuple(
        person.model_copy(update={"roles": ("reviewer",)}) if person.id == JUDGE else person for person in config.people
    )
    people(desk, people=weaker)
    desk.walk("closing")
    go_past(desk, JUDGE, transitions.regrade, Grading(severity="major", criteria="Many.", owner=OWNER))
    go_past(desk, JUDGE, transitions.close, Closure(none_because="The procedure was right."))
    closing = [str(one) for one in judged(desk).findings if "nonconformity.closed" in str(one)]
    assert len(closing) == 1
    assert "had reviewer then, and this takes approver or top management" in closing[0]


def test_a_role_that_was_lost_later_still_counts_for_then(desk: Desk) -> None:
    """People are judged by what they were when they acted, and not by what the file says now."""
    desk.templates = None
    people(desk)
    desk.walk("contained")
    people(desk, people=tuple(one for one in desk.project.config.people if one.id != OWNER))
    assert judged(desk).findings == ()
    desk.similar()
    assert any("nobody of that id" in str(one) for one in judged(desk).findings)

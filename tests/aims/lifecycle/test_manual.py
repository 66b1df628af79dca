"""Nonconformities that people find: the same record and life cycle, checked by a person where nothing is measured."""

from __future__ import annotations

from typing import Any

import pytest

from aimsight.aims.lifecycle import transitions
from aimsight.aims.lifecycle.dossier import Check, Conclusion
from aimsight.aims.lifecycle.fold import FOLDS
from aimsight.aims.lifecycle.guards import TransitionError
from aimsight.aims.nonconformities import ManualNonconformity, evidence_of, open_manual
from aimsight.aims.people import AuthorityError
from aimsight.configs.errors import AimsightError, NotFoundError
from aimsight.store.verify import verify
from aimsight.tests.aims.lifecycle.desks import AUDITOR, CLOSURE, DOER, JUDGE, OWNER, SAID, Desk, a_plan


def found(**changes: Any) -> ManualNonconformity:
    """An audit finding."""
    content = {
        "subject": "Training records",
        "kind": "process",
        "source": "audit",
        "requirement": "Clause 7.2",
        "statement": "Two engineers have no record.",
        "evidence": "Sample of five, numbers 2 and 4.",
        "severity": "minor",
        "owner": "owner@example.org",
    }
    return ManualNonconformity.model_validate(content | changes)


def opened(desk: Desk, who: str, given: ManualNonconformity) -> str:
    """The id of the record that a person opens."""
    with desk.store.write() as tx:
        name: str = open_manual(tx, desk.project, given, desk.who(who)).nonconformity
    return name


def test_a_finding_is_closed_by_a_check_of_a_second_person(desk: Desk) -> None:
    """No metric shows it: the criterion is a check, done by somebody who carried out no action."""
    desk.name = opened(desk, OWNER, found())
    desk.walk("analysed")
    with pytest.raises(TransitionError, match="without one, the criterion is a check by a person"):
        desk.plan()
    desk.plan(given=a_plan(criterion={"kind": "check", "check": "Ten records, all complete."}))
    desk.act(JUDGE, transitions.approve, SAID)
    desk.implement()
    desk.start()
    seen = Check(met=True, finding="Ten of ten are complete.")
    with pytest.raises(AuthorityError):
        desk.act(DOER, transitions.check, seen)
    with pytest.raises(TransitionError, match="nobody has checked the effect yet"):
        desk.act(JUDGE, transitions.conclude, Conclusion(effective=True, reason="Yes."))
    desk.act(JUDGE, transitions.check, seen)
    desk.act(JUDGE, transitions.conclude, Conclusion(effective=True, reason="Yes."))
    desk.act(JUDGE, transitions.close, CLOSURE)
    assert desk.state == "closed"
    with desk.store.read() as reader:
        assert evidence_of(reader, desk.name) == "Sample of five, numbers 2 and 4."
    assert verify(desk.store, folds=FOLDS).intact
    again = opened(desk, OWNER, found())
    desk.name = again
    record = desk.case().record
    assert (record.recurrence_of, record.severity) == ("NC-2026-0002", "major")


def test_nobody_checks_by_hand_what_is_measured(desk: Desk) -> None:
    """A criterion on an objective is judged by the pipeline alone."""
    desk.walk("effectiveness_window")
    with pytest.raises(TransitionError, match="nobody checks it by hand"):
        desk.act(JUDGE, transitions.check, Check(met=True, finding="Fine."))


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"owner": "ownr@example.org"}, NotFoundError, "did you mean owner@example.org"),
        ({"model": "credt"}, NotFoundError, "did you mean credit"),
    ],
)
def test_unknown_people_and_models_are_refused(
    desk: Desk, changes: dict[str, str], error: type[Exception], said: str
) -> None:
    """A record of nobody about nothing helps nobody."""
    with pytest.raises(error, match=said):
        opened(desk, OWNER, found(**changes))


def test_one_is_open_for_a_subject(desk: Desk) -> None:
    """A second finding of the same goes into the record that is open; an auditor opens none."""
    name = opened(desk, OWNER, found())
    with pytest.raises(AimsightError, match=f"{name} is open on the same subject"):
        opened(desk, JUDGE, found())
    with pytest.raises(AuthorityError):
        opened(desk, AUDITOR, found(subject="Another"))

"""Records that a nonconformity names: they exist, or the step is refused; and what they are is known."""

from __future__ import annotations

from datetime import date

import pytest

from aimsight.aims.lifecycle import transitions
from aimsight.aims.lifecycle.dossier import Closure, Deviation, Incident
from aimsight.aims.lifecycle.guards import TransitionError
from aimsight.aims.lifecycle.named import known
from aimsight.tests.aims.lifecycle.desks import DOER, JUDGE, OWNER, Desk, a_plan

UNTIL = date(2026, 6, 1)


@pytest.mark.parametrize(
    ("risk", "said"),
    [
        ("RISK-2026-0010", 'there is no risk "RISK-2026-0010"; did you mean RISK-2026-0001?'),
        ("incident:RISK-2026-0001", '"incident:RISK-2026-0001" is no risk'),
        ("Small", "put it on record with aimsight records add risk"),
    ],
)
def test_a_deviation_needs_a_risk_that_is_there(desk: Desk, risk: str, said: str) -> None:
    """Another id, a record of another type and free text are refused, with what is close or what to do."""
    desk.walk("open")
    with pytest.raises(TransitionError) as error:
        desk.act(JUDGE, transitions.accept, Deviation(risk=risk, reason="Small.", until=UNTIL))
    assert said in str(error.value)
    assert desk.state == "open"


def test_a_deviation_rests_on_a_risk_in_force(desk: Desk) -> None:
    """A draft says nothing yet about what remains; and nothing is accepted beyond the risk's next assessment."""
    desk.walk("open")
    with pytest.raises(TransitionError, match="the approval of RISK-2026-0001, which says who accepts what remains"):
        desk.act(JUDGE, transitions.accept, Deviation(risk="risk:RISK-2026-0001", reason="Small.", until=UNTIL))
    desk.bear()
    after = date(2027, 1, 1)
    with pytest.raises(TransitionError, match="an end of the acceptance by 2026-12-31, when RISK-2026-0001 is due"):
        desk.act(JUDGE, transitions.accept, Deviation(risk="RISK-2026-0001", reason="Small.", until=after))
    desk.act(JUDGE, transitions.accept, Deviation(risk="risk:RISK-2026-0001", reason="Small.", until=UNTIL))
    assert desk.state == "accepted_until"


def test_an_incident_needs_its_record(desk: Desk) -> None:
    """A name that nobody recorded is refused; without one an incident is escalated all the same."""
    desk.walk("open")
    with pytest.raises(TransitionError, match=r'the incident by the id of a record: there is no incident "INC-2026-9"'):
        desk.act(OWNER, transitions.escalate, Incident(kind="serious", description="Hurt.", record="INC-2026-9"))
    desk.act(OWNER, transitions.escalate, Incident(kind="serious", description="Hurt."))
    assert desk.state == "escalated_incident"


def test_the_change_of_an_action_is_there(desk: Desk) -> None:
    """A plan that belongs to a change names one on record."""
    action = {"id": "A1", "description": "Check units.", "owner": DOER, "due": UNTIL, "change": "CHG-2026-0007"}
    desk.walk("analysed")
    with pytest.raises(TransitionError, match='change of action A1 by the id of a record: there is no change "CHG'):
        desk.plan(given=a_plan(actions=(action,)))


def test_a_closing_names_records_of_any_type(desk: Desk) -> None:
    """By id or as kind:id; each is told with its title and where it stands, once the record is closed."""
    desk.walk("closing")
    made_up = Closure(changed=("risks",), links=("RISK-2026-0002", "Risk 1"))
    with pytest.raises(TransitionError) as error:
        desk.act(JUDGE, transitions.close, made_up)
    asked = "the change of the management system by the id of a record: there is no record"
    assert error.value.missing == (
        f'{asked} "RISK-2026-0002"; did you mean RISK-2026-0001?',
        f'{asked} "Risk 1"; put it on record with aimsight records add TYPE',
    )
    links = ("RISK-2026-0001", "nonconformity:NC-2026-0001")
    desk.act(JUDGE, transitions.close, Closure(changed=("risks",), links=links))
    with desk.store.read() as reader:
        found = known(reader, desk.case().dossier)
    assert [(one.kind, one.words) for one in found] == [
        ("risk", "RISK-2026-0001 Units may change (draft)"),
        ("nonconformity", "NC-2026-0001"),
    ]

"""Where changes are approved: what was run before an objective was approved is judged by the run after."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from aimsight.aims import changes
from aimsight.aims.people import Actor, Role
from aimsight.aims.registers.service import RegisterError
from aimsight.tests.configurations import an_objective
from aimsight.tests.monitors.sandbox import ran

Sandbox = Any
WRITER = Actor("owner@example.org", frozenset({Role.OWNER}))
APPROVER = Actor("judge@example.org", frozenset({Role.APPROVER}))
STATED = {
    "owner": WRITER.id,
    "purpose": "A first promise.",
    "integrity": "Nothing else.",
    "reassessment": "not needed",
    "reassessment_reason": "r",
}


def bring_into_force(sandbox: Sandbox, **stated: Any) -> list[str]:
    """Propose whatever is declared, and approve it; what each change says of its consequences."""
    model = sandbox.project.models["credit"]
    with sandbox.store.write() as tx:
        made = [changes.propose(tx, one, STATED | stated, WRITER) for one in changes.proposals(tx, model)]
        for one in made:
            changes.approve(tx, {"credit": model}, one.record, APPROVER, expected=None)
    return [one.fields["consequences"] for one in made]


@pytest.fixture
def measured(sandbox: Sandbox) -> Sandbox:
    """Three days that were run while no objective was in force; the last two are bad."""
    sandbox.root.mkdir(parents=True)
    (sandbox.root / "aimsight.yaml").write_text("organisation: Example\nchanges: approve\n")
    sandbox.model()
    sandbox.days(*range(5))
    sandbox.days(5, 6, wrong=30)
    sandbox.run(7)
    assert sandbox.verdicts() == {}
    return sandbox


def test_windows_run_before_the_first_approval_are_judged_after_it(measured: Sandbox) -> None:
    """Each gets another run with a verdict, failures open a record, and the next run has nothing to do."""
    (said,) = bring_into_force(measured)
    assert said.startswith("3 windows that were run before the approval are judged by the next run: ")
    assert said.endswith(": 2 nonconforming and 1 conforming.")
    summary = measured.run(7)["credit"]
    assert ran(summary) == dict.fromkeys((4, 5, 6), "success")
    assert measured.verdicts() == {4: "conforming", 5: "nonconforming", 6: "nonconforming"}
    assert [one["objective"] for one in measured.nonconformities()] == ["OBJ-1"]
    assert measured.run(7)["credit"].runs == []
    measured.check()


def test_a_later_objective_judges_from_the_day_that_its_change_states(measured: Sandbox) -> None:
    """Without a day no window run before is judged by it; with one those that begin on it or later."""
    bring_into_force(measured)
    measured.run(7)
    rows = {"metric": "quality.rows", "target": ">= 10"}
    more = [an_objective(), an_objective("OBJ-2", **rows)]
    measured.model(objectives=more)
    (said,) = bring_into_force(measured)
    assert said == "It judges windows that are run from its approval on. 3 earlier windows get none."
    assert measured.run(7)["credit"].runs == []
    measured.model(objectives=[*more, an_objective("OBJ-3", **rows)])
    third = measured.window(6).start.date()
    (said,) = bring_into_force(measured, effective_from=third.isoformat())
    assert said.endswith("judged by the next run: 1 conforming. 2 earlier windows get none.")
    assert ran(measured.run(7)["credit"]) == {6: "success"}
    assert measured.verdicts("OBJ-3") == {6: "conforming"}
    assert measured.verdicts("OBJ-2") == {6: "conforming"}  # the window has another run, which judges what is in force
    assert measured.verdicts()[6] == "nonconforming"


def test_a_window_whose_rows_are_gone_is_not_tried_for_its_verdict(measured: Sandbox) -> None:
    """What cannot be measured again keeps the result that it has, and stays without a verdict."""
    bring_into_force(measured)
    measured.path(4).unlink()
    summary = measured.run(7)["credit"]
    assert [run.outcome for run in summary.runs] == ["success"] * 2
    assert set(measured.verdicts()) == {5, 6}


@pytest.mark.parametrize(
    ("edited", "day", "said"),
    [(True, date(2026, 1, 5), "holds from its approval on"), (False, date(2100, 1, 1), "still to come")],
)
def test_days_that_no_change_can_hold_from(measured: Sandbox, edited: bool, day: date, said: str) -> None:
    """A changed objective never judges again what was judged; none is in force before its approval."""
    if edited:
        bring_into_force(measured)
        measured.model(objectives=[an_objective(target=">= 0.75")])
    with pytest.raises(RegisterError, match=said):
        bring_into_force(measured, effective_from=day.isoformat())


def test_the_day_is_of_the_log(sandbox: Sandbox) -> None:
    """Midnight is that of the model's calendar, so that no window is left out by an hour."""
    sandbox.root.mkdir(parents=True)
    (sandbox.root / "aimsight.yaml").write_text("organisation: Example\nchanges: approve\n")
    sandbox.model(log={"time_zone": "Asia/Tokyo"})
    sandbox.days(*range(6))
    sandbox.run(6)
    model = sandbox.project.models["credit"]
    with sandbox.store.read() as reader:
        (one,) = changes.proposals(reader, model)
        first = changes.consequences(reader, one).first
        ((start,),) = reader.tuples("SELECT min(window_start) FROM run WHERE outcome = 'success'")
    assert first[0].window_start == start
    assert one.since == (start + timedelta(hours=9)).date()

"""Random histories: no guard can be passed round, nothing vanishes, and the events alone give the state."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aimsight.aims.lifecycle import service, transitions
from aimsight.aims.lifecycle.dossier import Closure, Conclusion, Containment, Deviation, Evidence, Incident, Said
from aimsight.aims.lifecycle.fold import FOLDS
from aimsight.aims.lifecycle.states import PATH, State
from aimsight.configs.errors import AimsightError
from aimsight.store.verify import verify
from aimsight.tests.aims.lifecycle.desks import CAUSE, CLOSURE, CONTAINMENT, GRADING, new_desk

PEOPLE = ("owner@example.org", "doer@example.org", "judge@example.org", "boss@example.org", "auditor@example.org")
WINDOWS = ("conforming", "at risk", "nonconforming", "not measured")


class Life(RuleBasedStateMachine):
    """People do anything at any time to one nonconformity, and the pipeline measures in between.

    ``facts`` is the independent model: what was really given, in plain Python, without any guard of the product.
    """

    folder: Path
    templates: dict[str, bytes]

    @initialize(state=st.sampled_from(PATH[:-1]))
    def begin(self, state: State) -> None:
        """A project whose objective has failed, anywhere on the way."""
        self.desk = new_desk(Path(tempfile.mkdtemp(dir=self.folder)), templates=self.templates)
        self.desk.walk(state)
        self.desk.bear()
        at = PATH.index(state)
        self.facts: dict[str, Any] = {
            "approver": "judge@example.org" if at >= PATH.index(State.IMPLEMENTING) else "",
            "measured": ["conforming", "conforming"] if state is State.CLOSING else [],
            "concluded": "judge@example.org" if state is State.CLOSING else "",
            "occurrences": 1,
        }
        self.now = self.desk.case()

    def try_(self, who: str, do: Any, *given: Any, **more: Any) -> bool:
        """A step that may be refused; a refused one changes nothing."""
        try:
            self.desk.act(who, do, *given, **more)
        except AimsightError:
            assert self.desk.case() == self.now
            return False
        return True

    @rule(who=st.sampled_from(PEOPLE))
    def confirm(self, who: str) -> None:
        """Confirm."""
        self.try_(who, transitions.confirm, GRADING)

    @rule(who=st.sampled_from(PEOPLE), complete=st.booleans())
    def contain(self, who: str, complete: bool) -> None:
        """Contain, perhaps with nothing said."""
        self.try_(who, transitions.contain, CONTAINMENT if complete else Containment())

    @rule(who=st.sampled_from(PEOPLE))
    def analyse(self, who: str) -> None:
        """Search and state the cause."""
        try:
            self.desk.similar(who)
        except AimsightError:
            assert self.desk.case() == self.now
        else:
            self.now = self.desk.case()
        self.try_(who, transitions.analyse, CAUSE)

    @rule(who=st.sampled_from(PEOPLE))
    def plan(self, who: str) -> None:
        """Plan."""
        try:
            self.desk.plan(who)
            self.facts |= {"approver": "", "measured": [], "concluded": ""}
        except AimsightError:
            pass

    @rule(who=st.sampled_from(PEOPLE))
    def approve(self, who: str) -> None:
        """Approve."""
        if self.try_(who, transitions.approve, Said(reason="Good.")):
            self.facts["approver"] = who

    @rule(who=st.sampled_from(PEOPLE), shown=st.booleans())
    def implement(self, who: str, shown: bool) -> None:
        """Carry out, perhaps without evidence."""
        self.try_(who, transitions.implement, "A1", (Evidence(text="Done."),) if shown else ())

    @rule(who=st.sampled_from(PEOPLE))
    def start(self, who: str) -> None:
        """Start the watch."""
        if self.try_(who, transitions.start):
            self.facts["measured"] = []
            self.desk.done = []

    @precondition(lambda self: self.now.record.state in {"effectiveness_window", "closing"})
    @rule(verdict=st.sampled_from(WINDOWS))
    def measure(self, verdict: str) -> None:
        """The pipeline judges a window."""
        self.desk.windows(verdict)
        self.facts["measured"].append(verdict)

    @rule(who=st.sampled_from(PEOPLE), effective=st.booleans())
    def conclude(self, who: str, effective: bool) -> None:
        """Conclude."""
        if self.try_(who, transitions.conclude, Conclusion(effective=effective, reason="So.")):
            self.facts["concluded"] = who if effective else ""
            if effective:
                assert self.facts["measured"].count("conforming") >= 2
                assert who != "doer@example.org"

    @rule(who=st.sampled_from(PEOPLE), answered=st.booleans())
    def close(self, who: str, answered: bool) -> None:
        """Close, perhaps without an answer about the management system."""
        if self.try_(who, transitions.close, CLOSURE if answered else Closure()):
            assert answered
            assert who not in {"owner@example.org", "doer@example.org", "auditor@example.org"}
            assert self.facts["approver"] not in {"", "doer@example.org", "owner@example.org"}
            assert self.facts["concluded"] not in {"", "doer@example.org"}
            assert self.facts["measured"].count("conforming") >= 2

    @rule(who=st.sampled_from(PEOPLE), days=st.integers(-1, 30))
    def accept(self, who: str, days: int) -> None:
        """Accept for some days."""
        until = (self.desk.clock.now() + timedelta(days=days)).date()
        self.try_(who, transitions.accept, Deviation(risk="RISK-2026-0001", reason="Small.", until=until))

    @rule(who=st.sampled_from(PEOPLE))
    def reject(self, who: str) -> None:
        """Reject."""
        if self.try_(who, transitions.reject, Said(reason="No failure.")):
            assert who not in {"owner@example.org", "auditor@example.org"}

    @rule(who=st.sampled_from(PEOPLE), serious=st.booleans())
    def incident(self, who: str, serious: bool) -> None:
        """Escalate, or go on after an incident."""
        if serious:
            self.try_(who, transitions.escalate, Incident(kind="death", description="A person."))
        else:
            self.try_(who, transitions.resume, not_reportable="No.")

    @rule(days=st.integers(-3, 40))
    def wait(self, days: int) -> None:
        """Time passes, or the clock jumps back; the product looks after what is due."""
        self.desk.clock.moment += timedelta(days=days)
        with self.desk.store.write() as tx:
            service.look_after(tx, self.desk.project)

    @rule(value=st.sampled_from([0.3, 0.5, 0.6]))
    def fail(self, value: float) -> None:
        """The objective fails again: an occurrence while the record is open, else a record of its own."""
        day = self.facts["occurrences"]
        self.facts["occurrences"] += 1
        finished = self.now.record.state in {"closed", "rejected", "closed_correction_only"}
        opened = self.desk.fail(day=day, value=value)
        assert (opened is not None) == finished
        if opened:
            self.desk.name = opened
            self.desk.done = []
            self.facts |= {"approver": "", "measured": [], "concluded": ""}
            self.now = self.desk.case()

    @invariant()
    def nothing_vanishes(self) -> None:
        """Versions only grow, and every failing window is an occurrence of some record."""
        if not hasattr(self, "desk"):
            return
        with self.desk.store.read() as reader:
            case = service.read_case(reader, self.desk.name)
            assert case.version >= self.now.version
            self.now = case
            assert reader.tuples("SELECT count(*) FROM occurrence") == [(self.facts["occurrences"],)]

    def teardown(self) -> None:
        """The events alone give the rows, and no event follows from what its state did not allow."""
        if hasattr(self, "desk"):
            report = verify(self.desk.store, folds=FOLDS)
            assert report.intact, report.findings


@pytest.mark.timeout(300)
def test_random_histories(tmp_path: Path, templates: dict[str, bytes]) -> None:
    """Hypothesis drives people and pipeline at random."""
    machine: Any = type("RandomLife", (Life,), {"folder": tmp_path, "templates": templates})
    machine.TestCase.settings = settings(
        max_examples=10,
        stateful_step_count=14,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    case = machine.TestCase()
    case.runTest()


def test_the_machine_can_close(tmp_path: Path, templates: dict[str, bytes]) -> None:
    """The rules of the machine reach the end: otherwise it would prove nothing."""
    machine: Any = type("RandomLife", (Life,), {"folder": tmp_path, "templates": templates})()
    machine.begin(State.DETECTED)
    owner, doer, judge = PEOPLE[:3]
    machine.confirm(owner)
    machine.contain(owner, True)
    machine.analyse(owner)
    machine.plan(owner)
    machine.approve(judge)
    machine.implement(doer, True)
    machine.start(owner)
    machine.measure("conforming")
    machine.measure("conforming")
    machine.conclude(judge, True)
    machine.close(judge, True)
    machine.nothing_vanishes()
    assert machine.now.record.state == "closed"
    machine.fail(0.5)
    assert machine.desk.case().record.recurrence_of == "NC-2026-0001"
    machine.nothing_vanishes()
    machine.teardown()

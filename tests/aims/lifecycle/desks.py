"""A desk: a project of people, a store with one failing objective, and its walk."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from aimsight.aims.lifecycle import service, transitions
from aimsight.aims.lifecycle.case import Case, Context
from aimsight.aims.lifecycle.dossier import (
    Cause,
    Closure,
    Conclusion,
    Containment,
    Evidence,
    Grading,
    Plan,
    Said,
)
from aimsight.aims.lifecycle.transitions import Outcome
from aimsight.aims.nonconformities import Failing, of_objective, record_failure
from aimsight.aims.objectives import register
from aimsight.aims.people import Actor, actor_of
from aimsight.aims.registers import service as registers
from aimsight.aims.verdicts import Verdict
from aimsight.configs.load import Project
from aimsight.configs.schema import ProjectConfig
from aimsight.store.database import Store, Transaction
from aimsight.store.records import EffectivenessWindow, latest_objective, save_effectiveness_window
from aimsight.tests.clocks import SetClock
from aimsight.tests.configurations import a_model, an_objective

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
FAILED = datetime(2026, 5, 2, tzinfo=UTC)
OWNER, DOER, JUDGE, BOSS, AUDITOR = (
    "owner@example.org",
    "doer@example.org",
    "judge@example.org",
    "boss@example.org",
    "auditor@example.org",
)
PEOPLE = [
    {"id": OWNER, "name": "Owner", "roles": ["owner"]},
    {"id": DOER, "name": "Doer", "roles": ["engineer", "action owner"]},
    {"id": JUDGE, "name": "Judge", "roles": ["reviewer", "approver"]},
    {"id": BOSS, "name": "Boss", "roles": ["top management"]},
    {"id": AUDITOR, "name": "Auditor", "roles": ["auditor"]},
]
GRADING = Grading(severity="minor", criteria="No person is affected.", owner=OWNER)
CONTAINMENT = Containment(correction="Decisions go to people.", serious=False, serious_because="Nobody came to harm.")
CAUSE = Cause(
    method="five whys", whys=("Scores fell.", "Inputs moved.", "A supplier changed units."), causes=("No unit check.",)
)
SAID = Said(reason="It is so.")
RISK = {
    "title": "Units may change",
    "owner": OWNER,
    "due": date(2026, 12, 31),
    "description": "A supplier changes units, and decisions are wrong.",
    "method": "Two levels each.",
    "trigger": "first",
    "likelihood": "low",
    "consequence": "high",
    "assessors": [OWNER],
    "treatments": [{"option": "reduce", "description": "Check units.", "owner": OWNER, "due": date(2026, 12, 31)}],
    "residual_likelihood": "low",
    "residual_consequence": "low",
    "accepted_by": OWNER,
}
CLOSURE = Closure(none_because="The procedure was right.")


def a_plan(**changes: Any) -> Plan:
    """A plan of one action whose effect two windows of the objective show."""
    content: dict[str, Any] = {
        "needed_because": "It comes again.",
        "actions": ({"id": "A1", "description": "Check units on arrival.", "owner": DOER, "due": date(2026, 6, 1)},),
        "criterion": {"kind": "objective", "objective": "OBJ-1", "windows": 2},
    }
    return Plan.model_validate(content | changes)


@dataclass
class Desk:
    """A project with one failing objective, and what its people do with the nonconformity."""

    store: Store
    project: Project
    clock: SetClock
    templates: dict[str, bytes] | None = None
    name: str = "NC-2026-0001"
    done: list[str] = field(default_factory=list)

    def who(self, name: str) -> Actor:
        """A person of the project."""
        return actor_of(self.project, name)

    def case(self) -> Case:
        """The nonconformity as it stands."""
        with self.store.read() as reader:
            return service.read_case(reader, self.name)

    @property
    def state(self) -> str:
        """Where it stands."""
        return self.case().record.state

    def bear(self) -> None:
        """Top management approves the risk, so that a deviation can be accepted."""
        with self.store.write() as tx:
            registers.approve(tx, "risk", "RISK-2026-0001", self.who(BOSS), expected=None)

    def act(self, name: str, do: Any, *given: Any, expected: int | None = None, **more: Any) -> Outcome:
        """One step by the person of that id."""
        with self.store.write() as tx:
            return service.act(
                tx,
                self.project,
                self.name,
                self.who(name),
                lambda case, one, knows: do(case, *given, one, knows, **more),
                expected=expected,
            )

    def similar(self, name: str = OWNER) -> Outcome:
        """The search for similar nonconformities."""
        with self.store.write() as tx:
            return service.similar(tx, self.project, self.name, self.who(name))

    def plan(self, name: str = OWNER, given: Plan | None = None) -> Outcome:
        """A plan."""
        with self.store.write() as tx:
            return service.plan(tx, self.project, self.name, self.who(name), given or a_plan())

    def start(self, name: str = OWNER) -> Outcome:
        """The start of the watch."""
        with self.store.write() as tx:
            return service.start(tx, self.project, self.name, self.who(name))[0]

    def implement(self, name: str = DOER, action: str = "A1") -> Outcome:
        """The action, with evidence."""
        return self.act(name, transitions.implement, action, (Evidence(text="Merged as change 12."),))

    def windows(self, *verdicts: str) -> None:
        """Windows after the actions, judged as given."""
        with self.store.write() as tx:
            for verdict in verdicts:
                self.done.append(verdict)
                save_effectiveness_window(tx, self.window(tx, verdict, len(self.done)))

    def conclude(self) -> None:
        """Two good windows and the conclusion from them."""
        self.windows("conforming", "conforming")
        self.act(JUDGE, transitions.conclude, Conclusion(effective=True, reason="Two good windows."))

    def window(self, tx: Transaction, verdict: str, day: int) -> EffectivenessWindow:
        """One window after the actions."""
        case = service.read_case(tx, self.name)
        start = NOW + timedelta(days=day)
        return EffectivenessWindow(
            nonconformity=self.name,
            attempt=case.attempt,
            window_start=start,
            window_end=start + timedelta(days=1),
            run_id=f"run-{day}",
            metric="performance.accuracy",
            target=">= 0.7",
            value=0.8 if verdict == "conforming" else 0.5,
            ci_low=None,
            ci_high=None,
            n=100,
            verdict=verdict,
            reason="because",
            measurement_hash=None,
            judged_at=NOW,
        )

    def walk(self, until: str) -> Case:
        """Everything from where it stands to a state of the path; a store that was there in this session is copied."""
        # a copy holds the pipeline's own record and nothing else
        fresh = self.templates if self.name == "NC-2026-0001" and self.state == "detected" else None
        if fresh is not None and until in fresh:
            self.store.path.write_bytes(fresh[until])
            self.done = ["conforming", "conforming"] if until in {"closing", "closed"} else []
            return self.case()
        steps: dict[str, Any] = {
            "open": lambda: self.act(OWNER, transitions.confirm, GRADING),
            "contained": lambda: self.act(OWNER, transitions.contain, CONTAINMENT),
            "analysed": lambda: (self.similar(), self.act(OWNER, transitions.analyse, CAUSE)),
            "planned": self.plan,
            "implementing": lambda: self.act(JUDGE, transitions.approve, SAID),
            "implemented": self.implement,
            "effectiveness_window": self.start,
            "closing": self.conclude,
            "closed": lambda: self.act(JUDGE, transitions.close, CLOSURE),
        }
        states = ["detected", *steps]
        for state in states[states.index(self.state) + 1 : states.index(until) + 1]:
            steps[state]()
            assert self.state == state
            if fresh is not None:
                fresh[state] = self.store.path.read_bytes()
        return self.case()

    def knows(self) -> tuple[Case, Context]:
        """The case and what its guards have to know, to try steps without recording them."""
        with self.store.read() as reader:
            case = service.read_case(reader, self.name)
            return case, service.context_of(reader, self.project, case, self.clock.now())

    def fail(self, day: int = 0, value: float = 0.5) -> str | None:
        """One more failing window of the objective; the id of a nonconformity that it opened."""
        with self.store.write() as tx:
            objective = latest_objective(tx, "credit", "OBJ-1")
            assert objective is not None
            start = FAILED + timedelta(days=day)
            failing = Failing(
                f"run-f{day}", start, start + timedelta(days=1), None, None, value, None, None, objective.target
            )
            record, _ = record_failure(
                tx,
                of_objective(objective, "1", Verdict.NONCONFORMING),
                [failing],
                opens=True,
                statement="Accuracy fell.",
                now=self.clock.now(),
                settings=self.project.config.nonconformities,
            )
        return record.nonconformity if record else None


MODEL = a_model(objectives=[an_objective()])


def new_desk(folder: Path, *, templates: dict[str, bytes] | None = None, **settings: Any) -> Desk:
    """A project in a folder whose objective has just failed."""
    clock = SetClock(NOW)
    store = Store(folder / "aims.duckdb", clock=clock)
    config = ProjectConfig.model_validate({"organisation": "Tests", "people": PEOPLE, **settings})
    desk = Desk(store, Project(folder, config, {"credit": MODEL}, {}), clock, templates)
    if templates:
        store.path.write_bytes(templates["detected"])
        return desk
    with store.write() as tx:
        register(tx, MODEL, "aimsight", NOW)
        registers.create(tx, "risk", RISK, registers.SYSTEM, origin="tests")
    assert desk.fail() == desk.name
    if templates is not None:
        templates["detected"] = store.path.read_bytes()
    return desk

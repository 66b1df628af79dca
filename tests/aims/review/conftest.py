"""A project with people, a store with two judged windows, and what a review of April 2026 needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from aimsight.aims import objectives
from aimsight.aims.people import Actor, Role
from aimsight.aims.registers import service as registers
from aimsight.aims.review import service
from aimsight.configs.load import Project, load_project
from aimsight.metrics.plan import Window
from aimsight.store.database import Store
from aimsight.store.evaluations import Evaluation, save_evaluations
from aimsight.store.runs import claim, finish
from aimsight.tests.configurations import an_objective, raw_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aimsight.aims.review.pack import Pack, Section
    from aimsight.store.registers import RecordVersion
    from aimsight.tests.aims.conftest import Makers
    from aimsight.tests.clocks import SetClock

APRIL = Window(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
AUTHOR = Actor("quality@example.org", frozenset({Role.OWNER, Role.REVIEWER}))
BOARD = Actor("board@example.org", frozenset({Role.TOP_MANAGEMENT}))
CHAIR = Actor("chair@example.org", frozenset({Role.TOP_MANAGEMENT}))
MINUTES: dict[str, Any] = {
    "chair": "board@example.org",
    "held_on": "2026-05-04",
    "attendees": [{"name": "Emma", "function": "Managing director", "top_management": True}],
    "discussion": "Everything.",
    "suitability": "Suitable.",
    "adequacy": "Adequate.",
    "effectiveness": "Effective.",
}


@dataclass
class Board:
    """A project, its store, and the steps of a review."""

    project: Project
    store: Store
    clock: SetClock
    author: Actor = AUTHOR
    top: Actor = BOARD
    other_top: Actor = CHAIR
    minutes: Mapping[str, Any] = field(default_factory=lambda: dict(MINUTES))

    def prepare(self, **changes: Any) -> tuple[RecordVersion, Pack]:
        """Prepare a pack of April."""
        period = changes.pop("period", APRIL)
        return service.prepare(self.store, self.project, changes.pop("actor", AUTHOR), period, **changes)

    def section(self, key: str, **changes: Any) -> Section:
        """One section of a new pack."""
        return self.prepare(**changes)[1].section(key)

    def add(self, record_type: str, **fields: Any) -> RecordVersion:
        """Add a register record."""
        with self.store.write() as tx:
            return registers.create(tx, record_type, fields, AUTHOR)

    def revise(self, one: RecordVersion, **fields: Any) -> RecordVersion:
        """Revise a register record."""
        with self.store.write() as tx:
            return registers.revise(
                tx, one.record_type, one.record, fields, AUTHOR, expected=one.version, reason="it moved on"
            )

    def record(self, name: str, actor: Actor = AUTHOR, **changes: Any) -> RecordVersion:
        """Record minutes."""
        with self.store.write() as tx:
            return service.record(tx, name, changes, actor, expected=None)

    def confirm_all(self, name: str, pack: Pack) -> None:
        """Confirm every input without anything to report."""
        for key in pack.to_confirm:
            with self.store.write() as tx:
                service.confirm(tx, self.project, name, key, "No change.", AUTHOR, expected=None)

    def decide(self, name: str, actor: Actor = AUTHOR, **changes: Any) -> tuple[RecordVersion, ...]:
        """Take a decision."""
        given = {
            "kind": "improvement",
            "decision": "Retrain.",
            "grounds": "It drifts.",
            "action": "Train.",
            "owner": "owner@example.org",
            "due": "2026-06-30",
        } | changes
        with self.store.write() as tx:
            return service.decide(tx, name, service.Decision(**given), actor)

    def sign(self, name: str, actor: Actor = BOARD, typed: str = "Emma") -> RecordVersion:
        """Sign."""
        with self.store.write() as tx:
            return service.sign(tx, self.project, name, actor, expected=None, name=typed)

    def held(self) -> tuple[RecordVersion, Pack]:
        """A review that lacks nothing but the signature."""
        made, pack = self.prepare()
        self.confirm_all(made.record, pack)
        self.record(made.record, **MINUTES)
        self.decide(made.record)
        return made, pack


@pytest.fixture
def empty(tmp_path: Path, store: Store, clock: SetClock, makers: Makers) -> Board:
    """A project whose model has an objective, and a store in which nothing happened."""
    root = tmp_path / "project"
    (root / "models").mkdir(parents=True)
    people = [{"id": one, "name": one.partition("@")[0], "roles": ["owner"]} for one in ("quality@example.org",)]
    (root / "aimsight.yaml").write_text(yaml.safe_dump({"organisation": "Test Bank", "people": people}))
    model = raw_model(objectives=[an_objective(), an_objective("OBJ-2", metric="performance.f1")])
    (root / "models" / "credit.yaml").write_text(yaml.safe_dump(model))
    with store.write() as tx:
        objectives.register(tx, load_project(root).models["credit"], "test", makers.now)
    return Board(load_project(root), store, clock)


@pytest.fixture
def board(empty: Board, makers: Makers) -> Board:
    """The same after two windows of April: one met, one failed with a nonconformity."""
    with empty.store.write() as tx:
        judge(tx, makers, 0, 0.9, "conforming")
        judge(tx, makers, 1, 0.5, "nonconforming")
        judge(tx, makers, 2, None, "awaiting labels")
    return empty


def judge(tx: Any, makers: Makers, day: int, value: float | None, verdict: str) -> None:
    """A run of a day with its evaluation."""
    run = claim(tx, makers.run(day))
    assert run is not None, "the window was judged already"
    window = makers.window(day)
    low, high = (None, None) if value is None else (value - 0.05, value + 0.05)
    evaluation = Evaluation(
        run_id=run.run_id, model="credit", objective="OBJ-1", objective_version=1, column_name="", segment="",
        window_start=window.start, window_end=window.end, value=value, ci_low=low, ci_high=high, n=500,
        target=">= 0.7", tolerance=0.0, verdict=verdict, reason="r", revision=run.revision, evaluated_at=makers.now,
    )  # fmt: skip
    save_evaluations(tx, [evaluation])
    finish(tx, run.run_id, "success", "measured", 500, makers.now)

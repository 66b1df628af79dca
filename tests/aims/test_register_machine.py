"""Random histories of register records: no rule can be passed round, nothing vanishes, and replay equals the rows."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from aimsight.aims.people import Actor, Role
from aimsight.aims.registers import service
from aimsight.configs.errors import AimsightError
from aimsight.store.database import Store
from aimsight.store.registers import RecordVersion, versions_in_force, versions_of
from aimsight.store.verify import verify

ACTORS = [
    Actor("ann@example.org", frozenset({Role.OWNER})),
    Actor("bob@example.org", frozenset({Role.APPROVER, Role.ENGINEER})),
    Actor("cyd@example.org", frozenset({Role.TOP_MANAGEMENT})),
    Actor("dan@example.org", frozenset({Role.REVIEWER})),
    Actor("eve@example.org", frozenset({Role.AUDITOR})),
]
STAGES = ["planned", "in development", "in validation", "in operation", "retired"]
actors = st.sampled_from(ACTORS)
records = st.integers(0, 1)
guesses = st.integers(1, 6) | st.none()


class Registers(RuleBasedStateMachine):
    """Two AI systems, five people, and whatever they try."""

    @initialize()
    def begin(self) -> None:
        """An empty store with two drafts."""
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name) / "aims.duckdb")
        self.contents: dict[tuple[str, int], tuple[str, str]] = {}
        given = {"owner": "ann@example.org", "intended_use": "u", "in_scope": True, "stage": "planned"}
        with self.store.write() as tx:
            self.names = [
                service.create(tx, "ai_system", {"title": title, "scope_reason": "r", **given}, ACTORS[0]).record
                for title in "ab"
            ]

    def teardown(self) -> None:
        """Replay the ledger, then throw the store away."""
        if hasattr(self, "folder"):
            findings = verify(self.store).findings
            self.folder.cleanup()
            assert findings == ()

    def attempt(self, step: str, which: int, actor: Actor, **how: Any) -> None:
        """One step, allowed or not."""
        with suppress(AimsightError), self.store.write() as tx:
            getattr(service, step)(tx, "ai_system", self.names[which], **({"actor": actor} | how))

    @rule(which=records, actor=actors, stage=st.sampled_from(STAGES), expected=guesses)
    def revise(self, which: int, actor: Actor, stage: str, expected: int | None) -> None:
        """Somebody changes the stage, perhaps from an old version."""
        self.attempt("revise", which, actor, changes={"stage": stage}, expected=expected, reason="moved")

    @rule(which=records, actor=actors, expected=guesses)
    def review(self, which: int, actor: Actor, expected: int | None) -> None:
        """Somebody looks it through."""
        self.attempt("review", which, actor, expected=expected)

    @rule(which=records, actor=actors, expected=guesses)
    def approve(self, which: int, actor: Actor, expected: int | None) -> None:
        """Somebody approves."""
        self.attempt("approve", which, actor, expected=expected)

    @rule(which=records, actor=actors, expected=guesses)
    def withdraw(self, which: int, actor: Actor, expected: int | None) -> None:
        """Somebody withdraws."""
        self.attempt("withdraw", which, actor, expected=expected, reason="over")

    @invariant()
    def rules_hold(self) -> None:
        """One version in force at most, approved by another; contents never change; what was there is there."""
        if not hasattr(self, "store"):
            return
        with self.store.read() as reader:
            found: list[RecordVersion] = [one for name in self.names for one in versions_of(reader, "ai_system", name)]
            in_force = [one.record for one in versions_in_force(reader)]
        assert len(in_force) == len(set(in_force))
        seen = {(one.record, one.version): (one.content, one.content_hash) for one in found}
        assert self.contents.items() <= seen.items()
        self.contents = seen
        for one in found:
            assert "eve@example.org" not in {one.author, one.reviewer, one.approver}
            if one.approver:
                assert one.approver != one.author
                assert one.approver in {"bob@example.org", "cyd@example.org"}
            assert one.status != "approved" or one.approver
            assert one.reviewer != one.author
        for name in self.names:
            mine = [one for one in found if one.record == name]
            assert [one.version for one in mine] == list(range(1, len(mine) + 1))
            assert sum(one.status in {"draft", "in review"} for one in mine) <= 1


Registers.TestCase.settings = settings(max_examples=8, stateful_step_count=12, deadline=None)
TestRegisters = Registers.TestCase

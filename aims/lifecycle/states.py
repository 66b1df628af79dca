"""The states of a nonconformity and the steps between them: the one table that guards, folds and pages read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aimsight.aims.people import Role


class State(StrEnum):
    """Where a nonconformity stands."""

    DETECTED = "detected"
    OPEN = "open"
    CONTAINED = "contained"
    ANALYSED = "analysed"
    PLANNED = "planned"
    IMPLEMENTING = "implementing"
    IMPLEMENTED = "implemented"
    EFFECTIVENESS_WINDOW = "effectiveness_window"
    CLOSING = "closing"
    CLOSED = "closed"
    REJECTED = "rejected"
    CORRECTION_ONLY = "closed_correction_only"
    ESCALATED = "escalated_incident"
    ACCEPTED = "accepted_until"

    @property
    def words(self) -> str:
        """The state as people read it: ``effectiveness window``."""
        return _WORDS.get(self, self.value)


_WORDS = {
    State.EFFECTIVENESS_WINDOW: "effectiveness window",
    State.CORRECTION_ONLY: "closed, correction only",
    State.ESCALATED: "escalated as an incident",
    State.ACCEPTED: "deviation accepted for a time",
}

FINISHED = frozenset({State.CLOSED, State.REJECTED, State.CORRECTION_ONLY})
"""States that are final: the same failure afterwards opens a new record."""

PATH = (
    State.DETECTED,
    State.OPEN,
    State.CONTAINED,
    State.ANALYSED,
    State.PLANNED,
    State.IMPLEMENTING,
    State.IMPLEMENTED,
    State.EFFECTIVENESS_WINDOW,
    State.CLOSING,
    State.CLOSED,
)
"""The way of a nonconformity whose cause is removed, from its detection to its closing."""

_ANYBODY: frozenset[Role] = frozenset()
_JUDGES = frozenset({Role.REVIEWER, Role.APPROVER, Role.TOP_MANAGEMENT})
_APPROVERS = frozenset({Role.APPROVER, Role.TOP_MANAGEMENT})


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a person (or the program) does to a nonconformity.

    Parameters
    ----------
    name
        What the command is called, and the last part of the event's kind.
    sources
        States in which it may be done.
    target
        The state afterwards; ``None`` where the state stays or depends on what was said.
    roles
        Who may; empty for everyone but an auditor.
    doing
        What a person does, for messages: ``"confirm"``.
    event
        The last part of the event's kind.
    """

    name: str
    sources: frozenset[State]
    target: State | None
    roles: frozenset[Role]
    doing: str
    event: str


def _step(  # a row of the table below
    name: str,
    sources: tuple[State, ...],
    target: State | None,
    doing: str,
    event: str,
    roles: frozenset[Role] = _ANYBODY,
) -> Step:
    return Step(name, frozenset(sources), target, roles, doing, event)


_RUNNING = tuple(state for state in State if state not in FINISHED)
_BEFORE_PLAN = (State.OPEN, State.CONTAINED, State.ANALYSED)

STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        _step("confirm", (State.DETECTED,), State.OPEN, "confirm", "confirmed"),
        _step("contain", (State.OPEN,), State.CONTAINED, "contain", "contained"),
        _step("similar", _BEFORE_PLAN, None, "search for the like of", "similar_searched"),
        _step("analyse", (State.CONTAINED, State.ANALYSED), State.ANALYSED, "state the cause of", "analysed"),
        _step("plan", (State.ANALYSED, State.PLANNED), State.PLANNED, "plan the actions of", "planned"),
        _step("approve", (State.PLANNED,), State.IMPLEMENTING, "approve the plan of", "approved", _APPROVERS),
        _step("implement", (State.IMPLEMENTING,), None, "carry out an action of", "action_done"),
        _step("start", (State.IMPLEMENTED,), State.EFFECTIVENESS_WINDOW, "start the watch of", "watch_started"),
        _step("check", (State.EFFECTIVENESS_WINDOW,), None, "check the effect of", "effect_checked", _JUDGES),
        _step("conclude", (State.EFFECTIVENESS_WINDOW,), None, "conclude on", "concluded", _JUDGES),
        _step("close", (State.CLOSING,), State.CLOSED, "close", "closed", _JUDGES),
        _step(
            "correction-only",
            (State.ANALYSED,),
            State.CORRECTION_ONLY,
            "close without corrective action",
            "closed_correction_only",
            _APPROVERS,
        ),
        _step("reject", (State.DETECTED,), State.REJECTED, "reject", "rejected", _JUDGES),
        _step("accept", (State.OPEN, *PATH[2:5]), State.ACCEPTED, "accept the deviation of", "accepted", _APPROVERS),
        _step("reopen", (State.ACCEPTED,), State.OPEN, "reopen", "reopened"),
        _step("escalate", _BEFORE_PLAN, State.ESCALATED, "escalate", "escalated"),
        _step("resume", (State.ESCALATED,), None, "resume", "resumed"),
        _step("regrade", _RUNNING, None, "regrade", "regraded", _JUDGES),
        _step("reassign", _RUNNING, None, "reassign", "reassigned"),
    )
}
"""Every step by its name."""


def is_finished(state: str) -> bool:
    """Whether a nonconformity in this state waits for nothing any more."""
    return state in FINISHED


def steps_from(state: State) -> list[Step]:
    """The steps that may be done in a state, in the order of the table."""
    return [step for step in STEPS.values() if state in step.sources]

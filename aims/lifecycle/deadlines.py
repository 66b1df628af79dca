"""Until when a nonconformity waits for its next step, and what is overdue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from aimsight.aims.lifecycle.states import FINISHED, State

if TYPE_CHECKING:
    from aimsight.aims.lifecycle.case import Case, Context
    from aimsight.configs.schema import Days, NonconformityConfig

REPORT_WITHIN = {"serious": timedelta(days=15), "death": timedelta(days=10), "widespread": timedelta(days=2)}
"""How soon a serious incident is reported, from the moment of becoming aware of it (EU AI Act, Art. 73)."""
ESCALATES_AFTER = timedelta(days=7)
"""So long after its due date an overdue record is told a second time, for top management."""

_UNTIL = {
    State.DETECTED: "containment",
    State.OPEN: "containment",
    State.CONTAINED: "cause",
    State.ANALYSED: "cause",
    State.PLANNED: "action",
    State.IMPLEMENTING: "action",
    State.IMPLEMENTED: "action",
}


def due_at(case: Case, context: Context) -> datetime | None:
    """When the present state has to be left.

    Containment, cause and action have deadlines from the opening (or from the reopening, or from the conclusion that an
    attempt was not effective); a conclusion from its verdict; an accepted deviation and an incident have their own.
    ``None`` while only windows are waited for, and when the record is finished.
    """
    state = case.state
    if state in FINISHED or state is State.EFFECTIVENESS_WINDOW:
        return None
    if state is State.ACCEPTED and case.dossier.deviation is not None:
        until = case.dossier.deviation.until
        return datetime.combine(until + timedelta(days=1), time(), context.zone)
    if state is State.ESCALATED and case.dossier.incident is not None:
        return case.dossier.incident.due_at
    if state is State.CLOSING:
        return case.state_since + timedelta(days=context.settings.conclusion)
    return case.deadlines_from + allowed(context.settings, _UNTIL[state], case.record.severity)


def allowed(settings: NonconformityConfig, until: str, severity: str) -> timedelta:
    """The time that the project gives for ``containment``, ``cause`` or ``action``."""
    days: Days = getattr(settings, until)
    return timedelta(days=days.major if severity == "major" else days.minor)


@dataclass(frozen=True, slots=True)
class Overdue:
    """Something that was to be done by now.

    ``what`` names it for people, ``level`` is 1 when it has just become overdue and 2 when it has been for long.
    """

    nonconformity: str
    what: str
    who: str
    due: datetime
    level: int

    @property
    def key(self) -> str:
        """What tells this from other things overdue; the same one is told once for each level."""
        return f"nonconformity/{self.nonconformity}/overdue/{self.what}/{self.due.isoformat()}/{self.level}"


def overdue(case: Case, context: Context) -> list[Overdue]:
    """What is overdue of one nonconformity: its state, and each action that is not done."""
    if case.state in FINISHED:
        return []
    found = []
    due = case.record.due_at
    if due is not None and due < context.now:
        found.append(_late(case, f"the step after {case.state.words}", case.record.owner, due, context))
    if case.state is State.IMPLEMENTING and case.dossier.plan is not None:
        for action in case.dossier.plan.actions:
            end = datetime.combine(action.due + timedelta(days=1), time(), context.zone)
            if action.done_at is None and end < context.now:
                found.append(_late(case, f"action {action.id}", action.owner, end, context))
    return found


def _late(case: Case, what: str, who: str, due: datetime, context: Context) -> Overdue:
    return Overdue(case.name, what, who, due, 2 if context.now - due > ESCALATES_AFTER else 1)

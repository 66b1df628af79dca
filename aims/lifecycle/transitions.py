"""The steps of a nonconformity as pure functions: a case and what a person gives, to the case afterwards.

Each checks in this order: who acts, whether the state allows it, what is missing. Nothing else changes a case.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from aimsight.aims.lifecycle import guards
from aimsight.aims.lifecycle.deadlines import REPORT_WITHIN, due_at
from aimsight.aims.lifecycle.dossier import (
    Action,
    Attempt,
    Cause,
    Check,
    Closure,
    Conclusion,
    Containment,
    Deviation,
    Evidence,
    Grading,
    Incident,
    Part,
    Plan,
    Said,
    SimilarSearch,
    Watch,
)
from aimsight.aims.lifecycle.guards import TransitionError
from aimsight.aims.lifecycle.states import FINISHED, STEPS, State, Step
from aimsight.aims.people import Actor, Role, four_eyes, require

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from typing import TypeVar

    from aimsight.aims.lifecycle.case import Case, Context

    P = TypeVar("P", bound=Part)

APPROVE_MAJOR = frozenset({Role.APPROVER, Role.TOP_MANAGEMENT})
APPROVE_MINOR = APPROVE_MAJOR | {Role.REVIEWER}
PROGRAM = Actor("aimsight", frozenset(Role) - {Role.AUDITOR})
"""The product itself, which reopens what was accepted for a time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step made of a case; ``single_person`` when one person did what needs two."""

    before: Case
    case: Case
    step: Step
    reason: str
    single_person: bool = False


def confirm(case: Case, given: Grading, actor: Actor, context: Context) -> Outcome:
    """Confirm that it is a nonconformity: severity with criteria, owner, due date."""
    step = _begin(case, "confirm", actor, context)
    _may_lower(case, given.severity, actor, context)
    record = replace(case.record, severity=given.severity, owner=given.owner)
    after = replace(case.but(grading=_stamped(given, actor, context, case)), record=record)
    return _end(case, after, step, State.OPEN, given.criteria, context, guard=guards.confirmed)


def reject(case: Case, given: Said, actor: Actor, context: Context) -> Outcome:
    """Reject what was detected; a second person does it, neither its owner nor who reported it."""
    step = _begin(case, "reject", actor, context)
    alone = _second(case, step, actor, [case.record.owner, case.record.detected_by], "it is their record")
    after = case.but(rejection=_stamped(given, actor, context, case))
    return _end(case, after, step, State.REJECTED, given.reason, context, single_person=alone)


def contain(case: Case, given: Containment, actor: Actor, context: Context) -> Outcome:
    """Contain and correct the effect, and answer whether it is a serious incident."""
    step = _begin(case, "contain", actor, context)
    after = case.but(containment=_stamped(given, actor, context, case))
    reason = given.correction or given.none_needed or ""
    return _end(case, after, step, State.CONTAINED, reason, context, guard=guards.contained)


def search(case: Case, found: SimilarSearch, actor: Actor, context: Context) -> Outcome:
    """Keep a search for similar nonconformities."""
    step = _begin(case, "similar", actor, context)
    made = _stamped(found, actor, context, case).model_copy(update={"attempt": case.attempt})
    return _end(case, case.but(similar=made), step, case.state, f"{found.total} found", context)


def analyse(case: Case, given: Cause, actor: Actor, context: Context) -> Outcome:
    """State the cause and how it was found; the search for similar nonconformities has to be there."""
    step = _begin(case, "analyse", actor, context)
    made = _stamped(given, actor, context, case).model_copy(update={"attempt": case.attempt})
    after = case.but(cause=made)
    return _end(case, after, step, State.ANALYSED, "; ".join(given.causes), context, guard=guards.analysed)


def without_action(case: Case, given: Said, actor: Actor, context: Context) -> Outcome:
    """Decide that the correction is enough, with the reason; by an approver who did not do the work."""
    step = _begin(case, "correction-only", actor, context, APPROVE_MAJOR)
    dossier = case.dossier
    workers = [case.record.owner, *(part.by for part in (dossier.containment, dossier.cause) if part is not None)]
    alone = _second(case, step, actor, workers, "they own it, corrected it or analysed it")
    after = case.but(no_action=_stamped(given, actor, context, case))
    return _end(
        case,
        after,
        step,
        State.CORRECTION_ONLY,
        given.reason,
        context,
        guard=guards.analysed,
        single_person=alone,
    )


def plan(case: Case, given: Plan, actor: Actor, context: Context) -> Outcome:
    """Plan actions with owner, due and evidence to come, and fix the criterion of their effect."""
    step = _begin(case, "plan", actor, context)
    fresh = tuple(
        action.model_copy(update={"done_by": "", "done_at": None, "done_on": None, "evidence": ()})
        for action in given.actions
    )
    made = _stamped(given, actor, context, case).model_copy(
        update={"actions": fresh, "approved_by": "", "approved_at": None, "attempt": case.attempt}
    )
    after = case.but(plan=made)
    done = [*guards.analysed(case, context), *guards.planned(after, context)]
    guards.refuse(case, step, done)
    return _end(case, after, step, State.PLANNED, given.needed_because, context)


def approve(case: Case, given: Said, actor: Actor, context: Context) -> Outcome:
    """Approve the plan: by an approver who neither made it nor carries it out."""
    step = _begin(case, "approve", actor, context, _approvers(case))
    guards.refuse(case, step, guards.planned(case, context))
    made = _plan_of(case)
    workers = [made.by, *(action.owner for action in made.actions)]
    alone = _second(case, step, actor, workers, "they made the plan or carry it out")
    after = case.but(plan=made.model_copy(update={"approved_by": actor.id, "approved_at": _moment(case, context)}))
    return _end(case, after, step, State.IMPLEMENTING, given.reason, context, single_person=alone)


def implement(
    case: Case, action_id: str, evidence: tuple[Evidence, ...], actor: Actor, context: Context, on: date | None = None
) -> Outcome:
    """Note that an action is done, with its evidence; with the last one the plan is implemented.

    ``on`` is the day on which it was done when that is not today, not before the approval of the plan; the moment of
    the record is noted beside it.
    """
    step = _begin(case, "implement", actor, context)
    made = _plan_of(case)
    ids = [action.id for action in made.actions]
    if action_id not in ids:
        raise TransitionError(f"{case.name} has no action {action_id}; its actions are {', '.join(ids)}")
    if not evidence:
        raise TransitionError(
            f"action {action_id} of {case.name} is not complete. Missing:",
            ("evidence that it was done (--evidence, or --attached with a file of aimsight nc attach)",),
        )
    moment = _moment(case, context)
    if on is not None:
        _refuse_day(case, made, action_id, on, context)
    actions = tuple(
        action.model_copy(
            update={"done_by": actor.id, "done_on": on, "done_at": moment, "evidence": (*action.evidence, *evidence)}
        )
        if action.id == action_id
        else action
        for action in made.actions
    )
    after = case.but(plan=made.model_copy(update={"actions": actions}))
    unknown = [one for one in guards.implemented(after, context) if "attached file" in one]
    guards.refuse(case, step, unknown)
    finished = not guards.implemented(after, context)
    target = State.IMPLEMENTED if finished else State.IMPLEMENTING
    said = "; ".join(one.text or f"file {one.file}" for one in evidence)
    return _end(case, after, step, target, f"{action_id}: {said}", context)


def _refuse_day(case: Case, made: Plan, action_id: str, on: date, context: Context) -> None:
    """Refuse a day on which an action cannot have been done: one to come, or one before its plan was approved.

    What only corrects may be older than the plan; in a closed history every day is.
    """
    if on > _moment(case, context).astimezone(context.zone).date():
        raise TransitionError(f"action {action_id} of {case.name} cannot have been done on {on}: that is still to come")
    corrects = any(action.id == action_id and action.kind == "correction" for action in made.actions)
    if corrects or context.is_history or made.approved_at is None:
        return
    approved = made.approved_at.astimezone(context.zone).date()
    if on < approved:
        guard = (
            f"a day from {approved} on, when the plan and its criterion were approved (aimsight nc approve); what was "
            "done before that is a correction: it belongs to aimsight nc contain, or to an action of kind correction"
        )
        raise TransitionError(f"action {action_id} of {case.name} cannot count as done on {on}. Missing:", (guard,))


def start(case: Case, actor: Actor, context: Context) -> Outcome:
    """Start the watch: windows count that begin after the last action, and not before the criterion's start."""
    step = _begin(case, "start", actor, context)
    guards.refuse(case, step, guards.implemented(case, context))
    made = _plan_of(case)
    starts = [_effective(action, context) for action in made.actions]
    if made.criterion.start is not None:
        starts.append(datetime.combine(made.criterion.start, time(), context.zone))
    watch = _stamped(Watch(start=max(starts)), actor, context, case)
    after = case.but(watch=watch, checks=(), conclusion=None)
    return _end(case, after, step, State.EFFECTIVENESS_WINDOW, f"windows from {max(starts).isoformat()}", context)


def check(case: Case, given: Check, actor: Actor, context: Context) -> Outcome:
    """Look at the effect where nothing is measured: by a person who carried out none of the actions."""
    step = _begin(case, "check", actor, context)
    made = _plan_of(case)
    if made.criterion.kind != "check":
        raise TransitionError(
            f"the effect of {case.name} is measured by the pipeline ({made.criterion.kind}); nobody checks it by hand"
        )
    unknown = sorted({one.file for one in given.evidence if one.file} - context.files)
    guards.refuse(case, step, [f"the attached file {file} (aimsight nc attach)" for file in unknown])
    alone = _second(case, step, actor, doers(case), "they carried out an action")
    after = case.but(checks=(*case.dossier.checks, _stamped(given, actor, context, case)))
    return _end(case, after, step, case.state, given.finding, context, single_person=alone)


def conclude(case: Case, given: Conclusion, actor: Actor, context: Context) -> Outcome:
    """Conclude whether the actions were effective; where not, the next attempt begins with the cause."""
    step = _begin(case, "conclude", actor, context)
    alone = _second(case, step, actor, doers(case), "they carried out an action")
    made = _stamped(given, actor, context, case).model_copy(update={"measured": context.measured})
    after = case.but(conclusion=made)
    if given.effective:
        guards.refuse(case, step, guards.concluded(after, context))
        return _end(case, after, step, State.CLOSING, given.reason, context, single_person=alone)
    dossier = case.dossier
    if dossier.cause is None or dossier.similar is None:
        raise TransitionError(f"{case.name} has no cause on record")
    kept = Attempt(
        cause=dossier.cause,
        similar=dossier.similar,
        plan=_plan_of(case),
        watch=dossier.watch,
        checks=dossier.checks,
        conclusion=made,
    )
    again = replace(
        case.but(plan=None, watch=None, checks=(), conclusion=None, attempts=(*dossier.attempts, kept)),
        attempt=case.attempt + 1,
        deadlines_from=_moment(case, context),
    )
    return _end(case, again, step, State.ANALYSED, given.reason, context, single_person=alone)


def close(case: Case, given: Closure, actor: Actor, context: Context) -> Outcome:
    """Close: the verdict still stands, a person concluded, and the management system was asked."""
    step = _begin(case, "close", actor, context, _approvers(case))
    alone = _second(case, step, actor, [case.record.owner, *doers(case)], "they own it or carried out an action")
    after = case.but(closure=_stamped(given, actor, context, case))
    missing = [*guards.concluded(after, context), *guards.aims_answered(after, context)]
    guards.refuse(case, step, missing)
    said = ", ".join(given.changed) or given.none_because or ""
    return _end(case, after, step, State.CLOSED, said, context, single_person=alone)


def accept(case: Case, given: Deviation, actor: Actor, context: Context) -> Outcome:
    """Accept the deviation for a time; a worse value or the end of that time opens it again."""
    step = _begin(case, "accept", actor, context, APPROVE_MAJOR)
    today = _moment(case, context).astimezone(context.zone).date()
    if given.until < today:
        raise TransitionError(f"{case.name} cannot be accepted until {given.until}: that day is over")
    alone = _second(case, step, actor, [case.record.owner], "they own it")
    worst = given.worst if given.worst is not None else context.worst
    made = _stamped(given, actor, context, case).model_copy(update={"worst": worst})
    after = case.but(deviations=(*case.dossier.deviations, made))
    return _end(case, after, step, State.ACCEPTED, given.reason, context, single_person=alone)


def reopen(case: Case, given: Said, actor: Actor, context: Context) -> Outcome:
    """Open again what was accepted for a time."""
    step = _begin(case, "reopen", actor, context)
    after = replace(
        case.but(reopenings=(*case.dossier.reopenings, _stamped(given, actor, context, case)), plan=None),
        deadlines_from=_moment(case, context),
    )
    return _end(case, after, step, State.OPEN, given.reason, context)


def escalate(case: Case, given: Incident, actor: Actor, context: Context) -> Outcome:
    """Escalate to a serious incident; its clock runs from the moment of becoming aware."""
    step = _begin(case, "escalate", actor, context)
    moment = _moment(case, context)
    aware = given.aware_at or moment
    if aware > moment:
        raise TransitionError(f"nobody can have become aware of {case.name} at {aware.isoformat()}: still to come")
    made = _stamped(given, actor, context, case).model_copy(
        update={
            "aware_at": aware,
            "due_at": aware + REPORT_WITHIN[given.kind],
            "came_from": case.state.value,
            "reported_at": None,
            "reported_to": None,
            "not_reportable": None,
            "settled_by": "",
        }
    )
    after = case.but(incidents=(*case.dossier.incidents, made))
    return _end(case, after, step, State.ESCALATED, given.description, context)


def resume(
    case: Case, actor: Actor, context: Context, *, reported_to: str | None = None, not_reportable: str | None = None
) -> Outcome:
    """Go on after the incident was reported, or with the reason why it is not reportable."""
    step = _begin(case, "resume", actor, context)
    incident = case.dossier.incident
    if incident is None or bool(reported_to) == bool(not_reportable):
        raise TransitionError(
            f"resume of {case.name} is not complete. Missing:",
            ("to whom the incident was reported (--reported-to), or why it is not reportable (--not-reportable)",),
        )
    moment = _moment(case, context)
    settled = incident.model_copy(
        update={
            "reported_at": moment if reported_to else None,
            "reported_to": reported_to,
            "not_reportable": not_reportable,
            "settled_by": actor.id,
        }
    )
    after = case.but(incidents=(*case.dossier.incidents[:-1], settled))
    reason = f"reported to {reported_to}" if reported_to else f"not reportable: {not_reportable}"
    return _end(case, after, step, State(incident.came_from), reason, context)


def regrade(case: Case, given: Grading, actor: Actor, context: Context) -> Outcome:
    """Change the severity, with its criteria; by a reviewer, an approver or top management."""
    step = _begin(case, "regrade", actor, context)
    alone = False
    if given.severity == "minor" and case.record.severity == "major":
        alone = _second(case, step, actor, [case.record.owner], "they own it")
    made = _stamped(given, actor, context, case).model_copy(update={"owner": case.record.owner})
    after = replace(case.but(grading=made), record=replace(case.record, severity=given.severity))
    return _end(case, after, step, case.state, given.criteria, context, single_person=alone)


def reassign(case: Case, owner: str, given: Said, actor: Actor, context: Context) -> Outcome:
    """Give the record to another owner."""
    step = _begin(case, "reassign", actor, context)
    if context.people and owner not in context.people:
        raise TransitionError(f"{owner} is not among the people of aimsight.yaml, so cannot own {case.name}")
    after = replace(case, record=replace(case.record, owner=owner))
    return _end(case, after, step, case.state, given.reason, context)


def doers(case: Case) -> list[str]:
    """Everybody who has to do with the actions: owners, and those who did them."""
    made = case.dossier.plan
    if made is None:
        return []
    return [who for action in made.actions for who in (action.owner, action.done_by) if who]


def _begin(case: Case, name: str, actor: Actor, context: Context, roles: frozenset[Role] | None = None) -> Step:
    step = STEPS[name]
    require(actor, *sorted(step.roles if roles is None else roles), doing=f"{step.doing} {case.name}")
    guards.check_state(case, step, context)
    return step


def _second(case: Case, step: Step, actor: Actor, others: Iterable[str], because: str) -> bool:
    return four_eyes(actor, others, doing=f"{step.doing} {case.name}", because=because)


def _end(
    before: Case,
    after: Case,
    step: Step,
    target: State,
    reason: str,
    context: Context,
    *,
    guard: guards.Guard | None = None,
    single_person: bool = False,
) -> Outcome:
    moment = _moment(before, context)
    closed_at = moment if target in FINISHED else before.record.closed_at
    moved = replace(
        after,
        record=replace(after.record, state=target.value, closed_at=closed_at),
        version=before.version + 1,
        state_since=moment if target is not before.state else before.state_since,
    )
    moved = replace(moved, record=replace(moved.record, due_at=due_at(moved, context)))
    if guard is not None:
        guards.refuse(before, step, guard(moved, context))
    return Outcome(before, moved, step, reason, single_person)


def _moment(case: Case, context: Context) -> datetime:
    """Now, or when the present state began where the clock has jumped back behind that."""
    return max(context.now, case.state_since)


def _stamped(part: P, actor: Actor, context: Context, case: Case) -> P:
    return part.model_copy(update={"by": actor.id, "at": _moment(case, context)})


def _plan_of(case: Case) -> Plan:
    if case.dossier.plan is None:
        raise TransitionError(f"{case.name} has no plan")
    return case.dossier.plan


def _approvers(case: Case) -> frozenset[Role]:
    return APPROVE_MAJOR if case.record.severity == "major" else APPROVE_MINOR


def _may_lower(case: Case, severity: str, actor: Actor, context: Context) -> None:
    if severity == "minor" and context.suggested == "major":
        require(actor, *sorted(APPROVE_MINOR), doing=f"grade {case.name} below the major that the rules give")


def _effective(action: Action, context: Context) -> datetime:
    """From when an action shows: the day after the one on which it was done, or the moment of its record."""
    if action.done_on is not None:
        return datetime.combine(action.done_on + timedelta(days=1), time(), context.zone)
    if action.done_at is None:
        raise TransitionError(f"action {action.id} is not done")
    return action.done_at


def as_json(case: Case) -> dict[str, Any]:
    """The state of a case for the event that changes it."""
    record = case.record
    return {
        "state": record.state,
        "severity": record.severity,
        "owner": record.owner,
        "version": case.version,
        "attempt": case.attempt,
        "due_at": record.due_at.isoformat() if record.due_at else None,
    }

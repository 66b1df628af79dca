"""What is missing before a step may be done: hard guards, each a sentence that a person can act on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aimsight.aims.lifecycle.dossier import corrections
from aimsight.aims.lifecycle.effect import EFFECTIVE
from aimsight.aims.lifecycle.states import FINISHED, PATH, STEPS, State, Step, steps_from
from aimsight.configs.errors import AimsightError

if TYPE_CHECKING:
    from aimsight.aims.lifecycle.case import Case, Context

MONITORING = "monitoring"
"""The source of nonconformities that the pipeline opened."""


class TransitionError(AimsightError):
    """A step that may not be done: the state does not allow it, or something is missing; ``missing`` lists what."""

    def __init__(self, message: str, missing: tuple[str, ...] = ()) -> None:
        self.missing = missing
        super().__init__("\n".join([message, *(f"  - {one}" for one in missing)]))


Guard = Callable[["Case", "Context"], list[str]]


def confirmed(case: Case, context: Context) -> list[str]:
    """Requirement, evidence, severity with criteria, owner, due date."""
    record, grading = case.record, case.dossier.grading
    missing = []
    if not record.requirement.strip():
        missing.append("the requirement that is not met")
    if not record.evidence_hash:
        missing.append("objective evidence")
    if grading is None:
        return [*missing, "a severity with its criteria, and an owner (aimsight nc confirm)"]
    if context.people and grading.owner not in context.people:
        missing.append(f"an owner whom aimsight.yaml names: {grading.owner} is not among its people")
    if record.due_at is None:
        missing.append("a due date")
    return missing


def contained(case: Case, context: Context) -> list[str]:
    """A correction, or why none is needed; and whether it is a serious incident."""
    del context
    containment = case.dossier.containment
    if containment is None:
        return ["a correction or why none is needed, and the question of a serious incident (aimsight nc contain)"]
    missing = []
    if not containment.correction and not containment.none_needed:
        missing.append("a correction (--correction), or the reason why none is needed (--none-needed)")
    if containment.serious is None:
        missing.append(
            "the answer whether it is a serious incident: EU AI Act, Art. 73, or the like (--serious or --not-serious)"
        )
    elif not containment.serious_because:
        missing.append("the reason why it is, or is not, a serious incident (--serious-because)")
    if containment.serious and case.dossier.incident is None:
        missing.append("the escalation as an incident, because it is said to be serious (aimsight nc escalate)")
    return missing


def analysed(case: Case, context: Context) -> list[str]:
    """The cause with its method, and the search for similar nonconformities, both of this attempt."""
    del context
    cause, similar = case.dossier.cause, case.dossier.similar
    missing = []
    if cause is None or cause.attempt != case.attempt:
        again = " again, because the actions of the attempt before were not effective" if case.attempt > 1 else ""
        missing.append(f"the cause and the method by which it was found{again} (aimsight nc analyse)")
    elif not cause.causes:
        missing.append("at least one root cause (--cause)")
    if similar is None or similar.attempt != case.attempt:
        missing.append("the search for similar nonconformities (aimsight nc similar)")
    return missing


def planned(case: Case, context: Context) -> list[str]:
    """The need for action, actions with owner and due, and a criterion that can be measured."""
    plan = case.dossier.plan
    if plan is None or plan.attempt != case.attempt:
        return ["actions with owner and due, and the criterion of their effect (aimsight nc plan)"]
    missing = [
        f"an owner of action {action.id} whom aimsight.yaml names: {action.owner} is not among its people"
        for action in plan.actions
        if context.people and action.owner not in context.people
    ]
    only = corrections(plan)
    if len(only) == len(plan.actions) and not plan.correction_only_because:
        missing.append(
            f"an action that removes the cause: {', '.join(action.id for action in only)} only corrects (retraining, "
            "rolling back and the like), so say what keeps the cause from coming back, or why this removes it "
            "(--correction-only-because)"
        )
    criterion = plan.criterion
    if criterion.kind == "check" and case.record.source == MONITORING:
        missing.append("a criterion that the pipeline measures: a check by a person is for what is not monitored")
    if criterion.kind != "check" and not case.record.model:
        missing.append("a model to measure: without one, the criterion is a check by a person (--check)")
    elif criterion.kind == "objective" and criterion.objective not in context.objectives:
        known = ", ".join(sorted(context.objectives)) or "none"
        missing.append(f"an objective of the model as criterion: {criterion.objective} is none of {known}")
    if context.metric_problem:
        missing.append(context.metric_problem)
    return missing


def approved(case: Case, context: Context) -> list[str]:
    """The plan was approved by a second person."""
    del context
    plan = case.dossier.plan
    return [] if plan is not None and plan.approved_by else ["the approval of the plan (aimsight nc approve)"]


def implemented(case: Case, context: Context) -> list[str]:
    """Every action is done, with evidence."""
    plan = case.dossier.plan
    if plan is None:
        return ["that the actions are done, with evidence (aimsight nc implement)"]
    missing = [
        f"that action {action.id} is done, with evidence (aimsight nc implement)"
        for action in plan.actions
        if action.done_at is None or not action.evidence
    ]
    unknown = {one.file for action in plan.actions for one in action.evidence if one.file} - context.files
    return missing + [f"the attached file {file} (aimsight nc attach)" for file in sorted(unknown)]


def watched(case: Case, context: Context) -> list[str]:
    """The windows after the actions are watched."""
    del context
    return (
        [] if case.dossier.watch else ["the start of the watch over the windows after the actions (aimsight nc start)"]
    )


def concluded(case: Case, context: Context) -> list[str]:
    """The pipeline's verdict, and a person's conclusion that agrees with it where it says effective."""
    conclusion = case.dossier.conclusion
    missing = []
    if context.measured != EFFECTIVE:
        missing.append(
            f"a verdict from measured windows that says effective ({context.missing or 'there is none yet'})"
        )
    if conclusion is None or not conclusion.effective:
        missing.append("the conclusion of a person who carried out none of the actions (aimsight nc conclude)")
    return missing


def aims_answered(case: Case, context: Context) -> list[str]:
    """Whether the management system changes: what was changed, or why nothing."""
    del context
    closure = case.dossier.closure
    if closure is None or (not closure.changed and not closure.none_because):
        return [
            (
                "what changes in the management system (aimsight nc close --changed risks, objectives, procedures ... "
                "with --link RECORD), or why nothing does (--nothing-because)"
            )
        ]
    if closure.changed and not closure.links:
        return ["the records of what was changed in the management system (--link)"]
    return []


ENTRY: dict[State, Guard] = {
    State.OPEN: confirmed,
    State.CONTAINED: contained,
    State.ANALYSED: analysed,
    State.PLANNED: planned,
    State.IMPLEMENTING: approved,
    State.IMPLEMENTED: implemented,
    State.EFFECTIVENESS_WINDOW: watched,
    State.CLOSING: concluded,
    State.CLOSED: aims_answered,
}
"""What must be there to enter each state of the path."""


def missing_for(case: Case, target: State, context: Context) -> list[str]:
    """Everything that is missing before the target, from the present state on; what is behind the case is done."""
    if target not in PATH:
        return []
    begin = PATH.index(case.state) + 1 if case.state in PATH else 1
    between = PATH[begin : PATH.index(target) + 1]
    return [one for state in between for one in ENTRY[state](case, context)]


def next_state(case: Case) -> State | None:
    """The state that comes next on the path."""
    if case.state not in PATH or case.state is State.CLOSED:
        return None
    return PATH[PATH.index(case.state) + 1]


def missing_next(case: Case, context: Context) -> list[str]:
    """What is missing for the next state of the path."""
    target = next_state(case)
    return missing_for(case, target, context) if target is not None else []


def check_state(case: Case, step: Step, context: Context) -> None:
    """Refuse a step that the state does not allow, with everything that is missing up to it.

    Raises
    ------
    TransitionError
        Naming each missing guard, and the steps that are possible now.
    """
    if case.state in step.sources:
        return
    if case.state in FINISHED:
        raise TransitionError(
            f"{case.name} is {case.state.words}, and that is final; the same failure opens a new record"
        )
    may = ", ".join(one.name for one in steps_from(case.state)) or "nothing"
    wanted = min((PATH.index(state) for state in step.sources if state in PATH), default=None)
    missing = [] if wanted is None else missing_for(case, PATH[wanted], context)
    needs = " or ".join(dict.fromkeys(state.words for state in (*PATH, *State) if state in step.sources))
    raise TransitionError(
        f"{case.name} is {case.state.words}; {step.name} is for: {needs}. Possible now: {may}."
        + (" Missing until then:" if missing else ""),
        tuple(missing),
    )


def refuse(case: Case, step: Step, missing: list[str]) -> None:
    """Refuse a step while something is missing.

    Raises
    ------
    TransitionError
        When anything is.
    """
    if missing:
        raise TransitionError(f"{step.name} of {case.name} is not complete. Missing:", tuple(missing))


__all__ = ["ENTRY", "STEPS", "TransitionError", "check_state", "missing_for", "missing_next", "next_state", "refuse"]

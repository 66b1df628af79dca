"""The life cycle over the store: read a case, do one step in one transaction, keep what changed in between.

The command line and the pages call these functions and nothing below them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from aimsight.aims.lifecycle import transitions
from aimsight.aims.lifecycle.case import Case, Context
from aimsight.aims.lifecycle.deadlines import Overdue, overdue
from aimsight.aims.lifecycle.dossier import Plan, Said
from aimsight.aims.lifecycle.guards import TransitionError
from aimsight.aims.lifecycle.named import is_borne, refuse_unknown
from aimsight.aims.lifecycle.recurrence import grade
from aimsight.aims.lifecycle.similar import search_similar
from aimsight.aims.lifecycle.states import FINISHED, State
from aimsight.aims.lifecycle.transitions import PROGRAM, Outcome, as_json
from aimsight.aims.lifecycle.watching import Bounds, Told, Watched, effect, judge_past
from aimsight.aims.people import Actor, ConflictError, Role, require
from aimsight.configs.errors import AimsightError
from aimsight.configs.schema import NonconformityConfig
from aimsight.configs.targets import Target
from aimsight.store.records import (
    Disposition,
    Nonconformity,
    ObjectiveVersion,
    append_event,
    dossier_row,
    nonconformity,
    save_disposition,
    save_dossier,
    save_nonconformity,
)

if TYPE_CHECKING:
    from datetime import datetime

    from aimsight.configs.load import Project
    from aimsight.store.database import Reader, Transaction

Do = Callable[[Case, Actor, Context], Outcome]
OVERDUE = "nonconformity.overdue"


def read_case(reader: Reader, name: str) -> Case:
    """A nonconformity with everything recorded of its handling.

    Raises
    ------
    NotFoundError
        When there is none of that id.
    """
    record = nonconformity(reader, name)
    return Case.of(record, dossier_row(reader, record))


def open_cases(reader: Reader) -> list[Case]:
    """Every nonconformity that still waits for something, by id."""
    rows = reader.rows("SELECT * FROM nonconformity ORDER BY nonconformity")
    records = [Nonconformity.from_row(row) for row in rows if row["state"] not in FINISHED]
    return [Case.of(record, dossier_row(reader, record)) for record in records]


def context_of(reader: Reader, project: Project, case: Case, now: datetime) -> Context:
    """What the guards have to know of the project and the store."""
    record = case.record
    model = project.models.get(record.model)
    seen = effect(reader, case)
    objectives = reader.tuples("SELECT DISTINCT objective FROM objective_version WHERE model = ?", [record.model])
    files = reader.tuples("SELECT sha256 FROM evidence_file WHERE nonconformity = ?", [record.nonconformity])
    return Context(
        now=now,
        settings=project.config.nonconformities,
        people=frozenset(person.id for person in project.config.people),
        measured=seen.verdict,
        missing=seen.reason,
        suggested=_suggested(reader, record)[0],
        files=frozenset(sha256 for (sha256,) in files),
        objectives=frozenset(name for (name,) in objectives),
        metric_problem=_metric_problem(case),
        worst=_worst(reader, record),
        zone=model.log.zone if model is not None else UTC,
        is_history=model is not None and model.monitor.end is not None and model.monitor.end <= now.date(),
    )


def act(tx: Transaction, project: Project, name: str, actor: Actor, do: Do, *, expected: int | None = None) -> Outcome:
    """Do one step, and record it.

    Parameters
    ----------
    do
        The step with what the person gives: ``lambda case, who, context: confirm(case, grading, who, context)``.
    expected
        The version that the person saw; ``None`` when they act on whatever is there now.

    Raises
    ------
    AuthorityError
        The actor may not.
    ConflictError
        Somebody else changed the record meanwhile; the message shows what.
    TransitionError
        The state does not allow it, or something is missing.
    """
    case = read_case(tx, name)
    if expected is not None and expected != case.version:
        raise _conflict(tx, case, expected)
    outcome = do(case, actor, context_of(tx, project, case, tx.clock.now()))
    refuse_unknown(tx, outcome)
    return _recorded(tx, outcome, actor)


def similar(tx: Transaction, project: Project, name: str, actor: Actor, *, expected: int | None = None) -> Outcome:
    """Search the store for similar nonconformities, and keep what was searched and found."""

    def do(case: Case, who: Actor, context: Context) -> Outcome:
        objective = objective_of(tx, case.record)
        found = search_similar(tx, case.record, objective, list(project.models), tx.head.seq)
        return transitions.search(case, found, who, context)

    return act(tx, project, name, actor, do, expected=expected)


def plan(
    tx: Transaction, project: Project, name: str, actor: Actor, given: Plan, *, expected: int | None = None
) -> Outcome:
    """Plan the actions; a criterion that names an objective keeps its target as it is now."""
    case = read_case(tx, name)
    fixed = _fixed(tx, case, given)

    def do(case: Case, who: Actor, context: Context) -> Outcome:
        problem = _metric_problem(case.but(plan=fixed))
        return transitions.plan(case, fixed, who, replace(context, metric_problem=problem))

    return act(tx, project, name, actor, do, expected=expected)


def start(
    tx: Transaction, project: Project, name: str, actor: Actor, *, expected: int | None = None
) -> tuple[Outcome, list[Told]]:
    """Start the watch, and judge the windows that were run since the actions."""
    outcome = act(tx, project, name, actor, transitions.start, expected=expected)
    one = Watched.of(outcome.case)
    told = judge_past(tx, one, metric_bounds(one), tx.clock.now()) if one is not None else []
    return outcome, told


def dispose(tx: Transaction, actor: Actor, rows: list[dict[str, Any]], reason: str) -> int:
    """Say why failing windows need no nonconformity; by a reviewer, an approver or top management.

    ``rows`` come from the view ``failures_without_nonconformity``.
    """
    require(actor, Role.REVIEWER, Role.APPROVER, Role.TOP_MANAGEMENT, doing="dispose of a failing window")
    if not reason.strip():
        raise AimsightError("a failing window is disposed of with a reason")
    names = ("model", "objective", "column_name", "segment", "window_start", "window_end")
    for row in rows:
        made = Disposition(
            **{name: row[name] for name in names}, reason=reason, person=actor.id, given_at=tx.clock.now()
        )
        save_disposition(tx, made, actor=actor.id)
    return len(rows)


def reopen_if_worse(
    tx: Transaction, name: str, value: float | None, target: str, settings: NonconformityConfig
) -> bool:
    """Open again an accepted deviation when a failing window is worse than what was accepted; whether it was."""
    case = read_case(tx, name)
    deviation = case.dossier.deviation
    if case.state is not State.ACCEPTED or deviation is None or deviation.worst is None or value is None or not target:
        return False
    goal = Target.parse(target)
    if goal.beyond(value) <= goal.beyond(deviation.worst):
        return False
    said = Said(reason=f"the value {value:.6g} is worse than the accepted {deviation.worst:.6g}")
    context = Context(now=tx.clock.now(), settings=settings)
    _recorded(tx, transitions.reopen(case, said, PROGRAM, context), PROGRAM)
    return True


def look_after(tx: Transaction, project: Project) -> tuple[list[Outcome], list[Overdue]]:
    """Open again what was accepted and is no more, and note what has become overdue.

    Each thing overdue is noted in the ledger once for each level, and returned then.
    """
    now = tx.clock.now()
    reopened, late = [], []
    told = {key for (key,) in tx.tuples("SELECT payload ->> '$.key' FROM events WHERE kind = ?", [OVERDUE])}
    for case in open_cases(tx):
        current = case
        over = _no_more_accepted(tx, case, now)
        if over:
            context = context_of(tx, project, case, now)
            reopened.append(_recorded(tx, transitions.reopen(case, Said(reason=over), PROGRAM, context), PROGRAM))
            current = reopened[-1].case
        for one in overdue(current, context_of(tx, project, current, now)):
            if one.key not in told:
                details = {
                    "key": one.key, "what": one.what, "who": one.who, "due": one.due.isoformat(), "level": one.level
                }  # fmt: skip
                append_event(tx, OVERDUE, one.nonconformity, PROGRAM.id, details)
                late.append(one)
    return reopened, late


def _no_more_accepted(reader: Reader, case: Case, now: datetime) -> str:
    """Why an accepted deviation has to be opened again; ``""`` when it is none, or still accepted."""
    if case.state is not State.ACCEPTED:
        return ""
    if case.record.due_at is not None and case.record.due_at <= now:
        return "the time for which the deviation was accepted is over"
    deviation = case.dossier.deviation
    if deviation is not None and not is_borne(reader, deviation):
        return f"{deviation.risk} carried the acceptance, and is no longer an approved risk"
    return ""


def needs_looking_after(reader: Reader, now: datetime) -> bool:
    """Whether ``look_after`` may have something to do: a due date that has passed, or a risk that was withdrawn.

    Whatever was overdue and told before still counts, so the answer is cheap and not exact.
    """
    late = reader.tuples("SELECT state FROM nonconformity WHERE due_at <= ?", [now])
    if any(state not in FINISHED for (state,) in late):
        return True
    withdrawn = "SELECT 1 FROM record_version WHERE record_type = 'risk' AND status = 'withdrawn' LIMIT 1"
    accepted = "SELECT 1 FROM nonconformity WHERE state = ? LIMIT 1"
    if reader.tuples(accepted, [State.ACCEPTED.value]) and reader.tuples(withdrawn):
        return True
    return bool(
        reader.tuples(
            "SELECT 1 FROM nonconformity_actions AS a JOIN nonconformity AS n ON n.nonconformity = a.nonconformity "
            "WHERE n.state = ? AND a.done_at IS NULL AND a.due < ? LIMIT 1",
            [State.IMPLEMENTING.value, now.date()],
        )
    )


def objective_of(reader: Reader, record: Nonconformity) -> ObjectiveVersion | None:
    """The version of the objective that a nonconformity is about."""
    rows = reader.rows(
        "SELECT * FROM objective_version WHERE model = ? AND objective = ? AND version = ?",
        [record.model, record.objective, record.objective_version],
    )
    return ObjectiveVersion.from_row(rows[0]) if rows else None


def metric_bounds(one: Watched) -> dict[str, Bounds]:
    """The lowest and highest possible value of the metric that a criterion names."""
    from aimsight.metrics.registry import find

    metric = one.criterion.metric
    return {metric: find(metric).bounds} if metric else {}


def changes_since(reader: Reader, name: str, version: int) -> list[dict[str, Any]]:
    """The steps done since a version of a record, oldest first: who, when, what and why."""
    return [row for row in history(reader, name) if row["version"] is not None and row["version"] > version]


def history(reader: Reader, name: str) -> list[dict[str, Any]]:
    """Every step of a nonconformity: seq, recorded_at, actor, kind, reason, state before and after, version."""
    return reader.rows(
        "SELECT seq, recorded_at, actor, kind, payload ->> '$.reason' AS reason, "
        "payload ->> '$.before.state' AS before, coalesce(payload ->> '$.after.state', payload ->> '$.row.state') "
        "AS after, (payload ->> '$.after.version')::INTEGER AS version, "
        "coalesce((payload ->> '$.single_person')::BOOLEAN, false) AS single_person "
        "FROM events WHERE subject = ? AND starts_with(kind, 'nonconformity.') "
        "AND kind NOT IN ('nonconformity.dossier', 'nonconformity.occurrence', 'nonconformity.effect_measured') "
        "ORDER BY seq",
        [name],
    )


def _recorded(tx: Transaction, outcome: Outcome, actor: Actor) -> Outcome:
    details: dict[str, Any] = {
        "step": outcome.step.name,
        "reason": outcome.reason,
        "before": as_json(outcome.before),
        "after": as_json(outcome.case),
    }
    if outcome.single_person:
        details["single_person"] = True
    if tx.clock.now() < outcome.before.state_since:
        details["clock_behind"] = True
    save_dossier(
        tx, outcome.case.row, kind="nonconformity.dossier", actor=actor.id, details={"step": outcome.step.name}
    )
    save_nonconformity(
        tx, outcome.case.record, kind=f"nonconformity.{outcome.step.event}", actor=actor.id, details=details
    )
    return outcome


def _conflict(reader: Reader, case: Case, expected: int) -> ConflictError:
    changes = [
        f"  - {row['recorded_at']:%Y-%m-%d %H:%M} {row['actor']}: {row['kind'].partition('.')[2].replace('_', ' ')}"
        f" ({row['reason'] or row['after']})"
        for row in changes_since(reader, case.name, expected)
    ]
    head = (
        f"{case.name} has changed since you read it: you saw version {expected}, it is version {case.version} "
        f"({case.state.words}) now. Nothing of yours was saved; look at it again, then repeat. Since then:"
    )
    return ConflictError("\n".join([head, *changes]))


def _suggested(reader: Reader, record: Nonconformity) -> tuple[str, str]:
    objective = objective_of(reader, record)
    declared = objective.severity if objective is not None else record.severity
    rows = reader.tuples(
        "SELECT DISTINCT model, state FROM nonconformity WHERE kind = ? AND source = 'monitoring'", [record.kind]
    )
    models = {model for model, state in rows if state not in FINISHED}
    return grade(declared, kind=record.kind, recurs=record.recurrence_of is not None, models=len(models))


def _worst(reader: Reader, record: Nonconformity) -> float | None:
    rows = reader.tuples(
        "SELECT value, target FROM occurrence WHERE nonconformity = ? AND value IS NOT NULL AND target <> ''",
        [record.nonconformity],
    )
    if not rows:
        return None
    worst: float = max(rows, key=lambda row: Target.parse(row[1]).beyond(row[0]))[0]
    return worst


def _fixed(reader: Reader, case: Case, given: Plan) -> Plan:
    """The plan with the target of the objective that its criterion names, as it is now."""
    criterion = given.criterion
    if criterion.kind != "objective":
        return given
    rows = reader.rows(
        "SELECT * FROM objective_version WHERE model = ? AND objective = ? ORDER BY version DESC LIMIT 1",
        [case.record.model, criterion.objective],
    )
    if not rows:
        return given
    objective = ObjectiveVersion.from_row(rows[0])
    fixed = criterion.model_copy(
        update={
            "metric": objective.metric,
            "column": objective.column_name or None,
            "segment": objective.segment or None,
            "threshold": objective.target,
            "tolerance": objective.tolerance,
            "zero_tolerance": objective.zero_tolerance,
            "min_rows": max(criterion.min_rows, objective.min_rows),
        }
    )
    return given.model_copy(update={"criterion": fixed})


def _metric_problem(case: Case) -> str:
    """What is wrong with the metric that a criterion names, for the guards."""
    from aimsight.metrics.registry import find

    made = case.dossier.plan
    if made is None or made.criterion.kind != "metric" or made.criterion.metric is None:
        return ""
    try:
        find(made.criterion.metric)
    except AimsightError as error:
        return f"a metric of the catalogue as criterion: {error}"
    return ""


__all__ = [
    "TransitionError",
    "act",
    "changes_since",
    "context_of",
    "dispose",
    "history",
    "look_after",
    "needs_looking_after",
    "open_cases",
    "plan",
    "read_case",
    "reopen_if_worse",
    "similar",
    "start",
]

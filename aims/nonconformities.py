"""Nonconformities (clause 10.2): when failures open one, what it says, and what is attached to it.

One nonconformity is open per subject (an objective of a model and segment, or the monitoring of a model); while it is
open, later failures are occurrences of it, and the same failure after its closing opens a new one that points back.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from aimsight.aims.evaluation import NOT_MEASURED_RULE, ZERO_TOLERANCE_RULE, OpeningRule
from aimsight.aims.lifecycle.deadlines import allowed
from aimsight.aims.lifecycle.recurrence import grade, recurrence_of
from aimsight.aims.lifecycle.service import reopen_if_worse
from aimsight.aims.lifecycle.states import FINISHED, State, is_finished
from aimsight.aims.people import Actor, require
from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import metric_name, target_words
from aimsight.configs.canonical import canonical_json
from aimsight.configs.errors import AimsightError, NotFoundError
from aimsight.configs.fields import Day, Name, Prose
from aimsight.configs.schema import Config, NonconformityConfig
from aimsight.store.records import (
    Nonconformity,
    Occurrence,
    add_occurrence,
    next_nonconformity_id,
    open_nonconformity,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aimsight.configs.load import Project
    from aimsight.store.database import Reader, Transaction
    from aimsight.store.records import ObjectiveVersion

MONITORING_NOT_DONE = "monitoring not done"
MONITORING = "monitoring"
DEFAULTS = NonconformityConfig()


def is_open(state: str) -> bool:
    """Whether a nonconformity in this state still waits for something."""
    return not is_finished(state)


@dataclass(frozen=True, slots=True)
class Failing:
    """One window that failed, as it becomes an occurrence; hashes are ``None`` where there was nothing to hash."""

    run_id: str
    window_start: datetime
    window_end: datetime
    measurement_hash: str | None
    evaluation_hash: str | None
    value: float | None
    ci_low: float | None
    ci_high: float | None
    target: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What a nonconformity is about; one is open per subject at a time."""

    kind: str
    model: str
    model_version: str
    objective: ObjectiveVersion | None
    severity: str
    owner: str
    requirement: str

    @property
    def key(self) -> str:
        """The text that keeps records of the same subject together."""
        about = "monitoring" if self.objective is None else f"objective {self.objective.objective}"
        segment = self.objective.segment if self.objective else ""
        return f"{self.model} | {about} | {segment} | {self.kind}"


def of_objective(objective: ObjectiveVersion, model_version: str, verdict: Verdict) -> Subject:
    """The subject of an objective that is not met, or (by its verdict) not measured."""
    kind = MONITORING_NOT_DONE if verdict is Verdict.NOT_MEASURED else objective.metric.partition(".")[0]
    where = "".join(
        f" {word} {what}" for word, what in (("of", objective.column_name), ("in segment", objective.segment)) if what
    )
    return Subject(
        kind,
        objective.model,
        model_version,
        objective,
        objective.severity,
        objective.owner,
        f"AI objective {objective.objective}, version {objective.version} (clause 6.2): "
        f"{objective.statement.rstrip('.')}. "
        f"{metric_name(objective.metric)}{where}: {target_words(objective.target, objective.tolerance)}.",
    )


def of_monitoring(model: str, model_version: str, owner: str) -> Subject:
    """The subject of monitoring that gives no results at all."""
    return Subject(
        MONITORING_NOT_DONE,
        model,
        model_version,
        None,
        "major",
        owner,
        "Monitoring and measurement at planned intervals (clause 9.1)",
    )


def rule_of(objective: ObjectiveVersion, failing: Verdict) -> OpeningRule:
    """How many failing windows open a nonconformity of this objective."""
    if failing is Verdict.NOT_MEASURED:
        return NOT_MEASURED_RULE
    return (
        ZERO_TOLERANCE_RULE if objective.zero_tolerance else OpeningRule(objective.opens_failures, objective.opens_of)
    )


def record_failure(
    tx: Transaction,
    subject: Subject,
    failures: Sequence[Failing],
    *,
    opens: bool,
    statement: str,
    now: datetime,
    settings: NonconformityConfig = DEFAULTS,
) -> tuple[Nonconformity | None, int]:
    """Attach the newest failure to the open nonconformity of its subject, or open one when the rule says so.

    A window is one occurrence, however often it is judged again; judged again after the closing of the record that has
    it, it opens no other: that failure was dealt with. The same failure within the watch period after a closing is a
    recurrence, graded one step up. A failure worse than an accepted deviation opens that record again.

    Parameters
    ----------
    failures
        The failing windows that the opening rule counted, oldest first, the newest last.
    opens
        Whether the rule is fulfilled.
    statement
        What happened in the newest window, for the record.
    settings
        Deadlines and the watch period.

    Returns
    -------
    tuple
        The nonconformity that was opened (``None`` when none was) and how many occurrences were attached.
    """
    past = tx.rows_of(
        {"nonconformity"},
        "SELECT nonconformity, state, closed_at FROM nonconformity WHERE dedupe_key = ? "
        "ORDER BY opened_at, nonconformity",
        [subject.key],
    )
    running = [row for row in past if is_open(row["state"])]
    if running:
        name, newest = running[-1]["nonconformity"], failures[-1]
        count = _attach(tx, name, [newest], now)
        if count and running[-1]["state"] == State.ACCEPTED:
            reopen_if_worse(tx, name, newest.value, newest.target, settings)
        return None, count
    if not opens:
        return None, 0
    if any(_span(failures[-1]) in _attached(tx, row["nonconformity"]) for row in past):
        return None, 0
    closed = recurrence_of(past, now, timedelta(days=settings.watch))
    models = _models_failing(tx, subject.kind) | {subject.model}
    severity, why = grade(subject.severity, kind=subject.kind, recurs=closed is not None, models=len(models))
    record = Nonconformity(
        nonconformity=next_nonconformity_id(tx, now.year),
        dedupe_key=subject.key,
        kind=subject.kind,
        source=MONITORING,
        objective=subject.objective.objective if subject.objective else None,
        objective_version=subject.objective.version if subject.objective else None,
        model=subject.model,
        model_version=subject.model_version,
        segment=subject.objective.segment if subject.objective else "",
        requirement=subject.requirement,
        statement=statement,
        severity=severity,
        state=State.DETECTED,
        opened_at=now,
        occurred_from=failures[0].window_start,
        occurred_to=failures[-1].window_end,
        detected_by="aimsight",
        due_at=now + allowed(settings, "containment", severity),
        owner=subject.owner,
        recurrence_of=closed,
        closed_at=None,
        evidence_hash=evidence_hash(failures),
    )
    open_nonconformity(tx, record, details={"severity_because": why})
    return record, _attach(tx, record.nonconformity, failures, now)


class ManualNonconformity(Config):
    """A nonconformity that a person found: in an audit, through a complaint or concern, at a supplier, in a review."""

    subject: Name = Field(description="What it is about, in a few words; one is open for a subject at a time.")
    kind: Literal["process", "document", "legal", "supplier", "complaint", "concern", "performance", "fairness"] = (
        Field(description="process, document, legal, supplier, complaint, concern, performance or fairness.")
    )
    source: Literal["audit", "complaint", "concern", "supplier", "incident", "review", "person"] = Field(
        description="How it was found: audit, complaint, concern, supplier, incident, review or person."
    )
    requirement: Prose = Field(description="The requirement that is not met: clause, control, procedure, law.")
    statement: Prose = Field(description="What was found.")
    evidence: Prose = Field(description="Objective evidence: what was seen, where, in which sample.")
    severity: Literal["minor", "major"] = Field(description="minor or major.")
    owner: Name = Field(description="Who answers for it: the id of a person.")
    model: Name | None = Field(default=None, description="The model concerned, if one is.")
    occurred_from: Day | None = Field(default=None, description="First day on which it occurred.")
    occurred_to: Day | None = Field(default=None, description="Last day.")


def open_manual(tx: Transaction, project: Project, given: ManualNonconformity, actor: Actor) -> Nonconformity:
    """Open a nonconformity that a person found, in the same record and life cycle as those of monitoring.

    Raises
    ------
    AuthorityError
        When the actor is an auditor only: auditors report findings, and whoever owns the process opens the record.
    NotFoundError
        When the project has no such model, or no person of the owner's id.
    AimsightError
        When a record on the same subject is open.
    """
    require(actor, doing="open a nonconformity")
    people = [person.id for person in project.config.people]
    if given.owner not in people:
        raise NotFoundError.named("person", given.owner, people)
    if given.model is not None and given.model not in project.models:
        raise NotFoundError.named("model", given.model, project.models)
    now = tx.clock.now()
    model = project.models[given.model] if given.model else None
    key = f"{given.model or ''} | {given.subject} |  | {given.kind}"
    past = tx.rows(
        "SELECT nonconformity, state, closed_at FROM nonconformity WHERE dedupe_key = ? "
        "ORDER BY opened_at, nonconformity",
        [key],
    )
    running = [row["nonconformity"] for row in past if is_open(row["state"])]
    if running:
        raise AimsightError(f"{running[-1]} is open on the same subject; go on with that record")
    settings = project.config.nonconformities
    closed = recurrence_of(past, now, timedelta(days=settings.watch))
    severity, why = grade(given.severity, kind=given.kind, recurs=closed is not None, models=1)
    zone = model.log.zone if model is not None else ZoneInfo(project.config.time_zone)
    first = given.occurred_from or now.astimezone(zone).date()
    last = max(given.occurred_to or first, first)
    record = Nonconformity(
        nonconformity=next_nonconformity_id(tx, now.year),
        dedupe_key=key,
        kind=given.kind,
        source=given.source,
        objective=None,
        objective_version=None,
        model=given.model or "",
        model_version=model.version if model is not None else "",
        segment="",
        requirement=given.requirement,
        statement=given.statement,
        severity=severity,
        state=State.DETECTED,
        opened_at=now,
        occurred_from=datetime.combine(first, time(), zone),
        occurred_to=datetime.combine(last + timedelta(days=1), time(), zone),
        detected_by=actor.id,
        due_at=now + allowed(settings, "containment", severity),
        owner=given.owner,
        recurrence_of=closed,
        closed_at=None,
        evidence_hash=hashlib.sha256(canonical_json({"evidence": given.evidence})).hexdigest(),
    )
    details = {"subject": given.subject, "evidence": given.evidence, "severity_because": why}
    open_nonconformity(tx, record, actor=actor.id, details=details)
    return record


def evidence_of(reader: Reader, name: str) -> str:
    """What a person gave as objective evidence when they opened a record; ``""`` for one of monitoring."""
    rows = reader.tuples(
        "SELECT payload ->> '$.evidence' FROM events WHERE kind = 'nonconformity.detected' AND subject = ?", [name]
    )
    return (rows[0][0] or "") if rows else ""


def failures_without(reader: Reader, model: str | None = None) -> list[dict[str, Any]]:
    """The failing windows that have neither a nonconformity nor a reason why none is needed, newest first."""
    where, params = ("WHERE model = ?", [model]) if model is not None else ("", [])
    return reader.rows(
        f"SELECT * FROM failures_without_nonconformity {where} ORDER BY window_end DESC, model, objective", params
    )


def _models_failing(reader: Reader, kind: str) -> set[str]:
    """The models with an open nonconformity of this kind that monitoring opened."""
    rows: Sequence[Mapping[str, str]] = reader.rows(
        "SELECT DISTINCT model, state FROM nonconformity WHERE kind = ? AND source = ?", [kind, MONITORING]
    )
    return {row["model"] for row in rows if row["state"] not in FINISHED}


def evidence_hash(failures: Sequence[Failing]) -> str:
    """SHA-256 over the hashes of the measurements and evaluations that a nonconformity was opened with."""
    frozen = [[failing.run_id, failing.measurement_hash, failing.evaluation_hash] for failing in failures]
    return hashlib.sha256(canonical_json({"evidence": frozen})).hexdigest()


def _attach(tx: Transaction, name: str, failures: Sequence[Failing], now: datetime) -> int:
    known = _attached(tx, name)
    new = [failing for failing in failures if _span(failing) not in known]
    for failing in new:
        add_occurrence(
            tx,
            Occurrence(
                nonconformity=name,
                run_id=failing.run_id,
                window_start=failing.window_start,
                window_end=failing.window_end,
                measurement_hash=failing.measurement_hash,
                evaluation_hash=failing.evaluation_hash,
                value=failing.value,
                ci_low=failing.ci_low,
                ci_high=failing.ci_high,
                target=failing.target,
                attached_at=now,
            ),
        )
    return len(new)


def _attached(tx: Transaction, name: str) -> set[tuple[datetime, datetime]]:
    """The windows that are occurrences of a nonconformity."""
    rows = tx.rows_of({"occurrence"}, "SELECT window_start, window_end FROM occurrence WHERE nonconformity = ?", [name])
    return {(row["window_start"], row["window_end"]) for row in rows}


def _span(failing: Failing) -> tuple[datetime, datetime]:
    return failing.window_start, failing.window_end

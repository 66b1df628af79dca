"""Nonconformities (clause 10.2): when failures open one, what it says, and what is attached to it.

One nonconformity is open per subject (an objective of a model and segment, or the monitoring of a model); while it is
open, later failures are occurrences of it, and the same failure after its closing opens a new one that points back.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from aimsight.aims.evaluation import NOT_MEASURED_RULE, ZERO_TOLERANCE_RULE, OpeningRule
from aimsight.aims.verdicts import Verdict
from aimsight.configs.canonical import canonical_json
from aimsight.store.records import (
    Nonconformity,
    Occurrence,
    add_occurrence,
    next_nonconformity_id,
    open_nonconformity,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aimsight.store.database import Transaction
    from aimsight.store.records import ObjectiveVersion

DETECTED = "detected"
FINISHED = ("closed", "rejected", "closed_correction_only")
"""States after which the same failure opens a new record."""

CONTAINMENT_DUE = {"major": timedelta(days=1), "minor": timedelta(days=5)}
"""How soon after its opening a nonconformity must be contained."""
MONITORING_NOT_DONE = "monitoring not done"


def is_open(state: str) -> bool:
    """Whether a nonconformity in this state still waits for something."""
    return state not in FINISHED


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
    tolerance = f" with tolerance {objective.tolerance:g}" if objective.tolerance else ""
    return Subject(
        kind,
        objective.model,
        model_version,
        objective,
        objective.severity,
        objective.owner,
        f"AI objective {objective.objective}, version {objective.version} (clause 6.2): {objective.statement} "
        f"{objective.metric}{where} {objective.target}{tolerance}",
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
    tx: Transaction, subject: Subject, failures: Sequence[Failing], *, opens: bool, statement: str, now: datetime
) -> tuple[Nonconformity | None, int]:
    """Attach the newest failure to the open nonconformity of its subject, or open one when the rule says so.

    A window is one occurrence, however often it is judged again; judged again after the closing of the record that has
    it, it opens no other: that failure was dealt with.

    Parameters
    ----------
    failures
        The failing windows that the opening rule counted, oldest first, the newest last.
    opens
        Whether the rule is fulfilled.
    statement
        What happened in the newest window, for the record.

    Returns
    -------
    tuple
        The nonconformity that was opened (``None`` when none was) and how many occurrences were attached.
    """
    past = tx.rows(
        "SELECT nonconformity, state FROM nonconformity WHERE dedupe_key = ? ORDER BY opened_at, nonconformity",
        [subject.key],
    )
    running = [row for row in past if is_open(row["state"])]
    if running:
        return None, _attach(tx, running[-1]["nonconformity"], failures[-1:], now)
    if not opens:
        return None, 0
    closed = [row["nonconformity"] for row in past if row["state"].startswith("closed")]
    if any(_span(failures[-1]) in _attached(tx, row["nonconformity"]) for row in past):
        return None, 0
    severity = "major" if closed else subject.severity
    record = Nonconformity(
        nonconformity=next_nonconformity_id(tx, now.year),
        dedupe_key=subject.key,
        kind=subject.kind,
        source="monitoring",
        objective=subject.objective.objective if subject.objective else None,
        objective_version=subject.objective.version if subject.objective else None,
        model=subject.model,
        model_version=subject.model_version,
        segment=subject.objective.segment if subject.objective else "",
        requirement=subject.requirement,
        statement=statement,
        severity=severity,
        state=DETECTED,
        opened_at=now,
        occurred_from=failures[0].window_start,
        occurred_to=failures[-1].window_end,
        detected_by="aimsight",
        due_at=now + CONTAINMENT_DUE[severity],
        owner=subject.owner,
        recurrence_of=closed[-1] if closed else None,
        closed_at=None,
        evidence_hash=evidence_hash(failures),
    )
    open_nonconformity(tx, record)
    return record, _attach(tx, record.nonconformity, failures, now)


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
    rows = tx.tuples("SELECT window_start, window_end FROM occurrence WHERE nonconformity = ?", [name])
    return {(start, end) for start, end in rows}


def _span(failing: Failing) -> tuple[datetime, datetime]:
    return failing.window_start, failing.window_end

"""What evidence there is for each clause and control: how much, by whom, how old, what is missing, what is not covered.

Evidence is not conformity: that something was recorded does not say that it was enough. An auditor judges that.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from aimsight.aims.evidence_sources import BY_PIPELINE, Evidence, of_the_store
from aimsight.aims.lifecycle.states import FINISHED, State
from aimsight.aims.registers.types import TYPES
from aimsight.aims.words import listed, lowered, plural
from aimsight.store.registers import RecordVersion, latest_versions, versions_in_force
from aimsight.store.runs import open_slots

if TYPE_CHECKING:
    from datetime import date, datetime

    from aimsight.configs.standard import Clause, Framework, Outline, Requirement
    from aimsight.store.database import Reader

PLANS = frozenset({"improvement", "change", "management_action"})
"""Types of record that plan something: evidence for their own clauses, but only a plan for others that they name."""

OLD = 365
"""Days after which the newest evidence of a clause is called old."""


class Status(StrEnum):
    """How far a clause or control has evidence."""

    EVIDENCE = "evidence"
    PART = "in part"
    NONE = "none"
    NOT_APPLICABLE = "not applicable"


_LIMITS = {
    "link": "It is kept elsewhere; aimsight holds a pointer with owner, edition and hash.",
    "person": "A person records it; whether it is adequate aimsight cannot tell.",
    "both": "aimsight shows that it was done; whether it was enough a person judges.",
}
_OWN_LIMITS = {
    "5.1": "Leadership shows in acts, not in records of this tool.",
    "7.2": "Competence is kept elsewhere; link its records with a document that names clause 7.2.",
    "7.3": "Awareness is kept elsewhere; link its records with a document that names clause 7.3.",
    "7.5.3": "Access to documents kept elsewhere is not controlled; the ledger is tamper-evident, not tamper-proof.",
    "A.4.5": "Computing resources are not measured; state them in the record of the system.",
    "A.4.6": "Human resources are kept elsewhere.",
    "A.6.2.2": "Requirements and specifications are kept elsewhere.",
    "A.6.2.3": "Design and development are documented elsewhere.",
    "A.6.2.4": "Measured is the model in operation; tests before release are kept elsewhere.",
    "A.6.2.5": "Deployment itself is not watched, only the version that the log comes from.",
    "A.6.2.8": "The log is written by the system that decides; aimsight reads it, and sees gaps only as missing rows.",
    "A.7.2": "Development data are not read.",
    "A.7.3": "How data were acquired is kept elsewhere.",
    "A.7.5": "Provenance begins at the files that aimsight reads; what came before is kept elsewhere.",
    "A.7.6": "Preparation before the log is kept elsewhere.",
    "A.8.2": "Information for users is written and kept elsewhere.",
}

_OWN_RECORDS = {
    "6.2": "objectives approved by a second person (changes: approve in aimsight.yaml)",
    "10.2": "steps of people in nonconformities",
    "9.3.1": "a management review",
    "9.3.2": "a management review",
}
"""What a person records where it is no register record."""


@dataclass(frozen=True, slots=True)
class Line:
    """One clause or control.

    Parameters
    ----------
    missing
        What an auditor would ask for and not find, one sentence each.
    limit
        What aimsight does not cover of it.
    applicability
        The statement of applicability for a control: id of the record, and whether it applies.
    """

    clause: Clause
    status: Status
    evidence: tuple[Evidence, ...]
    missing: tuple[str, ...]
    limit: str
    applicability: str | None
    records: tuple[RecordVersion, ...]

    @property
    def latest(self) -> datetime | None:
        """When its newest evidence was recorded."""
        return max((one.latest for one in self.evidence if one.latest), default=None)

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who recorded or approved something of it."""
        return tuple(sorted({person for one in self.evidence for person in one.people}))


@dataclass(frozen=True, slots=True)
class Served:
    """A requirement of another framework, and how far its clauses here have evidence."""

    requirement: Requirement
    status: Status
    lines: tuple[Line, ...]


def coverage(reader: Reader, outline: Outline, today: date) -> tuple[Line, ...]:
    """Every clause and control with its evidence, in the order of the outline."""
    stored, shortcomings = of_the_store(reader), _shortcomings(reader, today)
    in_force: defaultdict[str, list[RecordVersion]] = defaultdict(list)
    drafts: defaultdict[str, list[RecordVersion]] = defaultdict(list)
    for record in versions_in_force(reader):
        for clause in _serves(record):
            in_force[clause].append(record)
    for record in latest_versions(reader):
        if record.status in {"draft", "in review"}:
            for clause in _serves(record):
                drafts[clause].append(record)
    statements = {record.fields["control"]: record for record in versions_in_force(reader, ["applicability"])}
    return tuple(
        _line(
            clause,
            [*stored.get(clause.id, ()), *_of_records(in_force[clause.id], drafts[clause.id])],
            statements.get(clause.id),
            tuple(in_force[clause.id]),
            today,
            shortcomings.get(clause.id, []),
        )
        for clause in outline.all
    )


def _shortcomings(reader: Reader, today: date) -> dict[str, list[str]]:
    """By clause: what the records themselves show was not done."""
    late = reader.tuples(
        "SELECT nonconformity FROM nonconformity WHERE due_at::DATE < ? AND NOT list_contains(?, state) ORDER BY 1",
        [today, [state.value for state in (*sorted(FINISHED), State.ACCEPTED)]],
    )
    unrun = len(open_slots(reader))
    found: dict[str, list[str]] = {}
    if late:
        found["10.2"] = [f"past their day: {listed([name for (name,) in late])}"]
    if unrun:
        found["9.1"] = found["8.1"] = [f"{plural(unrun, 'planned window')} without an outcome"]
    return found


def _serves(record: RecordVersion) -> tuple[str, ...]:
    """The clauses that a record is evidence for."""
    if record.record_type not in PLANS:
        return record.clauses
    return tuple(clause for clause in record.clauses if clause in TYPES[record.record_type].clauses)


def through(framework: Framework, outline: Outline, lines: tuple[Line, ...]) -> tuple[Served, ...]:
    """The requirements of another framework, each as far as the clauses that serve it have evidence."""
    by_id = {line.clause.id: line for line in lines}
    served = []
    for requirement in framework.served(outline):
        mine = tuple(by_id[clause] for clause in requirement.maps)
        found = {line.status for line in mine} - {Status.NOT_APPLICABLE}
        status = next(iter(found)) if len(found) == 1 else Status.PART if found else Status.NOT_APPLICABLE
        served.append(Served(requirement, status, mine))
    return tuple(served)


def _line(
    clause: Clause,
    evidence: list[Evidence],
    statement: RecordVersion | None,
    records: tuple[RecordVersion, ...],
    today: date,
    shortcomings: list[str],
) -> Line:
    limit = _OWN_LIMITS.get(clause.id, _LIMITS[clause.evidence if _by_pipeline(clause) else "person"])
    applies = statement.fields["applicable"] if statement else True
    told = f"{statement.record}: {'applies' if applies else 'does not apply'}" if statement else None
    if not applies:
        return Line(clause, Status.NOT_APPLICABLE, tuple(evidence), (), limit, told, records)
    missing = [*_missing(clause, evidence, today), *shortcomings]
    if clause.is_control and statement is None:
        missing.append("not in the statement of applicability")
    return Line(clause, _status(clause, evidence), tuple(evidence), tuple(missing), limit, told, records)


def _status(clause: Clause, evidence: list[Evidence]) -> Status:
    by_people = any(one.count and not one.by_pipeline for one in evidence)
    by_pipeline = any(one.count and one.by_pipeline for one in evidence)
    if by_people and (by_pipeline or not _by_pipeline(clause)):
        return Status.EVIDENCE
    if by_people or by_pipeline or any(one.drafts for one in evidence):
        return Status.PART
    return Status.NONE


def _missing(clause: Clause, evidence: list[Evidence], today: date) -> list[str]:
    missing = []
    if _by_pipeline(clause) and not any(one.by_pipeline for one in evidence):
        missing.append("nothing that a pipeline measured or recorded")
    if not any(one.count and not one.by_pipeline for one in evidence):
        missing.append(f"no record in force: {_wanted(clause)}")
    drafts = sum(one.drafts for one in evidence)
    if drafts:
        missing.append(f"{drafts} {'record waits' if drafts == 1 else 'records wait'} for approval")
    latest = max((one.latest for one in evidence if one.latest), default=None)
    if latest is not None and (today - latest.date()).days > OLD:
        missing.append(f"the newest evidence is of {latest.date().isoformat()}, more than a year ago")
    return missing


def _by_pipeline(clause: Clause) -> bool:
    """Whether a pipeline's evidence is asked for: the outline says so, and there is something that makes it."""
    return clause.evidence == "both" and clause.id in BY_PIPELINE


def _wanted(clause: Clause) -> str:
    """What a person would record for a clause."""
    own = _OWN_RECORDS.get(clause.id)
    titles = [kind.title for kind in TYPES.values() if clause.id in kind.clauses]
    said = [lowered(title) for title in titles[:3]]
    return own or " or ".join(said) or f"document with clause {clause.id}"


def _of_records(in_force: list[RecordVersion], drafts: list[RecordVersion]) -> list[Evidence]:
    """One line of evidence for each type of record."""
    found = []
    for name in dict.fromkeys(record.record_type for record in [*in_force, *drafts]):
        mine = [record for record in in_force if record.record_type == name]
        waiting = [record for record in drafts if record.record_type == name]
        people = {person for record in mine for person in (record.author, record.reviewer, record.approver) if person}
        moments = [record.approved_at or record.recorded_at for record in mine]
        found.append(
            Evidence(
                TYPES[name].title if name in TYPES else name,
                len(mine),
                len(waiting),
                min(moments, default=None),
                max(moments, default=None),
                tuple(sorted(people)),
                tuple(record.record for record in [*mine, *waiting]),
                by_pipeline=bool(mine) and all(record.origin != "person" for record in mine),
            )
        )
    return found

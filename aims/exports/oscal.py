"""OSCAL 1.1: assessment results (observations and findings) and the plan of action and milestones of what is open.

OSCAL knows *satisfied* and *not satisfied*. Here a clause is satisfied when there is evidence and nothing is known to
be missing; whether the evidence was enough an auditor judges, and every document says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aimsight.aims.coverage import Line, Status, coverage
from aimsight.aims.exports.identity import Origin, moment, origin_of
from aimsight.aims.lifecycle.case import Case
from aimsight.aims.lifecycle.states import FINISHED, State
from aimsight.store.records import Nonconformity, dossier_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimsight.aims.lifecycle.dossier import Action
    from aimsight.configs.standard import Outline
    from aimsight.store.database import Reader

VERSION = "1.1.3"
NAMESPACE = "https://aimsight.invalid/ns/oscal"
"""Names the properties that are ours; it leads nowhere on purpose."""
HONESTY = (
    "Evidence is not conformity: 'satisfied' means that evidence is on record and nothing is known to be missing. "
    "Whether it was enough an auditor judges."
)
_STARTED = frozenset({State.IMPLEMENTING, State.IMPLEMENTED, State.EFFECTIVENESS_WINDOW, State.CLOSING})


@dataclass(frozen=True, slots=True)
class Facts:
    """What the documents are made from."""

    organisation: str
    made_by: str
    origin: Origin
    lines: tuple[Line, ...]
    evaluations: tuple[dict[str, Any], ...]
    cases: tuple[Case, ...]


def facts_of(reader: Reader, outline: Outline, organisation: str, made_by: str) -> Facts:
    """Everything that the documents show, read from the store; ages are counted up to the ledger's last entry."""
    origin = origin_of(reader)
    evaluations = reader.rows(
        "SELECT * FROM evaluations WHERE is_latest QUALIFY row_number() OVER "
        "(PARTITION BY model, objective, column_name, segment ORDER BY window_end DESC, revision DESC) = 1 "
        "ORDER BY model, objective, column_name, segment"
    )
    records = [Nonconformity.from_row(row) for row in reader.rows("SELECT * FROM nonconformity ORDER BY nonconformity")]
    cases = [Case.of(record, dossier_row(reader, record)) for record in records]
    lines = coverage(reader, outline, origin.last_at.date())
    return Facts(organisation, made_by, origin, lines, tuple(evaluations), tuple(cases))


def assessment_results(facts: Facts) -> dict[str, Any]:
    """The assessment results: what was observed for each clause, objective and nonconformity, and what was found."""
    origin = facts.origin
    plan = origin.uuid("resource", "monitoring plan")
    covered = [line for line in facts.lines if line.status is not Status.NOT_APPLICABLE]
    observations = [
        *(_of_clause(origin, line) for line in covered if line.latest is not None),
        *(_of_evaluation(origin, row) for row in facts.evaluations),
        *(_of_case(origin, case) for case in facts.cases),
    ]
    result: dict[str, Any] = {
        "uuid": origin.uuid("result"),
        "title": "Evidence of the management system",
        "description": f"Ledger {origin.name}, entries 1 to {origin.entries}, head {origin.head}.",
        "start": moment(origin.first_at),
        "end": moment(origin.last_at),
        "reviewed-controls": {
            "control-selections": [
                {"include-controls": [{"control-id": control_id(line.clause.id)} for line in facts.lines]}
            ]
        },
        "findings": [
            *(_clause_finding(origin, line) for line in covered),
            *(_case_finding(origin, case) for case in facts.cases),
        ],
        "remarks": HONESTY,
    }
    if observations:
        result["observations"] = observations
    return {
        "assessment-results": {
            "uuid": origin.uuid("assessment-results", str(origin.entries)),
            "metadata": _metadata(facts, "Assessment results, ISO/IEC 42001:2023"),
            "import-ap": {"href": f"#{plan}"},
            "results": [result],
            "back-matter": {
                "resources": [
                    {
                        "uuid": plan,
                        "title": "Monitoring plan",
                        "description": "Models and objectives as configured in the project; there is no OSCAL plan.",
                    }
                ]
            },
        }
    }


def plan_of_action(facts: Facts) -> dict[str, Any] | None:
    """The plan of action and milestones: every open nonconformity; ``None`` when none is (OSCAL has no empty plan)."""
    open_cases = [case for case in facts.cases if case.state not in FINISHED]
    if not open_cases:
        return None
    origin = facts.origin
    return {
        "plan-of-action-and-milestones": {
            "uuid": origin.uuid("poam", str(origin.entries)),
            "metadata": _metadata(facts, "Plan of action and milestones"),
            "system-id": {"id": origin.name},
            "observations": [_of_case(origin, case) for case in open_cases],
            "risks": [_risk(origin, case) for case in open_cases],
            "poam-items": [_item(origin, case) for case in open_cases],
        }
    }


def as_bytes(document: dict[str, Any]) -> bytes:
    """The document as a file."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8") + b"\n"


def control_id(clause: str) -> str:
    """A clause or control as OSCAL names it, where no id begins with a digit: ``iso42001-9.1``."""
    return f"iso42001-{clause}"


def _metadata(facts: Facts, title: str) -> dict[str, Any]:
    return {
        "title": f"{title}: {facts.organisation}",
        "last-modified": moment(facts.origin.last_at),
        "version": str(facts.origin.entries),
        "oscal-version": VERSION,
        "parties": [
            {
                "uuid": facts.origin.uuid("party", facts.organisation),
                "type": "organization",
                "name": facts.organisation,
            }
        ],
        "remarks": f"Made by {facts.made_by}. {HONESTY}",
    }


def _props(**values: str | None) -> list[dict[str, str]]:
    """Properties of our own, on one line each; what is empty is left out."""
    return [
        {"name": name.replace("_", "-"), "ns": NAMESPACE, "value": " ".join(value.split())}
        for name, value in values.items()
        if value
    ]


def _of_clause(origin: Origin, line: Line) -> dict[str, Any]:
    shown = [one for one in line.evidence if one.count or one.drafts]
    made: dict[str, Any] = {
        "uuid": _clause_observation(origin, line),
        "title": f"Evidence for {line.clause.id}",
        "description": line.clause.title,
        "props": _props(clause=line.clause.id, recorded_by=", ".join(line.people)),
        "methods": ["EXAMINE"],
        "collected": moment(line.latest or origin.last_at),
        "relevant-evidence": [
            {
                "description": f"{one.what}: {one.count}"
                + (f" ({one.drafts} not approved)" if one.drafts else "")
                + (f"; {', '.join(one.items)}" if one.items else "")
            }
            for one in shown
        ],
        "remarks": line.limit,
    }
    return {key: value for key, value in made.items() if value}


def _of_evaluation(origin: Origin, row: dict[str, Any]) -> dict[str, Any]:
    key = tuple(str(row[name]) for name in ("model", "objective", "column_name", "segment"))
    where = f" in {row['segment']}" if row["segment"] else ""
    return {
        "uuid": origin.uuid("observation", "evaluation", *key),
        "title": f"{row['model']}/{row['objective']}{where}: {row['verdict']}",
        "description": row["statement"],
        "props": _props(
            verdict=row["verdict"].replace(" ", "-"),
            metric=row["metric"],
            target=row["target"],
            value=_number(row["value"]),
            ci_low=_number(row["ci_low"]),
            ci_high=_number(row["ci_high"]),
            rows=str(row["n"]),
            window=f"{moment(row['window_start'])}/{moment(row['window_end'])}",
            run=row["run_id"],
        ),
        "methods": ["TEST"],
        "collected": moment(row["evaluated_at"]),
        "remarks": row["reason"] or row["verdict"],
    }


def _of_case(origin: Origin, case: Case) -> dict[str, Any]:
    record = case.record
    return {
        "uuid": origin.uuid("observation", "nonconformity", record.nonconformity),
        "title": record.nonconformity,
        "description": record.statement,
        "props": _props(
            kind=record.kind,
            severity=record.severity,
            state=record.state.replace("_", "-"),
            model=record.model,
            owner=record.owner,
            recurrence_of=record.recurrence_of,
            evidence_sha256=record.evidence_hash,
        ),
        "methods": ["TEST" if record.source == "monitoring" else "EXAMINE"],
        "collected": moment(record.opened_at),
        "remarks": f"Not met: {record.requirement}",
    }


def _clause_finding(origin: Origin, line: Line) -> dict[str, Any]:
    satisfied = line.status is Status.EVIDENCE and not line.missing
    missing = "; ".join(line.missing) or "nothing is known to be missing"
    made: dict[str, Any] = {
        "uuid": origin.uuid("finding", "clause", line.clause.id),
        "title": f"{line.clause.id} {line.clause.title}",
        "description": f"Evidence: {line.status.value}. Missing: {missing}.",
        "target": _target(control_id(line.clause.id), satisfied=satisfied),
        "remarks": HONESTY,
    }
    if line.latest is not None:
        made["related-observations"] = [{"observation-uuid": _clause_observation(origin, line)}]
    return made


def _case_finding(origin: Origin, case: Case) -> dict[str, Any]:
    record = case.record
    return {
        "uuid": origin.uuid("finding", "nonconformity", record.nonconformity),
        "title": f"{record.nonconformity}, {case.state.words}",
        "description": record.statement,
        "target": _target(f"nonconformity-{record.nonconformity}", satisfied=case.state in FINISHED),
        "related-observations": [
            {"observation-uuid": origin.uuid("observation", "nonconformity", record.nonconformity)}
        ],
        "remarks": "A finished nonconformity counts as satisfied: it was closed, or a second person rejected it.",
    }


def _clause_observation(origin: Origin, line: Line) -> str:
    return origin.uuid("observation", "clause", line.clause.id)


def _target(name: str, *, satisfied: bool) -> dict[str, Any]:
    return {
        "type": "objective-id",
        "target-id": name,
        "status": {"state": "satisfied" if satisfied else "not-satisfied", "reason": "other"},
    }


def _risk(origin: Origin, case: Case) -> dict[str, Any]:
    record, plan = case.record, case.dossier.plan
    made: dict[str, Any] = {
        "uuid": origin.uuid("risk", record.nonconformity),
        "title": record.nonconformity,
        "description": record.statement,
        "statement": f"Not met: {record.requirement}",
        "props": _props(severity=record.severity, owner=record.owner, state=record.state.replace("_", "-")),
        "status": _status(case),
        "related-observations": [
            {"observation-uuid": origin.uuid("observation", "nonconformity", record.nonconformity)}
        ],
    }
    if record.due_at is not None:
        made["deadline"] = moment(record.due_at)
    if plan is not None:
        made["remediations"] = [_response(origin, case, action) for action in plan.actions]
    return made


def _status(case: Case) -> str:
    if case.state is State.ACCEPTED:
        return "deviation-approved"
    return "remediating" if case.state in _STARTED else "open"


def _response(origin: Origin, case: Case, action: Action) -> dict[str, Any]:
    key = (case.name, str(case.attempt), action.id)
    return {
        "uuid": origin.uuid("response", *key),
        "lifecycle": "completed" if action.done_at is not None else "planned",
        "title": f"{case.name} {action.id}",
        "description": action.description,
        "props": _props(owner=action.owner, kind=action.kind),
        "tasks": [
            {
                "uuid": origin.uuid("task", *key),
                "type": "milestone",
                "title": f"{action.id} is done, with evidence",
                "timing": {"on-date": {"date": f"{action.due.isoformat()}T00:00:00Z"}},
            }
        ],
    }


def _item(origin: Origin, case: Case) -> dict[str, Any]:
    record = case.record
    due: Sequence[str] = [record.due_at.date().isoformat()] if record.due_at else []
    return {
        "uuid": origin.uuid("poam-item", record.nonconformity),
        "title": f"{record.nonconformity}: {record.model or record.kind}",
        "description": record.statement,
        "props": _props(severity=record.severity, owner=record.owner, due="".join(due)),
        "related-observations": [
            {"observation-uuid": origin.uuid("observation", "nonconformity", record.nonconformity)}
        ],
        "related-risks": [{"risk-uuid": origin.uuid("risk", record.nonconformity)}],
    }


def _number(value: float | None) -> str | None:
    return None if value is None else repr(float(value))

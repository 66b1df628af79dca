"""Operational records: what happened, in one envelope with a published JSON Schema, each with its ledger entry.

Five kinds: decisions, impact assessments, monitoring events, human overrides (a person set aside what the pipeline had
found or graded) and exports (files made from the records and frozen under their hash).
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aimsight.aims.exports.identity import Origin, moment, origin_of
from aimsight.store.exported import EXPORTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from aimsight.store.database import Reader

ENVELOPE = "aimsight operational record 1"
PROGRAM = "aimsight"
OVERRIDES = {
    "nonconformity.rejected": "that it is a nonconformity",
    "nonconformity.accepted": "that the deviation has to be corrected now",
    "nonconformity.regraded": "its severity",
    "nonconformity.closed_correction_only": "that a nonconformity takes corrective action",
}
"""Steps in which a person sets aside what the pipeline had found or graded, and what that is."""
_SILENT = frozenset({"nonconformity.dossier", "nonconformity.occurrence"})
"""Events that go with a step or repeat a verdict."""
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the ledger."""

    seq: int
    recorded_at: datetime
    actor: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    sha256: str


def records_of(reader: Reader, organisation: str) -> Iterator[dict[str, Any]]:
    """Every operational record of a store, in the order of the ledger."""
    origin = origin_of(reader)
    for start in range(1, origin.entries + 1, _BATCH):
        bounds = [start, min(start + _BATCH - 1, origin.entries)]
        verdicts = _verdicts(reader, bounds)
        for seq, recorded_at, actor, kind, subject, payload, sha256 in reader.tuples(
            "SELECT seq, recorded_at, actor, kind, subject, payload, hash FROM events "
            "WHERE seq BETWEEN ? AND ? ORDER BY seq",
            bounds,
        ):
            entry = Entry(seq, recorded_at, actor, kind, subject, json.loads(payload), sha256)
            for record in _records(entry, verdicts):
                yield _in_envelope(origin, organisation, entry, record)


def as_line(record: Mapping[str, Any]) -> bytes:
    """A record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True, allow_nan=False).encode("utf-8") + b"\n"


def _verdicts(reader: Reader, bounds: list[int]) -> dict[str, list[dict[str, Any]]]:
    """By run: the verdicts of the runs that these entries finished."""
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in reader.rows(
        "SELECT e.* FROM evaluations AS e JOIN ledger AS l ON l.kind = 'run.finished' AND l.subject = e.run_id "
        "WHERE l.seq BETWEEN ? AND ? ORDER BY e.run_id, e.objective, e.column_name, e.segment",
        bounds,
    ):
        found[row["run_id"]].append(row)
    return found


def _records(entry: Entry, verdicts: Mapping[str, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The records of an entry, each without its envelope."""
    if entry.kind == "run.finished":
        found = verdicts.get(entry.subject, [])
        yield from (_evaluation(row, entry) for row in found)
        if not found:
            yield _run(entry)
    elif entry.kind in OVERRIDES:
        yield _override(entry, OVERRIDES[entry.kind], entry.kind.partition(".")[2])
    elif entry.kind == "failure.disposed":
        yield _disposition(entry)
    elif entry.kind.startswith("nonconformity.") and entry.kind not in _SILENT:
        if entry.payload.get("table") == "nonconformity":
            yield _step(entry)
            if _graded_lower(entry):
                yield _override(entry, "its severity", "graded_lower") | {"key": "override"}
    elif entry.kind.startswith("record."):
        kind = _kind_of_record(entry)
        if kind:
            yield _version(entry, kind)
    elif entry.kind == "evidence.frozen":
        yield _file(entry)
    elif entry.kind == EXPORTED:
        yield from _exported(entry)


def _in_envelope(origin: Origin, organisation: str, entry: Entry, record: dict[str, Any]) -> dict[str, Any]:
    key = record.pop("key", "")
    return {
        "envelope": ENVELOPE,
        "id": f"urn:uuid:{origin.uuid('operational record', str(entry.seq), key)}",
        "event": entry.kind,
        "occurred_at": moment(entry.recorded_at),
        "recorded_at": moment(entry.recorded_at),
        "organisation": organisation,
        "actor": {"type": "software" if entry.actor == PROGRAM else "person", "id": entry.actor},
        "ledger": {"name": origin.name, "entry": entry.seq, "sha256": entry.sha256},
        **record,
    }


def _evaluation(row: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
    run = entry.payload["row"]
    where = " ".join(part for part in (row["column_name"], row["segment"]) if part)
    said = f"{row['model']}/{row['objective']} {where}".strip()
    return {
        "key": "\n".join((row["objective"], row["column_name"], row["segment"])),
        "kind": "monitoring_event",
        "event": "evaluation.made",
        "occurred_at": moment(row["window_end"]),
        "subject": {"type": "objective", "id": f"{row['model']}/{row['objective']}"},
        "model": {"id": row["model"], "version": run["model_version"]},
        "summary": f"{said} is {row['verdict']} from {row['window_start']:%Y-%m-%d} to {row['window_end']:%Y-%m-%d}",
        "clauses": ["9.1", "6.2", "A.6.2.6"],
        "content": {
            "run": row["run_id"],
            "revision": row["revision"],
            "objective": row["objective"],
            "objective_version": row["objective_version"],
            "metric": row["metric"] or "",
            "column": row["column_name"],
            "segment": row["segment"],
            "window_start": moment(row["window_start"]),
            "window_end": moment(row["window_end"]),
            "value": row["value"],
            "ci_low": row["ci_low"],
            "ci_high": row["ci_high"],
            "n": row["n"] or 0,
            "target": row["target"],
            "tolerance": row["tolerance"],
            "verdict": row["verdict"],
            "reason": row["reason"] or "",
        },
    }


def _run(entry: Entry) -> dict[str, Any]:
    run = entry.payload["row"]
    reason = f": {run['reason']}" if run["reason"] else ""
    return {
        "kind": "monitoring_event",
        "occurred_at": run["window_end"],
        "subject": {"type": "run", "id": entry.subject},
        "model": {"id": run["model"], "version": run["model_version"]},
        "summary": f"{run['model']}: the run of the window to {run['window_end'][:10]} gave no verdict, "
        f"{run['outcome']}{reason}",
        "clauses": ["9.1", "8.1"],
        "content": {
            "run": entry.subject,
            "outcome": run["outcome"],
            "reason": run["reason"] or "",
            "window_start": run["window_start"],
            "window_end": run["window_end"],
            "rows": run["rows_scanned"],
        },
    }


def _step(entry: Entry) -> dict[str, Any]:
    row, step = entry.payload["row"], entry.kind.partition(".")[2]
    before = entry.payload.get("before")
    return {
        "kind": "monitoring_event",
        "subject": {"type": "nonconformity", "id": entry.subject},
        **_model(row["model"], row["model_version"]),
        "summary": f"{entry.subject}: {step.replace('_', ' ')}",
        "clauses": ["10.2"],
        "content": {
            "step": step,
            "state_before": before["state"] if before else None,
            "state": row["state"],
            "severity": row["severity"],
            "owner": row["owner"],
            "reason": str(entry.payload.get("reason") or row["statement"]),
            "recurrence_of": row["recurrence_of"],
        },
    }


def _override(entry: Entry, overridden: str, how: str) -> dict[str, Any]:
    row = entry.payload["row"]
    return {
        "kind": "human_override",
        "subject": {"type": "nonconformity", "id": entry.subject},
        **_model(row["model"], row["model_version"]),
        "summary": f"{entry.subject}: {how.replace('_', ' ')} by {entry.actor}",
        "clauses": ["10.2"],
        "content": {
            "overridden": overridden,
            "by": how,
            "reason": str(entry.payload.get("reason") or ""),
            "one_person": bool(entry.payload.get("single_person")),
        },
    }


def _graded_lower(entry: Entry) -> bool:
    """Whether a person confirmed a nonconformity below the severity that it was opened with."""
    before = entry.payload.get("before") or {}
    return (before.get("severity"), entry.payload["row"]["severity"]) == ("major", "minor")


def _disposition(entry: Entry) -> dict[str, Any]:
    row = entry.payload["row"]
    return {
        "kind": "human_override",
        "subject": {"type": "objective", "id": entry.subject},
        "model": {"id": row["model"], "version": ""},
        "summary": f"{entry.subject}: the failing window to {row['window_end'][:10]} needs no nonconformity, "
        f"says {entry.actor}",
        "clauses": ["10.2", "9.1"],
        "content": {
            "overridden": "that a failing window is a nonconformity",
            "by": "disposed",
            "reason": row["reason"],
        },
    }


def _kind_of_record(entry: Entry) -> str:
    """What a step of a register record is: an assessment, a decision, or neither."""
    row = entry.payload.get("row", {})
    kind = row.get("record_type")
    if kind == "impact_assessment":
        return "impact_assessment"
    decided = {"record.approved", "record.withdrawn"}
    if (kind == "management_decision" and entry.kind != "record.superseded") or entry.kind in decided:
        return "decision"
    return ""


def _version(entry: Entry, kind: str) -> dict[str, Any]:
    row, step = entry.payload["row"], entry.kind.partition(".")[2]
    return {
        "kind": kind,
        "occurred_at": row["event_at"] if kind == "impact_assessment" else moment(entry.recorded_at),
        "subject": {"type": row["record_type"], "id": row["record"]},
        **_model(row["model"], row["model_version"]),
        "summary": f"{row['record']}, version {row['version']}, {step}: {row['title']}",
        "clauses": list(row["clauses"]),
        "content": {
            "record": row["record"],
            "version": row["version"],
            "status": row["status"],
            "title": row["title"],
            "author": row["author"],
            "approver": row["approver"],
            "fields": json.loads(row["content"]),
            "sha256": row["content_hash"],
        },
    }


def _file(entry: Entry) -> dict[str, Any]:
    row = entry.payload["row"]
    about = row["nonconformity"] or row["path"]
    return {
        "key": row["sha256"],
        "kind": "export",
        "subject": {"type": "nonconformity" if row["nonconformity"] else "file", "id": about},
        "summary": f"{row['kind']} {row['path']} was frozen",
        "clauses": ["7.5.3"],
        "content": {"what": row["kind"], "path": row["path"], "sha256": row["sha256"], "bytes": row["bytes"]},
    }


def _exported(entry: Entry) -> Iterator[dict[str, Any]]:
    """What somebody took out of the house, file by file."""
    said = entry.payload
    for file in said["files"]:
        yield {
            "key": file["name"],
            "kind": "export",
            "subject": {"type": "file", "id": file["name"]},
            "summary": f"{said['what']} {said['about']}, entries 1 to {said['entries']}, was taken by {entry.actor}",
            "clauses": ["7.5.3"],
            "content": {"what": said["what"], "path": file["name"], "sha256": file["sha256"], "bytes": file["bytes"]},
        }


def _model(name: str | None, version: str | None) -> dict[str, Any]:
    return {"model": {"id": name, "version": version or ""}} if name else {}

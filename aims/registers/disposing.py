"""Disposal (7.5.3): what has been kept long enough, what stands against ending it, and the end of evidence files.

A record of a register is never deleted: its ledger entries would be missing. What ends is a document kept elsewhere, or
an evidence file; its hash and the approved decision stay, so that verification can tell a disposal from a loss.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aimsight.aims.registers.retention import day_after, period_of
from aimsight.store.disposals import DELETED, DISPOSAL, approved_disposals
from aimsight.store.records import append_event
from aimsight.store.registers import RecordVersion, latest_versions, versions_in_force

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from aimsight.store.database import Reader, Store

EVIDENCE = "evidence files"
"""What a retention rule for evidence files applies to."""
GONE = "evidence.deleted"
"""Kind of the event that says which files were deleted under which decision."""
_FINISHED = ("closed", "rejected", "closed_correction_only")
_PROOFS = frozenset({"time stamp"})
"""Kinds of evidence files that are no content but proof of the ledger, and stay."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something that has been kept as long as its rule asks.

    Parameters
    ----------
    subject
        ``risk:RISK-2026-0001``, or the SHA-256 of an evidence file.
    title
        What it is, for people.
    since
        Day after which it need not be kept.
    basis
        The rule, or what else says so.
    hold
        Why it is kept nevertheless; ``""`` when nothing holds it.
    """

    subject: str
    title: str
    since: date
    basis: str
    hold: str = ""


def due_for_disposal(reader: Reader, today: date) -> list[Due]:
    """Records and evidence files whose retention is over and that no approved disposal names; held ones too."""
    named = _disposed_records(reader)
    gone = approved_disposals(reader)
    held = _held(reader)
    found = [
        Due(
            one.subject,
            one.title,
            one.retention_until,
            one.retention_basis or "stated in the record",
            "legal hold" if one.subject in held else "",
        )
        for one in latest_versions(reader)
        if one.retention_until is not None and one.retention_until < today and one.subject not in named
    ]
    files = [one for one in _files(reader) if one.since < today and one.subject not in gone]
    return sorted([*found, *files], key=lambda one: (one.since, one.subject))


def against(reader: Reader, disposal: RecordVersion) -> Iterator[str]:
    """What forbids a disposal, whoever approves it: a hold, a retention that is not over, something unknown.

    The day that counts is the one on which the disposal was written down.
    """
    day = disposal.recorded_at.date()
    fields = disposal.fields
    known = {one.subject: one for one in latest_versions(reader)}
    held = _held(reader)
    for subject in fields.get("records", ()):
        one = known.get(subject)
        if one is None:
            yield f"{subject} is no record of a register"
        elif subject in held:
            yield f"{subject} is under a legal hold"
        elif one.retention_until is None:
            yield f"no retention rule says how long {subject} is kept"
        elif one.retention_until >= day:
            yield f"{subject} is kept until {one.retention_until}"
    if fields.get("files") and fields["method"] != DELETED:
        yield f"evidence files are {DELETED}; what is {fields['method']} is kept elsewhere"
    due: dict[str, list[Due]] = {}
    for file in _files(reader):
        due.setdefault(file.subject, []).append(file)
    every = {sha256 for (sha256,) in reader.tuples("SELECT DISTINCT sha256 FROM evidence_file")}
    for sha256 in fields.get("files", ()):
        if sha256 not in every:
            yield f"there is no evidence file with the SHA-256 {sha256}"
        elif sha256 not in due or len(due[sha256]) < _uses(reader, sha256):
            yield f"evidence file {sha256[:16]}… is kept: no rule for {EVIDENCE}, or its nonconformity is open"
        else:
            yield from (
                f"evidence file {sha256[:16]}… is {f'under a {one.hold}' if one.hold else f'kept until {one.since}'}"
                for one in due[sha256]
                if one.hold or one.since >= day
            )


def delete_disposed(store: Store, folder: Path, actor: str) -> list[str]:
    """Delete the evidence files whose disposal is approved and that are still there; their names.

    A file whose content is not what was frozen stays: somebody has to look at it first. May be repeated.
    """
    with store.read() as reader:
        disposals = approved_disposals(reader)
        files = reader.tuples("SELECT DISTINCT path, sha256 FROM evidence_file ORDER BY path")
    root = folder.resolve()
    by_record: dict[str, list[dict[str, Any]]] = {}
    for name, sha256 in files:
        path = (root / name).resolve()
        if sha256 not in disposals or not path.is_relative_to(root) or not path.is_file():
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            path.unlink()
            by_record.setdefault(disposals[sha256].record, []).append({"path": name, "sha256": sha256})
    if by_record:
        with store.write() as tx:
            for record, deleted in by_record.items():
                append_event(tx, GONE, f"{DISPOSAL}:{record}", actor, {"files": deleted})
    return [one["path"] for deleted in by_record.values() for one in deleted]


def _files(reader: Reader) -> Iterator[Due]:
    """Every evidence file that a rule lets go one day: those of finished nonconformities, and those of none."""
    rules = [one for one in versions_in_force(reader, ["retention_rule"]) if one.fields["applies_to"] == EVIDENCE]
    periods = [(one, period) for one in rules if (period := period_of(one)) is not None]
    if not periods:
        return
    rule, period = periods[0]
    basis = f"{rule.record}, version {rule.version}"
    holds = [one for one in versions_in_force(reader) if one.legal_hold]
    for sha256, path, name, kind, created, state, closed in reader.tuples(
        "SELECT f.sha256, f.path, f.nonconformity, f.kind, f.created_at, n.state, n.closed_at "
        "FROM evidence_file AS f LEFT JOIN nonconformity AS n USING (nonconformity) ORDER BY f.path, f.nonconformity"
    ):
        if kind in _PROOFS or (name and state not in _FINISHED):
            continue
        since = day_after((closed or created).date(), period)
        held = [one.record for one in holds if f"nonconformity:{name}" in one.links]
        about = f" of {name}" if name else ""
        yield Due(sha256, f"{kind} {path}{about}", since, basis, f"legal hold ({', '.join(held)})" if held else "")


def _held(reader: Reader) -> set[str]:
    """Records under a legal hold: a draft that lifts it does not count before it is approved."""
    return {one.subject for one in (*latest_versions(reader), *versions_in_force(reader)) if one.legal_hold}


def _uses(reader: Reader, sha256: str) -> int:
    return int(reader.tuples("SELECT count(*) FROM evidence_file WHERE sha256 = ?", [sha256])[0][0])


def _disposed_records(reader: Reader) -> set[str]:
    return {
        subject
        for one in versions_in_force(reader, [DISPOSAL])
        for subject in one.fields.get("records", ())
        if one.approver is not None
    }

"""The way to a certificate: what each phase would find today, clause by clause."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimsight.aims.coverage import PLANS, Line, Status
from aimsight.aims.registers.due import FINISHED
from aimsight.aims.words import plural
from aimsight.store.registers import RecordVersion, latest_versions, versions_in_force

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from aimsight.configs.standard import Phase
    from aimsight.store.database import Reader

EXTERNAL = ("stage 1", "stage 2", "surveillance", "recertification")
"""Kinds of audit from which a surveillance audit counts."""
_YEAR = 365


@dataclass(frozen=True, slots=True)
class PhaseLine:
    """What a phase finds for one clause: whether it is ready, and why or why not."""

    line: Line
    ready: bool
    note: str


def gaps(reader: Reader, phase: Phase, lines: tuple[Line, ...], today: date) -> tuple[PhaseLine, ...]:
    """The clauses and controls that a phase looks at, each with what it would find.

    Controls that do not apply are left out. Phases ask for different things: evidence, a plan for every gap, an audit,
    approval and retention of records, operation over a time, or something since the last external audit.
    """
    looked_at = [line for line in lines if phase.reaches(line.clause) and line.status is not Status.NOT_APPLICABLE]
    finder = _FINDERS[phase.asks](reader, today)
    return tuple(PhaseLine(line, *finder(line)) for line in looked_at)


def _evidence(reader: Reader, today: date) -> Callable[[Line], tuple[bool, str]]:
    del reader, today
    return lambda line: (line.status is Status.EVIDENCE, "; ".join(line.missing) or "evidence is there")


def _missing(reader: Reader, today: date) -> Callable[[Line], tuple[bool, str]]:
    plans = [
        record
        for record in latest_versions(reader, sorted(PLANS))
        if record.status != "withdrawn" and record.fields.get("state") not in FINISHED
    ]

    def find(line: Line) -> tuple[bool, str]:
        if line.status is Status.EVIDENCE:
            return True, "no gap"
        mine = [record for record in plans if line.clause.id in record.clauses]
        if not mine:
            return False, f"nobody has planned to close it: {'; '.join(line.missing)}"
        late = [record.record for record in mine if record.due and record.due < today]
        told = ", ".join(f"{record.record} ({record.owner or 'no owner'}, {record.due or 'no day'})" for record in mine)
        return not late, f"planned: {told}" + (f"; overdue: {', '.join(late)}" if late else "")

    return find


def _audited(reader: Reader, today: date) -> Callable[[Line], tuple[bool, str]]:
    audits = versions_in_force(reader, ["audit"])
    findings = versions_in_force(reader, ["audit_finding"])

    def find(line: Line) -> tuple[bool, str]:
        mine = [audit for audit in audits if _names(audit.fields["criteria"], line.clause.id)]
        if not mine:
            return False, "no approved audit has looked at it"
        last = max(mine, key=lambda audit: audit.event_until or audit.event_at)
        open_ones = [
            finding.record
            for finding in findings
            if finding.fields["state"] == "open" and _names([finding.fields["requirement"]], line.clause.id)
        ]
        on = (last.event_until or last.event_at).date()
        note = f"{last.record}, {on.isoformat()}"
        if (today - on).days > _YEAR:
            return False, f"{note}, more than a year ago"
        return not open_ones, note + (f"; open findings: {', '.join(open_ones)}" if open_ones else "")

    return find


def _approved(reader: Reader, today: date) -> Callable[[Line], tuple[bool, str]]:
    del reader, today

    def find(line: Line) -> tuple[bool, str]:
        if not line.records:
            people = sorted({person for one in line.evidence if not one.by_pipeline for person in one.people})
            if line.status is Status.EVIDENCE:
                return True, f"kept by the ledger, with steps of {', '.join(people)}"
            return False, "no documented information in force"
        without = [record.record for record in line.records if record.retention_until is None]
        told = ", ".join(_with_approval(record) for record in line.records)
        return not without, told + (f"; no retention: {', '.join(without)}" if without else "")

    return find


def _operated(reader: Reader, today: date) -> Callable[[Line], tuple[bool, str]]:
    del reader, today

    def find(line: Line) -> tuple[bool, str]:
        first = min((one.first for one in line.evidence if one.first), default=None)
        last = line.latest
        if first is None or last is None:
            return False, "no record of operation"
        count = sum(one.count for one in line.evidence)
        note = f"{plural(count, 'piece')} of evidence from {first.date().isoformat()} to {last.date().isoformat()}"
        return line.status is Status.EVIDENCE, "; ".join([note, *line.missing])

    return find


def _recent(reader: Reader, today: date) -> Callable[[Line], tuple[bool, str]]:
    audits = [one for one in versions_in_force(reader, ["audit"]) if one.fields["kind"] in EXTERNAL]
    ends = [audit.event_until or audit.event_at for audit in audits]
    since = max(ends, default=None)

    def find(line: Line) -> tuple[bool, str]:
        last = line.latest
        if since is None:
            days = None if last is None else (today - last.date()).days
            note = "no external audit is on record, so the last year counts"
            return days is not None and days <= _YEAR, f"{note}; newest evidence {last.date() if last else 'none'}"
        ready = last is not None and last > since
        return ready, f"last external audit {since.date()}, newest evidence {last.date() if last else 'none'}"

    return find


_FINDERS = {
    "evidence": _evidence,
    "missing": _missing,
    "audited": _audited,
    "approved": _approved,
    "operated": _operated,
    "recent": _recent,
}


def _with_approval(record: RecordVersion) -> str:
    who = f"approved by {record.approver}" if record.approver else f"recorded by {record.author}"
    return f"{record.record} v{record.version} {who}"


def _names(texts: list[str], clause: str) -> bool:
    """Whether a text names the clause: ``9.2`` names ``9.2.1``, ``A.6`` names ``A.6.2.6``, ``9.22`` does not."""
    parts = clause.split(".")
    names = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    names = [name for name in names if name != "A"]
    return any(re.search(rf"(?<![\w.]){re.escape(name)}(?!\.?\w)", text) for text in texts for name in names)

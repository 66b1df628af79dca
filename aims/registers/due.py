"""What is due: reassessments on interval, on release and after fairness nonconformities; and records with a due day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aimsight.aims.lifecycle.deadlines import REPORT_WITHIN
from aimsight.aims.people_on_record import people_on_record
from aimsight.aims.registers.fields import day_of, moment_of
from aimsight.aims.words import listed
from aimsight.store.registers import RecordVersion, latest_versions, versions_in_force

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from aimsight.store.database import Reader

UNCONFIRMED = ("detected", "rejected")
"""States of a nonconformity in which nobody has confirmed it."""

FINISHED = frozenset({"closed", "done", "dropped", "answered", "past"})
"""Values of a record's ``state`` after which nothing is due any more."""

PERIODS = {
    "serious": REPORT_WITHIN["serious"],
    "death": REPORT_WITHIN["death"],
    "widespread or critical infrastructure": REPORT_WITHIN["widespread"],
}
"""How soon an incident of a kind is reported to an authority, from the moment of becoming aware of it."""


@dataclass(frozen=True, slots=True)
class Reassessment:
    """An impact assessment that has to be made again, or a model that has none; with every reason."""

    model: str
    assessment: str | None
    reasons: tuple[str, ...]
    owner: str


def reassessments_due(reader: Reader, today: date) -> list[Reassessment]:
    """Registered models whose impact assessment is missing or due again (6.1.4, 8.4).

    Due again is an assessment whose day has come, that assessed another version of the model, after which a change was
    approved that asks for it, or after which a fairness nonconformity of the model was confirmed: one that was detected
    before and confirmed after it counts, too.
    """
    latest = {one.model: one for one in sorted(versions_in_force(reader, ["impact_assessment"]), key=_assessed)}
    confirmed = reader.tuples(
        "SELECT n.model, n.nonconformity, coalesce(c.since, n.opened_at) FROM nonconformity AS n LEFT JOIN ("
        "SELECT subject, min(recorded_at) AS since FROM ledger WHERE kind = 'nonconformity.confirmed' GROUP BY subject"
        ") AS c ON c.subject = n.nonconformity WHERE n.kind = 'fairness' AND NOT list_contains(?, n.state) "
        "ORDER BY n.opened_at, n.nonconformity",
        [list(UNCONFIRMED)],
    )
    asking = [
        (one.model, one.record, one.approved_at)
        for one in versions_in_force(reader, ["change"])
        if one.fields.get("reassessment") == "needed" and one.approved_at is not None
    ]
    found = []
    for model, version, owner in reader.tuples("SELECT model, version, owner FROM model ORDER BY model"):
        assessment = latest.get(model)
        if assessment is None:
            found.append(Reassessment(model, None, ("there is no approved impact assessment",), owner))
            continue
        since = [name for about, name, moment in confirmed if about == model and moment > assessment.event_at]
        changes = [name for about, name, moment in asking if about == model and moment > assessment.event_at]
        reasons = (*_reasons(assessment, version, since, today), *(f"{name} asks for it" for name in changes))
        if reasons:
            found.append(Reassessment(model, assessment.record, reasons, assessment.owner or owner))
    return found


def overdue_records(reader: Reader, today: date, record_types: Iterable[str] = ()) -> list[RecordVersion]:
    """The latest version of every record whose due day has passed and that still waits for something.

    An incident that has to be reported, and of which no notice to an authority is on record, is due on the last day for
    its report where that comes first.
    """
    reported = {
        one.fields["incident"]
        for one in latest_versions(reader, ["incident_communication"])
        if one.status != "withdrawn" and one.fields["recipient_kind"] == "authority"
    }
    return [
        one
        for one in (_with_report(record, reported) for record in latest_versions(reader, list(record_types)))
        if one.due is not None
        and one.due < today
        and one.status != "withdrawn"
        and one.fields.get("state") not in FINISHED
    ]


def without_owner(reader: Reader) -> list[RecordVersion]:
    """The latest version of every record that still matters and whose owner is none of the people any more."""
    known = people_on_record(reader)
    return [
        one
        for one in latest_versions(reader, [])
        if known
        and one.owner is not None
        and one.owner not in known
        and one.status != "withdrawn"
        and one.fields.get("state") not in FINISHED
    ]


def report_due(incident: RecordVersion) -> date | None:
    """Last day for the report of a recorded incident: as stated, else by its kind from becoming aware (in UTC).

    ``None`` where nothing has to be reported.
    """
    fields = incident.fields
    if not fields["reportable"]:
        return None
    if "report_due" in fields:
        return day_of(fields["report_due"])
    within = PERIODS.get(fields["kind"])
    return None if within is None else (moment_of(fields["aware_at"]) + within).date()


def _with_report(record: RecordVersion, reported: set[str]) -> RecordVersion:
    if record.record_type != "incident" or f"incident:{record.record}" in reported:
        return record
    days = [day for day in (record.due, report_due(record)) if day is not None]
    return replace(record, due=min(days, default=None))


def _reasons(assessment: RecordVersion, version: str, nonconformities: list[str], today: date) -> list[str]:
    reasons = []
    if assessment.due is not None and assessment.due <= today:
        reasons.append(f"its interval ended on {assessment.due.isoformat()}")
    assessed = assessment.fields["assessed_version"]
    if assessed != version:
        reasons.append(f"version {version} was released, version {assessed} was assessed")
    if nonconformities:
        reasons.append(f"fairness nonconformity after it: {listed(nonconformities)}")
    return reasons


def _assessed(assessment: RecordVersion) -> tuple[object, ...]:
    return assessment.event_at, assessment.record

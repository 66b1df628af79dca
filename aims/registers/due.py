"""What is due: reassessments on interval, on release and after fairness nonconformities; and records with a due day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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


@dataclass(frozen=True, slots=True)
class Reassessment:
    """An impact assessment that has to be made again, or a model that has none; with every reason."""

    model: str
    assessment: str | None
    reasons: tuple[str, ...]
    owner: str


def reassessments_due(reader: Reader, today: date) -> list[Reassessment]:
    """Registered models whose impact assessment is missing or due again (6.1.4, 8.4).

    Due again is an assessment whose day has come, that assessed another version of the model, or after which a
    fairness nonconformity of the model was detected and confirmed.
    """
    latest = {one.model: one for one in sorted(versions_in_force(reader, ["impact_assessment"]), key=_assessed)}
    confirmed = reader.tuples(
        "SELECT model, nonconformity, opened_at FROM nonconformity WHERE kind = 'fairness' "
        "AND NOT list_contains(?, state) ORDER BY opened_at, nonconformity",
        [list(UNCONFIRMED)],
    )
    found = []
    for model, version, owner in reader.tuples("SELECT model, version, owner FROM model ORDER BY model"):
        assessment = latest.get(model)
        if assessment is None:
            found.append(Reassessment(model, None, ("there is no approved impact assessment",), owner))
            continue
        since = [name for about, name, opened in confirmed if about == model and opened > assessment.event_at]
        reasons = tuple(_reasons(assessment, version, since, today))
        if reasons:
            found.append(Reassessment(model, assessment.record, reasons, assessment.owner or owner))
    return found


def overdue_records(reader: Reader, today: date, record_types: Iterable[str] = ()) -> list[RecordVersion]:
    """The latest version of every record whose due day has passed and that still waits for something."""
    return [
        one
        for one in latest_versions(reader, list(record_types))
        if one.due is not None
        and one.due < today
        and one.status != "withdrawn"
        and one.fields.get("state") not in FINISHED
    ]


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

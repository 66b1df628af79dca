"""Incidents: what happened, since when it is known, whether it has to be reported."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="incident",
    title="Incident",
    clauses=("A.8.4", "10.2"),
    id_prefix="INC",
    doc="An event that harmed or could harm persons or rights, with the clocks that its reporting runs by.",
    approved=False,
    header_required=("owner",),
    fields=(
        Field("description", "prose", True, "What happened, to whom, with what consequence."),
        Field("aware_at", "moment", True, "When the organisation became aware: reporting periods run from then."),
        Field("kind", "choice", True, "Which reporting period applies.",
              choices=("serious", "death", "widespread or critical infrastructure", "not reportable")),
        Field("reportable", "flag", True, "Whether an authority has to be told."),
        Field("reportable_reason", "prose", True, "Why, or why not."),
        Field("report_due", "day", False, "Last day for the report; default: 15, 10 or 2 days from aware_at, by kind."),
        Field("state", "choice", True, "Where it stands.", choices=("open", "contained", "closed")),
        Field("measures", "prose", False, "What was done at once."),
        Field("nonconformity", "link", False, "Its nonconformity: nonconformity:NC-2026-0001."),
    ),
)  # fmt: skip

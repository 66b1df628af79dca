"""Communication of incidents (A.8.4): who was told what, when, and on which basis."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="incident_communication",
    title="Communication of an incident",
    clauses=("A.8.4", "7.4"),
    id_prefix="COM",
    doc="One notice of an incident to users, affected persons, an authority or the public.",
    approved=False,
    fields=(
        Field("incident", "link", True, "The incident, or the nonconformity, that it is about."),
        Field("recipient", "text", True, "Who was told."),
        Field("recipient_kind", "choice", True, "Which kind of recipient.",
              choices=("users", "affected persons", "authority", "customer", "supplier", "public", "provider")),
        Field("told_at", "moment", True, "When."),
        Field("basis", "prose", True, "Which law, contract or plan asks for it."),
        Field("deadline", "day", False, "Until when it had to be told."),
        Field("message", "prose", True, "What was told, in a few sentences."),
        Field("channel", "text", False, "How."),
    ),
)  # fmt: skip

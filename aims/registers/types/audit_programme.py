"""Internal audit programme (9.2.2)."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="audit_programme",
    title="Audit programme",
    clauses=("9.2.2", "9.2.1"),
    id_prefix="AP",
    doc="What is audited in a period, how often, by which methods and by whom.",
    header_required=("owner", "event_at", "event_until"),
    fields=(
        Field("frequency", "prose", True, "How often what is audited."),
        Field("methods", "prose", True, "How audits are done."),
        Field("responsibilities", "prose", True, "Who plans, audits, reports and follows up."),
        Field("importance", "prose", True, "How the weight of processes and earlier results shaped it."),
        Field(
            "audits", "items", True, "Audits planned.",
            fields=(
                Field("what", "prose", True, "Clauses, areas or systems."),
                Field("when", "day", True, "When."),
                Field("auditor", "anybody", False, "Who."),
                Field("audit", "link", False, "The audit that was done: audit:AUD-2026-0001."),
            ),
        ),
    ),
)  # fmt: skip

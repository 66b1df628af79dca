"""Internal audits (9.2.1): criteria, scope, auditors, samples; independence is compared with the owners."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.independence import independence
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="audit",
    title="Audit",
    clauses=("9.2.1", "9.2.2"),
    id_prefix="AUD",
    doc="One audit with its samples and its report; its findings are records of their own that link to it.",
    header_required=("event_at", "event_until"),
    check=independence,
    fields=(
        Field("kind", "choice", True, "Which kind of audit.",
              choices=("internal", "supplier", "stage 1", "stage 2", "surveillance", "recertification")),
        Field("objectives", "prose", True, "What the audit was to find out."),
        Field("criteria", "texts", True, "What was audited against: clauses, controls, procedures."),
        Field("audited", "texts", True, "Systems, models, units and processes audited."),
        Field("auditors", "people", True, "Who audited."),
        Field("competence", "prose", False, "Why they are able to.", to_approve=True),
        Field(
            "samples", "items", False, "What was looked at.", to_approve=True,
            fields=(
                Field("population", "prose", True, "Records or runs that the sample stands for."),
                Field("size", "count", True, "How many there are."),
                Field("sampled", "count", True, "How many were looked at."),
                Field("method", "prose", True, "How they were chosen."),
                Field("items", "texts", False, "Which ones: ids of records, runs, nonconformities."),
                Field("result", "prose", False, "What they showed."),
            ),
        ),
        Field("programme", "link", False, "The programme it belongs to: audit_programme:AP-2026-0001."),
        Field("conclusion", "prose", False, "Whether the system conforms, and works.", to_approve=True),
        Field("reported_to", "people", False, "Managers who received the report.", to_approve=True),
        Field("reported_at", "day", False, "When they received it.", to_approve=True),
    ),
)  # fmt: skip

"""Findings of audits (9.2): requirement, evidence, grade."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="audit_finding",
    title="Audit finding",
    clauses=("9.2.1", "9.2.2"),
    id_prefix="AF",
    doc="One finding of an audit; a nonconformity becomes a record of its own, which the finding links to.",
    approved=False,
    fields=(
        Field("audit", "link", True, "The audit: audit:AUD-2026-0001."),
        Field("grade", "choice", True, "What kind of finding.",
              choices=("conforming", "opportunity for improvement", "minor", "major")),
        Field("requirement", "prose", True, "What is required: clause, control, procedure, objective."),
        Field("statement", "prose", True, "What was found."),
        Field("evidence", "texts", True, "Records and observations that show it."),
        Field("state", "choice", True, "Whether something is left to do.", choices=("open", "closed")),
        Field("nonconformity", "link", False, "What it became: nonconformity:NC-2026-0001."),
        Field("result", "prose", False, "What came of it.", needed_when=("state", ("closed",))),
    ),
)  # fmt: skip

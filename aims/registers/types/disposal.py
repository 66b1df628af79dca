"""Disposal (7.5.3): the recorded, approved end of something that was kept."""

from __future__ import annotations

from aimsight.aims.registers.disposing import against
from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="disposal",
    title="Disposal",
    clauses=("7.5.3",),
    id_prefix="DIS",
    doc="That evidence files, or documents kept elsewhere, are deleted, archived or handed over after their retention.",
    fields=(
        Field("what", "prose", True, "What was disposed of."),
        Field("rule", "link", True, "The rule: retention_rule:RET-2026-0001."),
        Field("method", "choice", True, "How.", choices=("deleted", "archived", "handed over", "anonymised")),
        Field("records", "links", False, "Records whose documents it is about: risk:RISK-2026-0001."),
        Field("files", "texts", False, "SHA-256 of evidence files, which are deleted when this is approved."),
        Field("done_at", "day", False, "When; files of the evidence folder: with the approval."),
        Field("hold_checked", "flag", True, "Whether it was made sure that no legal hold applies."),
    ),
    forbidden=against,
)  # fmt: skip

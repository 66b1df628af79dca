"""Disposal (7.5.3): the recorded, approved end of something that was kept."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="disposal",
    title="Disposal",
    clauses=("7.5.3",),
    id_prefix="DIS",
    doc="That something kept elsewhere was deleted, archived or handed over at the end of its retention.",
    fields=(
        Field("what", "prose", True, "What was disposed of."),
        Field("rule", "link", True, "The rule: retention_rule:RET-2026-0001."),
        Field("method", "choice", True, "How.", choices=("deleted", "archived", "handed over", "anonymised")),
        Field("done_at", "day", True, "When."),
        Field("hold_checked", "flag", True, "Whether it was made sure that no legal hold applies."),
    ),
)  # fmt: skip

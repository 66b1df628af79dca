"""Retention rules (7.5.3): how long which records are kept, and how they end."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="retention_rule",
    title="Retention rule",
    clauses=("7.5.3",),
    id_prefix="RET",
    doc="How long records of a type are kept, on which basis, and what happens to them then.",
    fields=(
        Field("applies_to", "text", True, "Type of record, or evidence files, measurements, runs, nonconformities."),
        Field("period", "text", True, "How long: 10y, 180d."),
        Field("from_event", "prose", True, "What the period runs from."),
        Field("basis", "prose", True, "Law, contract or own decision that sets it."),
        Field("disposition", "prose", True, "What happens at its end, and who approves that."),
    ),
)  # fmt: skip

"""External and internal issues (4.1)."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="issue",
    title="Issue",
    clauses=("4.1", "9.3.2"),
    id_prefix="ISS",
    doc="What bears on the management system from outside or inside; input b of reviews.",
    approved=False,
    fields=(
        Field("kind", "choice", True, "Inside or outside.", choices=("external", "internal")),
        Field("subject", "choice", True, "What it is about.",
              choices=("law", "technology", "market", "society", "climate", "organisation", "supplier", "other")),
        Field("description", "prose", True, "What it is, and since when."),
        Field("effect", "prose", True, "What it means for the management system."),
        Field("applies_from", "day", False, "When it begins to apply, for a law."),
        Field("state", "choice", True, "Whether it still matters.", choices=("current", "past")),
    ),
)  # fmt: skip

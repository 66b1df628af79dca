"""Statement of applicability: which control of Annex A applies, why, and how it is met."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="applicability",
    title="Applicability of a control",
    clauses=("6.1.3",),
    id_prefix="SOA",
    doc="One line of the statement of applicability; `aimsight audit coverage` links the evidence of the store to it.",
    header_required=("owner",),
    fields=(
        Field("control", "clause", True, "The control: A.6.2.6."),
        Field("applicable", "flag", True, "Whether it applies."),
        Field("justification", "prose", True, "Why it applies, or why not."),
        Field("implemented", "choice", True, "How far it is put into practice.",
              choices=("yes", "in part", "planned", "no")),
        Field("how", "prose", False, "How it is met, and where that is written."),
    ),
)  # fmt: skip

"""Decisions of a management review (9.3.3)."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

KINDS = ("improvement", "change", "resources", "other")

TYPE = RecordType(
    name="management_decision",
    title="Management decision",
    clauses=("9.3.3",),
    id_prefix="DEC",
    doc="One decision of top management; what follows from it are actions and changes that link to it.",
    fields=(
        Field("review", "text", False, "The review in which it was taken."),
        Field("kind", "choice", True, "What it is about.", choices=KINDS),
        Field("decision", "prose", True, "What was decided."),
        Field("grounds", "prose", True, "Why."),
    ),
)  # fmt: skip

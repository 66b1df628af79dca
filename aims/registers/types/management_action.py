"""Actions that follow from decisions: owner, due day, carried over how often."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="management_action",
    title="Management action",
    clauses=("9.3.3", "9.3.2"),
    id_prefix="ACT",
    doc="One action that a review decided; open ones come back in the next review.",
    approved=False,
    header_required=("owner", "due"),
    fields=(
        Field("decision", "link", False, "The decision: management_decision:DEC-2026-0001."),
        Field("description", "prose", True, "What is to be done."),
        Field("state", "choice", True, "Where it stands.", choices=("open", "done", "dropped")),
        Field("carried_over", "count", False, "How many reviews it was open in."),
        Field("done", "day", False, "When it was done.", needed_when=("state", ("done",))),
        Field("evidence", "prose", False, "What shows that.", needed_when=("state", ("done",))),
    ),
)  # fmt: skip

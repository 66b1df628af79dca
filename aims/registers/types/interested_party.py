"""Interested parties and what they need (4.2)."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="interested_party",
    title="Interested party",
    clauses=("4.2", "9.3.2"),
    id_prefix="PTY",
    doc="Who has a stake, and what they need; input c of reviews.",
    approved=False,
    fields=(
        Field("needs", "texts", True, "What they need or expect."),
        Field("addressed", "texts", False, "Which of it the management system takes up, and where."),
        Field("requirement", "choice", True, "What binds the organisation to it.",
              choices=("law", "contract", "own commitment", "none")),
        Field("state", "choice", True, "Whether they still have a stake.", choices=("current", "past")),
    ),
)  # fmt: skip

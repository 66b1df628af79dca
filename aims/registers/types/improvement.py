"""Improvements (10.1)."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="improvement",
    title="Improvement",
    clauses=("10.1",),
    id_prefix="IMP",
    doc="One way to make the management system better, and what came of it.",
    approved=False,
    header_required=("owner", "due"),
    fields=(
        Field("source", "choice", True, "Where it comes from.",
              choices=("audit finding", "review", "trend", "suggestion", "nonconformity", "other")),
        Field("description", "prose", True, "What is to become better."),
        Field("benefit", "prose", True, "How the benefit is measured."),
        Field("state", "choice", True, "Where it stands.", choices=("proposed", "accepted", "done", "dropped")),
        Field("result", "prose", False, "What came of it, measured.", needed_when=("state", ("done",))),
    ),
)  # fmt: skip

"""Suppliers (A.10.3): what they deliver, what was agreed, how changes become known."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="supplier",
    title="Supplier",
    clauses=("A.10.3", "A.10.2", "8.1"),
    id_prefix="SUP",
    doc="Who delivers models, data or services, and how the organisation makes sure that they fit.",
    header_required=("owner", "due"),
    fields=(
        Field("delivers", "texts", True, "Models, data, tools or services delivered."),
        Field("responsibilities", "prose", True, "Who answers for what."),
        Field("requirements", "prose", True, "What was agreed: quality, documentation, notice of changes."),
        Field("version_watched", "text", False, "Version in use, so that a change is noticed."),
        Field("assessment", "prose", False, "How they were assessed, and with what result.", to_approve=True),
        Field("state", "choice", True, "Whether they deliver.", choices=("current", "past")),
    ),
)  # fmt: skip

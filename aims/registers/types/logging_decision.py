"""Decisions on event logs (A.6.2.8): in which phases of the life cycle what is logged."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="logging_decision",
    title="Logging decision",
    clauses=("A.6.2.8",),
    id_prefix="LOG",
    doc="In which phases of its life a system keeps event logs, of which events, for how long, and why.",
    header_required=("model",),
    fields=(
        Field("phases", "texts", True, "Phases with logs: development, validation, operation, retirement."),
        Field("events", "texts", True, "Events logged: decision, override, error, change of version."),
        Field("reason", "prose", True, "Why these phases and events."),
        Field("kept_for", "prose", True, "How long logs are kept, and by which rule."),
        Field("place", "prose", True, "Where the logs lie."),
        Field("personal_data", "prose", False, "Which personal data they hold, and how they are protected."),
        Field("completeness", "prose", False, "How gaps in the logs are noticed."),
    ),
)  # fmt: skip

"""Management reviews (9.3): period, packs, who took part, what was discussed and concluded."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="management_review",
    title="Management review",
    clauses=("9.3.1", "9.3.2", "9.3.3"),
    id_prefix="MR",
    doc="One review by top management: the packs that it was shown, and its results; signed by its approval.",
    header_required=("event_at", "event_until"),
    fields=(
        Field("chair", "anybody", False, "Who chaired it.", to_approve=True),
        Field("held_on", "day", False, "When it was held.", to_approve=True),
        Field(
            "packs", "items", False, "Frozen packs, the first first; a correction adds one.",
            fields=(
                Field("version", "count", True, "Number of the pack."),
                Field("sha256", "text", True, "SHA-256 of its canonical content."),
                Field("entries", "count", True, "Entries of the ledger when it was frozen."),
                Field("reason", "prose", False, "Why it was prepared again."),
            ),
        ),
        Field(
            "confirmations", "items", False, "Inputs without anything to report, and who confirms that.",
            fields=(
                Field("input", "text", True, "Key of the input: b."),
                Field("statement", "prose", True, "What is confirmed."),
                Field("by", "person", True, "Who confirms it."),
            ),
        ),
        Field(
            "attendees", "items", False, "Who took part.", to_approve=True,
            fields=(
                Field("name", "text", True, "Name, or the id of a person."),
                Field("function", "text", True, "Function in the organisation."),
                Field("top_management", "flag", True, "Whether they belong to top management."),
            ),
        ),
        Field("discussion", "prose", False, "What was discussed.", to_approve=True),
        Field("suitability", "prose", False, "Whether the management system is suitable.", to_approve=True),
        Field("adequacy", "prose", False, "Whether it is adequate.", to_approve=True),
        Field("effectiveness", "prose", False, "Whether it is effective.", to_approve=True),
        Field("no_decision", "prose", False, "Why nothing was decided, when nothing was."),
        Field("extras", "flag", False, "Whether inputs of ISO/IEC 27001 and ISO 9001 are shown."),
    ),
)  # fmt: skip

"""Impact assessments (6.1.4, 8.4), kept elsewhere and referred to here."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="impact_assessment",
    title="Impact assessment",
    clauses=("8.4", "6.1.4", "A.5.2", "A.5.3", "A.5.4", "A.5.5"),
    id_prefix="IA",
    doc="What a system does to people and society: the result, the document, and when it is due again.",
    header_required=("owner", "due", "model"),
    dated=("method", "trigger", "result", "assessed_version", "assessors", "participants", "impacts"),
    fields=(
        Field("method", "prose", True, "Method and criteria, with their version."),
        Field("trigger", "choice", True, "Why it was made.",
              choices=("first", "interval", "release", "change", "nonconformity", "incident")),
        Field("result", "prose", True, "What was found, in a few sentences."),
        Field("assessed_version", "text", True, "Version of the model assessed; a later one makes it due again."),
        Field("assessors", "people", True, "Who assessed it."),
        Field("participants", "texts", False, "Whose view was heard: groups affected, experts, the works council."),
        Field(
            "impacts", "items", False, "Effects found.",
            fields=(
                Field("group", "text", True, "Who is affected: persons, groups, society."),
                Field("effect", "prose", True, "Benefit or harm."),
                Field("level", "choice", True, "How strong.", choices=("low", "medium", "high", "very high")),
                Field("metrics", "texts", False, "Metrics that watch it."),
            ),
        ),
        Field("fundamental_rights", "flag", False, "Whether it covers fundamental rights."),
    ),
)  # fmt: skip

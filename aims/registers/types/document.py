"""Documented information kept elsewhere (7.5), documents of external origin among it."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="document",
    title="Document",
    clauses=("7.5.3", "7.5.2", "7.5.1"),
    id_prefix="DOC",
    doc="A policy, procedure, plan or outside document: where it is, which edition holds, which clauses it serves.",
    header_required=("owner", "documents"),
    fields=(
        Field("kind", "choice", True, "What it is.",
              choices=("policy", "scope", "procedure", "plan", "record", "technical documentation", "training",
                       "contract", "law or standard", "other")),
        Field("edition", "text", True, "Edition or version of the document."),
        Field("external", "flag", True, "Whether it comes from outside the organisation."),
        Field("distribution", "prose", False, "Who has access to it."),
        Field("summary", "prose", False, "What it says, in a few sentences."),
    ),
)  # fmt: skip

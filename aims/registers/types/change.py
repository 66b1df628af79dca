"""Planned changes (6.3): what changes, why, with which consequences, and what was verified afterwards."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

SUBJECTS = (
    "objective", "threshold", "metric", "model", "scope", "policy", "monitoring plan", "process", "responsibility",
)  # fmt: skip
TRIGGERS = (
    "nonconformity", "review", "audit", "law", "release", "improvement", "risk", "configuration", "other",
)  # fmt: skip
REASSESSMENT = ("needed", "not needed", "done")

TYPE = RecordType(
    name="change",
    title="Change",
    clauses=("6.3", "8.1"),
    id_prefix="CHG",
    doc="One change of the management system, planned before it is made; every change of a target is one.",
    header_required=("owner",),
    fields=(
        Field("trigger", "choice", True, "What asks for it.", choices=TRIGGERS),
        Field("subject", "choice", True, "What changes.", choices=SUBJECTS),
        Field("purpose", "prose", True, "What it is for."),
        Field("consequences", "prose", True, "What follows from it, wanted or not."),
        Field("integrity", "prose", False, "Why the management system stays whole meanwhile.", to_approve=True),
        Field("resources", "prose", False, "What it takes."),
        Field("before", "prose", False, "How it was."),
        Field("after", "prose", False, "How it will be."),
        Field("proposal", "text", False, "Fingerprint of the proposed objective; filled in by the system."),
        Field("objective", "link", False, "The objective that it changes: objective:MODEL/OBJ-01."),
        Field("differing_verdicts", "count", False, "Past verdicts that would differ."),
        Field("compared_verdicts", "count", False, "Past verdicts that were judged again."),
        Field("reassessment", "choice", False, "Whether risks or impacts have to be assessed again.",
              choices=REASSESSMENT, to_approve=True),
        Field("reassessment_reason", "prose", False, "Why, or what came of it.",
              needed_when=("reassessment", ("not needed", "done"))),
        Field("planned_for", "day", False, "When it is to be made."),
        Field("made_on", "day", False, "When it was made."),
        Field("verification", "prose", False, "What showed that it did what it was to do."),
    ),
)  # fmt: skip

"""Concerns (A.3.3) and reports of adverse effects (A.8.3)."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="concern",
    title="Concern",
    clauses=("A.3.3", "A.8.3"),
    id_prefix="CON",
    doc="What somebody inside or outside reported about an AI system, and how it was answered.",
    approved=False,
    classification="confidential",
    header_required=("owner", "due"),
    fields=(
        Field("channel", "choice", True, "How it came.", choices=("employee", "user", "affected person", "authority",
              "supplier", "public", "anonymous")),
        Field("description", "prose", True, "What was reported, without names of persons."),
        Field("theme", "choice", True, "What it is about.",
              choices=("fairness", "performance", "safety", "privacy", "transparency", "misuse", "other")),
        Field("confidentiality", "prose", True, "How the person who reported is protected."),
        Field("state", "choice", True, "Where it stands.",
              choices=("received", "in examination", "answered", "closed")),
        Field("response", "prose", False, "What was done and answered.",
              needed_when=("state", ("answered", "closed"))),
        Field("answered_at", "day", False, "When it was answered."),
        Field("nonconformity", "link", False, "What it became: nonconformity:NC-2026-0001."),
    ),
)  # fmt: skip

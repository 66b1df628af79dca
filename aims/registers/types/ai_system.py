"""AI systems: what is in scope, for what it is used, who answers for it, and how it is watched."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="ai_system",
    title="AI system",
    clauses=("4.3", "A.4.2", "A.6.2.6", "A.9.4", "A.10.2"),
    id_prefix="SYS",
    doc="One system of the inventory, with the models it is made of and the plan by which it is watched.",
    header_required=("owner",),
    fields=(
        Field("intended_use", "prose", True, "What it is for, and what it never does."),
        Field("in_scope", "flag", True, "Whether it is in the scope of the management system."),
        Field("scope_reason", "prose", False, "Why it is in or out of scope.", to_approve=True),
        Field(
            "stage", "choice", True, "Where it stands in its life cycle.",
            choices=("planned", "in development", "in validation", "in operation", "retired"),
        ),
        Field("models", "texts", False, "Models of this project that it is made of."),
        Field("users", "prose", False, "Who uses it, and who is affected by it."),
        Field("role", "choice", False, "Part of the organisation in it.", choices=("provider", "deployer", "both")),
        Field("risk", "choice", False, "Risk level from its impact assessment.",
              choices=("minimal", "limited", "high")),
        Field("suppliers", "texts", False, "Suppliers of its models, data or tooling."),
        Field("data", "texts", False, "Data that it learns from and reads."),
        Field("tooling", "texts", False, "Tools and computing resources that it needs."),
        Field("oversight", "prose", False, "How people watch it, and who may stop it."),
        Field("monitoring_plan", "prose", False, "How it is watched when aimsight does not measure it."),
        Field("stop_criteria", "prose", False, "When it is rolled back or stopped."),
    ),
)  # fmt: skip

"""Risks and their treatment (6.1, 8.2, 8.3)."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

LEVELS = ("low", "medium", "high", "very high")

TYPE = RecordType(
    name="risk",
    title="Risk",
    clauses=("6.1.2", "8.2", "6.1.3", "8.3", "6.1.1"),
    id_prefix="RISK",
    doc="One risk, as assessed, with its treatment and what is known of the effect of that treatment.",
    header_required=("owner", "due"),
    dated=("method", "trigger", "likelihood", "consequence", "assessors"),
    fields=(
        Field("description", "prose", True, "What may happen, by what cause, with what consequence."),
        Field("method", "prose", True, "Method and criteria by which it was assessed, with their version."),
        Field("trigger", "choice", True, "Why it was assessed.",
              choices=("interval", "change", "release", "nonconformity", "incident", "drift", "first")),
        Field("likelihood", "choice", True, "How likely it is before treatment.", choices=LEVELS),
        Field("consequence", "choice", True, "How bad it would be before treatment.", choices=LEVELS),
        Field("affected", "texts", False, "Who would be affected."),
        Field("objectives", "links", False, "Objectives that watch it: objective:MODEL/OBJ-01."),
        Field("assessors", "people", False, "Who assessed it.", to_approve=True),
        Field(
            "treatments", "items", False, "What is done about it.", to_approve=True,
            fields=(
                Field("option", "choice", True, "Way of treating it.", choices=("avoid", "reduce", "share", "accept")),
                Field("description", "prose", True, "What is done."),
                Field("controls", "clauses", False, "Controls chosen for it: A.6.2.6."),
                Field("owner", "person", True, "Who does it."),
                Field("due", "day", True, "Until when."),
                Field("done", "day", False, "When it was done."),
                Field("effect", "choice", False, "Whether it was found to work.",
                      choices=("effective", "not effective", "not verified")),
                Field("evidence", "prose", False, "What shows that: evaluations, tests, records.",
                      needed_when=("effect", ("effective", "not effective"))),
            ),
        ),
        Field("residual_likelihood", "choice", False, "How likely it is with treatment.", LEVELS, to_approve=True),
        Field("residual_consequence", "choice", False, "How bad it would be with treatment.", LEVELS, to_approve=True),
        Field(
            "accepted_by", "person", False,
            "Owner of the risk who accepts what remains; only they can write it, as who acts.", to_approve=True,
            stands_for=("treatments", "residual_likelihood", "residual_consequence"),
        ),
    ),
)  # fmt: skip

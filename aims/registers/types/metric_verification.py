"""Verification of metrics (9.1: methods that give valid results)."""

from __future__ import annotations

from aimsight.aims.registers.fields import Field
from aimsight.aims.registers.record_type import RecordType

TYPE = RecordType(
    name="metric_verification",
    title="Metric verification",
    clauses=("9.1",),
    id_prefix="MV",
    doc="That a metric, as implemented here, gives the known answers of its reference cases.",
    approved=False,
    fields=(
        Field("metric", "text", True, "Id of the metric."),
        Field("version", "count", True, "Version of its definition."),
        Field("code_version", "text", True, "Version of aimsight."),
        Field("libraries", "items", False, "Libraries that it was computed with.", fields=(
            Field("name", "text", True, "Name."), Field("version", "text", True, "Version."))),
        Field("cases", "count", False, "Reference cases compared."),
        Field("result", "choice", True, "Whether all answers were right.", choices=("passed", "failed")),
        Field("deviation", "number", False, "Largest distance from a known answer."),
        Field("tolerance", "number", False, "Largest distance allowed."),
        Field("affected", "prose", False, "Which past results a defect touches."),
    ),
)  # fmt: skip

"""`aimsight metrics`: what can be measured, and how each metric is defined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from aimsight.monitors.cli.acting import As
from aimsight.monitors.cli.metrics_verify import VERIFY, verify_metrics
from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aimsight.configs.parameters import Parameter
    from aimsight.metrics.registry import Metric


def metrics(
    context: typer.Context,
    metric: Annotated[
        str,
        typer.Argument(
            metavar="METRIC", help='One metric to show in full, a family to list, or "verify" to verify all of them.'
        ),
    ] = "",
    who: As = "",
    due: Annotated[
        str, typer.Option("--due", metavar="DAY", help="verify: day of the next one; default: in half a year.")
    ] = "",
    record: Annotated[bool, typer.Option(help="verify: whether to put the result on record.")] = True,
) -> None:
    """List the catalogue of metrics or a family of it, show one in full, or verify all of them.

    `aimsight metrics verify` computes every metric on built-in data with known answers, as measuring equipment is
    calibrated, and puts the result on record with the day on which it is due again.
    """
    from aimsight.metrics.registry import FAMILIES, METRICS, described

    session = Session.of(context)
    if metric == VERIFY:
        verify_metrics(session, who, due, record=record)
        return
    if not metric or metric in FAMILIES:
        units = [unit for unit in METRICS.values() if metric in ("", unit.family)]
        session.answer([_facts(unit) for unit in units], lambda: _list(units))
        return
    unit = described(metric)
    session.answer(_facts(unit) | {"definition": unit.doc}, lambda: _one(unit))


def _facts(unit: Metric) -> dict[str, Any]:
    return {
        "metric": unit.text,
        "version": unit.version,
        "summary": unit.summary,
        "tasks": sorted(unit.tasks),
        "unit": unit.unit,
        "bounds": list(unit.bounds),
        "better": unit.direction,
        "needs": _needs(unit),
        "parameters": [
            {"name": one.name, "takes": one.accepts, "default": None if one.required else one.default, "is": one.doc}
            for one in unit.parameters
        ],
        "by_default": unit.core,
        "undefined_when": list(unit.undefined_when),
        "source": unit.source,
    }


def _needs(unit: Metric) -> list[str]:
    return [word for word in ("reference", "labels", "score", "prediction", "interval") if getattr(unit.needs, word)]


def _list(units: list[Metric]) -> list[RenderableType]:
    from aimsight.monitors.cli.tables import cell, table

    made = table("Metric", "What it says", fixed=["Metric"])
    for unit in units:
        made.add_row(cell(unit.id), cell(unit.summary.replace("``", "")))
    return [made, "", "Show one in full with: aimsight metrics METRIC"]


def _one(unit: Metric) -> list[RenderableType]:
    from rich.text import Text

    from aimsight.metrics.page import needs
    from aimsight.monitors.cli.tables import cell, facts

    return [
        cell(f"{unit.text} (version {unit.version})", "bold"),
        "",
        Text(_flowing(unit.doc).replace("``", "")),
        "",
        facts(
            {
                "Tasks": ", ".join(sorted(unit.tasks)),
                "Unit": unit.unit,
                "Bounds": _bounds(unit),
                "Better": _BETTER[unit.direction],
                "Needs": needs(unit),
                "Parameters": "; ".join(_parameter(one) for one in unit.parameters) or "none",
                "Measured": "by default" if unit.core else "when `metrics:` or an objective names it",
                "No value when": "; ".join(unit.undefined_when),
                "Source": unit.source,
            }
        ),
    ]


def _parameter(one: Parameter) -> str:
    default = "required" if one.required else "optional" if one.default is None else f"default {one.default}"
    return f"{one.name} ({one.accepts}; {default}): {one.doc}"


_BETTER = {
    "higher": "higher values",
    "lower": "lower values",
    "zero": "values near 0",
    "one": "values near 1",
    "none": "neither direction in itself",
}


def _flowing(text: str) -> str:
    """The paragraphs without the line breaks of the source code."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _bounds(unit: Metric) -> str:
    low, high = unit.bounds
    if low is None and high is None:
        return "none"
    if low is None:
        return f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"{low:g} to {high:g}"

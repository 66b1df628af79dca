"""`aimsight nc`: the nonconformities, and one of them in full."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from aimsight.monitors.cli.session import NONCONFORMING, Session

if TYPE_CHECKING:
    from rich.console import RenderableType


def nc(
    context: typer.Context,
    nonconformity: Annotated[str, typer.Argument(metavar="NC", help="Id of one nonconformity to show in full.")] = "",
) -> None:
    """List the nonconformities, open ones first, or show one with its occurrences and evidence."""
    from aimsight.aims.nonconformities import is_open
    from aimsight.monitors.cli import queries

    session = Session.of(context)
    models = session.project.models
    zones = {model.model: model.log.time_zone for model in models.values()}
    if nonconformity:
        record = queries.known_nonconformity(session.store, nonconformity, models)
        occurrences = queries.occurrences(session.store, nonconformity)
        folder = session.project.root / session.project.config.evidence
        files = queries.evidence_files(session.store, nonconformity)
        session.answer(
            record | {"occurred": occurrences, "evidence": files},
            lambda: _one(record, occurrences, files, zones[record["model"]], folder),
        )
        return
    records = queries.nonconformities(session.store, models)
    session.answer(records, lambda: nonconformity_table(records))
    if any(is_open(record["state"]) for record in records):
        raise typer.Exit(NONCONFORMING)


def nonconformity_table(records: list[dict[str, Any]]) -> list[RenderableType]:
    """One row a nonconformity."""
    from aimsight.monitors.cli.tables import cell, table

    if not records:
        return ["No nonconformities."]
    made = table(
        "Nonconformity", "Model", "Objective", "Severity", "State", "Windows", "Due",
        title="Nonconformities", right=["Windows"], fixed=["Nonconformity", "Due"],
    )  # fmt: skip
    for record in records:
        due = record["due_at"]
        made.add_row(
            cell(record["nonconformity"]),
            cell(record["model"]),
            cell(" ".join(part for part in (record["objective"], record["segment"]) if part)),
            cell(record["severity"]),
            cell(record["state"]),
            cell(f"{record['occurrences']:,}"),
            cell(f"{due:%Y-%m-%d}" if due else "–"),
        )
    return [made, "", "Show one in full with: aimsight nc NC"]


def _one(
    record: dict[str, Any], occurrences: list[dict[str, Any]], files: list[dict[str, Any]], zone: str, folder: Path
) -> list[RenderableType]:
    from aimsight.aims.words import instant, value_text, window_words
    from aimsight.metrics.plan import Window
    from aimsight.monitors.cli.tables import cell, facts, table

    spans = table("Window", "Value", "Target", title="Windows that failed")
    for one in occurrences:
        value = "–" if one["value"] is None else value_text(one["value"], one["ci_low"], one["ci_high"])
        spans.add_row(
            cell(window_words(Window(one["window_start"], one["window_end"]), zone)), cell(value), cell(one["target"])
        )
    parts: list[RenderableType] = [
        cell(f"{record['nonconformity']}: {record['model']} {record['model_version']}", "bold"),
        "",
        facts(
            {
                "Statement": record["statement"],
                "Requirement": record["requirement"],
                "Objective": f"{record['objective'] or '–'} (version {record['objective_version'] or '–'})",
                "Where": record["segment"] or "all rows",
                "Severity": record["severity"],
                "State": record["state"],
                "Opened": instant(record["opened_at"], ZoneInfo(zone)),
                "Owner": record["owner"],
                "Due": f"{record['due_at']:%Y-%m-%d}" if record["due_at"] else "–",
                "Recurrence of": record["recurrence_of"] or "–",
                "Closed": instant(record["closed_at"], ZoneInfo(zone)) if record["closed_at"] else "–",
            }
        ),
        "",
        spans,
    ]
    if files:
        parts += ["", cell("Evidence", "bold")]
        for file in files:
            when = instant(file["created_at"], ZoneInfo(zone))
            parts += [cell(f"{file['kind']}, {when}:"), str(folder / file["path"])]
    else:
        parts += ["", f"No report yet; make one with: aimsight evidence {record['nonconformity']}"]
    return parts

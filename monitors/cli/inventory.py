"""`aimsight records systems|due`: the inventory of AI systems with its gaps, and what has to be done again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from aimsight.monitors.cli.session import Session, now

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aimsight.store.registers import RecordVersion


def systems(context: typer.Context) -> None:
    """Show the AI systems, how each is watched, and what is missing: a system in scope without a monitoring plan first.

    Models of the project that belong to no system are named below.
    """
    from aimsight.aims.changes import governed
    from aimsight.aims.registers.inventory import inventory
    from aimsight.monitors.cli.tables import cell, table

    session = Session.of(context)
    policy = session.project.config.changes
    with session.store.read() as reader:
        models = {name: governed(reader, model, policy) for name, model in session.project.models.items()}
        found = inventory(reader, models)
    unplanned = {one.record for one in found.without_plan}

    def people() -> list[RenderableType]:
        parts: list[RenderableType] = []
        if found.systems:
            made = table("System", "Title", "Stage", "Watched by", "Gaps", fixed=["System"])
            for one in sorted(found.systems, key=lambda system: (system.record not in unplanned, system.record)):
                scope = "" if one.in_scope else " (out of scope)"
                made.add_row(
                    cell(one.record), cell(one.title), cell(one.stage + scope), cell(one.plan or "nobody"),
                    cell("; ".join(one.gaps) or "–"),
                )  # fmt: skip
            parts.append(made)
        else:
            parts.append("No AI system is on record. `aimsight records types ai_system --template` gives a form.")
        if unplanned:
            parts.append(f"In scope without a monitoring plan: {', '.join(sorted(unplanned))}.")
        if found.unassigned:
            parts.append(f"Models that belong to no system: {', '.join(found.unassigned)}.")
        return parts

    session.answer(
        {
            "systems": [asdict(one) for one in found.systems],
            "without_plan": sorted(unplanned),
            "unassigned_models": list(found.unassigned),
        },
        people,
    )


def due(context: typer.Context) -> None:
    """Show which assessments have to be made again and why, records past their day, and what may be disposed of.

    A disposal (`aimsight records add disposal`) that a second person approves ends what has been kept long enough.
    """
    from aimsight.aims.registers.disposing import due_for_disposal
    from aimsight.aims.registers.due import overdue_records, reassessments_due, without_owner
    from aimsight.aims.words import days_until_day, plain
    from aimsight.monitors.cli.tables import cell, table

    session = Session.of(context)
    today = now().date()
    with session.store.read() as reader:
        again = reassessments_due(reader, today)
        late = overdue_records(reader, today)
        gone = without_owner(reader)
        kept = due_for_disposal(reader, today)

    def people() -> list[RenderableType]:
        parts: list[RenderableType] = []
        if again:
            made = table("Model", "Assessment", "Owner", "Due, because", title="Impact assessments")
            for one in again:
                made.add_row(
                    cell(one.model), cell(one.assessment or "none"), cell(one.owner), cell("; ".join(one.reasons))
                )
            parts += [made, ""]
        if late:
            made = table("Record", "Title", "Owner", "Due", title="Records", fixed=["Record"])
            for record in late:
                when = f"{record.due}, {days_until_day(record.due, today)}" if record.due else "–"
                made.add_row(cell(record.record), cell(record.title), cell(record.owner or "–"), cell(when))
            parts += [made, ""]
        if gone:
            parts.append("Owned by nobody whom aimsight.yaml names, so to be given to somebody:")
            parts += [*(plain(f"- {one.record} {one.title}: {one.owner}") for one in gone), ""]
        if kept:
            parts.append("Kept long enough, to be disposed of:")
            for each in kept:
                held = f"; held: {each.hold}" if each.hold else ""
                parts += [plain(f"- {each.title}, kept until {each.since} ({each.basis}){held}"), f"  {each.subject}"]
            parts.append("")
        return parts[:-1] or ["Nothing is due."]

    session.answer(
        {
            "reassessments": [asdict(one) for one in again],
            "overdue": [_brief(one) for one in late],
            "without_owner": [_brief(one) for one in gone],
            "disposal": [asdict(one) for one in kept],
        },
        people,
    )


def _brief(one: RecordVersion) -> dict[str, Any]:
    return {
        "record_type": one.record_type,
        "record": one.record,
        "title": one.title,
        "owner": one.owner,
        "due": one.due,
    }

"""`aimsight audit`: the evidence that there is, clause by clause, for this standard and for others."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aimsight.configs.errors import NotFoundError
from aimsight.monitors.cli.audit_exports import oscal, records
from aimsight.monitors.cli.bundle import bundle
from aimsight.monitors.cli.groups import group
from aimsight.monitors.cli.session import Session, now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from aimsight.aims.coverage import Line, Served
    from aimsight.aims.phases import PhaseLine
    from aimsight.configs.standard import Framework, Phase

HONESTY = (
    "Evidence is not conformity: it shows what was recorded, not whether it was enough. Titles are ours, written from "
    "public pages; the text of the standard is sold by ISO."
)


def group_of_commands() -> typer.Typer:
    """The group ``aimsight audit`` with its commands."""
    return group(
        "audit",
        "What evidence there is, clause by clause",
        audit,
        {
            "coverage": (coverage, "Evidence for each clause and control; gaps; other frameworks"),
            "bundle": (bundle, "Records as a folder that an auditor verifies offline"),
            "oscal": (oscal, "Assessment results and plan of action as OSCAL"),
            "records": (records, "Operational records as JSON lines or xAPI"),
        },
    )


def audit(context: typer.Context) -> None:
    """Show the evidence for each clause and control of ISO/IEC 42001."""
    if context.invoked_subcommand is None:
        coverage(context)


def coverage(
    context: typer.Context,
    phase: Annotated[
        str,
        typer.Option(
            "--phase",
            metavar="PHASE",
            help="Gap analysis: gap, implement, internal-audit, stage-1, stage-2 or surveillance.",
        ),
    ] = "",
    framework: Annotated[
        str,
        typer.Option(
            "--framework", metavar="NAME", help="Through to eu-ai-act, nist-ai-rmf, iso27001, iso9001 or iso27701."
        ),
    ] = "",
    clause: Annotated[
        str, typer.Option("--clause", metavar="ID", help="One clause or control in full, or all below it: 9.1, A.6.")
    ] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Show for each clause and control what evidence the store holds, who recorded it, how old it is, what is missing.

    --clause and --json also say what aimsight does not cover of each.
    """
    from aimsight.aims import coverage as service
    from aimsight.aims.csv_files import write_csv
    from aimsight.aims.phases import gaps
    from aimsight.configs.standard import load_standard

    session = Session.of(context)
    if (bool(phase), bool(framework), bool(clause)).count(True) > 1:
        raise typer.BadParameter("choose one of --phase, --framework and --clause")
    if as_csv and session.as_json:
        raise typer.BadParameter("choose one of --json and --csv")
    standard = load_standard()
    wanted = standard.certification.phase(phase) if phase else None
    other = standard.crosswalk.framework(framework) if framework else None
    today = now().date()
    with session.store.read() as reader:
        lines = service.coverage(reader, standard.outline, today)
        found = gaps(reader, wanted, lines, today) if wanted else ()
    if clause:
        lines = below(lines, clause)
    served = service.through(other, standard.outline, lines) if other else ()
    if wanted:
        rows = [phase_row(one) for one in found]
    elif other:
        rows = [served_row(one) for one in served]
    else:
        rows = [row(line) for line in lines]
    if as_csv:
        write_csv(list(rows[0]), (_flat(one).values() for one in rows), sys.stdout)
        return

    def people() -> list[RenderableType]:
        if wanted:
            return _phase_table(wanted, found)
        if other:
            return _framework_table(other, served)
        return [part for line in lines for part in _in_full(line)] if clause else _table(lines)

    session.answer(_data(rows, wanted, other), people)


def below(lines: Sequence[Line], name: str) -> tuple[Line, ...]:
    """The clause or control of that name, or all below it: ``9.3`` is 9.3.1 to 9.3.3."""
    found = tuple(line for line in lines if f"{line.clause.id}.".startswith(f"{name}."))
    if not found:
        raise NotFoundError.named("clause", name, [line.clause.id for line in lines])
    return found


def row(line: Line) -> dict[str, Any]:
    """A clause as JSON and CSV show it."""
    return {
        "clause": line.clause.id,
        "title": line.clause.title,
        "needs": line.clause.evidence,
        "status": line.status.value,
        "evidence": [
            {
                "what": one.what,
                "count": one.count,
                "drafts": one.drafts,
                "first": one.first,
                "latest": one.latest,
                "people": list(one.people),
                "items": list(one.items),
            }
            for one in line.evidence
        ],
        "latest": line.latest,
        "people": list(line.people),
        "missing": list(line.missing),
        "applicability": line.applicability,
        "not_covered": line.limit,
    }


def phase_row(one: PhaseLine) -> dict[str, Any]:
    """A clause in a phase as JSON and CSV show it."""
    return {
        "clause": one.line.clause.id,
        "title": one.line.clause.title,
        "ready": one.ready,
        "note": one.note,
        "status": one.line.status.value,
        "latest": one.line.latest,
        "people": list(one.line.people),
        "not_covered": one.line.limit,
    }


def served_row(one: Served) -> dict[str, Any]:
    """A requirement of another framework as JSON and CSV show it."""
    return {
        "requirement": one.requirement.id,
        "about": one.requirement.about,
        "status": one.status.value,
        "deadline_days": one.requirement.deadline_days,
        "clauses": [f"{line.clause.id}: {line.status.value}" for line in one.lines],
        "missing": [f"{line.clause.id}: {missing}" for line in one.lines for missing in line.missing],
        "latest": max((line.latest for line in one.lines if line.latest), default=None),
        "people": sorted({person for line in one.lines for person in line.people}),
    }


def _data(rows: list[dict[str, Any]], phase: Phase | None, framework: Framework | None) -> dict[str, Any]:
    data: dict[str, Any] = {"standard": "ISO/IEC 42001:2023", "limits": HONESTY, "lines": rows}
    if phase:
        data |= {"phase": phase.id, "shows": phase.shows}
    if framework:
        data |= {
            "framework": framework.id,
            "title": framework.title,
            "note": framework.note,
            "review_also": framework.review_also,
            "applies_from": [
                {"what": date.what, "day": date.day, "verified": date.verified} for date in framework.applies_from
            ],
        }
    return data


def _flat(one: dict[str, Any]) -> dict[str, Any]:
    """One line of CSV: lists as text."""
    return {key: _text(value) if isinstance(value, list) else value for key, value in one.items()}


def _text(values: list[Any]) -> str:
    return "; ".join(
        f"{value['what']}: {value['count']}" if isinstance(value, dict) else str(value) for value in values
    )


def _table(lines: Sequence[Line]) -> list[RenderableType]:
    from aimsight.aims.coverage import Status
    from aimsight.monitors.cli.tables import cell, table

    made = table("Clause", "Evidence", "Newest", "What there is, by whom", "Missing", fixed=["Clause", "Newest"])
    for line in lines:
        what = "; ".join(one.words for one in line.evidence if one.count)
        by = f" ({', '.join(line.people)})" if line.people else ""
        statement = f" [{line.applicability}]" if line.applicability else ""
        made.add_row(
            cell(line.clause.id),
            cell(f"{_GLYPHS[line.status]} {line.status.value}"),
            cell(f"{line.latest:%Y-%m-%d}" if line.latest else "–"),
            cell(f"{line.clause.title}: {what or 'nothing'}{by}{statement}"),
            cell("; ".join(line.missing) or "–"),
        )
    counts = {status: sum(line.status is status for line in lines) for status in Status}
    told = ", ".join(f"{count} {status.value}" for status, count in counts.items() if count)
    hint = "One in full, with what aimsight does not cover of it: aimsight audit coverage --clause 9.1"
    return [made, "", f"{len(lines)} clauses and controls: {told}.", HONESTY, hint]


def _in_full(line: Line) -> list[RenderableType]:
    """One clause with everything that is known of it."""
    from aimsight.aims.words import day
    from aimsight.monitors.cli.tables import cell, facts, table

    title = cell(f"{line.clause.id} {line.clause.title}: {_GLYPHS[line.status]} {line.status.value}", "bold")
    told = {
        "Missing": "; ".join(line.missing) or "nothing that is known",
        "Applicability": line.applicability or "",
        "Not covered": line.limit,
    }
    parts: list[RenderableType] = [title, facts({name: value for name, value in told.items() if value})]
    if line.evidence:
        made = table("Evidence", "From", "To", "By", fixed=["From", "To"])
        for one in line.evidence:
            waiting = f" ({one.drafts} not approved yet)" if one.drafts else ""
            days = [day(moment) if moment else "–" for moment in (one.first, one.latest)]
            made.add_row(cell(one.words + waiting), *map(cell, days), cell(", ".join(one.people) or "–"))
        parts.append(made)
    return [*parts, ""]


def _phase_table(phase: Phase, found: Sequence[PhaseLine]) -> list[RenderableType]:
    from aimsight.monitors.cli.tables import cell, table

    made = table("Clause", "Ready", "What it would find", title=f"{phase.title}: {phase.shows}", fixed=["Clause"])
    for one in found:
        made.add_row(
            cell(one.line.clause.id), cell("● yes" if one.ready else "○ no"),
            cell(f"{one.line.clause.title}: {one.note}"),
        )  # fmt: skip
    ready = sum(one.ready for one in found)
    return [made, "", f"{ready} of {len(found)} ready for this phase.", HONESTY]


def _framework_table(framework: Framework, served: Sequence[Served]) -> list[RenderableType]:
    from aimsight.monitors.cli.tables import cell, table

    made = table("Requirement", "Evidence", "About", "Served by", title=framework.title)
    for one in served:
        made.add_row(
            cell(one.requirement.id), cell(f"{_GLYPHS[one.status]} {one.status.value}"),
            cell(one.requirement.about),
            cell("; ".join(f"{line.clause.id} {line.status.value}" for line in one.lines)),
        )  # fmt: skip
    dates = [
        f"{date.what} from {date.day.isoformat()}{'' if date.verified else ' (check the Official Journal)'}"
        for date in framework.applies_from
    ]
    told = [f"Applies to {'; '.join(dates)}."] if dates else []
    also = [f"Its reviews also look at {framework.review_also}."] if framework.review_also else []
    return [made, "", *told, framework.note, *also, HONESTY]


_GLYPHS = {"evidence": "●", "in part": "▲", "none": "○", "not applicable": "–"}

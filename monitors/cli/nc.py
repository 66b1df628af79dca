"""`aimsight nc`: the nonconformities, one in full, and what is missing for its next step."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from aimsight.monitors.cli.acting import Nc
from aimsight.monitors.cli.groups import group
from aimsight.monitors.cli.session import NONCONFORMING, Session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aimsight.aims.lifecycle.case import Case, Context
    from aimsight.aims.lifecycle.named import Known
    from aimsight.configs.schema import ProjectConfig
    from aimsight.store.database import Reader


def group_of_commands() -> typer.Typer:
    """The group ``aimsight nc`` with its commands, in the order of the life cycle."""
    from aimsight.monitors.cli.nc_effect import COMMANDS as AFTER_APPROVAL
    from aimsight.monitors.cli.nc_failures import COMMANDS as FAILURES
    from aimsight.monitors.cli.nc_steps import COMMANDS as UNTIL_APPROVAL

    return group(
        "nc",
        "Nonconformities, from detected to closed",
        nc,
        {
            "list": (nc_list, "The nonconformities, open ones first"),
            "show": (show, "One in full, and what is missing"),
            "history": (history, "Every step, by whom and why"),
            **UNTIL_APPROVAL,
            **AFTER_APPROVAL,
            **FAILURES,
        },
        shows=r"nc-.*",
    )


def nc(context: typer.Context) -> None:
    """List the nonconformities, open ones first; the commands below carry one from its detection to its closing.

    Each step names what is missing when it is refused. Who acts is said with --as or in AIMSIGHT_ACTOR.
    """
    if context.invoked_subcommand is None:
        nc_list(context)


def nc_list(
    context: typer.Context,
    state: Annotated[str, typer.Option("--state", metavar="STATE", help="Only those in this state.")] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose due date has passed.")] = False,
) -> None:
    """List the nonconformities, open ones first. Exit code 3 when one is open."""
    from aimsight.aims.lifecycle.states import State
    from aimsight.aims.nonconformities import is_open
    from aimsight.configs.errors import NotFoundError
    from aimsight.monitors.cli import queries
    from aimsight.monitors.cli.session import now

    session = Session.of(context)
    wanted = state.replace(" ", "_")
    if wanted and wanted not in list(State):
        raise NotFoundError.named("state", state, [one.value for one in State])
    moment = now()
    records = [
        row
        for row in queries.nonconformities(session.store, session.project.models)
        if (not wanted or row["state"] == wanted)
        and (not overdue or (is_open(row["state"]) and row["due_at"] is not None and row["due_at"] < moment))
    ]
    session.answer([_plain(row) for row in records], lambda: nonconformity_table(records, session.project.config))
    if any(is_open(record["state"]) for record in records):
        raise typer.Exit(NONCONFORMING)


def show(context: typer.Context, nonconformity: Nc) -> None:
    """Show a nonconformity with everything recorded, what is missing for its next step, and its failing windows."""
    from aimsight.aims.lifecycle.guards import missing_next
    from aimsight.aims.lifecycle.named import known
    from aimsight.aims.lifecycle.service import context_of, read_case
    from aimsight.monitors.cli import queries
    from aimsight.monitors.cli.session import now

    session = Session.of(context)
    record = queries.known_nonconformity(session.store, nonconformity, session.project.models)
    zone = session.project.config.time_zone
    model = session.project.models.get(record["model"])
    calendar = model.log.time_zone if model is not None else zone
    occurrences = queries.occurrences(session.store, nonconformity)
    files = queries.evidence_files(session.store, nonconformity)
    with session.store.read() as reader:
        case = read_case(reader, nonconformity)
        knows = context_of(reader, session.project, case, now())
        evidence = _evidence(reader, nonconformity)
        named = known(reader, case.dossier)
    missing = missing_next(case, knows)
    session.answer(
        _plain(record)
        | {
            "occurred": occurrences,
            "evidence": files,
            "records": [asdict(one) for one in named],
            "missing": missing,
            "effect": knows.measured,
        },
        lambda: [
            *_one(record, evidence, session.project.config),
            *_recorded(case, zone),
            *_named(named),
            *_missing(case, knows, missing),
            "",
            *_attached(record, occurrences, files, calendar, session.project.root / session.project.config.evidence),
        ],
    )


def history(context: typer.Context, nonconformity: Nc) -> None:
    """Show every step of a nonconformity: when, by whom, from which state to which, and why."""
    from aimsight.aims.lifecycle import service
    from aimsight.aims.lifecycle.states import State
    from aimsight.aims.words import instant
    from aimsight.monitors.cli.tables import cell, table

    session = Session.of(context)
    with session.store.read() as reader:
        service.read_case(reader, nonconformity)
        rows = service.history(reader, nonconformity)

    def people() -> list[RenderableType]:
        zone = ZoneInfo(session.project.config.time_zone)
        made = table("When", "Who", "State", "Why", title=f"History of {nonconformity}")
        for row in rows:
            alone = " (one person did what needs two)" if row["single_person"] else ""
            made.add_row(
                cell(instant(row["recorded_at"], zone)),
                cell(row["actor"]),
                cell(State(row["after"]).words if row["after"] else row["kind"].partition(".")[2].replace("_", " ")),
                cell(f"{row['reason'] or ''}{alone}"),
            )
        return [made]

    session.answer(rows, people)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row for machines: what was recorded as data, not as text."""
    return row | {"dossier": json.loads(row.get("dossier") or "{}")}


def _evidence(reader: Reader, name: str) -> str:
    from aimsight.aims.nonconformities import evidence_of

    return evidence_of(reader, name)


def nonconformity_table(records: list[dict[str, Any]], config: ProjectConfig) -> list[RenderableType]:
    """One row a nonconformity: what fails, where it stands, who acts and until when."""
    from aimsight.aims.words import day
    from aimsight.monitors.cli.tables import cell, table

    if not records:
        return ["No nonconformities."]
    names = {person.id: person.name for person in config.people}
    zone = ZoneInfo(config.time_zone)
    made = table(
        "Nonconformity", "Objective", "Severity", "State", "Windows", "Who acts", "Due",
        title="Nonconformities", right=["Windows"], fixed=["Nonconformity", "Severity", "Windows", "Due"],
    )  # fmt: skip
    for record in records:
        due = record["due_at"]
        made.add_row(
            cell(record["nonconformity"]),
            cell(" ".join(filter(None, [record["model"], record["objective"] or record["kind"], record["segment"]]))),
            cell(record["severity"]),
            cell(record["state"].replace("_", " ")),
            cell(f"{record['occurrences']:,}"),
            cell(names.get(record["owner"], record["owner"])),
            cell(day(due.astimezone(zone)) if due else "–"),
        )
    return [made, "", "Show one in full with: aimsight nc show NC"]


def _one(record: dict[str, Any], evidence: str, config: ProjectConfig) -> list[RenderableType]:
    from aimsight.aims.lifecycle.states import State
    from aimsight.aims.words import instant
    from aimsight.monitors.cli.tables import cell, facts

    about = f"{record['model']} {record['model_version']}".strip() or record["kind"]
    zone, owner = config.time_zone, record["owner"]
    name = next((f"{person.name}, {owner}" for person in config.people if person.id == owner), owner)
    said = {"Evidence": evidence} if evidence else {}
    return [
        cell(f"{record['nonconformity']}: {about}", "bold"),
        "",
        facts(
            {
                "Statement": record["statement"],
                "Requirement": record["requirement"],
                **said,
                "Objective": f"{record['objective'] or '–'} (version {record['objective_version'] or '–'})",
                "Where": record["segment"] or "all rows",
                "Severity": record["severity"],
                "State": f"{State(record['state']).words}, version {record['version']}",
                "Opened": instant(record["opened_at"], ZoneInfo(zone)),
                "Owner": name,
                "Due": instant(record["due_at"], ZoneInfo(zone)).partition(",")[0],
                "Recurrence of": record["recurrence_of"] or "–",
                "Closed": instant(record["closed_at"], ZoneInfo(zone)) if record["closed_at"] else "–",
            }
        ),
    ]


def _recorded(case: Case, zone: str) -> list[RenderableType]:
    """What people recorded, part by part."""
    from aimsight.aims.lifecycle.story import story
    from aimsight.monitors.cli.tables import cell, facts

    parts: list[RenderableType] = []
    for title, said in story(case, ZoneInfo(zone)):
        parts += ["", cell(title, "bold"), facts(said)]
    return parts


def _named(named: list[Known]) -> list[RenderableType]:
    """The records that it names, each with the command that shows it."""
    from aimsight.aims.registers.types import TYPES
    from aimsight.monitors.cli.tables import cell

    if not named:
        return []
    parts: list[RenderableType] = ["", cell("Records named", "bold")]
    for one in named:
        shows = {"nonconformity": "nc show"} | {name: f"records show {name}" for name in TYPES}
        look = f": aimsight {shows[one.kind]} {one.record}" if one.kind in shows else ""
        parts.append(cell(f"{one.what[0].upper()}{one.what[1:]}: {one.words}{look}"))
    return parts


def _missing(case: Case, knows: Context, missing: list[str]) -> list[RenderableType]:
    from aimsight.aims.lifecycle.guards import next_state
    from aimsight.aims.lifecycle.states import steps_from
    from aimsight.monitors.cli.tables import cell, item

    target = next_state(case)
    parts: list[RenderableType] = []
    if target is not None and missing:
        parts += ["", cell(f"Missing for the next state, {target.words}", "bold")]
        parts += [item(one) for one in missing]
    if case.dossier.watch is not None:
        parts += ["", cell(f"Effect: {knows.measured or 'undecided'}; {knows.missing}")]
    if steps := steps_from(case.state):
        parts += ["", cell(f"Possible now: {', '.join(step.name for step in steps)}")]
    return parts


def _attached(
    record: dict[str, Any], occurrences: list[dict[str, Any]], files: list[dict[str, Any]], zone: str, folder: Path
) -> list[RenderableType]:
    from aimsight.aims.words import instant, value_text, window_words
    from aimsight.metrics.plan import Window
    from aimsight.monitors.cli.tables import cell, table

    parts: list[RenderableType] = []
    if occurrences:
        spans = table("Window", "Value", "Target", title="Windows that failed")
        for one in occurrences:
            value = "–" if one["value"] is None else value_text(one["value"], one["ci_low"], one["ci_high"])
            words = window_words(Window(one["window_start"], one["window_end"]), zone)
            spans.add_row(cell(words), cell(value), cell(one["target"]))
        parts += [spans, ""]
    if files:
        parts += [cell("Evidence", "bold")]
        for file in files:
            when = instant(file["created_at"], ZoneInfo(zone))
            parts += [cell(f"{file['kind']}, {when}:"), str(folder / file["path"])]
    elif record["source"] == "monitoring":
        parts += [f"No report yet; make one with: aimsight evidence {record['nonconformity']}"]
    return parts

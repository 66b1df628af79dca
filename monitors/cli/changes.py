"""`aimsight changes`: edited objectives as proposals with their consequences, and every change of clause 6.3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from aimsight.monitors.cli.acting import As, Expected, Reason, version
from aimsight.monitors.cli.groups import group
from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from aimsight.aims.changes import Proposal
    from aimsight.aims.consequences import Consequences
    from aimsight.store.registers import RecordVersion

Change = Annotated[str, typer.Argument(metavar="CHANGE", help="Id of a change, such as CHG-2026-0001.")]
MOST_WINDOWS = 12
"""Differing windows that are listed; --json gives all."""


def group_of_commands() -> typer.Typer:
    """The group ``aimsight changes`` with its commands."""
    return group(
        "changes",
        "Changes of objectives and of the system (6.3)",
        changes,
        {
            "list": (list_, "What differs from what is in force, and the changes on record"),
            "show": (show, "One change in full"),
            "propose": (propose, "Put the edited objectives on record as proposals"),
            "approve": (approve, "Approve a change; it comes into force"),
            "reject": (reject, "Refuse a proposed change, with the reason"),
        },
        shows=r"chg-.*",
    )


def changes(context: typer.Context) -> None:
    """List edited objectives and the changes on record; the commands below propose, approve and reject them.

    With `changes: approve` in aimsight.yaml runs judge by the version in force until a second person approves the
    change; with `changes: record` the next run puts it in force and on record as a change nobody has approved.
    """
    if context.invoked_subcommand is None:
        list_(context)


def list_(context: typer.Context) -> None:
    """List what differs between the files and the objectives in force, with its consequences, and all changes."""
    from aimsight.aims.registers import service
    from aimsight.monitors.cli.records import as_data_of
    from aimsight.monitors.cli.tables import cell, table

    session = Session.of(context)
    found = proposed(session)
    on_record: list[RecordVersion] = []
    if session.store.path.exists():
        with session.store.read() as reader:
            on_record = service.list_records(reader, ["change"])

    def people() -> list[RenderableType]:
        parts: list[RenderableType] = [*proposal_lines(found, session.project.config.changes)]
        if on_record:
            made = table("Change", "What", "Trigger", "Status", "Differs", "Approver", fixed=["Change"])
            for one in on_record:
                fields = one.fields
                differs = f"{fields['differing_verdicts']} of {fields['compared_verdicts']}"
                made.add_row(
                    cell(one.record), cell(one.title), cell(fields["trigger"]), cell(one.status),
                    cell(differs if "compared_verdicts" in fields else "–"), cell(one.approver or "–"),
                )  # fmt: skip
            parts += [*([""] if parts else []), made]
        return parts or ["No changes, and every objective is as it is in force."]

    session.answer(
        {"proposals": [as_data(*one) for one in found], "changes": [as_data_of(one) for one in on_record]}, people
    )


def show(context: typer.Context, change: Change) -> None:
    """Show a change with what it was before, what it will be, and what follows from it."""
    from aimsight.monitors.cli import records

    records.show(context, "change", change.upper(), 0)


def propose(
    context: typer.Context,
    objective: Annotated[
        str, typer.Argument(metavar="MODEL/OBJECTIVE", help="Only this objective; default: all that differ.")
    ] = "",
    purpose: Annotated[str, typer.Option("--purpose", metavar="TEXT", help="What the change is for.")] = "",
    consequences: Annotated[
        str, typer.Option("--consequences", metavar="TEXT", help="What follows from it beside other verdicts.")
    ] = "",
    integrity: Annotated[
        str, typer.Option("--integrity", metavar="TEXT", help="Why the management system stays whole meanwhile.")
    ] = "",
    reassessment: Annotated[
        str,
        typer.Option("--reassessment", metavar="WORD", help="Risks and impacts: needed, not needed or done."),
    ] = "",
    because: Annotated[
        str,
        typer.Option("--reassessment-reason", metavar="TEXT", help="Why it is not needed, or what came of it."),
    ] = "",
    trigger: Annotated[
        str,
        typer.Option("--trigger", metavar="WORD", help="nonconformity, review, audit, law, release, risk, other ..."),
    ] = "other",
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="DAY", help="A new objective also judges windows run before, if they begin from DAY on."
        ),
    ] = "",
    link: Annotated[
        list[str] | None, typer.Option("--link", metavar="KIND:ID", help="A record that it comes from.")
    ] = None,
    who: As = "",
) -> None:
    """Put what you have edited on record as proposals, for a second person to approve.

    An objective that is not measurable is refused; every reason is named. A new objective judges the windows that are
    run from its approval on. Those run before are judged from --since on; where nothing of the model was judged yet,
    all of them.
    """
    from aimsight.aims import changes as service
    from aimsight.aims.registers import service as registers
    from aimsight.aims.registers.types import find_type
    from aimsight.aims.words import listed
    from aimsight.configs.errors import AimsightError, NotFoundError
    from aimsight.monitors.cli.records import as_data_of

    session = Session.of(context)
    actor = session.actor(who)
    if not purpose.strip():
        raise typer.BadParameter("what is the change for? Say it with --purpose TEXT")
    made: list[RecordVersion] = []
    with session.store.write() as tx:
        found = [one for model in session.project.models.values() for one in service.proposals(tx, model)]
        names = {f"{one.model}/{one.objective}": one for one in found}
        if objective and objective not in names:
            raise NotFoundError.named("edited objective", objective, names)
        chosen = [names[objective]] if objective else [one for one in found if one.record is None]
        if not chosen:
            raise AimsightError("nothing to propose: every objective is as it is in force, or proposed already")
        for one in chosen:
            stated: dict[str, Any] = {
                "purpose": purpose,
                "consequences": consequences,
                "integrity": integrity,
                "reassessment": reassessment,
                "reassessment_reason": because,
                "trigger": trigger,
                "effective_from": since or None,
                "links": link or None,
            }
            made.append(service.propose(tx, one, stated, actor))
    kind = find_type(service.TYPE)
    missing = {one.record: list(registers.open_points(kind, one)) for one in made}
    points = {
        point: [name for name, own in missing.items() if point in own] for own in missing.values() for point in own
    }

    def people() -> list[RenderableType]:
        several = "--all" if len(made) > 1 else made[0].record
        return [
            *(f"{one.record}: {one.title}. {one.fields['consequences']}" for one in made),
            *(
                f"Before the approval of {listed(names, 3)}: {point}; {_cure(names[0], point)}"
                for point, names in points.items()
            ),
            f"A second person approves with `aimsight changes approve {several}`.",
        ]

    session.answer([as_data_of(one) | {"missing": missing[one.record]} for one in made], people)


def _cure(record: str, point: str) -> str:
    """The command that adds what a change lacks; the point ends with its key in parentheses."""
    key = point.rpartition("(")[2].rstrip(")")
    return f"`aimsight records revise change {record} --set {key}=TEXT --reason WHY`"


def approve(
    context: typer.Context,
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="CHANGE...", help="Ids of changes, such as CHG-2026-0001.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every change that waits for an approval.")] = False,
    reason: Reason = "",
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Approve changes as somebody who may and did not propose them; changed objectives come into force.

    Several are approved in one act, or none of them; each has its own entry in the ledger. Verdicts given before keep
    the target of their time.
    """
    from aimsight.aims import changes as service
    from aimsight.configs.errors import AimsightError
    from aimsight.monitors.cli.records import as_data_of

    session = Session.of(context)
    actor = session.actor(who)
    if bool(changes) == every:
        raise typer.BadParameter("which changes? Name them (CHG-2026-0001 ...), or say --all")
    made: list[RecordVersion] = []
    with session.store.write() as tx:
        chosen = [one.record for one in service.pending(tx)] if every else [one.upper() for one in changes or ()]
        if not chosen:
            raise AimsightError("no change waits for an approval")
        if expected and len(chosen) > 1:
            raise typer.BadParameter("--expected is about one change")
        for name in dict.fromkeys(chosen):
            models, seen = session.project.models, version(expected)
            made.append(service.approve(tx, models, name, actor, expected=seen, reason=reason))
    data = [as_data_of(one) for one in made]
    session.answer(
        data if every or len(data) > 1 else data[0],
        lambda: [
            *(f"{one.record}: {one.title}. Approved by {actor.id}; old verdicts keep their target." for one in made),
            *_to_be_judged(session),
        ],
    )


def _to_be_judged(session: Session) -> list[str]:
    """How many windows, run before the approval, the next run judges."""
    from aimsight.aims import changes as service
    from aimsight.aims.words import plural

    policy = session.project.config.changes
    with session.store.read() as reader:
        models = [service.governed(reader, model, policy) for model in session.project.models.values()]
        waiting = {model.model: len(service.unjudged(reader, model)) for model in models}
    return [
        f"{name}: {plural(number, 'window')} that were run before are judged by the next `aimsight run`."
        for name, number in waiting.items()
        if number
    ]


def reject(context: typer.Context, change: Change, reason: Reason = "", who: As = "", expected: Expected = 0) -> None:
    """Refuse a proposed change; the version in force stays, and the file should be brought back to it."""
    from aimsight.aims import changes as service
    from aimsight.monitors.cli.records import as_data_of

    session = Session.of(context)
    actor = session.actor(who)
    with session.store.write() as tx:
        one = service.reject(tx, change, actor, expected=version(expected), reason=reason)
    session.answer(
        as_data_of(one),
        lambda: [f"{one.record}: {one.title}. Rejected by {actor.id}; the objective stays as it is in force."],
    )


def proposed(session: Session) -> list[tuple[Proposal, Consequences]]:
    """Every difference between the files and the objectives in force, with its consequences."""
    from aimsight.aims import changes as service

    if not session.store.path.exists():
        return []
    with session.store.read() as reader:
        return [
            (one, service.consequences(reader, one))
            for model in session.project.models.values()
            for one in service.proposals(reader, model)
        ]


def proposal_lines(found: Sequence[tuple[Proposal, Consequences]], policy: str) -> list[str]:
    """Each proposal in lines: what differs, what would follow, what is missing, and what to do."""
    from datetime import UTC, datetime

    from aimsight.aims.objective_lint import lint
    from aimsight.aims.words import day

    lines: list[str] = []
    today = datetime.now(UTC).date()
    for one, effects in found:
        on_record = f" (on record as {one.record.record}, {one.record.status})" if one.record else ""
        lines.append(f"Proposed change: {one.title}{on_record}")
        lines += [f"  {key}: {old or '–'} → {new or '–'}" for key, old, new in one.differences] if one.before else []
        if one.kind == "changed":
            lines.append(f"  {effects.sentence}")
            lines += [
                f"    {day(each.window_start)} – {day(each.window_end)}: {each.after} instead of {each.before}"
                for each in effects.differing[:MOST_WINDOWS]
            ]
            if len(effects.differing) > MOST_WINDOWS:
                lines.append(f"    and {len(effects.differing) - MOST_WINDOWS} more (--json gives all)")
        if one.kind == "new" and effects.first:
            lines.append(f"  {effects.sentence}")
        if one.after is not None:
            report = lint(one.after, today)
            lines += [f"  Not measurable: {problem}" for problem in report.blocking]
            if report.advice and policy == "approve":
                lines.append(
                    f"  An auditor will ask for more: {', '.join(one.partition(' ')[0] for one in report.advice)}"
                )
    if found:
        lines.append(
            "Runs judge by the version in force until a second person approves: `aimsight changes propose`, then "
            "`aimsight changes approve`."
            if policy == "approve"
            else "The next run brings these into force and records each as a change that nobody has approved yet; "
            "with `changes: approve` in aimsight.yaml a second person decides first."
        )
    return lines


def as_data(one: Proposal, effects: Consequences) -> dict[str, Any]:
    """A proposal as JSON shows it."""
    return {
        "model": one.model,
        "objective": one.objective,
        "kind": one.kind,
        "version_in_force": one.before.version if one.before else None,
        "differences": [{"key": key, "before": old, "after": new} for key, old, new in one.differences],
        "change": one.record.record if one.record else None,
        "compared_verdicts": effects.compared,
        "differing_verdicts": [
            {
                "window_start": each.window_start,
                "window_end": each.window_end,
                "value": each.value,
                "before": each.before,
                "after": each.after,
            }
            for each in effects.differing
        ],
    }

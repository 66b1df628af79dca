"""`aimsight records`: the registers of the management system, and each record's way from draft to approval."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aimsight.monitors.cli.acting import As, Expected, Reason, version
from aimsight.monitors.cli.groups import group
from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from aimsight.aims.people import Actor
    from aimsight.aims.registers.record_type import RecordType
    from aimsight.store.database import Transaction
    from aimsight.store.registers import RecordVersion

Type = Annotated[str, typer.Argument(metavar="TYPE", help="Type of record; `aimsight records types` lists them.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the record, such as RISK-2026-0001.")]
Form = Annotated[Path | None, typer.Option("--from", metavar="FILE", help="A YAML file with the record's keys.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One key; wins over the file; again for the next key."),
]
LONGEST_TITLE = 60


def group_of_commands() -> typer.Typer:
    """The group ``aimsight records`` with its commands."""
    from aimsight.monitors.cli import inventory

    return group(
        "records",
        "Registers: systems, risks, audits, concerns ...",
        records,
        {
            "types": (types, "What kinds of record there are; the form of one"),
            "list": (list_, "The records, or those of a type"),
            "show": (show, "One record in full"),
            "history": (history, "Every step of a record, by whom and why"),
            "add": (add, "Add a record"),
            "revise": (revise, "Change a record in a new version"),
            "review": (review, "Note that you have looked a draft through"),
            "approve": (approve, "Let the latest version count"),
            "withdraw": (withdraw, "End a record, or drop a draft of it"),
            "systems": (inventory.systems, "AI systems, how they are watched, what is missing"),
            "due": (inventory.due, "Assessments due again, and records past their day"),
        },
    )


def records(context: typer.Context) -> None:
    """List the records of the registers; the commands below add and change them and carry them to approval.

    Nothing is deleted: a change is a new version, the end of a record is its withdrawal, and the ledger has all of it.
    """
    if context.invoked_subcommand is None:
        list_(context)


def types(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="TYPE", help="Show the keys of this type.")] = "",
    template: Annotated[bool, typer.Option("--template", help="Print a YAML form to be filled in.")] = False,
) -> None:
    """List the types of record, or show the keys of one; --template prints a form for `aimsight records add --from`."""
    from aimsight.aims.registers.forms import template as form_of
    from aimsight.aims.registers.types import TYPES, find_type
    from aimsight.monitors.cli.tables import cell, table

    session = Session.of(context)
    if template and not name:
        raise typer.BadParameter("--template needs the TYPE whose form is wanted")
    if template:
        session.answer({"template": form_of(find_type(name))}, lambda: [form_of(find_type(name)).rstrip("\n")])
        return
    if name:
        kind = find_type(name)
        session.answer(_described(kind), lambda: _keys(kind))
        return

    def people() -> list[RenderableType]:
        made = table("Type", "What it is for", "Clauses", fixed=["Type"])
        for kind in TYPES.values():
            made.add_row(cell(kind.name), cell(kind.doc), cell(", ".join(kind.clauses)))
        return [made]

    session.answer([_described(kind) for kind in TYPES.values()], people)


def list_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="TYPE", help="Only records of this type.")] = "",
    status: Annotated[str, typer.Option("--status", metavar="STATUS", help="Only records with this status.")] = "",
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="Only records about this model.")] = "",
) -> None:
    """List the records in their latest version."""
    from aimsight.aims.registers import service
    from aimsight.aims.registers.types import find_type
    from aimsight.configs.errors import NotFoundError
    from aimsight.monitors.cli.tables import cell, table

    session = Session.of(context)
    if status and status not in STATUSES:
        raise NotFoundError.named("status", status, STATUSES)
    wanted = [find_type(name).name] if name else []
    with session.store.read() as reader:
        found = service.list_records(
            reader, wanted, statuses=[status] if status else [], model=session.model(model).model if model else None
        )

    def people() -> list[RenderableType]:
        if not found:
            return [
                "No such records. `aimsight records types` shows what can be kept, `aimsight records add` adds one."
            ]
        made = table(
            "Record", "Type", "Title", "Status", "Owner", "Due", fixed=["Record", "Due"], most={"Title": LONGEST_TITLE}
        )
        for one in found:
            made.add_row(
                cell(one.record), cell(one.record_type.replace("_", " ")), cell(one.title),
                cell(f"{one.status}, v{one.version}"), cell(one.owner or "–"), cell(one.due or "–"),
            )  # fmt: skip
        return [made]

    session.answer([as_data_of(one) for one in found], people)


def show(
    context: typer.Context,
    name: Type,
    record: Id,
    number: Annotated[int, typer.Option("--version", metavar="N", help="This version; default: the latest.")] = 0,
) -> None:
    """Show a record with its header, its fields, its links and the documents that it refers to."""
    from aimsight.aims.registers import service
    from aimsight.aims.registers.types import find_type

    session = Session.of(context)
    with session.store.read() as reader:
        one = service.get(reader, name, record, number or None)
        open_points = list(service.open_points(find_type(name), one)) if one.status in {"draft", "in review"} else []
    session.answer(as_data_of(one) | {"open": open_points}, lambda: _in_full(one, open_points))


def history(context: typer.Context, name: Type, record: Id) -> None:
    """Show every step of a record as the ledger has it: when, who, what, and why."""
    import json

    from aimsight.aims.registers import service
    from aimsight.monitors.cli.tables import cell, table

    session = Session.of(context)
    with session.store.read() as reader:
        one = service.get(reader, name, record)
        rows = reader.rows(
            "SELECT seq, recorded_at, actor, kind, payload FROM events WHERE subject = ? ORDER BY seq", [one.subject]
        )
    steps = []
    for row in rows:
        payload = json.loads(row["payload"])
        steps.append(
            {
                "seq": row["seq"],
                "at": row["recorded_at"],
                "actor": row["actor"],
                "step": row["kind"].removeprefix("record."),
                "version": payload["row"]["version"],
                "reason": payload.get("reason", ""),
                "changed": payload.get("changed", []),
                "single_person": payload.get("single_person", False),
            }
        )

    def people() -> list[RenderableType]:
        made = table("Entry", "When (UTC)", "Who", "Step", "Version", "Why", right=["Entry", "Version"])
        for step in steps:
            alone = " (single-person mode)" if step["single_person"] else ""
            why = "; ".join(
                part
                for part in (step["reason"], f"changed: {', '.join(step['changed'])}" if step["changed"] else "")
                if part
            )
            made.add_row(
                cell(step["seq"]), cell(f"{step['at']:%Y-%m-%d %H:%M}"), cell(step["actor"]),
                cell(step["step"] + alone), cell(step["version"]), cell(why),
            )  # fmt: skip
        return [made]

    session.answer(steps, people)


def add(
    context: typer.Context,
    name: Type,
    source: Form = None,
    settings: Settings = None,
    record: Annotated[str, typer.Option("--id", metavar="ID", help="Its id; default: the next number.")] = "",
    who: As = "",
) -> None:
    """Add a record from a YAML file, --set KEY=VALUE, or both; `aimsight records types TYPE --template` is a form."""
    from aimsight.aims.registers import service
    from aimsight.aims.registers.forms import checked, read_form
    from aimsight.aims.registers.types import find_type

    session = Session.of(context)
    kind = find_type(name)
    values = checked(kind, read_form(kind, source, settings or ()))
    _known_model(session, values)
    _done(context, who, lambda tx, actor: service.create(tx, kind.name, values, actor, record=record or None))


def revise(
    context: typer.Context,
    name: Type,
    record: Id,
    source: Form = None,
    settings: Settings = None,
    reason: Reason = "",
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Change some keys of a record; what is not named stays, and --set key= empties a key.

    With --expected VERSION the change is refused, and what came in between is shown, when somebody else was faster.
    """
    from aimsight.aims.registers import service
    from aimsight.aims.registers.forms import checked, read_form
    from aimsight.aims.registers.types import find_type

    session = Session.of(context)
    kind = find_type(name)
    form = read_form(kind, source, settings or ())
    with session.store.read() as reader:
        base = service.get(reader, kind.name, record)
    values = checked(kind, form, service.values_of(base))
    changes = {key: values.get(key) for key in form.values}
    _known_model(session, changes)
    _done(
        context,
        who,
        lambda tx, actor: service.revise(
            tx, kind.name, record, changes, actor, expected=version(expected) or base.version, reason=reason
        ),
    )


def review(
    context: typer.Context, name: Type, record: Id, comment: Reason = "", who: As = "", expected: Expected = 0
) -> None:
    """Note that you, who did not write it, have looked a draft through."""
    from aimsight.aims.registers import service

    _done(
        context,
        who,
        lambda tx, actor: service.review(tx, name, record, actor, expected=version(expected), comment=comment),
    )


def approve(
    context: typer.Context, name: Type, record: Id, reason: Reason = "", who: As = "", expected: Expected = 0
) -> None:
    """Approve the latest version: as somebody who may, and who did not write it.

    Everything that is still missing is named. Approving a change of an objective brings it into force; approving a
    disposal deletes the evidence files that it names, while their hashes and the decision stay.
    """
    from aimsight.aims import changes
    from aimsight.aims.registers import service
    from aimsight.aims.registers.disposing import delete_disposed
    from aimsight.aims.registers.types import find_type
    from aimsight.store.disposals import DISPOSAL

    session = Session.of(context)
    kind = find_type(name)
    actor = session.actor(who)

    def step(tx: Transaction, actor: Actor) -> RecordVersion:
        if kind.name == changes.TYPE:
            return changes.approve(tx, session.project.models, record, actor, expected=version(expected), reason=reason)
        return service.approve(tx, kind.name, record, actor, expected=version(expected), reason=reason)

    _done(context, who, step)
    if kind.name == DISPOSAL:
        deleted = delete_disposed(session.store, session.project.root / session.project.config.evidence, actor.id)
        if deleted:
            session.remark(f"Deleted from the evidence folder: {', '.join(deleted)}.")


def withdraw(
    context: typer.Context, name: Type, record: Id, reason: Reason = "", who: As = "", expected: Expected = 0
) -> None:
    """End a record, or drop a draft of it: it stays to be read, and counts no more."""
    from aimsight.aims.registers import service

    _done(
        context,
        who,
        lambda tx, actor: service.withdraw(tx, name, record, actor, expected=version(expected), reason=reason),
    )


STATUSES = ("draft", "in review", "approved", "recorded", "superseded", "withdrawn")


def _done(context: typer.Context, who: str, step: Callable[[Transaction, Actor], RecordVersion]) -> None:
    """One step in one transaction, and where the record stands after it."""
    from aimsight.aims.registers import service
    from aimsight.aims.registers.types import find_type

    session = Session.of(context)
    actor = session.actor(who)
    with session.store.write() as tx:
        one = step(tx, actor)
    kind = find_type(one.record_type)
    missing = list(service.open_points(kind, one)) if one.status in {"draft", "in review"} else []
    said = f"{kind.title} {one.record}, version {one.version}: {one.status} ({actor.id})."
    waits = (
        f"Before it can be approved: {'; '.join(missing)}." if missing else "It waits for approval by a second person."
    )
    session.answer(
        as_data_of(one) | {"open": missing},
        lambda: [said, *([waits] if one.status in {"draft", "in review"} else [])],
    )


def _known_model(session: Session, values: dict[str, Any]) -> None:
    """A model named must be one of the project."""
    if values.get("model"):
        session.model(values["model"])


def as_data_of(one: RecordVersion) -> dict[str, Any]:
    """A record as JSON shows it: fields and documents as values instead of text."""
    from dataclasses import asdict

    return asdict(one) | {"content": one.fields, "documents": one.kept_elsewhere}


def _described(kind: RecordType) -> dict[str, Any]:
    return {
        "type": kind.name,
        "title": kind.title,
        "doc": kind.doc,
        "clauses": kind.clauses,
        "id_prefix": kind.id_prefix,
        "needs_approval": kind.approved,
        "fields": [
            {
                "name": one.name,
                "kind": one.kind,
                "required": one.required,
                "to_approve": one.to_approve,
                "needed_when": {one.needed_when[0]: one.needed_when[1]} if one.needed_when[0] else {},
                "doc": one.doc,
                "choices": one.choices,
                "fields": [part.name for part in one.fields],
            }
            for one in kind.all_fields
        ],
    }


def _keys(kind: RecordType) -> list[RenderableType]:
    from aimsight.monitors.cli.tables import cell, table

    made = table("Key", "Kind", "Needed", "What it says", fixed=["Key"])
    for one in kind.all_fields:
        choices = f" One of: {', '.join(one.choices)}." if one.choices else ""
        parts = f" Entries have: {', '.join(part.name for part in one.fields)}." if one.fields else ""
        made.add_row(cell(one.name), cell(one.kind), cell(one.need), cell(one.doc + choices + parts))
    approval = "A second person approves it." if kind.approved else "It counts as soon as it is recorded."
    return [f"{kind.title}: {kind.doc}", f"Clauses {', '.join(kind.clauses)}. {approval}", "", made]


def _in_full(one: RecordVersion, missing: list[str]) -> list[RenderableType]:
    from aimsight.aims.registers.due import report_due
    from aimsight.aims.registers.fields import value_words
    from aimsight.aims.registers.types import find_type
    from aimsight.monitors.cli.tables import facts, prose

    kind = find_type(one.record_type)
    until = f" to {one.event_until:%Y-%m-%d %H:%M} UTC" if one.event_until else ""
    head: dict[str, object] = {
        "Status": f"{one.status}, version {one.version}",
        "Author": one.author,
        "Reviewer": one.reviewer or "–",
        "Approver": f"{one.approver}, {one.approved_at:%Y-%m-%d}" if one.approver and one.approved_at else "–",
        "Owner": one.owner or "–",
        "Due": one.due or "–",
        **({"Report due": report_due(one) or "nothing to report"} if one.record_type == "incident" else {}),
        "Happened": f"{one.event_at:%Y-%m-%d %H:%M} UTC{until}",
        "Recorded": f"{one.recorded_at:%Y-%m-%d %H:%M} UTC, by {one.origin}",
        "Scope": ", ".join(part for part in (one.unit, one.model, one.model_version) if part) or "–",
        "Clauses": ", ".join(one.clauses),
        "Kept": f"until {one.retention_until} ({one.retention_basis or 'stated in the record'})"
        if one.retention_until
        else "no retention rule holds for it",
        "Class": one.classification + (", legal hold" if one.legal_hold else ""),
        "Reason": one.reason or "–",
        "Links": ", ".join(one.links) or "–",
        "Documents": "; ".join(
            f"{document['name']} ({document['location']}"
            + (f", SHA-256 {document['sha256']})" if "sha256" in document else ")")
            for document in one.kept_elsewhere
        )
        or "–",
    }
    content = {
        field.name: prose(value_words(one.fields[field.name])) for field in kind.fields if field.name in one.fields
    }
    waits = [f"Before it can be approved: {'; '.join(missing)}."] if missing else []
    return [f"{kind.title} {one.record}: {one.title}", "", facts(head), "", facts(content), *waits]

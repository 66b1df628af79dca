"""`aimsight review`: the management review, from its frozen pack to the signature of top management."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from aimsight.monitors.cli.acting import As, Expected, From, Reason, version
from aimsight.monitors.cli.groups import group
from aimsight.monitors.cli.records import Settings, as_data_of
from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aimsight.aims.review.pack import Pack
    from aimsight.metrics.plan import Window
    from aimsight.store.registers import RecordVersion

Id = Annotated[str, typer.Argument(metavar="REVIEW", help="Id of the review, such as MR-2026-0001.")]
FORMATS = "html, pdf, docx, json or csv.zip"


def group_of_commands() -> typer.Typer:
    """The group ``aimsight review`` with its commands, in the order of a review."""
    return group(
        "review",
        "Management reviews: packs, conclusions, decisions",
        review,
        {
            "list": (list_, "The reviews"),
            "prepare": (prepare, "Freeze the pack of a period"),
            "show": (show, "A review, and what is missing before it can be signed"),
            "export": (export, "The pack as HTML, PDF, DOCX, JSON or CSV"),
            "confirm": (confirm, "Confirm that an input has nothing to report"),
            "record": (record, "Attendees, discussion and conclusions"),
            "decide": (decide, "A decision with its first action"),
            "sign": (sign, "Sign as top management"),
        },
        shows=r"mr-.*",
    )


def review(context: typer.Context) -> None:
    """List the management reviews (clause 9.3); the commands below carry one from its pack to its signature.

    The pack freezes the inputs with their numbers and charts; a correction makes another version and keeps the first.
    """
    if context.invoked_subcommand is None:
        list_(context)


def list_(context: typer.Context) -> None:
    """List the reviews with their periods and packs."""
    from aimsight.aims.registers import service
    from aimsight.aims.review.service import REVIEW
    from aimsight.monitors.cli.tables import cell, table

    session = Session.of(context)
    with session.store.read() as reader:
        found = service.list_records(reader, [REVIEW])

    def people() -> list[RenderableType]:
        if not found:
            return ["No review was prepared yet: `aimsight review prepare --from DAY --to DAY`."]
        made = table("Review", "Title", "Packs", "Status", fixed=["Review"], right=["Packs"])
        for one in found:
            made.add_row(cell(one.record), cell(one.title), cell(len(one.fields.get("packs", ()))), cell(_status(one)))
        return [made]

    session.answer([as_data_of(one) for one in found], people)


def prepare(
    context: typer.Context,
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First day of the period.")] = "",
    until: Annotated[str, typer.Option("--to", metavar="DAY", help="Day after the period.")] = "",
    again: Annotated[str, typer.Option("--again", metavar="REVIEW", help="Prepare this review's pack anew.")] = "",
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="Title; default: by the period.")] = "",
    extras: Annotated[bool, typer.Option(help="Inputs that ISO/IEC 27001 and ISO 9001 ask for.")] = True,
    reason: Reason = "",
    who: As = "",
) -> None:
    """Freeze the inputs of a period as a pack, with its hash in the ledger."""
    from aimsight.aims.review import service
    from aimsight.metrics.plan import Window
    from aimsight.monitors.cli.running import parse_moment

    session = Session.of(context)
    actor = session.actor(who)
    again = again.upper()
    if again and not first and not until:
        period = _period_of(session, again)
    elif not first or not until:
        raise typer.BadParameter("which period? Say --from DAY --to DAY, or --again REVIEW for another pack of it")
    else:
        zone = session.project.config.time_zone
        start, end = parse_moment(first, zone), parse_moment(until, zone)
        if start >= end:
            raise typer.BadParameter(f"--from {first} does not lie before --to {until}")
        period = Window(start, end)
    made, pack = service.prepare(
        session.store,
        session.project,
        actor,
        period,
        review=again or None,
        title=title,
        reason=reason,
        extras=extras,
    )
    session.answer(_data(made, pack, []), lambda: _prepared(made, pack))


def _period_of(session: Session, name: str) -> Window:
    """The period of a review that exists."""
    from aimsight.aims.registers import service as registers
    from aimsight.aims.review import service
    from aimsight.metrics.plan import Window

    with session.store.read() as reader:
        known = registers.get(reader, service.REVIEW, name)
    return Window(known.event_at, known.event_until or known.event_at)


def show(context: typer.Context, name: Id) -> None:
    """Show a review: its pack in brief, and everything that is missing before it can be signed."""
    from aimsight.aims.registers import service as registers
    from aimsight.aims.review import service
    from aimsight.monitors.cli.tables import cell, facts, item

    session = Session.of(context)
    with session.store.read() as reader:
        one = registers.get(reader, service.REVIEW, name.upper())
        missing = list(service.open_points(reader, session.project, one)) if one.approver is None else []
    pack = service.frozen_pack(session.project, one)

    def people() -> list[RenderableType]:
        parts: list[RenderableType] = [
            facts(
                {
                    "Review": f"{one.record}, {one.title}",
                    "Status": _status(one),
                    "Pack": f"{pack.cover.version}, frozen {pack.cover.cut_off}, SHA-256 {pack.sha256}",
                }
            )
        ]
        for section in pack.sections:
            parts += ["", cell(f"{section.title} ({section.clause or 'extra'})", "bold")]
            parts += [cell(text) for text in section.sentences]
            parts += [cell(f"  {table.title}: {len(table.rows)}") for table in section.tables if table.rows]
            if section.is_empty:
                parts.append(cell("  nothing to report"))
        if missing:
            parts += ["", cell("Missing before it can be signed", "bold"), *(item(text) for text in missing)]
            parts += _cures(one.record, missing)
        return parts

    session.answer(_data(one, pack, missing), people)


def export(
    context: typer.Context,
    name: Id,
    into: Annotated[
        Path,
        typer.Option("--into", metavar="FILE", help=f"Where to; its suffix chooses: {FORMATS}.", show_default=False),
    ],
    number: Annotated[int, typer.Option("--pack", metavar="N", help="This pack; default: the latest.")] = 0,
    who: As = "",
) -> None:
    """Write the pack with the results of the review; the same pack and results give the same bytes.

    That it was taken, by whom, and its hash enter the ledger.
    """
    from aimsight.aims.registers import service as registers
    from aimsight.aims.review import service
    from aimsight.aims.review.render import FORMATS as RENDERINGS
    from aimsight.aims.review.results import results_of
    from aimsight.configs.errors import AimsightError
    from aimsight.store.exported import last_entry, part_of, release

    session = Session.of(context)
    suffix = next((one for one in RENDERINGS if into.name.endswith(f".{one}")), None)
    if suffix is None:
        raise typer.BadParameter(f"{into.name}: the suffix chooses the form: {FORMATS}")
    actor = session.exporter(who)
    with session.store.read() as reader:
        entries = last_entry(reader)
        one = registers.get(reader, service.REVIEW, name.upper())
        pack = service.frozen_pack(session.project, one, number or None)
        results = results_of(reader, one, pack, ZoneInfo(session.project.config.time_zone))
    content = RENDERINGS[suffix](pack, results)
    try:
        part_of(into).write_bytes(content)
        release(session.store, actor, service.KIND, [into], entries=entries, about=service.named(one, pack))
    except OSError as error:
        raise AimsightError(f"{into} cannot be written: {error.strerror or error}") from error
    said = f"{into}: pack {pack.cover.version} of {one.record}, {len(content) / 1000:,.0f} kB"
    session.answer({"file": into, "bytes": len(content), "pack": pack.cover.version}, lambda: [said])


def confirm(
    context: typer.Context,
    name: Id,
    key: Annotated[str, typer.Argument(metavar="INPUT", help="Key of the input: a, b, c, d1, d2, d3 or e.")],
    statement: Annotated[
        str, typer.Option("--statement", metavar="TEXT", help="What is confirmed.")
    ] = "Nothing changed in the period.",
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Confirm as a person that an input of the pack has nothing to report."""
    from aimsight.aims.review import service

    session = Session.of(context)
    actor = session.actor(who)
    with session.store.write() as tx:
        made = service.confirm(tx, session.project, name.upper(), key, statement, actor, expected=version(expected))
        pack = service.frozen_pack(session.project, made)
        missing = list(service.open_points(tx, session.project, made))
    session.answer(_data(made, pack, missing), lambda: _after(made, missing))


def record(
    context: typer.Context,
    name: Id,
    source: From = None,
    settings: Settings = None,
    reason: Reason = "minutes",
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Record chair, day, attendees, discussion and the three conclusions, from a YAML file or with --set."""
    from aimsight.aims.registers import service as registers
    from aimsight.aims.registers.forms import checked, read_form
    from aimsight.aims.registers.types import find_type
    from aimsight.aims.review import service

    session = Session.of(context)
    actor = session.actor(who)
    kind = find_type(service.REVIEW)
    form = read_form(kind, source, settings or ())
    with session.store.write() as tx:
        base = registers.get(tx, service.REVIEW, name.upper())
        values = checked(kind, form, registers.values_of(base))
        changes = {key: values.get(key) for key in form.values}
        made = service.record(
            tx, base.record, changes, actor, expected=version(expected) or base.version, reason=reason
        )
        pack = service.frozen_pack(session.project, made)
        missing = list(service.open_points(tx, session.project, made))
    session.answer(_data(made, pack, missing), lambda: _after(made, missing))


def decide(
    context: typer.Context,
    name: Id,
    decision: Annotated[str, typer.Option("--decision", metavar="TEXT", help="What was decided.", show_default=False)],
    grounds: Annotated[str, typer.Option("--grounds", metavar="TEXT", help="Why.", show_default=False)],
    action: Annotated[str, typer.Option("--action", metavar="TEXT", help="What is to be done.", show_default=False)],
    owner: Annotated[str, typer.Option("--owner", metavar="ID", help="Who does it.", show_default=False)],
    due: Annotated[str, typer.Option("--due", metavar="DAY", help="Until when.", show_default=False)],
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="improvement, change, resources or other.")
    ] = "improvement",
    subject: Annotated[
        str, typer.Option("--subject", metavar="WHAT", help="For a change: threshold, model, policy, process ...")
    ] = "",
    consequences: Annotated[
        str, typer.Option("--consequences", metavar="TEXT", help="For a change: what follows from it.")
    ] = "",
    who: As = "",
) -> None:
    """Record a decision of a review and the action that follows from it, with owner and due date.

    A decision of the kind change also puts the planned change (6.3) on record, as a draft.
    """
    from aimsight.aims.review import service

    session = Session.of(context)
    actor = session.actor(who)
    given = service.Decision(kind, decision, grounds, action, owner, due, subject, consequences)
    with session.store.write() as tx:
        made = service.decide(tx, name.upper(), given, actor)
    names = ("decision", "action", "change")
    session.answer(
        {key: as_data_of(one) for key, one in zip(names, made, strict=False)},
        lambda: [f"{one.record}: {one.title}" + (f", {one.owner}, due {due}" if one.owner else "") for one in made],
    )


def sign(
    context: typer.Context,
    name: Id,
    typed: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Your name, as a signature.", show_default=False)
    ],
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Sign a review as top management: your name, the time and the hash of the pack are bound together."""
    from aimsight.aims.review import service

    session = Session.of(context)
    actor = session.actor(who)
    with session.store.write() as tx:
        made = service.sign(tx, session.project, name.upper(), actor, expected=version(expected), name=typed)
    pack = service.frozen_pack(session.project, made)
    session.answer(_data(made, pack, []), lambda: [f"{made.record} is signed by {actor.id} over pack {pack.sha256}."])


def _status(one: RecordVersion) -> str:
    return f"signed by {one.approver}" if one.approver else f"{one.status}, version {one.version}"


def _data(one: RecordVersion, pack: Pack, missing: list[str]) -> dict[str, Any]:
    return {
        **as_data_of(one),
        "pack": pack.cover.version,
        "pack_sha256": pack.sha256,
        "to_confirm": pack.to_confirm,
        "missing": missing,
    }


def _prepared(made: RecordVersion, pack: Pack) -> list[RenderableType]:
    from aimsight.monitors.cli.tables import cell, item

    parts: list[RenderableType] = [
        cell(f"{made.record}, pack {pack.cover.version}: {pack.cover.period}, SHA-256 {pack.sha256}")
    ]
    parts += [
        item(f"input {key} reports nothing: aimsight review confirm {made.record} {key}") for key in pack.to_confirm
    ]
    return [*parts, f"Look at it: aimsight review export {made.record} --into pack.html"]


def _after(made: RecordVersion, missing: list[str]) -> list[RenderableType]:
    from aimsight.aims.words import plural
    from aimsight.monitors.cli.tables import cell, item

    if not missing:
        done = f"{made.record}, version {made.version}: complete. aimsight review sign {made.record} --name NAME"
        return [cell(done)]
    said = f"{made.record}, version {made.version}: {plural(len(missing), 'point')} open before it can be signed."
    return [cell(said), *(item(text) for text in missing), *_cures(made.record, missing)]


def _cures(name: str, missing: list[str]) -> list[RenderableType]:
    """The commands that close what is open."""
    cures = {
        "input ": f"confirm {name} INPUT --statement TEXT",
        "decision is": f"decide {name} --decision TEXT --grounds WHY --action TEXT --owner ID --due DAY",
        "not on record yet": f"record {name} --from minutes.yaml (or --set KEY=VALUE)",
    }
    return [f"  aimsight review {cure}" for sign, cure in cures.items() if any(sign in text for text in missing)]

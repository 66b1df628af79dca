"""`aimsight nc implement|start|conclude|close ...`: actions, their measured effect, closing, and the side ways."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aimsight.monitors.cli.acting import As, Expected, From, Reason, act, filled, step, version
from aimsight.monitors.cli.groups import Commands
from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aimsight.aims.lifecycle.dossier import Evidence

Nc = Annotated[str, typer.Argument(metavar="NC", help="Id of the nonconformity.")]
Said = Annotated[list[str] | None, typer.Option("--evidence", metavar="TEXT", help="What shows it; repeat it.")]
Files = Annotated[
    list[str] | None,
    typer.Option("--attached", metavar="SHA256", help="An attached file by (the start of) its SHA-256; repeat it."),
]


def implement(
    context: typer.Context,
    nonconformity: Nc,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="Id of the action, such as A1.")],
    evidence: Said = None,
    attached: Files = None,
    on: Annotated[
        str, typer.Option("--on", metavar="DAY", help="The day on which it was done, when that is not today.")
    ] = "",
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Note that an action is done, with its evidence. With the last one, the plan is implemented."""
    from aimsight.aims.lifecycle import service, transitions

    session = Session.of(context)
    shown = _evidence(session, nonconformity, evidence, attached)
    day = _day(on)
    act(
        context,
        who,
        lambda tx, project, actor: service.act(
            tx,
            project,
            nonconformity,
            actor,
            lambda case, one, knows: transitions.implement(case, action, shown, one, knows, day),
            expected=version(expected),
        ),
    )


def attach(
    context: typer.Context,
    nonconformity: Nc,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file in the project's evidence folder.")],
    kind: Annotated[str, typer.Option("--kind", metavar="TEXT", help="What it is.")] = "attachment",
    who: As = "",
) -> None:
    """Attach a file of the evidence folder; it is noted under its SHA-256.

    Refused are files outside that folder, larger than nonconformities.largest_file, or of a type that executes.
    """
    from aimsight.aims.lifecycle import attachments

    session = Session.of(context)
    actor = session.actor(who)
    with session.store.write() as tx:
        record = attachments.attach(tx, session.project, nonconformity, file, kind, actor)
    session.answer(
        {"nonconformity": nonconformity, "path": record.path, "sha256": record.sha256, "bytes": record.bytes},
        lambda: [f"Attached {record.path} to {nonconformity}, SHA-256 {record.sha256}"],
    )


def start(context: typer.Context, nonconformity: Nc, who: As = "", expected: Expected = 0) -> None:
    """Start the watch: from now on the pipeline judges every window after the actions against the criterion."""
    from aimsight.aims.lifecycle import service

    act(
        context,
        who,
        lambda tx, project, actor: service.start(tx, project, nonconformity, actor, expected=version(expected))[0],
        remark=f"How the windows are judged: aimsight nc effectiveness {nonconformity}",
    )


def effectiveness(context: typer.Context, nonconformity: Nc) -> None:
    """Show the windows after the actions as the pipeline judged them, and what they say together."""
    from dataclasses import asdict
    from zoneinfo import ZoneInfo

    from aimsight.aims.lifecycle.service import read_case
    from aimsight.aims.lifecycle.story import criterion_words
    from aimsight.aims.lifecycle.watching import effect
    from aimsight.aims.verdicts import Verdict
    from aimsight.aims.words import period, value_text
    from aimsight.monitors.cli.tables import cell, table, verdict_text
    from aimsight.store.records import effectiveness_windows

    session = Session.of(context)
    with session.store.read() as reader:
        case = read_case(reader, nonconformity)
        found = effect(reader, case)
        windows = effectiveness_windows(reader, nonconformity, case.attempt)
    model = session.project.models.get(case.record.model)
    zone = model.log.zone if model is not None else ZoneInfo(session.project.config.time_zone)
    plan = case.dossier.plan
    criterion = criterion_words(plan.criterion) if plan is not None else ""

    def people() -> list[RenderableType]:
        made = table("Window", "Value", "Target", "Verdict", "Why", title=f"After the actions of {nonconformity}")
        for one in windows:
            value = "–" if one.value is None else value_text(one.value, one.ci_low, one.ci_high)
            made.add_row(
                cell(period(one.window_start, one.window_end, zone)),
                cell(value),
                cell(one.target),
                verdict_text(Verdict(one.verdict)),
                cell(one.reason),
            )
        said = [cell(f"Criterion: {criterion}")] if criterion else []
        return [*said, *([made] if windows else []), cell(f"Measured: {found.verdict or 'undecided'}; {found.reason}")]

    data = {
        "nonconformity": nonconformity, "attempt": case.attempt, "criterion": criterion, "verdict": found.verdict,
        "reason": found.reason, "windows": [asdict(one) for one in windows],
    }  # fmt: skip
    session.answer(data, people)


def check(
    context: typer.Context,
    nonconformity: Nc,
    met: Annotated[bool | None, typer.Option("--met/--not-met", help="Whether the criterion was met.")] = None,
    finding: Annotated[str, typer.Option("--finding", metavar="TEXT", help="What was seen.")] = "",
    evidence: Said = None,
    attached: Files = None,
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Look at the effect where nothing is measured (criterion of kind check); by somebody who did no action."""
    from aimsight.aims.lifecycle import transitions
    from aimsight.aims.lifecycle.dossier import Check

    given = filled(Check, {"met": met, "finding": finding}, command="nc check")
    shown = _evidence(Session.of(context), nonconformity, evidence, attached)
    given = given.model_copy(update={"evidence": shown})
    step(context, nonconformity, who, expected, transitions.check, given)


def conclude(
    context: typer.Context,
    nonconformity: Nc,
    effective: Annotated[
        bool | None, typer.Option("--effective/--not-effective", help="Whether the actions were effective.")
    ] = None,
    reason: Reason = "",
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Conclude whether the actions were effective; by somebody who carried out none of them.

    Effective takes a measured verdict that says so. Not effective begins the next attempt, with the cause.
    """
    from aimsight.aims.lifecycle import transitions
    from aimsight.aims.lifecycle.dossier import Conclusion

    given = filled(Conclusion, {"effective": effective, "reason": reason}, command="nc conclude")
    step(context, nonconformity, who, expected, transitions.conclude, given)


def close(
    context: typer.Context,
    nonconformity: Nc,
    changed: Annotated[
        list[str] | None,
        typer.Option(
            "--changed", metavar="AREA", help="risks, objectives, procedures, monitoring plan, ...; repeat it."
        ),
    ] = None,
    link: Annotated[
        list[str] | None, typer.Option("--link", metavar="RECORD", help="The record of a change; repeat it.")
    ] = None,
    none_because: Annotated[
        str, typer.Option("--nothing-because", metavar="TEXT", help="Why nothing changes in the management system.")
    ] = "",
    source: From = None,
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Close it, and say what changes in the management system, or why nothing does. A second person does it."""
    from aimsight.aims.lifecycle import transitions
    from aimsight.aims.lifecycle.dossier import Closure

    values = {"changed": changed, "links": link, "none_because": none_because}
    given = filled(Closure, values, file=source, command="nc close")
    step(context, nonconformity, who, expected, transitions.close, given)


def accept(
    context: typer.Context,
    nonconformity: Nc,
    risk: Annotated[str, typer.Option("--risk", metavar="RECORD", help="The risk record that accepts it.")] = "",
    reason: Reason = "",
    until: Annotated[str, typer.Option("--until", metavar="DAY", help="Last day of the acceptance.")] = "",
    worst: Annotated[
        float | None, typer.Option("--worst", metavar="VALUE", help="Worst value accepted (default: worst so far).")
    ] = None,
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Accept the deviation for a time; a worse value or the end of that time opens it again. An approver does it."""
    from aimsight.aims.lifecycle import transitions
    from aimsight.aims.lifecycle.dossier import Deviation
    from aimsight.aims.lifecycle.named import known
    from aimsight.aims.lifecycle.service import read_case

    values = {"risk": risk, "reason": reason, "until": until, "worst": worst}
    given = filled(Deviation, values, command="nc accept")
    step(context, nonconformity, who, expected, transitions.accept, given)
    session = Session.of(context)
    with session.store.read() as reader:
        named = known(reader, read_case(reader, nonconformity).dossier)
    accepting = next(one for one in reversed(named) if one.what == "risk")
    if accepting.status != "approved":
        session.remark(
            f"{accepting.record} is {accepting.status}: nobody has approved the risk that accepts this yet "
            f"(aimsight records approve risk {accepting.record})."
        )


def reopen(
    context: typer.Context, nonconformity: Nc, reason: Reason = "", who: As = "", expected: Expected = 0
) -> None:
    """Open again a deviation that was accepted for a time; a closed record is final, a new failure opens a new one."""
    from aimsight.aims.lifecycle import dossier, transitions

    given = filled(dossier.Said, {"reason": reason}, command="nc reopen")
    step(context, nonconformity, who, expected, transitions.reopen, given)


def escalate(
    context: typer.Context,
    nonconformity: Nc,
    kind: Annotated[
        str,
        typer.Option("--kind", metavar="KIND", help="serious (15 days to report), death (10) or widespread (2)."),
    ] = "",
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="What happened to whom.")] = "",
    aware_at: Annotated[
        str, typer.Option("--aware-at", metavar="TIME", help="When it became known (default: now).")
    ] = "",
    record: Annotated[str, typer.Option("--record", metavar="RECORD", help="The record of the incident.")] = "",
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Escalate it as a serious incident; its clock runs from the moment of becoming aware."""
    from aimsight.aims.lifecycle import transitions
    from aimsight.aims.lifecycle.dossier import Incident

    values = {"kind": kind, "description": description, "aware_at": _moment(aware_at), "record": record}
    given = filled(Incident, values, command="nc escalate")
    step(context, nonconformity, who, expected, transitions.escalate, given)


def resume(
    context: typer.Context,
    nonconformity: Nc,
    reported_to: Annotated[
        str, typer.Option("--reported-to", metavar="TEXT", help="Which authority was told, and how.")
    ] = "",
    not_reportable: Annotated[
        str, typer.Option("--not-reportable", metavar="TEXT", help="Why it need not be reported.")
    ] = "",
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Go on after an incident was reported, or with the reason why it is not reportable."""
    from aimsight.aims.lifecycle import service, transitions

    act(
        context,
        who,
        lambda tx, project, actor: service.act(
            tx,
            project,
            nonconformity,
            actor,
            lambda case, one, knows: transitions.resume(
                case, one, knows, reported_to=reported_to or None, not_reportable=not_reportable or None
            ),
            expected=version(expected),
        ),
    )


def regrade(
    context: typer.Context,
    nonconformity: Nc,
    severity: Annotated[str, typer.Option("--severity", metavar="GRADE", help="minor or major.")] = "",
    criteria: Annotated[str, typer.Option("--criteria", metavar="TEXT", help="Why this severity.")] = "",
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Change the severity, with its criteria; by a reviewer, an approver or top management."""
    from aimsight.aims.lifecycle import transitions
    from aimsight.aims.lifecycle.dossier import Grading

    # the owner stays: the form of a grading asks for one, and the step keeps the one of the record
    values = {"severity": severity, "criteria": criteria, "owner": "unchanged"}
    given = filled(Grading, values, command="nc regrade")
    step(context, nonconformity, who, expected, transitions.regrade, given)


def reassign(
    context: typer.Context,
    nonconformity: Nc,
    owner: Annotated[str, typer.Argument(metavar="ID", help="The new owner: the id of a person.")],
    reason: Reason = "",
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Give the record to another owner."""
    from aimsight.aims.lifecycle import service, transitions
    from aimsight.aims.lifecycle.dossier import Said as Because

    given = filled(Because, {"reason": reason}, command="nc reassign")
    act(
        context,
        who,
        lambda tx, project, actor: service.act(
            tx,
            project,
            nonconformity,
            actor,
            lambda case, one, knows: transitions.reassign(case, owner, given, one, knows),
            expected=version(expected),
        ),
    )


def failures(
    context: typer.Context,
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="Only of this model.")] = "",
) -> None:
    """List the failing windows that have neither a nonconformity nor a reason why none is needed."""
    from aimsight.aims.nonconformities import failures_without
    from aimsight.aims.words import value_text, window_words
    from aimsight.metrics.plan import Window
    from aimsight.monitors.cli.tables import cell, table

    session = Session.of(context)
    if model:
        session.model(model)
    with session.store.read() as reader:
        rows = failures_without(reader, model or None)

    def people() -> list[RenderableType]:
        if not rows:
            return ["Every failing window has a nonconformity or a reason why none is needed."]
        made = table("Model", "Objective", "Window", "Value", "Target", "Opens at", title="Failures without a record")
        for row in rows:
            config = session.project.models.get(row["model"])
            zone = config.log.time_zone if config is not None else session.project.config.time_zone
            rule = "1 of 1" if row["zero_tolerance"] else f"{row['opens_failures']} of {row['opens_of']}"
            made.add_row(
                cell(row["model"]),
                cell(" ".join(part for part in (row["objective"], row["segment"]) if part)),
                cell(window_words(Window(row["window_start"], row["window_end"]), zone)),
                cell("–" if row["value"] is None else value_text(row["value"], row["ci_low"], row["ci_high"])),
                cell(row["target"]),
                cell(rule),
            )
        return [made, "", "Say why they need none with: aimsight nc dispose MODEL OBJECTIVE --reason WHY"]

    session.answer(rows, people)


def dispose(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model.")],
    objective: Annotated[str, typer.Argument(metavar="OBJECTIVE", help="The objective.")],
    reason: Reason = "",
    window: Annotated[
        str, typer.Option("--window", metavar="DAY", help="Only the window that begins on this day (default: all).")
    ] = "",
    who: As = "",
) -> None:
    """Say why failing windows without a nonconformity need none; by a reviewer, an approver or top management."""
    from aimsight.aims.lifecycle import service
    from aimsight.aims.nonconformities import failures_without
    from aimsight.configs.errors import AimsightError

    session = Session.of(context)
    zone = session.model(model).log.zone
    actor = session.actor(who)
    day = _day(window)
    with session.store.write() as tx:
        rows = [
            row
            for row in failures_without(tx, model)
            if row["objective"] == objective and day in (None, row["window_start"].astimezone(zone).date())
        ]
        if not rows:
            raise AimsightError(
                f"no failing window of {objective} of {model} waits for a reason; see: aimsight nc failures"
            )
        count = service.dispose(tx, actor, rows, reason)
    session.answer(
        {"model": model, "objective": objective, "windows": count, "reason": reason, "by": actor.id},
        lambda: [f"Noted for {count} failing window{'' if count == 1 else 's'} of {objective}."],
    )


def _evidence(
    session: Session, nonconformity: str, texts: list[str] | None, files: list[str] | None
) -> tuple[Evidence, ...]:
    """What shows that something was done: words, and attached files by the start of their SHA-256."""
    from aimsight.aims.lifecycle.dossier import Evidence
    from aimsight.configs.errors import NotFoundError
    from aimsight.monitors.cli.queries import evidence_files

    made = [filled(Evidence, {"text": text}, command="--evidence") for text in texts or []]
    known = [row["sha256"] for row in evidence_files(session.store, nonconformity)] if files else []
    for start_of in files or []:
        found = [sha256 for sha256 in known if sha256.startswith(start_of.casefold())]
        if len(found) != 1:
            raise NotFoundError.named("attached file", start_of, known)
        made.append(Evidence(file=found[0]))
    return tuple(made)


def _day(text: str) -> date | None:
    from aimsight.configs.errors import ConfigError, Problem

    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError([Problem("option", 0, "", f'"{text}" is not a date; write YYYY-MM-DD')]) from None


def _moment(text: str) -> object:
    from datetime import datetime

    from aimsight.configs.errors import ConfigError, Problem

    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        problem = f'"{text}" is not a time with an offset; write YYYY-MM-DDTHH:MM:SS+00:00'
        raise ConfigError([Problem("--aware-at", 0, "", problem)])
    return moment


COMMANDS: Commands = {
    "implement": (implement, "An action is done, with evidence"),
    "attach": (attach, "Attach a file as evidence"),
    "start": (start, "Start the watch over the windows after"),
    "effectiveness": (effectiveness, "The windows after, and their verdict"),
    "check": (check, "Look at the effect where nothing is measured"),
    "conclude": (conclude, "Conclude on the effect (second person)"),
    "close": (close, "Close it (second person)"),
    "accept": (accept, "Accept the deviation for a time"),
    "reopen": (reopen, "Open an accepted deviation again"),
    "escalate": (escalate, "Escalate as a serious incident"),
    "resume": (resume, "Go on after the incident was settled"),
    "regrade": (regrade, "Change the severity"),
    "reassign": (reassign, "Give it to another owner"),
    "failures": (failures, "Failing windows without a record"),
    "dispose": (dispose, "Say why failing windows need none"),
}

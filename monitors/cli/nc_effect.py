"""`aimsight nc implement|start|conclude|close ...`: actions, their measured effect, closing, and the side ways."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aimsight.monitors.cli.acting import As, Criteria, Expected, From, Nc, Reason, Severity, act, filled, step, version
from aimsight.monitors.cli.groups import Commands
from aimsight.monitors.cli.running import parse_day
from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aimsight.aims.lifecycle.dossier import Evidence

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
    from aimsight.aims.lifecycle import transitions

    shown = _evidence(Session.of(context), nonconformity, evidence, attached)
    day = parse_day(on) if on else None
    step(
        context,
        nonconformity,
        who,
        expected,
        lambda case, given, actor, knows: transitions.implement(case, action, given, actor, knows, day),
        shown,
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
    """Accept the deviation for a time; a worse value or the end of that time opens it again. An approver does it.

    The risk is approved, and the time ends no later than the day on which it is due to be assessed again.
    """
    from aimsight.aims.lifecycle import transitions
    from aimsight.aims.lifecycle.dossier import Deviation

    values = {"risk": risk, "reason": reason, "until": until, "worst": worst}
    given = filled(Deviation, values, command="nc accept")
    step(context, nonconformity, who, expected, transitions.accept, given)


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
    from aimsight.aims.lifecycle import transitions

    settled = {"reported_to": reported_to or None, "not_reportable": not_reportable or None}
    step(
        context,
        nonconformity,
        who,
        expected,
        lambda case, given, actor, knows: transitions.resume(case, actor, knows, **given),
        settled,
    )


def regrade(
    context: typer.Context,
    nonconformity: Nc,
    severity: Severity = "",
    criteria: Criteria = "",
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
    from aimsight.aims.lifecycle import dossier, transitions

    given = filled(dossier.Said, {"reason": reason}, command="nc reassign")
    step(
        context,
        nonconformity,
        who,
        expected,
        lambda case, said, actor, knows: transitions.reassign(case, owner, said, actor, knows),
        given,
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
}

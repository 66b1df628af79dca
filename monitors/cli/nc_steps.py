"""`aimsight nc confirm|contain|analyse|plan ...`: the steps of people, from a detected record to planned actions."""

from __future__ import annotations

from typing import Annotated

import typer

from aimsight.monitors.cli.acting import As, Criteria, Expected, From, Nc, Reason, Severity, act, filled, step, version
from aimsight.monitors.cli.groups import Commands
from aimsight.monitors.cli.session import Session


def open_(
    context: typer.Context,
    source: From = None,
    subject: Annotated[str, typer.Option("--subject", metavar="TEXT", help="What it is about, in a few words.")] = "",
    kind: Annotated[
        str,
        typer.Option("--kind", metavar="KIND", help="process, document, legal, supplier, complaint, concern, ..."),
    ] = "",
    found: Annotated[
        str,
        typer.Option(
            "--source", metavar="SOURCE", help="audit, complaint, concern, supplier, incident, review, person."
        ),
    ] = "",
    requirement: Annotated[str, typer.Option("--requirement", metavar="TEXT", help="What is not met.")] = "",
    statement: Annotated[str, typer.Option("--statement", metavar="TEXT", help="What was found.")] = "",
    evidence: Annotated[str, typer.Option("--evidence", metavar="TEXT", help="What was seen, where.")] = "",
    severity: Severity = "",
    owner: Annotated[str, typer.Option("--owner", metavar="ID", help="Who answers for it.")] = "",
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="The model concerned, if one is.")] = "",
    who: As = "",
) -> None:
    """Open a nonconformity that a person found: in an audit, by a complaint or concern, at a supplier, in a review."""
    from aimsight.aims.nonconformities import ManualNonconformity, open_manual

    session = Session.of(context)
    given = filled(
        ManualNonconformity,
        {
            "subject": subject, "kind": kind, "source": found, "requirement": requirement, "statement": statement,
            "evidence": evidence, "severity": severity, "owner": owner, "model": model,
        },
        file=source,
        command="nc open",
    )  # fmt: skip
    actor = session.actor(who)
    with session.store.write() as tx:
        record = open_manual(tx, session.project, given, actor)
    again = f" It is a recurrence of {record.recurrence_of}." if record.recurrence_of else ""
    session.answer(
        {"nonconformity": record.nonconformity, "state": record.state, "severity": record.severity,
         "due_at": record.due_at, "recurrence_of": record.recurrence_of},
        lambda: [f"{record.nonconformity} opened ({record.severity}), detected by {actor.id}.{again}"],
    )  # fmt: skip


def confirm(
    context: typer.Context,
    nonconformity: Nc,
    severity: Severity = "",
    criteria: Criteria = "",
    owner: Annotated[str, typer.Option("--owner", metavar="ID", help="Who answers for it.")] = "",
    extent: Annotated[str, typer.Option("--extent", metavar="TEXT", help="Decisions, persons, groups affected.")] = "",
    source: From = None,
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Confirm that it is a nonconformity: grade it, say why, and say whose it is. From detected to open.

    Grading below what the rules give takes a reviewer, an approver or top management.
    """
    from aimsight.aims.lifecycle import transitions
    from aimsight.aims.lifecycle.dossier import Grading

    values = {"severity": severity, "criteria": criteria, "owner": owner, "extent": extent}
    given = filled(Grading, values, file=source, command="nc confirm")
    step(context, nonconformity, who, expected, transitions.confirm, given)


def reject(
    context: typer.Context, nonconformity: Nc, reason: Reason = "", who: As = "", expected: Expected = 0
) -> None:
    """Reject what was detected, with the reason. A second person does it: neither its owner nor who reported it."""
    from aimsight.aims.lifecycle import transitions
    from aimsight.aims.lifecycle.dossier import Said

    given = filled(Said, {"reason": reason}, command="nc reject")
    step(context, nonconformity, who, expected, transitions.reject, given)


def contain(
    context: typer.Context,
    nonconformity: Nc,
    correction: Annotated[
        str, typer.Option("--correction", metavar="TEXT", help="What was done about the effect.")
    ] = "",
    none_needed: Annotated[
        str, typer.Option("--none-needed", metavar="TEXT", help="Why no correction is needed.")
    ] = "",
    result: Annotated[str, typer.Option("--result", metavar="TEXT", help="What came of it.")] = "",
    consequences: Annotated[
        str, typer.Option("--consequences", metavar="TEXT", help="Persons affected, redress, users informed.")
    ] = "",
    serious: Annotated[
        bool | None, typer.Option("--serious/--not-serious", help="Whether it is a serious incident (Art. 73).")
    ] = None,
    serious_because: Annotated[
        str, typer.Option("--serious-because", metavar="TEXT", help="Why it is one, or why not.")
    ] = "",
    source: From = None,
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Say what was done about the effect (correction), apart from what will remove the cause. From open to contained.

    Whether it is a serious incident has to be answered; if it is, escalate it first.
    """
    from aimsight.aims.lifecycle import transitions
    from aimsight.aims.lifecycle.dossier import Containment

    values = {
        "correction": correction, "none_needed": none_needed, "result": result, "consequences": consequences,
        "serious": serious, "serious_because": serious_because,
    }  # fmt: skip
    given = filled(Containment, values, file=source, command="nc contain")
    step(context, nonconformity, who, expected, transitions.contain, given)


def similar(context: typer.Context, nonconformity: Nc, who: As = "", expected: Expected = 0) -> None:
    """Search all models, segments and columns for similar nonconformities; what was asked and found is kept."""
    from aimsight.aims.lifecycle import service

    act(
        context,
        who,
        lambda tx, project, actor: service.similar(tx, project, nonconformity, actor, expected=version(expected)),
        remark=f"What was searched and found: aimsight nc show {nonconformity}",
    )


def analyse(
    context: typer.Context,
    nonconformity: Nc,
    method: Annotated[str, typer.Option("--method", metavar="METHOD", help='"five whys" or fishbone.')] = "",
    why: Annotated[list[str] | None, typer.Option("--why", metavar="TEXT", help="One answer; repeat it.")] = None,
    cause: Annotated[list[str] | None, typer.Option("--cause", metavar="TEXT", help="A root cause; repeat it.")] = None,
    contributing: Annotated[
        list[str] | None, typer.Option("--contributing", metavar="TEXT", help="What contributed; repeat it.")
    ] = None,
    undetected: Annotated[
        str, typer.Option("--undetected", metavar="TEXT", help="Why it was not detected earlier.")
    ] = "",
    source: From = None,
    who: As = "",
    expected: Expected = 0,
) -> None:
    """State the cause and the method by which it was found. From contained to analysed; needs the similar search.

    The branches of a fishbone (people, method, data, model, tools, environment, measurement) come from a file.
    """
    from aimsight.aims.lifecycle import transitions
    from aimsight.aims.lifecycle.dossier import Cause

    values = {
        "method": method, "whys": why, "causes": cause, "contributing": contributing, "undetected": undetected
    }  # fmt: skip
    given = filled(Cause, values, file=source, command="nc analyse")
    step(context, nonconformity, who, expected, transitions.analyse, given)


def correction_only(
    context: typer.Context, nonconformity: Nc, reason: Reason = "", who: As = "", expected: Expected = 0
) -> None:
    """Close without corrective action, with the reason; by an approver who did not own, correct or analyse it."""
    from aimsight.aims.lifecycle import transitions
    from aimsight.aims.lifecycle.dossier import Said

    given = filled(Said, {"reason": reason}, command="nc correction-only")
    step(context, nonconformity, who, expected, transitions.without_action, given)


def plan(
    context: typer.Context,
    nonconformity: Nc,
    source: From = None,
    needed_because: Annotated[str, typer.Option("--needed-because", metavar="TEXT", help="Why action is needed.")] = "",
    action: Annotated[str, typer.Option("--action", metavar="TEXT", help="The action, when it is only one.")] = "",
    owner: Annotated[str, typer.Option("--owner", metavar="ID", help="Who carries it out.")] = "",
    due: Annotated[str, typer.Option("--due", metavar="DAY", help="Until when (YYYY-MM-DD).")] = "",
    objective: Annotated[
        str, typer.Option("--objective", metavar="ID", help="Criterion: this objective conforms again ...")
    ] = "",
    windows: Annotated[int, typer.Option("--windows", metavar="N", help="... in so many windows in a row.")] = 3,
    check: Annotated[
        str,
        typer.Option("--check", metavar="TEXT", help="Criterion where nothing is measured: what a person must see."),
    ] = "",
    corrects: Annotated[
        str,
        typer.Option(
            "--correction-only-because", metavar="TEXT", help="Why an action that only corrects removes the cause."
        ),
    ] = "",
    who: As = "",
    expected: Expected = 0,
) -> None:
    """Plan the actions, each with owner and due, and fix the criterion of their effect. From analysed to planned.

    Several actions, and criteria on other metrics, come from a file with needed_because, actions and criterion.
    """
    from aimsight.aims.lifecycle import service
    from aimsight.aims.lifecycle.dossier import Plan
    from aimsight.aims.lifecycle.story import flagged

    values: dict[str, object] = {"needed_because": needed_because, "correction_only_because": corrects}
    if action:
        one_action = {"id": "A1", "description": action, "owner": owner, "due": due}
        values["actions"] = [{key: value for key, value in one_action.items() if value}]
    if objective:
        values["criterion"] = {"kind": "objective", "objective": objective, "windows": windows}
    elif check:
        values["criterion"] = {"kind": "check", "check": check}
    given = filled(Plan, values, file=source, command="nc plan")
    act(
        context,
        who,
        lambda tx, project, actor: service.plan(tx, project, nonconformity, actor, given, expected=version(expected)),
        remark=flagged(given),
    )


def approve(
    context: typer.Context, nonconformity: Nc, reason: Reason = "", who: As = "", expected: Expected = 0
) -> None:
    """Approve the plan and its criterion: by an approver who neither made it nor carries it out."""
    from aimsight.aims.lifecycle import transitions
    from aimsight.aims.lifecycle.dossier import Said

    given = filled(Said, {"reason": reason}, command="nc approve")
    step(context, nonconformity, who, expected, transitions.approve, given)


COMMANDS: Commands = {
    "open": (open_, "Open one that a person found"),
    "confirm": (confirm, "Confirm, grade, name the owner"),
    "reject": (reject, "Reject what was detected (second person)"),
    "contain": (contain, "What was done about the effect"),
    "similar": (similar, "Search for similar ones everywhere"),
    "analyse": (analyse, "State the cause and its method"),
    "correction-only": (correction_only, "Close without corrective action"),
    "plan": (plan, "Plan actions and fix the criterion"),
    "approve": (approve, "Approve the plan (second person)"),
}

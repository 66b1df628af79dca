"""What the steps of a nonconformity share on the command line: who acts, on which version, what is said after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import RenderableType

    from aimsight.aims.lifecycle.case import Case, Context
    from aimsight.aims.lifecycle.transitions import Outcome
    from aimsight.aims.people import Actor
    from aimsight.configs.load import Project
    from aimsight.store.database import Transaction

Nc = Annotated[str, typer.Argument(metavar="NC", help="Id of the nonconformity, such as NC-2026-0001.")]
As = Annotated[str, typer.Option("--as", metavar="ID", help="Who acts: the id of a person (default: AIMSIGHT_ACTOR).")]
Expected = Annotated[
    int,
    typer.Option("--expected", metavar="VERSION", help="Refuse when the record is not at this version any more."),
]
From = Annotated[
    Path | None, typer.Option("--from", metavar="FILE", help="A YAML file with the same keys (and lists).")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]
Severity = Annotated[str, typer.Option("--severity", metavar="GRADE", help="minor or major.")]
Criteria = Annotated[str, typer.Option("--criteria", metavar="TEXT", help="Why this severity.")]

Given = TypeVar("Given")
Form = TypeVar("Form", bound="BaseModel")
Work = Callable[["Transaction", "Project", "Actor"], "Outcome"]


OPTIONS = {
    "actions": "--action",
    "causes": "--cause",
    "criterion": "--objective or --check",
    "effective": "--effective or --not-effective",
    "links": "--link",
    "met": "--met or --not-met",
    "none_because": "--nothing-because",
    "whys": "--why",
}
"""Options whose name is not that of what they fill in."""


def filled(kind: type[Form], values: Mapping[str, object], *, command: str, file: Path | None = None) -> Form:
    """A form filled in with options; what is wrong is said of the option, or of the line of the file.

    Raises
    ------
    ConfigError
        With every mistake.
    """
    from dataclasses import replace

    from aimsight.configs.errors import ConfigError
    from aimsight.configs.forms import form_of

    try:
        return form_of(kind, values, file=file, shown=command)
    except ConfigError as error:
        raise ConfigError(
            replace(one, key=OPTIONS.get(one.key, f"--{one.key.replace('_', '-')}"))
            if one.key and one.file == command
            else one
            for one in error.problems
        ) from None


def act(context: typer.Context, who: str, work: Work, *, remark: str = "") -> None:
    """Do one step in one transaction, and say where the record stands and what is missing next.

    Parameters
    ----------
    who
        The id given with ``--as``.
    work
        The step.
    remark
        What else a person should know.
    """
    session = Session.of(context)
    actor = session.actor(who)
    with session.store.write() as tx:
        outcome = work(tx, session.project, actor)
        said = _after(tx, session.project, outcome)
    session.answer(
        said | ({"remark": remark} if remark else {}), lambda: [*_people(said), *([remark] if remark else [])]
    )


def step(
    context: typer.Context,
    nonconformity: str,
    who: str,
    expected: int,
    do: Callable[[Case, Given, Actor, Context], Outcome],
    given: Given,
) -> None:
    """Do a step that takes one filled-in form."""
    from aimsight.aims.lifecycle import service

    act(
        context,
        who,
        lambda tx, project, actor: service.act(
            tx,
            project,
            nonconformity,
            actor,
            lambda case, one, knows: do(case, given, one, knows),
            expected=version(expected),
        ),
    )


def version(expected: int) -> int | None:
    """The version that the person named; ``None`` when they named none."""
    return expected or None


def _after(tx: Transaction, project: Project, outcome: Outcome) -> dict[str, Any]:
    from aimsight.aims.lifecycle.guards import missing_next, next_state
    from aimsight.aims.lifecycle.service import context_of
    from aimsight.aims.lifecycle.states import steps_from

    case = outcome.case
    knows = context_of(tx, project, case, tx.clock.now())
    coming = next_state(case)
    return {
        "nonconformity": case.name,
        "step": outcome.step.name,
        "before": outcome.before.record.state,
        "state": case.record.state,
        "severity": case.record.severity,
        "owner": case.record.owner,
        "version": case.version,
        "due_at": case.record.due_at,
        "next": coming.value if coming else None,
        "missing": missing_next(case, knows),
        "possible": [step.name for step in steps_from(case.state)],
        "single_person": outcome.single_person,
    }


def _people(said: dict[str, Any]) -> list[RenderableType]:
    from aimsight.aims.lifecycle.states import State
    from aimsight.monitors.cli.tables import cell

    state, before = State(said["state"]).words, State(said["before"]).words
    moved = f"is {state} now (it was {before})" if state != before else f"is still {state}"
    due = f", due {said['due_at']:%Y-%m-%d}" if said["due_at"] else ""
    parts: list[RenderableType] = [cell(f"{said['nonconformity']} {moved}, version {said['version']}{due}.")]
    if said["single_person"]:
        parts.append(
            cell("One person did what needs two (single_person in aimsight.yaml): marked, and a limitation of reports.")
        )
    if said["next"] and said["missing"]:
        parts += [cell(f"Missing for the next state, {State(said['next']).words}:")]
        parts += [cell(f"  - {one}") for one in said["missing"]]
    return parts

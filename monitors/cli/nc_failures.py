"""`aimsight nc failures|dispose`: failing windows without a nonconformity, and the reasons why they need none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aimsight.monitors.cli.acting import As, Reason
from aimsight.monitors.cli.groups import Commands
from aimsight.monitors.cli.running import parse_day
from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    from rich.console import RenderableType


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
    day = parse_day(window) if window else None
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


COMMANDS: Commands = {
    "failures": (failures, "Failing windows without a record"),
    "dispose": (dispose, "Say why failing windows need none"),
}

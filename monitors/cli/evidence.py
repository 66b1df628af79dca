"""`aimsight evidence`: a report of a window against the reference, kept with its nonconformity or on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    from aimsight.metrics.plan import Window


def evidence(
    context: typer.Context,
    nonconformity: Annotated[str, typer.Argument(metavar="NC", help="Id of the nonconformity.")] = "",
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="Instead: any window of this model.")] = "",
    day: Annotated[str, typer.Option("--window", metavar="DAY", help="A day within that window.")] = "",
) -> None:
    """Make an evidently report of the failing window, or of any other, against the reference, and freeze it."""
    from aimsight.monitors.cli.tables import cell
    from aimsight.monitors.evidence import report_for_nonconformity, report_for_window

    session = Session.of(context)
    if bool(nonconformity) == bool(model) or bool(model) != bool(day):
        raise typer.BadParameter("name a nonconformity, or a model and a window: --model MODEL --window DAY")
    if nonconformity:
        frozen = report_for_nonconformity(session.project, session.store, nonconformity)
    else:
        frozen = report_for_window(session.project, session.store, model, _window(session, model, day))
    session.answer(
        {
            "nonconformity": nonconformity,
            "path": frozen.path,
            "sha256": frozen.record.sha256,
            "bytes": frozen.record.bytes,
            "left_out": frozen.left_out,
        },
        lambda: [
            f"Report: {frozen.path}",
            f"Recorded with {nonconformity or model}; SHA-256 {frozen.record.sha256}",
            *(cell(f"Left out: {column} ({reason})") for column, reason in frozen.left_out.items()),
        ],
    )


def _window(session: Session, model: str, day: str) -> Window:
    """The model's window that holds a day."""
    from aimsight.configs.durations import Duration
    from aimsight.metrics.plan import Window
    from aimsight.monitors.cli.running import parse_moment
    from aimsight.monitors.windows import floor, later
    from aimsight.store.runs import planned_windows

    config = session.model(model)
    zone = config.log.time_zone
    moment = parse_moment(day, zone)
    if not isinstance(config.monitor.window, Duration):
        with session.store.read() as reader:
            cut = planned_windows(reader, config.model, config.monitor.name)
        holding = next((window for window in cut if window.start <= moment < window.end), None)
        if holding is None:
            raise typer.BadParameter(f"no window of {config.monitor.window} that was cut so far holds {day}")
        return holding
    start = floor(config.monitor.window, zone, moment)
    return Window(start, later(config.monitor.window, zone, start))

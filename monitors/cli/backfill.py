"""`aimsight backfill`: measure windows of the past."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from aimsight.monitors.cli.session import Session, now

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aimsight.metrics.plan import Window


def backfill(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Id of the model.")],
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First day of the first window.")],
    until: Annotated[str, typer.Option("--to", metavar="DAY", help="Day after the last window.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the windows.")] = False,
) -> None:
    """Measure the windows of a model that lie wholly between two days; what was run already is not run again."""
    from aimsight.configs.durations import Duration
    from aimsight.configs.errors import AimsightError, NotFoundError
    from aimsight.monitors.alerts import deliver
    from aimsight.monitors.cli import running
    from aimsight.monitors.run import run_model
    from aimsight.monitors.windows import complete, windows
    from aimsight.store.runs import planned_windows

    session = Session.of(context)
    config = session.model(model)
    zone = config.log.time_zone
    moment = now()
    start, end = running.parse_moment(first, zone), running.parse_moment(until, zone)
    if start >= end:
        raise typer.BadParameter(f"--from {first} does not lie before --to {until}")
    if isinstance(config.monitor.window, Duration):
        wanted = complete(windows(config.monitor.window, config.monitor.every, zone, start, end), moment)
    else:  # windows of so many rows are cut by `aimsight run`; those it has cut can be measured again
        cut = []
        with suppress(NotFoundError), session.store.read() as reader:
            cut = planned_windows(reader, config.model, config.monitor.name)
        if not cut:
            raise AimsightError(
                f"{model}: windows of {config.monitor.window} are cut by `aimsight run`, and it has not cut any yet; "
                f"run `aimsight run {model}` once: it measures every window up to now"
            )
        wanted = [window for window in cut if start <= window.start and window.end <= min(end, moment)]
    if dry_run or not wanted:
        session.answer(
            [{"window_start": window.start, "window_end": window.end} for window in wanted],
            lambda: _listing(wanted, zone, f"a window of {config.monitor.window} every {config.monitor.every}"),
        )
        return
    summaries, seconds = running.execute(
        session,
        lambda report: [run_model(session.project, session.store, model, now=moment, windows=wanted, progress=report)],
    )
    if session.project.config.alerts:
        deliver(session.store, session.project, now=moment)
    session.answer(
        running.summary_data(summaries, seconds), lambda: running.summary_tables(summaries, [config], seconds)
    )
    raise typer.Exit(running.exit_code(session, summaries, [config]))


def _listing(wanted: list[Window], zone: str, shape: str) -> list[RenderableType]:
    from aimsight.aims.words import plural, window_words

    if not wanted:
        return [f"No window lies wholly between these days and is over; the model has {shape}."]
    return [*(window_words(window, zone) for window in wanted), f"{plural(len(wanted), 'window')}; nothing was run"]

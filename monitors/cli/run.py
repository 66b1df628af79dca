"""`aimsight run`: measure what is due."""

from __future__ import annotations

from typing import Annotated

import typer

from aimsight.monitors.cli.session import Session


def run(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Only this model; default: all.")] = "",
    at: Annotated[
        str, typer.Option("--now", metavar="MOMENT", help="Run as if it were this moment; later data is not used.")
    ] = "",
) -> None:
    """Measure and judge every window that is due; windows whose data have not changed are not read again.

    Without `aimsight serve`, start it at least as often as the models' windows end (`monitor.every`), by cron for
    example: runs that were planned and did not take place are put on record by the next one.
    """
    from aimsight.monitors.cli import running
    from aimsight.monitors.run import run_due

    session = Session.of(context)
    project = session.project
    models = [session.model(model)] if model else list(project.models.values())
    now = running.moment_or_now(at, project.config.time_zone)
    summaries, seconds = running.execute(
        session,
        lambda report: run_due(project, session.store, now=now, models=[one.model for one in models], progress=report),
    )
    session.answer(
        running.summary_data(summaries, seconds),
        lambda: [*running.summary_tables(summaries, models, seconds), *running.proposed_lines(session, models)],
    )
    raise typer.Exit(running.exit_code(session, summaries, models))

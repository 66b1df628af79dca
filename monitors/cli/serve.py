"""`aimsight serve`: the clock and the dashboard, until somebody stops it."""

from __future__ import annotations

from typing import Annotated

import typer

from aimsight.monitors.cli.session import Session


def serve(
    context: typer.Context,
    dashboard: Annotated[bool, typer.Option(help="Whether to serve the dashboard, too.")] = True,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of the dashboard; 0: the first free one from 8501.")
    ] = 0,
) -> None:
    """Run what is due whenever it is due, and serve the dashboard on this machine. Ctrl-C stops it."""
    from aimsight.monitors.scheduler import serve as serve_project

    session = Session.of(context)
    raise typer.Exit(serve_project(session.project.root, port=port if dashboard else None, say=session.remark))

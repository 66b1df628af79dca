"""`aimsight demo`: two real histories, from the first row to the verdicts."""

from __future__ import annotations

from dataclasses import asdict
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aimsight.configs.errors import AimsightError
from aimsight.monitors.cli.session import Session, now

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aimsight.monitors.cli.queries import Standing
    from aimsight.monitors.run import RunSummary

FOLDER = Path("aimsight-demo")
LEFT_OUT = {".py", ".pyc"}
"""The script that made the data stays in the package: the project needs only what it made."""


def demo(
    context: typer.Context,
    into: Annotated[
        Path, typer.Option("--into", metavar="FOLDER", help="Where to write the demo project; may exist already.")
    ] = FOLDER,
    serve: Annotated[bool, typer.Option(help="Whether to open the dashboard at the end.")] = True,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of the dashboard; 0: the first free one from 8501.")
    ] = 0,
) -> None:
    """Write a project with two real models, run every window of their history and open the dashboard."""
    from aimsight.monitors.cli import queries, running
    from aimsight.monitors.run import run_due

    write_project(files("aimsight.configs") / "demo", into)
    session = Session(into, as_json=Session.of(context).as_json)
    project = session.project
    models = list(project.models.values())
    session.remark(f"Demo project: {project.root}")
    summaries, seconds = running.execute(
        session, lambda report: run_due(project, session.store, now=now(), progress=report)
    )
    standings = queries.standings(session.store, models)
    records = queries.nonconformities(session.store, project.models)
    session.answer(
        running.summary_data(summaries, seconds)
        | {"project": project.root, "objectives": [asdict(one) for one in standings], "nonconformities": records},
        lambda: _for_people(session, summaries, seconds, standings, records),
    )
    if serve:
        from aimsight.monitors.scheduler import serve as serve_project

        raise typer.Exit(serve_project(project.root, port=port, say=session.remark))


def write_project(source: Traversable, folder: Path) -> None:
    """Copy the packaged project; files that are there already stay as they are.

    Raises
    ------
    AimsightError
        The folder holds something else, or cannot be written.
    """
    models = folder / "models"
    known = {model.name for model in (source / "models").iterdir()}
    strangers = [path.name for path in models.glob("*") if path.name not in known] if models.is_dir() else []
    if strangers or (folder.is_dir() and any(folder.iterdir()) and not models.is_dir()):
        raise AimsightError(f"{folder} holds something else than the demo; choose another place with --into FOLDER")
    try:
        _copy(source, folder)
    except OSError as error:
        raise AimsightError(f"{folder}: the demo cannot be written there: {error.strerror or error}") from error


def _copy(source: Traversable, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        place = target / entry.name
        if entry.is_dir():
            if entry.name != "__pycache__":
                _copy(entry, place)
        elif place.suffix not in LEFT_OUT and not place.exists():
            part = place.with_name(f"{place.name}.part")
            part.write_bytes(entry.read_bytes())
            part.replace(place)


def _for_people(
    session: Session,
    summaries: list[RunSummary],
    seconds: float,
    standings: list[Standing],
    records: list[dict[str, object]],
) -> list[RenderableType]:
    from aimsight.aims.words import elapsed, plural
    from aimsight.monitors.cli.nc import nonconformity_table
    from aimsight.monitors.cli.objectives import objective_tables
    from aimsight.monitors.cli.running import one_line
    from aimsight.monitors.cli.tables import aligned, cell

    project = session.project
    rows = sum(summary.rows_scanned for summary in summaries)
    in_folder = f"aimsight -C {session.folder}"
    return [
        *objective_tables(standings, list(project.models.values()), width=session.console.width),
        "",
        *nonconformity_table(records, project.config),
        "",
        *(cell(one_line(summary)) for summary in summaries),
        f"{plural(rows, 'row')} read in {elapsed(seconds)}",
        "",
        *aligned(
            {
                "Configuration": session.folder / "models",
                "Store": session.folder / project.config.store,
                "Data": f"real, see {session.folder / 'PROVENANCE.md'}",
                "Next": f"{in_folder} status",
                "": f"{in_folder} nc",
                " ": f"{in_folder} verify",
                "  ": f"{in_folder} serve",
            }
        ),
    ]

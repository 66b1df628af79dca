"""`aimsight check`: whether the configuration is right."""

from __future__ import annotations

import typer  # noqa: TC002  # typer reads the annotations at run time

from aimsight.aims.words import plural
from aimsight.monitors.cli.session import Session


def check(context: typer.Context) -> None:
    """Check the configuration: every mistake at once, each with file, line and the likely cure."""
    session = Session.of(context)
    project = session.project
    models = project.models.values()
    objectives = sum(len(model.objectives) for model in models)
    session.answer(
        {
            "project": project.root,
            "models": [
                {"model": model.model, "version": model.version, "objectives": [one.id for one in model.objectives]}
                for model in models
            ],
        },
        lambda: [
            (
                f"{project.root}: {plural(len(project.models), 'model')} and {plural(objectives, 'objective')}, "
                "no mistakes."
            ),
            *(
                f"  {model.model} {model.version}: a window of {model.monitor.window} every {model.monitor.every} "
                f"({model.log.time_zone}), {plural(len(model.objectives), 'objective')}"
                for model in models
            ),
        ],
    )

"""`aimsight check`: whether the configuration is right, and how it differs from the objectives in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from aimsight.aims.words import plural
from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    from aimsight.aims.changes import Proposal
    from aimsight.aims.consequences import Consequences


FILES = "  Remarks on log and labels are about the files as they are now; runs may fail until they fit."


def check(context: typer.Context) -> None:
    """Check the configuration: every mistake at once, each with file, line and the likely cure.

    Where the data do not fit - a file or column that is not there, a type that cannot be read -, and what will make
    noise, is remarked, too; the data may still come or change, so that is no error.
    An objective that differs from the version in force is shown as a proposed change, with the past verdicts that would
    have been others.
    """
    from aimsight.monitors.cli.changes import as_data, proposal_lines
    from aimsight.monitors.cli.running import NO_MODELS
    from aimsight.monitors.cli.session import now
    from aimsight.monitors.remarks import remarks

    session = Session.of(context)
    project = session.project
    models = project.models.values()
    objectives = sum(len(model.objectives) for model in models)
    found = _proposed(session)
    weak = _cannot_be_judged(session)
    told = remarks(project, now())
    mistakes = f"no mistakes, but {plural(len(told), 'remark')}:" if told else "no mistakes."
    session.answer(
        {
            "project": project.root,
            "models": [
                {"model": model.model, "version": model.version, "objectives": [one.id for one in model.objectives]}
                for model in models
            ],
            "proposals": [as_data(*one) for one in found],
            "cannot_be_judged": weak,
            "remarks": [
                {
                    "file": one.file,
                    "line": one.line,
                    "key": one.key,
                    "problem": one.problem,
                    "suggestion": one.suggestion,
                }
                for one in told
            ],
        },
        lambda: [
            (
                f"{project.root}: {plural(len(project.models), 'model')} and {plural(objectives, 'objective')}, "
                f"{mistakes}"
            ),
            *(f"  {one}" for one in told),
            *([FILES] if any(one.key.partition(".")[0] in ("log", "labels") for one in told) else []),
            *(
                f"  {model.model} {model.version}: a window of {model.monitor.window} every {model.monitor.every} "
                f"({model.log.time_zone}), {plural(len(model.objectives), 'objective')}"
                for model in models
            ),
            *proposal_lines(found, project.config.changes),
            *_nothing_in_force(session),
            *(f"  {model} {name}: {why}" for model, told in weak.items() for name, why in told.items()),
            *_slow(session),
            *([] if models else [NO_MODELS]),
            *(["What each objective can show at its volume: aimsight plan"] if objectives else []),
        ],
    )


def _nothing_in_force(session: Session) -> list[str]:
    """What to do first where objectives need approval and there is no store yet."""
    if session.project.config.changes != "approve" or session.store.path.exists():
        return []
    return [
        (
            "No objective is in force yet: `aimsight changes propose` puts them on record, a second person approves "
            "them with `aimsight changes approve --all`. Until then runs measure, and the run after that judges."
        )
    ]


def _slow(session: Session) -> list[str]:
    """One line on the objectives that are measured on the rows themselves, where there are any."""
    from aimsight.metrics.registry import find

    models = session.project.models.values()
    found = [
        (f"{model.model} " if len(models) > 1 else "") + f"{objective.id} ({metric.id})"
        for model in models
        for objective in model.objectives
        if (metric := find(objective.metric)).kind in ("sample", "frame")
    ]
    if not found:
        return []
    return [f"Measured on samples of rows, seconds a window instead of milliseconds: {', '.join(found)}"]


def _cannot_be_judged(session: Session) -> dict[str, dict[str, str]]:
    """By model and objective: why its windows would get no verdict at their volume; only what is quickly known."""
    from aimsight.aims.planning.plan import cannot_be_judged
    from aimsight.configs.errors import AimsightError
    from aimsight.monitors.cli.session import now
    from aimsight.monitors.planning import basis_of

    out: dict[str, dict[str, str]] = {}
    for model in session.project.models.values():
        try:
            basis = basis_of(session.project, session.store, model, now(), make=False)
        except AimsightError:  # no reference, or a store that cannot be read now: neither is a mistake here
            continue
        if basis is None:
            continue
        min_group = model.min_group or session.project.config.min_group
        told = {
            one.id: cannot_be_judged(model, one, basis.reference, basis.volume, min_group) for one in model.objectives
        }
        out[model.model] = {name: why for name, why in told.items() if why}
    return {model: told for model, told in out.items() if told}


def _proposed(session: Session) -> list[tuple[Proposal, Consequences]]:
    """The differences; none where there is no store yet, or only one that the next run upgrades."""
    from aimsight.configs.errors import NotFoundError, StoreVersionError
    from aimsight.monitors.cli.changes import proposed

    try:
        return proposed(session)
    except (NotFoundError, StoreVersionError) as error:
        session.remark(f"Objectives were not compared with those in force: {error}")
        return []

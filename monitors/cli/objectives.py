"""`aimsight objectives`: where each objective stands, and how it came there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from aimsight.monitors.cli.session import NONCONFORMING, Session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aimsight.configs.schema import ModelConfig
    from aimsight.monitors.cli.queries import Standing

FEWEST_IN_STRIP = 6
OTHER_COLUMNS = 74
"""What the other columns take of the width; the strip grows with the rest."""
VERDICT_WIDTH = len("■ nonconforming")
TARGET_WIDTH = len("between -1.5")


def objectives(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Only this model.")] = "",
) -> None:
    """Show each objective with its latest value, its target, its verdict and the verdicts before it.

    Where changes are approved, the target is the one in force; what the files say otherwise is told below.
    """
    from aimsight.aims.verdicts import Verdict
    from aimsight.monitors.cli.queries import standings
    from aimsight.monitors.cli.running import not_in_force, proposed_lines

    session = Session.of(context)
    models = session.shown([session.model(model)] if model else session.project.models.values())
    waiting = not_in_force(session, models)
    targets = {(one.model, objective.id): objective.target for one in models for objective in one.objectives}
    judged = standings(session.store, models)
    moved = [one for one in judged if session.project.config.changes == "approve" and targets[_key(one)] != one.target]
    found = [
        replace(one, in_force=False, reason="not in force: nobody has approved it")
        if one.objective in waiting.get(one.model, ())
        else replace(one, target=targets[_key(one)])
        if one in moved
        else one
        for one in judged
    ]
    session.answer(
        [asdict(one) for one in found],
        lambda: [
            *objective_tables(found, models, width=session.console.width),
            *([""] if (proposed := [*map(_moved, moved), *proposed_lines(session, models)]) else []),
            *proposed,
        ],
    )
    if any(one.verdict is Verdict.NONCONFORMING for one in found):
        raise typer.Exit(NONCONFORMING)


def _key(one: Standing) -> tuple[str, str]:
    return one.model, one.objective


def _moved(one: Standing) -> str:
    """What the last window was judged by, where another target has come into force since."""
    return f"{one.model}/{one.objective}: its last window was judged by {one.target}, which held then."


def objective_tables(found: Sequence[Standing], models: Sequence[ModelConfig], *, width: int) -> list[RenderableType]:
    """One table a model: objective, value with interval, target, verdict and the strip of verdicts before it."""
    from aimsight.aims.words import metric_name, value_text, window_words
    from aimsight.monitors.cli.tables import cell, legend, strip, table, verdict_text

    zones = {model.model: model.log.time_zone for model in models}
    parts: list[RenderableType] = []
    for name, group in groupby(found, key=lambda one: one.model):
        mine = list(group)
        latest = max((one.window.end for one in mine if one.window), default=None)
        window = next((one.window for one in mine if one.window and one.window.end == latest), None)
        when = f", {window_words(window, zones[name])}" if window else ", nothing judged yet"
        made = table(
            "Objective", "Value", "Target", "Verdict", "Recent", title=f"{name}{when}", fixed=["Value"],
            least={"Verdict": VERDICT_WIDTH, "Recent": FEWEST_IN_STRIP}, most={"Target": TARGET_WIDTH},
        )  # fmt: skip
        for one in mine:
            value = "–" if one.value is None else value_text(one.value, one.ci_low, one.ci_high)
            older = f"\n{window_words(one.window, zones[name])}" if one.window and one.window.end != latest else ""
            made.add_row(
                cell(f"{one.objective} {metric_name(one.metric)} {one.where}".strip()),
                cell(value) + older,
                cell(one.target if one.in_force else f"{one.target} (proposed)"),
                verdict_text(one.verdict),
                strip(one.history, max(FEWEST_IN_STRIP, width - OTHER_COLUMNS)),
            )
        parts += [made, ""]
    if not found:
        return ["No model has an objective yet. Objectives stand in models/*.yaml."]
    return [*parts[:-1], "", legend(verdict for one in found for verdict in (one.verdict, *one.history))]

"""`aimsight plan`: what each objective can show at its volume, before it is relied on."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aimsight.monitors.cli.session import Session, now

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from aimsight.aims.planning.plan import ObjectivePlan
    from aimsight.configs.schema import ModelConfig
    from aimsight.monitors.planning import Basis

LATEST = 6
NUMBERS = ("Now", "Limit", "Rows", "Falsely a year", "Found 80 %", "95 %", "80 % in 6")
"""The numbers of the table."""
WIDE = 96
"""Columns of a terminal from which the last of them is shown."""


def plan(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Only this model.")] = "",
    rows: Annotated[
        int | None, typer.Option("--rows", min=1, metavar="ROWS", help="Rows of a window; default: as in the last.")
    ] = None,
    record: Annotated[bool, typer.Option(help="Whether to put the plan on record, for the dashboard.")] = True,
    proposed: Annotated[
        bool, typer.Option("--proposed", help="Plan what the files say, also where something else is in force.")
    ] = False,
) -> None:
    """Show, for each objective, its false nonconformities a year and the smallest deterioration it finds.

    Windows are drawn from the reference, measured, judged and counted as real ones are. Where changes are approved, the
    objectives are those in force, and new ones that wait for their approval. A plan for other rows than the expected
    ones, or of proposed targets, is not put on record.
    """
    from aimsight.aims.planning.plan import plan_model
    from aimsight.aims.words import plain
    from aimsight.configs.errors import AimsightError
    from aimsight.monitors.cli.progress import shown
    from aimsight.monitors.cli.running import proposed_lines
    from aimsight.monitors.planning import basis_of

    session = Session.of(context)
    project = session.project
    declared = [session.model(model)] if model else list(project.models.values())
    models = declared if proposed else session.shown(declared)
    found: list[tuple[ModelConfig, Basis, list[ObjectivePlan]]] = []
    with shown(session.aside, wanted=not session.as_json) as report:
        for one in models:
            try:
                basis = basis_of(project, session.store, one, now(), rows=rows)
            except AimsightError as error:
                if model:
                    raise
                session.remark(plain(str(error)))
                continue
            if basis is not None:
                min_group = one.min_group or project.config.min_group
                found.append((one, basis, plan_model(one, basis.reference, basis.volume, min_group, report)))
    if record and rows is None and models == session.shown(declared):
        _record(session, found)
    session.answer(
        [_data(one, basis, plans) for one, basis, plans in found],
        lambda: [
            *_for_people(found, session.console.width),
            *([""] if (told := proposed_lines(session, declared)) else []),
            *told,
        ],
    )


def _record(session: Session, found: list[tuple[ModelConfig, Basis, list[ObjectivePlan]]]) -> None:
    """Keep the plans in the store, once there is one; where it cannot be written they are shown all the same."""
    from aimsight.aims.planning.record import save_plans
    from aimsight.configs.errors import StoreError
    from aimsight.configs.hashes import config_hash

    if not session.store.path.exists() or not found:
        return
    try:
        with session.store.write() as tx:
            for one, basis, plans in found:
                save_plans(tx, one.model, plans, config_hash=config_hash(one), reference=basis.reference.fingerprint)
    except StoreError as error:
        session.remark(f"the plans are not kept: {error}")


def _data(model: ModelConfig, basis: Basis, plans: list[ObjectivePlan]) -> dict[str, Any]:
    return {
        "model": model.model,
        "window": str(model.monitor.window),
        "every": str(model.monitor.every),
        "volume": asdict(basis.volume),
        "reference": basis.reference.name,
        "is_frozen": basis.is_frozen,
        "objectives": [asdict(one) for one in plans],
    }


def _for_people(found: list[tuple[ModelConfig, Basis, list[ObjectivePlan]]], width: int) -> list[RenderableType]:
    from aimsight.monitors.cli.tables import cell, item

    parts: list[RenderableType] = []
    for one, basis, plans in found:
        parts += [_table(one, basis, plans, width), ""]
        plain = [plan.objective for plan in plans if _says_it_all(plan)]
        if plain:
            parts.append(item(f"{', '.join(plain)}.", "Found as asked:"))
        parts += [item(plan.sentence, f"{plan.objective}:") for plan in plans if not _says_it_all(plan)]
        parts.append("")
        if not basis.is_frozen:
            parts += ["The reference is not frozen yet; the first run freezes it.", ""]
    if not found:
        return ["No model can be planned: a plan needs a reference and an objective."]
    warns = any(plan.warns for _, _, plans in found for plan in plans)
    return [*parts, cell(f"{EXPLANATION} {OF_ESTIMATES}" if warns else EXPLANATION)]


def _says_it_all(plan: ObjectivePlan) -> bool:
    """Whether the table says all of an objective: its target is met, and what is asked is found."""
    from aimsight.aims.planning.standing import ENOUGH

    return plan.standing == ENOUGH and plan.opens_as_is is None and not plan.warns


EXPLANATION = (
    "Limit: target and tolerance. Falsely a year: expected records that nothing has caused, as things are in the "
    "reference – and at most, exactly at the target. Found: the smallest deterioration that opens a record with this "
    "probability, within the windows that the rule looks at (or within six)."
)
OF_ESTIMATES = "An estimate opens no record: of it, warnings are counted, which are windows at risk."


def _table(model: ModelConfig, basis: Basis, plans: list[ObjectivePlan], width: int) -> Table:
    from aimsight.aims.words import count, metric_name
    from aimsight.monitors.cli.tables import cell, table

    volume = basis.volume
    title = (
        f"{model.model}: a window of {model.monitor.window} every {model.monitor.every}, about {count(volume.rows)} "
        f"rows ({volume.known_from})"
    )
    shown = NUMBERS if width >= WIDE else NUMBERS[:-1]
    made = table("Objective", *shown, title=title, right=shown, fixed=shown)
    for one in plans:
        name = f"{one.objective} {metric_name(one.metric)} {one.where}".strip()
        made.add_row(cell(name), *map(cell, numbers(one)[: len(shown)]))
    return made


def numbers(plan: ObjectivePlan) -> list[str]:
    """The numbers of a plan as texts: now, limit, rows, false a year, found by the rule with 80 and 95 %, in six."""
    from aimsight.aims.planning.sentences import false_words, found_words, limit_words
    from aimsight.aims.words import count, decimals, number

    if plan.value is None:
        return ["–"] * 7
    places = decimals(plan.limit, plan.asked)
    own = plan.found[0]
    six = next((one for one in plan.found if one.windows == LATEST), own)
    return [
        number(plan.value, places),
        limit_words(plan),
        count(plan.rows),
        false_words(plan.false_now, plan.false_at_target),
        found_words(own.likely, places),
        found_words(own.nearly_sure, places),
        found_words(six.likely, places),
    ]

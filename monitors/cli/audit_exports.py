"""`aimsight audit oscal` and `aimsight audit records`: what the store holds, for other programs."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from aimsight.monitors.cli.acting import As
from aimsight.monitors.cli.session import Session


def oscal(
    context: typer.Context,
    into: Annotated[
        Path, typer.Option("--into", metavar="FOLDER", help="Where to; files there are replaced.", show_default=False)
    ],
    who: As = "",
) -> None:
    """Write OSCAL assessment results and the plan of action and milestones of what is open, as JSON.

    The same store gives the same bytes. Without an open nonconformity there is no plan: OSCAL knows no empty one. That
    they were made, by whom, and their hashes enter the ledger.
    """
    from aimsight.aims.exports.oscal import as_bytes, assessment_results, facts_of, plan_of_action
    from aimsight.configs.errors import AimsightError
    from aimsight.configs.standard import load_standard
    from aimsight.store.exported import part_of, release

    session = Session.of(context)
    actor = session.exporter(who)
    with session.store.read() as reader:
        facts = facts_of(
            reader, load_standard().outline, session.project.config.organisation, f"aimsight {version('aimsight')}"
        )
    plan = plan_of_action(facts)
    documents = {"assessment-results.json": assessment_results(facts)}
    documents |= {} if plan is None else {"poam.json": plan}
    try:
        into.mkdir(parents=True, exist_ok=True)
        for name, document in documents.items():
            part_of(into / name).write_bytes(as_bytes(document))
        release(session.store, actor, "OSCAL", [into / name for name in documents], entries=facts.origin.entries)
        if plan is None:
            (into / "poam.json").unlink(missing_ok=True)
    except OSError as error:
        raise AimsightError(f"{into} cannot be written: {error.strerror or error}") from error
    files = [into / name for name in documents]
    remark = [] if plan is not None else ["No nonconformity is open, so there is no plan of action and milestones."]
    session.answer({"files": files, "entries": facts.origin.entries}, lambda: [*map(str, files), *remark])


def records(
    context: typer.Context,
    into: Annotated[
        Path, typer.Option("--into", metavar="FILE", help="A file of JSON lines; replaced.", show_default=False)
    ],
    as_xapi: Annotated[bool, typer.Option("--xapi", help="As xAPI statements instead.")] = False,
    who: As = "",
) -> None:
    """Write operational records as JSON lines: monitoring events, decisions, overrides, assessments, exports.

    `aimsight schema envelope` prints their JSON Schema. The same store gives the same bytes. That they were made, by
    whom, and their hash enter the ledger.
    """
    from aimsight.aims.exports.records import as_line, records_of
    from aimsight.aims.exports.xapi import statement
    from aimsight.configs.errors import AimsightError
    from aimsight.store.exported import last_entry, part_of, release

    session = Session.of(context)
    actor = session.exporter(who)
    count = 0
    try:
        with session.store.read() as reader, part_of(into).open("wb") as file:
            entries = last_entry(reader)
            for one in records_of(reader, session.project.config.organisation):
                file.write(as_line(statement(one) if as_xapi else one))
                count += 1
        what = "xAPI statements" if as_xapi else "operational records"
        release(session.store, actor, what, [into], entries=entries)
    except OSError as error:
        raise AimsightError(f"{into} cannot be written: {error.strerror or error}") from error
    session.answer({"file": into, "records": count}, lambda: [f"{into}: {count:,} records"])

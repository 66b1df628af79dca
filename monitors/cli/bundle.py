"""`aimsight audit bundle`: a part of the records as a folder that an auditor verifies offline."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from aimsight.monitors.cli.acting import As
from aimsight.monitors.cli.session import Session


def bundle(
    context: typer.Context,
    into: Annotated[Path, typer.Option("--into", metavar="FOLDER", help="A new folder.", show_default=False)],
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="Records from this day on.")] = "",
    until: Annotated[str, typer.Option("--to", metavar="DAY", help="Records before this day.")] = "",
    record: Annotated[str, typer.Option("--record", metavar="ID", help="One record, such as NC-2026-0001.")] = "",
    who: As = "",
) -> None:
    """Export records with their ledger entries, checkpoints and evidence, and the program that verifies them.

    The auditor needs Python and nothing else: `python check_bundle.py` in the folder. The same choice gives the same
    bytes. That it was made, by whom, and its hash enter the ledger.
    """
    from aimsight.aims.words import plural
    from aimsight.monitors.cli.running import parse_moment
    from aimsight.store.bundle import CHECKER, Choice, export

    session = Session.of(context)
    if record and (first or until):
        raise typer.BadParameter("choose a period (--from, --to) or one record (--record)")
    zone = session.project.config.time_zone
    start, end = (parse_moment(day, zone) if day else None for day in (first, until))
    if start is not None and end is not None and start >= end:
        raise typer.BadParameter(f"--from {first} does not lie before --to {until}")
    done = export(
        session.store,
        into,
        Choice(start, end, record or None),
        organisation=session.project.config.organisation,
        version=version("aimsight"),
        evidence=session.project.root / session.project.config.evidence,
        actor=session.exporter(who),
    )
    session.answer(
        {
            "folder": done.folder,
            "last_entry": done.last,
            "chosen_entries": done.chosen,
            "files": done.files,
            "manifest_sha256": done.manifest_sha256,
        },
        lambda: [
            f"{done.folder}: {done.files:,} files about {plural(done.chosen, 'entry', 'entries')} of {done.last:,}",
            f"SHA-256 of the manifest {done.manifest_sha256}",
            f"To verify it: python {done.folder / CHECKER}",
        ],
    )

"""`aimsight evidence`: a report of what a nonconformity was about, kept with its record."""

from __future__ import annotations

from typing import Annotated

import typer

from aimsight.monitors.cli.session import Session


def evidence(
    context: typer.Context,
    nonconformity: Annotated[str, typer.Argument(metavar="NC", help="Id of the nonconformity.")],
) -> None:
    """Make a report of the failing window against the reference, and freeze it as evidence of the nonconformity."""
    from aimsight.monitors.cli.tables import cell
    from aimsight.monitors.evidence import report_for_nonconformity

    session = Session.of(context)
    frozen = report_for_nonconformity(session.project, session.store, nonconformity)
    session.answer(
        {
            "nonconformity": nonconformity,
            "path": frozen.path,
            "sha256": frozen.record.sha256,
            "bytes": frozen.record.bytes,
            "left_out": frozen.left_out,
        },
        lambda: [
            f"Report: {frozen.path}",
            f"Recorded with {nonconformity}; SHA-256 {frozen.record.sha256}",
            *(cell(f"Left out: {column} ({reason})") for column, reason in frozen.left_out.items()),
        ],
    )

"""`aimsight init`: the first configuration of a model, as far as it can be read from its log."""

from __future__ import annotations

from typing import Annotated

import typer

from aimsight.monitors.cli.session import Session, now


def init(
    context: typer.Context,
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Id of the model: lower-case letters, digits, hyphens.")
    ],
    log: Annotated[
        str, typer.Option("--log", metavar="FILE", help="Its inference log: a file, a folder, or a glob in quotes.")
    ],
    labels: Annotated[
        str, typer.Option("--labels", metavar="FILE", help="Its labels, when they lie in files of their own.")
    ] = "",
    table: Annotated[str, typer.Option("--table", metavar="NAME", help="Table of the log in a DuckDB file.")] = "",
    labels_table: Annotated[
        str, typer.Option("--labels-table", metavar="NAME", help="Table of the labels in a DuckDB file.")
    ] = "",
) -> None:
    """Write models/MODEL.yaml from the log's columns; what a person must decide is marked DECIDE."""
    from aimsight.monitors.first_look import write_first_configuration

    session = Session.of(context)
    written = write_first_configuration(
        session.folder, model, log, labels or None, table=table or None, labels_table=labels_table or None, now=now()
    )
    session.answer(
        {"written": written.files, "to_decide": written.to_decide},
        lambda: [
            *(f"Written: {path}" for path in written.files),
            f"Left for a person to decide ({len(written.to_decide)}):",
            *(f"  {place}" for place in written.to_decide),
            "Edit it, then check it with: aimsight check",
        ],
    )

"""`aimsight query`: read-only SQL over the public views, for notebooks, spreadsheets and BI tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aimsight.aims.csv_files import write_csv
from aimsight.aims.words import plural
from aimsight.configs.errors import AimsightError
from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import RenderableType

VIEWS = "measurements, evaluations, nonconformities, runs, events, objectives, models."

MOST_ROWS = 200
"""So many rows appear in a table for people; the machine formats hold all of them."""

LONGEST_CELL = 40
"""Longer texts are wrapped within a table."""


def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT over the views " + VIEWS)],
    as_csv: Annotated[bool, typer.Option("--csv", help="Answer in CSV.")] = False,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write the answer to a Parquet file.")
    ] = None,
) -> None:
    """Answer one read-only SQL query, for example: "SELECT * FROM evaluations WHERE is_latest"."""
    from aimsight.store.query import query as ask

    session = Session.of(context)
    if sum([as_csv, parquet is not None, session.as_json]) > 1:
        raise typer.BadParameter("choose one of --json, --csv and --parquet FILE")
    answer = ask(session.store, sql)
    if parquet is not None:
        _write_parquet(answer, parquet)
        session.remark(f"{plural(answer.num_rows, 'row')} written to {parquet}")
    elif as_csv:
        write_csv(answer.column_names, (row.values() for row in answer.to_pylist()), sys.stdout)
    else:
        session.answer(answer.to_pylist(), lambda: for_people(answer, session.console.width))


def _write_parquet(answer: pa.Table, path: Path) -> None:
    import pyarrow.parquet

    part = path.with_name(f"{path.name}.part")
    try:
        pyarrow.parquet.write_table(answer, part)
        part.replace(path)
    except OSError as error:
        raise AimsightError(f"{path} cannot be written: {error.strerror or error}") from error


def for_people(answer: pa.Table, width: int) -> list[RenderableType]:
    """A table; or, where its columns do not fit, one record below the other."""
    from aimsight.monitors.cli.tables import cell, facts, table

    rows = answer.slice(0, MOST_ROWS).to_pylist()
    names = answer.column_names
    parts: list[RenderableType]
    if sum(_width(name, rows) + 1 for name in names) > width and rows:
        parts = []
        for number, row in enumerate(rows, 1):
            parts += [f"Row {number}", facts({name: row[name] for name in names}), ""]
    else:
        made = table(*names, right=[name for name in names if rows and isinstance(rows[0][name], int | float)])
        for row in rows:
            made.add_row(*(cell(row[name]) for name in names))
        parts = [made]
    hidden = answer.num_rows - len(rows)
    rest = f" ({hidden:,} more; --json, --csv and --parquet FILE give all)" if hidden else ""
    return [*parts, f"{plural(answer.num_rows, 'row')}{rest}"]


def _width(name: str, rows: list[dict[str, Any]]) -> int:
    """Columns of the terminal that a column takes without wrapping words; long texts may take more than one line."""
    return max([len(name), *(min(len(str(row[name])), LONGEST_CELL) for row in rows)])

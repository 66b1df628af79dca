"""The first look at a log: what its columns and a sample of its rows suggest, written as a first configuration.

Nothing is asked that can be read, and nothing is decided that only a person can decide.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import TypeAdapter, ValidationError

from aimsight.configs.durations import Duration
from aimsight.configs.errors import AimsightError, ConfigError, SourceError, quoted_list
from aimsight.configs.fields import Slug
from aimsight.configs.load import MODELS_FOLDER, PROJECT_FILE, load_project
from aimsight.configs.templates import FirstModel, LogColumn, guess, render_model, render_project
from aimsight.metrics.engines.connection import connect, run
from aimsight.metrics.engines.expressions import OFFSET, tells_zone, written_time
from aimsight.metrics.engines.sql import quote_ident, quote_list, quote_text
from aimsight.metrics.engines.tables import PLAIN_CSV, Csv, Table, kind_of, open_table, tables_of
from aimsight.metrics.sources import format_of, resolve, suffix_of
from aimsight.monitors.first_model import (
    COMPACT,
    MOST_CLASSES,
    FirstSource,
    Seen,
    epochs,
    first_model,
    first_window,
    label_columns,
    time_formats,
    words_of_time,
)
from aimsight.monitors.windows import ceiling

if TYPE_CHECKING:
    import duckdb

SAMPLE_ROWS = 20_000
FIRST_TEXTS = 100
"""So many texts of a column are tried first as times; most columns of text are none."""
RECENT_FILES = 30
"""A sample is taken from so many of the newest files."""
CLOSED = timedelta(days=30)
"""A log whose last window ended so long ago, and two windows ago, is a history that is closed."""
YEAR_FIRST = re.compile(r"^[0-9]{4}-")
_MEMORY = "300MB"
_THREADS = 2


@dataclass(frozen=True, slots=True)
class Written:
    """The files that were written, and the keys whose values a person has to decide."""

    files: tuple[Path, ...]
    to_decide: tuple[str, ...]


def write_first_configuration(
    folder: Path,
    model: str,
    log: str,
    labels: str | None = None,
    *,
    table: str | None = None,
    labels_table: str | None = None,
    now: datetime | None = None,
) -> Written:
    """Write ``models/MODEL.yaml``, and ``aimsight.yaml`` where there is none.

    Parameters
    ----------
    folder
        The project folder; made where there is none.
    model
        Id of the model.
    log, labels
        Files, globs or folders as a person types them: relative to the current folder.
    table, labels_table
        Tables in DuckDB files; not needed where a file has one only.
    now
        The present: a log that ended long before is taken for a history that is closed.

    Raises
    ------
    AimsightError
        The id is no id, or the model has a file already: nothing is ever overwritten.
    SourceError, SchemaError
        A file cannot be read.
    """
    _check_id(model)
    path = folder / MODELS_FOLDER / f"{model}.yaml"
    if path.exists():
        raise AimsightError(f"{path} exists already and is not overwritten; choose another id, or edit the file")
    read = Files.of(log, table, "--table")
    truth = None if labels is None else Files.of(labels, labels_table, "--labels-table")
    if truth == read:  # the log holds its labels
        truth = None
    found = look(read, folder, now)
    described = None if truth is None else look(truth, folder)
    first = first_model(model, found, follower(read, found), described)
    if truth is not None and described is not None:
        first = first_model(model, found, follower(read, found), described, delays(read, truth, first, described))
    text = render_model(first)
    files = [path]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        project = folder / PROJECT_FILE
        if not project.exists():
            with project.open("x", encoding="utf-8") as file:
                file.write(render_project())
            files.append(project)
    except OSError as error:
        raise AimsightError(f"{error.filename or folder} cannot be written: {error.strerror or error}") from error
    return Written(tuple(files), tuple(undecided(folder, {file.relative_to(folder).as_posix() for file in files})))


def undecided(folder: Path, files: Collection[str]) -> list[str]:
    """The places of some files of a project that wait for a person: ``models/m.yaml:3 owner``."""
    try:
        load_project(folder)
    except ConfigError as error:
        return [
            f"{problem.file}:{problem.line} {problem.key}"
            for problem in error.problems
            if problem.file in files and "still to be decided" in problem.problem
        ]
    return []


@dataclass(frozen=True, slots=True)
class Files:
    """The files that a person named; ``recent`` are the newest ones, of which samples are taken."""

    source: str
    paths: tuple[Path, ...]
    table: str | None

    @classmethod
    def of(cls, typed: str, table: str | None, option: str) -> Self:
        """What a person named: a folder stands for its files, a DuckDB file with one table for that.

        Raises
        ------
        SourceError
            If there is nothing to read, or ``option`` has to say what.
        """
        source = glob_of(Path(typed)) if Path(typed).is_dir() else typed
        paths = tuple(resolve(source, Path.cwd()))
        if format_of(paths[0]) == "duckdb" and table is None:
            with connect(paths[:1], memory_limit=_MEMORY, threads=_THREADS) as connection:
                known = tables_of(connection, "source0")
            if len(known) != 1:
                raise SourceError(f"{paths[0]} has {len(known)} tables; choose one with {option}: {quoted_list(known)}")
            table = known[0]
        return cls(source, paths, table)

    @property
    def recent(self) -> list[Path]:
        """The newest files, by their names."""
        return list(self.paths[-RECENT_FILES:])


def glob_of(folder: Path) -> str:
    """The glob of all files of a folder that can be read.

    Raises
    ------
    SourceError
        If there are none, or files of several kinds.
    """
    found: dict[str, set[int]] = {}
    for path in sorted(folder.rglob("*")):
        suffix = suffix_of(path)
        if suffix and path.is_file():
            found.setdefault(suffix, set()).add(len(path.relative_to(folder).parts))
    if len(found) != 1:
        what = f"files of several kinds ({quoted_list(found)})" if found else "no file that can be read"
        raise SourceError(f"{folder} holds {what}; name them by a glob, such as '{folder}/*.parquet'")
    ((suffix, depths),) = found.items()
    levels = ["*"] * (min(depths) - 1) if len(depths) == 1 else ["**"]
    return "/".join([folder.as_posix(), *levels, f"*{suffix}"])


def look(files: Files, folder: Path, now: datetime | None = None) -> FirstSource:
    """The columns of the newest file, with what a sample of rows from files like it shows of each."""
    looked = list(dict.fromkeys([files.paths[0], *files.recent]))
    with connect(looked, memory_limit=_MEMORY, threads=_THREADS) as connection:
        csv = Csv()
        seen = _columns(connection, files, looked, csv)
        if format_of(looked[0]) == "csv":
            csv = Csv(_guesses_times(connection, looked[-1], seen), any(map(_writes_commas, seen)))
            seen = seen if csv == Csv() else _columns(connection, files, looked, csv)
        ends = [open_table(connection, [path], looked, files.table, csv=csv) for path in (looked[0], looked[-1])]
        seen = tuple(replace(one, days=_days(connection, ends, one)) for one in seen)
        density = _rows_a_day(connection, ends[-1], seen)
    last = next((one.days[1] for one in seen if one.days), None)
    end = None if last is None or now is None else _end(datetime.fromisoformat(last), first_window(density), now)
    return FirstSource(_as_written(files.source, folder), seen, files.table, density, end, csv.decimal_comma)


def _columns(connection: duckdb.DuckDBPyConnection, files: Files, looked: Sequence[Path], csv: Csv) -> tuple[Seen, ...]:
    rows = _sample(connection, files, looked, csv)
    cells = [f"c{number}" for number in range(len(rows.columns))]
    listed = ", ".join(f"{quote_ident(name)} AS {cell}" for name, cell in zip(rows.columns, cells, strict=True))
    run(
        connection,
        f"CREATE OR REPLACE TEMP TABLE sample AS SELECT {listed} FROM {rows.parts[0][0]} LIMIT {SAMPLE_ROWS}",
    )
    return tuple(
        _seen(connection, LogColumn(name, rows.type_of(name)), cell)
        for name, cell in zip(rows.columns, cells, strict=True)
    )


def _writes_commas(seen: Seen) -> bool:
    """Whether a column of text holds numbers with decimal commas."""
    numbers = all(re.fullmatch(r"-?[0-9]+(,[0-9]+)?", value) for value in seen.values)
    return seen.column.type == "VARCHAR" and numbers and any("," in value for value in seen.values)


def _guesses_times(connection: duckdb.DuckDBPyConnection, path: Path, seen: Sequence[Seen]) -> bool:
    """Whether DuckDB has taken texts for times that do not begin with the year: it may take the day for the month."""
    raw = f"read_csv({quote_list([str(path)])}, all_varchar = true, hive_partitioning = false)"
    for one in seen:
        if kind_of(one.column.type) == "naive timestamp":
            name = quote_ident(one.column.name)
            found = run(connection, f"SELECT {name} FROM {raw} WHERE {name} IS NOT NULL LIMIT 1")
            if found and not YEAR_FIRST.match(str(found[0][0])):
                return True
    return False


def _end(last: datetime, every: str, now: datetime) -> str | None:
    """The day after the window with the last row, where that ended long ago; in UTC, as the first time zone is."""
    length = Duration.parse(every)
    end = ceiling(length, "UTC", last.replace(tzinfo=UTC) + timedelta(days=1))
    silent = now - end
    return f"{end:%Y-%m-%d}" if silent >= CLOSED and silent.total_seconds() > 7200 * length.typical_hours else None


def _sample(connection: duckdb.DuckDBPyConnection, files: Files, looked: Sequence[Path], csv: Csv = PLAIN_CSV) -> Table:
    """The newest files that have the columns of the very newest: a column may have been renamed on the way."""
    newest = open_table(connection, files.recent[-1:], looked, files.table, csv=csv)
    every = open_table(connection, files.recent, looked, files.table, csv=csv)
    alike = next(place for place, (_, types) in enumerate(every.parts) if types == newest.parts[0][1])
    return replace(newest, parts=(every.parts[alike],))


def _seen(connection: duckdb.DuckDBPyConnection, column: LogColumn, cell: str) -> Seen:
    counted = f"count(*), count({cell}), count(DISTINCT {cell}::VARCHAR)"
    ((rows, given, distinct),) = run(connection, f"SELECT {counted} FROM sample")
    values = run(
        connection,
        f"SELECT DISTINCT {cell}::VARCHAR AS value FROM sample WHERE {cell} IS NOT NULL "
        f"ORDER BY value LIMIT {MOST_CLASSES + 1}",
    )
    low = high = None
    if column.kind == "numeric":
        numbers = f"SELECT {cell}::DOUBLE AS x FROM sample"
        ((low, high),) = run(connection, f"SELECT min(x), max(x) FROM ({numbers}) WHERE isfinite(x)")
    formats: tuple[str, ...] = ()
    if column.type == "VARCHAR" and given:
        formats = _fitting(connection, cell, time_formats())
    elif words_of_time(column) and low is not None and high is not None:
        formats = epochs(float(str(low)), float(str(high))) or _fitting(connection, cell, COMPACT)
    zoned = kind_of(column.type) == "timestamp" or bool(formats and _zoned(connection, cell, formats[0]))
    unique = rows == given == distinct and bool(rows)
    texts = tuple(str(row[0]) for row in values)
    return Seen(column, unique, texts, _number(low), _number(high), formats=formats, tells_zone=zoned)


def _fitting(connection: duckdb.DuckDBPyConnection, cell: str, formats: tuple[str, ...]) -> tuple[str, ...]:
    """Those ways of writing a time that every value of a column is written in; a few values are tried first."""
    first = f"(SELECT {cell} FROM sample WHERE {cell} IS NOT NULL LIMIT {FIRST_TEXTS})"
    for rows in (first, "sample"):
        if formats:
            counted = ", ".join(f"count({_tried(cell, form)})" for form in formats)
            ((given, *counts),) = run(connection, f"SELECT count({cell}), {counted} FROM {rows}")
            formats = tuple(form for form, count in zip(formats, counts, strict=True) if count == given)
    return formats


def _tried(cell: str, form: str) -> str:
    """A time written so, ``NULL`` for any other text."""
    text = f"CAST({cell} AS VARCHAR)"
    if form != "iso8601":
        return f"try_strptime({text}, {quote_text(form)})"
    clock = quote_text(f"{YEAR_FIRST.pattern}[0-9]{{2}}-[0-9]{{2}}[T ][0-9]{{2}}:")
    return f"CASE WHEN regexp_matches({text}, {clock}) THEN TRY_CAST({text} AS TIMESTAMPTZ) END"


def _zoned(connection: duckdb.DuckDBPyConnection, cell: str, form: str) -> bool:
    """Whether every time of a column tells its moment."""
    if form != "iso8601":
        return tells_zone(form)
    offset = f"regexp_matches(CAST({cell} AS VARCHAR), {quote_text(OFFSET)})"
    ((every,),) = run(connection, f"SELECT bool_and({offset}) FROM sample WHERE {cell} IS NOT NULL")
    return bool(every)


def _time(seen: Seen) -> str:
    """SQL of a column's times."""
    name = quote_ident(seen.column.name)
    if not seen.formats:
        return name
    return f"CAST({written_time(name, kind_of(seen.column.type), seen.formats[0], 'UTC')} AS TIMESTAMP)"


def _days(connection: duckdb.DuckDBPyConnection, ends: Sequence[Table], seen: Seen) -> tuple[str, str] | None:
    """The first and the last day of a column of times, by the oldest and the newest file."""
    if kind_of(seen.column.type) not in {"timestamp", "naive timestamp"} and len(seen.formats) != 1:
        return None
    time, found = _time(seen), []
    for table in ends:
        if seen.column.name in table.columns and table.type_of(seen.column.name) == seen.column.type:
            found += run(
                connection,
                f"SELECT min({time})::DATE::VARCHAR, max({time})::DATE::VARCHAR FROM {table.parts[0][0]}",
            )
    days = sorted(str(day) for row in found for day in row if day is not None)
    return (days[0], days[-1]) if days else None


def _rows_a_day(connection: duckdb.DuckDBPyConnection, newest: Table, columns: Sequence[Seen]) -> float | None:
    """Rows of the newest file for each day between its first and last, by its first column of times."""
    time = next((_time(one) for one in columns if one.days is not None), None)
    if time is None:
        return None
    ((rows, days),) = run(
        connection,
        f"SELECT count(*), date_diff('day', min({time})::DATE, max({time})::DATE) + 1 FROM {newest.parts[0][0]}",
    )
    return int(str(rows)) / int(str(days)) if days else None


def _number(value: object) -> float | None:
    return value if isinstance(value, float) else None


def follower(files: Files, log: FirstSource) -> str | None:
    """The two-valued column that follows a score: every row with its one value scores above every row with the other.

    Only a decision made from the score looks like that, so it is the prediction, whatever its name.
    """
    roles = guess("", "", [seen.column for seen in log.columns]).roles
    score = next((seen for seen in log.columns if roles[seen.column.name] == "score" and seen.is_probability), None)
    if score is None or "prediction" in roles.values():
        return None
    with connect(files.recent, memory_limit=_MEMORY, threads=_THREADS) as connection:
        rows = _sample(connection, files, files.recent)
        for seen in log.columns:
            if roles[seen.column.name] != "feature" or len(seen.values) != len(("no", "yes")):
                continue
            column, value = quote_ident(seen.column.name), quote_ident(score.column.name)
            spans = run(
                connection,
                f"SELECT min({value}), max({value}) "
                f"FROM (SELECT {column}, {value} FROM {rows.parts[0][0]} LIMIT {SAMPLE_ROWS}) "
                f"WHERE {column} IS NOT NULL AND isfinite({value}) GROUP BY {column} ORDER BY 1",
            )
            if len(spans) == len(seen.values) and float(str(spans[0][1])) <= float(str(spans[1][0])):
                return seen.column.name
    return None


def delays(log: Files, labels: Files, first: FirstModel, found: FirstSource) -> tuple[int, int] | None:
    """Days within which 95 of 100 labels came after their decision, and all of them, by the newest files of both.

    ``None`` where the columns do not tell.
    """
    _, joining, arrived = label_columns(first, found)
    if not (joining and arrived and first.role("id") and first.role("timestamp")) or first.time_formats:
        return None
    looked = [*log.recent, *labels.recent]
    try:
        with connect(looked, memory_limit=_MEMORY, threads=_THREADS) as connection:
            rows, truth = (open_table(connection, files.recent, looked, files.table) for files in (log, labels))
            decided = rows.select([first.role("id")[0], first.role("timestamp")[0]])
            came = truth.select([joining, arrived])
            (days,) = run(
                connection,
                f"SELECT quantile_disc(days, 0.95), max(days) FROM "
                f"(SELECT date_diff('day', made::DATE, seen::DATE) + 1 AS days FROM ({decided}) AS log (id, made) "
                f"JOIN ({came}) AS label (id, seen) USING (id)) WHERE days > 0",
            )
    except AimsightError:  # the ids or times do not fit: the check will say so
        return None
    return None if days[0] is None else (int(str(days[0])), int(str(days[1])))


def _as_written(source: str, folder: Path) -> str:
    """The source as it stands in the file: relative to the project where it lies inside, absolute elsewhere."""
    absolute = os.path.abspath(source)  # noqa: PTH100  # resolve() would follow links
    root = os.path.abspath(folder)  # noqa: PTH100  # as above
    inside = os.path.commonpath([absolute, root]) == root
    return Path(os.path.relpath(absolute, root)).as_posix() if inside else Path(absolute).as_posix()


def _check_id(model: str) -> None:
    try:
        TypeAdapter(Slug).validate_python(model)
    except ValidationError as error:
        cause = error.errors()[0].get("ctx", {}).get("error")
        suggestion = getattr(cause, "suggestion", "")
        question = f"; did you mean {suggestion}?" if suggestion else ""
        raise AimsightError(f"{getattr(cause, 'problem', cause)}{question}") from None

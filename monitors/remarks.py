"""What `aimsight check` remarks: where the configuration does not fit the data, and what will make noise or cost time.

None of it is a mistake of the configuration: the data may still come, or change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from time import strptime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aimsight.aims.evaluation import NOT_MEASURED_RULE
from aimsight.aims.people import close_id
from aimsight.configs import filters
from aimsight.configs.durations import Duration
from aimsight.configs.errors import AimsightError, Problem, SchemaError, did_you_mean, quoted_list
from aimsight.configs.positions import key_text
from aimsight.metrics.engines.connection import connect, run
from aimsight.metrics.engines.expressions import instant, number, positive, text
from aimsight.metrics.engines.sql import quote_ident, quote_list
from aimsight.metrics.engines.tables import Csv, Table, open_table
from aimsight.metrics.registry import find
from aimsight.metrics.seasons import shortage
from aimsight.metrics.sources import format_of, resolve, time_range
from aimsight.monitors.due import none_planned, reference_period, reference_windows
from aimsight.monitors.first_model import time_formats
from aimsight.monitors.windows import floor, later, midnight, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import duckdb

    from aimsight.configs.load import Project
    from aimsight.configs.schema import ModelConfig, ProjectConfig

KeyPath = tuple[str | int, ...]
Remark = tuple[KeyPath, str, str]
"""Where, what, and the likely cure."""

SAMPLE_ROWS = 10_000
MOST_BYTES = 20_000_000
"""A file without metadata that is larger is not read for the time of its last row: a check answers at once."""


@dataclass(frozen=True, slots=True)
class Use:
    """A column that the configuration names: where, and how the engine reads it by its SQL type and the file's name.

    ``read`` refuses a type that does not fit with a ``SchemaError``; ``two_valued`` columns hold the positive value,
    ``is_time`` ones a moment.
    """

    place: KeyPath
    column: str
    read: Callable[[str, str], object] | None = None
    two_valued: bool = False
    is_time: bool = False


def remarks(project: Project, now: datetime) -> list[Problem]:
    """Every remark with its file and line, in the order of models.

    Only the oldest and the newest file of a source are looked at: their columns, a sample of two-valued ones, and the
    times of the first and the last row.
    """
    found = []
    for name, model in project.models.items():
        shown, document = project.files[name].relative_to(project.root).as_posix(), project.documents[name]
        found += [
            Problem(shown, document.line(place), key_text(place), problem.replace("\n", " "), suggestion)
            for place, problem, suggestion in _of_model(project, model, now)
        ]
    return found


def _of_model(project: Project, model: ModelConfig, now: datetime) -> Iterator[Remark]:
    labels = model.labels
    truth = list(_in_labels(model))
    if labels is None or labels.source is None:
        yield from _in_source(project, model, "log", [*_in_log(model), *truth])
    else:
        yield from _in_source(project, model, "log", list(_in_log(model)))
        yield from _in_source(project, model, "labels", truth)
    if model.reference is not None and model.reference.source is not None:
        yield from _in_source(project, model, "reference", list(_in_log(model)))
    yield from _measured_again(model)
    yield from _owners(project.config, model)
    yield from _no_reference(project, model)
    yield from _seasons(model)
    yield from _absorbed(model)
    yield from _no_window(model)
    yield from _silence(project, model, now)


def _measured_again(model: ModelConfig) -> Iterator[Remark]:
    """Inputs that concern every window whenever there is more of them, where nothing limits how far back that goes."""
    if model.monitor.lookback is not None or model.monitor.end is not None:
        return
    source = model.log.source
    if model.labels is not None and model.labels.source is not None:
        problem = "labels have files of their own, and each new one has all windows measured again"
        yield ("monitor",), f"{problem}; say how long labels may take", "lookback: 30d"
    elif isinstance(source, str) and not set("*?[") & set(source):
        problem = "the log is one file, and whenever it grows all windows are measured again"
        yield ("monitor",), f"{problem}; say how late rows may come", "lookback: 2d"


def _owners(config: ProjectConfig, model: ModelConfig) -> Iterator[Remark]:
    """Owners who are nobody of the project, where it names its people: no record can be theirs."""
    people = [person.id for person in config.people]
    owned: list[tuple[KeyPath, str]] = [(("owner",), model.owner)]
    owned += [(("objectives", place, "owner"), one.owner) for place, one in enumerate(model.objectives)]
    for place, owner in owned:
        if people and owner not in people:
            near = close_id(owner, people)
            known = "" if near else f"; aimsight.yaml names {quoted_list(people)}"
            yield place, f'nobody has the id "{owner}"{known}', near


def _no_reference(project: Project, model: ModelConfig) -> Iterator[Remark]:
    """A reference period that is before or after all rows, as far as the oldest and the newest file tell."""
    if model.reference is None or model.reference.period is None:
        return
    period, local = reference_period(model), ZoneInfo(model.log.time_zone)
    oldest, newest = (_span(project, model, place)[1] for place in (0, -1))
    if oldest is None or newest is None:
        return
    start, end = min(oldest[0], newest[0]).astimezone(local), max(oldest[1], newest[1]).astimezone(local)
    if start >= period.end or end < period.start:
        yield ("reference", "period"), f"no row lies in it: the log goes from {start:%Y-%m-%d} to {end:%Y-%m-%d}", ""


def _seasons(model: ModelConfig) -> Iterator[Remark]:
    """A reference that is too short to be compared with by season."""
    if model.reference is None or model.reference.season is None:
        return
    short = shortage(reference_windows(model), model.reference.season, model.log.time_zone)
    if short:
        yield ("reference", "season"), f"{short}; a longer period or shorter `windows` would do", ""


def _absorbed(model: ModelConfig) -> Iterator[Remark]:
    """Objectives on drift from a reference that moves along with what drifts."""
    if model.reference is None or not model.reference.moves:
        return
    for place, objective in enumerate(model.objectives):
        if (metric := find(objective.metric)).kind in ("distribution", "summary"):
            yield (
                ("objectives", place, "metric"),
                (
                    f"{metric.id} is measured from a reference that moves: after some windows a lasting change "
                    "becomes the rule, and the objective is met again without any action; an objective on performance "
                    "beside it would not be"
                ),
                "",
            )


def _no_window(model: ModelConfig) -> Iterator[Remark]:
    """A start and an end with no window between them: windows lie on a fixed grid, wherever monitoring starts."""
    end = model.monitor.end
    if end is not None and (why := none_planned(model, None, midnight(end, model.log.time_zone))):
        yield ("monitor", "window"), why, ""


def _in_source(project: Project, model: ModelConfig, section: str, uses: list[Use]) -> Iterator[Remark]:
    """What the oldest and the newest file of the log, labels or reference say about the columns that are named."""
    source, table = model.log.source, model.log.table
    if section == "labels" and model.labels is not None:
        source, table = model.labels.source or (), model.labels.table
    elif section == "reference" and model.reference is not None:
        source = model.reference.sources
    try:
        paths = resolve(source, project.root)
        looked = list(dict.fromkeys([paths[0], paths[-1]]))
        config = project.config
        with connect(looked, memory_limit=config.memory_limit, threads=config.threads) as connection:
            csv = Csv.of(model.log)
            tables = {_shown(project, path): open_table(connection, [path], looked, table, csv=csv) for path in looked}
            for use in uses:
                yield from _of_column(connection, tables, section, use, model)
                if use.is_time and format_of(paths[-1]) == "csv" and not csv.text_times:
                    yield from _guessed_time(connection, paths[-1], tables[_shown(project, paths[-1])], use)
    except AimsightError as error:
        yield (section, "source"), str(error), ""


def _of_column(
    connection: duckdb.DuckDBPyConnection,
    tables: dict[str, Table],
    section: str,
    use: Use,
    model: ModelConfig,
) -> Iterator[Remark]:
    newest = list(tables)[-1]
    holding = {path: table for path, table in tables.items() if use.column in table.columns}
    if newest not in holding:
        there = tables[newest].columns
        known = {name for table in holding.values() for name in table.columns}
        where = f"the newest file of the {section}, {newest}" if holding else f"the {section}"
        near = did_you_mean(use.column, [name for name in there if name not in known])
        yield use.place, f'there is no column "{use.column}" in {where}', near
    for path, table in holding.items():
        try:
            if use.read is not None:
                use.read(table.type_of(use.column), path)
            if use.two_valued:
                yield from _two_values(connection, table, use, model)
        except SchemaError as error:
            yield use.place, str(error), ""
            return


def _two_values(connection: duckdb.DuckDBPyConnection, table: Table, use: Use, model: ModelConfig) -> Iterator[Remark]:
    """A column of a binary model that has two values of which none is the positive one."""
    name, wanted = quote_ident(use.column), model.log.positive
    value = positive(use.column, table.type_of(use.column), wanted, "")
    rows = f"(SELECT {name} FROM ({table.select([use.column])}) LIMIT {SAMPLE_ROWS})"
    ((low, high),) = run(connection, f"SELECT min({name}), max({name}) FROM {rows} WHERE ({value}) = 0")
    if low != high:
        problem = f'"{use.column}" holds {low} and {high}; the value that counts as positive is said to be {wanted}'
        yield use.place, f"{problem}: name it in `log.positive`", ""


def _guessed_time(connection: duckdb.DuckDBPyConnection, path: Path, table: Table, use: Use) -> Iterator[Remark]:
    """Times of a CSV file that DuckDB has told by its own guess, which may take the day for the month."""
    if use.column not in table.columns or "VARCHAR" in table.type_of(use.column):
        return
    name = quote_ident(use.column)
    raw = f"read_csv({quote_list([str(path)])}, all_varchar = true, hive_partitioning = false)"
    found = run(connection, f"SELECT {name} FROM {raw} WHERE {name} IS NOT NULL LIMIT 1")
    if found and not re.match(r"\d{4}\D", str(found[0][0])):
        problem = f'it is a guess how times such as "{found[0][0]}" are written; say it in `log.timestamp_format`'
        yield use.place, problem, " or ".join(f'"{form}"' for form in time_formats() if _fits(str(found[0][0]), form))


def _fits(text: str, form: str) -> bool:
    try:
        strptime(text, form)
    except ValueError:
        return False
    return True


def _silence(project: Project, model: ModelConfig, now: datetime) -> Iterator[Remark]:
    """A log that ended some windows ago, so that each run since then finds nothing; or one that goes on after now."""
    monitor, zone = model.monitor, model.log.time_zone
    newest, span = _span(project, model, -1)
    if newest is None or span is None:
        return
    local = ZoneInfo(zone)
    if span[1] > now + timedelta(days=1):  # less may be the clocks
        problem = (
            f"the last row of {_shown(project, newest)} is of {span[1].astimezone(local):%Y-%m-%d %H:%M}, after now"
        )
        yield (
            ("log", "timestamp"),
            f"{problem}: rows are measured when the window is over that they are written for",
            "",
        )
    if monitor.end is not None:
        if span[1] >= later(monitor.every, zone, midnight(monitor.end, zone)):
            problem = f"the last row of {_shown(project, newest)} is of {span[1].astimezone(local):%Y-%m-%d}"
            yield (
                ("monitor", "end"),
                f"{problem}: rows after the end are not measured; remove it where more will come",
                "",
            )
        return
    if not isinstance(monitor.window, Duration):
        return
    empty = windows(monitor.calendar, monitor.every, zone, floor(monitor.every, zone, span[1]), now)[1:]
    if len(empty) >= NOT_MEASURED_RULE.failures:
        yield (
            ("monitor",),
            (
                f"the last row of {_shown(project, newest)} is of {span[1].astimezone(local):%Y-%m-%d}, so "
                f"{len(empty):,} windows have no rows, which opens a nonconformity; a history that is closed has an end"
            ),
            f"end: {empty[0].start.astimezone(local):%Y-%m-%d}",
        )


def _span(project: Project, model: ModelConfig, place: int) -> tuple[Path | None, tuple[datetime, datetime] | None]:
    """The file of the log at a place in the order of names, and the times of its first and last row.

    Nothing where they cannot be had at once, or at all: that is told where the columns are looked at.
    """
    try:
        path = resolve(model.log.source, project.root)[place]
        if format_of(path) != "parquet" and path.stat().st_size > MOST_BYTES:
            return path, None
        return path, time_range(model, path)
    except (AimsightError, OSError):
        return None, None


def _shown(project: Project, path: Path) -> str:
    return path.relative_to(project.root).as_posix() if path.is_relative_to(project.root) else str(path)


def _in_log(model: ModelConfig) -> Iterator[Use]:
    log, task = model.log, model.task
    if log.id:
        yield Use(("log", "id"), log.id)
    yield Use(("log", "timestamp"), log.timestamp, _time(log.timestamp, model), is_time=True)
    if log.prediction:
        yield Use(("log", "prediction"), log.prediction, _decision(log.prediction, model), task == "binary")
    if log.score:
        yield Use(("log", "score"), log.score, partial(number, log.score))
    for name, column in (log.scores or {}).items():
        yield Use(("log", "scores", name), column, partial(number, column))
    for place, column in enumerate(log.interval or ()):
        yield Use(("log", "interval", place), column, partial(number, column))
    for column, feature in model.features.items():
        read = number if feature.kind == "numeric" else text
        yield Use(("features", column), column, partial(read, column))
    for place, column in enumerate(model.protected):
        yield Use(("protected", place), column, partial(text, column))
    for place, columns in enumerate(model.segments):
        for column in columns:
            yield Use(("segments", place), column, partial(text, column))
    for name, condition in model.filters.items():
        for column in filters.columns(filters.parse(condition)):
            yield Use(("filters", name), column)


def _in_labels(model: ModelConfig) -> Iterator[Use]:
    labels = model.labels
    if labels is None:
        return
    if labels.source is not None and (joining := labels.id or model.log.id):
        yield Use(("labels", "id" if labels.id else "source"), joining)
    binary = model.task == "binary"
    yield Use(("labels", "label"), labels.label, _decision(labels.label, model), binary)
    if labels.arrived_at:
        yield Use(("labels", "arrived_at"), labels.arrived_at, _time(labels.arrived_at, model), is_time=True)


def _time(column: str, model: ModelConfig) -> Callable[[str, str], object]:
    return lambda kind, what: instant(column, kind, model.log, what)


def _decision(column: str, model: ModelConfig) -> Callable[[str, str], object]:
    """How a prediction or a label is read."""
    if model.task == "regression":
        return partial(number, column)
    if model.task == "multiclass":
        return partial(text, column)
    return lambda kind, what: positive(column, kind, model.log.positive, what)

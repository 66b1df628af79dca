"""The first look at a log: what its columns and a sample of its rows suggest, written as a first configuration.

Nothing is asked that can be read, and nothing is decided that only a person can decide.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from aimsight.configs.errors import AimsightError, ConfigError
from aimsight.configs.facts import Task
from aimsight.configs.fields import Slug
from aimsight.configs.load import MODELS_FOLDER, PROJECT_FILE, load_project
from aimsight.configs.problems import DECIDE
from aimsight.configs.templates import (
    FirstLabels,
    FirstModel,
    LogColumn,
    Role,
    guess,
    render_model,
    render_project,
    yaml_text,
)
from aimsight.metrics.engines.connection import connect, run
from aimsight.metrics.engines.sql import quote_ident
from aimsight.metrics.engines.tables import kind_of, open_table
from aimsight.metrics.sources import resolve

SAMPLE_ROWS = 20_000
MOST_CLASSES = 20
"""A whole-numbered or text column with more values than this is no set of classes."""
_MEMORY = "300MB"
_THREADS = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """A column as the sample shows it.

    ``values`` are its distinct values as text, sorted, at most ``MOST_CLASSES`` + 1 of them; ``unique`` says that no
    value is missing or comes twice; ``low`` and ``high`` are the range of a numeric column (``None`` without a finite
    value); ``days`` are the first and the last day of a column of times, over all rows.
    """

    column: LogColumn
    unique: bool
    values: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    days: tuple[str, str] | None = None

    @property
    def is_probability(self) -> bool:
        """Whether every value lies in [0, 1]."""
        return self.low is not None and self.high is not None and self.low >= 0 and self.high <= 1


@dataclass(frozen=True, slots=True)
class Written:
    """The files that were written, and the keys whose values a person has to decide."""

    files: tuple[Path, ...]
    to_decide: tuple[str, ...]


def write_first_configuration(folder: Path, model: str, log: str, labels: str | None = None) -> Written:
    """Write ``models/MODEL.yaml``, and ``aimsight.yaml`` where there is none.

    Parameters
    ----------
    folder
        The project folder; made where there is none.
    model
        Id of the model.
    log, labels
        Files or globs as a person types them: relative to the current folder.

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
    paths = resolve(log, Path.cwd())
    columns = look(paths)
    first = first_model(
        model,
        _as_written(log, folder),
        columns,
        follower(paths, columns),
        None if labels is None else (_as_written(labels, folder), look(resolve(labels, Path.cwd()))),
    )
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


def look(paths: Sequence[Path]) -> list[Seen]:
    """The columns of some files, with what a sample of rows shows of each."""
    with connect(paths, memory_limit=_MEMORY, threads=_THREADS) as connection:
        table = open_table(connection, paths, paths, None)
        seen = []
        for name in table.columns:
            column = LogColumn(name, table.type_of(name))
            quoted = quote_ident(name)
            sample = f"(SELECT {quoted} FROM ({table.select([name])}) LIMIT {SAMPLE_ROWS})"
            rows, given, distinct = run(
                connection, f"SELECT count(*), count({quoted}), count(DISTINCT {quoted}::VARCHAR) FROM {sample}"
            )[0]
            values = run(
                connection,
                f"SELECT DISTINCT {quoted}::VARCHAR AS value FROM {sample} WHERE {quoted} IS NOT NULL "
                f"ORDER BY value LIMIT {MOST_CLASSES + 1}",
            )
            low = high = None
            if column.kind == "numeric":
                numbers = f"SELECT {quoted}::DOUBLE AS x FROM {sample}"
                low, high = run(connection, f"SELECT min(x), max(x) FROM ({numbers}) WHERE isfinite(x)")[0]
            days = None
            if kind_of(column.type) in {"timestamp", "naive timestamp"}:
                spans = f"min({quoted})::DATE::VARCHAR, max({quoted})::DATE::VARCHAR"
                first, last = run(connection, f"SELECT {spans} FROM ({table.select([name])})")[0]
                days = (str(first), str(last)) if first else None
            unique = rows == given == distinct and bool(rows)
            texts = tuple(str(row[0]) for row in values)
            seen.append(Seen(column, unique, texts, _number(low), _number(high), days))
        return seen


def _number(value: object) -> float | None:
    return value if isinstance(value, float) else None


def follower(paths: Sequence[Path], columns: Sequence[Seen]) -> str | None:
    """The two-valued column that follows a score: every row with its one value scores above every row with the other.

    Only a decision made from the score looks like that, so it is the prediction, whatever its name.
    """
    roles = guess("", "", [seen.column for seen in columns]).roles
    score = next((seen for seen in columns if roles[seen.column.name] == "score" and seen.is_probability), None)
    if score is None or "prediction" in roles.values():
        return None
    with connect(paths, memory_limit=_MEMORY, threads=_THREADS) as connection:
        table = open_table(connection, paths, paths, None)
        for seen in columns:
            if roles[seen.column.name] != "feature" or len(seen.values) != len(("no", "yes")):
                continue
            chosen = table.select([seen.column.name, score.column.name])
            column, value = quote_ident(seen.column.name), quote_ident(score.column.name)
            spans = run(
                connection,
                f"SELECT min({value}), max({value}) FROM (SELECT * FROM ({chosen}) LIMIT {SAMPLE_ROWS}) "
                f"WHERE {column} IS NOT NULL AND isfinite({value}) GROUP BY {column} ORDER BY 1",
            )
            if len(spans) == len(seen.values) and float(str(spans[0][1])) <= float(str(spans[1][0])):
                return seen.column.name
    return None


def first_model(
    model: str,
    source: str,
    log: Sequence[Seen],
    prediction: str | None = None,
    labels: tuple[str, Sequence[Seen]] | None = None,
) -> FirstModel:
    """What names, types and the sample suggest together. Pure.

    Parameters
    ----------
    model, source
        Id, and the log as it will stand in the file.
    log
        Its columns.
    prediction
        The column that `follower` found.
    labels
        Label files as they will stand in the file, and their columns.
    """
    guessed = guess(model, source, [seen.column for seen in log])
    roles = dict(guessed.roles)
    if prediction is not None:
        roles[prediction] = "prediction"
    for seen in log:
        if roles[seen.column.name] == "score" and not seen.is_probability:
            roles[seen.column.name] = "feature"
        if roles[seen.column.name] == "id" and not seen.unique:
            roles[seen.column.name] = "feature"
    if "id" not in roles.values():
        found = next((seen for seen in log if _can_be_id(seen, roles[seen.column.name])), None)
        if found:
            roles[found.column.name] = "id"
    span = next((seen.days for seen in log if roles[seen.column.name] == "timestamp"), None)
    first = replace(guessed, roles=roles, span=span)
    truth: Seen | None = None
    if labels is not None:
        first_labels, truth = _first_labels(first, *labels)
        first = replace(first, labels=first_labels)
    by_name = {seen.column.name: seen for seen in log}
    shown = [by_name[name] for name in (*first.role("label"), *first.role("prediction"))]
    classes = ([truth] if truth else []) + shown
    task = _task(classes, has_score=bool(first.role("score")))
    return replace(first, task=task, positive=_positive(classes) if task == "binary" else "1")


def _can_be_id(seen: Seen, role: Role) -> bool:
    whole = "INT" in seen.column.type.upper() or seen.column.type.upper() in {"VARCHAR", "UUID"}
    return role == "feature" and whole and seen.unique


def _task(classes: Sequence[Seen], *, has_score: bool) -> Task | None:
    """From the values of label and prediction; a score column alone means binary."""
    for seen in classes:
        if seen.column.type.upper().startswith(("FLOAT", "DOUBLE", "DECIMAL", "REAL")) and len(seen.values) > 2:
            return "regression"
        if 0 < len(seen.values) <= 2:
            return "binary"
        if len(seen.values) <= MOST_CLASSES and seen.values:
            return "multiclass"
        if seen.column.kind == "numeric" and seen.values:
            return "regression"
    return "binary" if has_score else None


def _positive(classes: Sequence[Seen]) -> str:
    """The value that counts as positive: 1 of 0 and 1, true of true and false; other words are for a person."""
    for seen in classes:
        values = set(seen.values)
        if values and values <= {"0", "1", "0.0", "1.0"}:
            return "1"
        if values and values <= {"false", "true"}:
            return "true"
        if values:
            return f"{DECIDE}  # {' or '.join(yaml_text(value) for value in seen.values)}:"
    return "1"


def _first_labels(first: FirstModel, source: str, labels: Sequence[Seen]) -> tuple[FirstLabels, Seen | None]:
    """Which column of the label files joins, which is the truth, and which says when it arrived."""
    guessed = guess(first.model, source, [seen.column for seen in labels])
    shared = next((name for name in first.role("id") if name in guessed.roles), None)
    joining = shared or next(iter(guessed.role("id")), None)
    times = guessed.role("timestamp")
    named = [seen for seen in labels if guessed.roles[seen.column.name] == "label"]
    rest = [
        seen
        for seen in labels
        if seen.column.name != joining
        and seen.column.name not in times
        and seen.column.kind
        and guessed.roles[seen.column.name] != "ignored"
    ]
    truth = named[0] if named else rest[0] if len(rest) == 1 else None
    return (
        FirstLabels(source, joining, truth.column.name if truth else None, times[0] if len(times) == 1 else None),
        truth,
    )


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

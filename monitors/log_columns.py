"""Whether the columns that a configuration names are there, in the log and in the label files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.configs import filters
from aimsight.configs.errors import AimsightError, Problem, did_you_mean
from aimsight.configs.positions import key_text, read_document
from aimsight.metrics.engines.connection import connect
from aimsight.metrics.engines.tables import open_table
from aimsight.metrics.sources import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.configs.load import Project
    from aimsight.configs.schema import LabelsConfig, ModelConfig

KeyPath = tuple[str | int, ...]


def misfits(project: Project) -> list[Problem]:
    """What the configuration names and the data do not have: files, and columns, each with its line.

    Only the oldest and the newest file of a source are looked at, and only their columns; a column of either is there.
    """
    found = []
    for name, model in project.models.items():
        path = project.files[name]
        shown = path.relative_to(project.root).as_posix()
        document = read_document(path.read_bytes(), shown)
        found += [
            Problem(shown, document.line(place), key_text(place), problem, suggestion)
            for place, problem, suggestion in _of_model(project, model)
        ]
    return found


def _of_model(project: Project, model: ModelConfig) -> Iterator[tuple[KeyPath, str, str]]:
    wanted = [*_in_log(model)]
    labels = model.labels
    if labels is not None and labels.source is None:
        wanted += _in_labels(labels)
    yield from _absent(project, ("log", "source"), model.log.source, model.log.table, wanted)
    if labels is not None and labels.source is not None:
        joined = [*_in_labels(labels), *([(("labels", "id"), labels.id)] if labels.id else [])]
        yield from _absent(project, ("labels", "source"), labels.source, labels.table, joined)


def _absent(
    project: Project,
    place: KeyPath,
    source: str | tuple[str, ...],
    table: str | None,
    wanted: list[tuple[KeyPath, str]],
) -> Iterator[tuple[KeyPath, str, str]]:
    try:
        there = _columns(project, source, table)
    except AimsightError as error:
        yield place, str(error).replace("\n", " "), ""
        return
    for key, column in wanted:
        if column not in there:
            yield key, f'there is no column "{column}" in the {place[0]}', did_you_mean(column, there)


def _columns(project: Project, source: str | tuple[str, ...], table: str | None) -> list[str]:
    """The columns of the oldest and the newest file."""
    paths = resolve(source, project.root)
    looked = list(dict.fromkeys([paths[0], paths[-1]]))
    with connect(looked, memory_limit=project.config.memory_limit, threads=project.config.threads) as connection:
        found = open_table(connection, looked, looked, table)
    return list(dict.fromkeys(name for _, types in found.parts for name in types))


def _in_log(model: ModelConfig) -> Iterator[tuple[KeyPath, str]]:
    log = model.log
    for key in ("id", "timestamp", "prediction", "score"):
        if column := getattr(log, key):
            yield ("log", key), column
    for name, column in (log.scores or {}).items():
        yield ("log", "scores", name), column
    for place, column in enumerate(log.interval or ()):
        yield ("log", "interval", place), column
    for column in model.features:
        yield ("features", column), column
    for place, column in enumerate(model.protected):
        yield ("protected", place), column
    for place, columns in enumerate(model.segments):
        for column in columns:
            yield ("segments", place), column
    for name, text in model.filters.items():
        for column in filters.columns(filters.parse(text)):
            yield ("filters", name), column


def _in_labels(labels: LabelsConfig) -> list[tuple[KeyPath, str]]:
    return [
        (("labels", key), column)
        for key, column in (("label", labels.label), ("arrived_at", labels.arrived_at))
        if column
    ]

"""Objectives under version control: what was promised, since when, and which version a window is judged against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.aims.objective_texts import declaration_of
from aimsight.configs.hashes import config_hash, objective_hash, reference_hash
from aimsight.metrics.plan import Window
from aimsight.metrics.registry import find
from aimsight.store.records import (
    ModelRecord,
    ObjectiveVersion,
    latest_objective,
    register_model,
    save_objective_version,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aimsight.configs.schema import ModelConfig, ObjectiveConfig
    from aimsight.metrics.values import Measurement
    from aimsight.store.database import Reader, Transaction


def register(tx: Transaction, model: ModelConfig, actor: str, now: datetime) -> bool:
    """Record the model and every objective whose text or numbers are new; whether anything was."""
    changed = register_model(
        tx,
        ModelRecord(
            model=model.model,
            version=model.version,
            owner=model.owner,
            intended_use=model.intended_use,
            risk=model.risk,
            task=model.task,
            config_hash=config_hash(model),
            registered_at=now,
        ),
        actor=actor,
        details=None if model.reference is None else {"reference": reference_hash(model)},
    )
    for objective in model.objectives:
        known = latest_objective(tx, model.model, objective.id)
        content = objective_hash(objective)
        if known is None or known.content_hash != content:
            number = next_version(tx, model.model, objective.id)
            record = version_of(model.model, objective, number, content, now)
            save_objective_version(tx, record, actor=actor, declaration=declaration_of(objective))
            changed = True
    return changed


def is_registered(reader: Reader, model: ModelConfig) -> bool:
    """Whether the store knows the model and its objectives exactly as configured."""
    known = reader.tuples(
        "SELECT version, config_hash, owner, intended_use, risk FROM model WHERE model = ?", [model.model]
    )
    if known != [(model.version, config_hash(model), model.owner, model.intended_use, model.risk)]:
        return False
    latest = [latest_objective(reader, model.model, objective.id) for objective in model.objectives]
    return all(
        version is not None and version.content_hash == objective_hash(objective)
        for version, objective in zip(latest, model.objectives, strict=True)
    )


def next_version(reader: Reader, model: str, objective: str) -> int:
    """The number that the next version of an objective gets."""
    known = latest_objective(reader, model, objective)
    return (known.version if known else 0) + 1


def in_force(reader: Reader, model: ModelConfig, windows: Sequence[Window]) -> dict[Window, list[ObjectiveVersion]]:
    """The versions of the configured objectives that each window is judged against.

    A window that was judged before keeps the version it was judged against then, so that changing a target never
    changes an old verdict; any other window is judged against the latest version.
    """
    versions: dict[str, list[ObjectiveVersion]] = {objective.id: [] for objective in model.objectives}
    for row in reader.rows("SELECT * FROM objective_version WHERE model = ? ORDER BY version", [model.model]):
        versions.setdefault(row["objective"], []).append(ObjectiveVersion.from_row(row))
    then = {
        (Window(start, end), objective): version
        for start, end, objective, version in reader.tuples(
            "SELECT window_start, window_end, objective, min(objective_version) FROM evaluation "
            "WHERE model = ? AND window_end BETWEEN ? AND ? GROUP BY ALL",
            [model.model, min(window.end for window in windows), max(window.end for window in windows)],
        )
    }
    return {
        window: [
            _at(versions[objective.id], then.get((window, objective.id)))
            for objective in model.objectives
            if versions[objective.id]
        ]
        for window in windows
    }


def _at(versions: Sequence[ObjectiveVersion], number: int | None) -> ObjectiveVersion:
    """The version with this number, or the latest."""
    return next((version for version in versions if version.version == number), versions[-1])


def measurement_of(objective: ObjectiveVersion, measurements: list[Measurement]) -> Measurement | None:
    """The measurement that an objective is about: its metric, column (or groups) and segment."""
    for measurement in measurements:
        if (
            measurement.metric == objective.metric
            and measurement.column == objective.column_name
            and str(measurement.segment) == objective.segment
        ):
            return measurement
    return None


def version_of(model: str, objective: ObjectiveConfig, version: int, content: str, now: datetime) -> ObjectiveVersion:
    """The record of an objective as configured, under this version number and content hash."""
    return ObjectiveVersion(
        model=model,
        objective=objective.id,
        version=version,
        statement=objective.statement,
        metric=find(objective.metric).text,
        column_name=objective.column or objective.group,
        segment=objective.segment or "",
        target=objective.target,
        tolerance=objective.tolerance,
        zero_tolerance=objective.zero_tolerance,
        min_rows=objective.min_rows,
        rationale=objective.rationale,
        owner=objective.owner,
        due=objective.due,
        severity=objective.severity,
        opens_failures=objective.opens.failures,
        opens_of=objective.opens.of,
        policy_ref=objective.policy_ref,
        actions=objective.actions,
        resources=objective.resources,
        content_hash=content,
        effective_from=now,
    )

"""The inventory of AI systems: which are in scope, which models they are made of, and whether they are watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimsight.store.registers import latest_versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aimsight.configs.schema import ModelConfig
    from aimsight.store.database import Reader
    from aimsight.store.registers import RecordVersion

WATCHED = frozenset({"in operation", "in validation"})
"""Stages in which a system has to be watched."""


@dataclass(frozen=True, slots=True)
class SystemLine:
    """One AI system of the inventory; ``plan`` says how it is watched, ``gaps`` what is missing."""

    record: str
    title: str
    version: int
    status: str
    owner: str
    stage: str
    in_scope: bool
    models: tuple[str, ...]
    plan: str
    gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """The systems, and the models of the project that belong to none of them."""

    systems: tuple[SystemLine, ...]
    unassigned: tuple[str, ...]

    @property
    def without_plan(self) -> tuple[SystemLine, ...]:
        """Systems in scope that nobody watches though they are at work."""
        return tuple(one for one in self.systems if one.in_scope and one.stage in WATCHED and not one.plan)


def inventory(reader: Reader, models: Mapping[str, ModelConfig]) -> Inventory:
    """The inventory as recorded, compared with the models that the project monitors.

    A system is watched by the monitors of its models that have objectives, or by the plan that its record states.
    """
    systems = tuple(
        _line(record, models) for record in latest_versions(reader, ["ai_system"]) if record.status != "withdrawn"
    )
    assigned = {model for system in systems for model in system.models}
    return Inventory(systems, tuple(name for name in models if name not in assigned))


def _line(record: RecordVersion, models: Mapping[str, ModelConfig]) -> SystemLine:
    fields = record.fields
    named = tuple(fields.get("models", ()))
    plan = _plan(named, models, fields.get("monitoring_plan", ""))
    in_scope, stage = fields["in_scope"], fields["stage"]
    gaps = [f"model {name} is not monitored here" for name in named if name not in models]
    gaps += [f"model {name} has no objective" for name in named if name in models and not models[name].objectives]
    if in_scope and stage in WATCHED and not plan:
        gaps.append("in scope without a monitoring plan")
    if record.status not in {"approved", "recorded"}:
        gaps.append(f"the record is {record.status}")
    return SystemLine(
        record.record,
        record.title,
        record.version,
        record.status,
        record.owner or "",
        stage,
        in_scope,
        named,
        plan,
        tuple(gaps),
    )


def _plan(named: tuple[str, ...], models: Mapping[str, ModelConfig], stated: str) -> str:
    """How a system is watched, in words; empty when it is not."""
    monitored = [models[name] for name in named if name in models and models[name].objectives]
    parts = [
        f"{model.model}: {len(model.objectives)} objectives, a window of {model.monitor.window} "
        f"every {model.monitor.every}"
        for model in monitored
    ]
    return "; ".join([*parts, *([stated] if stated else [])])

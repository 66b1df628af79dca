"""Objectives as texts: what was declared, kept as canonical JSON; how it is read back; what differs between two."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aimsight.configs.canonical import canonical_json, plain
from aimsight.configs.schema import ObjectiveConfig
from aimsight.metrics.registry import find

if TYPE_CHECKING:
    from aimsight.store.database import Reader
    from aimsight.store.records import ObjectiveVersion

_NUMBERS = ("tolerance", "baseline")


def declaration_of(objective: ObjectiveConfig) -> str:
    """The canonical text of an objective: every key that is not at its default."""
    return canonical_json(plain(objective.model_dump(exclude_defaults=True))).decode()


def config_of(reader: Reader, version: ObjectiveVersion) -> ObjectiveConfig:
    """A version of an objective as it was declared; of versions without a declaration, what their row says."""
    rows = reader.tuples(
        "SELECT content FROM objective_declaration WHERE model = ? AND objective = ? AND version = ?",
        [version.model, version.objective, version.version],
    )
    declared: dict[str, Any] = json.loads(rows[0][0]) if rows else _declared(version)
    for name in _NUMBERS:
        if name in declared:
            declared[name] = float(declared[name])
    return ObjectiveConfig.model_validate(declared)


def keys_of(objective: ObjectiveConfig) -> dict[str, str]:
    """Every key that is not at its default, as people read it."""
    content: dict[str, Any] = json.loads(declaration_of(objective))
    return {key: value if isinstance(value, str) else _words(value) for key, value in content.items()}


def differences(before: ObjectiveConfig | None, after: ObjectiveConfig | None) -> list[tuple[str, str, str]]:
    """(key, before, after) of what differs, in the order of the keys of the schema; ``''`` where there is nothing."""
    old, new = (keys_of(one) if one else {} for one in (before, after))
    return [
        (key, old.get(key, ""), new.get(key, ""))
        for key in ObjectiveConfig.model_fields
        if old.get(key, "") != new.get(key, "")
    ]


def _declared(version: ObjectiveVersion) -> dict[str, Any]:
    declared: dict[str, Any] = {
        "id": version.objective,
        "opens": {"failures": version.opens_failures, "of": version.opens_of},
        "segment": version.segment or None,
        "due": version.due.isoformat(),
        "actions": list(version.actions),
    }
    same = ("statement", "metric", "target", "tolerance", "zero_tolerance", "min_rows", "rationale", "owner")
    declared |= {name: getattr(version, name) for name in (*same, "severity", "policy_ref", "resources")}
    if version.column_name:
        over = find(version.metric).family == "fairness"
        declared["over" if over else "column"] = version.column_name.split(" & ") if over else version.column_name
    return declared


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)

"""Identities of configurations: a hash changes exactly when what is measured or judged may change.

Values that equal their default are left out, so that a new optional key in a later version of aimsight changes no
hash of a configuration that does not use it. Changing a default, in turn, must change ``_FORMAT``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from aimsight.configs.canonical import canonical_json, plain

if TYPE_CHECKING:
    from aimsight.configs.schema import ModelConfig, ObjectiveConfig

_FORMAT = 1

MEASURED: frozenset[str] = frozenset(
    {
        "version",
        "task",
        "log",
        "labels",
        "features",
        "protected",
        "segments",
        "filters",
        "reference",
        "monitor",
        "metrics",
        "drift",
        "drift_fdr",
        "min_group",
    }
)
"""Keys of a model that influence a measurement."""

JUDGED: frozenset[str] = frozenset(
    {
        "id",
        "metric",
        "column",
        "over",
        "segment",
        "target",
        "tolerance",
        "zero_tolerance",
        "min_rows",
        "opens",
        "severity",
    }
)
"""Keys of an objective that influence a verdict or what it opens."""


def config_hash(model: ModelConfig) -> str:
    """SHA-256 (hex) of everything that influences a measurement or a verdict; prose and owners do not count.

    The order of the objectives does not count either. The model's id is not part of it: it is part of the run's key.
    """
    measured = model.model_dump(include=set(MEASURED), exclude_defaults=True)
    measured["log"]["positive"] = model.log.positive  # always: True would pass for the default 1
    judged = [
        objective.model_dump(include=set(JUDGED), exclude_defaults=True)
        for objective in sorted(model.objectives, key=lambda objective: objective.id)
    ]
    return _sha256("aimsight config", {**measured, "objectives": judged})


def reference_hash(model: ModelConfig) -> str:
    """SHA-256 (hex) of everything that shapes a model's reference: its own keys and the columns that are counted."""
    shaping = MEASURED - {"version", "metrics", "monitor", "min_group", "drift_fdr"}
    content = model.model_dump(include=set(shaping), exclude_defaults=True)
    # what a frozen reference is used for later does not shape it
    for feature in content["features"].values():
        feature.pop("importance", None)
    for moving in ("rolling", "expanding"):
        content.get("reference", {}).pop(moving, None)
    if model.drift != "exact":  # the reference's windows keep their distinct values only where they are a season's
        content.get("reference", {}).pop("season", None)
    content["log"]["positive"] = model.log.positive
    return _sha256("aimsight reference", {**content, "model": model.model, "windows": str(_own_windows(model))})


def _own_windows(model: ModelConfig) -> object:
    return (model.reference and model.reference.windows) or model.monitor.calendar


def objective_hash(objective: ObjectiveConfig) -> str:
    """SHA-256 (hex) over all keys of an objective: whatever changes in it makes a new version of it."""
    return _sha256("aimsight objective", objective.model_dump(exclude_defaults=True))


def _sha256(what: str, content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json({"what": what, "format": _FORMAT, "content": plain(content)})).hexdigest()

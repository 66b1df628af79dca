"""Configurations that tests start from, as a person writes them: a daily model, and an objective on its accuracy."""

from __future__ import annotations

from datetime import date
from typing import Any

from aimsight.configs.schema import ModelConfig


def an_objective(name: str = "OBJ-1", **changes: Any) -> dict[str, Any]:
    """An objective on accuracy; ``changes`` replace keys."""
    return {
        "id": name,
        "statement": "Decisions stay right.",
        "metric": "performance.accuracy",
        "target": ">= 0.7",
        "rationale": "0.9 at release.",
        "owner": "owner@example.org",
        "due": date(2026, 12, 31),
        "severity": "minor",
    } | changes


def raw_model(**changes: Any) -> dict[str, Any]:
    """A binary model that is looked at daily; ``changes`` replace keys, and ``None`` takes one away."""
    config = {
        "model": "credit",
        "version": "1",
        "owner": "owner@example.org",
        "intended_use": "Tests.",
        "risk": "limited",
        "task": "binary",
        "log": {"source": "log.parquet", "timestamp": "at", "prediction": "yes", "id": "id"},
        "labels": {"source": "labels.parquet", "label": "y"},
        "features": {"x": "numeric"},
        "monitor": {"every": "1d", "window": "1d"},
    } | changes
    return {key: value for key, value in config.items() if value is not None}


def a_model(**changes: Any) -> ModelConfig:
    """The same, read."""
    return ModelConfig.model_validate(raw_model(**changes))

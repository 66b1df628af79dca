"""JSON Schema of the configuration files, so that editors complete, explain and check them while they are written.

Beside them: that of exported operational records, which is a file of its own under ``standard/``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from aimsight.configs.facts import ColumnKind
from aimsight.configs.schema import ModelConfig, ObjectiveConfig, ProjectConfig

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def project_schema() -> dict[str, Any]:
    """JSON Schema of ``aimsight.yaml``."""
    return _finished(ProjectConfig.model_json_schema(), "aimsight project")


def model_schema() -> dict[str, Any]:
    """JSON Schema of ``models/*.yaml``, the short form of features included."""
    schema = ModelConfig.model_json_schema()
    features = schema["properties"]["features"]
    features["additionalProperties"] = {
        "anyOf": [{"enum": list(get_args(ColumnKind))}, features["additionalProperties"]],
    }
    opens = schema["$defs"]["ObjectiveConfig"]["properties"]["opens"]
    opens["description"] = ObjectiveConfig.model_fields["opens"].description  # pydantic drops it beside a default
    return _finished(schema, "aimsight model")


def envelope_schema() -> dict[str, Any]:
    """JSON Schema of an exported operational record."""
    path = Path(__file__).parent / "standard" / "operational-record.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def _finished(schema: dict[str, Any], title: str) -> dict[str, Any]:
    return {"$schema": DIALECT, **schema, "title": title}

"""The JSON Schemas that editors use accept what the loader accepts, and explain every key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest

from aimsight.configs.jsonschema import model_schema, project_schema
from aimsight.configs.positions import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator


def as_editors_read(text: str) -> Any:
    """The file as an editor's YAML 1.2 parser hands it to the schema: dates are text, lists are lists."""
    return json.loads(json.dumps(read_document(text.encode(), "f.yaml").data))


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of the schema with what is said about it."""
    for owner in [schema, *schema.get("$defs", {}).values()]:
        yield from owner.get("properties", {}).items()


@pytest.mark.parametrize("schema", [project_schema(), model_schema()], ids=["project", "model"])
def test_schemas_are_valid_and_explain_every_key(schema: dict[str, Any]) -> None:
    """Each key has a description, because that is the help text in editors."""
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [name for name, said in properties(schema) if not said.get("description")] == []
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("risk: high", "risk: high"),
        ("segments: [gender, [", "segments: [["),
        ("source: data/*.parquet", "source: [a.csv, b.csv]"),
        ("[low, high]", "[1, true, x]"),
        ("over: gender", "over: [gender, age_group]"),
        ("lookback: 45d", "start: 1985-01-01"),
        ("job: category", "job: numeric"),
        ("1985-01-01]", "1985-01-01T00:00:00Z]"),
    ],
)
def test_valid_models_pass(model_text: str, old: str, new: str) -> None:
    """Short and long forms are both valid for editors."""
    assert old in model_text
    jsonschema.validate(as_editors_read(model_text.replace(old, new, 1)), model_schema())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("risk: high", "risk: hihg"),
        ("risk: high", "risky: high"),
        ("delay: 30d", "delay: 30 days"),
        ("job: category", "job: text"),
        ("tolerance: 0.01", "tolerance: -1"),
        ('">= 0.83"', '"> 0.83"'),
        ("due: 2027-03-31\n", "\n"),
        ("every: 1d", "every: 1"),
        ("model: wage-band", "model: Wage Band"),
    ],
)
def test_mistakes_are_underlined(model_text: str, old: str, new: str) -> None:
    """What the loader refuses by form, an editor marks while it is typed."""
    assert old in model_text
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_editors_read(model_text.replace(old, new, 1)), model_schema())


def test_project_file() -> None:
    """The project's schema takes a full file."""
    text = """
organisation: X
people: [{id: a, name: A, roles: [owner]}]
alerts: [{name: ops, url: env:OPS, on: [nonconformity, at risk]}]
checkpoints: [a.jsonl]
memory_limit: 300MB
"""
    jsonschema.validate(as_editors_read(text), project_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_editors_read(text.replace("300MB", "lots")), project_schema())

"""`aimsight schema`: the form of the configuration files, for editors."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer


class Form(StrEnum):
    """The two kinds of configuration file."""

    MODEL = "model"
    PROJECT = "project"


def schema(
    form: Annotated[Form, typer.Argument(help="Which file: models/*.yaml or aimsight.yaml.")] = Form.MODEL,
) -> None:
    """Print the JSON Schema of the configuration, so that an editor can complete and check it."""
    from aimsight.configs.jsonschema import model_schema, project_schema

    made = model_schema() if form is Form.MODEL else project_schema()
    typer.echo(json.dumps(made, indent=2, ensure_ascii=False))

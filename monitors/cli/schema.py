"""`aimsight schema`: the form of the configuration files, for editors, and of exported records."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer


class Form(StrEnum):
    """The two kinds of configuration file, and the envelope of exported records."""

    MODEL = "model"
    PROJECT = "project"
    ENVELOPE = "envelope"


def schema(
    form: Annotated[Form, typer.Argument(help="models/*.yaml, aimsight.yaml, or exported records.")] = Form.MODEL,
) -> None:
    """Print the JSON Schema of the configuration, so that an editor can complete and check it.

    With `envelope`: that of the records that `aimsight audit records` writes.
    """
    from aimsight.configs.jsonschema import envelope_schema, model_schema, project_schema

    makers = {Form.MODEL: model_schema, Form.PROJECT: project_schema, Form.ENVELOPE: envelope_schema}
    typer.echo(json.dumps(makers[form](), indent=2, ensure_ascii=False))

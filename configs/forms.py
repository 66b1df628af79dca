"""What a person fills in, from a small YAML file or options: checked like a configuration, all mistakes at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from aimsight.configs.errors import ConfigError, Problem
from aimsight.configs.positions import Document, key_text, read_document
from aimsight.configs.problems import findings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import BaseModel

Form = TypeVar("Form", bound="BaseModel")


def form_of(kind: type[Form], values: Mapping[str, object], *, file: Path | None = None, shown: str = "input") -> Form:
    """A filled-in form.

    Parameters
    ----------
    kind
        The pydantic model of the form.
    values
        What was said on the command line or a page; ``None`` and empty values are as good as not said. They take
        precedence over the file.
    file
        A YAML file with the same keys.
    shown
        What messages call the values when there is no file.

    Raises
    ------
    ConfigError
        With every mistake, each with file, line and the likely cure.
    """
    document = Document()
    if file is not None:
        shown = file.name
        try:
            document = read_document(file.read_bytes(), shown)
        except OSError as error:
            reason = (error.strerror or "unknown error").lower()
            raise ConfigError([Problem(str(file), 0, "", f"cannot be read: {reason}")]) from None
    document.data |= {key: _frozen(value) for key, value in values.items() if value not in (None, "", [], (), {})}
    form, found = findings(kind, document)
    problems = document.problems + [
        Problem(
            shown,
            document.line(finding.path) if file is not None else 0,
            key_text(finding.path),
            finding.problem,
            finding.suggestion,
        )
        for finding in found
    ]
    if problems or not isinstance(form, kind):
        raise ConfigError(problems)
    return form


def _frozen(value: object) -> object:
    """Lists as tuples and mappings as dictionaries, as a document has them."""
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    return {str(key): _frozen(item) for key, item in value.items()} if isinstance(value, dict) else value

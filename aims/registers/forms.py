"""Records as people write them: a YAML file and ``key=value`` on the command line; every mistake with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aimsight.aims.registers.fields import Field, check_values
from aimsight.configs.errors import ConfigError, Problem
from aimsight.configs.positions import Path, key_text, read_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path as FilePath

    from aimsight.aims.registers.record_type import RecordType

_AS_WRITTEN = frozenset({"text", "prose", "person", "anybody", "choice", "day", "moment", "link", "clause"})
_LISTS = frozenset({"texts", "people", "links", "clauses"})
_QUOTED = re.compile(r""" "(?:[^"\\]|\\.)*" | '(?:[^']|'')*' """, re.VERBOSE | re.DOTALL)


@dataclass(slots=True)
class Form:
    """What a person has filled in: values by key, and where each of them stands."""

    values: dict[str, Any] = field(default_factory=dict)
    raw: dict[Path, str] = field(default_factory=dict)
    places: dict[str, tuple[str, dict[Path, int]]] = field(default_factory=dict)

    def place(self, path: Path, otherwise: str) -> tuple[str, int]:
        """The file and line of a value, or of the nearest part around it."""
        file, lines = self.places.get(str(path[0]), next(iter(self.places.values()), (otherwise, {})))
        while path and path not in lines:
            path = path[:-1]
        return file, lines.get(path, 0)


def read_form(kind: RecordType, file: FilePath | None = None, settings: Iterable[str] = ()) -> Form:
    """The form of a file and of ``key=value`` settings, which win over the file; not checked yet.

    A setting with nothing after ``=`` empties the key; one that is repeated makes a list. A text that is quoted as a
    whole is read as in the file: without its quotes.

    Raises
    ------
    ConfigError
        When the file cannot be read or is no YAML, or a setting has no ``=``.
    """
    form = Form()
    if file is not None:
        _read_file(form, file)
    fields = {one.name: one for one in kind.all_fields}
    problems = []
    for setting in settings:
        key, equals, text = setting.partition("=")
        key = key.strip().replace("-", "_")
        if not equals:
            problems.append(Problem("--set", 0, key, "has no value: write --set key=value"))
            continue
        value, wrong = _value(fields.get(key), text)
        problems += wrong
        before = form.values.get(key)
        again = key in form.places and form.places[key][0] == "--set"
        form.values[key] = (
            [*before, *value] if again and isinstance(before, list) and isinstance(value, list) else value
        )
        form.raw[(key,)] = text
        form.places[key] = ("--set", {})
    if problems:
        raise ConfigError(problems)
    return form


def checked(kind: RecordType, form: Form, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The checked values of a whole record: those of ``base`` with the form's in their place.

    Raises
    ------
    ConfigError
        With every mistake, its file, line and key.
    """
    values, found = check_values(kind.all_fields, {**(base or {}), **form.values}, form.raw)
    if found:
        raise ConfigError(
            Problem(*form.place(one.path, kind.name), key_text(one.path), one.problem, one.suggestion) for one in found
        )
    return values


def template(kind: RecordType) -> str:
    """A form to be filled in: every key with what it says; what may be left out is commented out."""
    lines = [f"# {kind.title}: {kind.doc}"]
    for one in kind.all_fields:
        mark = "" if one.required else "# "
        choices = f" One of: {', '.join(one.choices)}." if one.choices else ""
        need = f" (needed {one.need})" if one.need not in {"", "yes"} else ""
        lines += [f"# {one.doc}{choices}{need}", f"{mark}{one.name}:{_example(one)}"]
        if one.kind == "items":
            first = "- "
            for part in one.fields:
                alternatives = f" One of: {', '.join(part.choices)}." if part.choices else ""
                lines.append(f"{mark}  {first}{part.name}:  # {part.doc}{alternatives}")
                first = "  "
    return "\n".join(lines) + "\n"


def _example(one: Field) -> str:
    if one.kind == "items":
        return ""
    return " []" if one.kind in _LISTS else " "


def _read_file(form: Form, file: FilePath) -> None:
    try:
        content = file.read_bytes()
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise ConfigError([Problem(str(file), 0, "", f"cannot be read: {reason}")]) from error
    document = read_document(content, str(file))
    if document.problems:
        raise ConfigError(document.problems)
    form.values |= document.data
    form.raw |= document.raw
    form.places |= {key: (str(file), document.lines) for key in document.data}
    form.places.setdefault("", (str(file), document.lines))


def _value(one: Field | None, text: str) -> tuple[Any, list[Problem]]:
    if not text.strip():
        return None, []
    if one is None or one.kind in _AS_WRITTEN:
        return _unquoted(text), []
    if one.kind in _LISTS and not text.lstrip().startswith("["):
        return [_unquoted(text)], []
    document = read_document(f"{one.name}: {text}".encode(), "--set")
    value = document.data.get(one.name)
    return (list(value) if isinstance(value, tuple) else value), document.problems


def _unquoted(text: str) -> str:
    """The text inside quotes that go around all of it; any other text as it is."""
    if not _QUOTED.fullmatch(text.strip()):
        return text
    document = read_document(f"text: {text.strip()}".encode(), "--set")
    return text if document.problems else str(document.data["text"])

"""Turns what pydantic found into problems that a person can act on: one a value, with its line and a suggestion."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args, get_origin

from pydantic import BaseModel, ValidationError

from aimsight.configs.errors import InvalidTextError, did_you_mean
from aimsight.configs.targets import number_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic_core import ErrorDetails

    from aimsight.configs.positions import Document, Path

CLAUSE_6_2 = frozenset({"statement", "metric", "target", "owner", "due", "rationale"})
"""Keys without which an objective is not measurable, or nobody answers for it, or nobody knows until when and why."""

DECIDE = "DECIDE"
"""The value that stands in a first configuration where a person has to decide."""

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "date_type": "a date (YYYY-MM-DD)",
    "datetime_type": "a time (YYYY-MM-DDTHH:MM:SS with an offset)",
}
_LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
}
_TRUE = frozenset({"yes", "on", "y", "1", "true"})
_FALSE = frozenset({"no", "off", "n", "0", "false"})


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem before it has a line: where in the data, what, and the suggestion."""

    path: Path
    problem: str
    suggestion: str = ""


def findings(kind: type[BaseModel], document: Document) -> tuple[BaseModel | None, list[Finding]]:
    """Validate the document's data: the model, or what is wrong with it."""
    open_ones = undecided(kind, document)
    try:
        model = kind.model_validate(document.data)
    except ValidationError as error:
        reported = {finding.path for finding in open_ones}
        wrong = _translate(kind, document, error.errors(include_url=False))
        return None, open_ones + [finding for finding in wrong if finding.path not in reported]
    return model, open_ones


def _translate(kind: type[BaseModel], document: Document, errors: list[ErrorDetails]) -> list[Finding]:
    by_path: dict[Path, list[ErrorDetails]] = {}
    for error in errors:
        by_path.setdefault(_data_path(document.data, error), []).append(error)
    unknown = {path for path, found in by_path.items() if found[0]["type"] == "extra_forbidden"}
    translated = []
    for path, every in by_path.items():
        found = _without_dead_branches(path, every, by_path, document)
        if not found:
            continue
        if found[0]["type"] == "missing" and any(
            other[:-1] == path[:-1] and did_you_mean(str(other[-1]), model_keys(kind, path[:-1])) == path[-1]
            for other in unknown
        ):
            continue  # the misspelt key is reported already
        translated.append(_finding(kind, document, path, found))
    return translated


def _without_dead_branches(
    path: Path, errors: list[ErrorDetails], by_path: Iterable[Path], document: Document
) -> list[ErrorDetails]:
    """The errors without "must be text" or "must not be empty" for a list whose elements have errors of their own."""
    deeper = any(len(other) > len(path) and other[: len(path)] == path for other in by_path)
    if deeper and isinstance(_at(document.data, path), tuple | dict):
        return [error for error in errors if error["type"] not in {*_EXPECTED, "too_short"}]
    return errors


def _data_path(data: object, error: ErrorDetails) -> Path:
    """The part of pydantic's location that exists in the data: names of union branches are skipped."""
    path: Path = ()
    for position, part in enumerate(error["loc"]):
        inside, value = _child(data, part)
        if inside:
            data = value
        elif error["type"] != "missing" or position < len(error["loc"]) - 1:
            continue
        path = (*path, part)
    return path


def _child(data: object, part: str | int) -> tuple[bool, object]:
    if isinstance(data, dict) and isinstance(part, str) and part in data:
        return True, data[part]
    if isinstance(data, tuple) and isinstance(part, int) and part < len(data):
        return True, data[part]
    return False, None


def _at(data: object, path: Path) -> object:
    for part in path:
        _, data = _child(data, part)
    return data


def _finding(kind: type[BaseModel], document: Document, path: Path, errors: list[ErrorDetails]) -> Finding:
    for error in errors:
        cause = error.get("ctx", {}).get("error")
        if isinstance(cause, InvalidTextError):
            return Finding(path, cause.problem, cause.suggestion)
    types = [error["type"] for error in errors]
    value, raw = _at(document.data, path), document.raw.get(path, "")
    if types[0] == "extra_forbidden":
        keys = model_keys(kind, path[:-1])
        near = did_you_mean(str(path[-1]), keys)
        return Finding(path, f"unknown key; known keys are {', '.join(keys)}", near)
    if types[0] == "missing" and isinstance(path[-1], int):
        return Finding(path[:-1], "needs two values: [first, last]")
    if types[0] == "missing":
        return Finding(path, _missing(kind, path))
    right_type = [error for error in errors if error["type"] not in _EXPECTED]
    if right_type:  # the branch of a union whose type fits says what is wrong
        return Finding(path, *_constraint(right_type[0], value))
    return Finding(path, *_wrong_type(types, value, raw))


def _missing(kind: type[BaseModel], path: Path) -> str:
    text = f"is missing: {_description(kind, path)}"
    if path[0] == "objectives" and len(path) == 3 and path[-1] in CLAUSE_6_2:
        text += " (clause 6.2 of ISO/IEC 42001: without it the objective is not measurable)"
    return text


def _wrong_type(types: list[str], value: object, raw: str) -> tuple[str, str]:
    wanted = list(dict.fromkeys(_EXPECTED[name] for name in types))
    expected = f"must be {' or '.join(wanted)}"
    if value is None:
        return f"is empty; it {expected}, or the key is left out", ""
    suggestion = next((text for name in types if (text := _converted(name, value, raw))), "")
    return f"{expected}, not {_described(value, raw)}", suggestion


def _described(value: object, raw: str) -> str:
    if isinstance(value, bool):
        return raw or json.dumps(value)
    if isinstance(value, int | float):
        return f"the number {raw or value}"
    if isinstance(value, str):
        return f'the text "{value}"'
    return "a list" if isinstance(value, tuple) else "keys and values"


def _converted(wanted: str, value: object, raw: str) -> str:
    """The value in the wanted type, as it would be written in YAML; ``''`` when it cannot be."""
    if wanted == "string_type":
        return json.dumps(raw) if raw and not isinstance(value, str | tuple | dict) else ""
    if wanted == "tuple_type":
        return f"[{raw}]" if raw else ""
    if wanted == "bool_type":
        word = raw.casefold()
        return "true" if word in _TRUE else "false" if word in _FALSE else ""
    if wanted in {"int_type", "int_from_float", "float_type"}:
        return _number(raw, whole=wanted != "float_type")
    return ""


def _number(raw: str, *, whole: bool) -> str:
    text = raw.strip().replace("_", "").replace(" ", "")
    percent = text.endswith("%")
    text = re.sub(r"^([+-]?[0-9]+),([0-9]+)$", r"\1.\2", text.removesuffix("%"))
    if not re.fullmatch(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?", text):
        return ""
    number = float(text) / (100 if percent else 1)
    return "" if whole and not number.is_integer() else number_text(number)


def _constraint(error: ErrorDetails, value: object) -> tuple[str, str]:
    name, context = error["type"], error.get("ctx", {})
    if name in _LIMITS:
        key, words = _LIMITS[name]
        limit = context[key]
        percent = isinstance(value, int | float) and limit == 1 and 1 < value <= 100
        shown = number_text(limit) if isinstance(limit, float) else str(limit)
        return f"must be {words} {shown}, not {value}", number_text(float(str(value)) / 100) if percent else ""
    if name == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context["expected"]))
        return f'must be one of {", ".join(choices)}, not "{value}"', did_you_mean(str(value), choices)
    if name in {"string_too_short", "too_short"}:
        least = int(context["min_length"])
        return (f"needs {least} values" if least > 1 else "must not be empty"), ""
    if name in {"string_too_long", "too_long"}:
        unit = "characters" if name == "string_too_long" else "values"
        return f"has at most {context['max_length']} {unit}", ""
    if name == "string_pattern_mismatch":
        return f'"{value}" does not have the form of 300MB or 2GB', _memory(str(value))
    return _lower_first(error["msg"]), ""


def _memory(text: str) -> str:
    match = re.fullmatch(r"\s*([1-9][0-9]*(?:\.[0-9]+)?)\s*([mg])i?b?\s*", text.casefold())
    return f"{match[1]}{match[2].upper()}B" if match else ""


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def undecided(kind: type[BaseModel], document: Document) -> list[Finding]:
    """Values that a first configuration leaves to a person."""
    return [
        Finding(path, f"is still to be decided: {_description(kind, path)}")
        for path, raw in document.raw.items()
        if raw == DECIDE and path not in document.quoted and path[0] in kind.model_fields
    ]


def _description(kind: type[BaseModel], path: Path) -> str:
    for length in range(len(path), 0, -1):
        name = path[length - 1]
        fields = _model_at(kind, path[: length - 1]).model_fields
        if isinstance(name, str) and name in fields:
            return _lower_first((fields[name].description or "").removesuffix("."))
    return ""


def model_keys(kind: type[BaseModel], path: Path) -> list[str]:
    """The keys that are known at ``path`` of a configuration of this kind."""
    return list(_model_at(kind, path).model_fields)


def _model_at(kind: type[BaseModel], path: Path) -> type[BaseModel]:
    inside_mapping = False
    for part in path:
        if isinstance(part, int) or inside_mapping:
            inside_mapping = False
            continue
        annotation = kind.model_fields[part].annotation
        inside_mapping = get_origin(annotation) is dict
        kind = next(_models_in(annotation), kind)
    return kind


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)

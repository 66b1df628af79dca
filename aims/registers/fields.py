"""The fields of register records: which kinds of value there are, and how each is checked and written down.

A checked value is what canonical JSON can hold: text, whole numbers, booleans, lists and keyed values; days, moments
and numbers that are not whole are text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from aimsight.configs.canonical import decimal_text
from aimsight.configs.errors import InvalidTextError, did_you_mean, quoted_list
from aimsight.configs.fields import Day, Name, Prose
from aimsight.configs.positions import Path
from aimsight.configs.problems import Finding
from aimsight.configs.standard import load_standard
from aimsight.store.ledger import moment_text

Kind = Literal[
    "text", "prose", "texts", "person", "anybody", "people", "day", "moment", "number", "count", "flag", "choice",
    "link", "links", "clause", "clauses", "items",
]  # fmt: skip

_LINK = re.compile(r"[a-z][a-z_]*:\S(?:.*\S)?")
_ZONE_NEEDED = "a moment needs an offset: write YYYY-MM-DDTHH:MM:SSZ, or a day (YYYY-MM-DD)"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record type.

    Parameters
    ----------
    name
        Key in files and on the command line.
    kind
        ``text`` (one line), ``prose``, ``person`` (of the project, by id), ``anybody`` (by id or name), ``day``,
        ``moment``, ``number``, ``count`` (a whole number from 0), ``flag``, ``choice``, ``link`` (``kind:id``),
        ``clause`` (or control), the plurals ``texts``, ``people`` (of anybody), ``links`` and ``clauses``, or
        ``items`` (a list of keyed values).
    required
        Whether a record cannot be written without it.
    doc
        What it says; shown to people.
    choices
        Valid values of a ``choice``.
    fields
        Keys of each of the ``items``.
    to_approve
        Whether it may be left open while the record is drafted, but not when it is approved.
    needed_when
        A choice beside it, and the values of that choice with which it cannot be left out.
    stands_for
        Fields beside it that the person named here stands for. Only that person can write their name here, and it is
        taken away when somebody else changes one of those fields.
    """

    name: str
    kind: Kind
    required: bool
    doc: str
    choices: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    to_approve: bool = False
    needed_when: tuple[str, tuple[str, ...]] = ("", ())
    stands_for: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.kind == "choice") != bool(self.choices) or (self.kind == "items") != bool(self.fields):
            raise ValueError(f"{self.name}: a choice has choices, items have fields, and nothing else has")

    @property
    def need(self) -> str:
        """When it is needed, for people: ``yes``, ``to approve``, ``with state done``, or nothing."""
        choice, needing = self.needed_when
        when = f"with {choice} {' or '.join(needing)}" if needing else ""
        return "yes" if self.required else "to approve" if self.to_approve else when


def check_values(
    fields: tuple[Field, ...], given: Mapping[str, Any], raw: Mapping[Path, str], path: Path = ()
) -> tuple[dict[str, Any], list[Finding]]:
    """The checked values of these fields, and everything that is wrong with what was given.

    Parameters
    ----------
    given
        Values by key, as a YAML file or a caller holds them; ``None`` means "not filled in".
    raw
        How a value was written in the file, for suggestions.
    path
        Where the keys stand.
    """
    known = {field.name: field for field in fields}
    values: dict[str, Any] = {}
    found: list[Finding] = []
    for key in given:
        if key not in known:
            near = did_you_mean(key, known)
            found.append(Finding((*path, key), f"unknown key; valid are {quoted_list(known, 30)}", near))
    misspelt = {did_you_mean(key, known) for key in given if key not in known}
    for field in fields:
        value = given.get(field.name)
        if value is None or value in ("", [], ()):
            if field.required and field.name not in misspelt:
                found.append(Finding((*path, field.name), f"is missing: {field.doc}"))
            continue
        checked, problems = _check(field, value, raw, (*path, field.name))
        found += problems
        if not problems:
            values[field.name] = checked
    for field in fields:
        choice, needing = field.needed_when
        if values.get(choice) in needing and field.name not in values and not given.get(field.name):
            found.append(Finding((*path, field.name), f"is missing with {choice} {values[choice]}: {field.doc}"))
    return values, found


def _check(field: Field, value: object, raw: Mapping[Path, str], path: Path) -> tuple[object, list[Finding]]:
    if field.kind == "items":
        return _items(field, value, raw, path)
    try:
        if field.kind in _LISTS:
            return _several(field, value, raw, path)
        return _one(field.kind, field.choices, value), []
    except InvalidTextError as error:
        text = raw.get(path)
        near = error.suggestion or (
            json.dumps(text, ensure_ascii=False) if text and _needs_quotes(field, value) else ""
        )
        return None, [Finding(path, error.problem, near)]


def _several(field: Field, value: object, raw: Mapping[Path, str], path: Path) -> tuple[object, list[Finding]]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        raise InvalidTextError("must be a list")
    single = Field(field.name, _LISTS[field.kind], field.required, field.doc)
    values, found = [], []
    for position, item in enumerate(given):
        checked, problems = _check(single, item, raw, (*path, position))
        values.append(checked)
        found += problems
    return values, found


def _items(field: Field, value: object, raw: Mapping[Path, str], path: Path) -> tuple[object, list[Finding]]:
    keys = quoted_list(one.name for one in field.fields)
    if not isinstance(value, list | tuple):
        return None, [Finding(path, f"must be a list whose entries have the keys {keys}")]
    values, found = [], []
    for position, item in enumerate(value):
        where: Path = (*path, position)
        if not isinstance(item, Mapping):
            found.append(Finding(where, f"must have the keys {keys}"))
            continue
        checked, problems = check_values(field.fields, item, raw, where)
        values.append(checked)
        found += problems
    return values, found


def _one(kind: Kind, choices: tuple[str, ...], value: object) -> object:
    if kind == "choice":
        if value not in choices:
            raise InvalidTextError(f"must be one of {quoted_list(choices)}", did_you_mean(str(value), choices))
        return value
    return _CHECKS[kind](value)


def _needs_quotes(field: Field, value: object) -> bool:
    return field.kind in {"text", "prose", "person", "anybody", "clause"} and isinstance(value, bool | int | float)


def _text(value: object) -> str:
    return _by_pydantic(_NAME, value, "text")


def _prose(value: object) -> str:
    return _by_pydantic(_PROSE, value, "text")


def _by_pydantic(adapter: TypeAdapter[str], value: object, expected: str) -> str:
    if not isinstance(value, str):
        raise InvalidTextError(f"must be {expected}")
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise _cause(error, "must not be empty") from None


def _cause(error: ValidationError, otherwise: str) -> InvalidTextError:
    """What a validator of ours said: a new error, because the one that pydantic keeps is never freed once raised."""
    cause = error.errors(include_url=False)[0].get("ctx", {}).get("error")
    return (
        InvalidTextError(cause.problem, cause.suggestion)
        if isinstance(cause, InvalidTextError)
        else InvalidTextError(otherwise)
    )


def day_of(value: object) -> date:
    """The day that was given as a date or as ``YYYY-MM-DD``."""
    if isinstance(value, datetime) or not isinstance(value, date | str):
        raise InvalidTextError("must be a date (YYYY-MM-DD)")
    try:
        return _DAY.validate_python(value)
    except ValidationError as error:
        raise _cause(error, "must be a date") from None


def moment_of(value: object) -> datetime:
    """The moment that was given as a moment, ISO 8601 text with an offset, or a day (its first moment in UTC)."""
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str) and len(value) > len("YYYY-MM-DD"):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise InvalidTextError(_ZONE_NEEDED) from None
    else:
        moment = datetime.combine(day_of(value), datetime.min.time(), UTC)
    if moment.tzinfo is None:
        raise InvalidTextError(_ZONE_NEEDED, f"{moment.isoformat()}Z")
    return moment.astimezone(UTC)


def link_of(value: object) -> str:
    """A pointer to another record: ``kind:id``."""
    if not isinstance(value, str) or not _LINK.fullmatch(value):
        raise InvalidTextError("must point at a record as kind:id, such as risk:RISK-2026-0001")
    return _text(value)


def value_words(value: object) -> str:
    """A checked value as people read it: lists and keyed values on one line, prose with its lines."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(value_words(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {value_words(item)}" for key, item in value.items())
    return str(value)


def _clause(value: object) -> str:
    known = _clauses()
    name = str(value)  # 9.1 without quotes is a number in YAML
    if name not in known:
        near = did_you_mean(name, sorted(known))
        raise InvalidTextError("must be a clause or control of ISO/IEC 42001 such as 9.1 or A.6.2.6", near)
    return name


@cache
def _clauses() -> frozenset[str]:
    return frozenset(clause.id for clause in load_standard().outline.all)


def _number(value: object) -> int | str:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise InvalidTextError("must be a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTextError("must be a number")
    try:
        return value if isinstance(value, int) else decimal_text(value)
    except ValueError:
        raise InvalidTextError("must be a finite number") from None


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidTextError("must be a whole number from 0")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidTextError("must be true or false")
    return value


_NAME: TypeAdapter[str] = TypeAdapter(Name)
_PROSE: TypeAdapter[str] = TypeAdapter(Prose)
_DAY: TypeAdapter[date] = TypeAdapter(Day)
_LISTS: dict[str, Kind] = {"texts": "prose", "people": "anybody", "links": "link", "clauses": "clause"}
_CHECKS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "prose": _prose,
    "person": _text,
    "anybody": _text,
    "day": lambda value: day_of(value).isoformat(),
    "moment": lambda value: moment_text(moment_of(value)),
    "number": _number,
    "count": _count,
    "flag": _flag,
    "link": link_of,
    "clause": _clause,
}

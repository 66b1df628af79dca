"""The kinds of value a configuration field may hold: each checks itself and says what would be valid.

The descriptions and patterns here also end up in the JSON Schema that editors use.
"""

from __future__ import annotations

import re
import unicodedata
import zoneinfo
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from aimsight.configs import durations, filters, targets, window_lengths
from aimsight.configs.errors import InvalidTextError, did_you_mean

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_IDENTIFIER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_ALERT_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.+|file:.+|env:[A-Za-z_][A-Za-z0-9_]*")
_ANCHOR_TARGET = re.compile(r"(?:git|alert):.+|tsa:https?://.+")
_PUBLIC_KEY = re.compile(r"ed25519:[A-Za-z0-9+/]{43}=")
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_LONGEST_NAME = 255
_LONGEST_ID = 63


def control_character(text: str, *, prose: bool = False) -> str:
    """The first character that cannot be shown as itself, as ``U+000A``; ``''`` when there is none.

    Control characters, lone surrogates, line separators and marks that reorder text. Prose may hold line ends and tabs.
    """
    for character in text:
        if prose and character in "\n\t":
            continue
        if unicodedata.category(character) in _UNPRINTABLE or character in _BIDI_CONTROLS:
            return f"U+{ord(character):04X}"
    return ""


def _name(text: str) -> str:
    bad = control_character(text)
    if bad:
        raise InvalidTextError(f"a name holds no control characters, and this one holds {bad}")
    if not text.strip():
        raise InvalidTextError("must not be empty")
    if len(text) > _LONGEST_NAME:
        raise InvalidTextError(f"a name has at most {_LONGEST_NAME} characters, and this one has {len(text)}")
    return text


def _prose(text: str) -> str:
    bad = control_character(text, prose=True)
    if bad:
        raise InvalidTextError(f"text holds no control characters, and this one holds {bad}")
    if not text.strip():
        raise InvalidTextError("must not be empty")
    return text.strip()


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text) or len(text) > _LONGEST_ID:
        raise InvalidTextError(
            f'"{text}" is not an id; use lower-case letters, digits and single hyphens, at most {_LONGEST_ID}',
            slug_of(text),
        )
    return text


def _identifier(text: str) -> str:
    if not _IDENTIFIER.fullmatch(text) or len(text) > _LONGEST_ID:
        raise InvalidTextError(
            f'"{text}" is not an id; use letters, digits, ".", "_" and "-", at most {_LONGEST_ID}',
            re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_of(text)).strip("-._")[:_LONGEST_ID].strip("-._"),
        )
    return text


def ascii_of(text: str) -> str:
    """The text without marks and without what has no ASCII form: ``Überzug`` -> ``Uberzug``."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


def slug_of(text: str) -> str:
    """The id closest to a free text: ``Wage band`` -> ``wage-band``; ``''`` when nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", ascii_of(text).lower()).strip("-")[:_LONGEST_ID].strip("-")


def _time_zone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise InvalidTextError(
            f'"{text}" is not an IANA time zone such as UTC or Europe/Vienna',
            did_you_mean(text, sorted(zoneinfo.available_timezones())),
        ) from None
    return text


_TIME_CODES = frozenset("YymdbBHIMSfpzj%")
"""The codes of ``strptime`` that a time can be read by."""


TIME_FORMS = ("iso8601", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns")
"""Ways of writing a time that have a name: ISO 8601, and seconds, milli-, micro- and nanoseconds since 1970."""


def _time_format(text: str) -> str:
    if text in TIME_FORMS:
        return text
    codes = re.findall(r"%(.?)", text)
    wrong = [code for code in codes if code not in _TIME_CODES or not code]
    if wrong or not {"Y", "y"} & set(codes):
        what = f"%{wrong[0]} is no code of it" if wrong else "it has no year"
        raise InvalidTextError(
            f'"{text}" does not say how a time is written: {what}; '
            "%Y year, %m month, %d day, %H hour, %M minute, %S second, %z offset, such as %d.%m.%Y %H:%M; "
            f"or one of {', '.join(TIME_FORMS)}",
            did_you_mean(text, TIME_FORMS),
        )
    return text


def _day(value: object) -> object:
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise InvalidTextError(f'"{value}" is not a date; write YYYY-MM-DD', _iso_intention(value))
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise InvalidTextError(f'"{value}" is not a date: the calendar has no such day') from None
    return value


def _moment(value: object) -> object:
    if isinstance(value, str) and len(value) > len("YYYY-MM-DD"):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise InvalidTextError(
                f'"{value}" is not a date or time; write YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS with an offset'
            ) from None
    return _day(value)


def _iso_intention(text: str) -> str:
    for form in ("%d.%m.%Y", "%Y/%m/%d", "%Y-%m-%d", "%Y.%m.%d", "%d %B %Y", "%B %d, %Y"):
        try:
            return datetime.strptime(text.strip(), form).date().isoformat()  # noqa: DTZ007  # only its date is used
        except ValueError:
            continue
    return ""


def _duration(value: object) -> object:
    if isinstance(value, str):
        return durations.Duration.parse(value)
    if isinstance(value, durations.Duration):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        raise InvalidTextError("a duration needs a unit: h, d, w, mo, q or y", f"{value}d")
    raise InvalidTextError("a duration is a whole number and a unit: 1h, 1d, 1w, 1mo, 1q, 1y")


def _window_length(value: object) -> object:
    if isinstance(value, str):
        return window_lengths.parse(value)
    if isinstance(value, window_lengths.RowCount | window_lengths.ChunkCount):
        return value
    if isinstance(value, dict):
        near = next((f"{count} {unit}" for unit, count in value.items() if unit in {"rows", "chunks"}), "")
        raise InvalidTextError('a window is a duration (1d), "1000 rows" or "12 chunks"', near)
    return _duration(value)


def _target_text(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise InvalidTextError('a target is an operator and a number: ">= 0.83", "<= 0.1" or "between -1.5 and 1.5"')
    return value


def _target(text: str) -> str:
    return str(targets.Target.parse(text))


def _anchor_target(text: str) -> str:
    if not _ANCHOR_TARGET.fullmatch(text):
        raise InvalidTextError(
            f'"{text}" is no target; write git:FOLDER, alert:ROUTE or tsa:https://...',
            f"tsa:{text}" if text.startswith("https://") else "",
        )
    return text


def _public_key(text: str) -> str:
    if not _PUBLIC_KEY.fullmatch(text):
        raise InvalidTextError("a public key is ed25519: and 32 bytes in base64; `aimsight keys show FILE` prints it")
    return text


def _filter(text: str) -> str:
    return str(filters.parse(text))


def _alert_url(text: str) -> str:
    if not _ALERT_URL.fullmatch(text):
        raise InvalidTextError(
            "an alert goes to an Apprise URL (scheme://...), to file:PATH, or to env:NAME, "
            "where the environment variable NAME holds the URL"
        )  # the text is not shown: it may hold a secret
    return text


def category_text(value: object) -> object:
    """A category as the engine sees it: booleans as ``true`` and ``false``, whole numbers in digits."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def one_or_more(value: object) -> object:
    """A list of one is its only element, so that both spellings are the same configuration."""
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def _group(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Name = Annotated[str, AfterValidator(_name), Field(min_length=1, max_length=_LONGEST_NAME)]
"""A column, file or person: any text that can be shown, quotes and markup included."""

Prose = Annotated[str, AfterValidator(_prose), Field(min_length=1)]
"""Sentences for people."""

AlertUrl = Annotated[Name, AfterValidator(_alert_url)]
"""Where notices go."""

Slug = Annotated[str, AfterValidator(_slug), WithJsonSchema({"type": "string", "pattern": f"^{_SLUG.pattern}$"})]
"""An id that appears in paths and URLs."""

Identifier = Annotated[
    str, AfterValidator(_identifier), WithJsonSchema({"type": "string", "pattern": f"^{_IDENTIFIER.pattern}$"})
]
"""An id that people choose, such as OBJ-01."""

TimeZone = Annotated[str, AfterValidator(_time_zone)]
TimeFormat = Annotated[str, AfterValidator(_time_format)]
"""An IANA time zone."""

Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A calendar day."""

Moment = Annotated[
    date | datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].+)?$"}),
]
"""A calendar day, or a moment."""

DurationField = Annotated[
    durations.Duration,
    BeforeValidator(_duration),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": durations.PATTERN}),
]
"""A calendar duration."""

WindowField = Annotated[
    window_lengths.WindowLength,
    BeforeValidator(_window_length),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": window_lengths.PATTERN}),
]
"""The length of a window: a calendar duration, a number of rows, or a share of a closed history."""

TargetText = Annotated[
    str,
    BeforeValidator(_target_text),
    AfterValidator(_target),
    WithJsonSchema({"type": "string", "pattern": r"^\s*(>=|<=|between)\s*[-+.0-9]", "examples": [">= 0.83", "<= 0.1"]}),
]
"""A target in its normal spelling."""

FilterText = Annotated[Name, AfterValidator(_filter)]
"""A filter in its normal spelling."""

AnchorTarget = Annotated[
    Name, AfterValidator(_anchor_target), WithJsonSchema({"type": "string", "pattern": "^(git|alert|tsa):.+"})
]
"""Whom the ledger's head is given to."""

PublicKey = Annotated[
    str, AfterValidator(_public_key), WithJsonSchema({"type": "string", "pattern": "^ed25519:[A-Za-z0-9+/]{43}=$"})
]
"""A public key of Ed25519 as text."""

Source = Annotated[Name | Annotated[tuple[Name, ...], Field(min_length=1)], BeforeValidator(one_or_more)]
"""One file or glob, or several."""

Groups = Annotated[Name | Annotated[tuple[Name, ...], Field(min_length=1)], BeforeValidator(one_or_more)]
"""One column, or the columns of an intersection."""

Intersection = Annotated[
    tuple[Name, ...],
    BeforeValidator(_group),
    Field(min_length=1),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
            ]
        }
    ),
]
"""A column, or columns whose intersections are counted."""

Category = Annotated[str, BeforeValidator(category_text), WithJsonSchema({"type": ["string", "integer", "boolean"]})]
"""A value of a categorical column, as text."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
"""A finite number."""


def as_feature(value: object) -> object:
    """``age: numeric`` is short for ``age: {kind: numeric}``."""
    return {"kind": value} if isinstance(value, str) else value

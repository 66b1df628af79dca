"""SQL expressions over the columns of an inference log, each with a type that the stream to NumPy can rely on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aimsight.configs.errors import SchemaError
from aimsight.configs.fields import TIME_FORMS
from aimsight.metrics.engines.sql import quote_ident, quote_list, quote_text
from aimsight.metrics.engines.tables import kind_of
from aimsight.metrics.engines.windows import micros

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aimsight.configs.schema import LogConfig
    from aimsight.metrics.engines.tables import Kind

NUMERIC = frozenset({"integer", "float", "decimal"})
SCALAR = frozenset({*NUMERIC, "empty", "boolean", "text", "timestamp", "naive timestamp"})
OFFSET = ":[0-9.]+ ?(Z|z|[+-][0-9]{2}(:?[0-9]{2})?)$"
"""The end of a text of ISO 8601 that tells its moment."""
_WHOLE = 2**53
_WRITTEN: dict[Kind, re.Pattern[str]] = {
    "integer": re.compile("0|-?[1-9][0-9]{0,17}"),
    "boolean": re.compile("true|false"),
}
"""Texts of a kind that are its literals in SQL, and that no other text of the kind equals."""


def instant(column: str, type_name: str, log: LogConfig, what: str) -> str:
    """A timestamp column as TIMESTAMPTZ, of the log or of its labels.

    Raises
    ------
    SchemaError
        If it is no timestamp and no text whose form is declared, or has no zone and none is declared.
    """
    kind = kind_of(type_name)
    value = quote_ident(column)
    if log.timestamp_format and kind in {"text", *NUMERIC}:
        value = written_time(value, kind, log.timestamp_format, log.naive_timestamps)
        kind = "timestamp" if tells_zone(log.timestamp_format) else "naive timestamp"
    if kind == "timestamp":
        return value if type_name == "TIMESTAMP WITH TIME ZONE" else f"CAST({value} AS TIMESTAMPTZ)"
    if kind == "empty":
        return f"CAST({value} AS TIMESTAMPTZ)"
    if kind == "naive timestamp":
        if log.naive_timestamps is None:
            raise SchemaError(
                f"{what}: timestamps in column {column!r} have no time zone; "
                "write them with one, or name the zone they are in: naive_timestamps: Europe/Berlin"
            )
        return f"timezone({quote_text(log.naive_timestamps)}, CAST({value} AS TIMESTAMP))"
    hint = ', or text with `timestamp_format: "%d.%m.%Y %H:%M"` or `iso8601`' if kind == "text" else ""
    if kind in NUMERIC:
        hint = ", or a number with `timestamp_format: epoch_ms`"
    raise SchemaError(f"{what}: column {column!r} must be a timestamp{hint}, not {type_name}")


def tells_zone(form: str) -> bool:
    """Whether times that are written in this form are moments, whatever the zone of the log's clock."""
    return form in TIME_FORMS or "%z" in form


def written_time(value: str, kind: Kind, form: str, zone: str | None) -> str:
    """A time that is written as text or as a number: TIMESTAMPTZ where the form ``tells_zone``, else TIMESTAMP.

    Texts of ``iso8601`` without an offset are read in ``zone``; a time that is not written so costs the query.
    """
    as_text = f"CAST({value} AS VARCHAR)"
    if form == "iso8601":
        naive = "error('a time without an offset: ' || {text} || '; name its zone in `naive_timestamps`')"
        if zone is not None:
            naive = f"timezone({quote_text(zone)}, CAST({{text}} AS TIMESTAMP))"
        return (
            f"CASE WHEN regexp_matches({as_text}, {quote_text(OFFSET)}) "
            f"THEN CAST({as_text} AS TIMESTAMPTZ) WHEN {value} IS NOT NULL THEN {naive.format(text=as_text)} END"
        )
    if form not in TIME_FORMS:
        return f"strptime({as_text}, {quote_text(form)})"
    if kind == "integer":
        micros = {"epoch_s": "{} * 1000000", "epoch_ms": "{} * 1000", "epoch_us": "{}", "epoch_ns": "{} // 1000"}[form]
        return f"make_timestamptz({micros.format(f'CAST({value} AS BIGINT)')})"
    factor = {"epoch_s": "1e6", "epoch_ms": "1e3", "epoch_us": "1", "epoch_ns": "1e-3"}[form]
    return f"make_timestamptz(CAST(round(CAST({value} AS DOUBLE) * {factor}) AS BIGINT))"


def literal(when: datetime) -> str:
    """A moment as a TIMESTAMPTZ constant, exact to the microsecond."""
    return f"make_timestamptz({micros(when)})"


def number(column: str, type_name: str, what: str) -> str:
    """A numeric column as DOUBLE.

    Raises
    ------
    SchemaError
        If the column is not numeric: numbers written as text are not guessed at.
    """
    if kind_of(type_name) not in {*NUMERIC, "empty"}:
        hint = "; declare it as category" if kind_of(type_name) in {"boolean", "text"} else ""
        raise SchemaError(f"{what}: column {column!r} must be numeric, not {type_name}{hint}")
    name = quote_ident(column)
    return name if type_name == "DOUBLE" else f"CAST({name} AS DOUBLE)"


def text(column: str, type_name: str, what: str) -> str:
    """A column of any plain type as text; whole floating-point numbers are written as integers, NaN is missing.

    Raises
    ------
    SchemaError
        If the column is nested or binary.
    """
    kind = kind_of(type_name)
    name = quote_ident(column)
    if kind not in SCALAR:
        raise SchemaError(f"{what}: column {column!r} must hold plain values, not {type_name}")
    if type_name == "VARCHAR":
        return name
    if kind == "float":  # an integer column with gaps often arrives as floating point
        return (
            f"CASE WHEN isnan({name}) THEN NULL WHEN abs({name}) < {_WHOLE} AND {name} = trunc({name}) "
            f"THEN CAST(CAST({name} AS BIGINT) AS VARCHAR) ELSE CAST({name} AS VARCHAR) END"
        )
    return f"CAST({name} AS VARCHAR)"


def code(value: str, known: Sequence[str], *, missing: int, unseen: int) -> str:
    """The position of a text in ``known`` as USMALLINT; ``missing`` for NULL, ``unseen`` for anything else.

    ``value`` is a SQL expression. The position is looked up once for each entry of a dictionary-encoded column, which
    made this twice as fast as a cast to an enumeration.
    """
    rest = f"CASE WHEN {value} IS NULL THEN {missing} ELSE {unseen} END"
    if not known:
        return f"CAST({rest} AS USMALLINT)"
    return f"CAST(coalesce(list_position({quote_list(known)}, {value}) - 1, {rest}) AS USMALLINT)"


def code_of(column: str, type_name: str, what: str, known: Sequence[str], *, missing: int, unseen: int) -> str:
    """The position of a column's ``text`` in ``known``; see ``code``.

    Integers and booleans are compared as they are, in a fourth of the time that it takes to write them as texts.
    """
    written = _WRITTEN.get(kind_of(type_name))
    if written is None or not all(map(written.fullmatch, known)):
        return code(text(column, type_name, what), known, missing=missing, unseen=unseen)
    name = quote_ident(column)
    cases = "".join(f"WHEN {name} = {one} THEN {number} " for number, one in enumerate(known))
    return f"CAST(CASE {cases}WHEN {name} IS NULL THEN {missing} ELSE {unseen} END AS USMALLINT)"


def positive(column: str, type_name: str, wanted: str | int | bool, what: str) -> str:  # noqa: FBT001  # YAML's own type
    """1 where a column holds the positive value, 0 where it holds another, NULL where it holds none; UTINYINT.

    Numbers compare as numbers, booleans as 0 and 1, everything else as text.

    Raises
    ------
    SchemaError
        If the column is nested, or numeric while the positive value is a word.
    """
    kind = kind_of(type_name)
    name = quote_ident(column)
    if kind == "boolean" or kind in NUMERIC:
        words = {"true": 1, "false": 0}
        try:
            target = int(wanted) if not isinstance(wanted, str) else words.get(wanted.casefold())
            target = int(str(wanted)) if target is None else target
        except ValueError:
            raise SchemaError(
                f"{what}: column {column!r} holds {type_name}, which is never {wanted!r} (positive: in the log)"
            ) from None
        value = f"CAST({name} AS UTINYINT)" if kind == "boolean" else name
        test = f"CAST({value} = {target} AS UTINYINT)"
        return f"CASE WHEN isfinite({name}) THEN {test} END" if kind == "float" else test
    shown = text(column, type_name, what)
    if isinstance(wanted, bool):
        return f"CAST(lower({shown}) = {quote_text(str(wanted).lower())} AS UTINYINT)"
    return f"CAST(({shown}) = {quote_text(str(wanted))} AS UTINYINT)"

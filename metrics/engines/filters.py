"""Filters as SQL: which rows of the log are in a declared part of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.configs.errors import SchemaError
from aimsight.configs.filters import All, Among, Compare, Missing, Not
from aimsight.metrics.engines.expressions import NUMERIC, text
from aimsight.metrics.engines.sql import quote_ident, quote_text
from aimsight.metrics.engines.tables import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.configs.filters import Filter


def condition(expression: Filter, type_of: Callable[[str], str], what: str) -> str:
    """A filter as a BOOLEAN that is never NULL.

    Numbers compare with numeric columns as DOUBLE, and everything else as the text of its value.

    Parameters
    ----------
    expression
        The filter.
    type_of
        SQL type of a column; raises SchemaError for a column that is not there.
    what
        The source, for messages.

    Raises
    ------
    SchemaError
        If a column is not there, or one that is not numeric is compared by size.
    """
    if isinstance(expression, Not):
        return f"(NOT {condition(expression.part, type_of, what)})"
    if isinstance(expression, Missing):
        name = quote_ident(expression.column)
        kind = kind_of(type_of(expression.column))
        return f"({name} IS NULL OR isnan({name}))" if kind == "float" else f"({name} IS NULL)"
    if isinstance(expression, Compare):
        return _compare(expression, type_of(expression.column), what)
    if isinstance(expression, Among):
        type_name = type_of(expression.column)
        parts = [_compare(Compare(expression.column, "=", value), type_name, what) for value in expression.values]
        return f"({' OR '.join(parts)})"
    word = " AND " if isinstance(expression, All) else " OR "
    return f"({word.join(condition(part, type_of, what) for part in expression.parts)})"


def _compare(one: Compare, type_name: str, what: str) -> str:
    kind = kind_of(type_name)
    operator = "<>" if one.operator == "!=" else one.operator
    if isinstance(one.value, float) and kind in NUMERIC:
        name = quote_ident(one.column)
        known = f" AND NOT isnan({name})" if kind == "float" else ""
        return f"coalesce(CAST({name} AS DOUBLE) {operator} CAST({one.value!r} AS DOUBLE){known}, false)"
    if operator not in ("=", "<>"):
        raise SchemaError(f"{what}: column {one.column!r} is {type_name} and cannot be compared by size ({one})")
    value = one.value
    shown = value if isinstance(value, str) else str(int(value)) if value.is_integer() else repr(value)
    return f"coalesce({text(one.column, type_name, what)} {operator} {quote_text(shown)}, false)"

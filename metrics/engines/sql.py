"""Texts and numbers as SQL: the only places where a name or a value from outside becomes part of a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def quote_ident(name: str) -> str:
    """A name (column, table) as a quoted SQL identifier, whatever characters it holds.

    Raises
    ------
    ValueError
        If the name is empty or holds a NUL, which no identifier may.
    """
    if not name or "\0" in name:
        raise ValueError(f"not a name: {name!r}")
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as a SQL string literal; a NUL is spliced in by its code because a literal ends at it."""
    quoted = "'" + text.replace("'", "''") + "'"
    return "(" + quoted.replace("\0", "' || chr(0) || '") + ")" if "\0" in text else quoted


def quote_list(texts: Iterable[str]) -> str:
    """Texts as a SQL list literal."""
    return "[" + ", ".join(quote_text(text) for text in texts) + "]"

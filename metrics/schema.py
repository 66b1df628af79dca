"""The columns of a source: which there are, of which kind, and what has changed since the reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN = ""
"""The kind of a column of a text file, whose type is guessed from what it happens to hold."""
_KINDS = (
    ("BOOL", "boolean"),
    ("TIMESTAMP", "time"),
    ("DATE", "time"),
    ("TIME", "time"),
    ("INTERVAL", "time"),
    ("STRUCT", "nested"),
    ("MAP", "nested"),
    ("UNION", "nested"),
    ("VARCHAR", "text"),
    ("CHAR", "text"),
    ("ENUM", "text"),
    ("UUID", "text"),
    ("BLOB", "bytes"),
    ("BIT", "bytes"),
)


def kind_of(sql_type: str) -> str:
    """The kind of a SQL type: number, text, boolean, time, bytes or nested.

    An integer that became a float is still a number: such changes happen by themselves when values are missing.
    """
    upper = sql_type.upper()
    if upper.endswith("]"):
        return "nested"
    return next((kind for start, kind in _KINDS if upper.startswith(start)), "number")


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns and their kinds; merging keeps every column, and of two kinds both (``number or text``)."""

    columns: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, types: Iterable[tuple[str, str]], *, guessed: bool = False) -> Schema:
        """The schema of names and SQL types; ``guessed`` when the source is text that states no types."""
        return cls({name: UNKNOWN if guessed else kind_of(sql_type) for name, sql_type in types})

    def __add__(self, other: Schema) -> Schema:
        """The columns of both."""
        merged = dict(self.columns)
        for name, kind in other.columns.items():
            known = {part for both in (merged.get(name, UNKNOWN), kind) for part in both.split(" or ") if part}
            merged[name] = " or ".join(sorted(known))
        return Schema(dict(sorted(merged.items())))

    def changes(self, before: Schema) -> list[str]:
        """What is different from an earlier schema, in words: appeared, vanished, changed its type."""
        appeared = [f"{name} appeared" for name in self.columns if name not in before.columns]
        vanished = [f"{name} vanished" for name in before.columns if name not in self.columns]
        changed = [
            f"{name} changed from {before.columns[name]} to {kind}"
            for name, kind in self.columns.items()
            if kind != UNKNOWN and before.columns.get(name, UNKNOWN) not in (UNKNOWN, kind)
        ]
        return [*sorted(vanished), *sorted(changed), *sorted(appeared)]

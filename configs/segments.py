"""Segments as text: ``gender=F``, ``gender=F & age_group=65+``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.configs.errors import InvalidTextError, did_you_mean, quoted_list

if TYPE_CHECKING:
    from collections.abc import Collection

JOIN = " & "


def parse_segment(text: str, columns: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Read a segment into (column, value) pairs in the order written.

    A value may itself hold ``=`` or `` & ``: a part that does not begin with ``column=`` belongs to the value before.

    Parameters
    ----------
    text
        The segment; a missing value is written ``(missing)``.
    columns
        The columns that a segment may name.

    Raises
    ------
    InvalidTextError
        When the text does not begin with one of the columns, or names one twice.
    """
    pairs: list[tuple[str, str]] = []
    for part in text.split(JOIN):
        column = _column_of(part, columns)
        if column is not None:
            if any(column == known for known, _ in pairs):
                raise InvalidTextError(f'"{text}" names the column {column} twice')
            pairs.append((column, part[len(column) + 1 :]))
        elif pairs:
            name, value = pairs[-1]
            pairs[-1] = (name, f"{value}{JOIN}{part}")
        else:
            raise InvalidTextError(
                f'"{text}" is not a segment; write column=value with one of {quoted_list(sorted(columns))}',
                _intention(part, columns),
            )
    return tuple(pairs)


def _column_of(part: str, columns: Collection[str]) -> str | None:
    fitting = [column for column in columns if part.startswith(f"{column}=")]
    return max(fitting, key=len, default=None)


def _intention(part: str, columns: Collection[str]) -> str:
    name, equals, value = part.replace("==", "=").partition("=")
    near = did_you_mean(name.strip(), columns)
    return f"{near}={value.strip().strip(chr(39) + chr(34))}" if near and equals else ""

"""The pack: what a management review is shown, frozen as plain data from which every rendering follows.

All numbers are text already, as people read them, so that a rendering decides nothing and the same pack always gives
the same bytes. Values that charts draw are decimal texts of the exact numbers.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aimsight.configs.canonical import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
Cell = str | int | None
"""A cell of a table: text, a count, or nothing."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: ``name`` is that of its CSV file; ``rows`` have one cell a column."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        """Refuse rows of another length: a mistake where the table is made."""
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"table {self.name}: a row has not {len(self.columns)} cells")


@dataclass(frozen=True, slots=True)
class Point:
    """One window of a series: label, ends in ISO 8601, value and interval as decimal text (``None`` without)."""

    label: str
    start: str
    end: str
    value: str | None
    low: str | None
    high: str | None
    n: int | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Series:
    """An objective's values over time, with the target that was in force: the data of a line chart.

    ``rule`` is the target as declared (``<= 0.1``), ``target`` the same in words; ``low`` and ``high`` are its limits
    (decimal text), ``None`` where it has none; ``tolerance`` is how far beyond them a value is at risk only.
    """

    name: str
    title: str
    metric: str
    unit: str
    rule: str
    target: str
    tolerance: str
    low: str | None
    high: str | None
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Counts by category: the data of a bar chart."""

    name: str
    title: str
    unit: str
    bars: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One input of the review, or a page of its own.

    Parameters
    ----------
    key
        ``a`` to ``e`` for the inputs of 9.3.2 (``d1`` to ``d3`` for the parts of d), else a word.
    clause
        The clause that asks for it; ``''`` for what others ask for.
    sentences
        What is said, one paragraph each.
    input
        Whether the standard wants something said here: when there is nothing to report, somebody has to confirm that.
    """

    key: str
    clause: str
    title: str
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    series: tuple[Series, ...] = ()
    bars: tuple[Bars, ...] = ()
    input: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether it reports nothing, so that a person has to confirm that there is nothing."""
        return self.input and not any(table.rows for table in self.tables)


@dataclass(frozen=True, slots=True)
class Cover:
    """What the pack is about, and what it can be checked against.

    ``entries`` and ``head`` say where the ledger stood; ``anchored`` how many entries a checkpoint outside the database
    vouched for.
    """

    review: str
    version: int
    organisation: str
    scope: str
    period: str
    period_start: str
    period_end: str
    cut_off: str
    made_by: str
    origin: str
    entries: int
    head: str
    anchored: int
    previous: str
    limitations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pack:
    """A frozen pack."""

    cover: Cover
    sections: tuple[Section, ...]
    format: int = field(default=FORMAT)

    def section(self, key: str) -> Section:
        """The section of a key."""
        return next(section for section in self.sections if section.key == key)

    @property
    def to_confirm(self) -> tuple[str, ...]:
        """Keys of the inputs without anything to report."""
        return tuple(section.key for section in self.sections if section.is_empty)

    def data(self) -> dict[str, Any]:
        """The pack as plain data; the points of a series are rows, under the names of their columns."""
        return {
            "format": self.format,
            "cover": asdict(self.cover),
            "sections": [_section_data(section) for section in self.sections],
        }

    def content(self) -> bytes:
        """The canonical bytes of the pack: what is frozen and hashed."""
        return self._content

    @property
    def sha256(self) -> str:
        """What identifies the pack."""
        return self._sha256

    @cached_property
    def _content(self) -> bytes:
        return canonical_json(self.data())

    @cached_property
    def _sha256(self) -> str:
        return hashlib.sha256(self._content).hexdigest()


_POINT = tuple(one.name for one in fields(Point))


def _section_data(section: Section) -> dict[str, Any]:
    return {one.name: getattr(section, one.name) for one in fields(Section)} | {
        "tables": [asdict(table) for table in section.tables],
        "series": [
            {one.name: getattr(series, one.name) for one in fields(Series)}
            | {"columns": _POINT, "points": [tuple(getattr(point, name) for name in _POINT) for point in series.points]}
            for series in section.series
        ],
        "bars": [asdict(bars) for bars in section.bars],
    }


def read(content: bytes) -> Pack:
    """A pack from its canonical bytes.

    Raises
    ------
    ValueError
        When they are no pack of a format that is known here.
    """
    data = json.loads(content)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError("no review pack, or one of a newer aimsight")
    try:
        cover = Cover(**{**data["cover"], "limitations": tuple(data["cover"]["limitations"])})
        return Pack(cover, tuple(map(_section, data["sections"])))
    except (KeyError, TypeError) as error:
        raise ValueError(f"no review pack of format {FORMAT}: {error}") from error


def _section(data: Mapping[str, Any]) -> Section:
    return Section(
        key=data["key"],
        clause=data["clause"],
        title=data["title"],
        sentences=tuple(data["sentences"]),
        tables=tuple(
            Table(one["name"], one["title"], tuple(one["columns"]), tuple(map(tuple, one["rows"])))
            for one in data["tables"]
        ),
        series=tuple(map(_series, data["series"])),
        bars=tuple(
            Bars(**{**one, "bars": tuple((name, count) for name, count in one["bars"])}) for one in data["bars"]
        ),
        input=data["input"],
    )


def _series(data: Mapping[str, Any]) -> Series:
    columns = data["columns"]
    points = tuple(Point(**dict(zip(columns, point, strict=True))) for point in data["points"])
    return Series(**{key: value for key, value in data.items() if key not in {"columns", "points"}}, points=points)

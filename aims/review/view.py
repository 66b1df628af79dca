"""What the inputs of a review are read from: the store as it stood at the cut-off, and the period that is reviewed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from aimsight.aims import words
from aimsight.aims.changes import governed
from aimsight.configs.canonical import decimal_text
from aimsight.store.registers import RecordVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aimsight.configs.load import Project
    from aimsight.configs.schema import ModelConfig
    from aimsight.store.database import Reader

FINISHED_ACTIONS = frozenset({"done", "dropped"})


@dataclass(frozen=True, slots=True)
class Kept:
    """A register record as it stands, with the versions that it went through, the oldest first."""

    now: RecordVersion
    versions: tuple[RecordVersion, ...]

    @property
    def first_recorded(self) -> datetime:
        """When it was put on record."""
        return self.versions[0].recorded_at


@dataclass(frozen=True)
class View:
    """The store at the cut-off, the project, and the period [start, end) that is reviewed.

    What happened is told of the period; how things stand is told as of the cut-off, which usually lies after it.
    """

    reader: Reader
    project: Project
    start: datetime
    end: datetime
    cut_off: datetime

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone of dates."""
        return ZoneInfo(self.project.config.time_zone)

    @cached_property
    def models(self) -> dict[str, ModelConfig]:
        """The models with the objectives that runs judge by."""
        policy = self.project.config.changes
        return {name: governed(self.reader, model, policy) for name, model in self.project.models.items()}

    @cached_property
    def _all_records(self) -> tuple[Kept, ...]:
        """Every record that is not withdrawn, by type and id."""
        rows = self.reader.rows("SELECT * FROM record_version ORDER BY record_type, record, version")
        found = map(RecordVersion.from_row, rows)
        every = [tuple(versions) for _, versions in groupby(found, key=lambda one: (one.record_type, one.record))]
        standing = ((_standing(versions), versions) for versions in every)
        return tuple(Kept(now, versions) for now, versions in standing if now is not None)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Names of people by id; a name that two of them have says nothing, so these keep their ids."""
        people = self.project.config.people
        often = Counter(one.name for one in people)
        return {one.id: one.name for one in people if often[one.name] == 1}

    def person(self, name: str | None) -> str:
        """Somebody by name: the id of whoever is no longer known, a dash for nobody."""
        return self._names.get(name or "", name or "–")

    @property
    def today(self) -> date:
        """The day of the cut-off."""
        return self.cut_off.astimezone(self.zone).date()

    def within(self, moment: datetime | None) -> bool:
        """Whether a moment lies in the period."""
        return moment is not None and self.start <= moment < self.end

    def day(self, moment: datetime | None) -> str:
        """A moment as a day, or a dash."""
        return "–" if moment is None else words.day(moment.astimezone(self.zone))

    def standing(self, *types: str) -> list[Kept]:
        """The records of these types as they stand at the cut-off, whatever period they are about."""
        return [one for one in self._all_records if one.now.record_type in types]

    def iso(self, moment: datetime) -> str:
        """A moment as data, in UTC whatever the machine's zone is."""
        return moment.astimezone(UTC).isoformat()

    def records(self, *types: str) -> list[Kept]:
        """The records of these types as they stand, but those that came up only after the period."""
        return [
            one
            for one in self._all_records
            if one.now.record_type in types and (one.first_recorded < self.end or one.versions[0].event_at < self.end)
        ]

    def changed(self, *types: str) -> list[Kept]:
        """Those of them that happened, or were recorded or revised, within the period."""
        return [
            one
            for one in self.records(*types)
            if self.within(one.now.event_at) or any(self.within(version.recorded_at) for version in one.versions)
        ]

    def rows(self, sql: str, *params: object) -> list[dict[str, Any]]:
        """Rows of the store."""
        return self.reader.rows(sql, params)

    def label(self, model: str, start: datetime, end: datetime) -> str:
        """A window as people call it, in the calendar of its model."""
        config = self.project.models.get(model)
        return _period(start, end, config.log.zone if config else self.zone)

    def window_of(self, row: Mapping[str, Any]) -> str:
        """The window of a row of the store."""
        return self.label(row["model"], row["window_start"], row["window_end"])


@lru_cache(maxsize=8192)
def _period(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """Many models have the same windows, and naming one takes longer than drawing it."""
    return words.period(start, end, zone)


def _standing(versions: tuple[RecordVersion, ...]) -> RecordVersion | None:
    """The latest version; where a draft of an approved record was dropped, the approved one."""
    if versions[-1].status != "withdrawn":
        return versions[-1]
    return next((one for one in reversed(versions) if one.status == "approved"), None)


def due_day(day: date | None) -> str:
    """A due day, or a dash."""
    return words.day(day) if day else "–"


def decimal(value: float | None) -> str | None:
    """The exact number as text."""
    return None if value is None else decimal_text(value)


def value_cell(row: Mapping[str, Any]) -> str:
    """Value and interval, or a dash."""
    if row["value"] is None:
        return "–"
    return words.value_text(row["value"], row.get("ci_low"), row.get("ci_high"))

"""A lenient view of one model file, so that checks over several keys also run while other keys are still wrong."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, get_args

from aimsight.configs.facts import Task
from aimsight.configs.fields import category_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aimsight.configs.positions import Path

LOG_ROLES = ("id", "timestamp", "prediction", "score")


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """A column name that the file mentions: where, and as what."""

    path: Path
    name: str
    role: str


@dataclass(frozen=True)
class Draft:
    """Plain data of a model file; whatever has the wrong type counts as absent."""

    data: Mapping[str, object]

    def at(self, *path: str | int) -> object:
        """The value at a path, ``None`` when there is none."""
        value: object = self.data
        for part in path:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, tuple) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def text(self, *path: str | int) -> str | None:
        """The text at a path."""
        value = self.at(*path)
        return value if isinstance(value, str) else None

    def texts(self, *path: str | int) -> list[tuple[Path, str]]:
        """The texts at a path where one or a list of them may stand, each with its own path."""
        value = self.at(*path)
        if isinstance(value, str):
            return [(path, value)]
        if isinstance(value, tuple):
            return [((*path, position), item) for position, item in enumerate(value) if isinstance(item, str)]
        return []

    def has(self, *path: str | int) -> bool:
        """Whether anything stands at the path."""
        return self.at(*path) is not None

    @cached_property
    def task(self) -> str | None:
        """The task; ``None`` for a word that is none, so that nothing is said to be wrong for it."""
        task = self.text("task")
        return task if task in get_args(Task) else None

    @cached_property
    def features(self) -> dict[str, str | None]:
        """Feature -> its kind, when that is written."""
        declared = self.at("features")
        if not isinstance(declared, dict):
            return {}
        return {
            name: value if isinstance(value, str) else self.text("features", name, "kind")
            for name, value in declared.items()
        }

    @cached_property
    def scores(self) -> dict[str, str]:
        """Class -> column with its probability."""
        declared = self.at("log", "scores")
        return {k: v for k, v in declared.items() if isinstance(v, str)} if isinstance(declared, dict) else {}

    @cached_property
    def protected(self) -> list[tuple[Path, str]]:
        """Protected columns."""
        return self.texts("protected") if isinstance(self.at("protected"), tuple) else []

    @cached_property
    def segments(self) -> list[tuple[Path, tuple[str, ...]]]:
        """Declared segments, each as its columns."""
        declared = self.at("segments")
        if not isinstance(declared, tuple):
            return []
        return [
            (("segments", position), tuple(name for _, name in self.texts("segments", position)))
            for position in range(len(declared))
        ]

    @cached_property
    def filters(self) -> list[str]:
        """Names of the declared filters."""
        declared = self.at("filters")
        return [name for name in declared if isinstance(name, str)] if isinstance(declared, dict) else []

    @cached_property
    def groups(self) -> list[tuple[str, ...]]:
        """What fairness compares and segments are counted by: protected columns and declared segments."""
        found = [(name,) for _, name in self.protected] + [columns for _, columns in self.segments if columns]
        return list(dict.fromkeys(found))

    @cached_property
    def group_columns(self) -> list[str]:
        """The columns of all groups."""
        return list(dict.fromkeys(column for group in self.groups for column in group))

    @cached_property
    def log_columns(self) -> list[ColumnUse]:
        """Every column of the inference log that the file mentions, roles first."""
        uses = [ColumnUse(("log", role), name, role) for role in LOG_ROLES if (name := self.text("log", role))]
        uses += [ColumnUse(("log", "scores", key), name, f"score of {key}") for key, name in self.scores.items()]
        ends = self.texts("log", "interval") if isinstance(self.at("log", "interval"), tuple) else []
        uses += [
            ColumnUse(path, name, f"{end} end of the interval")
            for end, (path, name) in zip(("lower", "upper"), ends, strict=False)
        ]
        if not self.has("labels", "source"):
            uses += self.label_columns
        uses += [ColumnUse(("features", name), name, "feature") for name in self.features]
        uses += [ColumnUse(path, name, "protected") for path, name in self.protected]
        uses += [
            ColumnUse(path, name, "segment")
            for position in range(len(self.segments))
            for path, name in self.texts("segments", position)
        ]
        return uses

    @cached_property
    def label_columns(self) -> list[ColumnUse]:
        """The columns of the labels."""
        roles = (("id", "id"), ("label", "label"), ("arrived_at", "arrival time"))
        return [ColumnUse(("labels", key), name, role) for key, role in roles if (name := self.text("labels", key))]

    def category_values(self, feature: str) -> list[str] | None:
        """The agreed values of a categorical feature, ``None`` when none are declared."""
        values = self.at("features", feature, "values")
        return [str(category_text(value)) for value in values] if isinstance(values, tuple) else None


def twin_key(name: str) -> str:
    """Equal for names that only differ in case or in the Unicode spelling of the same letters."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())

"""The windows before a window: what small groups are pooled with, and what a moving reference is made of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aimsight.configs.hashes import reference_hash
from aimsight.metrics.comparisons import POOL
from aimsight.metrics.kinds.scope import nothing_earlier
from aimsight.metrics.plan import Window
from aimsight.metrics.statistics import Statistics
from aimsight.store.records import configurations
from aimsight.store.statistics import read_all_statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.kinds.scope import Earlier
    from aimsight.store.database import Reader, Store


class EarlierWindows:
    """The statistics of the windows that a model's run has measured, and of those that the store keeps.

    Only windows of the same model version count, and of configurations under which the same is counted.

    Parameters
    ----------
    alike
        The hashes of those configurations; ``None`` for any.
    part
        The part of a window's statistics that is needed, and kept in memory.
    until
        Only runs that were finished by then count.
    """

    def __init__(
        self,
        store: Store,
        model: ModelConfig,
        alike: Callable[[Reader], Sequence[str] | None],
        part: Callable[[Statistics], Statistics],
        until: datetime | None = None,
    ) -> None:
        self._store, self._model, self._alike, self._part, self._until = store, model, alike, part, until
        self._measured: dict[Window, Statistics] = {}
        self._kept: dict[Window, str] | None = None
        self._read: dict[str, Statistics] = {}

    def add(self, window: Window, statistics: Statistics) -> None:
        """Note what was measured a moment ago and is not stored yet."""
        self._measured[window] = self._part(statistics)

    def stored(self) -> None:
        """Forget what was noted: it is in the store now, and read from there when it is needed again."""
        self._measured, self._kept, self._read = {}, None, {}

    def before(self, window: Window, count: int | None) -> list[tuple[Window, Statistics]]:
        """At most so many windows before this one (``None``: all), the latest first, none of which overlap."""
        if self._kept is None:
            self._kept = self._runs()
        found: list[Window] = []
        end = window.start
        for one in sorted({*self._kept, *self._measured}, key=lambda each: (each.end, each.start), reverse=True):
            if len(found) == count:
                break
            if one.end <= end:
                found.append(one)
                end = one.start
        missing = [self._kept[one] for one in found if one not in self._measured and self._kept[one] not in self._read]
        if missing:
            with self._store.read() as reader:
                for run, kept in read_all_statistics(reader, missing).items():
                    self._read[run] = self._part(kept)
        known = ((one, self._measured.get(one) or self._read.get(self._kept.get(one, ""))) for one in found)
        return [(one, statistics) for one, statistics in known if statistics is not None]

    def _runs(self) -> dict[Window, str]:
        """The run with the last result of each window."""
        if not self._store.path.exists():
            return {}
        with self._store.read() as reader:
            alike = self._alike(reader)
            same = "" if alike is None else "AND config_hash IN (SELECT unnest(?)) "
            then = "" if self._until is None else "AND finished_at <= ? "
            arguments: list[object] = [self._model.model, self._model.version, self._model.monitor.name]
            arguments += [] if alike is None else [list(alike)]
            arguments += [] if self._until is None else [self._until]
            rows = reader.tuples(
                "SELECT window_start, window_end, run_id FROM run WHERE model = ? AND model_version = ? "
                f"AND monitor = ? {same}{then}AND outcome = 'success' ORDER BY revision",
                arguments,
            )
        return {Window(start, end): run for start, end, run in rows}


class Before:
    """The windows before those that a run measures: for groups that are pooled, and for a reference that moves."""

    def __init__(self, store: Store, model: ModelConfig, config_hash: str, until: datetime | None = None) -> None:
        self.groups = _of_groups(store, model, config_hash, until)
        """What small groups are pooled with; ``None`` when no metric of the model pools."""
        self.reference = _of_reference(store, model, config_hash, until)
        """What a moving reference is made of; ``None`` when the model has none."""
        self._all = [one for one in (self.groups, self.reference) if one is not None]

    def add(self, window: Window, statistics: Statistics) -> None:
        """Note what was measured a moment ago and is not stored yet."""
        for one in self._all:
            one.add(window, statistics)

    def stored(self) -> None:
        """Say that what was noted is in the store now."""
        for one in self._all:
            one.stored()

    def pooled(self, window: Window) -> Earlier:
        """The statistics of the windows before one, as metrics of groups ask for them."""
        known = self.groups
        if known is None:
            return nothing_earlier
        return lambda count: [statistics for _, statistics in known.before(window, count)]


def _of_groups(store: Store, model: ModelConfig, config_hash: str, until: datetime | None) -> EarlierWindows | None:
    # that a metric pools is told by its text alone
    named = [*(model.metrics or ()), *(objective.metric for objective in model.objectives)]
    if not any(f"{POOL.name}=" in text.partition("(")[2].replace(" ", "") for text in named):
        return None

    def alike(_reader: Reader) -> list[str] | None:
        # other configurations may count other classes or in other units
        return None if model.task == "binary" else [config_hash]

    def segments(statistics: Statistics) -> Statistics:
        return replace(statistics.with_score_cells(), columns={}, values={})

    return EarlierWindows(store, model, alike, segments, until)


def _of_reference(store: Store, model: ModelConfig, config_hash: str, until: datetime | None) -> EarlierWindows | None:
    if model.reference is None or not model.reference.moves:
        return None

    def alike(reader: Reader) -> list[str]:
        # the cells are those of the frozen reference
        return [config_hash, *configurations(reader, model.model, reference_hash(model))]

    def columns(statistics: Statistics) -> Statistics:
        # a column that could not be counted in one window is missing there, and does not spoil the others
        kept = statistics.values if model.drift == "exact" else {}
        return Statistics(quality=statistics.quality, columns=statistics.columns, values=kept)

    return EarlierWindows(store, model, alike, columns, until)

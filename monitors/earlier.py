"""The windows before a window: what the groups that are too small in it are pooled with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aimsight.metrics.comparisons import POOL
from aimsight.metrics.plan import Window
from aimsight.store.statistics import read_all_statistics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.statistics import Statistics
    from aimsight.store.database import Store


def pools(model: ModelConfig) -> bool:
    """Whether any metric of the model pools small groups over windows; that is told by its text alone."""
    named = [*(model.metrics or ()), *(objective.metric for objective in model.objectives)]
    return any(f"{POOL.name}=" in text.partition("(")[2].replace(" ", "") for text in named)


class EarlierWindows:
    """The statistics of the windows that a model's run has measured, and of those that the store keeps.

    Only windows of the same model version count and, except for binary models, of the same configuration: other ones
    may count other classes or in other units. With ``until`` only runs that were finished by then count.
    """

    def __init__(self, store: Store, model: ModelConfig, config_hash: str, until: datetime | None = None) -> None:
        self._store, self._model, self._config_hash, self._until = store, model, config_hash, until
        self._measured: dict[Window, Statistics] = {}
        self._kept: dict[Window, str] | None = None
        self._read: dict[str, Statistics] = {}

    def add(self, window: Window, statistics: Statistics) -> None:
        """Note what was measured a moment ago and is not stored yet; only its segments are needed."""
        self._measured[window] = replace(statistics.with_score_cells(), columns={}, values={})

    def before(self, window: Window, count: int) -> Sequence[Statistics]:
        """The statistics of at most so many windows before this one, the latest first, none of which overlap."""
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
                    self._read[run] = replace(kept, columns={}, values={})
        known = (self._measured.get(one) or self._read.get(self._kept.get(one, "")) for one in found)
        return [statistics for statistics in known if statistics is not None]

    def _runs(self) -> dict[Window, str]:
        """The run with the last result of each window."""
        if not self._store.path.exists():
            return {}
        same = "" if self._model.task == "binary" else "AND config_hash = ? "
        then = "" if self._until is None else "AND finished_at <= ? "
        arguments: list[object] = [self._model.model, self._model.version, self._model.monitor.name]
        arguments += [] if self._model.task == "binary" else [self._config_hash]
        arguments += [] if self._until is None else [self._until]
        with self._store.read() as reader:
            rows = reader.tuples(
                "SELECT window_start, window_end, run_id FROM run WHERE model = ? AND model_version = ? "
                f"AND monitor = ? {same}{then}AND outcome = 'success' ORDER BY revision",
                arguments,
            )
        return {Window(start, end): run for start, end, run in rows}

"""What the tests of aims share: an empty store, a clock that can be set, and a model with one objective."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.metrics.plan import Window
from aimsight.store.database import Store
from aimsight.store.runs import RunRecord, run_key
from aimsight.tests.clocks import SetClock
from aimsight.tests.configurations import a_model, an_objective

if TYPE_CHECKING:
    from pathlib import Path

    from aimsight.configs.schema import ModelConfig

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
START = datetime(2026, 4, 1, tzinfo=UTC)


class Makers:
    """Makers of what aims work on."""

    now = NOW

    def objective(self, name: str = "OBJ-1", **changes: Any) -> dict[str, Any]:
        """An objective on accuracy as a person writes it."""
        return an_objective(name, **changes)

    def model(self, *objectives: dict[str, Any], **changes: Any) -> ModelConfig:
        """A model with these objectives (default: one)."""
        return a_model(**{"objectives": list(objectives or (an_objective(),))} | changes)

    def window(self, day: int) -> Window:
        """A day of April 2026, counted from 0."""
        return Window(START + timedelta(days=day), START + timedelta(days=day + 1))

    def run(self, day: int, content: str = "a") -> RunRecord:
        """A run of that day over some content."""
        window = self.window(day)
        key = run_key("credit", "main", window.start, window.end, "c", content)
        return RunRecord(key, "credit", "1", "main", window.start, window.end, window.end, NOW, content, "c", "0")


@pytest.fixture
def makers() -> Makers:
    """Makers of what aims work on."""
    return Makers()


@pytest.fixture
def clock() -> SetClock:
    """A clock that can be set."""
    return SetClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: SetClock) -> Store:
    """An empty store."""
    return Store(tmp_path / "aims.duckdb", clock=clock)

"""What the tests of the engine share: an empty folder for logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aimsight.tests.metrics.engine.logs import Bench

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """An empty folder for logs."""
    return Bench(tmp_path)

"""What the tests of runs share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aimsight.tests.monitors.sandbox import Sandbox

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """An empty project."""
    return Sandbox(tmp_path / "project")

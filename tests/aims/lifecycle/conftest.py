"""What the tests of the life cycle share: a project whose objective has just failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aimsight.tests.aims.lifecycle.desks import Desk, new_desk

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def templates() -> dict[str, bytes]:
    """The store in each state of the path, made when a test first needs it."""
    return {}


@pytest.fixture
def desk(tmp_path: Path, templates: dict[str, bytes]) -> Desk:
    """A project whose objective has just failed."""
    return new_desk(tmp_path, templates=templates)

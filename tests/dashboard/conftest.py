"""Projects that the dashboard's tests look at, written once a test process."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimsight.tests.dashboard.sample_project import write_project


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project with fourteen windows, every verdict, one record and its report."""
    return write_project(tmp_path_factory.mktemp("full") / "project")


@pytest.fixture(scope="session")
def unrun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project that has a configuration and no store."""
    return write_project(tmp_path_factory.mktemp("unrun") / "project", run=False)

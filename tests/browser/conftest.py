"""The dashboard in a real browser, on the sample project of the dashboard's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aimsight.tests.browser import screens


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a running dashboard of the sample project."""
    project = screens.sample(tmp_path_factory.mktemp("browser"))
    with screens.serving(project) as url:
        yield url


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a running dashboard of a project with hostile names."""
    project = screens.sample(tmp_path_factory.mktemp("hostile"), hostile=True)
    with screens.serving(project) as url:
        yield url

"""The dashboard in a real browser, on the sample project of the dashboard's tests."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def screens() -> ModuleType:
    """Give the script that takes pictures; it lies beside the tests and in no package."""
    name = "screens"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def served(screens: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a running dashboard of the sample project."""
    project = screens.sample(tmp_path_factory.mktemp("browser"))
    with screens.serving(project) as url:
        yield url


@pytest.fixture(scope="session")
def hostile(screens: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a running dashboard of a project with hostile names."""
    project = screens.sample(tmp_path_factory.mktemp("hostile"), hostile=True)
    with screens.serving(project) as url:
        yield url

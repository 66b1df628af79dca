"""Projects that the dashboard's tests look at, written once a test process."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def sample() -> ModuleType:
    """Give the module that writes sample projects; it lies beside the tests and in no package."""
    name = "sample_project"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def full(sample: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project with fourteen windows, every verdict, one record and its report."""
    folder: Path = sample.write_project(tmp_path_factory.mktemp("full") / "project")
    return folder


@pytest.fixture(scope="session")
def unrun(sample: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project that has a configuration and no store."""
    folder: Path = sample.write_project(tmp_path_factory.mktemp("unrun") / "project", run=False)
    return folder

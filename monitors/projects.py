"""A project as every command and the serving process open it: checked against the catalogue, with its store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from aimsight.configs.load import Project
    from aimsight.store.database import Store


def open_project(folder: Path) -> Project:
    """Read a project and check it against the metric catalogue.

    Raises
    ------
    ConfigError
        With every problem of every file, when there is any.
    """
    from aimsight.configs.load import load_project
    from aimsight.metrics.registry import facts

    return load_project(folder, facts())


def open_store(project: Project) -> Store:
    """The store that a project names; nothing is made or opened before it is used."""
    from aimsight.store.database import Store

    config = project.config
    return Store(
        project.root / config.store, checkpoints=tuple(project.root / checkpoint for checkpoint in config.checkpoints)
    )

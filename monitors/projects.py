"""A project as every command and the serving process open it: checked against the catalogue, with its store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    from aimsight.store.signing import Signer

    config = project.config
    return Store(
        project.root / config.store,
        checkpoints=tuple(project.root / checkpoint for checkpoint in config.checkpoints),
        signer=None if config.signing.key is None else Signer(project.root / Path(config.signing.key).expanduser()),
    )


def trusted_keys(project: Project) -> tuple[bytes, ...]:
    """The public keys whose signatures count for a project."""
    from aimsight.store.signing import public_key

    return tuple(public_key(text) for text in project.config.signing.trusted)

"""A project in which nothing but one entry of the ledger is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.configs.load import Project, load_project
from aimsight.monitors.projects import open_store
from aimsight.store.records import append_event

if TYPE_CHECKING:
    from pathlib import Path

    from aimsight.store.database import Store


def recorded(root: Path, text: str = "") -> tuple[Project, Store]:
    """A project with this text in its configuration, and one entry of its own."""
    root.mkdir(exist_ok=True)
    (root / "aimsight.yaml").write_text(f"organisation: Example\n{text}")
    project = load_project(root, {}, environ={})
    store = open_store(project)
    happen(store)
    return project, store


def happen(store: Store) -> None:
    """Something is recorded."""
    with store.write() as tx:
        append_event(tx, "test.happened", "thing", "aimsight", {})

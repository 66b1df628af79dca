"""What every command shares: the project folder, the store, and the two ways to answer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from aimsight.configs.errors import NotFoundError
from aimsight.monitors.projects import open_project, open_store

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from aimsight.aims.people import Actor
    from aimsight.configs.load import Project
    from aimsight.configs.schema import ModelConfig
    from aimsight.store.database import Store

NONCONFORMING = 3
"""Exit code of a command that found an objective nonconforming."""


class Session:
    """One call of the command line; everything costly is made when first asked for."""

    def __init__(self, folder: Path, *, as_json: bool) -> None:
        self.folder = folder
        self.as_json = as_json

    @staticmethod
    def of(context: typer.Context) -> Session:
        """The session that the global options made."""
        session = context.obj
        if not isinstance(session, Session):
            raise TypeError("a command runs under the application's callback")
        return session

    @cached_property
    def project(self) -> Project:
        """The project of the folder, checked against the metric catalogue."""
        return open_project(self.folder)

    @cached_property
    def store(self) -> Store:
        """The project's store."""
        return open_store(self.project)

    @cached_property
    def console(self) -> Console:
        """Where answers for people go: as wide as the terminal, 80 columns without one."""
        return _console(to_errors=False)

    @cached_property
    def aside(self) -> Console:
        """Where remarks and progress go (stderr)."""
        return _console(to_errors=True)

    def model(self, name: str) -> ModelConfig:
        """A model of the project by its id."""
        try:
            return self.project.models[name]
        except KeyError:
            raise NotFoundError.named("model", name, self.project.models) from None

    def shown(self, models: Iterable[ModelConfig]) -> list[ModelConfig]:
        """The models with the objectives in force where changes are approved, so that an edit hides no objective."""
        from aimsight.aims.changes import shown

        return [shown(self.store, model, self.project.config.changes) for model in models]

    def actor(self, name: str = "") -> Actor:
        """Who acts: the id given with ``--as``, else the variable AIMSIGHT_ACTOR, else the only person there is.

        Who the people are is put on record first, where that has changed.

        Raises
        ------
        AuthorityError
            When nobody can be told from these, or the project does not know them.
        """
        from aimsight.aims.people import ACTOR_VARIABLE, actor_of
        from aimsight.aims.people_on_record import keep_people

        found = actor_of(self.project, name or os.environ.get(ACTOR_VARIABLE))
        keep_people(self.store, self.project.config)
        return found

    def exporter(self, name: str = "") -> str:
        """Who takes something out: as ``actor``, and the program where the project names nobody at all."""
        from aimsight.store.records import PROGRAM

        with self.store.read():
            pass  # without a store there is nothing to take, and none is made
        return self.actor(name).id if self.project.config.people else PROGRAM

    def answer(self, data: object, people: Callable[[], Sequence[RenderableType]]) -> None:
        """Print ``data`` as JSON when asked for, else what ``people`` renders."""
        if self.as_json:
            typer.echo(json.dumps(data, indent=2, ensure_ascii=False, default=_plain_value))
        else:
            for part in people():
                self.console.print(part, highlight=False, markup=False, soft_wrap=isinstance(part, str))

    def remark(self, text: str) -> None:
        """A line for people beside the answer; silent with ``--json``."""
        if not self.as_json:
            self.aside.print(text, highlight=False, markup=False, soft_wrap=True)


def now() -> datetime:
    """The moment at which the command runs, in UTC."""
    return datetime.now(UTC)


def _console(*, to_errors: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if to_errors else sys.stdout
    return Console(stderr=to_errors, width=None if stream.isatty() else _width_without_terminal())


def _width_without_terminal() -> int:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) > 0 else 80


def _plain_value(value: object) -> object:
    """In JSON's types what it does not know."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)

"""Commands that belong together under one name: ``aimsight nc confirm``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

Commands = dict[str, tuple[Callable[..., None], str]]
"""Every command of a group and what it is for, in the order of its help."""


def group(name: str, purpose: str, default: Callable[..., None], commands: Commands, *, shows: str = "") -> typer.Typer:
    """A group of commands.

    Parameters
    ----------
    default
        What the bare name does; its docstring is the help of the group.
    shows
        A pattern of ids: ``aimsight nc NC-2026-0001`` is short for ``aimsight nc show NC-2026-0001``.
    """
    pattern = re.compile(shows, re.IGNORECASE) if shows else None

    class Group(TyperGroup):
        """Takes an id where a command is expected for ``show``."""

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401  # click's types, across versions
            if pattern is not None and args and args[0] not in self.commands and pattern.fullmatch(args[0]):
                args = ["show", *args]
            return super().resolve_command(ctx, args)

        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401  # click's types, across versions
            del ctx
            return list(commands)

    made = typer.Typer(
        name=name,
        cls=Group,
        rich_markup_mode=None,
        short_help=purpose,
        invoke_without_command=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(default)
    for command, (function, meaning) in commands.items():
        made.command(command, short_help=meaning)(function)
    return made

"""Writes docs/cli.md from the commands themselves: ``python -m aimsight.monitors.cli.reference > docs/cli.md``."""

from __future__ import annotations

import inspect
from typing import Any

import typer.main

from aimsight.monitors.cli.app import COMMANDS, GROUPS, application

HEAD = """\
# The command line

Written by `python -m aimsight.monitors.cli.reference > docs/cli.md` from the commands themselves; a test compares.

`aimsight [OPTIONS] COMMAND [ARGS]`. The global options may stand before or after the command. Without `-C` the project
is the current folder. Tables fit into 80 columns and grow with the terminal; `NO_COLOR` is respected; progress appears
only on a terminal and only for work over a second.
"""

EXIT_CODES = """\
## Exit codes

| code | meaning |
| --- | --- |
| 0 | done, and no objective is nonconforming |
| 1 | an error: told in words on stderr, with `--json` as JSON; or `verify` found the records broken |
| 2 | usage: the command line or the configuration is wrong |
| 3 | an objective is nonconforming, or a nonconformity is open |
| 75 | busy: another process holds the store or serves the project; try again later |
"""


def reference() -> str:
    """The whole page."""
    group: Any = typer.main.get_command(application())  # typer and click disagree on the type across versions
    parts = [HEAD, _index(), "## Global options\n", _options(group.params), EXIT_CODES]
    for name, (function, purpose) in COMMANDS.items():
        parts += _section(f"aimsight {name}", purpose, function, group.commands[name])
    for name, (_, purpose) in GROUPS.items():
        inner = group.commands[name]
        parts += _section(f"aimsight {name}", purpose, inner.callback, inner)
        for sub, command in inner.commands.items():
            parts += _section(f"aimsight {name} {sub}", command.short_help, command.callback, command)
    return "\n".join(parts)


def _index() -> str:
    purposes = {name: purpose for name, (_, purpose) in (*COMMANDS.items(), *GROUPS.items())}
    rows = [f"| [`aimsight {name}`](#aimsight-{name}) | {purpose} |" for name, purpose in purposes.items()]
    return "\n".join(["## Commands\n", "| command | what for |", "| --- | --- |", *rows, ""])


def _section(name: str, purpose: str, function: Any, command: Any) -> list[str]:  # noqa: ANN401  # of typer or of click
    usage = " ".join([name, *_places(command.params), *_required(command.params)])
    text = " ".join((inspect.getdoc(function) or "").split())
    parts = [f"## {name}\n\n{purpose}.\n\n```sh\n{usage}\n```\n\n{text}\n"]
    if listed := _options(command.params):
        parts.append(listed)
    return parts


def _places(params: list[Any]) -> list[str]:
    names = [(_name(param), param.required) for param in params if param.param_type_name == "argument"]
    return [name if required else f"[{name}]" for name, required in names]


def _required(params: list[Any]) -> list[str]:
    return [
        f"{param.opts[-1]} {_name(param)}" for param in params if param.param_type_name == "option" and param.required
    ]


def _options(params: list[Any]) -> str:
    rows = []
    for param in params:
        if param.name in {"help", "install_completion", "show_completion"}:
            continue
        if param.param_type_name == "argument":
            shown = f"`{_name(param)}`"
        else:
            value = "" if param.is_flag else f" {_name(param)}"
            shown = ", ".join(f"`{option}{value}`" for option in (*param.opts, *param.secondary_opts))
        rows.append(f"| {shown} | {param.help} |")
    return "\n".join(["| argument or option | meaning |", "| --- | --- |", *rows, ""]) if rows else ""


def _name(param: Any) -> str:  # noqa: ANN401  # a parameter of typer or of click
    return str(param.metavar or param.name).strip("[]{}").upper()


if __name__ == "__main__":
    typer.echo(reference(), nl=False)

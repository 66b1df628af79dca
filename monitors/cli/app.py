"""The command line as a whole: its commands, its global options, its exit codes and how errors are told."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from aimsight.configs.errors import AimsightError, ConfigError
from aimsight.monitors.cli import (
    INTERRUPTED,
    audit,
    backfill,
    changes,
    check,
    demo,
    evidence,
    init,
    keys,
    metrics,
    nc,
    objectives,
    plan,
    query,
    records,
    review,
    schema,
    serve,
    status,
    verify,
)
from aimsight.monitors.cli import (
    run as run_command,
)
from aimsight.monitors.cli.session import Session

EPILOG = "Exit codes: 0 conforming, 1 error, 2 usage, 3 nonconforming, 75 busy (try again later)."

COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "demo": (demo.demo, "Two real models, from the first row to verdicts"),
    "init": (init.init, "Write a model's first configuration"),
    "check": (check.check, "Check the configuration"),
    "plan": (plan.plan, "What each objective can show at its volume"),
    "run": (run_command.run, "Measure and judge what is due"),
    "backfill": (backfill.backfill, "Measure and judge windows of the past"),
    "serve": (serve.serve, "Run what is due when it is due; dashboard"),
    "status": (status.status, "Whether anything is wrong"),
    "objectives": (objectives.objectives, "Where each objective stands"),
    "evidence": (evidence.evidence, "A report of a nonconformity, kept as evidence"),
    "verify": (verify.verify, "Whether the records are whole"),
    "query": (query.query, "Answer a question in SQL"),
    "metrics": (metrics.metrics, "What can be measured, and how"),
    "schema": (schema.schema, "The configuration's JSON Schema, for editors"),
}
"""Every command and what it is for, in the order of the help: first steps, daily work, records, look-ups."""


GROUPS: dict[str, tuple[Callable[[], typer.Typer], str]] = {
    "nc": (nc.group_of_commands, "Nonconformities, from detected to closed"),
    "changes": (changes.group_of_commands, "Changes of objectives and of the system (6.3)"),
    "records": (records.group_of_commands, "Registers: systems, risks, audits, concerns ..."),
    "review": (review.group_of_commands, "Management reviews: packs, conclusions, decisions"),
    "audit": (audit.group_of_commands, "What evidence there is, clause by clause"),
    "keys": (keys.group_of_commands, "The key that signs checkpoints"),
}
"""Every group of commands: what makes it, and what it is for."""


def application(command: str = "") -> typer.Typer:
    """The typer application: with all commands, or with one of them alone, which is made sooner."""
    named = {command} if command in {*COMMANDS, *GROUPS} else {*COMMANDS, *GROUPS}
    # Plain help instead of panels: it answers in half the time, and everywhere.
    app = typer.Typer(
        name="aimsight",
        help="Continuous monitoring of AI models for an ISO/IEC 42001 management system.",
        epilog=EPILOG,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_global_options)
    for name, (function, purpose) in COMMANDS.items():
        if name in named:
            app.command(name, short_help=purpose)(function)
    for name, (make, purpose) in GROUPS.items():
        if name in named:
            app.add_typer(make(), name=name, short_help=purpose)
    return app


def run(arguments: list[str] | None = None) -> NoReturn:
    """Run one command line and leave with its exit code; an error is told, never thrown at the person."""
    given = gathered(sys.argv[1:] if arguments is None else arguments)
    code = 0
    try:
        application(_command(given))(given, prog_name="aimsight")
    except AimsightError as error:
        _tell(error, as_json="--json" in given[:MOST_GLOBALS])
        code = error.exit_code
    except KeyboardInterrupt:  # before or after a command; within one, click answers it in the same way
        code = INTERRUPTED
    except RuntimeError as error:
        if str(error) != DUCKDB_INTERRUPTED:
            raise
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone; nothing is left to say
    sys.exit(code)  # out here the error is gone, and with it what its frames held open


MOST_GLOBALS = 3
DUCKDB_INTERRUPTED = "Query interrupted"
"""What DuckDB raises, as a RuntimeError, when Ctrl-C meets some of its statements; the transaction is rolled back."""


def gathered(arguments: list[str]) -> list[str]:
    """The arguments with the global options in front, so that they may stand anywhere before a ``--``."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments[:end])
    for argument in waiting:
        if argument == "--json":
            front[:0] = ["--json"] if "--json" not in front else []
        elif argument in {"-C", "--folder"}:
            front += [argument, *[value for value in [next(waiting, None)] if value is not None]]
        elif argument.startswith("--folder="):
            front.append(argument)
        else:
            rest.append(argument)
    return front + rest + arguments[end:]


def _command(arguments: list[str]) -> str:
    """What comes after the global options in front."""
    waiting = iter(arguments)
    for argument in waiting:
        if argument in {"-C", "--folder"}:
            next(waiting, None)
        elif argument != "--json" and not argument.startswith("--folder="):
            return argument
    return ""


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"aimsight {version('aimsight')}")
        raise typer.Exit


def _global_options(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Option("-C", "--folder", metavar="FOLDER", help="Project folder (where aimsight.yaml lies).")
    ] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, errors too.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    del version
    context.obj = Session(folder, as_json=as_json)


def _tell(error: AimsightError, *, as_json: bool) -> None:
    sys.stdout.flush()
    if as_json:
        problems = [asdict(problem) for problem in error.problems] if isinstance(error, ConfigError) else None
        told = {"kind": type(error).__name__, "message": str(error), "exit_code": error.exit_code}
        typer.echo(json.dumps({"error": told | ({"problems": problems} if problems else {})}), err=True)
    else:
        from aimsight.aims.words import plain

        for line in str(error).splitlines():
            typer.echo(plain(line), err=True)

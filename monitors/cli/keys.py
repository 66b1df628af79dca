"""`aimsight keys`: the key that signs checkpoints, and its public half."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aimsight.monitors.cli.groups import group
from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    from rich.console import RenderableType

KeyFile = Annotated[Path, typer.Argument(metavar="FILE", help="PEM file of the private key.", show_default=False)]


def group_of_commands() -> typer.Typer:
    """The group ``aimsight keys``."""
    return group(
        "keys",
        "The key that signs checkpoints",
        keys,
        {"new": (new, "Make a key in a new file"), "show": (show, "The public key of a file")},
    )


def keys(context: typer.Context) -> None:
    """Make the key that signs the ledger's checkpoints, or print the public key that others check them with.

    Keep the private key outside the project and away from whoever can write the store; give the public key to those
    who verify. With AIMSIGHT_SIGNING_PASSPHRASE set, the file is encrypted.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def new(context: typer.Context, file: KeyFile) -> None:
    """Make an Ed25519 key in a new file that only its owner can read; an existing file is never written over."""
    from aimsight.store.signing import make_key

    _answer(context, file, make_key(file))


def show(context: typer.Context, file: KeyFile) -> None:
    """Print the public key of a file."""
    from aimsight.store.signing import Signer

    _answer(context, file, Signer(file).public)


def _answer(context: typer.Context, file: Path, public: bytes) -> None:
    from aimsight.store.signing import key_id, public_text

    text = public_text(public)

    def people() -> list[RenderableType]:
        return [
            f"Public key {text} (id {key_id(public)})",
            "",
            "In aimsight.yaml:",
            "signing:",
            f"  key: {file}",
            f"  trusted: [{text}]",
        ]

    Session.of(context).answer({"file": file, "public": text, "id": key_id(public)}, people)

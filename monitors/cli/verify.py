"""`aimsight verify`: whether the records are whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aimsight.store.verify import VerifyReport


def verify(
    context: typer.Context,
    against: Annotated[
        list[Path] | None,
        typer.Option("--against", metavar="FILE", help="A copy of the checkpoints kept elsewhere; may be repeated."),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="KEY", help="A public key to trust besides those of aimsight.yaml."),
    ] = None,
) -> None:
    """Recompute the ledger, and compare it with the rows, the checkpoints outside the store and the evidence files."""
    from aimsight.aims.lifecycle.fold import FOLDS
    from aimsight.configs.errors import SourceError
    from aimsight.monitors.projects import trusted_keys
    from aimsight.store.signing import public_key
    from aimsight.store.verify import verify as recompute

    session = Session.of(context)
    config = session.project.config
    elsewhere = tuple(against or ())
    for path in elsewhere:
        if not path.is_file():
            raise SourceError(f"{path}: there is no such checkpoint file")
    try:
        given = tuple(map(public_key, key or ()))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    trusted = (*trusted_keys(session.project), *given)
    report = recompute(
        session.store,
        (*session.store.checkpoints, *elsewhere),
        evidence=session.project.root / config.evidence,
        folds=FOLDS,
        trusted=trusted,
    )
    session.answer(
        {
            "ledger": report.origin,
            "entries": report.entries,
            "head": report.head,
            "intact": report.intact,
            "complete": report.complete,
            "first_bad_entry": report.first_bad_seq,
            "findings": [str(finding) for finding in report.findings],
            "warnings": report.warnings,
            "planned_without_outcome": report.gaps,
            "limits": report.limits,
            "compared_to_entry": report.anchored,
            "signed_to_entry": report.signed,
        },
        lambda: _for_people(report, signed=bool(trusted)),
    )
    if not report.intact:
        raise typer.Exit(1)


def _for_people(report: VerifyReport, *, signed: bool) -> list[RenderableType]:
    from aimsight.aims.words import plural
    from aimsight.monitors.cli.tables import cell, facts

    parts: list[RenderableType] = [
        facts(
            {
                "Integrity": "intact" if report.intact else f"BROKEN: {plural(len(report.findings), 'finding')}",
                "Completeness": "complete"
                if report.complete
                else f"{plural(len(report.gaps), 'planned window')} without an outcome",
                "Ledger": f"{plural(report.entries, 'entry', 'entries')}, head {report.head[:16]}…",
                "Checkpoints": _reach(report.anchored),
                **({"Signed checkpoints": _reach(report.signed)} if signed else {}),
            }
        )
    ]
    for title, lines in (
        ("Findings", [str(finding) for finding in report.findings]),
        ("Warnings", list(report.warnings)),
        ("What this cannot show", list(report.limits)),
        (
            "Planned, without an outcome",
            [f"{gap['model']} {gap['window_start']:%Y-%m-%d %H:%M}Z" for gap in report.gaps],
        ),
    ):
        if lines:
            parts += ["", cell(title, "bold"), *(cell(f"- {line}") for line in lines)]
    return parts


def _reach(entries: int) -> str:
    """How far into the ledger its checkpoints reach."""
    return f"vouch for entries 1 to {entries:,}" if entries else "none"

"""`aimsight verify`: whether the records are whole, complete, and made by who was allowed to."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aimsight.monitors.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from aimsight.monitors.recompute import Recomputed
    from aimsight.monitors.record_check import Checked, Given
    from aimsight.monitors.source_check import SourcesChecked
    from aimsight.store.checkpoints import Reach
    from aimsight.store.verify import VerifyReport

BESIDE = "Checkpoints beside the database: against mistakes, not against whoever can write both"
MOST = 20
"""More lines of one kind than that are for --json."""


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
    certificate: Annotated[
        list[Path] | None,
        typer.Option(
            "--certificate",
            metavar="FILE",
            help="A certificate (PEM) that time stamps have to lead to; may be repeated.",
        ),
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Compute measurements again from the stored statistics as well.")
    ] = False,
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="--recompute: only this model.")] = "",
    runs: Annotated[
        int, typer.Option("--runs", metavar="N", min=0, help="--recompute: the latest N runs of each model; 0 for all.")
    ] = 0,
    files: Annotated[
        bool, typer.Option("--files", help="Hash the source files again that runs take for unchanged as well.")
    ] = False,
) -> None:
    """Give three verdicts on the records: integrity, completeness and authority.

    Integrity: the ledger is recomputed and compared with the rows, the checkpoints outside the store and the evidence
    files. Completeness: every planned window has an outcome. Authority: whoever acted was known then, had a role that
    may, and did not judge their own work. With --recompute the measurements are computed again as well, with --files
    the source files are hashed again. Exit code 1 when any of these is broken.
    """
    from aimsight.configs.errors import SourceError
    from aimsight.monitors.record_check import check_records
    from aimsight.store.signing import public_key

    session = Session.of(context)
    elsewhere = tuple(against or ())
    for path in elsewhere:
        if not path.is_file():
            raise SourceError(f"{path}: there is no such checkpoint file")
    try:
        given = tuple(map(public_key, key or ()))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not recompute and (model or runs):
        raise typer.BadParameter("--model and --runs belong to --recompute")
    models = [session.model(model).model] if model else list(session.project.models)
    checked = check_records(
        session.project, session.store, against=elsewhere, keys=given, authorities=certificate or ()
    )
    report = checked.report
    more: dict[str, Recomputed | SourcesChecked] = {}
    if recompute:
        from aimsight.monitors.recompute import recompute as compute_again

        more["recomputed"] = compute_again(session.project, session.store, models, latest=runs or None)
    if files:
        from aimsight.monitors.source_check import check_sources

        more["sources"] = check_sources(session.store)
    signs = bool(given or session.project.config.signing.trusted)
    session.answer(
        _data(checked, session.store.path.parent) | {name: one.data() for name, one in more.items()},
        lambda: [
            *_for_people(checked, session.project.root, session.store.path.parent, signed=signs),
            *(line for one in more.values() for line in ("", *one.lines())),
        ],
    )
    if not (report.intact and report.complete and report.authorised) or any(one.findings for one in more.values()):
        raise typer.Exit(1)


def _data(checked: Checked, beside: Path) -> dict[str, Any]:
    report = checked.report
    authority = report.authority
    return {
        "ledger": report.origin,
        "entries": report.entries,
        "head": report.head,
        "intact": report.intact,
        "complete": report.complete,
        "authorised": report.authorised,
        "first_bad_entry": report.first_bad_seq,
        "findings": [str(finding) for finding in report.findings],
        "warnings": report.warnings,
        "planned_without_outcome": report.gaps,
        "authority": None
        if authority is None
        else {
            "acts": authority.acts,
            "unjudged": authority.unjudged,
            "findings": [str(finding) for finding in authority.findings],
            "single_person": authority.alone,
            "changed": authority.changed,
            "limits": authority.limits,
        },
        "disposed": report.disposed,
        "limits": report.limits,
        "compared_to_entry": report.anchored,
        "signed_to_entry": report.signed,
        "reaches": [asdict(one) | {"beside_the_database": _lies_in(one, beside)} for one in report.reaches],
        "given_away": [asdict(one) for one in checked.given],
    }


def _for_people(checked: Checked, root: Path, beside: Path, *, signed: bool) -> list[RenderableType]:
    from aimsight.aims.words import plain, plural
    from aimsight.monitors.cli.tables import cell, facts

    report = checked.report
    authority = report.authority
    parts: list[RenderableType] = [
        facts(
            {
                "Integrity": "intact" if report.intact else f"BROKEN: {plural(len(report.findings), 'finding')}",
                "Completeness": "complete"
                if report.complete
                else f"{plural(len(report.gaps), 'planned window')} without an outcome",
                "Authority": _authority(report),
                "Ledger": f"{plural(report.entries, 'entry', 'entries')}, head {report.head[:16]}…",
            }
        )
    ]
    for title, lines in (
        ("Findings of integrity", [str(finding) for finding in report.findings]),
        (
            "Planned, without an outcome",
            [f"{gap['model']} {gap['window_start']:%Y-%m-%d %H:%M}Z" for gap in report.gaps],
        ),
        ("Findings of authority", [str(finding) for finding in authority.findings] if authority else []),
        ("Done by one person alone", list(authority.alone) if authority else []),
        ("Roles and rules that changed", list(authority.changed) if authority else []),
        ("Disposed of", list(report.disposed)),
        ("Warnings", list(report.warnings)),
        ("Vouched for from outside", list(_outside(report, checked.given, root, beside, signed=signed))),
        (BESIDE, [_reach(one, root, signed=signed) for one in report.reaches if _lies_in(one, beside)]),
        ("What this cannot show", [*report.limits, *(authority.limits if authority else ())]),
    ):
        if lines:
            more = [f"… and {len(lines) - MOST:,} more (--json shows all)"] if len(lines) > MOST else []
            parts += ["", cell(title, "bold"), *(plain(f"- {line}") for line in [*lines[:MOST], *more])]
    return parts


def _authority(report: VerifyReport) -> str:
    from aimsight.aims.words import plural

    authority = report.authority
    if authority is None or not authority.acts:
        return "no person has acted"
    if authority.findings:
        return f"BROKEN: {plural(len(authority.findings), 'finding')}"
    judged = authority.acts - authority.unjudged
    alone = f", {len(authority.alone):,} by one person alone" if authority.alone else ""
    if not judged:
        return f"cannot be told: {plural(authority.acts, 'act')} before it was on record who the people are"
    return f"in order: {plural(judged, 'act')} of people{alone}"


def _outside(
    report: VerifyReport, given: tuple[Given, ...], root: Path, beside: Path, *, signed: bool
) -> Iterator[str]:
    """Which entries each checkpoint file and anchor outside the store's folder vouches for, and which none does."""
    outside = [one for one in report.reaches if not _lies_in(one, beside)]
    yield from (_reach(one, root, signed=signed) for one in outside)
    reached = max((one.anchored for one in outside), default=0)
    if reached < report.entries:
        yield f"not anchored: {_span(reached + 1, report.entries)}"
    for away in given:
        yield (
            f"{away.name}: entries 1 to {away.size:,} were given to {away.to}; what was received there is compared "
            "with --against FILE"
        )


def _lies_in(one: Reach, folder: Path) -> bool:
    return Path(one.name).parent == folder


def _reach(one: Reach, root: Path, *, signed: bool) -> str:
    by_key = f", signed {_span(1, one.signed)}" if signed else ""
    return f"{one.name.removeprefix(f'{root}/')}: {_span(1, one.anchored)}{by_key}"


def _span(first: int, last: int) -> str:
    if last < first:
        return "no entry"
    return f"entries {first:,} to {last:,}" if last > first else f"entry {first:,}"

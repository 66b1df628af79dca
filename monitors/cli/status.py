"""`aimsight status`: whether anything is wrong, and whether the monitoring itself works."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from aimsight.monitors.cli.session import NONCONFORMING, Session, now

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aimsight.aims.record_state import RecordState
    from aimsight.aims.verification import VerificationState
    from aimsight.monitors.heartbeat import Heartbeat
    from aimsight.store.database import Store


def status(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Only this model.")] = "",
) -> None:
    """Show each model with its verdicts, its last run and its open nonconformities, and whether anybody is serving.

    Exit code 3: something is nonconforming, or a nonconformity is open; else 1: the last run of a model failed.
    """
    from aimsight.aims.nonconformities import is_open
    from aimsight.aims.verdicts import Verdict
    from aimsight.monitors.cli import queries
    from aimsight.monitors.due import none_planned
    from aimsight.monitors.heartbeat import Heartbeat, heartbeat_path

    session = Session.of(context)
    store = session.store
    models = session.shown([session.model(model)] if model else session.project.models.values())
    standings = queries.standings(store, models)
    runs = queries.last_runs(store)
    records = queries.nonconformities(store, {one.model for one in models})
    beat = Heartbeat.read(heartbeat_path(store.path))
    waiting = queries.undelivered(store)
    metrics = verification_of(store)
    kept = records_of(store)
    rows = [
        {
            "model": one.model,
            "version": one.version,
            "zone": one.log.time_zone,
            "verdicts": [standing.verdict for standing in standings if standing.model == one.model],
            "open_nonconformities": sum(
                record["model"] == one.model and is_open(record["state"]) for record in records
            ),
            "last_run": runs.get(one.model),
            "none_planned": "" if one.model in runs else none_planned(one, None, now()),
        }
        for one in models
    ]
    session.answer(
        {
            "project": session.project.root,
            "store": store.path,
            "models": rows,
            "undelivered_notices": waiting,
            "record_verification": None if kept is None else asdict(kept),
            "metric_verification": None
            if metrics is None
            else asdict(metrics) | {"is_overdue": metrics.is_overdue(now().date())},
            "serving": None if beat is None else asdict(beat) | {"alive": beat.is_alive(now())},
        },
        lambda: [*_models(rows), "", *_machinery(session, beat, waiting, metrics, kept)],
    )
    if any(row["open_nonconformities"] for row in rows) or any(
        standing.verdict is Verdict.NONCONFORMING for standing in standings
    ):
        raise typer.Exit(NONCONFORMING)
    if any(row["last_run"] and row["last_run"]["outcome"] == "error" for row in rows):
        raise typer.Exit(1)


def _models(rows: list[dict[str, Any]]) -> list[RenderableType]:
    from aimsight.aims.words import window_words
    from aimsight.metrics.plan import Window
    from aimsight.monitors.cli.running import NO_MODELS, ended
    from aimsight.monitors.cli.tables import cell, legend, table, tally

    if not rows:
        return [NO_MODELS]
    made = table("Model", "Version", "Last window", "Outcome", "Verdicts", "Open", right=["Open"])
    for row in rows:
        run = row["last_run"]
        window = window_words(Window(run["window_start"], run["window_end"]), row["zone"]) if run else "–"
        not_yet = f"not run yet: {row['none_planned']}" if row["none_planned"] else "not run yet"
        outcome = not_yet if run is None else ended(run["outcome"], run["reason"], run["rows_scanned"])
        made.add_row(
            cell(row["model"]),
            cell(row["version"]),
            cell(window),
            cell(outcome),
            tally(row["verdicts"]),
            cell(f"{row['open_nonconformities']:,}"),
        )
    return [made, "", legend(verdict for row in rows for verdict in row["verdicts"])]


def records_of(store: Store) -> RecordState | None:
    """What the last verification of the records found; ``None`` without one on record."""
    from aimsight.aims.record_state import record_state
    from aimsight.configs.errors import NotFoundError, StoreVersionError

    if not store.path.exists():
        return None
    try:
        with store.read() as reader:
            return record_state(reader)
    except (NotFoundError, StoreVersionError):  # as for the metrics below
        return None


def verification_of(store: Store) -> VerificationState | None:
    """Where the verification of the metrics stands; ``None`` without a store that could say."""
    from aimsight.aims.verification import state
    from aimsight.configs.errors import NotFoundError, StoreVersionError

    if not store.path.exists():
        return None
    try:
        with store.read() as reader:
            return state(reader)
    except (NotFoundError, StoreVersionError):  # a store of an older version, which the next run brings up to date
        return None


def _machinery(
    session: Session,
    beat: Heartbeat | None,
    waiting: int,
    metrics: VerificationState | None,
    kept: RecordState | None,
) -> list[RenderableType]:
    from aimsight.aims.record_state import record_words
    from aimsight.aims.verification import state_words
    from aimsight.aims.words import plural
    from aimsight.monitors.cli.tables import aligned

    lines: dict[str, object] = {"Project": session.project.root, "Store": session.store.path}
    if not session.store.path.exists():
        lines["Store"] = f"{session.store.path} (not there yet; the first `aimsight run` makes it)"
    lines["Serving"] = _serving(beat, session.project.config.time_zone)
    if metrics is not None:
        said = state_words(metrics, ZoneInfo(session.project.config.time_zone), now().date())
        again = "; run `aimsight metrics verify`" if metrics.is_overdue(now().date()) else ""
        lines["Metrics"] = said + again
    if kept is not None:
        lines["Records"] = record_words(kept, ZoneInfo(session.project.config.time_zone))
    if waiting:
        lines["Alerts"] = f"{plural(waiting, 'notice')} not delivered"
    return list(aligned(lines))


def _serving(beat: Heartbeat | None, zone: str) -> str:
    from aimsight.aims.words import instant

    if beat is None:
        return "nobody; windows are run by `aimsight run` or `aimsight serve`"
    if not beat.is_alive(now()):
        ended = "stopped" if beat.state == "stopped" else "no sign of life since"
        return f"nobody ({ended} {instant(beat.beat_at, ZoneInfo(zone))})"
    following = min(beat.next_at.values(), default=None)
    parts = [f"pid {beat.pid}", beat.url, beat.doing or beat.state]
    if following:
        parts.append(f"next look {instant(following, ZoneInfo(zone))}")
    if beat.last_error:
        parts.append(f"last error: {beat.last_error}")
    return ", ".join(part for part in parts if part)

"""What the commands that run models share: progress, delivery of alerts, and the summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from aimsight.monitors.cli.session import NONCONFORMING, Session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from aimsight.configs.schema import ModelConfig
    from aimsight.monitors.cli.progress import Report
    from aimsight.monitors.run import RunOutcome, RunSummary

NO_MODELS = "No models yet; write the first one with: aimsight init MODEL --log FILE"
MOST_WINDOWS = 24
"""So many lines of windows of a model are listed, the latest ones."""


def execute(session: Session, work: Callable[[Report | None], list[RunSummary]]) -> tuple[list[RunSummary], float]:
    """Run with a progress bar; the summaries and the seconds it took."""
    from aimsight.monitors.cli.progress import shown

    began = time.monotonic()
    with shown(session.aside, wanted=not session.as_json) as report:
        summaries = work(report)
    return summaries, time.monotonic() - began


def summary_data(summaries: Sequence[RunSummary], seconds: float) -> dict[str, Any]:
    """The summaries for machines."""
    return {
        "seconds": round(seconds, 3),
        "models": [
            {
                "model": summary.model,
                "runs": [
                    {
                        "window_start": run.window.start,
                        "window_end": run.window.end,
                        "outcome": run.outcome,
                        "reason": run.reason,
                        "run_id": run.run_id,
                        "rows": run.rows,
                        "verdicts": {name: verdict.value for name, verdict in run.verdicts.items()},
                    }
                    for run in summary.runs
                ],
                "opened": list(summary.opened),
                "occurrences": summary.occurrences,
                "rows_scanned": summary.rows_scanned,
                "unchanged": summary.skipped,
                "problem": summary.problem,
                "none_planned": summary.none_planned,
            }
            for summary in summaries
        ],
    }


def summary_tables(
    summaries: Sequence[RunSummary], models: Sequence[ModelConfig], seconds: float
) -> list[RenderableType]:
    """The summaries for people: what ran, with which verdicts, and what was opened."""
    from aimsight.aims.words import elapsed, plural, window_words
    from aimsight.metrics.plan import Window
    from aimsight.monitors.cli.tables import cell, legend, table, tally

    if not models:
        return [NO_MODELS]
    zones = {model.model: model.log.time_zone for model in models}
    parts: list[RenderableType] = []
    for summary in summaries:
        made = table("Window", "Outcome", "Verdicts", title=summary.model)
        alike = together(summary.runs)
        for group in alike[-MOST_WINDOWS:]:
            span = window_words(Window(group[0].window.start, group[-1].window.end), zones[summary.model])
            when = span if len(group) == 1 else f"{span} ({len(group):,} windows)"
            made.add_row(
                cell(when),
                cell(ended(group[0].outcome, group[0].reason, group[0].rows)),
                tally(group[0].verdicts.values()),
            )
        if summary.runs:
            parts.append(made)
        earlier = sum(len(group) for group in alike[:-MOST_WINDOWS])
        if summary.problem:
            parts.append(cell(f"{summary.model}: {summary.problem}"))
        if earlier > 0:
            parts.append(f"{plural(earlier, 'earlier window')} not listed")
        parts += [one_line(summary), ""]
    verdicts = {verdict for summary in summaries for run in summary.runs for verdict in run.verdicts.values()}
    if verdicts:
        parts += [legend(verdicts), ""]
    rows = sum(summary.rows_scanned for summary in summaries)
    return [*parts, f"{plural(rows, 'row')} read in {elapsed(seconds)}"]


def together(runs: Sequence[RunOutcome]) -> list[list[RunOutcome]]:
    """The runs in order; neighbours that failed for the same reason, or found no rows, are told as one."""
    groups: list[list[RunOutcome]] = []
    for run in runs:
        last = groups[-1][-1] if groups else None
        noteworthy = bool(run.reason) or not run.rows
        if (
            last
            and noteworthy
            and (last.outcome, last.reason, last.rows, last.verdicts)
            == (
                run.outcome,
                run.reason,
                run.rows,
                run.verdicts,
            )
        ):
            groups[-1].append(run)
        else:
            groups.append([run])
    return groups


def ended(outcome: str, reason: str, rows: int) -> str:
    """How a run ended: ``success``, ``success, no rows``, ``error: WHY``."""
    if reason:
        return f"{outcome}: {reason}"
    return outcome if rows else f"{outcome}, no rows"


def not_in_force(session: Session, models: Sequence[ModelConfig]) -> dict[str, list[str]]:
    """By model, the declared objectives that runs do not judge by, because nobody has approved them yet."""
    from aimsight.aims.changes import governed_by

    policy = session.project.config.changes
    found = {}
    for name in (model.model for model in models):
        declared = session.project.models[name].objectives
        judged = {one.id for one in governed_by(session.store, session.project.models[name], policy).objectives}
        found[name] = [one.id for one in declared if one.id not in judged]
    return {name: waiting for name, waiting in found.items() if waiting}


def proposed_lines(session: Session, models: Sequence[ModelConfig]) -> list[str]:
    """What the files say and is not in force, where changes are approved; what is shown and judged is in force."""
    from aimsight.aims import changes
    from aimsight.aims.words import plural

    if session.project.config.changes != "approve":
        return []
    told = [
        f"{name}: {plural(len(waiting), 'objective')} not in force, so not judged ({', '.join(waiting)}); "
        "`aimsight changes propose` puts them on record, a second person approves."
        for name, waiting in not_in_force(session, models).items()
    ]
    if not session.store.path.exists():
        return told
    with session.store.read() as reader:
        found = [one for model in models for one in changes.proposals(reader, session.project.models[model.model])]
    for one in found:
        if one.kind != "new":
            differs = "; ".join(f"{key} {old or '–'} → {new or '–'}" for key, old, new in one.differences)
            where = f"{one.record.record}, {one.record.status}" if one.record else "`aimsight changes propose`"
            told.append(
                f"Proposed, not in force: {one.model}/{one.objective} "
                f"{differs if one.kind == 'changed' else 'withdrawn'} ({where})."
            )
    return told


def one_line(summary: RunSummary) -> str:
    """``air-time: 9 windows run, 0 unchanged; 1 nonconformity opened (NC-2026-0001), 3 occurrences``."""
    from aimsight.aims.words import plural

    if summary.none_planned:
        return f"{summary.model}: nothing to run: {summary.none_planned}"
    opened = f" ({', '.join(summary.opened)})" if summary.opened else ""
    return (
        f"{summary.model}: {plural(len(summary.runs), 'window')} run, {summary.skipped:,} unchanged; "
        f"{plural(len(summary.opened), 'nonconformity', 'nonconformities')} opened{opened}, "
        f"{plural(summary.occurrences, 'occurrence')} added"
    )


def exit_code(session: Session, summaries: Sequence[RunSummary], models: Sequence[ModelConfig]) -> int:
    """1 when a run ended in an error or a model could not be run, 3 when an objective is nonconforming now, else 0."""
    from aimsight.aims.verdicts import Verdict
    from aimsight.monitors.cli.queries import standings

    outcomes = {run.outcome for summary in summaries for run in summary.runs}
    if "error" in outcomes or any(summary.problem for summary in summaries):
        return 1
    found = standings(session.store, session.shown(models))
    return NONCONFORMING if any(one.verdict is Verdict.NONCONFORMING for one in found) else 0


def moment_or_now(text: str, zone: str) -> datetime:
    """The moment that a person wrote (a day begins at local midnight; without an offset the zone counts), or now."""
    from aimsight.monitors.cli.session import now

    return parse_moment(text, zone) if text else now()


def parse_day(text: str) -> date:
    """A day in ISO form.

    Raises
    ------
    typer.BadParameter
        It is none.
    """
    import typer

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f'"{text}" is not a date; write YYYY-MM-DD') from None


def parse_moment(text: str, zone: str) -> datetime:
    """A day (its local midnight) or a moment in ISO form; without an offset it is read in ``zone``.

    Raises
    ------
    typer.BadParameter
        It is neither.
    """
    from zoneinfo import ZoneInfo

    import typer

    from aimsight.monitors.windows import midnight

    try:
        if len(text) <= len("YYYY-MM-DD"):
            return midnight(date.fromisoformat(text), zone)
        read = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f'"{text}" is no day or moment; write 2026-11-24 or 2026-11-24T07:00+01:00') from None
    return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)

"""The pipeline's part of effectiveness: every window after the actions is judged against the criterion fixed before.

A window counts when it begins at the start of the watch or later and no result of it was known when the plan was
approved; an estimate never counts, and what was not measured extends the watch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aimsight.aims.evaluation import judge
from aimsight.aims.lifecycle.case import Case
from aimsight.aims.lifecycle.effect import Effect, effect_of
from aimsight.aims.lifecycle.states import State
from aimsight.aims.verdicts import Verdict
from aimsight.metrics.values import Measurement, Undefined
from aimsight.store.measurements import measurement_hash, read_measurements, stored_measurement_hash
from aimsight.store.records import (
    DossierRow,
    EffectivenessWindow,
    Nonconformity,
    ObjectiveVersion,
    effectiveness_windows,
    save_effectiveness_window,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aimsight.aims.lifecycle.dossier import Criterion
    from aimsight.store.database import Reader, Transaction
    from aimsight.store.runs import RunRecord

RUNS = "runs"
WATCHING = (State.EFFECTIVENESS_WINDOW, State.CLOSING)
Bounds = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Watched:
    """A nonconformity whose windows are watched, with what its criterion asks."""

    case: Case
    criterion: Criterion
    since: datetime
    approved_at: datetime

    @classmethod
    def of(cls, case: Case) -> Watched | None:
        """The watch of a case; ``None`` when nothing of it is measured."""
        plan, watch = case.dossier.plan, case.dossier.watch
        if case.state not in WATCHING or plan is None or watch is None or plan.approved_at is None:
            return None
        return None if plan.criterion.kind == "check" else cls(case, plan.criterion, watch.start, plan.approved_at)


@dataclass(frozen=True, slots=True)
class Seen:
    """One run as the watch sees it: its window, what it measured, and why it did not."""

    run_id: str
    window_start: datetime
    window_end: datetime
    rows: int
    measurements: Sequence[Measurement]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """The pipeline's verdict on a nonconformity's actions, when it has just been reached or changed."""

    case: Case
    effect: Effect


def watched(reader: Reader, model: str) -> list[Watched]:
    """The nonconformities of a model whose windows are watched."""
    rows = reader.rows(
        "SELECT d.*, n.* FROM nonconformity AS n "
        "JOIN nonconformity_dossier AS d ON d.nonconformity = n.nonconformity "
        "WHERE n.model = ? AND n.state IN (?, ?) ORDER BY n.nonconformity",
        [model, *(state.value for state in WATCHING)],
    )
    cases = [Case.of(Nonconformity.from_row(row), DossierRow.from_row(row)) for row in rows]
    return [one for case in cases if (one := Watched.of(case)) is not None]


def judge_run(
    tx: Transaction, watch: Sequence[Watched], run: RunRecord, seen: Seen, bounds: dict[str, Bounds], now: datetime
) -> list[Told]:
    """Judge a run that is just recorded for every nonconformity that watches its window."""
    told = []
    for one in watch:
        if seen.window_start < one.since or _was_known(tx.before, one, run.model, seen):
            continue
        before = effectiveness_windows(tx, one.case.name, one.case.attempt)
        made = judge_window(one, seen, bounds, now)
        found = _measurement(one.criterion, seen.measurements)
        digest = measurement_hash(run, found, now) if found is not None else None
        told += _keep(tx, one, before, replace(made, measurement_hash=digest))
    return told


def judge_past(tx: Transaction, one: Watched, bounds: dict[str, Bounds], now: datetime) -> list[Told]:
    """Judge the windows that were run between the actions and the start of the watch."""
    told = []
    for row in tx.rows(
        "SELECT run_id, window_start, window_end, outcome, reason, rows_scanned FROM run "
        "WHERE model = ? AND window_start >= ? AND outcome IN ('success', 'error') "
        "QUALIFY row_number() OVER (PARTITION BY monitor, window_start, window_end "
        "ORDER BY (outcome = 'success') DESC, revision DESC) = 1 ORDER BY window_end, window_start",
        [one.case.record.model, one.since],
    ):
        seen = Seen(
            row["run_id"],
            row["window_start"],
            row["window_end"],
            row["rows_scanned"],
            read_measurements(tx, row["run_id"]),
            row["reason"] if row["outcome"] == "error" else "",
        )
        if _was_known(tx, one, one.case.record.model, seen):
            continue
        before = effectiveness_windows(tx, one.case.name, one.case.attempt)
        criterion = one.criterion
        digest = stored_measurement_hash(
            tx, seen.run_id, criterion.metric or "", criterion.column or "", criterion.segment or ""
        )
        made = replace(judge_window(one, seen, bounds, now), measurement_hash=digest)
        told += _keep(tx, one, before, made)
    return told


def judge_window(one: Watched, seen: Seen, bounds: dict[str, Bounds], now: datetime) -> EffectivenessWindow:
    """The judgement of one window by the criterion."""
    criterion = one.criterion
    row = EffectivenessWindow(
        nonconformity=one.case.name,
        attempt=one.case.attempt,
        window_start=seen.window_start,
        window_end=seen.window_end,
        run_id=seen.run_id,
        metric=criterion.metric or RUNS,
        target=criterion.threshold or "a result with rows",
        value=None,
        ci_low=None,
        ci_high=None,
        n=0,
        verdict=Verdict.NOT_MEASURED.value,
        reason=seen.problem or "the metric was not measured in this window",
        measurement_hash=None,
        judged_at=now,
    )
    if criterion.kind == RUNS:
        took_place = not seen.problem and seen.rows > 0
        return replace(
            row,
            n=seen.rows,
            verdict=(Verdict.CONFORMING if took_place else Verdict.NONCONFORMING).value,
            reason="monitoring gave a result" if took_place else seen.problem or "the window has no rows",
        )
    if seen.problem:
        return row
    measurement = _measurement(criterion, seen.measurements)
    if measurement is None:
        estimated = any(other.estimated and _fits(criterion, other) for other in seen.measurements)
        return replace(row, reason="only an estimate is there, which does not count") if estimated else row
    judgement = judge(_objective(one), measurement, bounds.get(measurement.metric, (None, None)))
    result = measurement.result
    row = replace(row, n=result.n, verdict=judgement.verdict.value, reason=judgement.reason)
    if isinstance(result, Undefined):
        return row
    interval = result.interval
    return replace(
        row,
        value=result.value,
        ci_low=interval.low if interval else None,
        ci_high=interval.high if interval else None,
    )


def effect(reader: Reader, case: Case) -> Effect:
    """The pipeline's verdict on the actions of a case, from the windows as they are judged now."""
    plan = case.dossier.plan
    if plan is None or case.dossier.watch is None:
        return Effect("", "no window after the actions is watched yet")
    return effect_of(plan.criterion, effectiveness_windows(reader, case.name, case.attempt), case.dossier.checks)


def _keep(
    tx: Transaction, one: Watched, before: Sequence[EffectivenessWindow], made: EffectivenessWindow
) -> list[Told]:
    """Store the judgement of a window when it is new or says something else; tell when that changes the verdict."""
    span = (made.window_start, made.window_end)
    known = [row for row in before if (row.window_start, row.window_end) == span]
    if known and replace(known[0], judged_at=made.judged_at) == made:
        return []
    save_effectiveness_window(tx, made)
    others = [row for row in before if (row.window_start, row.window_end) != span]
    after = sorted([*others, made], key=lambda row: (row.window_end, row.window_start))
    now, then = effect_of(one.criterion, after, ()), effect_of(one.criterion, before, ())
    return [Told(one.case, now)] if now.verdict and now.verdict != then.verdict else []


def _was_known(reader: Reader, one: Watched, model: str, seen: Seen) -> bool:
    """Whether a result of the window was known before the plan was approved: then it proves nothing."""
    return bool(
        reader.tuples(
            "SELECT 1 FROM run WHERE model = ? AND window_start = ? AND window_end = ? AND outcome = 'success' "
            "AND finished_at < ? LIMIT 1",
            [model, seen.window_start, seen.window_end, one.approved_at],
        )
    )


def _measurement(criterion: Criterion, measurements: Sequence[Measurement]) -> Measurement | None:
    return next((one for one in measurements if not one.estimated and _fits(criterion, one)), None)


def _fits(criterion: Criterion, one: Measurement) -> bool:
    return (
        one.metric == criterion.metric
        and one.column == (criterion.column or "")
        and str(one.segment) == (criterion.segment or "")
    )


def _objective(one: Watched) -> ObjectiveVersion:
    """The criterion in the form that evaluation judges by."""
    criterion, record = one.criterion, one.case.record
    return ObjectiveVersion(
        model=record.model,
        objective=criterion.objective or record.nonconformity,
        version=record.objective_version or 1,
        statement=record.requirement,
        metric=criterion.metric or "",
        column_name=criterion.column or "",
        segment=criterion.segment or "",
        target=criterion.threshold or "",
        tolerance=criterion.tolerance,
        zero_tolerance=criterion.zero_tolerance,
        min_rows=criterion.min_rows,
        rationale="",
        owner=record.owner,
        due=one.since.date(),
        severity=record.severity,
        opens_failures=1,
        opens_of=1,
        policy_ref=None,
        actions=(),
        resources=None,
        content_hash="",
        effective_from=one.since,
    )

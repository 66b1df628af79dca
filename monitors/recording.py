"""Writing down what came of runs: measurements, verdicts, nonconformities and notices, all in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aimsight.aims.estimates import beside
from aimsight.aims.evaluation import NOT_MEASURED_RULE, judge
from aimsight.aims.lifecycle.service import metric_bounds
from aimsight.aims.lifecycle.watching import Seen, Told, Watched, judge_run, watched
from aimsight.aims.nonconformities import Failing, Subject, of_monitoring, of_objective, record_failure, rule_of
from aimsight.aims.objectives import in_force, measurement_of
from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import in_period, window_words
from aimsight.configs.schema import NonconformityConfig
from aimsight.metrics.plan import Window
from aimsight.metrics.registry import find
from aimsight.metrics.values import Measurement, Undefined, Value
from aimsight.monitors import alerts, notices
from aimsight.store.evaluations import Evaluation, save_evaluations
from aimsight.store.measurements import read_measurements, stored_measurement_hash, write_measurements
from aimsight.store.runs import RunRecord, claim, claim_attempt, finish, forget_attempt
from aimsight.store.statistics import write_statistics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aimsight.configs.schema import AlertRoute, ModelConfig
    from aimsight.metrics.statistics import Statistics
    from aimsight.store.database import Transaction
    from aimsight.store.records import Nonconformity, ObjectiveVersion
    from aimsight.store.runs import Outcome

UNCHANGED = "the inputs changed, the results of this window did not"
_FAILING = (Verdict.NONCONFORMING, Verdict.NOT_MEASURED)


@dataclass(frozen=True, slots=True)
class Measured:
    """A run that gave measurements."""

    run: RunRecord
    statistics: Statistics
    measurements: list[Measurement]


@dataclass(frozen=True, slots=True)
class Failed:
    """A run that gave none, and why."""

    run: RunRecord
    reason: str


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """What was recorded of one run."""

    window: Window
    run_id: str
    outcome: Outcome
    reason: str
    rows: int
    verdicts: dict[str, Verdict]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded of several runs."""

    runs: list[RecordedRun] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    occurrences: int = 0

    def plus(self, other: Recorded) -> Recorded:
        """Both, in order."""
        return Recorded(self.runs + other.runs, self.opened + other.opened, self.occurrences + other.occurrences)


def record(
    tx: Transaction,
    model: ModelConfig,
    results: Sequence[Measured | Failed],
    routes: Sequence[AlertRoute],
    settings: NonconformityConfig | None = None,
) -> Recorded:
    """Record runs in the order of their windows, so that rules over consecutive windows see them as they happened."""
    total = Recorded()
    if not results:
        return total
    objectives = in_force(tx, model, [Window(one.run.window_start, one.run.window_end) for one in results])
    watch = watched(tx, model.model)
    for result in sorted(results, key=lambda one: (one.run.window_end, one.run.window_start)):
        done = _Recording(tx, model, routes, objectives, settings or NonconformityConfig(), watch).record(result)
        if done is not None:
            total = total.plus(done)
    return total


class _Recording:
    """The recording of one run.

    A window is recorded once in a transaction, so whatever is asked about its own past is asked of ``tx.before``: the
    rows collected for other windows need not be inserted first.
    """

    def __init__(
        self,
        tx: Transaction,
        model: ModelConfig,
        routes: Sequence[AlertRoute],
        in_force_then: Mapping[Window, list[ObjectiveVersion]],
        settings: NonconformityConfig,
        watch: Sequence[Watched],
    ) -> None:
        self.tx, self.model, self.routes, self.settings, self.watch = tx, model, routes, settings, watch
        self.in_force = in_force_then
        self.now = tx.clock.now()
        self.notices: list[notices.Notice] = []

    def record(self, result: Measured | Failed) -> Recorded | None:
        """All rows of one run; ``None`` when another process has recorded it meanwhile."""
        run = self._claimed(result)
        if run is None:
            forget_attempt(self.tx, result.run.run_key)
            return None
        window = Window(run.window_start, run.window_end)
        if isinstance(result, Failed) and self._has_result(run):
            return self._failed_again(run, result.reason)
        if isinstance(result, Measured) and self._repeats_the_last(run, result.measurements):
            rows = result.statistics.quality.rows
            finish(self.tx, run.run_id, "skipped", UNCHANGED, rows, self.now)
            return Recorded([RecordedRun(window, run.run_id, "skipped", UNCHANGED, rows, {})])
        objectives = self.in_force[window]
        measurements = result.measurements if isinstance(result, Measured) else []
        problem = result.reason if isinstance(result, Failed) else ""
        evaluations, found = self._evaluate(run, objectives, measurements, problem)
        if isinstance(result, Measured):
            write_statistics(self.tx, run.run_id, result.statistics)
            write_measurements(self.tx, run, measurements, self.now)
        save_evaluations(self.tx, evaluations)
        rows = result.statistics.quality.rows if isinstance(result, Measured) else 0
        outcome: Outcome = "error" if problem else "success"
        finish(self.tx, run.run_id, outcome, problem, rows, self.now)
        self._judge_effects(run, measurements, rows, problem)
        silent = bool(problem) or rows == 0
        opened, occurrences = self._nonconformities(run, objectives, evaluations, found, silent=silent)
        if problem:
            self._tell_not_run(window, problem)
        self._queue_notices(window, objectives, evaluations, found)
        verdicts = {evaluation.objective: Verdict(evaluation.verdict) for evaluation in evaluations}
        return Recorded(
            [RecordedRun(window, run.run_id, outcome, problem, rows, verdicts)],
            [one.nonconformity for one in opened],
            occurrences,
        )

    def _judge_effects(self, run: RunRecord, measurements: list[Measurement], rows: int, problem: str) -> None:
        """Judge the window for the nonconformities whose actions it comes after."""
        if not self.watch:
            return
        seen = Seen(run.run_id, run.window_start, run.window_end, rows, measurements, problem)
        bounds = {name: limits for one in self.watch for name, limits in metric_bounds(one).items()}
        for told in judge_run(self.tx, self.watch, run, seen, bounds, self.now):
            self._tell_effect(told)

    def _tell_effect(self, told: Told) -> None:
        self.notices.append(notices.effect_judged(told.case, told.effect))

    def _claimed(self, result: Measured | Failed) -> RunRecord | None:
        if isinstance(result, Measured):
            return claim(self.tx, result.run)
        return None if self._failed_elsewhere(result.run) else claim_attempt(self.tx, result.run)

    def _failed_elsewhere(self, run: RunRecord) -> bool:
        """Whether another process has recorded this run while it was computed here."""
        found = self.tx.before.tuples(
            "SELECT 1 FROM run WHERE run_key = ? AND (run_id = run_key OR (outcome = 'error' AND finished_at >= ?))",
            [run.run_key, run.started_at],
        )
        return bool(found)

    def _has_result(self, run: RunRecord) -> bool:
        found = self.tx.before.tuples(
            "SELECT 1 FROM run WHERE model = ? AND monitor = ? AND window_start = ? AND window_end = ? "
            "AND outcome = 'success' LIMIT 1",
            [run.model, run.monitor, run.window_start, run.window_end],
        )
        return bool(found)

    def _failed_again(self, run: RunRecord, problem: str) -> Recorded:
        """A window that has a result keeps it: what came later could not be read, and that alone is recorded."""
        window = Window(run.window_start, run.window_end)
        finish(self.tx, run.run_id, "error", problem, 0, self.now)
        self._tell_not_run(window, problem)
        alerts.enqueue(self.tx, self.notices, self.routes, self.now)
        return Recorded([RecordedRun(window, run.run_id, "error", problem, 0, {})])

    def _tell_not_run(self, window: Window, problem: str) -> None:
        zone = self.model.log.time_zone
        self.notices.append(notices.not_run("error", problem, model=self.model.model, window=window, zone=zone))

    def _repeats_the_last(self, run: RunRecord, measurements: Sequence[Measurement]) -> bool:
        """Whether the window's last results, under the same configuration, were these very ones."""
        last = self.tx.before.tuples(
            "SELECT run_id FROM run WHERE model = ? AND monitor = ? AND window_start = ? AND window_end = ? "
            "AND config_hash = ? AND outcome = 'success' ORDER BY revision DESC LIMIT 1",
            [run.model, run.monitor, run.window_start, run.window_end, run.config_hash],
        )
        if not last:
            return False
        return [_content(one) for one in read_measurements(self.tx.before, last[0][0])] == [
            _content(one) for one in measurements
        ]

    def _evaluate(
        self,
        run: RunRecord,
        objectives: Sequence[ObjectiveVersion],
        measurements: list[Measurement],
        problem: str,
    ) -> tuple[list[Evaluation], dict[str, Measurement | None]]:
        evaluations, found = [], {}
        for objective in objectives:
            measurement = measurement_of(objective, measurements)
            found[objective.objective] = measurement
            judgement = judge(objective, measurement, find(objective.metric).bounds)
            if judgement.verdict is Verdict.AWAITING_LABELS:
                judgement = replace(judgement, reason=judgement.reason + beside(objective, measurements))
            result = measurement.result if measurement else Undefined(problem)
            value = result if isinstance(result, Value) else None
            interval = value.interval if value else None
            evaluations.append(
                Evaluation(
                    run_id=run.run_id,
                    model=run.model,
                    objective=objective.objective,
                    objective_version=objective.version,
                    column_name=objective.column_name,
                    segment=objective.segment,
                    window_start=run.window_start,
                    window_end=run.window_end,
                    value=value.value if value else None,
                    ci_low=interval.low if interval else None,
                    ci_high=interval.high if interval else None,
                    n=result.n,
                    target=objective.target,
                    tolerance=objective.tolerance,
                    verdict=judgement.verdict.value,
                    reason=problem or judgement.reason,
                    revision=run.revision,
                    evaluated_at=self.now,
                )
            )
        return evaluations, found

    def _nonconformities(
        self,
        run: RunRecord,
        objectives: Sequence[ObjectiveVersion],
        evaluations: Sequence[Evaluation],
        found: dict[str, Measurement | None],
        *,
        silent: bool,
    ) -> tuple[list[Nonconformity], int]:
        """Feed the failures of this run to the nonconformities; a run without any row fails as a whole, once."""
        opened: list[Nonconformity] = []
        attached = 0
        if silent:
            new, attached = self._silence(run)
            if new:
                self.notices.append(notices.monitoring_not_done(new))
            return ([new] if new else []), attached
        for objective, evaluation in zip(objectives, evaluations, strict=True):
            verdict = Verdict(evaluation.verdict)
            if verdict not in _FAILING:
                continue
            past = self._recent(evaluation, objective.opens_of)
            subject = of_objective(objective, run.model_version, verdict)
            rule = rule_of(objective, verdict)
            failures = [self._failing(one, objective) for one in past[-rule.of :] if one.verdict == verdict.value]
            measurement = found[objective.objective]
            new, count = record_failure(
                self.tx,
                subject,
                failures,
                opens=rule.due([Verdict(one.verdict) for one in past], verdict),
                statement=notices.statement(
                    self._finding(objective, evaluation, measurement),
                    Window(evaluation.window_start, evaluation.window_end),
                    self.model.log.time_zone,
                ),
                now=self.now,
                settings=self.settings,
            )
            attached += count
            if new:
                opened.append(new)
                self._tell_opened(new, objective, evaluation, measurement)
        return opened, attached

    def _silence(self, run: RunRecord) -> tuple[Nonconformity | None, int]:
        rows = self.tx.rows_of(
            {"run"},
            "SELECT run_id, window_start, window_end, outcome, rows_scanned, reason FROM run "
            "WHERE model = ? AND monitor = ? AND outcome IN ('success', 'error') AND window_end <= ? "
            "QUALIFY row_number() OVER (PARTITION BY window_start, window_end "
            "ORDER BY (outcome = 'success') DESC, revision DESC) = 1 ORDER BY window_end, window_start",
            [run.model, run.monitor, run.window_end],
        )[-NOT_MEASURED_RULE.of :]
        verdicts = [
            Verdict.NOT_MEASURED if row["outcome"] == "error" or not row["rows_scanned"] else Verdict.CONFORMING
            for row in rows
        ]
        failures = [
            Failing(row["run_id"], row["window_start"], row["window_end"], None, None, None, None, None, "")
            for row, verdict in zip(rows, verdicts, strict=True)
            if verdict is Verdict.NOT_MEASURED
        ]
        window = window_words(Window(run.window_start, run.window_end), self.model.log.time_zone)
        why = next((row["reason"] for row in rows if row["run_id"] == run.run_id and row["reason"]), "no rows")
        subject: Subject = of_monitoring(run.model, run.model_version, self.model.owner)
        return record_failure(
            self.tx,
            subject,
            failures,
            opens=NOT_MEASURED_RULE.due(verdicts, Verdict.NOT_MEASURED),
            statement=f"No measurement of {run.model} {in_period(window)}: {why}",
            now=self.now,
            settings=self.settings,
        )

    def _recent(self, evaluation: Evaluation, of: int) -> list[Evaluation]:
        """The latest evaluations of the objective up to this window, oldest first."""
        rows = self.tx.rows(
            "SELECT * FROM evaluations WHERE model = ? AND objective = ? AND column_name = ? AND segment = ? "
            "AND window_end <= ? AND is_latest ORDER BY window_end DESC, window_start DESC LIMIT ?",
            [
                evaluation.model,
                evaluation.objective,
                evaluation.column_name,
                evaluation.segment,
                evaluation.window_end,
                max(of, NOT_MEASURED_RULE.of),
            ],
        )
        return [Evaluation.from_row(row) for row in rows[::-1]]

    def _failing(self, evaluation: Evaluation, objective: ObjectiveVersion) -> Failing:
        """A failing window as an occurrence, bound to its rows by their hashes."""
        return Failing(
            run_id=evaluation.run_id,
            window_start=evaluation.window_start,
            window_end=evaluation.window_end,
            measurement_hash=stored_measurement_hash(
                self.tx, evaluation.run_id, objective.metric, objective.column_name, objective.segment
            ),
            evaluation_hash=evaluation.hash,
            value=evaluation.value,
            ci_low=evaluation.ci_low,
            ci_high=evaluation.ci_high,
            target=evaluation.target,
        )

    def _finding(
        self, objective: ObjectiveVersion, evaluation: Evaluation, measurement: Measurement | None
    ) -> notices.Finding:
        return notices.Finding(
            objective=objective.objective,
            statement=objective.statement,
            metric=objective.metric,
            where=" & ".join(part for part in (objective.column_name, objective.segment) if part),
            result=measurement.result if measurement else Undefined(evaluation.reason),
            target=objective.target,
            verdict=Verdict(evaluation.verdict),
            reason=evaluation.reason,
        )

    def _tell_opened(
        self,
        opened: Nonconformity,
        objective: ObjectiveVersion,
        evaluation: Evaluation,
        measurement: Measurement | None,
    ) -> None:
        self.notices.append(
            notices.opened(
                self._finding(objective, evaluation, measurement),
                nonconformity=opened.nonconformity,
                model=opened.model,
                severity="major" if opened.severity == "major" else "minor",
                window=Window(evaluation.window_start, evaluation.window_end),
                zone=self.model.log.time_zone,
                owner=opened.owner,
                due=opened.due_at.date() if opened.due_at else None,
                recurrence_of=opened.recurrence_of,
            )
        )

    def _queue_notices(
        self,
        window: Window,
        objectives: Sequence[ObjectiveVersion],
        evaluations: Sequence[Evaluation],
        found: dict[str, Measurement | None],
    ) -> None:
        findings = [
            self._finding(objective, evaluation, found[objective.objective])
            for objective, evaluation in zip(objectives, evaluations, strict=True)
        ]
        self.notices += notices.judged(findings, model=self.model.model, window=window, zone=self.model.log.time_zone)
        alerts.enqueue(self.tx, self.notices, self.routes, self.now)


def _content(measurement: Measurement) -> tuple[object, ...]:
    """What a measurement says, without the cause of an undefined one (the store keeps its reason only)."""
    result = measurement.result
    said = result if isinstance(result, Value) else (result.reason, result.n)
    return (
        measurement.metric,
        measurement.metric_version,
        measurement.column,
        measurement.segment,
        said,
        measurement.q_value,
    )

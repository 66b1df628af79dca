"""A run: one pass over a model's due windows, then measurements, verdicts and nonconformities in one transaction."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from aimsight.aims.changes import governed_by, register
from aimsight.aims.people_on_record import record_people
from aimsight.aims.verdicts import Verdict
from aimsight.configs.durations import Duration
from aimsight.configs.errors import AimsightError, NotFoundError, SourceError, StoreError
from aimsight.configs.hashes import config_hash
from aimsight.metrics.engines.connection import ResourceError
from aimsight.metrics.engines.duckdb import DuckDBEngine
from aimsight.metrics.measure import measure
from aimsight.metrics.plan import Plan, Reference, Window
from aimsight.metrics.sources import resolve, row_count
from aimsight.metrics.statistics import merge
from aimsight.metrics.values import Measurement
from aimsight.monitors import alerts
from aimsight.monitors.anchors import anchor
from aimsight.monitors.back_test import BackTest
from aimsight.monitors.drift import WindowsDrift
from aimsight.monitors.due import (
    History,
    beginning,
    due,
    ending,
    identity,
    none_planned,
    planned,
    reference_period,
    reference_windows,
    settled,
)
from aimsight.monitors.earlier import Before
from aimsight.monitors.frames import WindowFrames
from aimsight.monitors.history import MOST_ATTEMPTS
from aimsight.monitors.inputs import (
    ChangedError,
    Inputs,
    gather,
    needing,
    reference_fingerprint,
    unreadable_fingerprint,
    with_reference_contents,
)
from aimsight.monitors.label_state import label_state
from aimsight.monitors.look_back import Known, look_back
from aimsight.monitors.missed import record_missed
from aimsight.monitors.overdue import look_after_nonconformities
from aimsight.monitors.recording import Failed, Measured, Recorded, record
from aimsight.monitors.row_windows import row_windows
from aimsight.monitors.schemas import Schemas
from aimsight.monitors.windows import disjoint, side_by_side, windows
from aimsight.store.files import remember_files
from aimsight.store.references import load_reference, save_reference
from aimsight.store.runs import RunRecord, begin_attempts, plan_slots, run_key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aimsight.configs.load import Project
    from aimsight.configs.schema import ModelConfig
    from aimsight.configs.window_lengths import ChunkCount, RowCount
    from aimsight.metrics.schema import Schema
    from aimsight.metrics.statistics import Statistics
    from aimsight.store.database import Store
    from aimsight.store.runs import Outcome

CHUNK = 32
"""So many windows share one pass over the source and one transaction."""
LEASE = timedelta(hours=6)
"""How long a run that gives no sign of life counts as under way."""
PASSING = (ChangedError, ResourceError)
"""Failures that the same inputs may not meet again."""

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How the run of one window ended, and the verdict of each objective in it; ``rows`` it found in the log."""

    window: Window
    outcome: Outcome
    reason: str
    run_id: str
    rows: int = 0
    verdicts: dict[str, Verdict] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What was done for one model; ``skipped`` counts windows whose results were there already.

    ``problem`` says why the model's inputs could not be looked at, even where that left no window without a result;
    ``none_planned`` why there is no window at all.
    """

    model: str
    runs: list[RunOutcome]
    opened: list[str]
    occurrences: int
    rows_scanned: int
    skipped: int
    problem: str = ""
    none_planned: str = ""


def run_due(
    project: Project,
    store: Store,
    *,
    now: datetime,
    models: Sequence[str] | None = None,
    progress: Progress | None = None,
    actor: str = "aimsight",
) -> list[RunSummary]:
    """Run whatever is due at ``now`` for the named models (default: all), then deliver the alerts it caused.

    A model that cannot be run is told in its summary's ``problem`` and stops no other.

    Raises
    ------
    NotFoundError
        If the project has no model of a name.
    StoreError
        If the store cannot be used.
    """
    names = list(project.models) if models is None else list(models)
    for name in names:
        if name not in project.models:
            raise NotFoundError.named("model", name, project.models)
    summaries = []
    for name in names:
        try:
            summaries.append(run_model(project, store, name, now=now, progress=progress, actor=actor))
        except StoreError:
            raise
        except AimsightError as error:
            summaries.append(RunSummary(name, [], [], 0, 0, 0, str(error)))
    if store.path.exists():
        look_after_nonconformities(project, store)
    anchor(store, project, now=store.clock.now())
    if project.config.alerts and store.path.exists():
        alerts.deliver(store, project, now=store.clock.now())
    return summaries


def run_model(
    project: Project,
    store: Store,
    model_id: str,
    *,
    now: datetime,
    windows: Sequence[Window] | None = None,
    progress: Progress | None = None,
    actor: str = "aimsight",
) -> RunSummary:
    """Run one model.

    Parameters
    ----------
    now
        The moment whose knowledge counts: only windows that are over by then are due, only labels that had arrived.
    windows
        Exactly these windows, under the present configuration (a backfill); default: those that are due.

    Raises
    ------
    NotFoundError
        If the project has no such model.
    AimsightError
        If nothing says where monitoring starts, or the store cannot be used. A source that cannot be read is no such
        error: it is the recorded outcome of the runs that needed it.
    """
    if model_id not in project.models:
        raise NotFoundError.named("model", model_id, project.models)
    model = governed_by(store, project.models[model_id], project.config.changes)
    return _Run(project, store, model, now, progress or (lambda _what, _done, _total: None), actor).execute(windows)


class _Run:
    """The steps of one call of ``run_model`` and what they share."""

    def __init__(
        self, project: Project, store: Store, model: ModelConfig, now: datetime, progress: Progress, actor: str
    ) -> None:
        self.project, self.store, self.model = project, store, model
        self.now, self.progress, self.actor = now, progress, actor
        self.engine = DuckDBEngine(memory_limit=project.config.memory_limit, threads=project.config.threads)
        self.frames = WindowFrames(self.engine, project.root, model, now)
        self.config_hash = config_hash(model)
        self.before = Before(store, model, self.config_hash)
        self.drift = WindowsDrift(self.engine, project, model, now, self.before.reference)
        self.inputs: Inputs | None = None
        self.problem = ""
        self.identified = self.frozen = True
        self.starved = False
        self.made: Reference | None = None
        self.known = Known()
        self.back_test = BackTest()
        self.schemas = Schemas(self.engine, model.log.table)

    def execute(self, chosen: Sequence[Window] | None) -> RunSummary:
        """Find what is due, run it in chunks, and say what came of it."""
        self.known = look_back(self.project, self.store, self.model, self.now)
        self.frozen = self.model.reference is None or self.known.has_reference
        missed = record_missed(self.project, self.store, self.model, self.known.late)
        self._gather()
        unreadable = self.problem
        candidates = self._candidates(chosen)
        if self.inputs is not None:
            spans = [*self._reference_spans(), *candidates]
            self.inputs = replace(self.inputs, needing=needing(self.inputs.log, spans))
        todo = self._backfill(candidates) if chosen is not None else self._due(candidates)
        total = Recorded()
        basis = self._basis(candidates) if todo else None
        if self.problem and not self.known.history and not self.starved:
            raise AimsightError(f"{self.problem}; nothing has ever been measured of this model, so nothing is recorded")
        if not self.known.is_registered or todo or (self.inputs and self.inputs.news):
            self._begin(candidates)
        for start in range(0, len(todo), CHUNK):
            self.progress(f"{self.model.model}: windows", start, len(todo))
            total = total.plus(self._chunk(todo[start : start + CHUNK], basis))
        if todo:
            self.progress(f"{self.model.model}: windows", len(todo), len(todo))
        return RunSummary(
            self.model.model,
            [RunOutcome(run.window, run.outcome, run.reason, run.run_id, run.rows, run.verdicts) for run in total.runs],
            [*missed, *total.opened],
            total.occurrences,
            sum(run.rows for run in total.runs),
            len(candidates) - len(todo),
            unreadable,
            "" if candidates else none_planned(self.model, self._first_row(), self.now),
        )

    def _gather(self) -> None:
        """Look at the files, without holding the store: hashing them may take long."""

        def tell(text: str) -> None:
            self.progress(text, 0, 0)

        try:
            self.inputs = gather(self.model, self.project.root, self.known.files, tell, with_reference=not self.frozen)
        except AimsightError as error:
            self.problem = str(error)

    def _candidates(self, chosen: Sequence[Window] | None) -> list[Window]:
        if chosen is not None:
            return sorted(chosen, key=lambda window: (window.start, window.end))
        first, length = self._first_row(), self.model.monitor.window
        try:
            if not isinstance(length, Duration):
                return self._by_rows(length, beginning(self.model, first))
            return planned(self.model, first, self.now)
        except AimsightError as error:
            raise AimsightError(self.problem or str(error)) from error

    def _first_row(self) -> datetime | None:
        first = self.inputs.first_row() if self.inputs else None
        return first if first is not None else min((window.start for window in self.known.history), default=None)

    def _by_rows(self, length: RowCount | ChunkCount, start: datetime) -> list[Window]:
        """The windows of so many rows: those cut before, and those that are full by now."""
        if self.inputs is None:
            return self.known.slots
        inputs, until = self.inputs, ending(self.model, self.now)

        def times(begin: datetime, end: datetime) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
            paths = inputs.overlapping([Window(begin, end)])
            return self.engine.rows_by_time(self.model, paths, begin, end) if paths else iter(())

        return row_windows(length, self.known.slots, start, until, times, closed=until < self.now)

    def _due(self, candidates: Sequence[Window]) -> list[Window]:
        """What is due; a window that has a result is left alone when its rows cannot be had any more.

        Due is also what was run before an objective was approved that judges it.
        """
        found = due(candidates, self.known.history, self._fingerprint, self.model, self.now)
        if self.known.unjudged:
            again = self._backfill([window for window in candidates if window in self.known.unjudged])
            found = sorted({*found, *again}, key=lambda window: (window.start, window.end))
        found = [window for window in found if self._has_rows(window) or not self._past(window).finished]
        if not self.known.attempts:
            return found
        return [window for window in found if self.known.attempts[self._key(window)] < MOST_ATTEMPTS]

    def _has_rows(self, window: Window) -> bool:
        inputs = self.inputs
        return inputs is not None and (window in inputs.needing or bool(inputs.overlapping([window])))

    def _past(self, window: Window) -> History:
        return self.known.history.get(window, History())

    def _backfill(self, candidates: Sequence[Window]) -> list[Window]:
        """The chosen windows without a result under this very configuration and these inputs; failures are retried."""
        return [window for window in candidates if self._key(window) not in self.known.done]

    def _fingerprint(self, window: Window) -> str:
        past = self._past(window)
        if self.inputs is None:
            return unreadable_fingerprint(self.problem)
        contents = self.inputs.fingerprint(window, self.now, settled=settled(self.model, window, self.now))
        if past.finished:
            return identity(contents, past.finished)
        if self.frozen:
            return contents
        return with_reference_contents(contents, self.inputs.reference_contents(self._reference_spans()))

    def _key(self, window: Window) -> str:
        monitor = self.model.monitor.name
        return run_key(self.model.model, monitor, window.start, window.end, self.config_hash, self._fingerprint(window))

    def _begin(self, candidates: Sequence[Window]) -> None:
        """Record the configuration, the planned windows, what is known of the files, and a reference that is new."""
        with self.store.write() as tx:
            now = self.store.clock.now()
            record_people(tx, self.project.config)
            register(tx, self.model, self.actor, now, self.project.config.changes)
            spans = [(window.start, window.end) for window in candidates]
            plan_slots(tx, self.model.model, self.model.monitor.name, spans, now)
            if self.inputs:
                remember_files(tx, self.inputs.news)
            if self.made is not None:
                save_reference(tx, self.model.model, self.made, actor=self.actor)
        self.frozen = self.frozen or self.made is not None

    def _basis(self, candidates: Sequence[Window]) -> Reference | None:
        """What fixes the cells: the frozen reference, made when this is the first run that needs it.

        A model without a reference counts in the cells of its first window with rows, and nothing is compared with
        them; while there is no such window, there is nothing to count.
        """
        if self.inputs is None:
            return None
        fingerprint = reference_fingerprint(self.model)
        if known := self._frozen_reference(fingerprint):
            self.frozen = True  # perhaps by another process, a moment ago
            return known
        period = self._period(self.inputs, candidates)
        if period is None and self.model.reference is None:
            return None
        self.progress(f"{self.model.model}: reference", 0, 0)
        own = reference_windows(self.model)
        try:
            if trouble := self.inputs.trouble(self._reference_spans()):
                raise SourceError(trouble)
            made = self.engine.make_reference(
                self._reading([period] if period else []), self.project.root, own or None, period, self.now, fingerprint
            )
            made = replace(made, statistics=replace(made.statistics, schema=self._schema(period)))
            self.inputs.check_unchanged([period] if period else [])
        except AimsightError as error:
            what = "the reference cannot be made" if self.model.reference else "the first window cannot be counted"
            self.problem = f"{what}: {error}"
            self.identified = not isinstance(error, PASSING)
            self.starved = isinstance(error, ResourceError)  # no mistake of the project: an outcome that is tried again
            return None
        self.made = made
        return made

    def _frozen_reference(self, fingerprint: str) -> Reference | None:
        """The frozen reference; how far earlier estimates were off is read with it, as only new windows need both."""
        if not self.store.path.exists():
            return None
        with self.store.read() as reader:
            self.back_test = BackTest.of(reader, self.model.model)
            return load_reference(reader, self.model.model, fingerprint)

    def _period(self, inputs: Inputs, candidates: Sequence[Window]) -> Window | None:
        """The part of the log that fixes the cells; ``None`` when there is none, or the reference has a source."""
        if self.model.reference is None:
            filled = (window for window in candidates if inputs.overlapping([window]) and window not in inputs.needing)
            return next(filled, None)
        return None if self.model.reference.period is None else reference_period(self.model)

    def _reference_spans(self) -> list[Window]:
        """The reference period, cut as the monitor's windows are: what each needs of the log's files is known."""
        if self.model.reference is None or self.model.reference.period is None:
            return []
        period, length = reference_period(self.model), self.model.monitor.calendar
        return windows(length, length, self.model.log.time_zone, period.start, period.end) or [period]

    def _chunk(self, todo: Sequence[Window], basis: Reference | None) -> Recorded:
        started = self.store.clock.now()
        records = {window: self._record(window, started) for window in todo}
        with self.store.write() as tx:
            begin_attempts(
                tx,
                list(records.values()),
                pid=os.getpid(),
                host=socket.gethostname(),
                lease_until=started + LEASE,
            )
        lost = {} if self.inputs is None else {one: self.inputs.trouble([one]) for one in todo}
        results: list[Measured | Failed] = [Failed(records[one], why) for one, why in lost.items() if why]
        results += self._measure({one: run for one, run in records.items() if not lost.get(one)}, basis)
        with self.store.write() as tx:
            config = self.project.config
            recorded = record(tx, self.model, results, config.alerts, config.nonconformities)
        self.before.stored()
        return recorded

    def _record(self, window: Window, started: datetime) -> RunRecord:
        return RunRecord(
            run_id=self._key(window),
            model=self.model.model,
            model_version=self.model.version,
            monitor=self.model.monitor.name,
            window_start=window.start,
            window_end=window.end,
            planned_at=window.end,
            started_at=started,
            source_fingerprint=self._fingerprint(window),
            config_hash=self.config_hash,
            code_version=version("aimsight"),
        )

    def _measure(self, records: Mapping[Window, RunRecord], basis: Reference | None) -> list[Measured | Failed]:
        """One pass for all windows; when it meets trouble, one for each half: a bad file harms its own windows only.

        So a window's results do not depend on the windows that happen to be run with it.
        """
        if self.problem:
            return [_failed(run, self.problem, identified=self.identified) for run in records.values()]
        if not records:
            return []
        try:
            results = self._pass(records, basis)
            troubled = any(isinstance(one, Measured) and one.statistics.column_errors for one in results)
            if not troubled or not self._differ(records):
                return results
        except AimsightError as error:
            if len(records) == 1:
                identified = not isinstance(error, PASSING)
                return [_failed(run, str(error), identified=identified) for run in records.values()]
        pairs = list(records.items())
        halves = pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :]
        return [result for half in halves for result in self._measure(dict(half), basis)]

    def _differ(self, windows: Iterable[Window]) -> bool:
        """Whether the windows lie in files of different columns: a column's problem may be that of some only."""
        if self.inputs is None:
            return False
        files = {path for one in windows for path in self.inputs.overlapping([one])}
        return len({str(self.schemas.of([path])) for path in files}) > 1

    def _pass(self, records: Mapping[Window, RunRecord], basis: Reference | None) -> list[Measured | Failed]:
        """One pass; windows that overlap are cut into pieces that are counted once, unless ids are repeated.

        A repeated id counts once in each window, which its pieces cannot tell: then windows that overlap are counted
        in passes of their own.
        """
        pieces, parts = disjoint(list(records))
        plan = self._plan(pieces, basis)
        statistics = self.engine.profile(plan, progress=self._rows_read(plan))
        if statistics.repeats_ids and len(pieces) != len(records):
            groups = side_by_side(list(records))
            return [result for group in groups for result in self._pass({w: records[w] for w in group}, basis)]
        reference = basis if self.model.reference else None
        last = {piece: window for window in records for piece in parts[window]}
        results: list[Measured | Failed] = []
        for window, run in records.items():
            counted = (statistics.take(one) if last[one] == window else statistics[one] for one in parts[window])
            results.append(self._measured(run, plan, window, reference, counted))
        if self.inputs is not None:
            self.inputs.check_unchanged(pieces)
        return results

    def _measured(
        self, run: RunRecord, plan: Plan, window: Window, reference: Reference | None, counted: Iterable[Statistics]
    ) -> Measured:
        whole = replace(merge(list(counted)), schema=self._schema(window))
        measurements = self._measurements(plan, whole, reference, window)
        # the scores themselves have served: keeping them for every window would take as much memory as the log
        return Measured(run, whole.with_score_cells(), measurements)

    def _rows_read(self, plan: Plan) -> Callable[[int], None]:
        """Adds the rows of every block to what is shown; labels of their own take a second look at the rows."""
        looks = 2 if plan.model.labels and plan.model.labels.source else 1
        what, total, done = f"{self.model.model}: rows", looks * row_count(resolve(plan.model.log.source, plan.root)), 0

        def tell(rows: int) -> None:
            nonlocal done
            done += rows
            self.progress(what, done, max(total, done) if total else 0)

        return tell

    def _plan(self, pieces: tuple[Window, ...], basis: Reference | None) -> Plan:
        """The plan over those files of the log only that have rows in the windows."""
        return Plan(
            model=self._reading(pieces),
            root=self.project.root,
            windows=pieces,
            as_of=self.now,
            columns=basis.columns if basis else (),
            classes=basis.classes if basis else (),
            error_exponent=basis.error_exponent if basis else 0,
            label_center=basis.label_center if basis else 0.0,
            exact_drift=self.model.drift == "exact",
            loss_tree=basis.loss_tree if basis else None,
        )

    def _reading(self, pieces: Sequence[Window]) -> ModelConfig:
        return self.model if self.inputs is None else self.inputs.reading(self.model, pieces)

    def _measurements(
        self, plan: Plan, statistics: Statistics, reference: Reference | None, window: Window
    ) -> list[Measurement]:
        found = measure(
            plan,
            statistics,
            reference,
            selected=self._selected(),
            min_group=self.model.min_group or self.project.config.min_group,
            labels=label_state(self.model, statistics, window, self.now, reference),
            window=window,
            past=self.back_test.before(window),
            drift=self.drift.options(self.inputs, reference, window, statistics),
            frames=self.frames.drawing(self.inputs, window, statistics.quality.rows),
            earlier=self.before.pooled(window),
        )
        self.back_test.add(window, found)
        self.before.add(window, statistics)
        return found

    def _schema(self, window: Window | None) -> Schema | None:
        """The columns of the log's files with rows in a window, or of the reference's own files."""
        if window is None:
            sources = self.model.reference.sources if self.model.reference else ()
            return self.schemas.of(resolve(sources, self.project.root))
        return self.schemas.of(self.inputs.overlapping([window])) if self.inputs is not None else None

    def _selected(self) -> list[str] | None:
        """The metrics chosen, with those that objectives are about; ``None`` for the core set with those."""
        if self.model.metrics is None:
            return None
        return [*self.model.metrics, *(objective.metric for objective in self.model.objectives)]


def _failed(run: RunRecord, reason: str, *, identified: bool) -> Failed:
    """A failure; one that is not for sure one of these inputs goes without their fingerprint, so that it is retried."""
    return Failed(run if identified else replace(run, source_fingerprint=unreadable_fingerprint(reason)), reason)

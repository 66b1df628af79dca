"""`aimsight serve`: APScheduler as nothing but the clock, one process a project, stopped cleanly.

The clock only says *now*; what is due follows from the calendar, the sources and the store, so a start, a late tick and
an early one all do the right thing. A tick that comes too late, or while the one before still runs, is put on record.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from aimsight.aims.registers.disposing import delete_disposed
from aimsight.aims.words import plain, plural
from aimsight.configs.errors import AimsightError, NotFoundError, StoreVersionError
from aimsight.monitors import alerts, projects
from aimsight.monitors.heartbeat import BEAT, Heartbeat, heartbeat_path, only_one
from aimsight.monitors.record_check import check_records
from aimsight.store.outbox import next_attempt
from aimsight.store.records import append_event
from aimsight.store.verify import record_verification, was_verified_since

if TYPE_CHECKING:
    from types import FrameType

    from apscheduler.events import JobEvent
    from apscheduler.schedulers.background import BackgroundScheduler

    from aimsight.configs.load import Project
    from aimsight.monitors.page_server import Dashboard
    from aimsight.store.database import Store

LATE_AFTER = timedelta(minutes=5)
"""A tick that comes later than this is on record as missed; its windows are run at once."""
SWEEP = timedelta(hours=1)
"""How often late rows, late labels and changed configuration are looked for."""
VERIFY_EVERY = timedelta(days=1)
"""How often the whole store is verified."""
FIRST_VERIFICATION = timedelta(seconds=10)
"""How long after the start it is looked at whether that is due; the windows come first."""
GRACE = timedelta(seconds=10)
"""How long a stop waits for a run; after that it is broken off, which leaves no half run behind."""
SHORTEST_PAUSE = timedelta(seconds=1)
"""Before notices are looked at again, such as those that another process is delivering."""
SWEEPER = "sweep"
VERIFIER = "verify"
NOTIFIER = "notices"
ACTOR = "aimsight serve"


class RunDue(Protocol):
    """What runs everything that is due, and delivers the alerts of it."""

    def __call__(
        self, project: Project, store: Store, *, now: datetime, models: Sequence[str] | None = None
    ) -> Sequence[Any]:
        """Run the windows of the models (all by default) that are due at ``now``."""
        ...


def serve(
    folder: Path,
    *,
    port: int | None,
    say: Callable[[str], None],
    load: Callable[[Path], Project] | None = None,
    open_store: Callable[[Project], Store] | None = None,
    run_due: RunDue | None = None,
    grace: timedelta = GRACE,
) -> int:
    """Serve a project until SIGINT or SIGTERM; 0 when stopped so.

    Parameters
    ----------
    folder
        The project.
    port
        Port of the dashboard (0: the first free one from 8501), ``None`` without a dashboard.
    say
        Takes what a person should know, line by line.
    load, open_store, run_due
        How projects are read, stores opened and windows run; the real ones unless a test says otherwise.
    grace
        How long a stop waits for a run.

    Raises
    ------
    StoreBusyError
        Another process serves this project.
    ConfigError
        The project cannot be read at the start. (Later mistakes are said, and the ticks go on.)
    """
    read = load or projects.open_project
    project = read(folder)
    store = (open_store or projects.open_store)(project)
    stop = threading.Event()
    with only_one(store.path), _signals_set(stop), ExitStack() as stack:
        _bring_up_to_date(store, say)
        pages = _start_pages(stack, project, port, stop) if port is not None else None
        url = pages.url if pages else ""
        clock = Clock(folder, project, store, say=say, load=read, run_due=run_due or _run_due, url=url)
        say(f"Dashboard: {url}" if url else "Serving without a dashboard.")
        say("Ctrl-C stops it.")
        clock.start()
        while not stop.wait(BEAT.total_seconds()):
            if pages and pages.process.poll() is not None:
                say(f"The dashboard has ended by itself, the runs go on; what it said last is in {pages.log}")
                pages = None
                clock.beat(url="")
            clock.look()
            clock.beat()
        say("Stopping ...")
        finished = clock.stop(grace)
    say("Stopped." if finished else "Stopped; the run under way was broken off, and the next one does its work.")
    if not finished:
        # A run that would not end is still in its thread, and Python would wait for it for ever. Its transaction is
        # not committed, so the store knows nothing of it but the attempt, which the next run records as abandoned.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    return 0


def _bring_up_to_date(store: Store, say: Callable[[str], None]) -> None:
    """A store of an older version is upgraded before the first page is shown, because no page can read it."""
    try:
        try:
            with store.read():
                pass
        except StoreVersionError:
            with store.write():  # a newer one is refused again
                pass
    except NotFoundError:  # no run has made it yet
        pass
    except AimsightError as error:
        say(str(error))


class Clock:
    """The ticks of all models of a project, and the sign of life."""

    def __init__(
        self,
        folder: Path,
        project: Project,
        store: Store,
        *,
        say: Callable[[str], None],
        load: Callable[[Path], Project],
        run_due: RunDue,
        url: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._project = project
        self._store = store
        self._say = say
        self._load = load
        self._run_due = run_due
        self._now = now
        self._path = heartbeat_path(store.path)
        self._guard = threading.Lock()
        self._heart = Heartbeat(os.getpid(), now(), now(), url=url)
        self._idle = threading.Event()
        self._idle.set()
        self._stopping = threading.Event()
        self._mistakes = ""
        self._scheduler = _new_scheduler()

    def start(self) -> None:
        """Begin: everything that is due at once, then at every edge of each model's calendar."""
        from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED

        self._scheduler.add_listener(self._on_missed, EVENT_JOB_MISSED)
        self._scheduler.add_listener(self._on_still_running, EVENT_JOB_MAX_INSTANCES)
        self._scheduler.add_listener(self._on_bug, EVENT_JOB_ERROR)
        self._scheduler.add_job(
            self._sweep, "interval", seconds=int(SWEEP.total_seconds()), id=SWEEPER, next_run_time=self._now()
        )
        self._scheduler.add_job(
            self._verify_daily,
            "interval",
            seconds=int(SWEEP.total_seconds()),
            id=VERIFIER,
            next_run_time=self._now() + FIRST_VERIFICATION,
        )
        self._plan()
        self.beat(state="idle")
        self._scheduler.start()

    def stop(self, grace: timedelta = GRACE) -> bool:
        """End the ticks and wait a moment for a run; whether nothing is running any more."""
        self._stopping.set()
        self._scheduler.shutdown(wait=False)
        finished = self._idle.wait(grace.total_seconds())
        self.beat(state="stopped", doing="" if finished else self._heart.doing, next_at={})
        return finished

    def beat(self, **changes: Any) -> None:
        """Give a sign of life, with those of its fields that have changed."""
        with self._guard:
            next_at = {
                job.id: job.next_run_time
                for job in self._scheduler.get_jobs()
                if job.id not in {VERIFIER, NOTIFIER} and getattr(job, "next_run_time", None)
            }
            self._heart = replace(self._heart, **({"next_at": next_at} | changes), beat_at=self._now())
            try:
                self._heart.write(self._path)
            except OSError as error:
                self._say(f"{self._path} cannot be written: {error.strerror or error}")

    def look(self) -> None:
        """Notice that the machine slept or that its clock was set: the scheduler sleeps for so long, not until then."""
        sweep = self._scheduler.get_job(SWEEPER)
        if sweep is not None and sweep.next_run_time > self._now() + SWEEP + LATE_AFTER:
            self._say("The clock was set back; everything is planned anew.")
            for job in (SWEEPER, VERIFIER):
                self._scheduler.modify_job(job, next_run_time=self._now())
        self._scheduler.wakeup()

    def _plan(self) -> None:
        """One job a model, at the edges of its calendar; models come and go with the configuration."""
        from aimsight.monitors.clock import CalendarTrigger

        wanted = {f"model {name}": model for name, model in self._project.models.items()}
        for job in self._scheduler.get_jobs():
            if job.id not in {*wanted, SWEEPER, VERIFIER, NOTIFIER}:
                job.remove()
        for job_id, model in wanted.items():
            self._scheduler.add_job(
                self._tick,
                CalendarTrigger(model.monitor.every, model.log.time_zone),
                args=[model.model],
                id=job_id,
                replace_existing=True,
            )

    def _tick(self, model: str) -> None:
        """An edge of a model's calendar."""
        self._work(f"running {model}", [model])

    def _sweep(self) -> None:
        """Everything of every model, with the configuration as it is now."""
        try:
            self._project = self._load(self._folder)
        except AimsightError as error:
            self._mistakes = f"the configuration as it was before is used until this is right: {error}"
            self._trouble(self._mistakes)
        else:
            self._mistakes = ""
            self._plan()
        self._work("running all models", None)

    def _verify_daily(self) -> None:
        """Verify the records once a day, and put the three verdicts on record where they were found whole."""
        if self._stopping.is_set() or not self._store.path.exists():
            return
        try:
            if was_verified_since(self._store, self._now() - VERIFY_EVERY):
                return
            report = check_records(self._project, self._store).report
            if report.intact:
                record_verification(self._store, report)
                delete_disposed(self._store, self._project.root / self._project.config.evidence, ACTOR)
            for found, what in (
                (report.findings, "the records are not whole"),
                (report.authority.findings if report.authority else (), "somebody did what they may not"),
            ):
                if found:
                    self._trouble(f"{what}: {found[0]}; see `aimsight verify`")
        except AimsightError as error:
            self._trouble(str(error))

    def _deliver(self) -> None:
        """Try again what could not be delivered, and has waited for long enough."""
        if self._stopping.is_set():
            return
        try:
            alerts.deliver(self._store, self._project, now=self._now())
        except AimsightError as error:
            self._trouble(str(error))
        self._plan_delivery()

    def _plan_delivery(self) -> None:
        """The next attempt to deliver comes when the first pause is over, whatever is due otherwise."""
        if self._stopping.is_set() or not self._project.config.alerts or not self._store.path.exists():
            return
        try:
            with self._store.read() as reader:
                at = next_attempt(reader)
        except AimsightError as error:
            self._trouble(str(error))
            return
        if at is not None:
            at = max(at, self._now() + SHORTEST_PAUSE)
            self._scheduler.add_job(
                self._deliver, "date", run_date=at, id=NOTIFIER, replace_existing=True, misfire_grace_time=None
            )

    def _work(self, doing: str, models: Sequence[str] | None) -> None:
        if self._stopping.is_set():  # a tick that was waiting for its turn
            return
        self._idle.clear()
        self.beat(state="running", doing=doing)
        try:
            summaries = self._run_due(self._project, self._store, now=self._now(), models=models)
            for summary in summaries:
                if summary.runs or summary.opened:
                    self._say(
                        f"{self._now():%Y-%m-%d %H:%M}Z {summary.model}: {plural(len(summary.runs), 'window')} run, "
                        f"{plural(len(summary.opened), 'nonconformity', 'nonconformities')} opened"
                    )
            self.beat(last_error=_first_line(self._mistakes), last_done_at=self._now())
            for summary in summaries:
                if summary.problem:
                    self._trouble(f"{summary.model}: {summary.problem}")
        except AimsightError as error:
            self._trouble(str(error))
        finally:
            self._idle.set()
            self.beat(state="idle", doing="")
            self._plan_delivery()

    def _on_missed(self, event: JobEvent) -> None:
        self._record("tick.missed", event, [event.scheduled_run_time], "the tick came too late")
        self._scheduler.modify_job(event.job_id, next_run_time=self._now())

    def _on_still_running(self, event: JobEvent) -> None:
        self._record("tick.skipped", event, event.scheduled_run_times, "the run before had not ended")

    def _on_bug(self, event: JobEvent) -> None:
        self._trouble(f"{type(event.exception).__name__}: {event.exception}\n{event.traceback}")

    def _record(self, kind: str, event: JobEvent, times: Sequence[datetime], reason: str) -> None:
        """Put a gap of the clock into the ledger; the windows themselves are caught up by the next tick."""
        planned = [time.astimezone(UTC).isoformat() for time in times]
        self._say(f"{event.job_id}, planned {', '.join(planned)}: {reason}")
        try:
            with self._store.write() as tx:
                append_event(tx, kind, event.job_id, ACTOR, {"planned": planned, "reason": reason})
        except AimsightError as error:
            self._trouble(str(error))

    def _trouble(self, text: str) -> None:
        self._say("\n".join(plain(line) for line in text.splitlines()))
        self.beat(last_error=_first_line(text))


def _first_line(text: str) -> str:
    return plain(text.partition("\n")[0])


def _new_scheduler() -> BackgroundScheduler:
    """In memory, one worker: runs follow each other, and the store has one writer anyway."""
    import logging

    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler

    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # the listeners say it in our words
    return BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": int(LATE_AFTER.total_seconds())},
    )


def _start_pages(stack: ExitStack, project: Project, port: int, stop: threading.Event) -> Dashboard:
    """Start the dashboard, and evidence files on an origin of their own; returns when the dashboard answers."""
    from aimsight.monitors.evidence_server import EvidenceServer
    from aimsight.monitors.page_server import dashboard

    config = project.config
    evidence = stack.enter_context(EvidenceServer(project.root / config.evidence))
    log = (project.root / config.store).with_name("dashboard.log")
    pages = stack.enter_context(dashboard(project.root, log, port=port, extra={"AIMSIGHT_EVIDENCE_URL": evidence.url}))
    pages.wait(cancelled=stop.is_set)
    return pages


@contextmanager
def _signals_set(stop: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM set the event for as long as the block lasts."""

    def on_signal(_: int, __: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_due(project: Project, store: Store, *, now: datetime, models: Sequence[str] | None = None) -> Sequence[Any]:
    from aimsight.monitors.run import run_due

    return run_due(project, store, now=now, models=models)

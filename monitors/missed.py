"""Runs that did not take place when planned, a nonconformity of its own ("monitoring not done"), or were broken off.

The windows are caught up afterwards, but a measurement that comes late is no monitoring at planned intervals (clause
9.1). Whoever stops the process, forgets the cron job, or lets the machine sleep, finds it on record.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from aimsight.aims.evaluation import NOT_MEASURED_RULE
from aimsight.aims.nonconformities import Failing, of_monitoring, record_failure
from aimsight.aims.words import plural, window_words
from aimsight.configs.durations import Duration
from aimsight.configs.errors import AimsightError
from aimsight.metrics.plan import Window
from aimsight.monitors import alerts, notices
from aimsight.monitors.due import planned
from aimsight.store.runs import abandon_dead

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aimsight.configs.load import Project
    from aimsight.configs.schema import ModelConfig
    from aimsight.store.database import Reader, Store


def record_missed(project: Project, store: Store, model: ModelConfig, late: Sequence[Window]) -> list[str]:
    """Put a model's missed runs on record and tell them; the nonconformity that was opened for them, if any.

    Two ``missed_windows`` in a row open a record, and more are occurrences of it.
    """
    if len(late) < NOT_MEASURED_RULE.failures:
        return []
    first, last = (window_words(late[at], model.log.time_zone) for at in (0, -1))
    with store.write() as tx:
        record, attached = record_failure(
            tx,
            of_monitoring(model.model, model.version, model.owner),
            [
                Failing(f"missed/{window.end.isoformat()}", window.start, window.end, None, None, None, None, None, "")
                for window in late
            ],
            opens=True,
            statement=f"{plural(len(late), 'run')} of {model.model} did not take place when planned: {first} to {last}",
            now=store.clock.now(),
            settings=project.config.nonconformities,
        )
        told = [notices.monitoring_not_done(record)] if record else []
        if attached:
            span = Window(late[0].start, late[-1].end)
            reason = f"{plural(len(late), 'window')} ended since the last run"
            told.append(notices.not_run("missed", reason, model=model.model, window=span, zone=model.log.time_zone))
        alerts.enqueue(tx, told, project.config.alerts, store.clock.now())
    return [record.nonconformity] if record else []


def record_abandoned(project: Project, store: Store) -> None:
    """Put runs whose process is gone on record, and tell them."""
    with store.write() as tx:
        now = store.clock.now()
        dead = abandon_dead(tx, now, _is_alive)
        zones = {name: model.log.time_zone for name, model in project.models.items()}
        told = [
            notices.not_run(
                "abandoned",
                "its process ended without a result",
                model=run.model,
                window=Window(run.window_start, run.window_end),
                zone=zones.get(run.model, project.config.time_zone),
            )
            for run in dead
        ]
        alerts.enqueue(tx, told, project.config.alerts, now)


def _is_alive(host: str, pid: int) -> bool:
    """Whether a process may still be at work; one on another host counts as alive."""
    if host != socket.gethostname():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def missed_windows(reader: Reader, model: ModelConfig, now: datetime) -> list[Window]:
    """The windows that ended after the model's last run and before ``now``: their run is missed.

    A model that has never run has missed nothing. To be asked before a run, which is the last one afterwards.
    """
    first, last = reader.tuples(
        "SELECT min(window_start), max(finished_at) FROM run "
        "WHERE model = ? AND monitor = ? AND outcome <> 'abandoned'",
        [model.model, model.monitor.name],
    )[0]
    if first is None or not isinstance(model.monitor.window, Duration):  # windows of so many rows have no hour
        return []
    try:
        windows = planned(model, first, now)
    except AimsightError:  # nothing says where monitoring starts; the run says so itself
        return []
    return [window for window in windows if last < window.end <= now]

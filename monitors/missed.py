"""Runs that a serving process should have made and did not: a nonconformity of its own, "monitoring not done".

The windows are caught up afterwards, but a measurement that comes late is no monitoring at planned intervals (clause
9.1): who stops the process, or whose machine sleeps, finds it on record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.aims.evaluation import NOT_MEASURED_RULE
from aimsight.aims.nonconformities import Failing, of_monitoring, record_failure
from aimsight.aims.words import plural, window_words
from aimsight.configs.durations import Duration
from aimsight.configs.errors import AimsightError
from aimsight.metrics.plan import Window
from aimsight.monitors.due import planned

if TYPE_CHECKING:
    from datetime import datetime

    from aimsight.configs.load import Project
    from aimsight.configs.schema import ModelConfig
    from aimsight.store.database import Reader, Store


def record_missed(project: Project, store: Store, now: datetime) -> list[str]:
    """Put missed runs on record; the nonconformities that were opened for them.

    A run is missed when its window ended after the model's last run and before ``now``; two in a row open a record, and
    more are occurrences of it. A model that has never run has missed nothing.
    """
    if not store.path.exists():
        return []
    with store.read() as reader:
        late = {name: _late(reader, model, now) for name, model in project.models.items()}
    late = {name: windows for name, windows in late.items() if len(windows) >= NOT_MEASURED_RULE.failures}
    if not late:
        return []
    opened = []
    with store.write() as tx:
        for name, windows in late.items():
            model = project.models[name]
            first, last = (window_words(windows[at], model.log.time_zone) for at in (0, -1))
            record, _ = record_failure(
                tx,
                of_monitoring(name, model.version, model.owner),
                [
                    Failing(
                        f"missed/{window.end.isoformat()}", window.start, window.end, None, None, None, None, None, ""
                    )
                    for window in windows
                ],
                opens=True,
                statement=f"{plural(len(windows), 'run')} of {name} did not take place when planned: {first} to {last}",
                now=store.clock.now(),
                settings=project.config.nonconformities,
            )
            if record is not None:
                opened.append(record.nonconformity)
    return opened


def _late(reader: Reader, model: ModelConfig, now: datetime) -> list[Window]:
    """The windows that ended after the model's last run, and were to be run since."""
    first, last = reader.tuples(
        "SELECT min(window_start), max(finished_at) FROM run WHERE model = ? AND monitor = ?",
        [model.model, model.monitor.name],
    )[0]
    if first is None or not isinstance(model.monitor.window, Duration):  # windows of so many rows have no hour
        return []
    try:
        windows = planned(model, first, now)
    except AimsightError:  # nothing says where monitoring starts; the run says so itself
        return []
    return [window for window in windows if last < window.end <= now]

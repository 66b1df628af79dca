"""What the store knows of a model before it is run: windows, attempts, files, and what is to be caught up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING

from aimsight.aims.changes import is_registered, unjudged
from aimsight.configs.errors import NotFoundError, StoreVersionError
from aimsight.configs.hashes import config_hash
from aimsight.metrics.plan import Window
from aimsight.monitors.history import read_attempts, read_history
from aimsight.monitors.inputs import reference_fingerprint
from aimsight.monitors.missed import missed_windows, record_abandoned
from aimsight.store.files import known_files
from aimsight.store.references import is_frozen
from aimsight.store.runs import done_keys, planned_windows

if TYPE_CHECKING:
    from datetime import datetime

    from aimsight.configs.load import Project
    from aimsight.configs.schema import ModelConfig
    from aimsight.monitors.due import History
    from aimsight.store.database import Store
    from aimsight.store.files import KnownFile


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of a model; without a store, nothing.

    Parameters
    ----------
    history
        What came of each window so far.
    attempts
        How often each run has failed, by its key.
    files
        The source files as they were read last, by the name under which they are remembered.
    slots
        The windows that were planned before.
    done
        The keys of runs with a result.
    late
        The windows whose run did not take place when planned.
    unjudged
        The windows that were run before an objective in force was approved, and are still to be judged by it.
    has_reference, is_registered
        Whether the model's reference is frozen, and its configuration as it is now on record.
    """

    history: dict[Window, History] = field(default_factory=dict)
    attempts: Counter[str] = field(default_factory=Counter)
    files: dict[str, KnownFile] = field(default_factory=dict)
    slots: list[Window] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    late: list[Window] = field(default_factory=list)
    unjudged: set[Window] = field(default_factory=set)
    has_reference: bool = False
    is_registered: bool = False


def look_back(project: Project, store: Store, model: ModelConfig, now: datetime) -> Known:
    """What the store knows of the model at ``now``; runs of processes that are gone are recorded as abandoned."""
    if not store.path.exists():
        return Known()
    try:
        known, is_unfinished = _read(project, store, model, now)
    except (NotFoundError, StoreVersionError):
        # an older store, or one whose making was interrupted; a newer one is refused again
        with store.write():
            pass
        known, is_unfinished = _read(project, store, model, now)
    if is_unfinished:
        record_abandoned(project, store)
    return known


def _read(project: Project, store: Store, model: ModelConfig, now: datetime) -> tuple[Known, bool]:
    """What is known of the model, and whether runs of any model are under way, or were broken off."""
    changes = project.config.changes
    with store.read() as reader:
        known = Known(
            history=read_history(reader, model, config_hash=config_hash(model), code_version=version("aimsight")),
            attempts=read_attempts(reader, model),
            files=known_files(reader),
            slots=planned_windows(reader, model.model, model.monitor.name),
            done=done_keys(reader, model.model),
            late=missed_windows(reader, model, min(now, store.clock.now())),
            unjudged={Window(*span) for span in unjudged(reader, model)} if changes == "approve" else set(),
            has_reference=is_frozen(reader, model.model, reference_fingerprint(model)),
            is_registered=is_registered(reader, model, changes),
        )
        return known, bool(reader.tuples("SELECT 1 FROM attempt LIMIT 1"))

"""Looks after nonconformities between runs: overdue ones are told, and those accepted for a time are opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.aims.lifecycle.service import look_after, needs_looking_after, read_case
from aimsight.configs.errors import NotFoundError, StoreVersionError
from aimsight.monitors import alerts, notices

if TYPE_CHECKING:
    from aimsight.configs.load import Project
    from aimsight.store.database import Store


def look_after_nonconformities(project: Project, store: Store) -> int:
    """Note and tell what has become overdue or has to be opened again; how many things there were.

    Costs one short read when there is nothing to do.
    """
    now = store.clock.now()
    try:
        with store.read() as reader:
            if not needs_looking_after(reader, now):
                return 0
    except (NotFoundError, StoreVersionError):  # no store yet, or one that the next run upgrades
        return 0
    with store.write() as tx:
        reopened, late = look_after(tx, project)
        told = [notices.reopened(one.case.name, one.reason, one.case.record.model) for one in reopened]
        for one in late:
            case = read_case(tx, one.nonconformity)
            told.append(notices.overdue(one, model=case.record.model, state=case.state.words))
        alerts.enqueue(tx, told, project.config.alerts, now)
    return len(told)

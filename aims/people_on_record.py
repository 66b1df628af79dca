"""Who the people are, in the ledger: ids and roles as `aimsight.yaml` declares them, whenever they differ.

Names stay out of the ledger: an id is what records name a person by, and may be a pseudonym. With these entries it can
be told later who was allowed to do what, whatever the file says by then.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aimsight.configs.errors import NotFoundError, StoreVersionError
from aimsight.store.records import PROGRAM, append_event

if TYPE_CHECKING:
    from aimsight.configs.schema import ProjectConfig
    from aimsight.store.database import Reader, Store, Transaction

RECORDED = "people.recorded"
"""Kind of the event."""
SUBJECT = "project"


def people_of(config: ProjectConfig) -> dict[str, Any]:
    """What the event says: roles by id, the reason for single-person mode or null, and the policy on changes."""
    return {
        "people": {person.id: sorted(person.roles) for person in config.people},
        "single_person": config.single_person,
        "changes": config.changes,
    }


def people_on_record(reader: Reader) -> frozenset[str]:
    """The ids of the people as last recorded; empty where nobody ever was."""
    return frozenset(_last(reader).get("people", ()))


def is_recorded(reader: Reader, config: ProjectConfig) -> bool:
    """Whether the last such event says what the project says now; a project without people needs no first one."""
    last = _last(reader)
    return last == people_of(config) if last else not config.people


def _last(reader: Reader) -> dict[str, Any]:
    rows = reader.tuples("SELECT payload FROM events WHERE kind = ? ORDER BY seq DESC LIMIT 1", [RECORDED])
    return dict(json.loads(rows[0][0])) if rows else {}


def record_people(tx: Transaction, config: ProjectConfig) -> bool:
    """Put on record who the people are, where that differs from what is; whether it did.

    The program is the actor: it says what it read in the file, not who wrote the file.
    """
    if is_recorded(tx, config):
        return False
    append_event(tx, RECORDED, SUBJECT, PROGRAM, people_of(config))
    return True


def keep_people(store: Store, config: ProjectConfig) -> None:
    """The same in a transaction of its own, before somebody acts; the store is written to only where there is news."""
    try:
        if store.path.exists():
            with store.read() as reader:
                if is_recorded(reader, config):
                    return
    except (NotFoundError, StoreVersionError):
        pass  # its making was broken off, or it is of an older version, which the next write brings up to date
    with store.write() as tx:
        record_people(tx, config)

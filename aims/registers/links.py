"""Links between records: ``kind:id``; the kind is a type of record, or something that the store keeps by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.aims.registers.types import TYPES
from aimsight.configs.errors import did_you_mean, quoted_list
from aimsight.configs.problems import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aimsight.store.database import Reader

_OF_THE_STORE = {
    "nonconformity": "SELECT nonconformity FROM nonconformity",
    "objective": "SELECT DISTINCT model || '/' || objective FROM objective_version",
    "model": "SELECT model FROM model",
    "run": "SELECT run_id FROM run",
}
_MOST_SUGGESTED = 2000
"""More ids than that are not searched for a close one."""


def check_links(reader: Reader, links: Iterable[tuple[str, str]]) -> list[Finding]:
    """What is wrong with (key, link) pairs: an unknown kind, or an id that the store does not have.

    A link to a ``review`` is not looked up: reviews keep their own records.
    """
    found = []
    for key, link in links:
        kind, _, name = link.partition(":")
        if kind in TYPES:
            sql, values = "SELECT DISTINCT record FROM record_version WHERE record_type = ?", [kind]
        elif kind in _OF_THE_STORE:
            sql, values = _OF_THE_STORE[kind], []
        elif kind == "review":
            continue
        else:
            kinds = [*_OF_THE_STORE, "review", *TYPES]
            near = did_you_mean(kind, kinds)
            found.append(
                Finding(
                    (key,),
                    f'"{kind}" is no kind of record; valid are {quoted_list(kinds, 30)}',
                    near and f"{near}:{name}",
                )
            )
            continue
        known = {row[0] for row in reader.tuples(sql, values)}
        if name not in known:
            near = did_you_mean(name, sorted(known)) if len(known) <= _MOST_SUGGESTED else ""
            found.append(Finding((key,), f'there is no {kind.replace("_", " ")} "{name}"', near and f"{kind}:{near}"))
    return found

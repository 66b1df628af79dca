"""Plans in the ledger: who computed them, when, from which reference and volume; a page only reads them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aimsight.aims.planning.plan import Found, ObjectivePlan
from aimsight.configs.canonical import decimal_text
from aimsight.store.records import PROGRAM, append_event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aimsight.store.database import Reader, Transaction

PLANNED = "plan.computed"
"""Kind of the event."""
_NUMBERS = tuple(one.name for one in fields(ObjectivePlan) if str(one.type).startswith("float"))


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """The latest plan of a model: when it was computed, for which configuration, and what it says."""

    model: str
    computed_at: datetime
    config_hash: str
    plans: tuple[ObjectivePlan, ...]


def save_plans(
    tx: Transaction,
    model: str,
    plans: Sequence[ObjectivePlan],
    *,
    config_hash: str,
    reference: str,
    actor: str = PROGRAM,
) -> bool:
    """Put a model's plan on record; ``False`` when the last one on record says the same."""
    payload = {"config_hash": config_hash, "reference": reference, "objectives": [_plain(one) for one in plans]}
    last = _last(tx, model)
    if last is not None and json.loads(last[1]) == payload:
        return False
    append_event(tx, PLANNED, model, actor, payload)
    return True


def stored_plans(reader: Reader) -> list[StoredPlan]:
    """The latest plan of every model that has one, by model."""
    rows = reader.tuples(
        "SELECT subject, recorded_at, payload FROM events WHERE kind = ? "
        "QUALIFY seq = max(seq) OVER (PARTITION BY subject) ORDER BY subject",
        [PLANNED],
    )
    return [
        StoredPlan(model, recorded_at, said["config_hash"], tuple(map(_plan, said["objectives"])))
        for model, recorded_at, payload in rows
        for said in (json.loads(payload),)
    ]


def _last(reader: Reader, model: str) -> tuple[datetime, str] | None:
    rows = reader.tuples(
        "SELECT recorded_at, payload FROM events WHERE kind = ? AND subject = ? ORDER BY seq DESC LIMIT 1",
        [PLANNED, model],
    )
    return rows[0] if rows else None


def _plain(plan: ObjectivePlan) -> dict[str, Any]:
    """A plan as the ledger keeps it: numbers that are not whole as text."""
    said = asdict(plan)
    found = [{name: _text(value) for name, value in one.items()} for one in said["found"]]
    return {**{name: _text(value) for name, value in said.items()}, "found": found, "opens": list(plan.opens)}


def _text(value: object) -> object:
    return decimal_text(value) if isinstance(value, float) else value


def _plan(said: Mapping[str, Any]) -> ObjectivePlan:
    """A plan as the ledger kept it; what a later version adds is left out."""
    known = {one.name for one in fields(ObjectivePlan)}
    values = {name: value for name, value in said.items() if name in known}
    numbers = {name: None if values.get(name) is None else float(values[name]) for name in _NUMBERS}
    found = tuple(
        Found(one["windows"], *(None if one[side] is None else float(one[side]) for side in ("likely", "nearly_sure")))
        for one in said["found"]
    )
    return ObjectivePlan(**{**values, **numbers, "found": found, "opens": tuple(said["opens"])})

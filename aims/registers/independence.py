"""Independence of auditors (9.2.2): nobody audits their own work; the system compares auditors with owners."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.store.database import Reader
    from aimsight.store.registers import RecordVersion

_OWNERS = (
    ("model", "SELECT model, model, owner FROM model"),
    ("objective", "SELECT objective, model, owner FROM objective_version"),
    ("nonconformity", "SELECT nonconformity, model, owner FROM nonconformity"),
    ("record", "SELECT record, model, owner FROM record_version WHERE record_type <> 'audit'"),
    ("record written by them", "SELECT record, NULL, author FROM record_version WHERE record_type <> 'audit'"),
    ("record approved by them", "SELECT record, NULL, approver FROM record_version WHERE record_type <> 'audit'"),
)
"""What somebody answers for: kind, and a query for (id, the model it belongs to, person)."""


def independence(reader: Reader, audit: RecordVersion) -> Iterator[str]:
    """Every auditor who answers for, wrote or approved something that this audit looks at.

    Looked at is what ``audited``, ``model`` and the samples' ``items`` name; naming a model or a system names its
    objectives and nonconformities too.
    """
    fields: dict[str, Any] = audit.fields
    names = {*fields["audited"], *(item for sample in fields.get("samples", ()) for item in sample.get("items", ()))}
    names |= {audit.model} if audit.model else set()
    names = {name.rpartition(":")[2] for name in names}
    for system in reader.rows("SELECT record, content FROM records WHERE record_type = 'ai_system' AND is_latest"):
        names |= _models_of(system) if system["record"] in names else set()
    for auditor in fields["auditors"]:
        theirs: dict[str, None] = {}
        for kind, sql in _OWNERS:
            for name, model, person in reader.tuples(sql):
                if person == auditor and (name in names or model in names):
                    theirs[f"{kind} {name}"] = None
        if theirs:
            yield f"{auditor} audits their own work: {', '.join(theirs)}"


def _models_of(system: dict[str, Any]) -> set[str]:
    return set(json.loads(system["content"]).get("models", ()))

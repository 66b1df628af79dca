"""Independence of auditors (9.2.2): nobody audits their own work; the system compares auditors with owners."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aimsight.aims.words import listed

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
    names = _looked_at(reader, audit)
    for auditor in audit.fields["auditors"]:
        theirs: dict[str, None] = {}
        for kind, sql in _OWNERS:
            for name, model, person in reader.tuples(sql):
                if person == auditor and (name in names or model in names):
                    theirs[f"{kind} {name}"] = None
        if theirs:
            yield f"{auditor} audits their own work: {', '.join(theirs)}"


def compared(reader: Reader, audit: RecordVersion) -> str:
    """What stands behind an independence without exceptions: names that nothing on record has could not be compared."""
    known = {one for _, sql in _OWNERS for name, model, _ in reader.tuples(sql) for one in (name, model)}
    unknown = sorted(_looked_at(reader, audit) - known)
    said = "no auditor answers for what is audited"
    return f"{said}, as far as it is on record; not compared: {listed(unknown)}" if unknown else said


def _looked_at(reader: Reader, audit: RecordVersion) -> set[str]:
    """Everything that an audit names, with the models of its systems."""
    fields: dict[str, Any] = audit.fields
    names = {*fields["audited"], *(item for sample in fields.get("samples", ()) for item in sample.get("items", ()))}
    names |= {audit.model} if audit.model else set()
    names = {name.rpartition(":")[2] for name in names}
    for system in reader.rows("SELECT record, content FROM records WHERE record_type = 'ai_system' AND is_latest"):
        names |= _models_of(system) if system["record"] in names else set()
    return names


def _models_of(system: dict[str, Any]) -> set[str]:
    return set(json.loads(system["content"]).get("models", ()))

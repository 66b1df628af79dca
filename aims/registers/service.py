"""What can be done with register records: create, revise, review, approve, withdraw, look up.

A version's content never changes; its status moves on. Every step is an event in the ledger with actor, time, reason
and the whole row. A step names the version that it was based on, so that nobody overwrites what they have not seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from aimsight.aims.people import Actor, ConflictError, Role, four_eyes, require
from aimsight.aims.registers.fields import check_values, day_of, moment_of
from aimsight.aims.registers.independence import compared
from aimsight.aims.registers.links import check_links
from aimsight.aims.registers.persons import check_persons, signed
from aimsight.aims.registers.record_type import HEADER
from aimsight.aims.registers.retention import kept_until
from aimsight.aims.registers.types import TYPES, find_type
from aimsight.aims.words import listed, lowered
from aimsight.configs.canonical import canonical_json
from aimsight.configs.errors import AimsightError, ConfigError, Problem
from aimsight.configs.positions import key_text
from aimsight.store.records import PROGRAM
from aimsight.store.registers import (
    RecordVersion,
    add_version,
    latest_versions,
    move_version,
    next_record_id,
    versions_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from aimsight.aims.registers.record_type import RecordType
    from aimsight.configs.problems import Finding
    from aimsight.store.database import Reader, Transaction

SYSTEM = Actor(PROGRAM, frozenset({Role.ENGINEER}))
"""The actor of what the product records by itself; never of what a person decides."""

PERSON = "person"
"""The origin of what a person wrote down."""

_HEADER_NAMES = frozenset(field.name for field in HEADER)


class RegisterError(AimsightError):
    """A record cannot be moved on as asked; the message names what is missing."""


def check_record(
    kind: RecordType, given: Mapping[str, Any], raw: Mapping[tuple[str | int, ...], str] | None = None
) -> dict[str, Any]:
    """The checked values of a record of this type, header and fields by key.

    Raises
    ------
    ConfigError
        With everything that is wrong; the file of each problem is the type's name.
    """
    values, found = check_values(kind.all_fields, given, raw or {})
    _refuse(kind, found)
    return values


def create(
    tx: Transaction,
    record_type: str,
    given: Mapping[str, Any],
    actor: Actor,
    *,
    record: str | None = None,
    origin: str = PERSON,
    reason: str | None = None,
) -> RecordVersion:
    """Add a record: a draft, or put on record at once where the type needs no approval.

    Parameters
    ----------
    given
        Header and fields by key, as in a file.
    record
        Its id; the next free number of the type when not given.
    origin
        ``person``, or the id of the run that made it.

    Raises
    ------
    ConfigError
        When a value is missing, unknown or not valid.
    RegisterError
        When the id is taken, or a link points at nothing.
    AuthorityError
        When the actor's roles do not allow to write records.
    """
    kind = find_type(record_type)
    name = record or next_record_id(tx, kind.name, kind.id_prefix, tx.clock.now().year)
    require(actor, doing=f"add {_a(kind)}")
    values = check_record(kind, given)
    if tx.tuples("SELECT 1 FROM record_version WHERE record_type = ? AND record = ?", [kind.name, name]):
        raise RegisterError(f"{kind.title} {name} exists already; change it with `aimsight records revise`")
    if origin == PERSON:
        values = _of_persons(tx, kind, values, {}, actor)
    version = _version(tx, kind, name, 1, values, actor, origin=origin, reason=reason)
    add_version(tx, version, kind="record.created", actor=actor.id, details=_because(reason))
    return version


def revise(
    tx: Transaction,
    record_type: str,
    record: str,
    changes: Mapping[str, Any],
    actor: Actor,
    *,
    expected: int | None,
    reason: str,
    origin: str = PERSON,
) -> RecordVersion:
    """Add a version in which some keys are changed; ``None`` takes a key away.

    A draft is superseded at once, an approved version only when the new one is approved.

    Parameters
    ----------
    expected
        The version that the change was based on; ``None`` takes the latest (for the product itself).

    Raises
    ------
    ConflictError
        When there is a newer version, with what changed in between.
    """
    kind = find_type(record_type)
    require(actor, doing=f"change {record}")
    last = latest(tx, kind.name, record, expected)
    base = _to_build_on(versions_of(tx, kind.name, record))
    if base is None:
        raise RegisterError(f"{kind.title} {record} is withdrawn; add a new one that links to it")
    if not reason.strip():
        raise RegisterError(f"why is {record} changed? A change needs a reason")
    values = check_record(kind, {**values_of(base), **changes})
    if origin == PERSON:
        values = _of_persons(tx, kind, values, values_of(base), actor)
    number = last.version + 1
    version = _version(tx, kind, record, number, values, actor, origin=origin, reason=reason)
    version = replace(version, supersedes=base.version)
    changed = [key for key, _, _ in differences(base, version)]
    if not changed:
        raise RegisterError(f"nothing changes in {record}: every value is as it was")
    dated = [key for key in changed if key in kind.dated] if base.status == "approved" else []
    if dated and not changes.get("event_at"):
        raise RegisterError(
            f"{record} is of {base.event_at.date()}, and {listed(dated)} of it changes. State event_at: the day on "
            "which it was made anew; or that day again, where only its text is corrected (--set event_at=DAY)"
        )
    if base.status != "approved":
        _supersede(tx, base, version, actor)
    add_version(tx, version, kind="record.revised", actor=actor.id, details={**_because(reason), "changed": changed})
    return version


def _of_persons(
    tx: Transaction, kind: RecordType, values: dict[str, Any], before: Mapping[str, Any], actor: Actor
) -> dict[str, Any]:
    """The values as they may name persons: people of the project, and nobody in the place of another."""
    kept, found = signed(kind.name, kind.fields, values, before, actor.id)
    _refuse(kind, [*check_persons(tx, kind.all_fields, values, before), *found])
    return kept


def review(
    tx: Transaction, record_type: str, record: str, actor: Actor, *, expected: int | None, comment: str = ""
) -> RecordVersion:
    """Note that somebody other than the author has looked a draft through."""
    kind = find_type(record_type)
    base = latest(tx, kind.name, record, expected)
    if base.status != "draft":
        raise RegisterError(f"{kind.title} {record} is {base.status}; only a draft is reviewed")
    require(actor, Role.REVIEWER, Role.APPROVER, Role.TOP_MANAGEMENT, doing=f"review {record}")
    alone = four_eyes(actor, [base.author], doing=f"review {record}", because="they wrote it")
    version = replace(base, status="in review", reviewer=actor.id)
    move_version(
        tx, version, kind="record.reviewed", actor=actor.id, details={**_because(comment), **_marked(alone=alone)}
    )
    return version


def approve(
    tx: Transaction, record_type: str, record: str, actor: Actor, *, expected: int | None, reason: str = ""
) -> RecordVersion:
    """Let the latest version count: by somebody who may, and who did not write it.

    Raises
    ------
    RegisterError
        When something is still missing: every such thing is named.
    AuthorityError
        When the actor may not approve, or wrote the version or a draft of it.
    ConflictError
        When there is a newer version than ``expected``.
    """
    kind = find_type(record_type)
    versions = versions_of(tx, kind.name, record)
    base = latest(tx, kind.name, record, expected)
    if not kind.approved:
        raise RegisterError(f"{_a(kind)} needs no approval: it counts as soon as it is recorded".capitalize())
    if base.status not in {"draft", "in review"}:
        raise RegisterError(f"{kind.title} {record} version {base.version} is {base.status} already")
    require(actor, Role.APPROVER, Role.TOP_MANAGEMENT, doing=f"approve {record}")
    alone = four_eyes(actor, authors_since_approval(versions), doing=f"approve {record}", because="they wrote it")
    problems = [*open_points(kind, base), *(kind.forbidden(tx, base) if kind.forbidden else ())]
    exceptions = list(kind.check(tx, base)) if kind.check else []
    if problems or (exceptions and not actor.single_person):
        cure = f"; `aimsight records revise {kind.name} {record} --set KEY=VALUE` adds what is missing"
        said = "; ".join([*problems, *exceptions])
        raise RegisterError(f"{record} cannot be approved yet: {said}{cure if 'not on record yet' in said else ''}")
    now = tx.clock.now()
    version = replace(
        base,
        status="approved",
        approver=actor.id,
        approved_at=now,
        effective_from=base.effective_from or now.date(),
    )
    details = {**_because(reason), **_marked(alone=alone or bool(exceptions))}
    if kind.check:
        details["independence"] = exceptions or compared(tx, base)
    move_version(tx, version, kind="record.approved", actor=actor.id, details=details)
    for older in versions:
        if older.version < base.version and older.status == "approved":
            _supersede(tx, older, version, actor)
    return version


def withdraw(
    tx: Transaction, record_type: str, record: str, actor: Actor, *, expected: int | None, reason: str
) -> RecordVersion:
    """End a record, or drop a draft of it: it stays to be read, and counts no more.

    An approved record is withdrawn by somebody who may approve and did not write it; dropping a draft leaves the
    version in force as it is.
    """
    kind = find_type(record_type)
    base = latest(tx, kind.name, record, expected)
    if base.status == "withdrawn":
        raise RegisterError(f"{kind.title} {record} is withdrawn already")
    if not reason.strip():
        raise RegisterError(f"why is {record} withdrawn? It needs a reason")
    require(actor, doing=f"withdraw {record}")
    alone = False
    if base.status == "approved":
        require(actor, Role.APPROVER, Role.TOP_MANAGEMENT, doing=f"withdraw {record}, which is approved")
        alone = four_eyes(actor, [base.author], doing=f"withdraw {record}", because="they wrote it")
    version = replace(base, status="withdrawn", reason=reason)
    move_version(
        tx, version, kind="record.withdrawn", actor=actor.id, details={**_because(reason), **_marked(alone=alone)}
    )
    return version


def get(reader: Reader, record_type: str, record: str, version: int | None = None) -> RecordVersion:
    """One version of a record, the latest unless another is named.

    Raises
    ------
    NotFoundError
        When there is no such record.
    RegisterError
        When it has no such version.
    """
    versions = versions_of(reader, find_type(record_type).name, record)
    if version is None:
        return versions[-1]
    for one in versions:
        if one.version == version:
            return one
    raise RegisterError(f"{record} has versions 1 to {versions[-1].version}, not {version}")


def list_records(
    reader: Reader, record_types: Sequence[str] = (), *, statuses: Sequence[str] = (), model: str | None = None
) -> list[RecordVersion]:
    """The latest version of every record of these types, statuses and this model."""
    names = [find_type(name).name for name in record_types]
    return [
        one
        for one in latest_versions(reader, names)
        if (not statuses or one.status in statuses) and (model is None or one.model == model)
    ]


def latest(reader: Reader, record_type: str, record: str, expected: int | None = None) -> RecordVersion:
    """The latest version, which must be the expected one.

    Raises
    ------
    ConflictError
        When there is a newer one, with what changed in between.
    """
    versions = versions_of(reader, record_type, record)
    last = versions[-1]
    if expected is None or expected == last.version:
        return last
    if expected > last.version:
        raise RegisterError(f"{record} has versions 1 to {last.version}, not {expected}")
    told = []
    for before, after in pairwise(versions):
        if after.version > expected:
            changed = "; ".join(f"{name}: {_shown(a)} → {_shown(b)}" for name, a, b in differences(before, after))
            told.append(f"version {after.version} by {after.author} ({after.reason or 'no reason given'}): {changed}")
    raise ConflictError(
        f"{record} was changed since version {expected}, nothing was written. {' '.join(told)}. "
        f"Look at version {last.version} and base the change on it"
    )


def differences(before: RecordVersion, after: RecordVersion) -> list[tuple[str, Any, Any]]:
    """(key, value before, value after) of everything that differs in what people write."""
    old, new = values_of(before), values_of(after)
    return [(key, old.get(key), new.get(key)) for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


def values_of(version: RecordVersion) -> dict[str, Any]:
    """Header and fields by key, as a file holds them; what is empty is left out."""
    header = {field.name: getattr(version, field.name) for field in HEADER if field.name != "documents"}
    header |= {"documents": version.kept_elsewhere, "links": list(version.links), "clauses": list(version.clauses)}
    header["legal_hold"] = version.legal_hold or None
    return {key: value for key, value in header.items() if value not in (None, [])} | version.fields


def authors_since_approval(versions: Sequence[RecordVersion]) -> set[str]:
    """Who wrote the latest version or a draft of it since the last approval."""
    authors: set[str] = set()
    for version in reversed(versions):
        if version.approver is not None:
            break
        authors.add(version.author)
    return authors


def open_points(kind: RecordType, version: RecordVersion) -> Iterator[str]:
    """What has to be filled in before the version can be approved."""
    content = version.fields
    for field in kind.fields:
        if field.to_approve and field.name not in content:
            yield f"not on record yet: {lowered(field.doc.rstrip('.'))} ({field.name})"


def _version(
    tx: Transaction,
    kind: RecordType,
    record: str,
    number: int,
    values: Mapping[str, Any],
    actor: Actor,
    *,
    origin: str,
    reason: str | None,
) -> RecordVersion:
    now = tx.clock.now()
    links = tuple(values.get("links", ()))
    pointers = [
        (field.name, values[field.name]) for field in kind.fields if field.kind == "link" and field.name in values
    ]
    pointers += [
        (field.name, one) for field in kind.fields if field.kind == "links" for one in values.get(field.name, ())
    ]
    _refuse(kind, check_links(tx, [*(("links", one) for one in links), *pointers]))
    content = canonical_json({key: value for key, value in values.items() if key not in _HEADER_NAMES}).decode()
    documents = canonical_json(values.get("documents", [])).decode()
    event_at = moment_of(values["event_at"]) if "event_at" in values else now
    until, basis = kept_until(tx, kind.name, event_at.date())
    text = {"title": values["title"], "content": content, "links": sorted(links), "documents": documents}
    return RecordVersion(
        record_type=kind.name,
        record=record,
        version=number,
        status="draft" if kind.approved else "recorded",
        title=values["title"],
        content=content,
        links=links,
        documents=documents,
        owner=values.get("owner"),
        due=_day(values, "due"),
        unit=values.get("unit"),
        model=values.get("model"),
        model_version=values.get("model_version"),
        clauses=tuple(values.get("clauses") or kind.clauses),
        classification=values.get("classification", kind.classification),
        author=actor.id,
        reviewer=None,
        approver=None,
        approved_at=None,
        effective_from=_day(values, "effective_from"),
        event_at=event_at,
        event_until=moment_of(values["event_until"]) if "event_until" in values else None,
        recorded_at=now,
        origin=origin,
        reason=reason,
        supersedes=None,
        retention_until=_day(values, "retention_until") or until,
        retention_basis=values.get("retention_basis") or basis,
        legal_hold=values.get("legal_hold", False),
        content_hash=hashlib.sha256(canonical_json(text)).hexdigest(),
    )


def _refuse(kind: RecordType, found: Sequence[Finding]) -> None:
    if found:
        raise ConfigError(Problem(kind.name, 0, key_text(one.path), one.problem, one.suggestion) for one in found)


def _to_build_on(versions: Sequence[RecordVersion]) -> RecordVersion | None:
    """The latest version, or the approved one when a draft after it was dropped; ``None`` for a withdrawn record."""
    last = versions[-1]
    if last.status != "withdrawn":
        return last
    return next((version for version in reversed(versions) if version.status == "approved"), None)


def _supersede(tx: Transaction, older: RecordVersion, newer: RecordVersion, actor: Actor) -> None:
    move_version(
        tx,
        replace(older, status="superseded"),
        kind="record.superseded",
        actor=actor.id,
        details={"by": newer.version},
    )


def _day(values: Mapping[str, Any], key: str) -> date | None:
    return day_of(values[key]) if key in values else None


def _because(reason: str | None) -> dict[str, Any]:
    return {"reason": reason} if reason else {}


def _marked(*, alone: bool) -> dict[str, Any]:
    return {"single_person": True} if alone else {}


def _a(kind: RecordType) -> str:
    title = kind.title[0].lower() + kind.title[1:] if not kind.title.startswith("AI") else kind.title
    return f"{'an' if title[0].lower() in 'aeiou' else 'a'} {title}"


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)


__all__ = [
    "PERSON",
    "SYSTEM",
    "TYPES",
    "RegisterError",
    "approve",
    "check_record",
    "create",
    "get",
    "latest",
    "list_records",
    "review",
    "revise",
    "withdraw",
]

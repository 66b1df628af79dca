"""What is done with a management review: prepare and freeze its pack, confirm, record what was concluded, sign."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any

from aimsight.aims import words
from aimsight.aims.people import Actor, Role, require
from aimsight.aims.registers import service as registers
from aimsight.aims.registers.service import RegisterError
from aimsight.aims.registers.types import find_type
from aimsight.aims.review import beyond
from aimsight.aims.review.inputs import INPUTS, signed_reviews
from aimsight.aims.review.pack import Cover, Pack, read
from aimsight.aims.review.view import View
from aimsight.configs.canonical import canonical_json
from aimsight.configs.errors import AimsightError, NotFoundError
from aimsight.store.checkpoints import anchors
from aimsight.store.records import EvidenceFile, save_evidence_file
from aimsight.store.registers import latest_versions, next_record_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from aimsight.configs.load import Project
    from aimsight.metrics.plan import Window
    from aimsight.store.database import Reader, Store, Transaction
    from aimsight.store.registers import RecordVersion

REVIEW = "management_review"
KIND = "review pack"
"""The kind of evidence file that a pack is."""


MOST_TITLE = 80
"""Characters of a title that is made of a text."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a review decided, and who does what until when.

    Parameters
    ----------
    subject, consequences
        For a decision of the kind ``change``: what changes, and what follows from that.
    """

    kind: str
    decision: str
    grounds: str
    action: str
    owner: str
    due: str
    subject: str = ""
    consequences: str = ""


class ReviewError(AimsightError):
    """A review cannot be prepared or signed as asked; the message names everything that is missing."""


def prepare(
    store: Store,
    project: Project,
    actor: Actor,
    period: Window,
    *,
    review: str | None = None,
    title: str = "",
    reason: str = "",
    extras: bool = True,
) -> tuple[RecordVersion, Pack]:
    """Freeze the pack of a period, as evidence with its hash on record.

    Parameters
    ----------
    review
        An existing review whose pack is prepared again: its earlier packs are kept, and ``reason`` says why.

    Raises
    ------
    ReviewError
        When the review is signed already, or a second pack has no reason.
    AuthorityError
        When the actor may not change records.
    """
    require(actor, doing="prepare a management review")
    with store.read() as reader:
        known = registers.get(reader, REVIEW, review) if review is not None else None
        if known is not None and known.status not in {"draft", "in review"}:
            raise ReviewError(f"{review} is {known.status}: what was signed stays; prepare a new review")
        number = len(known.fields.get("packs", ())) + 1 if known is not None else 1
        if number > 1 and not reason.strip():
            raise ReviewError(f"why is the pack of {review} prepared again? Give a reason; version 1 is kept")
        if known is not None and (known.event_at, known.event_until) != (period.start, period.end):
            raise ReviewError(
                f"{review} is about {known.event_at.isoformat()} to {_moment(known.event_until)}; a correction is "
                "about the same period, another period is another review"
            )
        now = store.clock.now()
        name = review or next_record_id(reader, REVIEW, find_type(REVIEW).id_prefix, now.year)
        pack = _pack(View(reader, project, period.start, period.end, now), store, name, number, extras=extras)
    content = pack.content()
    path = project.root / project.config.evidence / f"{pack.sha256}.json"
    store.files.make_folder(path.parent)
    if not path.exists():
        store.files.append(path, content)
    with store.write() as tx:
        now = tx.clock.now()
        save_evidence_file(tx, EvidenceFile(pack.sha256, path.name, "", KIND, now, len(content)), actor=actor.id)
        frozen = {"version": number, "sha256": pack.sha256, "entries": pack.cover.entries}
        frozen |= {"reason": reason} if reason.strip() else {}
        if known is None:
            given = {
                "title": title or f"Management review, {pack.cover.period}",
                "event_at": period.start.isoformat(),
                "event_until": period.end.isoformat(),
                "packs": [frozen],
                "extras": extras,
            }
            return registers.create(tx, REVIEW, given, actor, record=name), pack
        packs = [*known.fields.get("packs", ()), frozen]
        changed = registers.revise(
            tx, REVIEW, name, {"packs": packs}, actor, expected=known.version, reason=reason or "pack prepared"
        )
        return changed, pack


def _pack(view: View, store: Store, review: str, number: int, *, extras: bool) -> Pack:
    reader = view.reader
    entries = reader.tuples("SELECT seq, lower(hex(hash)) FROM ledger ORDER BY seq DESC LIMIT 1")
    seq, head = entries[0] if entries else (0, "")
    origin = reader.tuples("SELECT subject FROM ledger WHERE seq = 1")
    sizes = [one.size for path in store.checkpoints for one in anchors(store.files, path).anchors]
    anchored = max((size for size in sizes if size <= seq), default=0)
    earlier = [name for _, name in signed_reviews(view) if name != review]
    config = view.project.config
    sections = [make(view) for make in INPUTS]
    sections.append(beyond.overdue(view))
    if extras:
        sections.append(beyond.extras(view))
    sections.append(beyond.limits(view, entries=seq, anchored=anchored))
    alone = (f"One person may do what needs two: {config.single_person}",) if config.single_person else ()
    cover = Cover(
        review=review,
        version=number,
        organisation=config.organisation,
        scope=words.listed(list(view.project.models), most=10),
        period=words.period(view.start, view.end, view.zone),
        period_start=view.start.isoformat(),
        period_end=view.end.isoformat(),
        cut_off=words.instant(view.cut_off, view.zone),
        made_by=f"aimsight {installed_version('aimsight')}",
        origin=origin[0][0] if origin else "",
        entries=seq,
        head=head,
        anchored=anchored,
        previous=earlier[-1] if earlier else "",
        limitations=alone,
    )
    return Pack(cover, tuple(sections))


def _moment(moment: datetime | None) -> str:
    return "–" if moment is None else moment.isoformat()


def frozen_pack(project: Project, record: RecordVersion, version: int | None = None) -> Pack:
    """A pack of a review as it was frozen, the latest by default.

    Raises
    ------
    ReviewError
        When there is no such pack, its file is gone, or its content is not what was frozen.
    """
    packs = record.fields.get("packs", ())
    chosen = [one for one in packs if version is None or int(one["version"]) == version]
    if not chosen:
        raise ReviewError(f"{record.record} has packs 1 to {len(packs)}" + (f", not {version}" if version else ""))
    return read_frozen(project.root / project.config.evidence, str(chosen[-1]["sha256"]))


def read_frozen(folder: Path, sha256: str) -> Pack:
    """The pack with this hash in the evidence folder."""
    path = folder / f"{sha256}.json"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ReviewError(f"{path}: the frozen pack cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ReviewError(f"{path}: its content is not what was frozen; see `aimsight verify`")
    try:
        return read(content)
    except ValueError as error:
        raise ReviewError(f"{path}: {error}") from error


def record(
    tx: Transaction,
    review: str,
    changes: Mapping[str, Any],
    actor: Actor,
    *,
    expected: int | None,
    reason: str = "minutes",
) -> RecordVersion:
    """Note who took part, what was discussed, confirmed and concluded; the packs are not touched."""
    forbidden = sorted({"packs", "event_at", "event_until"} & set(changes))
    if forbidden:
        raise ReviewError(f"{', '.join(forbidden)}: set when a pack is prepared, and not by hand")
    return registers.revise(tx, REVIEW, review, dict(changes), actor, expected=expected, reason=reason)


def confirm(
    tx: Transaction, project: Project, review: str, key: str, statement: str, actor: Actor, *, expected: int | None
) -> RecordVersion:
    """Confirm as a person that an input of the latest pack has nothing to report.

    Raises
    ------
    NotFoundError
        When the pack has no such input, or it has something to report.
    """
    known = registers.get(tx, REVIEW, review)
    pack = frozen_pack(project, known)
    if key not in pack.to_confirm:
        raise NotFoundError.named("input without anything to report", key, pack.to_confirm)
    others = [one for one in known.fields.get("confirmations", ()) if one["input"] != key]
    changes = {"confirmations": [*others, {"input": key, "statement": statement, "by": actor.id}]}
    return record(tx, review, changes, actor, expected=expected, reason=f"input {key}")


def named(review: RecordVersion, pack: Pack) -> str:
    """``MR-2026-0001, pack 2``."""
    return f"{review.record}, pack {pack.cover.version}"


def decide(tx: Transaction, review: str, given: Decision, actor: Actor) -> tuple[RecordVersion, ...]:
    """Record a decision of a review with its first action, and the change (6.3) that it asks for.

    Returns
    -------
    tuple
        The decision, the action, and the draft of the change where the decision is one.

    Raises
    ------
    ReviewError
        When the review is signed or withdrawn, or a change does not say what changes and what follows.
    """
    known = registers.get(tx, REVIEW, review)
    if known.status not in {"draft", "in review"}:
        raise ReviewError(f"{review} is {known.status}: what is decided now belongs to the next review")
    is_change = given.kind == "change"
    if is_change and not (given.subject.strip() and given.consequences.strip()):
        raise ReviewError(
            "a decision on a change says what changes (--subject) and which consequences follow (--consequences)"
        )
    taken = registers.create(
        tx,
        "management_decision",
        {
            "title": _short(given.decision),
            "review": known.record,
            "kind": given.kind,
            "decision": given.decision,
            "grounds": given.grounds,
        },
        actor,
    )
    made = [taken]
    made.append(
        registers.create(
            tx,
            "management_action",
            {
                "title": _short(given.action),
                "owner": given.owner,
                "due": given.due,
                "decision": taken.subject,
                "description": given.action,
                "state": "open",
            },
            actor,
        )
    )
    if is_change:
        change = {
            "title": _short(given.decision),
            "owner": given.owner,
            "trigger": "review",
            "subject": given.subject,
            "purpose": given.grounds,
            "consequences": given.consequences,
            "planned_for": given.due,
            "links": [taken.subject],
        }
        made.append(registers.create(tx, "change", change, actor))
    return tuple(made)


def _short(text: str) -> str:
    """The first sentence, for a title."""
    first = " ".join(text.split()).split(". ")[0].rstrip(".")
    return first if len(first) <= MOST_TITLE else f"{first[: MOST_TITLE - 1].rstrip()}…"


def open_points(reader: Reader, project: Project, record: RecordVersion) -> Iterator[str]:
    """What has to be there before a review can be signed, one sentence each."""
    fields = record.fields
    yield from registers.open_points(find_type(REVIEW), record)
    if not fields.get("packs"):
        yield "no pack was prepared"
        return
    pack = frozen_pack(project, record)
    confirmed = {str(one["input"]) for one in fields.get("confirmations", ())}
    for key in pack.to_confirm:
        if key not in confirmed:
            title = pack.section(key).title.lower()
            yield f"input {key} ({title}) reports nothing: somebody has to confirm that nothing changed"
    attendees = fields.get("attendees", ())
    if attendees and not any(one["top_management"] for one in attendees):
        yield "nobody of top management took part"
    yield from _undecided(reader, record)


def _undecided(reader: Reader, record: RecordVersion) -> Iterator[str]:
    """Decisions that are missing, and what has to follow from those that were taken."""
    taken = decisions(reader, record.record)
    if not taken and not str(record.fields.get("no_decision", "")).strip():
        yield "no decision is on record, and no reason why nothing was decided"
    following = [one for one in latest_versions(reader, ["management_action", "change"]) if one.status != "withdrawn"]
    acted = {str(one.fields.get("decision", "")) for one in following if one.record_type == "management_action"}
    planned = {link for one in following if one.record_type == "change" for link in one.links}
    for one in taken:
        if one.subject not in acted:
            yield f"decision {one.record} ({one.title}) has no action with owner and due date"
        if one.fields["kind"] == "change" and one.subject not in planned:
            yield (
                f"decision {one.record} ({one.title}) changes the management system, and no change (6.3) on record "
                f"links to {one.subject}"
            )


def decisions(reader: Reader, review: str) -> list[RecordVersion]:
    """The decisions of a review."""
    return [
        one
        for one in latest_versions(reader, ["management_decision"])
        if one.status != "withdrawn" and one.fields.get("review") == review
    ]


def sign(
    tx: Transaction, project: Project, review: str, actor: Actor, *, expected: int | None, name: str
) -> RecordVersion:
    """Sign a review: top management types their name, which binds them to the hash of the pack and the conclusions.

    Raises
    ------
    ReviewError
        With everything that is missing.
    AuthorityError
        When the actor is not top management, or wrote the review themselves.
    """
    require(actor, Role.TOP_MANAGEMENT, doing=f"sign {review}")
    known = registers.get(tx, REVIEW, review)
    missing = list(open_points(tx, project, known))
    if not name.strip():
        missing.append("the name of the person who signs")
    if missing:
        raise ReviewError("\n  - ".join([f"{review} cannot be signed yet. Missing:", *missing]))
    pack = frozen_pack(project, known)
    reason = (
        f"signed by {' '.join(name.split())} over pack {pack.cover.version}, SHA-256 {pack.sha256}, "
        f"and results, SHA-256 {results_sha256(tx, known)}"
    )
    try:
        for one in decisions(tx, review):
            if one.status in {"draft", "in review"}:
                registers.approve(
                    tx, one.record_type, one.record, actor, expected=one.version, reason=f"signed with {review}"
                )
        return registers.approve(tx, REVIEW, review, actor, expected=expected, reason=reason)
    except RegisterError as error:
        raise ReviewError(str(error)) from error


def results_sha256(reader: Reader, record: RecordVersion) -> str:
    """What identifies the results of a review: its minutes, its decisions and the actions that follow from them."""
    taken = decisions(reader, record.record)
    subjects = {one.subject for one in taken}
    actions = [
        one
        for one in latest_versions(reader, ["management_action"])
        if one.status != "withdrawn" and str(one.fields.get("decision", "")) in subjects
    ]
    content = {"review": record.content_hash, "others": [[one.subject, one.content_hash] for one in (*taken, *actions)]}
    return hashlib.sha256(canonical_json(content)).hexdigest()

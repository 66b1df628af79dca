"""Verification: recompute everything the ledger says, and name the first entry, row or file that says otherwise.

Two verdicts stay apart. *Integrity*: is what is kept what was written? *Completeness*: was everything done that was
planned? Without a checkpoint outside the database integrity means only that nobody changed a part of it: only a
checkpoint shows that the whole file was rewritten or its end cut off. Tamper-evident, not tamper-proof.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aimsight.configs.errors import StoreError
from aimsight.store import versions
from aimsight.store.checkpoints import anchors, compare
from aimsight.store.digests import microseconds
from aimsight.store.findings import Event, Finding, Fold
from aimsight.store.ledger import NO_HASH, OPENED, entry_hash
from aimsight.store.records import PROGRAM, append_event
from aimsight.store.replay import Replay, check_evidence, frozen_files
from aimsight.store.runs import open_slots

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from aimsight.store.database import Reader, Store

VERIFIED = "store.verified"
"""The kind of event that says when the store was found whole."""
_BATCH = 50_000
_COLUMNS = "seq, epoch_us(recorded_at), actor, kind, subject, entry, prev_hash, hash"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What verification found.

    ``findings`` are breaks of integrity, those in the ledger first and in order; ``warnings`` are what an honest crash
    or a changed clock can explain; ``gaps`` are planned windows without an outcome; ``limits`` is what nobody can know;
    ``anchored`` is how many entries a checkpoint vouches for, ``signed`` how many one that a trusted key has signed.
    """

    origin: str
    entries: int
    head: str
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    gaps: tuple[dict[str, Any], ...]
    limits: tuple[str, ...]
    anchored: int
    signed: int = 0

    @property
    def intact(self) -> bool:
        """Whether everything kept is what was written, as far as the checkpoints reach."""
        return not self.findings

    @property
    def complete(self) -> bool:
        """Whether every planned window has an outcome."""
        return not self.gaps

    @property
    def first_bad_seq(self) -> int | None:
        """The first ledger entry that is wrong or that something else contradicts; ``None`` when there is none."""
        return min((finding.seq for finding in self.findings if finding.seq is not None), default=None)


@dataclass(slots=True)
class _Chain:
    """The walk along the ledger: where it stands, and what it has seen."""

    wanted: frozenset[int]
    origin: str = ""
    seq: int = 0
    hash: bytes = NO_HASH
    moment: int | None = None
    broken: bool = False
    hashes: dict[int, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def verify(
    store: Store,
    against: Sequence[Path] = (),
    *,
    evidence: Path | None = None,
    folds: Mapping[str, Fold] | None = None,
    trusted: Sequence[bytes] = (),
    timeout: float = 60.0,
) -> VerifyReport:
    """Recompute the chain and compare it with the rows, the checkpoints outside and the evidence files.

    Parameters
    ----------
    store
        The store to verify; read under the shared lock.
    against
        Checkpoint files: the store's own and any copy kept elsewhere.
    evidence
        The folder of the evidence files; without it they are not looked at.
    folds
        By table: how its rows follow from their events, beyond "the last event holds the row".
    trusted
        Public keys whose signatures of checkpoints count.

    Raises
    ------
    StoreError
        When tables lack columns, a page of the file is damaged, or a checkpoint file cannot be read.
    """
    anchor_files = {path: anchors(store.files, path) for path in against}
    wanted = frozenset(anchor.size for found in anchor_files.values() for anchor in found.anchors)
    with store.read(timeout) as reader:
        _refuse_other_tables(reader, store)
        chain = _Chain(wanted)
        replay = Replay(folds or {})
        for event in _walk(reader, chain):
            unreadable = replay.see(event)
            if unreadable and not chain.broken:
                chain.findings.append(unreadable)
        findings = [*chain.findings, *replay.compare(reader), *_compare_views(reader, store)]
        frozen = frozen_files(reader)
        gaps = open_slots(reader)
    if evidence is not None:
        findings += check_evidence(frozen, evidence)
    warnings, limits, anchored, signed = list(chain.warnings), [], 0, 0
    for path, found in anchor_files.items():
        comparison = compare(path, found, chain.origin, chain.seq, chain.hashes, trusted)
        findings += comparison.findings
        warnings += comparison.warnings
        anchored = max(anchored, comparison.anchored)
        signed = max(signed, comparison.signed)
    if anchored == 0:
        limits.append("no checkpoint was compared: a ledger cut off at its end or rewritten as a whole is not seen")
    elif anchored < chain.seq:
        limits.append(f"entries {anchored + 1} to {chain.seq} are newer than the last checkpoint")
    if trusted and signed < anchored:
        limits.append(f"entries {signed + 1} to {anchored} have checkpoints, but none that a trusted key has signed")
    return VerifyReport(
        chain.origin,
        chain.seq,
        chain.hash.hex(),
        tuple(findings),
        tuple(warnings),
        tuple(gaps),
        tuple(limits),
        anchored,
        signed,
    )


def _refuse_other_tables(reader: Reader, store: Store) -> None:
    """Stop before tables that lack a column: their rows cannot be compared at all."""
    found = set(reader.tuples(versions.COLUMNS))
    missing = [f"{table}.{column}" for table, column in versions.table_columns(store.migrations) - found]
    if missing:
        raise StoreError(f"the store's tables were changed: {', '.join(sorted(missing))} is missing; restore a backup")


def _compare_views(reader: Reader, store: Store) -> Iterator[Finding]:
    """A view that was redefined would show something else than what was verified."""
    found = dict(reader.tuples(versions.VIEWS))
    for view in versions.changed_views(found, store.migrations):
        yield Finding(None, f"view {view}: it is not the one that aimsight made")


def _walk(reader: Reader, chain: _Chain) -> Iterator[Event]:
    for row in _entries(reader):
        problem = _problem(row, chain)
        seq, recorded_at, actor, kind, subject, entry, _, stored = row
        if problem and not chain.broken:
            chain.broken = True
            chain.findings.append(Finding(seq, f"ledger entry {seq}: {problem}"))
        if chain.moment is not None and recorded_at is not None and recorded_at < chain.moment:
            chain.warnings.append(f"ledger entry {seq} was recorded before entry {chain.seq}: the clock was set back")
        chain.seq, chain.hash, chain.moment = seq, bytes(stored), recorded_at
        if seq in chain.wanted:
            chain.hashes[seq] = chain.hash.hex()
        try:
            payload = json.loads(entry)["payload"]
        except (ValueError, KeyError, TypeError):
            continue  # the finding above has named it
        if kind == OPENED and seq == 1:
            chain.origin = subject
        yield Event(seq, actor, kind, subject, payload)
    if chain.seq == 0:
        chain.findings.append(Finding(1, "ledger entry 1: there is no entry at all"))


def _entries(reader: Reader) -> Iterator[tuple[Any, ...]]:
    """All entries by sequence number, a range at a time, so that memory stays bounded."""
    first = reader.tuples("SELECT min(seq) FROM ledger")[0][0]
    while first is not None:
        sql = f"SELECT {_COLUMNS} FROM ledger WHERE seq >= ? AND seq < ? ORDER BY seq"
        yield from reader.tuples(sql, [first, first + _BATCH])
        first = reader.tuples("SELECT min(seq) FROM ledger WHERE seq >= ?", [first + _BATCH])[0][0]


def _problem(row: tuple[Any, ...], chain: _Chain) -> str:
    """What is wrong with an entry, ``''`` when nothing is."""
    seq, recorded_at, actor, kind, subject, entry, previous, stored = row
    if seq != chain.seq + 1:
        missing = f"{chain.seq + 1}" if seq == chain.seq + 2 else f"{chain.seq + 1} to {seq - 1}"
        return f"entries {missing} before it are missing"
    if bytes(previous) != chain.hash:
        return "it does not follow from the entry before it"
    if entry_hash(seq, chain.hash, bytes(entry)) != bytes(stored):
        return "its content does not have its hash"
    try:
        content = json.loads(entry)
        written = _text_micros(content["recorded_at"])
        columns = (content["actor"], content["kind"], content["subject"], written)
    except (ValueError, KeyError, TypeError):
        return "its content is no event"
    if columns != (actor, kind, subject, recorded_at):
        return "its columns say something else than its content"
    if seq == 1 and kind != OPENED:
        return "it does not open a ledger"
    return ""


def _text_micros(text: str) -> int:
    return microseconds(datetime.fromisoformat(text))


def record_verification(store: Store, report: VerifyReport) -> None:
    """Put on record that the store was found whole; one that was not is left as it was found.

    Raises
    ------
    ValueError
        If the report found a break.
    """
    if not report.intact:
        raise ValueError("a store that is not whole is not written to")
    payload = {"intact": True, "complete": report.complete, "entries": report.entries, "head": report.head}
    with store.write() as tx:
        append_event(tx, VERIFIED, "store", PROGRAM, payload)


def was_verified_since(store: Store, moment: datetime) -> bool:
    """Whether a verification that found the store whole is on record since then."""
    with store.read() as reader:
        return bool(
            reader.tuples("SELECT 1 FROM events WHERE kind = ? AND recorded_at >= ? LIMIT 1", [VERIFIED, moment])
        )

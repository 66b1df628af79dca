"""Verification: recompute everything the ledger says, and name the first entry, row or file that says otherwise.

Three verdicts stay apart. *Integrity*: is what is kept what was written? *Completeness*: was everything done that was
planned? *Authority*: was everybody who acted allowed to? (A watcher judges that, who knows the rules; here are none.)
Without a checkpoint outside the database integrity means only that nobody changed a part of it: only a
checkpoint shows that the whole file was rewritten or its end cut off. Tamper-evident, not tamper-proof.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json  # several times as fast as json, which is most of the time of a verification

from aimsight.configs.errors import StoreError
from aimsight.store import versions
from aimsight.store.checkpoints import Claim, Reach, anchors, compare
from aimsight.store.digests import microseconds
from aimsight.store.disposals import approved_disposals
from aimsight.store.findings import Authority, Event, Finding, Fold, Watcher
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
    reaches: tuple[Reach, ...] = ()
    authority: Authority | None = None
    disposed: tuple[str, ...] = ()

    @property
    def authorised(self) -> bool:
        """Whether nobody is known to have done what they were not allowed to."""
        return self.authority is None or not self.authority.findings

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
    claims: Sequence[Claim] = (),
    watcher: Watcher | None = None,
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
    claims
        Checkpoints from elsewhere that are no file of lines, such as those under a time stamp.
    watcher
        Judges who acted; without one there is no verdict on authority.

    Raises
    ------
    StoreError
        When tables lack columns, a page of the file is damaged, or a checkpoint file cannot be read.
    """
    anchor_files = {str(path): anchors(store.files, path) for path in against}
    anchor_files |= {claim.name: claim.as_file() for claim in claims}
    wanted = frozenset(anchor.size for found in anchor_files.values() for anchor in found.anchors)
    with store.read(timeout) as reader:
        _refuse_other_tables(reader, store)
        chain = _Chain(wanted)
        replay = Replay(folds or {})
        for event in _walk(reader, chain):
            unreadable = replay.see(event)
            if unreadable and not chain.broken:
                chain.findings.append(unreadable)
            if watcher is not None:
                try:
                    watcher.see(event)
                except (KeyError, TypeError, ValueError, AttributeError):
                    continue  # told above: its payload is not that of its kind
        findings = [*chain.findings, *replay.compare(reader), *_compare_views(reader, store)]
        frozen = frozen_files(reader)
        gaps = open_slots(reader)
        gone = approved_disposals(reader)
    warnings, limits, reaches = list(chain.warnings), [], []
    disposed: tuple[str, ...] = ()
    if evidence is not None:
        looked = check_evidence(frozen, evidence, gone)
        findings += looked.findings
        warnings += looked.warnings
        disposed = looked.disposed
    for name, found in anchor_files.items():
        comparison = compare(name, found, chain.origin, chain.seq, chain.hashes, trusted)
        findings += comparison.findings
        warnings += comparison.warnings
        reaches.append(Reach(name, comparison.anchored, comparison.signed))
    anchored = max((one.anchored for one in reaches), default=0)
    signed = max((one.signed for one in reaches), default=0)
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
        tuple(reaches),
        watcher.verdict() if watcher is not None else None,
        disposed,
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
        seq, recorded_at, actor, kind, subject, entry, _, stored = row
        content = _content(entry)
        problem = _problem(row, content, chain)
        if problem and not chain.broken:
            chain.broken = True
            chain.findings.append(Finding(seq, f"ledger entry {seq}: {problem}"))
        if chain.moment is not None and recorded_at is not None and recorded_at < chain.moment:
            chain.warnings.append(f"ledger entry {seq} was recorded before entry {chain.seq}: the clock was set back")
        chain.seq, chain.hash, chain.moment = seq, bytes(stored), recorded_at
        if seq in chain.wanted:
            chain.hashes[seq] = chain.hash.hex()
        payload = content.get("payload")
        if payload is None:
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


def _content(entry: bytes) -> dict[str, Any]:
    """What an entry says; nothing where it is no event."""
    try:
        found = from_json(entry, cache_strings="keys")  # texts hardly repeat, and a cache of them costs a quarter
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _problem(row: tuple[Any, ...], content: dict[str, Any], chain: _Chain) -> str:
    """What is wrong with an entry, ``''`` when nothing is."""
    seq, recorded_at, actor, kind, subject, entry, previous, stored = row
    if seq != chain.seq + 1:
        if seq == chain.seq + 2:
            return f"entry {chain.seq + 1} before it is missing"
        return f"entries {chain.seq + 1} to {seq - 1} before it are missing"
    if bytes(previous) != chain.hash:
        return "it does not follow from the entry before it"
    if entry_hash(seq, chain.hash, bytes(entry)) != bytes(stored):
        return "its content does not have its hash"
    try:
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
    payload: dict[str, Any] = {
        "intact": True,
        "complete": report.complete,
        "authorised": report.authorised if report.authority is not None else None,
        "planned_without_outcome": len(report.gaps),
        "acts_not_allowed": len(report.authority.findings) if report.authority is not None else None,
        "entries": report.entries,
        "head": report.head,
        "compared_to_entry": report.anchored,
        "signed_to_entry": report.signed,
    }
    with store.write() as tx:
        append_event(tx, VERIFIED, "store", PROGRAM, payload)


def was_verified_since(store: Store, moment: datetime) -> bool:
    """Whether a verification that found the store whole is on record since then."""
    with store.read() as reader:
        return bool(
            reader.tuples("SELECT 1 FROM events WHERE kind = ? AND recorded_at >= ? LIMIT 1", [VERIFIED, moment])
        )

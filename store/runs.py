"""Runs: their frozen key, the claim of it, their outcomes, the attempts under way and the slots planned."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from aimsight.configs.canonical import canonical_json
from aimsight.metrics.plan import Window
from aimsight.store.ledger import append, moment_text
from aimsight.store.records import insert_record
from aimsight.store.tables import RUN, SLOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from aimsight.store.database import Reader, Transaction

_DONE = "SELECT 1 FROM run WHERE run_id = ?"
Outcome = Literal["success", "error", "abandoned", "skipped"]
"""How a run ended. A window that nobody ran has no run: it is planned in the ledger without an outcome."""
FINAL: frozenset[str] = frozenset({"success", "skipped"})
"""Outcomes after which a key is never run again; the others may be followed by another attempt."""


def run_key(
    model: str,
    monitor: str,
    window_start: datetime,
    window_end: datetime,
    config_hash: str,
    source_fingerprint: str,
) -> str:
    """The identity of a run (SHA-256, hex): the same question about the same data. The format never changes."""
    key = {
        "config_hash": config_hash,
        "model": model,
        "monitor": monitor,
        "run_key": 1,
        "source_fingerprint": source_fingerprint,
        "window_end": moment_text(window_end),
        "window_start": moment_text(window_start),
    }
    return hashlib.sha256(canonical_json(key)).hexdigest()


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One execution for (model, monitor, window).

    ``run_id`` is the ``run_key`` itself, or with ``~1``, ``~2`` ... for outcomes that may be tried again. ``revision``
    counts the runs of the same slot from 1; ``claim`` sets it.
    """

    run_id: str
    model: str
    model_version: str
    monitor: str
    window_start: datetime
    window_end: datetime
    planned_at: datetime
    started_at: datetime
    source_fingerprint: str
    config_hash: str
    code_version: str
    revision: int = 1

    @property
    def run_key(self) -> str:
        """The key that attempts at the same run share."""
        return self.run_id.partition("~")[0]


def is_done(reader: Reader, key: str) -> bool:
    """Whether a run with this key has a final outcome, so that there is nothing to do."""
    return bool(reader.tuples(_DONE, [key]))


def done_keys(reader: Reader, model: str) -> set[str]:
    """The keys of a model's runs with a final outcome."""
    found = reader.tuples("SELECT run_key FROM run WHERE model = ? AND outcome IN ('success', 'skipped')", [model])
    return {key for (key,) in found}


def claim(tx: Transaction, record: RunRecord) -> RunRecord | None:
    """Take the key for a final outcome; the record with its revision, or ``None`` when the run is done already."""
    if record.run_id in tx.claimed or tx.stored(_DONE, [record.run_id]):
        return None
    return _claimed(tx, record)


def claim_attempt(tx: Transaction, record: RunRecord) -> RunRecord:
    """Take the next id ``key~n`` for an outcome that may be tried again (error, abandoned)."""
    stored = tx.stored("SELECT run_id FROM run WHERE run_key = ? AND run_id <> run_key", [record.run_key])
    taken = {row[0] for row in stored} | {run_id for run_id in tx.claimed if run_id.startswith(f"{record.run_key}~")}
    return _claimed(tx, replace(record, run_id=f"{record.run_key}~{len(taken) + 1}"))


def finish(
    tx: Transaction,
    run_id: str,
    outcome: Outcome,
    reason: str,
    rows_scanned: int,
    finished_at: datetime,
    *,
    actor: str = "aimsight",
) -> None:
    """Record the outcome of a claimed run and the digests of all rows written for it; the last call for a run.

    Raises
    ------
    ValueError
        When the run was not claimed in this transaction, or an outcome that may be tried again would take the key.
    """
    record = tx.claimed.get(run_id)
    if record is None or run_id in tx.finished:
        raise ValueError(f"run {run_id} is not claimed in this transaction, or finished already")
    if (outcome in FINAL) != (run_id == record.run_key):
        raise ValueError(f"outcome {outcome} needs {'claim' if outcome in FINAL else 'claim_attempt'}, not {run_id}")
    tx.finished.add(run_id)
    row = RUN.row_of(
        {
            "run_id": run_id,
            "run_key": record.run_key,
            "model": record.model,
            "model_version": record.model_version,
            "monitor": record.monitor,
            "window_start": record.window_start,
            "window_end": record.window_end,
            "revision": record.revision,
            "planned_at": record.planned_at,
            "started_at": record.started_at,
            "finished_at": finished_at,
            "outcome": outcome,
            "reason": reason,
            "rows_scanned": rows_scanned,
            "source_fingerprint": record.source_fingerprint,
            "config_hash": record.config_hash,
            "code_version": record.code_version,
        }
    )
    details = {"digests": tx.digests_of_run(run_id)}
    insert_record(tx, RUN, row, kind="run.finished", subject=run_id, actor=actor, details=details)
    tx.execute_later("attempt", "DELETE FROM attempt WHERE run_id = ?", [record.run_key])


def begin_attempts(
    tx: Transaction, records: Sequence[RunRecord], *, pid: int, host: str, lease_until: datetime
) -> None:
    """Note runs that are about to be computed, so that a killed process leaves a trace."""
    rows = [
        [
            record.run_key,
            record.model,
            record.model_version,
            record.monitor,
            record.window_start,
            record.window_end,
            record.planned_at,
            record.started_at,
            record.source_fingerprint,
            record.config_hash,
            record.code_version,
            pid,
            host,
            lease_until,
        ]
        for record in {record.run_key: record for record in records}.values()
    ]
    if rows:
        places = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"] * len(rows))
        tx.execute(f"INSERT OR REPLACE INTO attempt VALUES {places}", [cell for row in rows for cell in row])


def forget_attempt(tx: Transaction, key: str) -> None:
    """Take back the note of a run under way: another process has recorded it."""
    tx.execute("DELETE FROM attempt WHERE run_id = ?", [key])


def abandon_dead(tx: Transaction, now: datetime, is_alive: Callable[[str, int], bool]) -> list[RunRecord]:
    """Record the outcome ``abandoned`` for every attempt whose lease has passed or whose process is gone.

    An attempt at a run that another process has finished meanwhile was not needed, and is forgotten.

    ``is_alive(host, pid)`` says whether a process may still be at work; unknown counts as alive until the lease ends.
    """
    dead = [
        row
        for row in tx.rows("SELECT * FROM attempt ORDER BY started_at, run_id")
        if row["lease_until"] <= now or not is_alive(row["host"], row["pid"])
    ]
    abandoned = []
    for row in dead:
        if is_done(tx, row["run_id"]):
            forget_attempt(tx, row["run_id"])
            continue
        pid, host = row.pop("pid"), row.pop("host")
        row.pop("lease_until")
        record = claim_attempt(tx, RunRecord(**row))
        finish(tx, record.run_id, "abandoned", f"process {pid} on {host} ended without a result", 0, now)
        abandoned.append(record)
    return abandoned


def plan_slots(
    tx: Transaction, model: str, monitor: str, windows: Iterable[tuple[datetime, datetime]], planned_at: datetime
) -> int:
    """Note windows that are to be run, those not noted yet; returns how many were new."""
    known = set(
        tx.tuples("SELECT window_start, window_end FROM slot WHERE model = ? AND monitor = ?", [model, monitor])
    )
    new = [window for window in dict.fromkeys(windows) if window not in known]
    if new:
        tx.insert(SLOT, [SLOT.row((model, monitor, start, end, planned_at)) for start, end in new])
        spans = [[moment_text(start), moment_text(end)] for start, end in new]
        payload = {"monitor": monitor, "planned_at": moment_text(planned_at), "windows": spans}
        append(tx, "aimsight", "slots.planned", model, payload)
    return len(new)


def planned_windows(reader: Reader, model: str, monitor: str) -> list[Window]:
    """The windows of a monitor that were planned so far, in order."""
    spans = reader.tuples(
        "SELECT window_start, window_end FROM slot WHERE model = ? AND monitor = ? ORDER BY window_end, window_start",
        [model, monitor],
    )
    return [Window(start, end) for start, end in spans]


def open_slots(reader: Reader) -> list[dict[str, Any]]:
    """Planned windows without any outcome: model, monitor, window_start, window_end, planned_at."""
    return reader.rows(
        "SELECT * FROM slot ANTI JOIN run USING (model, monitor, window_start, window_end) "
        "ORDER BY model, monitor, window_start"
    )


def _claimed(tx: Transaction, record: RunRecord) -> RunRecord:
    slot = (record.model, record.monitor, record.window_start, record.window_end)
    found = tx.stored(
        "SELECT coalesce(max(revision), 0) FROM run "
        "WHERE model = ? AND monitor = ? AND window_start = ? AND window_end = ?",
        slot,
    )
    revisions = [found[0][0]]
    revisions += [
        other.revision
        for other in tx.claimed.values()
        if (other.model, other.monitor, other.window_start, other.window_end) == slot
    ]
    claimed = replace(record, revision=max(revisions) + 1)
    tx.claimed[claimed.run_id] = claimed
    return claimed

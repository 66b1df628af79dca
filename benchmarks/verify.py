"""Make a ledger of a million entries with the rows that they wrote, verify it, and print how long that takes.

    python benchmarks/verify.py                    # 1,000,000 entries; at most 20 s are allowed
    python benchmarks/verify.py --entries 100000
    python benchmarks/verify.py --profile          # where the time goes

The entries are what a project writes: planned windows, finished runs with the digests of their rows, notices queued and
delivered, and one in forty is a register record by a person. Every hash is right, and every entry's row is there.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from aimsight.aims.authority import Authorities
from aimsight.aims.lifecycle.fold import FOLDS
from aimsight.store.database import Store
from aimsight.store.ledger import append, moment_text
from aimsight.store.outbox import Notice
from aimsight.store.records import append_event, insert_record, plain_row
from aimsight.store.registers import RecordVersion
from aimsight.store.tables import OUTBOX, RECORD_VERSION, RUN, SLOT
from aimsight.store.verify import verify

if TYPE_CHECKING:
    from aimsight.store.database import Transaction

ALLOWED_SECONDS = 20.0
START = datetime(2020, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PEOPLE = {"people": {"ann@example.org": ["owner"]}, "single_person": None, "changes": "record"}
DIGESTS = {name: {"rows": 0, "sha256": "ab" * 32} for name in ("measurement", "evaluation", "statistics_window")}
_CHUNK = 40_000


def make(path: Path, entries: int) -> Store:
    """A store with that many entries."""
    store = Store(path / "aimsight.duckdb", checkpoints=(path / "checkpoints.jsonl",))
    done = 0
    number = 0
    while done < entries - 1:
        with store.write() as tx:
            if done == 0:
                append_event(tx, "people.recorded", "project", "aimsight", PEOPLE)
                done = 1
            until = min(done + _CHUNK, entries - 1)
            while done < until:
                done += _one_window(tx, number, until - done)
                number += 1
    return store


def _one_window(tx: Transaction, number: int, most: int) -> int:
    """The entries of one window, at most so many."""
    start = START + number * HOUR
    end = start + HOUR
    tx.insert(SLOT, [SLOT.row(("model", "daily", start, end, end))])
    spans = [[moment_text(start), moment_text(end)]]
    append(tx, "aimsight", "slots.planned", "model",
           {"monitor": "daily", "planned_at": moment_text(end), "windows": spans})  # fmt: skip
    if most == 1:
        return 1
    run = f"{number:064x}"
    row = RUN.row((
        run, run, "model", "1", "daily", start, end, 1, end, end, end + HOUR, "success", "", 5_000, run, run, "0.1.0",
    ))  # fmt: skip
    insert_record(tx, RUN, row, kind="run.finished", subject=run, actor="aimsight", details={"digests": DIGESTS})
    if most == 2:  # as many entries as were written by now
        return 2
    if number % 20 == 0:
        _record(tx, number, end)
        return 3
    notice = Notice(f"N-{number}", end, "ops", "OBJ-01 nonconforming", "Accuracy 0.75, target 0.8", f"key {number}")
    payload = {
        "table": OUTBOX.name,
        "row": plain_row(OUTBOX, notice.row()),
        "row_sha256": OUTBOX.row_digest(notice.row()),
    }
    if most == 3:
        tx.insert(OUTBOX, [notice.row()])
        append(tx, "aimsight", "alert.queued", notice.id, payload)
        return 3
    append(tx, "aimsight", "alert.queued", notice.id, payload)
    sent = Notice(*notice.row()[:6], "delivered", 1, None, end, None)
    insert_record(tx, OUTBOX, sent.row(), kind="alert.delivered", subject=notice.id, actor="aimsight")
    return 4


def _record(tx: Transaction, number: int, at: datetime) -> None:
    record = RecordVersion(
        record_type="logging_decision", record=f"LOG-{number}", version=1, status="recorded", title="Events of use",
        content='{"events":"decisions"}', links=(), documents="[]", owner=None, due=None, unit=None, model=None,
        model_version=None, clauses=("A.6.2.8",), classification="internal", author="ann@example.org", reviewer=None,
        approver=None, approved_at=None, effective_from=None, event_at=at, event_until=None, recorded_at=at,
        origin="person", reason=None, supersedes=None, retention_until=None, retention_basis=None, legal_hold=False,
        content_hash="ab" * 32,
    )  # fmt: skip
    insert_record(
        tx, RECORD_VERSION, record.row(), kind="record.created", subject=record.subject, actor="ann@example.org"
    )


def main() -> int:
    """Make, verify, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    parser.add_argument("--keep", type=Path, help="make the store in this folder, or use the one that is there")
    given = parser.parse_args()
    with nullcontext(given.keep) if given.keep else tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        known = path / "aimsight.duckdb"
        store = Store(known, checkpoints=(path / "checkpoints.jsonl",)) if known.exists() else make(path, given.entries)
        print(f"made in {time.perf_counter() - began:.1f} s, {known.stat().st_size / 1e6:.0f} MB")
        profile = cProfile.Profile()
        began, busy = time.perf_counter(), time.process_time()
        with profile if given.profile else nullcontext():
            report = verify(store, store.checkpoints, folds=FOLDS, watcher=Authorities())
        took, busy = time.perf_counter() - began, time.process_time() - busy
        if given.profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        authority = report.authority
        whole = report.intact and report.complete and report.authorised
        acts = authority.acts if authority else 0
        print(f"{report.entries:,} entries, {acts:,} of them by people, whole: {whole}")
        print(f"verified in {took:.1f} s ({busy:.1f} s of CPU)")
        for finding in report.findings[:5]:
            print(finding)
        return 0 if whole and took <= ALLOWED_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())

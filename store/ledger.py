"""The ledger: an append-only chain of everything that happened, each entry bound to all before it by its hash.

hash = SHA-256(tag, sequence number as 8 bytes, hash of the entry before, length of the entry as 8 bytes, entry), all
big-endian; the entry is the canonical JSON of who (actor) did what (kind) to which thing (subject), when, and the
payload. Those exact bytes are stored, so that nothing has to be written again to be checked.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aimsight.configs.canonical import canonical_json
from aimsight.configs.errors import StoreError
from aimsight.store.tables import LEDGER

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from aimsight.store.database import Transaction

TAG = b"aimsight ledger entry v1\n"
NO_HASH = bytes(32)
OPENED = "ledger.opened"
_KIND = re.compile(r"[a-z_]+(\.[a-z_]+)+")


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: which ledger, how many entries, the hash of the last one."""

    origin: str
    seq: int
    hash: bytes


def entry_hash(seq: int, previous: bytes, entry: bytes) -> bytes:
    """The hash of entry number ``seq`` (from 1) whose predecessor has the hash ``previous`` (32 bytes)."""
    return hashlib.sha256(TAG + seq.to_bytes(8, "big") + previous + len(entry).to_bytes(8, "big") + entry).digest()


def moment_text(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds: ``2026-11-24T07:00:00.000000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def append(tx: Transaction, actor: str, kind: str, subject: str, payload: Mapping[str, Any]) -> int:
    """Add an entry and return its sequence number.

    Parameters
    ----------
    actor
        Who did it: a person's id or the program (``aimsight``).
    kind
        What was done: lower-case words joined by dots, ``run.finished``.
    subject
        What it was done to: the id of a run, objective, nonconformity.
    payload
        Text, integers, booleans, lists and mappings; numbers that are not whole as ``decimal_text``.
    """
    seq = tx.head.seq + 1
    row, digest = _entry(seq, tx.head.hash, tx.clock.now(), (actor, kind, subject), payload)
    tx.insert(LEDGER, [row])
    tx.head = Head(tx.head.origin, seq, digest)
    return seq


def found(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Write the first entry of a new ledger: its name, under which checkpoints know it."""
    origin = f"aimsight/{uuid.uuid4()}"
    row, _ = _entry(1, NO_HASH, now, ("aimsight", OPENED, origin), {"origin": origin})
    connection.execute("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?)", list(row))


def read_head(connection: duckdb.DuckDBPyConnection) -> Head:
    """The head of the ledger of an open store.

    Raises
    ------
    StoreError
        When there is no first entry or it does not say the ledger's name: somebody has changed it.
    """
    rows = connection.execute(
        "SELECT seq, hash, (SELECT entry FROM ledger WHERE seq = 1) FROM ledger ORDER BY seq DESC LIMIT 1"
    ).fetchall()
    try:
        seq, digest, first = rows[0]
        return Head(json.loads(first)["payload"]["origin"], seq, bytes(digest))
    except (IndexError, ValueError, TypeError, KeyError):
        pass
    raise StoreError("the ledger has lost its first entry, so nothing is added to it; restore the latest backup")


def _entry(
    seq: int, previous: bytes, now: datetime, names: tuple[str, str, str], payload: Mapping[str, Any]
) -> tuple[tuple[Any, ...], bytes]:
    actor, kind, subject = (unicodedata.normalize("NFC", name) for name in names)
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{kind!r} is no kind of event: lower-case words joined by dots")
    entry = canonical_json(
        {"actor": actor, "kind": kind, "payload": payload, "recorded_at": moment_text(now), "subject": subject}
    )
    digest = entry_hash(seq, previous, entry)
    return LEDGER.row((seq, now, actor, kind, subject, entry, previous, digest)), digest

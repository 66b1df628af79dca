"""Replay: what the ledger's events say about the rows of the tables, compared with the rows that are there."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aimsight.store.digests import EPOCH, line_digest, lines_digest, microseconds, row_line
from aimsight.store.findings import Event, Finding, Fold
from aimsight.store.ledger import moment_text
from aimsight.store.records import key_text, plain_row
from aimsight.store.statistics_tables import OF_REFERENCE
from aimsight.store.table import Table
from aimsight.store.tables import BY_RUN, EVALUATION, MEASUREMENT, RECORDS, SLOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from aimsight.store.database import Reader
    from aimsight.store.disposals import Disposed

_REFERENCE = "reference/"


class Replay:
    """Collects what events say, one after the other, then compares it with the rows."""

    def __init__(self, folds: Mapping[str, Fold]) -> None:
        self._folds = folds
        self._rows: dict[str, dict[str, tuple[int, str]]] = defaultdict(dict)
        self._groups: dict[str, dict[str, tuple[int, int, str]]] = defaultdict(dict)
        self._slots: dict[tuple[Any, ...], int] = {}
        self._folded: dict[str, list[Event]] = defaultdict(list)

    def see(self, event: Event) -> Finding | None:
        """Take up one event, in the ledger's order; a finding when its payload has not the form of its kind."""
        try:
            self._see(event)
        except (KeyError, TypeError, ValueError, AttributeError):
            return Finding(event.seq, f"ledger entry {event.seq}: its payload is not that of {event.kind}")
        return None

    def _see(self, event: Event) -> None:
        payload = event.payload
        if self._folds:
            prefix = event.kind.partition(".")[0]
            if prefix in self._folds:
                self._folded[prefix].append(event)
        if event.kind == "slots.planned":
            for window in payload["windows"]:
                times = [microseconds(datetime.fromisoformat(text)) for text in (*window, payload["planned_at"])]
                self._slots[(event.subject, payload["monitor"], *times)] = event.seq
        table = RECORDS.get(payload.get("table", ""))
        if table is None:
            return
        row = payload["row"]
        key = "\n".join([_key_cell(row[name], kind) for name, kind in _KEYS[table.name]])
        self._rows[table.name][key] = (event.seq, payload["row_sha256"])
        group = f"{_REFERENCE}{row['model']}/{row['fingerprint']}" if table.name == "reference" else event.subject
        for name, digest in payload.get("digests", {}).items():
            self._groups[name][group] = (event.seq, digest["rows"], digest["sha256"])

    def compare(self, reader: Reader) -> list[Finding]:
        """Everything that the rows say otherwise."""
        findings: list[Finding] = []
        pointers = _pointers(reader)
        for table in RECORDS.values():
            findings += self._compare_records(reader, table)
        for table in (*BY_RUN, *OF_REFERENCE):
            findings += self._compare_groups(reader, table, pointers)
        findings += self._compare_slots(reader)
        for (name, run_id), left in pointers.items():
            for what in (one for pointing in left.values() for one in pointing):
                problem = f"the {name} it points at is not there any more"
                findings.append(Finding(None, f"{what} in run {run_id}: {problem}"))
        for name, fold in self._folds.items():
            try:
                state = fold(self._folded[name])
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                findings.append(Finding(None, f"{name}: its events cannot be replayed ({error!r})"))
            else:
                findings += _compare_fold(reader, RECORDS[name], state)
        return findings

    def _compare_records(self, reader: Reader, table: Table) -> Iterator[Finding]:
        expected = dict(self._rows[table.name])
        places = [list(table.columns).index(name) for name in table.key]
        for batch in reader.batches(f"SELECT {table.select()} FROM {table.name}"):
            for row in batch:
                key = "\n".join([str(row[place]) for place in places])
                if not key.isascii():
                    key = unicodedata.normalize("NFC", key)
                seq, digest = expected.pop(key, (None, ""))
                if seq is None:
                    yield Finding(None, f"{_named(table, key)}: no event of the ledger made this row")
                elif line_digest(table.name, row_line(row)) != digest:
                    changed = _changed(reader, table, row, seq)
                    yield Finding(seq, f"{_named(table, key)}: {changed} not what ledger entry {seq} wrote")
        for key, (seq, _) in expected.items():
            yield Finding(seq, f"{_named(table, key)}: the row that ledger entry {seq} wrote is gone")

    def _compare_groups(self, reader: Reader, table: Table, pointers: _Pointers) -> Iterator[Finding]:
        """Rows covered by one digest; those of a run lie together, so few lines are held at a time.

        Rows that are found are taken out of ``pointers``.
        """
        expected = dict(self._groups[table.name])
        held: dict[str, list[str]] = defaultdict(list)
        for batch in reader.batches(f"SELECT {table.select()} FROM {table.name}"):
            for row in batch:
                group, line = _group(table, row), row_line(row)
                held[group].append(line)
                if wanted := pointers.get((table.name, group)):
                    wanted.pop(line_digest(table.name, line), None)
                if group in expected and len(held[group]) == expected[group][1]:
                    lines = held.pop(group)
                    seq, _, digest = expected.pop(group)
                    if lines_digest(table.name, lines) != digest:
                        yield Finding(seq, f"{table.name} rows of {group}: not what ledger entry {seq} wrote")
        for group, lines in held.items():
            known = expected.pop(group, None)
            if known is None:
                problem = f"{len(lines)} rows that no event of the ledger covers"
            else:
                problem = f"there are {len(lines)}, ledger entry {known[0]} wrote {known[1]}"
            yield Finding(known[0] if known else None, f"{table.name} rows of {group}: {problem}")
        for group, (seq, count, _) in expected.items():
            if count:
                yield Finding(seq, f"{table.name} rows of {group}: the {count} rows of ledger entry {seq} are gone")

    def _compare_slots(self, reader: Reader) -> Iterator[Finding]:
        expected = dict(self._slots)
        for row in reader.tuples(f"SELECT {SLOT.select()} FROM slot"):
            if expected.pop((_normal(row[0]), _normal(row[1]), *row[2:]), None) is None:
                yield Finding(None, f"slot of {row[0]} / {row[1]}: no event of the ledger planned this window")
        for (model, monitor, *_), seq in expected.items():
            yield Finding(seq, f"slot of {model} / {monitor}: a window that ledger entry {seq} planned is gone")


def frozen_files(reader: Reader) -> list[tuple[str, str]]:
    """(path, SHA-256) of every evidence file."""
    return [
        (path, sha256) for path, sha256 in reader.tuples("SELECT DISTINCT path, sha256 FROM evidence_file ORDER BY 1")
    ]


@dataclass(frozen=True, slots=True)
class EvidenceCheck:
    """What came of the evidence files: breaks, what is odd, and the files that are gone because that was approved."""

    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    disposed: tuple[str, ...]


def check_evidence(
    frozen: Sequence[tuple[str, str]], folder: Path, disposals: Mapping[str, Disposed] | None = None
) -> EvidenceCheck:
    """Compare every evidence file with the hash it was frozen under.

    ``disposals`` are, by hash, the approved decisions to delete a file.
    """
    root = folder.resolve()
    findings, warnings, gone = [], [], []
    for name, sha256 in frozen:
        path = (root / name).resolve()
        disposal = (disposals or {}).get(sha256)
        if not path.is_relative_to(root) or not path.is_file():
            if disposal is None:
                findings.append(Finding(None, f"evidence file {name}: there is no such file in {folder}"))
            else:
                gone.append(f"evidence file {name}: {disposal}")
            continue
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        if digest != sha256:
            findings.append(Finding(None, f"evidence file {name}: its content has changed"))
        elif disposal is not None:
            warnings.append(f"evidence file {name}: {disposal}, and it is still there")
    return EvidenceCheck(tuple(findings), tuple(warnings), tuple(gone))


_Pointers = dict[tuple[str, str], dict[str, list[str]]]
"""By table and run, then by the digest of a row: what points at it."""


def _pointers(reader: Reader) -> _Pointers:
    """Windows that failed, and windows after the actions, point at what their run wrote by its digest."""
    found: _Pointers = defaultdict(lambda: defaultdict(list))
    rows = reader.tuples(
        "SELECT 'occurrence', nonconformity, run_id, measurement_hash, evaluation_hash FROM occurrence "
        "UNION ALL SELECT 'window after the actions', nonconformity, run_id, measurement_hash, NULL "
        "FROM effectiveness_window"
    )
    for what, nonconformity, run_id, *hashes in rows:
        for table, wanted in zip((MEASUREMENT, EVALUATION), hashes, strict=True):
            if wanted is not None:
                found[table.name, run_id][wanted].append(f"{what} of {nonconformity}")
    return found


def _compare_fold(reader: Reader, table: Table, state: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    columns = ", ".join(f'"{name}"' for name in table.columns)
    rows = {}
    for cells in reader.tuples(f"SELECT {columns} FROM {table.name}"):
        rows[_normal(key_text(table, cells))] = plain_row(table, cells)
    for key, expected in state.items():
        if key not in rows:
            continue  # that it is gone is told by its last event
        wrong = [name for name, value in expected.items() if _normal(rows[key].get(name)) != value]
        if wrong:
            follow = "does not follow" if len(wrong) == 1 else "do not follow"
            yield Finding(None, f"{table.name} {key}: {', '.join(wrong)} {follow} from its events")


_KEYS = {table.name: [(name, table.columns[name]) for name in table.key] for table in RECORDS.values()}
"""By table, what its key is made of."""


def _key_cell(cell: object, kind: str) -> str:
    """A cell of the key as the rows of the table have it: moments as microseconds."""
    return str(microseconds(datetime.fromisoformat(str(cell))) if kind == "moment" else cell)


def _named(table: Table, key: str) -> str:
    """A row as findings name it: ``effectiveness_window NC-2026-0001 / 1 / 2016-01-01T00:00:00.000000Z / ...``."""
    cells = zip(key.split("\n"), table.key, strict=True)
    return f"{table.name} " + " / ".join(
        _moment_text(int(cell)) if table.columns[name] == "moment" else cell for cell, name in cells
    )


def _changed(reader: Reader, table: Table, row: tuple[Any, ...], seq: int) -> str:
    """Which columns of a row differ from the entry that wrote it, as the beginning of a sentence."""
    try:
        ((entry,),) = reader.tuples("SELECT entry FROM ledger WHERE seq = ?", [seq])
        written = json.loads(bytes(entry))["payload"]["row"]
        cells = [
            _moment_text(cell) if kind == "moment" and cell is not None else cell
            for cell, kind in zip(row, table.columns.values(), strict=True)
        ]
        names = [name for name, cell in plain_row(table, tuple(cells)).items() if _normal(cell) != written.get(name)]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        names = []  # the entry itself was changed, and is named with the ledger's
    return "the row is" if not names else f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _moment_text(micros: int) -> str:
    return moment_text(EPOCH + timedelta(microseconds=micros))


def _group(table: Table, row: tuple[Any, ...]) -> str:
    if table in OF_REFERENCE:
        return f"{_REFERENCE}{row[0]}/{row[1]}"
    owner = str(row[0])
    return owner.rpartition("/")[0] if owner.startswith(_REFERENCE) else owner


def _normal(value: object) -> object:
    """Text in the ledger's form; the rest stays."""
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value

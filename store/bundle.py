"""Audit bundles: a period of the ledger, or one record, as a folder that anybody verifies with ``check_bundle.py``.

A bundle holds the ledger's entries without a gap, the checkpoints, the records that the entries wrote, the rows of the
runs, the evidence files and the program that checks all of it. It is a pure function of the store and the choice made:
the same choice gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aimsight.configs.errors import NotFoundError, StoreError
from aimsight.store import check_bundle
from aimsight.store.digests import row_line
from aimsight.store.tables import BY_RUN, RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from aimsight.store.database import Reader, Store

FORMAT = 1
CHECKER = check_bundle.CHECKER
_BATCH = 20_000

README = """Audit bundle of {organisation}

Ledger {origin}, entries {first} to {last}{scope}.
Made by aimsight {version}.

To verify it, on any machine with Python 3.8 or newer, without network and without aimsight:

    python {checker}

The program is one readable file. You may use your own copy of it instead of the one in here, and should hold the
ledger against checkpoints that you have kept yourself (--checkpoints FILE) or check their signatures with a public key
that you have from elsewhere (--key KEY).

ledger.jsonl      every entry with its hash, in order
checkpoints/      heads of the ledger as they were noted outside the database
records/          the state of each record that these entries wrote last
runs/             measurements, evaluations and statistics of the runs that these entries finished
evidence/         evidence files, named by their content
manifest.json     the SHA-256 of every file
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a bundle is about: the entries recorded in [start, end), or those about one record; ``None``: all."""

    start: datetime | None = None
    end: datetime | None = None
    subject: str | None = None

    def words(self) -> str:
        """The choice as text for people."""
        if self.subject is not None:
            return f", about {self.subject}"
        edges = [f"{word} {edge:%Y-%m-%d}" for word, edge in (("from", self.start), ("before", self.end)) if edge]
        return f", recorded {' and '.join(edges)}" if edges else ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was written: its folder, its entries and the SHA-256 of its manifest."""

    folder: Path
    first: int
    last: int
    files: int
    manifest_sha256: str


@dataclass(slots=True)
class _Folder:
    """A folder being filled, with the hash of every file."""

    path: Path
    hashes: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, content: bytes) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self.hashes[name] = hashlib.sha256(content).hexdigest()

    def put_lines(self, name: str, lines: Iterator[bytes]) -> None:
        """A file that need not fit in memory."""
        target, digest = self.path / name, hashlib.sha256()
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for line in lines:
                file.write(line)
                digest.update(line)
        self.hashes[name] = digest.hexdigest()


def export(
    store: Store, folder: Path, choice: Choice, *, organisation: str, version: str, evidence: Path | None = None
) -> Bundle:
    """Write a bundle into a new folder.

    Parameters
    ----------
    folder
        Where to; it must be absent or empty.
    choice
        Which entries: from the first to the last that fits, without a gap, and on to the next checkpoint, so that all
        of them are vouched for.
    organisation, version
        What the bundle says of its origin.
    evidence
        The folder of the evidence files; without it none are put in.

    Raises
    ------
    NotFoundError
        When no entry fits.
    StoreError
        When the folder holds something already, or cannot be written.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise StoreError(f"{folder} is not empty; name a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        with store.read() as reader:
            return _write(reader, store, _Folder(folder), choice, (organisation, version), evidence)
    except OSError as error:
        raise StoreError(f"{folder}: the bundle cannot be written: {error.strerror or error}") from error


def _write(
    reader: Reader, store: Store, folder: _Folder, choice: Choice, origin: tuple[str, str], evidence: Path | None
) -> Bundle:
    organisation, version = origin
    anchors = {path.name: path.read_bytes() for path in store.checkpoints if path.is_file()}
    first, last = _span(reader, choice, anchors)
    walk = _Walk()
    folder.put_lines("ledger.jsonl", walk.lines(reader, first, last))
    for i, (name, content) in enumerate(anchors.items(), start=1):
        folder.put(f"checkpoints/{i}-{name}", content)
    for kind, rows in sorted(walk.records.items()):
        columns = list(RECORDS[kind].columns)
        shown = [{name: row.get(name) for name in columns} for row in rows.values()]
        folder.put(f"records/{kind}.json", _json(shown))
    for run in walk.runs:
        for table in BY_RUN:
            lines = sorted(map(row_line, _rows_of_run(reader, table.name, table.select(), run)))
            if lines:
                name = f"runs/{check_bundle.folder_of(run)}/{table.name}.jsonl"
                folder.put(name, "".join(f"{line}\n" for line in lines).encode("ascii"))
    for path, sha256 in walk.evidence:
        source = (evidence / path) if evidence is not None else None
        if source is not None and source.is_file():
            folder.put(f"evidence/{sha256[:16]}-{Path(path).name}", source.read_bytes())
    tables = (*RECORDS.values(), *BY_RUN)
    folder.put("columns.json", _json({table.name: list(table.columns) for table in tables}))
    folder.put("keys.json", _json({table.name: list(table.key) for table in RECORDS.values()}))
    folder.put(CHECKER, Path(check_bundle.__file__).read_bytes())
    readme = README.format(
        organisation=organisation,
        origin=walk.origin,
        first=first,
        last=last,
        scope=choice.words(),
        version=version,
        checker=CHECKER,
    )
    folder.put("README.txt", readme.encode("utf-8"))
    manifest = {
        "bundle": FORMAT,
        "organisation": organisation,
        "made_by": f"aimsight {version}",
        "origin": walk.origin,
        "first": first,
        "last": last,
        "previous": walk.previous,
        "head": walk.head,
        "about": choice.words().lstrip(", ") or "everything",
        "files": dict(sorted(folder.hashes.items())),
    }
    content = _json(manifest)
    (folder.path / "manifest.json").write_bytes(content)
    return Bundle(folder.path, first, last, len(folder.hashes) + 1, hashlib.sha256(content).hexdigest())


def _span(reader: Reader, choice: Choice, anchors: dict[str, bytes]) -> tuple[int, int]:
    """The first and last entry of a bundle."""
    conditions: list[str] = ["true"]
    params: list[Any] = []
    for condition, value in (("recorded_at >= ?", choice.start), ("recorded_at < ?", choice.end)):
        if value is not None:
            conditions.append(condition)
            params.append(value)
    if choice.subject is not None:
        conditions.append(f"seq IN ({_ABOUT})")
        params += [choice.subject] * _ABOUT.count("?")
    sql = f"SELECT min(seq), max(seq), (SELECT max(seq) FROM ledger) FROM ledger WHERE {' AND '.join(conditions)}"
    first, last, head = reader.tuples(sql, params)[0]
    if first is None:
        raise NotFoundError(f"the ledger has no entry{choice.words() or ' at all'}")
    sizes = [size for content in anchors.values() for size in _sizes(content) if last <= size <= head]
    return int(first), min(sizes, default=int(last))


_ABOUT = """
    SELECT seq FROM ledger WHERE subject = ?
    UNION SELECT seq FROM ledger WHERE subject IN (SELECT run_id FROM occurrence WHERE nonconformity = ?)
    UNION SELECT l.seq FROM ledger l, nonconformity n
        WHERE n.nonconformity = ? AND l.kind = 'objective.version' AND l.subject = n.model || '/' || n.objective
"""
"""What belongs to a record: its own events and, for a nonconformity, the runs that failed and its objective."""


def _sizes(content: bytes) -> Iterator[int]:
    for line in content.splitlines():
        try:
            yield int(json.loads(line)["size"])
        except (ValueError, KeyError, TypeError):
            continue


@dataclass(slots=True)
class _Walk:
    """What a walk along the entries of a bundle has seen."""

    origin: str = ""
    previous: str = ""
    head: str = ""
    records: dict[str, dict[tuple[str, ...], dict[str, Any]]] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    evidence: list[tuple[str, str]] = field(default_factory=list)

    def lines(self, reader: Reader, first: int, last: int) -> Iterator[bytes]:
        """The entries as lines of the bundle; everything else is noted on the way."""
        self.origin = json.loads(reader.tuples("SELECT entry FROM ledger WHERE seq = 1")[0][0])["payload"]["origin"]
        for start in range(first, last + 1, _BATCH):
            rows = reader.tuples(
                "SELECT seq, entry, prev_hash, hash FROM ledger WHERE seq BETWEEN ? AND ? ORDER BY seq",
                [start, min(start + _BATCH - 1, last)],
            )
            for seq, entry, previous, digest in rows:
                self.previous = self.previous or bytes(previous).hex()
                self.head = bytes(digest).hex()
                text = bytes(entry).decode("utf-8")
                self._see(json.loads(text))
                line = json.dumps({"seq": seq, "hash": self.head, "entry": text}, ensure_ascii=True)
                yield line.encode("ascii") + b"\n"

    def _see(self, event: dict[str, Any]) -> None:
        payload = event["payload"]
        table = RECORDS.get(payload.get("table", ""))
        if event["kind"] == "run.finished":
            self.runs.append(event["subject"])
        if table is None:
            return
        row = payload["row"]
        self.records.setdefault(table.name, {})[tuple(str(row[name]) for name in table.key)] = row
        if table.name == "evidence_file" and (row["path"], row["sha256"]) not in self.evidence:
            self.evidence.append((row["path"], row["sha256"]))


def _rows_of_run(reader: Reader, table: str, columns: str, run: str) -> Sequence[tuple[Any, ...]]:
    key = "statistics_id" if table.startswith("statistics_") else "run_id"
    return reader.tuples(f"SELECT {columns} FROM {table} WHERE {key} = ?", [run])


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"

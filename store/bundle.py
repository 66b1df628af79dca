"""Audit bundles: a period of the ledger, or one record, as a folder that anybody verifies with ``check_bundle.py``.

A bundle holds the ledger from its first entry to the last that was chosen, because who was allowed to act cannot be
judged from its middle; and of what was chosen the records, the rows of the runs and the evidence files, with the
checkpoints and the program that checks all of it. It is a pure function of the store and the choice made: the same
choice gives the same bytes. Exports that nothing has followed yet are left out, so that exporting twice does.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aimsight.configs.errors import NotFoundError, StoreError
from aimsight.store import check_authority, check_bundle, check_comparisons, check_formulas, check_measurements
from aimsight.store.checkpoints import parse
from aimsight.store.digests import row_line
from aimsight.store.exported import ExportedFile, last_entry, part_of, record_export
from aimsight.store.ledger import moment_text
from aimsight.store.references import part_id
from aimsight.store.statistics_tables import REFERENCE_COLUMN, STATISTICS_COLUMN
from aimsight.store.tables import BY_RUN, RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from aimsight.store.database import Reader, Store
    from aimsight.store.table import Table

FORMAT = 3
CHECKER = check_bundle.CHECKER
MANIFEST = "manifest.json"
_BATCH = 20_000
_RUNS = 200
"""Runs whose rows are read at a time: every query looks through the whole table."""

README = """Audit bundle of {organisation}

Ledger {origin}, entries 1 to {last}; chosen: {scope}.
Made by aimsight {version}.

To verify it, on any machine with Python 3.8 or newer, without network and without aimsight:

    python {checker}

The program is one readable file. You may use your own copy of it instead of the one in here, and should hold the
ledger against checkpoints that you have kept yourself (--checkpoints FILE) or check their signatures with a public key
that you have from elsewhere (--key KEY).

ledger.jsonl      every entry from the first one on, with its hash
checkpoints/      heads of the ledger as they were noted outside the database
records/          the state of each record that the chosen entries wrote last
runs/             measurements, evaluations and statistics of the runs that the chosen entries finished (of distinct
                  values of exact drift, which are those of rows, the hash alone)
references/       how the columns of the references were counted that these models are compared with
evidence/         evidence files of the chosen entries, named by their content
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
            return f"about {self.subject}"
        edges = [f"{word} {edge:%Y-%m-%d}" for word, edge in (("from", self.start), ("before", self.end)) if edge]
        return f"recorded {' and '.join(edges)}" if edges else "everything"

    def rule(self) -> dict[str, str]:
        """The choice as the manifest says it and the program of the bundle reads it."""
        if self.subject is not None:
            return {"about": self.subject}
        return {name: moment_text(edge) for name, edge in (("from", self.start), ("to", self.end)) if edge is not None}


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was written: its folder, its entries and the SHA-256 of its manifest."""

    folder: Path
    last: int
    chosen: int
    """How many entries it is about."""
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
    store: Store, folder: Path, choice: Choice, *, organisation: str, version: str, evidence: Path, actor: str
) -> Bundle:
    """Write a bundle into a new folder; it is there when the ledger says that it was made.

    Parameters
    ----------
    folder
        Where to; it must be absent or empty.
    choice
        Which entries it is about; the ledger goes on to the next checkpoint, so that all of them are vouched for.
    organisation, version
        What the bundle says of its origin.
    evidence
        The folder of the evidence files.
    actor
        Who takes it.

    Raises
    ------
    NotFoundError
        When no entry fits.
    StoreError
        When the folder holds something already, or cannot be written.
    """
    part = part_of(folder)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StoreError(f"{folder} is not empty; name a new folder")
        shutil.rmtree(part, ignore_errors=True)  # left by a process that was killed
        part.mkdir(parents=True)
        try:
            with store.read() as reader:
                made = _write(reader, store, _Folder(part), choice, (organisation, version), evidence)
            manifest = ExportedFile.of(part / MANIFEST, f"{folder.name}/{MANIFEST}")
            record_export(store, actor, "audit bundle", [manifest], entries=made.last, about=choice.words())
            if folder.exists():
                folder.rmdir()
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"{folder}: the bundle cannot be written: {error.strerror or error}") from error
    return replace(made, folder=folder)


def program() -> bytes:
    """The program of the bundle: one file, in which its parts stand in the place of their imports."""
    whole = inspect.getsource(check_bundle)
    for part in (check_authority, check_measurements, check_formulas, check_comparisons):
        content = inspect.getsource(part).partition("from __future__ import annotations\n")[2].strip()
        place = re.search(rf"(?m)^from {re.escape(part.__name__)} import (?:\([^)]*\)|.+)$", whole)
        whole = whole if place is None else whole[: place.start()] + content + whole[place.end() :]
    return whole.encode("utf-8")


def _write(
    reader: Reader, store: Store, folder: _Folder, choice: Choice, origin: tuple[str, str], evidence: Path
) -> Bundle:
    organisation, version = origin
    files = [path for path in store.checkpoints if path.is_file()]
    last, chosen = _span(reader, choice, files)
    walk = _Walk(chosen)
    folder.put_lines("ledger.jsonl", walk.lines(reader, last))
    for i, path in enumerate(files, start=1):
        lines = [line for size, line in _checkpoints(path) if size <= last]
        folder.put(f"checkpoints/{i}-{path.name}", b"".join(lines))
    for kind, rows in sorted(walk.records.items()):
        columns = list(RECORDS[kind].columns)
        shown = [{name: row.get(name) for name in columns} for row in rows.values()]
        folder.put(f"records/{kind}.json", _json(shown))
    for start in range(0, len(walk.runs), _RUNS):
        for table in BY_RUN:
            for run, kept in _rows_of_runs(reader, table, walk.runs[start : start + _RUNS]).items():
                name = f"runs/{check_bundle.folder_of(run)}/{table.name}.jsonl"
                folder.put(name, "".join(f"{line}\n" for line in sorted(kept)).encode("ascii"))
    for seq, row in walk.references_of_runs():
        for part, found in _rows_of_reference(reader, row).items():
            folder.put(f"references/{seq}/{part}.jsonl", "".join(f"{line}\n" for line in sorted(found)).encode("ascii"))
    for name, sha256 in walk.evidence:
        source = evidence / name
        if source.is_file():
            folder.put(f"evidence/{sha256[:16]}-{Path(name).name}", source.read_bytes())
    tables = (*RECORDS.values(), *BY_RUN, REFERENCE_COLUMN)
    folder.put("columns.json", _json({table.name: list(table.columns) for table in tables}))
    folder.put("keys.json", _json({table.name: list(table.key) for table in RECORDS.values()}))
    folder.put(CHECKER, program())
    readme = README.format(
        organisation=organisation,
        origin=walk.origin,
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
        "last": last,
        "head": walk.head,
        "choice": choice.rule(),
        "files": dict(sorted(folder.hashes.items())),
    }
    content = _json(manifest)
    (folder.path / MANIFEST).write_bytes(content)
    return Bundle(folder.path, last, len(chosen), len(folder.hashes) + 1, hashlib.sha256(content).hexdigest())


def _span(reader: Reader, choice: Choice, files: Sequence[Path]) -> tuple[int, set[int]]:
    """The last entry of a bundle, and the numbers of the entries that it is about."""
    head = last_entry(reader)
    chosen = check_bundle.chosen(lambda: _entries(reader, head), choice.rule())
    if not chosen:
        if choice.subject is None:
            raise NotFoundError(f"the ledger has no entry {choice.words()}")
        named = reader.tuples(
            "SELECT DISTINCT subject FROM ledger WHERE regexp_matches(kind, '^(record|nonc|objective)')"
        )
        known = [subject.partition(":")[2] or subject for (subject,) in named]
        raise NotFoundError.named("record", choice.subject, known)
    newest = reader.tuples("SELECT max(seq) FROM ledger")[0][0]
    sizes = [size for path in files for size, _ in _checkpoints(path) if max(chosen) <= size <= newest]
    last = min(sizes, default=max(chosen))
    if last == max(chosen):
        return last, chosen
    return last, check_bundle.chosen(lambda: _entries(reader, last), choice.rule())


def _entries(reader: Reader, last: int) -> Iterator[check_bundle.Entry]:
    for start in range(1, last + 1, _BATCH):
        sql = "SELECT seq, entry FROM ledger WHERE seq BETWEEN ? AND ? ORDER BY seq"
        for seq, entry in reader.tuples(sql, [start, min(start + _BATCH - 1, last)]):
            yield check_bundle.entry_of(seq, bytes(entry))


def _checkpoints(path: Path) -> Iterator[tuple[int, bytes]]:
    """How many entries each line of a checkpoint file vouches for, and the line; what is none is left out."""
    for line in path.read_bytes().splitlines(keepends=True):
        checkpoint = parse(line)
        if checkpoint is not None:
            yield checkpoint.size, line


@dataclass(slots=True)
class _Walk:
    """What a walk along the entries of a bundle has seen."""

    chosen: set[int]
    origin: str = ""
    head: str = ""
    records: dict[str, dict[tuple[str, ...], dict[str, Any]]] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    evidence: list[tuple[str, str]] = field(default_factory=list)
    models: set[str] = field(default_factory=set)
    references: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def references_of_runs(self) -> list[tuple[int, dict[str, Any]]]:
        """The references of the models whose runs are in the bundle, by the entry that froze them."""
        return [(seq, row) for seq, row in self.references if row["model"] in self.models]

    def lines(self, reader: Reader, last: int) -> Iterator[bytes]:
        """The entries as lines of the bundle; everything else is noted on the way."""
        self.origin = json.loads(reader.tuples("SELECT entry FROM ledger WHERE seq = 1")[0][0])["payload"]["origin"]
        for start in range(1, last + 1, _BATCH):
            rows = reader.tuples(
                "SELECT seq, entry, hash FROM ledger WHERE seq BETWEEN ? AND ? ORDER BY seq",
                [start, min(start + _BATCH - 1, last)],
            )
            for seq, entry, digest in rows:
                self.head = bytes(digest).hex()
                text = bytes(entry).decode("utf-8")
                if seq in self.chosen:
                    self._see(json.loads(text))
                if '"kind":"reference.frozen"' in text:
                    self.references.append((seq, json.loads(text)["payload"]["row"]))
                line = json.dumps({"seq": seq, "hash": self.head, "entry": text}, ensure_ascii=True)
                yield line.encode("ascii") + b"\n"

    def _see(self, event: dict[str, Any]) -> None:
        payload = event["payload"]
        table = RECORDS.get(payload.get("table", ""))
        if event["kind"] == "run.finished":
            self.runs.append(event["subject"])
            self.models.add(payload["row"]["model"])
        if table is None:
            return
        row = payload["row"]
        self.records.setdefault(table.name, {})[tuple(str(row[name]) for name in table.key)] = row
        if table.name == "evidence_file" and (row["path"], row["sha256"]) not in self.evidence:
            self.evidence.append((row["path"], row["sha256"]))


def _rows_of_runs(reader: Reader, table: Table, runs: list[str]) -> dict[str, list[str]]:
    """By run, the lines of its rows; the run is the first column of these tables."""
    key = next(iter(table.columns))
    found: dict[str, list[str]] = {}
    for row in reader.tuples(f"SELECT {table.select()} FROM {table.name} WHERE {key} IN (SELECT unnest(?))", [runs]):
        found.setdefault(row[0], []).append(row_line(row))
    return found


def _rows_of_reference(reader: Reader, row: dict[str, Any]) -> dict[str, list[str]]:
    """The columns of a frozen reference, and their counts in it as a whole and in each of its windows."""
    model, fingerprint = row["model"], row["fingerprint"]
    parts = [part_id(model, fingerprint, part) for part in ("all", *map(str, range(row["windows"])))]
    found = {}
    for table, condition, values in (
        (REFERENCE_COLUMN, "model = ? AND fingerprint = ?", [model, fingerprint]),
        (STATISTICS_COLUMN, "statistics_id IN (SELECT unnest(?))", [parts]),
    ):
        rows = reader.tuples(f"SELECT {table.select()} FROM {table.name} WHERE {condition}", values)
        found[table.name] = [row_line(cells) for cells in rows]
    return found


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"

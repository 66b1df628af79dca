"""Check an audit bundle, offline and with nothing but Python's standard library (3.8 or newer).

    python check_bundle.py [FOLDER] [--key ed25519:BASE64] [--checkpoints FILE]

It gives the three verdicts of ``aimsight verify``, computed a second time by a program of its own:

Integrity: every file has the SHA-256 that the manifest states; the ledger's entries follow from each other, hash by
hash, from the first one on; the checkpoints in the bundle (and any that you have kept yourself: --checkpoints) agree
with the chain, and so do their signatures (--key; this needs the library "cryptography"); records, rows of runs and
evidence files are all there and are what the entries say; nonconformities went from step to step as their life cycle
allows; measurements are computed again from the stored statistics, with the formulas written here, and verdicts held
against them.

Completeness: every window that was planned has an outcome.

Authority: everybody who acted was known then, had a role that may, and did not judge their own work.

Exit code 0: all three hold. 1: something does not. What a bundle cannot show is printed at the end.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from aimsight.store.check_authority import Authority, LifeCycle
from aimsight.store.check_measurements import Again, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

LEDGER_TAG = b"aimsight ledger entry v1\n"
CHECKPOINT_TAG = b"aimsight checkpoint v1\n"
CHECKER = "check_bundle.py"
WITH_REFERENCES = 3
"""Form of bundles from which on they hold references."""
MOST = 20
"""More lines of one kind are counted, not shown."""
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError)
"""What comes of content that has not its form."""


def sha256(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def lines_digest(table: str, lines: list[str]) -> str:
    """The digest of a table's rows: SHA-256 over its name and the sorted lines."""
    return sha256("\n".join(["aimsight rows v1 " + table, *sorted(lines), ""]).encode("ascii"))


class Entry(NamedTuple):
    """One entry of the ledger."""

    seq: int
    recorded_at: str
    actor: str
    kind: str
    subject: str
    payload: dict[str, Any]


def entry_of(seq: int, text: str | bytes) -> Entry:
    """An entry from its number and its text."""
    said = json.loads(text)
    return Entry(seq, said["recorded_at"], said["actor"], said["kind"], said["subject"], said["payload"])


class Bundle:
    """The folder, what was found wrong in it, and what was found right."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest."""
        self.folder = folder
        self.wrong: list[str] = []
        self.right: list[str] = []
        self.limits: list[str] = []
        self.manifest: dict[str, Any] = self.load("manifest.json")

    def lines(self, name: str) -> list[str]:
        """The lines of a file; none when it is not there."""
        path = self.folder / name
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []

    def load(self, name: str) -> Any:  # noqa: ANN401  # whatever JSON holds
        """A file of JSON."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def ledger(self) -> Iterator[str]:
        """The lines of the ledger, one at a time."""
        with (self.folder / "ledger.jsonl").open(encoding="utf-8", newline="\n") as file:
            yield from file

    def events(self) -> Iterator[Entry]:
        """The entries of the ledger, each with its number; lines that are none were named by the check of the chain."""
        for line in self.ledger():
            try:
                row = json.loads(line)
                yield entry_of(int(row["seq"]), row["entry"])
            except UNREADABLE:
                continue


def chosen(events: Callable[[], Iterable[Entry]], choice: Mapping[str, str]) -> set[int]:
    """The numbers of the entries that a choice means.

    With ``from`` or ``to``: those recorded in that period. With ``about``: those whose subject is that record, the runs
    and the objective that they name, the records that they link and that link them, and the files whose hash they name.
    """
    about = choice.get("about")
    if about is None:
        first, after = choice.get("from", ""), choice.get("to", "~")
        return {event.seq for event in events() if first <= event.recorded_at < after}
    names, files = {about}, set()
    for event in events():
        row = event.payload.get("row") or {}
        links = {name for link in row.get("links") or () for name in ids(link)}
        if about in ids(event.subject):
            names |= links | ({row["run_id"]} if "run_id" in row else set())
            names |= {"{}/{}".format(row["model"], row["objective"])} if row.get("objective") else set()
            files |= set(re.findall("[0-9a-f]{64}", json.dumps(event.payload)))
        elif about in links:
            names.add(event.subject)
    return {
        event.seq
        for event in events()
        if names & ids(event.subject) or (event.kind == "evidence.frozen" and event.payload["row"]["sha256"] in files)
    }


def ids(subject: str) -> set[str]:
    """What a subject may be called: ``risk:RISK-2026-0001`` also by its id alone."""
    return {subject, subject.partition(":")[2] or subject}


def check_files(bundle: Bundle) -> None:
    """Every file is as the manifest says, and none was added or taken away."""
    stated: dict[str, str] = bundle.manifest["files"]
    found = {
        path.relative_to(bundle.folder).as_posix()
        for path in bundle.folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    for name in sorted(set(stated) - found):
        bundle.wrong.append(name + ": the file is missing")
    for name in sorted(found - set(stated) - {"manifest.json"}):
        bundle.wrong.append(name + ": the manifest does not name this file")
    same = [name for name in sorted(set(stated) & found) if sha256((bundle.folder / name).read_bytes()) == stated[name]]
    for name in sorted(set(stated) & found - set(same)):
        bundle.wrong.append(name + ": the content is not what the manifest states")
    bundle.right.append(f"{len(same)} files as the manifest states")


def check_chain(bundle: Bundle, wanted: set[int], watchers: list[Callable[[Any], None]]) -> dict[int, str]:
    """Every entry follows from the one before; gives the hashes of the wanted entries by their numbers."""
    hashes: dict[int, str] = {}
    seq, previous, broken = 0, "00" * 32, False
    for number, line in enumerate(bundle.ledger(), start=1):
        problem, event = "", None
        try:
            row = json.loads(line)
            given, digest, content = int(row["seq"]), str(row["hash"]), row["entry"].encode("utf-8")
            text = LEDGER_TAG + (seq + 1).to_bytes(8, "big") + bytes.fromhex(previous)
            if given != seq + 1:
                problem = f"ledger entry {given}: it does not follow from entry {seq}"
            elif digest != sha256(text + len(content).to_bytes(8, "big") + content):
                problem = f"ledger entry {given}: it does not follow from the entry before it"
            seq, previous = given, digest
            event = entry_of(given, row["entry"])
        except UNREADABLE:
            problem = f"ledger.jsonl, line {number}: it is no entry"
        if problem and not broken:
            broken = True
            bundle.wrong.append(problem)
        if seq in wanted:
            hashes[seq] = previous
        if event is None:
            continue
        for see in watchers:
            try:
                see(event)
            except UNREADABLE:
                bundle.wrong.append(f"ledger entry {seq}: its payload is not that of {event.kind}")
    if seq != bundle.manifest["last"] or previous != bundle.manifest["head"]:
        bundle.wrong.append(f"the ledger ends at entry {seq}, the manifest says {bundle.manifest['last']}")
    if not broken:
        bundle.right.append(f"ledger entries 1 to {seq} follow from each other")
    return hashes


def checkpoints(files: Iterable[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each checkpoint of these files stands, and its fields; lines torn by a crash are passed over."""
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                fields = json.loads(line)
                yield f"{path.name}, line {number}", dict(fields, size=int(fields["size"]), head=str(fields["head"]))
            except (ValueError, KeyError, TypeError):
                continue


def check_checkpoints(bundle: Bundle, hashes: dict[int, str], own: list[Path], keys: list[str]) -> None:
    """The checkpoints agree with the chain."""
    theirs = [path for path in sorted((bundle.folder / "checkpoints").glob("*")) if path.is_file()]
    anchored, signed = _reach(bundle, hashes, theirs, keys)
    mine, signed_mine = _reach(bundle, hashes, own, keys)
    signed, last = max(signed, signed_mine), int(bundle.manifest["last"])
    for entry, who in (
        (anchored, "the bundle's checkpoints vouch for"),
        (mine, "your own checkpoints vouch for"),
        (signed, "signatures by your key cover"),
    ):
        if entry:
            bundle.right.append(f"{who} the chain up to entry {entry}")
    if max(anchored, mine) < last:
        bundle.limits.append(f"no checkpoint covers entries {max(anchored, mine) + 1} to {last}")
    later = max((fields["size"] for _, fields in checkpoints(own)), default=0)
    if later > last:
        bundle.limits.append(f"your checkpoints know of entries {last + 1} to {later}, which are not in the bundle")
    if not mine and not signed:
        bundle.limits.append(
            "the checkpoints come with the bundle: only a copy that you have kept yourself (--checkpoints) or a "
            "signature by a key that you know (--key) shows that the whole was not made anew"
        )


def _reach(bundle: Bundle, hashes: dict[int, str], files: list[Path], keys: list[str]) -> tuple[int, int]:
    """The last entries that checkpoints of these files vouch for, and that signed ones do."""
    anchored = signed = 0
    for where, fields in checkpoints(files):
        size = fields["size"]
        genuine = bool(keys) and "signature" in fields and is_signed(fields, keys)
        if fields.get("origin") != bundle.manifest["origin"]:
            bundle.wrong.append(f"{where}: a checkpoint of another ledger")
        elif keys and "signature" in fields and not genuine:
            bundle.wrong.append(f"{where}: the signature is by none of the keys given")
        elif hashes.get(size, fields["head"]) != fields["head"]:
            bundle.wrong.append(f"{where}: entry {size} or one before it is not what it was at this checkpoint")
        elif size in hashes:
            anchored, signed = max(anchored, size), max(signed, size if genuine else 0)
    return anchored, signed


def is_signed(fields: dict[str, Any], keys: list[str]) -> bool:
    """Whether a checkpoint is signed by one of the public keys; needs the library "cryptography"."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    content = {name: fields[name] for name in ("head", "origin", "size", "time")}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")
    for key in keys:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.split(":", 1)[-1]))
        try:
            public.verify(base64.b64decode(fields["signature"]), CHECKPOINT_TAG + text)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False


class Subject:
    """What the entries say that a bundle is about."""

    def __init__(self, bundle: Bundle) -> None:
        """Walk along the entries once more."""
        self.keys: dict[str, list[str]] = bundle.load("keys.json")
        self.records: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {}
        self.runs: dict[str, tuple[int, dict[str, dict[str, Any]]]] = {}
        self.bound: list[tuple[int, dict[str, Any]]] = []
        self.frozen: dict[str, str] = {}
        self.disposed: set[str] = set()
        self.units: dict[str, set[float]] = {}
        self.references: list[tuple[int, dict[str, Any], dict[str, Any]]] = []
        self.objectives: dict[tuple[str, str, int], dict[str, Any]] = {}
        self.models: set[str] = set()
        meant = chosen(bundle.events, bundle.manifest["choice"])
        for event in bundle.events():
            try:
                self._see(event, is_meant=event.seq in meant)
            except UNREADABLE:  # the check of the chain has named it
                continue

    def _see(self, event: Entry, *, is_meant: bool) -> None:
        payload = event.payload
        row, table = payload.get("row") or {}, payload.get("table")
        if event.kind == "record.approved" and row["record_type"] == "disposal":
            content = json.loads(row["content"])
            self.disposed |= set(content.get("files", ())) if content.get("method") == "deleted" else set()
        if event.kind == "reference.frozen":
            self.units.setdefault(row["model"], {1.0}).add(2.0 ** row["error_exponent"])
            self.references.append((event.seq, row, payload.get("digests", {})))
        elif table == "objective_version":
            self.objectives[row["model"], row["objective"], row["version"]] = row
        if not is_meant or table not in self.keys:
            return
        key = tuple(str(row[name]) for name in self.keys[table])
        self.records.setdefault(table, {})[key] = row
        if event.kind == "run.finished":
            self.runs[event.subject] = event.seq, payload.get("digests", {})
            self.models.add(row["model"])
        elif table in {"occurrence", "effectiveness_window"}:
            self.bound.append((event.seq, row))
        elif table == "evidence_file":
            self.frozen[row["sha256"]] = row["path"]


def check_records(bundle: Bundle, subject: Subject) -> None:
    """The records are the last state that these entries wrote."""
    columns: dict[str, list[str]] = bundle.load("columns.json")
    count = 0
    for table in sorted(subject.keys):
        path = bundle.folder / "records" / (table + ".json")
        shown = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        rows = subject.records.get(table, {}).values()
        wanted = [{name: row.get(name) for name in columns[table]} for row in rows]
        if sorted(map(_text, shown)) != sorted(map(_text, wanted)):
            bundle.wrong.append(f"records/{table}.json: not what the entries of the ledger say")
        else:
            count += len(shown)
    bundle.right.append(f"{count} records are what the ledger's entries say")


def _text(row: object) -> str:
    return json.dumps(row, sort_keys=True, ensure_ascii=True)


def check_runs(bundle: Bundle, subject: Subject) -> list[str]:
    """The rows of every run have the digests that its entry states; gives the runs whose rows are right."""
    right = []
    for run, (seq, digests) in subject.runs.items():
        name, before = folder_of(run), len(bundle.wrong)
        for table, digest in sorted(digests.items()):
            lines = bundle.lines(f"runs/{name}/{table}.jsonl")
            if len(lines) != digest["rows"] or (lines and lines_digest(table, lines) != digest["sha256"]):
                bundle.wrong.append(f"runs/{name}: the rows of {table} are not those that entry {seq} states")
        if len(bundle.wrong) == before:
            right.append(run)
    known = {folder_of(run) for run in subject.runs}
    for path in sorted((bundle.folder / "runs").glob("*")):
        if path.name not in known:
            bundle.wrong.append(f"runs/{path.name}: no entry that the bundle is about finished this run")
    bundle.right.append(f"the rows of {len(right)} runs have the digests that the ledger states")
    return right


def folder_of(run: str) -> str:
    """The folder of a run: its id without what is no file name everywhere."""
    return run.replace("~", "_")


def check_bindings(bundle: Bundle, subject: Subject) -> None:
    """Failing windows and judged windows point at measurements and evaluations that are there."""
    count = 0
    for seq, row in subject.bound:
        for table in ("measurement", "evaluation"):
            wanted = row.get(table + "_hash")
            lines = bundle.lines(f"runs/{folder_of(row['run_id'])}/{table}.jsonl") if wanted else []
            if wanted in {lines_digest(table, [line]) for line in lines}:
                count += 1
            elif wanted and row["run_id"] in subject.runs:
                named = row["nonconformity"]
                bundle.wrong.append(f"ledger entry {seq}: the {table} that {named} points at is not there")
    if count:
        bundle.right.append(f"{count} measurements and evaluations that nonconformities point at are there")


def check_evidence(bundle: Bundle, subject: Subject) -> None:
    """Evidence files have the hashes of their entries, and none is missing that was not disposed of."""
    found = {}
    for path in sorted((bundle.folder / "evidence").rglob("*")):
        if path.is_file():
            found[sha256(path.read_bytes())] = path.name
    for digest in sorted(set(found) - set(subject.frozen)):
        bundle.wrong.append(f"evidence/{found[digest]}: no entry that the bundle is about froze this content")
    for digest in sorted(set(subject.frozen) - set(found)):
        named = f"evidence file {subject.frozen[digest]}"
        if digest in subject.disposed:
            bundle.limits.append(f"{named}: disposed of, as a record that was approved says")
        else:
            bundle.wrong.append(f"{named}: it is not in the bundle as it was frozen")
    if subject.frozen:
        bundle.right.append(f"{len(set(subject.frozen) & set(found))} evidence files are as they were frozen")


class Completeness:
    """Windows that were planned, and those that have an outcome."""

    def __init__(self) -> None:
        """Nothing is planned yet."""
        self.planned: dict[tuple[str, str, datetime, datetime], None] = {}

    def see(self, event: Entry) -> None:
        """Take up one entry."""
        payload = event.payload
        if event.kind == "slots.planned":
            for start, end in payload["windows"]:
                self.planned[event.subject, payload["monitor"], moment(start), moment(end)] = None
        elif event.kind == "run.finished":
            row = payload["row"]
            self.planned.pop((row["model"], row["monitor"], moment(row["window_start"]), moment(row["window_end"])), 0)

    def gaps(self) -> list[str]:
        """The windows that have no outcome."""
        return [f"{model}, {monitor}: {start:%Y-%m-%d %H:%M}Z" for model, monitor, start, _ in sorted(self.planned)]


def moment(text: str) -> datetime:
    """A moment from its ISO text."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def references_of(bundle: Bundle, subject: Subject) -> dict[tuple[str, str], list[Reference]]:
    """The references of the models whose runs are in the bundle, held against the entries that froze them."""
    columns: dict[str, list[str]] = bundle.load("columns.json")
    found: dict[tuple[str, str], list[Reference]] = {}
    if bundle.manifest["bundle"] < WITH_REFERENCES:
        return found
    known = {}
    for seq, row, digests in subject.references:
        if row["model"] not in subject.models:
            continue
        known[str(seq)] = row
        tables: list[dict[str, dict[str, Any]]] = []
        for table in ("reference_column", "statistics_column"):
            lines = bundle.lines(f"references/{seq}/{table}.jsonl")
            digest = digests.get(table, {"rows": 0})
            if len(lines) != digest["rows"] or (lines and lines_digest(table, lines) != digest["sha256"]):
                bundle.wrong.append(f"references/{seq}: the rows of {table} are not those that entry {seq} states")
            rows = [dict(zip(columns[table], json.loads(line))) for line in lines]
            whole = [one for one in rows if str(one.get("statistics_id", "/all")).endswith("/all")]
            tables.append({one["column_name"]: one for one in whole})
        found.setdefault((row["model"], row["name"]), []).append(Reference(*tables))
    for path in sorted((bundle.folder / "references").glob("*")):
        if path.name not in known:
            bundle.wrong.append(f"references/{path.name}: no entry froze this reference of a model in the bundle")
    return found


def recompute(bundle: Bundle, subject: Subject, runs: list[str]) -> None:
    """Compute measurements again from the statistics of their run, and hold verdicts against them."""
    columns: dict[str, list[str]] = bundle.load("columns.json")
    again = Again(references_of(bundle, subject), subject.objectives, subject.units)
    for run in runs:

        def rows(table: str, run: str = run) -> list[dict[str, Any]]:
            lines = bundle.lines(f"runs/{folder_of(run)}/{table}.jsonl")
            return [dict(zip(columns[table], json.loads(line))) for line in lines]

        again.see(run, rows)
    bundle.wrong += again.wrong
    bundle.right.append(f"{again.count} measurements follow from the stored statistics")
    bundle.right.append(f"{again.verdicts} verdicts follow from what was measured and the objective of then")
    if again.ranged:
        bundle.limits.append(f"{again.ranged} values were compared to within what thousandths of scores hide")
    left = sum(sum(metrics.values()) for metrics in again.left_out.values())
    if left:
        bundle.limits.append(
            f"{left} values were not computed again, and no interval was (aimsight verify --recompute)"
        )
    for reason, metrics in sorted(again.left_out.items()):
        named = ", ".join(f"{metric} ({count})" for metric, count in sorted(metrics.items()))
        bundle.limits.append(f"not computed again, {reason}: {named}")


def printable(text: str) -> str:
    """Text of the bundle that cannot move a terminal's cursor or change what is read."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def tell(bundle: Bundle, planned: Completeness, authority: Authority) -> int:
    """Print the three verdicts and what they rest on; gives the exit code."""
    gaps, last = planned.gaps(), bundle.manifest["last"]
    # A choice that ends before the ledger does cannot tell a gap from what was still to come.
    missing = gaps if not {"about", "to"} & set(bundle.manifest["choice"]) else []
    if gaps and not missing:
        bundle.limits.append(f"windows that had no outcome yet at entry {last}: {len(gaps)}; a later one may hold it")
    judged = authority.acts - authority.unjudged
    in_order = "no person has acted"
    if authority.acts:
        in_order = f"in order: {judged} acts of people" if judged else "cannot be told: nobody was on record yet"
    if authority.acts and authority.unjudged and judged:
        bundle.limits.append(f"acts before it was on record who the people are: {authority.unjudged}")
    alone = f", {len(authority.alone)} by one person alone" if authority.alone else ""
    wrong = [message for _, message in authority.wrong]
    for name, broken, well in (
        ("Integrity    ", bundle.wrong, "intact"),
        (
            "Completeness ",
            missing,
            f"every window planned by entry {last} has an outcome" if not gaps else "not broken",
        ),
        ("Authority    ", wrong, in_order + alone),
    ):
        print(name, f"BROKEN: {len(broken)} findings" if broken else well)
    for mark, lines in (
        ("ok   ", bundle.right),
        ("WRONG", bundle.wrong),
        ("WRONG", ["planned, without an outcome: " + gap for gap in missing]),
        ("WRONG", wrong),
        ("note ", authority.alone),
        ("note ", authority.changed),
        ("note ", bundle.limits),
    ):
        for line in lines[:MOST]:
            print(mark, printable(line))
        if len(lines) > MOST:
            print(mark, f"... and {len(lines) - MOST} more of this kind")
    count = len(bundle.wrong) + len(missing) + len(wrong)
    print("The bundle agrees with itself." if not count else f"{count} findings.")
    return 1 if count else 0


def main(arguments: list[str] | None = None) -> int:
    """Check the folder and print what was found; gives the exit code."""
    parser = argparse.ArgumentParser(description="Check an audit bundle with Python's standard library.")
    parser.add_argument("folder", nargs="?", default=str(Path(__file__).resolve().parent))
    parser.add_argument("--key", action="append", default=[], help="public key: ed25519:BASE64")
    parser.add_argument("--checkpoints", action="append", default=[], help="checkpoints that you have kept yourself")
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # terminals that know few letters
    try:
        bundle = Bundle(Path(options.folder))
        own = [Path(name) for name in options.checkpoints]
        planned, cycle, authority = Completeness(), LifeCycle(), Authority()
        check_files(bundle)
        theirs = sorted((bundle.folder / "checkpoints").glob("*"))
        wanted = {fields["size"] for _, fields in checkpoints([*theirs, *own])}
        hashes = check_chain(bundle, wanted, [planned.see, cycle.see, authority.see])
        bundle.wrong += [message for _, message in cycle.wrong]
        check_checkpoints(bundle, hashes, own, options.key)
        subject = Subject(bundle)
        check_records(bundle, subject)
        runs = check_runs(bundle, subject)
        check_bindings(bundle, subject)
        check_evidence(bundle, subject)
        recompute(bundle, subject, runs)
    except UNREADABLE as error:
        print("WRONG", printable(f"{options.folder}: this is no bundle, or a part of it cannot be read: {error}"))
        return 1
    return tell(bundle, planned, authority)


if __name__ == "__main__":
    sys.exit(main())

"""Check an audit bundle, offline and with nothing but Python's standard library.

    python check_bundle.py [FOLDER] [--key ed25519:BASE64] [--checkpoints FILE]

What is checked, each on its own:

1. every file has the SHA-256 that the manifest states, and no file was added;
2. the ledger's entries follow from each other, hash by hash;
3. the checkpoints in the bundle (and any that you have kept yourself: --checkpoints) agree with the chain; their
   signatures need the library "cryptography" and a public key that you have from elsewhere (--key);
4. the records are what the ledger's entries say, and the rows of every run have the digest that its entry states;
5. evidence files have the hash under which they were frozen;
6. measurements are computed again from the stored statistics, with the formulas written here.

Exit code 0: everything agrees. 1: something does not. What a bundle cannot show is printed at the end.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEDGER_TAG = b"aimsight ledger entry v1\n"
CHECKPOINT_TAG = b"aimsight checkpoint v1\n"
CHECKER = "check_bundle.py"
TOLERANCE = 1e-9


def sha256(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def lines_digest(table: str, lines: list[str]) -> str:
    """The digest of a table's rows: SHA-256 over its name and the sorted lines."""
    return sha256("\n".join(["aimsight rows v1 " + table, *sorted(lines), ""]).encode("ascii"))


class Bundle:
    """The folder, what was found wrong in it, and what was found right."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest."""
        self.folder = folder
        self.wrong: list[str] = []
        self.right: list[str] = []
        self.limits: list[str] = []
        self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self.entries: list[dict[str, Any]] = []

    def lines(self, name: str) -> list[str]:
        """The lines of a file; none when it is not there."""
        path = self.folder / name
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []

    def load(self, name: str) -> Any:  # noqa: ANN401  # whatever JSON holds
        """A file of JSON."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


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
    for name in sorted(set(stated) & found):
        if sha256((bundle.folder / name).read_bytes()) != stated[name]:
            bundle.wrong.append(name + ": the content is not what the manifest states")
    bundle.right.append(f"{len(stated)} files as the manifest states")


def check_chain(bundle: Bundle) -> dict[int, str]:
    """Every entry follows from the one before; gives the hash of each entry by its number."""
    hashes: dict[int, str] = {}
    seq, previous = int(bundle.manifest["first"]) - 1, str(bundle.manifest["previous"])
    for line in bundle.lines("ledger.jsonl"):
        row = json.loads(line)
        content = row["entry"].encode("utf-8")
        seq += 1
        text = LEDGER_TAG + seq.to_bytes(8, "big") + bytes.fromhex(previous) + len(content).to_bytes(8, "big") + content
        if row["seq"] != seq or row["hash"] != sha256(text):
            bundle.wrong.append("ledger entry {}: it does not follow from the entry before it".format(row["seq"]))
            return hashes
        previous = row["hash"]
        hashes[seq] = previous
        bundle.entries.append(dict(json.loads(row["entry"]), seq=seq))
    if seq != bundle.manifest["last"] or previous != bundle.manifest["head"]:
        bundle.wrong.append(f"the ledger ends at entry {seq}, the manifest says {bundle.manifest['last']}")
    bundle.right.append(f"ledger entries {bundle.manifest['first']} to {seq} follow from each other")
    return hashes


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
    if not mine and not signed:
        bundle.limits.append(
            "the checkpoints come with the bundle: only a copy that you have kept yourself (--checkpoints) or a "
            "signature by a key that you know (--key) shows that the whole was not made anew"
        )


def _reach(bundle: Bundle, hashes: dict[int, str], files: list[Path], keys: list[str]) -> tuple[int, int]:
    """The last entries that checkpoints of these files vouch for, and that signed ones do."""
    anchored = signed = 0
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                fields = json.loads(line)
                size, head, origin = int(fields["size"]), str(fields["head"]), str(fields["origin"])
            except (ValueError, KeyError, TypeError):
                continue
            genuine = bool(keys) and "signature" in fields and is_signed(fields, keys)
            where = f"{path.name}, line {number}"
            if origin != bundle.manifest["origin"]:
                bundle.wrong.append(f"{where}: a checkpoint of another ledger")
            elif keys and "signature" in fields and not genuine:
                bundle.wrong.append(f"{where}: the signature is by none of the keys given")
            elif hashes.get(size, head) != head:
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


def check_records(bundle: Bundle) -> None:
    """The records are the last state that the entries of the bundle wrote."""
    columns: dict[str, list[str]] = bundle.load("columns.json")
    keys: dict[str, list[str]] = bundle.load("keys.json")
    state: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {}
    for entry in bundle.entries:
        payload = entry["payload"]
        table = payload.get("table")
        if table in keys:
            key = tuple(str(payload["row"][name]) for name in keys[table])
            state.setdefault(table, {})[key] = payload["row"]
    count = 0
    for table in sorted(keys):
        path = bundle.folder / "records" / (table + ".json")
        shown = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        wanted = [{name: row.get(name) for name in columns[table]} for row in state.get(table, {}).values()]
        if sorted(map(_text, shown)) != sorted(map(_text, wanted)):
            bundle.wrong.append(f"records/{table}.json: not what the entries of the ledger say")
        count += len(shown)
    bundle.right.append(f"{count} records are what the ledger's entries say")


def _text(row: Any) -> str:  # noqa: ANN401  # whatever JSON holds
    return json.dumps(row, sort_keys=True, ensure_ascii=True)


def check_runs(bundle: Bundle) -> Iterator[str]:
    """The rows of every run have the digests that its entry states; gives the runs whose rows are here and right."""
    count = 0
    for entry in bundle.entries:
        if entry["kind"] != "run.finished":
            continue
        run = entry["subject"]
        folder = bundle.folder / "runs" / folder_of(run)
        if not folder.is_dir():
            continue
        good = True
        for table, digest in sorted(entry["payload"].get("digests", {}).items()):
            lines = bundle.lines(f"runs/{folder_of(run)}/{table}.jsonl")
            if len(lines) != digest["rows"] or lines_digest(table, lines) != digest["sha256"]:
                bundle.wrong.append(
                    f"runs/{folder.name}: the rows of {table} are not those that entry {entry['seq']} states"
                )
                good = False
        count += 1
        if good:
            yield run
    bundle.right.append(f"the rows of {count} runs have the digests that the ledger states")


def folder_of(run: str) -> str:
    """The folder of a run: its id without what is no file name everywhere."""
    return run.replace("~", "_")


def check_evidence(bundle: Bundle) -> None:
    """Evidence files have the hashes of their entries."""
    frozen = {
        entry["payload"]["row"]["sha256"]
        for entry in bundle.entries
        if entry["payload"].get("table") == "evidence_file"
    }
    found = [path for path in sorted((bundle.folder / "evidence").rglob("*")) if path.is_file()]
    for path in found:
        if sha256(path.read_bytes()) not in frozen:
            bundle.wrong.append(f"evidence/{path.name}: no entry of the ledger froze this content")
    missing = len(frozen - {sha256(path.read_bytes()) for path in found})
    if found:
        bundle.right.append(f"{len(found)} evidence files are as they were frozen")
    if missing:
        bundle.limits.append(f"{missing} evidence files that the ledger names are not in the bundle")


def recompute(bundle: Bundle, runs: list[str]) -> None:
    """Compute measurements again from the statistics of their run."""
    columns: dict[str, list[str]] = bundle.load("columns.json")
    count, others = 0, set()
    for run in runs:

        def rows(table: str, run: str = run) -> list[dict[str, Any]]:
            lines = bundle.lines(f"runs/{folder_of(run)}/{table}.jsonl")
            return [dict(zip(columns[table], json.loads(line))) for line in lines]  # noqa: B905  # new in Python 3.10

        segments = {row["segment"]: row for row in rows("statistics_segment")}
        for row in rows("measurement"):
            formula = FORMULAS.get(row["metric"])
            part = segments.get(row["segment"])
            if row["value"] is None or part is None or row["column_name"]:
                continue
            value = formula(part) if formula else None
            if value is None:
                others.add(row["metric"])
                continue
            count += 1
            if not math.isclose(value, row["value"], rel_tol=TOLERANCE, abs_tol=TOLERANCE):
                bundle.wrong.append(
                    f"{row['metric']} of run {run[:12]}: {row['value']!r} is stored, its statistics give {value!r}"
                )
    bundle.right.append(f"{count} measurements follow from the stored statistics")
    if others:
        bundle.limits.append("no formula for them here, so not computed again: " + ", ".join(sorted(others)))


def ratio(above: float, below: float) -> float | None:
    """The quotient, or None when there is nothing to divide by."""
    return above / below if below else None


def classes(row: dict[str, Any]) -> tuple[int, int] | None:
    """Right decisions and all decisions of a multiclass model."""
    matrix = row["class_matrix"]
    if not matrix:
        return None
    size = math.isqrt(len(matrix))
    return sum(matrix[i * size + i] for i in range(size)), sum(matrix)


def accuracy(row: dict[str, Any]) -> float | None:
    """Share of right decisions."""
    if row["true_positive"] is not None:
        right = row["true_positive"] + row["true_negative"]
        return ratio(right, right + row["false_positive"] + row["false_negative"])
    found = classes(row)
    return ratio(*found) if found else None


def of_binary(
    above: Callable[[dict[str, Any]], int], below: Callable[[dict[str, Any]], int]
) -> Callable[[dict[str, Any]], float | None]:
    """A ratio of counts of a binary model."""
    return lambda row: None if row["true_positive"] is None else ratio(above(row), below(row))


def of_scores(name: str, unit: float) -> Callable[[dict[str, Any]], float | None]:
    """The mean of a sum over scored rows, kept as an integer in a unit."""
    return lambda row: None if row[name] is None else ratio(int(row[name]) * unit, row["scored"])


FORMULAS: dict[str, Callable[[dict[str, Any]], float | None]] = {
    "performance.accuracy": accuracy,
    "performance.precision": of_binary(
        lambda r: r["true_positive"], lambda r: r["true_positive"] + r["false_positive"]
    ),
    "performance.recall": of_binary(lambda r: r["true_positive"], lambda r: r["true_positive"] + r["false_negative"]),
    "performance.f1": of_binary(
        lambda r: 2 * r["true_positive"], lambda r: 2 * r["true_positive"] + r["false_positive"] + r["false_negative"]
    ),
    "performance.false_positive_rate": of_binary(
        lambda r: r["false_positive"], lambda r: r["false_positive"] + r["true_negative"]
    ),
    "performance.selection_rate": of_binary(lambda r: r["binary_selected"], lambda r: r["binary_predicted"]),
    "performance.brier": of_scores("score_brier", 2.0**-50),
    "performance.log_loss": of_scores("score_loss", 2.0**-40),
    "quality.rows": lambda row: float(row["rows"]),
    "quality.label_coverage": lambda row: ratio(row["labelled"], row["rows"]),
}


def main() -> int:
    """Check the folder and print what was found."""
    parser = argparse.ArgumentParser(description="Check an audit bundle with Python's standard library.")
    parser.add_argument("folder", nargs="?", default=str(Path(__file__).resolve().parent))
    parser.add_argument("--key", action="append", default=[], help="public key: ed25519:BASE64")
    parser.add_argument("--checkpoints", action="append", default=[], help="checkpoints that you have kept yourself")
    options = parser.parse_args()
    bundle = Bundle(Path(options.folder))
    check_files(bundle)
    hashes = check_chain(bundle)
    check_checkpoints(bundle, hashes, [Path(name) for name in options.checkpoints], options.key)
    check_records(bundle)
    runs = list(check_runs(bundle))
    check_evidence(bundle)
    recompute(bundle, runs)
    for mark, lines in (("ok   ", bundle.right), ("WRONG", bundle.wrong), ("note ", bundle.limits)):
        for line in lines:
            print(mark, line)
    print("The bundle agrees with itself." if not bundle.wrong else f"{len(bundle.wrong)} findings.")
    return 1 if bundle.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Checkpoints: the ledger's head, appended outside the database after every commit, one JSON line each.

They are what makes a cut-off tail or a rewritten ledger visible; keep at least one of the files where nobody who can
write the database can write. A file may lag behind the ledger (a crash between commit and append): the next write adds
the head. Lines are never changed; a line torn by a crash stays and is skipped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aimsight.configs.canonical import canonical_json
from aimsight.configs.errors import StoreError
from aimsight.store.findings import Finding
from aimsight.store.ledger import Head, moment_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aimsight.store.seams import FileSystem

_TAIL = 4096


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The ledger ``origin`` had ``size`` entries and the last one's hash was ``head`` (hex) at ``time``."""

    origin: str
    size: int
    head: str
    time: datetime

    def line(self) -> bytes:
        """The canonical JSON line."""
        fields = {"head": self.head, "origin": self.origin, "size": self.size, "time": moment_text(self.time)}
        return canonical_json(fields) + b"\n"


def parse(line: bytes) -> Checkpoint | None:
    """A checkpoint from its line; ``None`` when the line is not one."""
    try:
        fields = json.loads(line)
        time = datetime.fromisoformat(fields["time"])
        checkpoint = Checkpoint(str(fields["origin"]), int(fields["size"]), str(fields["head"]), time)
        return checkpoint if checkpoint.line().strip() == line.strip() else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def append(files: FileSystem, paths: Sequence[Path], head: Head, now: datetime) -> None:
    """Add the head to every file after a commit; all files are tried before an error is raised.

    Raises
    ------
    StoreError
        When a file could not be written. The commit itself stands.
    """
    failed = _try_all(files, paths, head, now)
    if failed:
        raise StoreError(
            f"everything was committed, but the checkpoint could not be written to {', '.join(failed)}; "
            "the next write adds it"
        )


def repair(files: FileSystem, paths: Sequence[Path], head: Head, now: datetime) -> None:
    """Add the head to the files that do not end with it and do not lie ahead of it, before anything new is written.

    Raises
    ------
    StoreError
        When a file cannot be read or written.
    """
    behind = []
    for path in paths:
        last = _last(files, path)
        if last is None or (last.origin == head.origin and last.size < head.seq):
            behind.append(path)
    failed = _try_all(files, behind, head, now)
    if failed:
        raise StoreError(f"the checkpoint cannot be written to {', '.join(failed)}; nothing was written to the store")


@dataclass(frozen=True, slots=True)
class AnchorFile:
    """The checkpoints of one file, the numbers of lines that are none, and whether the file is there."""

    anchors: tuple[Anchor, ...]
    unreadable: tuple[int, ...]
    exists: bool


@dataclass(frozen=True, slots=True)
class Anchor:
    """One checkpoint and the line it stands in."""

    line: int
    origin: str
    size: int
    head: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one file says about a ledger; ``anchored`` entries from the first are vouched for by it."""

    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    anchored: int


def anchors(files: FileSystem, path: Path) -> AnchorFile:
    """Read a checkpoint file."""
    found: list[Anchor] = []
    unreadable: list[int] = []
    for number, line in enumerate(_content(files, path).split(b"\n"), start=1):
        if not line.strip():
            continue
        checkpoint = parse(line)
        if checkpoint is None:
            unreadable.append(number)
        else:
            found.append(Anchor(number, checkpoint.origin, checkpoint.size, checkpoint.head))
    return AnchorFile(tuple(found), tuple(unreadable), path.exists())


def compare(path: Path, file: AnchorFile, origin: str, entries: int, hashes: Mapping[int, str]) -> Comparison:
    """Hold a ledger of ``entries`` entries against a file; ``hashes`` has the hash of each entry the file names."""
    findings: list[Finding] = []
    warnings = [f"{path}, line {number}: not a checkpoint (torn by a crash?)" for number in file.unreadable]
    if not file.exists:
        warnings.append(f"{path}: there is no such checkpoint file")
    anchored = 0
    for anchor in file.anchors:
        where = f"{path}, line {anchor.line}"
        if anchor.origin != origin:
            findings.append(Finding(None, f"{where}: a checkpoint of another ledger ({anchor.origin})"))
        elif anchor.size > entries:
            missing = f"the ledger had {anchor.size} entries, now it has {entries}"
            findings.append(Finding(entries + 1, f"{where}: truncated: {missing}"))
        elif hashes.get(anchor.size) != anchor.head:
            forked = f"forked: entry {anchor.size} or one before it was rewritten after this checkpoint"
            findings.append(Finding(anchor.size, f"{where}: {forked}"))
        else:
            anchored = max(anchored, anchor.size)
    return Comparison(tuple(findings), tuple(warnings), anchored)


def _try_all(files: FileSystem, paths: Sequence[Path], head: Head, now: datetime) -> list[str]:
    """Add the head to every file; the files in which that failed, with the reasons."""
    failed = []
    for path in paths:
        try:
            _append(files, path, head, now)
        except OSError as error:
            failed.append(f"{path} ({error.strerror or error})")
    return failed


def _append(files: FileSystem, path: Path, head: Head, now: datetime) -> None:
    files.make_folder(path.parent)
    torn = files.read_tail(path, 1) not in {b"", b"\n"}
    line = Checkpoint(head.origin, head.seq, head.hash.hex(), now).line()
    files.append(path, b"\n" + line if torn else line)


def _last(files: FileSystem, path: Path) -> Checkpoint | None:
    for line in reversed(_content(files, path, _TAIL).split(b"\n")):
        checkpoint = parse(line)
        if checkpoint is not None:
            return checkpoint
    return None


def _content(files: FileSystem, path: Path, last: int | None = None) -> bytes:
    try:
        return files.read_tail(path, last)
    except OSError as error:
        raise StoreError(f"{path}: the checkpoint file cannot be read: {error.strerror or error}") from error

"""Checkpoints: the ledger's head, appended outside the database after every commit, one JSON line each.

They are what makes a cut-off tail or a rewritten ledger visible; keep at least one of the files where nobody who can
write the database can write. A file may lag behind the ledger (a crash between commit and append): the next write adds
the head. Lines are never changed; a line torn by a crash stays and is skipped.

A line may be signed: then it also shows who vouched for the head, to anybody who has the public key. Whoever can write
both the database and the file can make unsigned lines anew; for signed ones the private key is needed as well.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from aimsight.configs.canonical import canonical_json
from aimsight.configs.errors import StoreError
from aimsight.store.findings import Finding
from aimsight.store.ledger import Head, moment_text
from aimsight.store.signing import Signature, is_valid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aimsight.store.seams import FileSystem
    from aimsight.store.signing import Signer

_TAIL = 4096


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The ledger ``origin`` had ``size`` entries and the last one's hash was ``head`` (hex) at ``time``."""

    origin: str
    size: int
    head: str
    time: datetime
    signature: Signature | None = None

    def content(self) -> bytes:
        """What is signed: the canonical JSON without the signature."""
        return canonical_json(self._fields())

    def line(self) -> bytes:
        """The canonical JSON line."""
        signed = {} if self.signature is None else {"key": self.signature.key, "signature": self.signature.value}
        return canonical_json({**self._fields(), **signed}) + b"\n"

    def _fields(self) -> dict[str, str | int]:
        return {"head": self.head, "origin": self.origin, "size": self.size, "time": moment_text(self.time)}


def parse(line: bytes) -> Checkpoint | None:
    """A checkpoint from its line; ``None`` when the line is not one."""
    try:
        fields = json.loads(line)
        time = datetime.fromisoformat(fields["time"])
        signature = Signature(str(fields["key"]), str(fields["signature"])) if "signature" in fields else None
        checkpoint = Checkpoint(str(fields["origin"]), int(fields["size"]), str(fields["head"]), time, signature)
        return checkpoint if checkpoint.line().strip() == line.strip() else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def append(files: FileSystem, paths: Sequence[Path], head: Head, now: datetime, signer: Signer | None = None) -> None:
    """Add the head to every file after a commit; all files are tried before an error is raised.

    Raises
    ------
    StoreError
        When a file could not be written. The commit itself stands.
    """
    failed = _try_all(files, paths, made(head, now, signer))
    if failed:
        raise StoreError(
            f"everything was committed, but the checkpoint could not be written to {', '.join(failed)}; "
            "the next write adds it"
        )


def repair(files: FileSystem, paths: Sequence[Path], head: Head, now: datetime, signer: Signer | None = None) -> None:
    """Add the head to the files that do not end with it and do not lie ahead of it, before anything new is written.

    Raises
    ------
    StoreError
        When a file cannot be read or written, or the key that signs cannot be used.
    """
    if signer is not None:
        signer.ready()
    behind = []
    for path in paths:
        last = _last(files, path)
        if last is None or (last.origin == head.origin and last.size < head.seq):
            behind.append(path)
    failed = _try_all(files, behind, made(head, now, signer)) if behind else []
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
    checkpoint: Checkpoint

    @property
    def size(self) -> int:
        """How many entries it vouches for."""
        return self.checkpoint.size


@dataclass(frozen=True, slots=True)
class Claim:
    """Checkpoints that somebody else vouches for, and what they are called: a time stamp, a message kept."""

    name: str
    checkpoints: tuple[Checkpoint, ...]

    def as_file(self) -> AnchorFile:
        """The same as the content of a file."""
        return AnchorFile(tuple(Anchor(i, one) for i, one in enumerate(self.checkpoints, start=1)), (), True)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one checkpoint file or anchor vouches for the ledger: entries 1 to ``anchored``, 1 to ``signed``."""

    name: str
    anchored: int
    signed: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one file says about a ledger: so many entries from the first are vouched for by it, and by a signature."""

    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    anchored: int
    signed: int = 0


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
            found.append(Anchor(number, checkpoint))
    return AnchorFile(tuple(found), tuple(unreadable), path.exists())


def compare(
    path: Path | str,
    file: AnchorFile,
    origin: str,
    entries: int,
    hashes: Mapping[int, str],
    trusted: Sequence[bytes] = (),
) -> Comparison:
    """Hold a ledger of ``entries`` entries against a file (or what ``path`` names otherwise).

    ``hashes`` has the hash of each entry the file names, ``trusted`` the public keys whose signatures count. A line
    whose signature is by none of them is a finding; without trusted keys nothing is known of any signature.
    """
    findings: list[Finding] = []
    warnings = [f"{path}, line {number}: not a checkpoint (torn by a crash?)" for number in file.unreadable]
    if not file.exists:
        warnings.append(f"{path}: there is no such checkpoint file")
    truncated: list[Anchor] = []
    forked: list[Anchor] = []
    anchored = signed = 0
    for anchor in file.anchors:
        where, one = f"{path}, line {anchor.line}", anchor.checkpoint
        genuine = one.signature is not None and bool(trusted) and is_valid(one.content(), one.signature, trusted)
        if one.origin != origin:
            findings.append(Finding(None, f"{where}: a checkpoint of another ledger ({one.origin})"))
        elif one.signature is not None and trusted and not genuine:
            findings.append(Finding(None, f"{where}: the signature is by none of the trusted keys, or of another line"))
        elif anchor.size > entries:
            truncated.append(anchor)
        elif hashes.get(anchor.size) != one.head:
            forked.append(anchor)
        else:
            anchored = max(anchored, anchor.size)
            signed = max(signed, anchor.size if genuine else 0)
    for anchor in sorted(forked, key=_size)[:1]:
        what = f"forked: entry {anchor.size} or one before it was rewritten after this checkpoint"
        findings.append(Finding(anchor.size, f"{path}, line {anchor.line}: {what}{_as_well(forked)}"))
    for anchor in sorted(truncated, key=_size)[-1:]:
        what = f"truncated: the ledger had {anchor.size} entries, now it has {entries}"
        findings.append(Finding(entries + 1, f"{path}, line {anchor.line}: {what}{_as_well(truncated)}"))
    return Comparison(tuple(findings), tuple(warnings), anchored, signed)


def _size(anchor: Anchor) -> int:
    return anchor.size


def _as_well(anchors: Sequence[Anchor]) -> str:
    """How many more lines say the same."""
    more = len(anchors) - 1
    return f" ({more} other {'line says' if more == 1 else 'lines say'} so, too)" if more else ""


def made(head: Head, now: datetime, signer: Signer | None) -> Checkpoint:
    """The checkpoint of a head, signed where there is a key."""
    found = Checkpoint(head.origin, head.seq, head.hash.hex(), now)
    return found if signer is None else replace(found, signature=signer.sign(found.content()))


def _try_all(files: FileSystem, paths: Sequence[Path], checkpoint: Checkpoint) -> list[str]:
    """Add a checkpoint to every file; the files in which that failed, with the reasons."""
    failed = []
    for path in paths:
        try:
            _append(files, path, checkpoint)
        except OSError as error:
            failed.append(f"{path} ({error.strerror or error})")
    return failed


def _append(files: FileSystem, path: Path, checkpoint: Checkpoint) -> None:
    files.make_folder(path.parent)
    torn = files.read_tail(path, 1) not in {b"", b"\n"}
    line = checkpoint.line()
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

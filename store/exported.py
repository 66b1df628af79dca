"""What left the house: every export is an entry of the ledger, with who took what, and the hash of it.

An export that nothing has followed yet is no part of the next one, so that exporting twice gives the same bytes.
"""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from aimsight.store.records import append_event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aimsight.store.database import Reader, Store

EXPORTED = "export.made"
"""The kind of the event."""
LAST = f"(SELECT max(seq) FROM ledger WHERE kind <> '{EXPORTED}')"
"""The last entry that an export is about, in SQL."""


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file as it left: its name, without where it lies, and its content's hash and size."""

    name: str
    sha256: str
    bytes: int

    @classmethod
    def of(cls, path: Path, name: str) -> ExportedFile:
        """The file at a path, under the name that it is given to people with."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(name, digest, path.stat().st_size)


def last_entry(reader: Reader) -> int:
    """The last entry that an export made now is about."""
    return int(reader.tuples(f"SELECT {LAST}")[0][0])


def part_of(target: Path) -> Path:
    """Where a file is written until the ledger says that it was taken out."""
    return target.with_name(f"{target.name}.part")


def release(
    store: Store, actor: str, what: str, targets: Sequence[Path], *, entries: int, about: str = "everything"
) -> None:
    """Record the export of files that lie in their parts, then put them in their places; or leave none behind."""
    try:
        for target in targets:
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
        files = [ExportedFile.of(part_of(target), target.name) for target in targets]
        record_export(store, actor, what, files, entries=entries, about=about)
        for target in targets:
            part_of(target).replace(target)
    finally:
        for target in targets:
            part_of(target).unlink(missing_ok=True)


def record_export(
    store: Store, actor: str, what: str, files: Sequence[ExportedFile], *, entries: int, about: str = "everything"
) -> None:
    """Put on record that somebody takes files out; to be done before they can.

    Parameters
    ----------
    what
        What it is, for people: ``audit bundle``, ``OSCAL``.
    files
        Every file, or the one whose content has the hashes of the others.
    entries
        How far the ledger reached that it was made from.
    about
        What was chosen.
    """
    payload = {"what": what, "about": about, "entries": entries, "files": [asdict(file) for file in files]}
    with store.write() as tx:
        append_event(tx, EXPORTED, what, actor, payload)

"""Files as evidence: what is refused, and how one is noted under its hash.

A file is put into the project's evidence folder first and attached from there; its name, size and SHA-256 enter the
ledger, the file itself stays where it is.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from aimsight.aims.people import Actor, require
from aimsight.configs.errors import AimsightError, quoted_list
from aimsight.store.records import EvidenceFile, nonconformity, save_evidence_file

if TYPE_CHECKING:
    from aimsight.configs.load import Project
    from aimsight.store.database import Transaction

_TEXT = frozenset({".txt", ".md", ".yaml", ".yml"})
_DATA = frozenset({".csv", ".tsv", ".json", ".log", ".eml", ".parquet"})
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
_OFFICE = frozenset({".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp"})
ALLOWED = _TEXT | _DATA | _PICTURES | _OFFICE | {".pdf"}
"""Types that show something and run nothing; macro documents, archives, pages and scripts are not among them."""
_STARTS = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe")
_MARKUP = re.compile(rb"<\s*(script|svg|html|iframe|object|embed)\b|<!doctype html", re.IGNORECASE)
_PDF_ACTIONS = (b"/JavaScript", b"/JS", b"/Launch", b"/EmbeddedFile")
_MACROS = (b"vbaProject.bin", b"macrosheets/")
MEGABYTE = 1_000_000


class AttachmentError(AimsightError):
    """A file that is not taken as evidence, and why."""


def attach(tx: Transaction, project: Project, name: str, path: Path, kind: str, actor: Actor) -> EvidenceFile:
    """Note a file of the evidence folder as evidence of a nonconformity.

    Parameters
    ----------
    path
        The file; relative paths are looked for in the evidence folder.
    kind
        What it is, for people: ``"test report"``.

    Raises
    ------
    AttachmentError
        The file lies outside the evidence folder, is larger than allowed, or of a type that executes.
    """
    require(actor, doing=f"attach a file to {name}")
    record = nonconformity(tx, name)
    folder = (project.root / project.config.evidence).resolve()
    found = checked(folder, path, project.config.nonconformities.largest_file * MEGABYTE)
    with found.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    known = tx.rows(
        "SELECT * FROM evidence_file WHERE sha256 = ? AND nonconformity = ?", [digest, record.nonconformity]
    )
    if known:
        return EvidenceFile.from_row(known[0])
    made = EvidenceFile(
        digest,
        found.relative_to(folder).as_posix(),
        record.nonconformity,
        kind,
        tx.clock.now(),
        found.stat().st_size,
    )
    save_evidence_file(tx, made, actor=actor.id)
    return made


def checked(folder: Path, path: Path, largest: int) -> Path:
    """The real path of a file that may be attached.

    Raises
    ------
    AttachmentError
        Saying what is wrong with it and what would be right.
    """
    asked = path if path.is_absolute() else _first_existing(folder / path, Path.cwd() / path)
    found = asked.resolve()
    if not found.is_relative_to(folder):
        raise AttachmentError(f"{path} lies outside the evidence folder; copy it to {folder} and attach it from there")
    if not found.is_file():
        raise AttachmentError(f"{path}: there is no such file in {folder}")
    size = found.stat().st_size
    if size > largest:
        raise AttachmentError(
            f"{path} has {size / MEGABYTE:.1f} MB, and evidence has at most {largest / MEGABYTE:g} MB "
            "(nonconformities.largest_file in aimsight.yaml)"
        )
    if size == 0:
        raise AttachmentError(f"{path} is empty, so it shows nothing")
    suffix = found.suffix.casefold()
    if suffix not in ALLOWED:
        raise AttachmentError(
            f"{path} is of a type that is not taken as evidence ({suffix or 'none'}): it may execute; "
            f"taken are {quoted_list(sorted(ALLOWED), limit=40)}"
        )
    _refuse_executable(path, suffix, found.read_bytes())
    return found


def _first_existing(*paths: Path) -> Path:
    return next((path for path in paths if path.exists()), paths[0])


def _refuse_executable(path: Path, suffix: str, content: bytes) -> None:
    """Look at the content: a name says little."""
    if content.startswith(_STARTS):
        raise AttachmentError(f"{path} is a program, whatever its name says")
    if suffix in _TEXT and _MARKUP.search(content[:MEGABYTE]):
        raise AttachmentError(f"{path} holds a page or a script, which a viewer may execute")
    if content.startswith(b"%PDF") and any(action in content for action in _PDF_ACTIONS):
        raise AttachmentError(f"{path} is a PDF that runs scripts, starts programs or carries files")
    if suffix in _OFFICE and any(macro in content for macro in _MACROS):
        raise AttachmentError(f"{path} holds macros")

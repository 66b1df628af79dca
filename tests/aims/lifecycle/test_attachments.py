"""Files as evidence: kept under their hash; what executes, lies elsewhere or is too large is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from aimsight.aims.lifecycle.attachments import AttachmentError, attach, checked
from aimsight.aims.people import AuthorityError
from aimsight.store.verify import verify
from aimsight.tests.aims.lifecycle.desks import AUDITOR, OWNER, Desk


@pytest.fixture
def folder(desk: Desk) -> Path:
    """The project's evidence folder."""
    made: Path = desk.project.root / desk.project.config.evidence
    made.mkdir(parents=True)
    return made


def test_a_file_is_noted_under_its_hash(desk: Desk, folder: Path) -> None:
    """Attached twice it is one record; when it changes afterwards, verification says so."""
    file = folder / "report.pdf"
    file.write_bytes(b"%PDF-1.7 a report")
    for _ in range(2):
        with desk.store.write() as tx:
            record = attach(tx, desk.project, desk.name, Path("report.pdf"), "report", desk.who(OWNER))
    assert record.sha256 == hashlib.sha256(b"%PDF-1.7 a report").hexdigest()
    assert (record.path, record.bytes, record.kind) == ("report.pdf", 17, "report")
    assert verify(desk.store, evidence=folder).intact
    file.write_bytes(b"%PDF-1.7 another")
    assert [str(one) for one in verify(desk.store, evidence=folder).findings] == [
        "evidence file report.pdf: its content has changed"
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("run.exe", b"MZ...", "type that is not taken as evidence"),
        ("run", b"#!/bin/sh", r"\(none\)"),
        ("page.html", b"<html>", "may execute"),
        ("picture.svg", b"<svg onload=x>", "may execute"),
        ("macro.docm", b"PK", "may execute"),
        ("archive.zip", b"PK", "may execute"),
        ("photo.png", b"MZ\x90", "is a program, whatever its name says"),
        ("notes.txt", b"\x7fELF", "is a program"),
        ("notes.md", b"see <script>alert(1)</script>", "a page or a script"),
        ("notes.txt", b"<!DOCTYPE html><p>", "a page or a script"),
        ("form.pdf", b"%PDF-1.7 /OpenAction << /S /JavaScript >>", "runs scripts"),
        ("sheet.xlsx", b"PK xl/vbaProject.bin", "holds macros"),
        ("empty.txt", b"", "is empty"),
        ("large.csv", b"1" * 101, "has 0.0 MB, and evidence has at most 0.0001 MB"),
    ],
)
def test_what_is_refused(folder: Path, name: str, content: bytes, said: str) -> None:
    """By its type, by what it really is, and by its size."""
    (folder / name).write_bytes(content)
    with pytest.raises(AttachmentError, match=said):
        checked(folder, Path(name), 100)


def test_only_from_the_evidence_folder(folder: Path, tmp_path: Path) -> None:
    """A path out of it, a link out of it, a folder, nothing: refused."""
    outside = tmp_path / "secret.txt"
    outside.write_text("x")
    (folder / "link.txt").symlink_to(outside)
    (folder / "sub.txt").mkdir()
    for path in (outside, Path("../../secret.txt"), Path("link.txt")):
        with pytest.raises(AttachmentError, match="lies outside the evidence folder"):
            checked(folder.resolve(), path, 100)
    for path in (Path("sub.txt"), Path("gone.txt")):
        with pytest.raises(AttachmentError, match="there is no such file"):
            checked(folder.resolve(), folder / path, 100)


def test_an_auditor_attaches_nothing(desk: Desk, folder: Path) -> None:
    """Evidence is a change of the record."""
    (folder / "a.txt").write_text("x")
    with desk.store.write() as tx, pytest.raises(AuthorityError):
        attach(tx, desk.project, desk.name, Path("a.txt"), "note", desk.who(AUDITOR))

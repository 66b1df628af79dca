"""Disposal: what has been kept long enough, what a legal hold blocks, and the approved end of an evidence file."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.aims.people import Actor, AuthorityError, Role
from aimsight.aims.registers import service
from aimsight.aims.registers.disposing import delete_disposed, due_for_disposal
from aimsight.aims.registers.service import RegisterError
from aimsight.store.records import EvidenceFile, save_evidence_file
from aimsight.store.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

    from aimsight.store.database import Store

ANN = Actor("ann@example.org", frozenset({Role.OWNER, Role.APPROVER}))
BEN = Actor("ben@example.org", frozenset({Role.APPROVER}))
TODAY = date(2026, 5, 4)
CONTENT = b"what was seen"
SHA = hashlib.sha256(CONTENT).hexdigest()
HELD = {
    "title": "Wage band",
    "owner": "ann@example.org",
    "intended_use": "Suggests a band.",
    "in_scope": True,
    "scope_reason": "It concerns people.",
    "stage": "retired",
    "event_at": "2020-01-01",
    "legal_hold": True,
}


def rule(store: Store, applies_to: str, period: str) -> str:
    """An approved retention rule."""
    given = {
        "title": f"Keeping {applies_to}",
        "applies_to": applies_to,
        "period": period,
        "from_event": "the event",
        "basis": "Own decision.",
        "disposition": "Deleted, approved by a second person.",
    }
    with store.write() as tx:
        made = service.create(tx, "retention_rule", given, ANN)
        service.approve(tx, "retention_rule", made.record, BEN, expected=None)
    return f"retention_rule:{made.record}"


def disposal(store: Store, of: str, **changes: Any) -> str:
    """A drafted disposal."""
    given = {
        "title": "End of retention",
        "what": "Old evidence.",
        "rule": of,
        "method": "deleted",
        "hold_checked": True,
        **changes,
    }
    with store.write() as tx:
        return service.create(tx, "disposal", given, ANN).record


def approve(store: Store, record: str, by: Actor = BEN) -> None:
    """Its approval."""
    with store.write() as tx:
        service.approve(tx, "disposal", record, by, expected=None)


@pytest.fixture
def folder(tmp_path: Path, store: Store) -> Path:
    """An evidence folder with one file of no nonconformity, frozen two years ago."""
    found = tmp_path / "evidence"
    found.mkdir()
    (found / "report.txt").write_bytes(CONTENT)
    created = datetime(2024, 5, 1, tzinfo=UTC)
    with store.write() as tx:
        save_evidence_file(tx, EvidenceFile(SHA, "report.txt", "", "report", created, len(CONTENT)), actor="ann")
    return found


def due(store: Store, today: date = TODAY) -> list[tuple[str, str]]:
    """Subject and hold of what is due."""
    with store.read() as reader:
        return [(one.subject, one.hold) for one in due_for_disposal(reader, today)]


def test_a_file_is_due_when_its_rule_lets_it_go(store: Store, folder: Path) -> None:
    """Without a rule never; with one of two years the day after them."""
    assert due(store) == []
    rule(store, "evidence files", "2y")
    assert due(store, date(2026, 5, 1)) == []
    assert due(store, date(2026, 5, 2)) == [(SHA, "")]
    assert folder.is_dir()


def test_a_file_is_deleted_after_a_second_person_approved(store: Store, folder: Path) -> None:
    """Its hash and the decision stay, and verification tells a disposal from a loss."""
    of = rule(store, "evidence files", "1y")
    record = disposal(store, of, files=[SHA])
    with pytest.raises(AuthorityError, match="they wrote it"):
        approve(store, record, ANN)
    assert delete_disposed(store, folder, "ben@example.org") == []
    approve(store, record)
    waiting = verify(store, evidence=folder)
    assert waiting.intact
    assert "and it is still there" in waiting.warnings[0]
    assert delete_disposed(store, folder, "ben@example.org") == ["report.txt"]
    assert delete_disposed(store, folder, "ben@example.org") == []
    assert not (folder / "report.txt").exists()
    report = verify(store, evidence=folder)
    assert report.intact, report.findings
    assert report.disposed == (
        f"evidence file report.txt: disposed of by {record}, approved by ben@example.org on 2026-05-04",
    )
    assert due(store) == []
    with store.read() as reader:
        kinds = reader.tuples("SELECT kind FROM ledger WHERE kind = 'evidence.deleted'")
    assert len(kinds) == 1


def test_a_file_that_is_gone_without_a_decision_is_a_finding(store: Store, folder: Path) -> None:
    """The same file, deleted by hand."""
    (folder / "report.txt").unlink()
    assert "there is no such file" in str(verify(store, evidence=folder).findings[0])


def test_a_changed_file_is_not_deleted(store: Store, folder: Path) -> None:
    """Its content is not what was frozen: somebody has to see that first."""
    record = disposal(store, rule(store, "evidence files", "1y"), files=[SHA])
    approve(store, record)
    (folder / "report.txt").write_bytes(b"something else")
    assert delete_disposed(store, folder, "ben@example.org") == []
    assert "its content has changed" in str(verify(store, evidence=folder).findings[0])


@pytest.mark.parametrize(
    ("period", "files", "method", "said"),
    [
        ("9y", [SHA], "deleted", "is kept until 2033-05-01"),
        ("1y", ["ab" * 32], "deleted", "there is no evidence file with the SHA-256"),
        ("1y", [SHA], "archived", "evidence files are deleted"),
    ],
)
def test_what_is_not_due_is_not_approved(
    store: Store, folder: Path, period: str, files: list[str], method: str, said: str
) -> None:
    """Whoever approves, and in single-person mode too."""
    record = disposal(store, rule(store, "evidence files", period), files=files, method=method)
    for actor in (BEN, Actor("ann@example.org", frozenset(Role), "alone")):
        with pytest.raises(RegisterError, match=said):
            approve(store, record, actor)
    assert (folder / "report.txt").exists()


def test_a_legal_hold_blocks(store: Store) -> None:
    """A held record is shown as held, and its disposal cannot be approved until the hold is lifted by approval."""
    of = rule(store, "ai_system", "1y")
    with store.write() as tx:
        made = service.create(tx, "ai_system", HELD, ANN)
        service.approve(tx, "ai_system", made.record, BEN, expected=None)
    assert due(store) == [(made.subject, "legal hold")]
    record = disposal(store, of, records=[made.subject])
    with pytest.raises(RegisterError, match="under a legal hold"):
        approve(store, record)
    with store.write() as tx:
        lifted = {"legal_hold": None}
        service.revise(tx, "ai_system", made.record, lifted, ANN, expected=None, reason="It is settled.")
    assert due(store) == [(made.subject, "legal hold")]
    with store.write() as tx:
        service.approve(tx, "ai_system", made.record, BEN, expected=None)
    assert due(store) == [(made.subject, "")]
    approve(store, record)
    assert due(store) == []


def test_time_stamps_and_files_of_open_records_stay(store: Store) -> None:
    """A time stamp proves the ledger; what belongs to an open nonconformity is needed."""
    rule(store, "evidence files", "1d")
    created = datetime(2024, 5, 1, tzinfo=UTC)
    with store.write() as tx:
        save_evidence_file(tx, EvidenceFile("cd" * 32, "a.tsr", "", "time stamp", created, 3), actor="aimsight")
        save_evidence_file(tx, EvidenceFile("ef" * 32, "b.txt", "NC-2024-0001", "report", created, 3), actor="ann")
    assert due(store) == []

"""The records of a project verified against everything within reach: git, time stamps, and what only others hold."""

from __future__ import annotations

import hashlib
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from aimsight.monitors import record_check
from aimsight.monitors.anchors import MADE, anchor
from aimsight.monitors.cli.verify import BESIDE, _authority, _outside, _reach
from aimsight.monitors.record_check import Given, check_records
from aimsight.store.checkpoints import Reach
from aimsight.store.findings import Authority
from aimsight.store.ledger import entry_hash
from aimsight.store.records import EvidenceFile, append_event, save_evidence_file
from aimsight.store.verify import VerifyReport
from aimsight.tests.monitors.recorded import happen, recorded

if TYPE_CHECKING:
    from aimsight.store.database import Store

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def rewrite(store: Store) -> None:
    """Change the actor of entry 2 and make every hash after it anew, checkpoints of the project included."""
    with duckdb.connect(str(store.path)) as connection:
        rows = connection.execute("SELECT seq, entry, hash FROM ledger ORDER BY seq").fetchall()
        before = bytes(rows[0][2])
        for seq, entry, _ in rows[1:]:
            made = bytes(entry).replace(b'"thing"', b'"other"')
            digest = entry_hash(seq, before, made)
            subject = json.loads(made)["subject"]
            sql = "UPDATE ledger SET entry = ?, subject = ?, prev_hash = ?, hash = ? WHERE seq = ?"
            connection.execute(sql, [made, subject, before, digest, seq])
            before = digest
    for path in store.checkpoints:
        path.unlink()


def test_every_file_and_anchor_has_its_own_range(tmp_path: Path) -> None:
    """The project's checkpoints reach to the end, the git anchor to where it was made, and the rest is nobody's."""
    subprocess.run(["git", "init", "-q", str(tmp_path / "kept")], check=True)
    found, store = recorded(tmp_path / "p", "anchors: [{name: auditor, to: 'git:../kept'}]\n")
    anchor(store, found, now=NOW)
    happen(store)
    report = check_records(found, store).report
    names = [(one.name.rpartition("/")[2], one.anchored, one.signed) for one in report.reaches]
    assert names == [("checkpoints.jsonl", 4, 0), ("aimsight-checkpoints.jsonl", 2, 0)]
    assert report.intact


def test_a_whole_rewrite_is_seen_by_the_git_anchor(tmp_path: Path) -> None:
    """The database and its own checkpoints are made anew: only what somebody else keeps shows it."""
    subprocess.run(["git", "init", "-q", str(tmp_path / "kept")], check=True)
    found, store = recorded(tmp_path / "p", "anchors: [{name: auditor, to: 'git:../kept'}]\n")
    anchor(store, found, now=NOW)
    rewrite(store)
    report = check_records(found, store).report
    assert ["forked" in str(one) for one in report.findings] == [True]


def test_a_replayed_old_file_is_seen_by_the_git_anchor(tmp_path: Path) -> None:
    """Yesterday's database and checkpoints put back together agree with each other, and not with the anchor."""
    subprocess.run(["git", "init", "-q", str(tmp_path / "kept")], check=True)
    found, store = recorded(tmp_path / "p", "anchors: [{name: auditor, to: 'git:../kept'}]\n")
    old = [(path, path.read_bytes()) for path in (store.path, *store.checkpoints)]
    happen(store)
    anchor(store, found, now=NOW)
    for path, content in old:
        path.write_bytes(content)
    report = check_records(found, store).report
    assert ["truncated" in str(one) for one in report.findings] == [True]


def test_heads_that_were_mailed_are_named_with_their_range(tmp_path: Path) -> None:
    """They cannot be looked at from here; the answer says who can, and how far they reach."""
    alerts = "alerts: [{name: auditor, url: 'file:mail.txt'}]\nanchors: [{name: mail, to: 'alert:auditor'}]\n"
    found, store = recorded(tmp_path / "p", alerts)
    assert anchor(store, found, now=NOW)[0].problem == ""
    given = check_records(found, store).given
    assert [(one.name, one.to, one.size) for one in given] == [("mail", "alert route auditor", 2)]


@pytest.mark.parametrize("genuine", [True, False])
def test_a_time_stamp_counts_when_it_is_of_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, genuine: bool
) -> None:
    """The stamped line vouches for its entries; a stamp of something else is a finding."""
    found, store = recorded(tmp_path / "p")
    line = store.checkpoint().line()
    content = hashlib.sha256(line if genuine else b"other").digest()
    digest = hashlib.sha256(content).hexdigest()
    folder = found.root / found.config.evidence
    folder.mkdir(parents=True)
    (folder / f"{digest}.tsr").write_bytes(content)
    with store.write() as tx:
        save_evidence_file(tx, EvidenceFile(digest, f"{digest}.tsr", "", "time stamp", NOW, len(content)))
        facts = {"size": 2, "to": "tsa", "time_stamp_sha256": digest, "line": line.decode().strip()}
        append_event(tx, MADE, "authority", "aimsight", facts)
    monkeypatch.setattr(
        record_check,
        "stamp_problem",
        lambda answer, stamped, _: "" if answer == hashlib.sha256(stamped).digest() else "is not of what it says",
    )
    report = check_records(found, store).report
    assert report.intact is genuine
    reach = {one.name: one.anchored for one in report.reaches}
    assert reach.get("time stamp authority") == (2 if genuine else None)


def test_a_verification_without_people_judges_nobody(tmp_path: Path) -> None:
    """The verdict is there, and empty."""
    found, store = recorded(tmp_path / "p")
    report = check_records(found, store).report
    assert report.authority is not None
    assert (report.authority.acts, report.authorised, report.complete) == (0, True, True)


def test_the_ranges_in_the_documentation_are_what_is_printed() -> None:
    """The example of docs/integrity.md, line by line."""
    reaches = (
        Reach("/p/store/checkpoints.jsonl", 1204, 1204),
        Reach("/srv/kept/aimsight-checkpoints.jsonl", 1180, 1180),
        Reach("time stamp authority", 1120, 1120),
    )
    report = VerifyReport("aimsight/x", 1205, "ab" * 32, (), (), (), (), 1204, 1204, reaches)
    given = (Given("mail", "alert route auditor", 1180),)
    outside = _outside(report, given, Path("/p"), Path("/p/store"), signed=True)
    beside = _reach(reaches[0], Path("/p"), signed=True)
    printed = [*(f"- {line}" for line in outside), "", BESIDE, f"- {beside}"]
    page = (Path(__file__).resolve().parents[2] / "docs" / "integrity.md").read_text("utf-8")
    assert "\n".join(["Vouched for from outside", *printed]) in page


def test_the_verdict_on_authority_in_the_documentation_is_what_is_printed() -> None:
    """The third line of the example."""
    authority = Authority((), ("entry 7: ann alone",), 41, 0)
    report = VerifyReport("aimsight/x", 50, "ab" * 32, (), (), (), (), 50, authority=authority)
    page = (Path(__file__).resolve().parents[2] / "docs" / "integrity.md").read_text("utf-8")
    assert f"Authority     {_authority(report)}\n" in page

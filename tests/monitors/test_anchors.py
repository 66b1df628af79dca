"""Anchors: the head given to git, to an alert route and to a time stamp authority, and gaps where that fails."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.configs.errors import AimsightError
from aimsight.monitors.anchors import anchor
from aimsight.monitors.record_check import NOT_CHECKED, check_records
from aimsight.store.checkpoints import parse
from aimsight.store.database import Store
from aimsight.store.verify import verify
from aimsight.tests.monitors.recorded import happen, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aimsight.configs.load import Project

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def project(root: Path, *anchors: str, more: str = "") -> tuple[Project, Store]:
    """A project with these anchors and one entry of its own."""
    listed = "".join(f"  - {{name: a{i}, to: '{to}'}}\n" for i, to in enumerate(anchors))
    return recorded(root, f"{more}anchors:\n{listed}")


def events(store: Store, kind: str) -> list[dict[str, Any]]:
    """The payloads of the events of a kind."""
    with store.read() as reader:
        rows = reader.tuples("SELECT entry FROM ledger WHERE kind = ? ORDER BY seq", [kind])
    return [json.loads(bytes(entry))["payload"] for (entry,) in rows]


def test_a_git_repository_keeps_a_commit_of_each_head(tmp_path: Path) -> None:
    """Committed once a day while the ledger grows; the lines verify the ledger like any checkpoint file."""
    subprocess.run(["git", "init", "-q", str(tmp_path / "evidence")], check=True)
    found, store = project(tmp_path / "p", "git:../evidence")
    done = anchor(store, found, now=NOW)
    assert [(one.name, one.problem) for one in done] == [("a0", "")]
    assert anchor(store, found, now=store.clock.now()) == []  # not due again today
    soon = datetime.now(UTC) + timedelta(days=2)
    assert anchor(store, found, now=soon) == []  # nothing but the anchor itself was recorded since
    happen(store)
    assert len(anchor(store, found, now=soon)) == 1
    kept = tmp_path / "evidence" / "aimsight-checkpoints.jsonl"
    lines = kept.read_bytes().splitlines()
    assert [checkpoint.size for line in lines if (checkpoint := parse(line))] == [2, 4]
    log = subprocess.run(["git", "log", "--format=%H %s"], cwd=kept.parent, capture_output=True, text=True, check=True)
    assert [line[:40] for line in log.stdout.splitlines()[::-1]] == [
        one["commit"] for one in events(store, "anchor.made")
    ]
    report = verify(store, [kept])
    assert (report.intact, report.anchored) == (True, 4)


def test_an_alert_route_is_sent_the_line(tmp_path: Path) -> None:
    """The notice waits in the outbox and holds the whole checkpoint."""
    route = "alerts: [{name: auditor, url: 'file:sent.jsonl'}]\n"
    found, store = project(tmp_path / "p", "alert:auditor", more=route)
    assert anchor(store, found, now=NOW)[0].problem == ""
    with store.read() as reader:
        body = reader.tuples("SELECT body FROM outbox WHERE route = 'auditor'")[0][0]
    checkpoint = parse(body.splitlines()[-1].encode())
    assert checkpoint is not None
    assert checkpoint.size == 2


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("git:nowhere", "is no git work tree"),
        ("alert:auditor", "there is no alert route auditor"),
        ("tsa:http://127.0.0.1:9/tsr", "cannot be reached"),
    ],
)
def test_a_target_that_fails_is_a_recorded_gap(tmp_path: Path, to: str, said: str) -> None:
    """Nothing is raised, the gap is on record once a day, and the next call tries again."""
    found, store = project(tmp_path / "p", to)
    for _ in range(3):
        done = anchor(store, found, now=datetime.now(UTC))
        assert said in done[0].problem
    gaps = events(store, "anchor.gap")
    assert len(gaps) == 1
    assert said in gaps[0]["problem"]
    assert events(store, "anchor.made") == []


CONFIG = """
[tsa]
default_tsa = tsa1
[tsa1]
serial = {folder}/serial
signer_cert = {folder}/cert.pem
signer_key = {folder}/key.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_chain = no
"""


def make_certificate(folder: Path, name: str, *more: str) -> None:
    """A new key with its certificate, signed by itself unless told otherwise."""
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    subprocess.run([*make, *more], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[tuple[str, list[bytes]]]:
    """A time stamp authority on this machine: openssl behind a small server; answers in the list replace its own."""
    folder = tmp_path / "tsa"
    folder.mkdir()
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    root = ["-keyout", "rootkey.pem", "-out", "root.pem", "-addext", "basicConstraints=critical,CA:TRUE"]
    usage = ["-addext", "extendedKeyUsage=critical,timeStamping", "-keyout", "key.pem", "-out", "cert.pem"]
    make_certificate(folder, "test root", *root)
    make_certificate(folder, "test authority", *usage, "-CA", "root.pem", "-CAkey", "rootkey.pem")
    instead: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            reply = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "answer"]
            subprocess.run(reply, cwd=folder, check=True, capture_output=True)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(instead.pop() if instead else (folder / "answer").read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"tsa:http://127.0.0.1:{server.server_port}/tsr", instead
        server.shutdown()
        thread.join()


def test_a_time_stamp_is_kept_as_evidence(tmp_path: Path, authority: tuple[str, list[bytes]]) -> None:
    """The answer is frozen like any evidence file, and openssl confirms that it is about the recorded line."""
    found, store = project(tmp_path / "p", authority[0])
    assert anchor(store, found, now=NOW)[0].problem == ""
    (made,) = events(store, "anchor.made")
    path = tmp_path / "p" / "store" / "evidence" / f"{made['time_stamp_sha256']}.tsr"
    (tmp_path / "line").write_text(made["line"] + "\n")
    confirm = ["openssl", "ts", "-verify", "-data", "line", "-in", str(path), "-CAfile", str(tmp_path / "tsa/root.pem")]
    done = subprocess.run(confirm, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verification: OK" in done.stdout + done.stderr
    assert verify(store, store.checkpoints, evidence=path.parent).intact
    checked = check_records(found, store).report
    assert {one.name: one.anchored for one in checked.reaches}["time stamp a0"] == made["size"]
    assert NOT_CHECKED in checked.limits
    known = check_records(found, store, authorities=[tmp_path / "tsa" / "root.pem"]).report
    assert {one.name: one.anchored for one in known.reaches}["time stamp a0, by a trusted authority"] == made["size"]
    assert (known.intact, NOT_CHECKED in known.limits) == (True, False)
    path.write_bytes(path.read_bytes()[:-1])
    assert not verify(store, store.checkpoints, evidence=path.parent).intact


def test_a_time_stamp_by_a_stranger_is_found(tmp_path: Path, authority: tuple[str, list[bytes]]) -> None:
    """Where the authority's certificate leads to none that is trusted, the stamp vouches for nothing: a finding."""
    found, store = project(tmp_path / "p", f"{authority[0]}', certificate: '../other.pem")
    anchor(store, found, now=NOW)
    make_certificate(tmp_path, "somebody else", "-keyout", "otherkey.pem", "-out", "other.pem")
    report = check_records(found, store).report
    assert ["is signed by no authority whose certificate is trusted here" in str(one) for one in report.findings] == [
        True
    ]
    assert not any(one.name.startswith("time stamp") for one in report.reaches)
    (tmp_path / "other.pem").write_bytes((tmp_path / "tsa" / "root.pem").read_bytes())
    assert check_records(found, store).report.intact
    for content, said in ((None, "cannot be read"), (b"x", "holds no certificate")):
        path = tmp_path / "given.pem"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(AimsightError, match=said):
            check_records(found, store, authorities=[path])


def test_an_answer_about_something_else_is_refused(tmp_path: Path, authority: tuple[str, list[bytes]]) -> None:
    """A replayed time stamp and garbage are gaps."""
    found, store = project(tmp_path / "p", authority[0])
    assert anchor(store, found, now=NOW)[0].problem == ""
    old = (tmp_path / "tsa" / "answer").read_bytes()
    happen(store)
    later = datetime.now(UTC) + timedelta(days=2)
    for answer, said in ((old, "a time stamp of something else"), (b"garbage", "something that is no time stamp")):
        authority[1].append(answer)
        assert said in anchor(store, found, now=later)[0].problem
    assert len(events(store, "anchor.made")) == 1


@pytest.mark.parametrize("to", ["https://tsa.example.org", "ftp:x", "tsa:ftp://x", "git:"])
def test_a_target_of_no_known_kind_is_refused(tmp_path: Path, to: str) -> None:
    """The configuration names the kinds there are."""
    from aimsight.configs.errors import ConfigError

    with pytest.raises(ConfigError, match="write git:FOLDER, alert:ROUTE or tsa:https"):
        project(tmp_path / "p", to)

"""Anchors: the ledger's head, given to somebody else: a git repository, a mail or chat, a time stamp authority.

A checkpoint file shows what was changed to whoever keeps a copy of it; an anchor is such a copy, made by itself. Each
is tried at most once in its interval, and a target that cannot be reached is a recorded gap, never a failed run.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aimsight.configs.errors import AimsightError, did_you_mean
from aimsight.monitors.windows import later
from aimsight.store.outbox import Notice, enqueue_notice
from aimsight.store.records import PROGRAM, EvidenceFile, append_event, save_evidence_file

if TYPE_CHECKING:
    from aimsight.configs.load import Project
    from aimsight.configs.schema import AnchorConfig
    from aimsight.store.checkpoints import Checkpoint
    from aimsight.store.database import Reader, Store, Transaction

MADE, GAP = "anchor.made", "anchor.gap"
"""The kinds of event: the head was given away, or it could not be."""
TIMEOUT = 30.0
"""Seconds that a target may take."""
LARGEST_ANSWER = 1_000_000
GIT_FILE = "aimsight-checkpoints.jsonl"
"""The checkpoint file in a git work tree."""
_TIMESTAMP = "application/timestamp-query"


class AnchorError(AimsightError):
    """A target could not be reached, or did not answer as it should."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """What came of one anchor: the entries that it vouches for, or the problem."""

    name: str
    size: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a target gave back: facts for the ledger, and what is to be written in the same transaction."""

    facts: dict[str, Any]
    write: Callable[[Transaction], None] | None = None


def anchor(store: Store, project: Project, *, now: datetime) -> list[Anchored]:
    """Give the ledger's head to every target that is due; what cannot be reached is recorded and tried again.

    Due is a target whose last anchor is older than its interval, when the ledger has grown by more than anchors since.
    Everything slow happens outside the store's lock.
    """
    targets = project.config.anchors
    if not targets or not store.path.exists():
        return []
    with store.read() as reader:
        due = [target for target in targets if _is_due(reader, project, target, now)]
    if not due:
        return []
    checkpoint = store.checkpoint()
    done = []
    for target in due:
        try:
            receipt = _send(target, checkpoint, project, store)
        except AnchorError as error:
            done.append(Anchored(target.name, checkpoint.size, str(error)))
            _record_gap(store, project, target, str(error), now)
            continue
        with store.write() as tx:
            if receipt.write is not None:
                receipt.write(tx)
            facts = {"head": checkpoint.head, "size": checkpoint.size, "to": scheme(target.to), **receipt.facts}
            append_event(tx, MADE, target.name, PROGRAM, facts)
        done.append(Anchored(target.name, checkpoint.size))
    return done


def scheme(to: str) -> str:
    """The kind of a target: ``git``, ``alert`` or ``tsa``."""
    return to.partition(":")[0]


def _is_due(reader: Reader, project: Project, target: AnchorConfig, now: datetime) -> bool:
    last = _last(reader, target.name, MADE)
    if last is None:
        return True
    at, payload = last
    if later(target.every, project.config.time_zone, at) > now:
        return False
    return bool(
        reader.tuples(
            "SELECT 1 FROM ledger WHERE seq > ? AND kind NOT LIKE 'anchor.%' AND kind NOT LIKE 'alert.%' LIMIT 1",
            [payload["size"]],
        )
    )


def _last(reader: Reader, name: str, kind: str) -> tuple[datetime, dict[str, Any]] | None:
    rows = reader.tuples(
        "SELECT recorded_at, entry FROM ledger WHERE kind = ? AND subject = ? ORDER BY seq DESC LIMIT 1", [kind, name]
    )
    return (rows[0][0], json.loads(bytes(rows[0][1]))["payload"]) if rows else None


def _record_gap(store: Store, project: Project, target: AnchorConfig, problem: str, now: datetime) -> None:
    """Put on record that a target was not reached: once in its interval for the same reason."""
    with store.read() as reader:
        last = _last(reader, target.name, GAP)
    known = last is not None and last[1]["problem"] == problem
    if last is not None and known and later(target.every, project.config.time_zone, last[0]) > now:
        return
    with store.write() as tx:
        append_event(tx, GAP, target.name, PROGRAM, {"problem": problem, "to": scheme(target.to)})


def _send(target: AnchorConfig, checkpoint: Checkpoint, project: Project, store: Store) -> Receipt:
    kind, _, where = target.to.partition(":")
    return SENDERS[kind](where, checkpoint, project, store)


def _to_git(where: str, checkpoint: Checkpoint, project: Project, store: Store) -> Receipt:
    """A line and a commit in a git work tree; its remote keeps it when somebody pushes."""
    del store
    folder = (project.root / Path(where).expanduser()).resolve()
    if not (folder / ".git").exists():
        raise AnchorError(f"{folder} is no git work tree; make one with `git init`")
    path = folder / GIT_FILE
    try:
        with path.open("ab") as file:
            file.write(checkpoint.line())
    except OSError as error:
        raise AnchorError(f"{path} cannot be written: {error.strerror or error}") from error
    message = f"aimsight: {checkpoint.size} entries of {checkpoint.origin}"
    own = ["-c", "user.name=aimsight", "-c", "user.email=aimsight@localhost", "-c", "commit.gpgsign=false"]
    _git(folder, "add", "--", GIT_FILE)
    _git(folder, *own, "commit", "--quiet", "--no-verify", "--message", message, "--", GIT_FILE)
    return Receipt({"commit": _git(folder, "rev-parse", "HEAD").strip()})


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # fixed words and the checkpoint's own text, no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607  # wherever the machine has it
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AnchorError(f"git cannot be run in {folder}: {error}") from error
    if done.returncode:
        raise AnchorError(f"git {arguments[0]} in {folder}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return done.stdout


def _to_alert(where: str, checkpoint: Checkpoint, project: Project, store: Store) -> Receipt:
    """A notice for one of the project's alert routes; the outbox delivers it and records how that went."""
    del store
    routes = [route.name for route in project.config.alerts]
    if where not in routes:
        near = did_you_mean(where, routes)
        raise AnchorError(f"there is no alert route {where}" + (f"; did you mean {near}?" if near else ""))
    line = checkpoint.line().decode("utf-8").strip()
    key = f"checkpoint/{checkpoint.origin}/{checkpoint.size}"
    subject = f"aimsight checkpoint: {checkpoint.size:,} entries"
    body = (
        f"Keep this message: it shows later whether the ledger was changed before entry {checkpoint.size:,}.\n\n{line}"
    )

    def write(tx: Transaction) -> None:
        name = hashlib.sha256(f"{where}\n{key}".encode()).hexdigest()[:32]
        enqueue_notice(tx, Notice(name, tx.clock.now(), where, subject, body, key))

    return Receipt({"route": where}, write)


def _to_tsa(where: str, checkpoint: Checkpoint, project: Project, store: Store) -> Receipt:
    """A time stamp (RFC 3161) of the checkpoint's line, kept as an evidence file."""
    from rfc3161_client import HashAlgorithm, PKIStatus, TimestampRequestBuilder, decode_timestamp_response

    line = checkpoint.line()
    request = TimestampRequestBuilder().data(line).hash_algorithm(HashAlgorithm.SHA256).build()
    answer = _post(where, request.as_bytes())
    try:
        response = decode_timestamp_response(answer)
        granted = PKIStatus(response.status) in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS)
        info = response.tst_info if granted else None
    except ValueError as error:
        raise AnchorError(f"{where} answered with something that is no time stamp: {error}") from error
    if info is None:
        raise AnchorError(f"{where} did not grant the time stamp: {', '.join(response.status_string) or 'no reason'}")
    if info.message_imprint.message != hashlib.sha256(line).digest() or info.nonce != request.nonce:
        raise AnchorError(f"{where} answered with a time stamp of something else")
    digest = hashlib.sha256(answer).hexdigest()
    folder = project.root / project.config.evidence
    path = folder / f"{digest}.tsr"
    store.files.make_folder(folder)
    if not path.exists():
        store.files.append(path, answer)

    def write(tx: Transaction) -> None:
        save_evidence_file(tx, EvidenceFile(digest, path.name, "", "time stamp", tx.clock.now(), len(answer)))

    stamped_at = info.gen_time.astimezone(UTC).isoformat()
    return Receipt({"time_stamp_sha256": digest, "stamped_at": stamped_at, "line": line.decode().strip()}, write)


def _post(url: str, content: bytes) -> bytes:
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    if not url.startswith(("https://", "http://")):
        raise AnchorError(f"{url} is no address of a time stamp authority: it begins with https://")
    request = Request(url, content, {"Content-Type": _TIMESTAMP})  # noqa: S310  # checked just above
    try:
        with urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310  # checked just above
            answer: bytes = response.read(LARGEST_ANSWER)
    except (OSError, URLError, ValueError) as error:
        raise AnchorError(f"{url} cannot be reached: {getattr(error, 'reason', error)}") from error
    return answer


SENDERS: dict[str, Callable[[str, Checkpoint, Project, Store], Receipt]] = {
    "git": _to_git,
    "alert": _to_alert,
    "tsa": _to_tsa,
}
"""By kind of target, what gives the head away; one small function each."""

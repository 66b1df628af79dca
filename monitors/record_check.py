"""The records of a project verified: all three verdicts, against every checkpoint and anchor within reach."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aimsight.aims.authority import Authorities
from aimsight.aims.lifecycle.fold import FOLDS
from aimsight.monitors.anchors import GIT_FILE, MADE, scheme
from aimsight.monitors.projects import trusted_keys
from aimsight.monitors.time_stamps import certificates, stamp_problem
from aimsight.store.checkpoints import Claim, parse
from aimsight.store.findings import Finding
from aimsight.store.verify import VerifyReport, verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cryptography.x509 import Certificate

    from aimsight.configs.load import Project
    from aimsight.store.checkpoints import Checkpoint
    from aimsight.store.database import Store

TIME_STAMP = "time stamp"
NOT_CHECKED = (
    "whose time stamps these are: no certificate of an authority was given (anchors: certificate in aimsight.yaml, or "
    "--certificate FILE), so their signatures were not checked"
)


@dataclass(frozen=True, slots=True)
class Given:
    """A head that was given away and cannot be looked at from here: whoever received it compares it."""

    name: str
    to: str
    size: int


@dataclass(frozen=True, slots=True)
class Checked:
    """The report on the records, and the heads that others hold."""

    report: VerifyReport
    given: tuple[Given, ...] = ()


@dataclass(frozen=True, slots=True)
class _Stamps:
    """Time stamps as claims, and those that do not stamp what the ledger says."""

    claims: tuple[Claim, ...]
    findings: tuple[Finding, ...]


def check_records(
    project: Project,
    store: Store,
    *,
    against: Sequence[Path] = (),
    keys: Sequence[bytes] = (),
    authorities: Sequence[Path] = (),
) -> Checked:
    """Verify the records against the project's checkpoint files, its git and time stamp anchors, and further files.

    Parameters
    ----------
    against
        Copies of checkpoints that were kept elsewhere.
    keys
        Public keys that count besides those of the project.
    authorities
        Certificates of time stamp authorities (PEM files) that count besides those of the project.

    Raises
    ------
    StoreError
        As ``aimsight.store.verify.verify``.
    AimsightError
        When a certificate cannot be read.
    """
    made = list(_made(store))
    own = [project.root / Path(one.certificate).expanduser() for one in project.config.anchors if one.certificate]
    trusted = certificates((*own, *authorities))
    stamps = _stamps(made, project.root / project.config.evidence, trusted)
    report = verify(
        store,
        (*store.checkpoints, *_git_files(project), *against),
        evidence=project.root / project.config.evidence,
        folds=FOLDS,
        trusted=(*trusted_keys(project), *keys),
        claims=stamps.claims,
        watcher=Authorities(),
    )
    last = {name: facts for _, name, facts in made if facts.get("to") == "alert"}
    given = tuple(Given(name, f"alert route {facts['route']}", int(facts["size"])) for name, facts in last.items())
    limits = report.limits
    if stamps.claims and not trusted:
        limits = (*limits, NOT_CHECKED)
    return Checked(replace(report, findings=(*report.findings, *stamps.findings), limits=limits), given)


def _git_files(project: Project) -> list[Path]:
    """The checkpoint files of git anchors that are there."""
    folders = [
        (project.root / Path(target.to.partition(":")[2]).expanduser()).resolve()
        for target in project.config.anchors
        if scheme(target.to) == "git"
    ]
    return [folder / GIT_FILE for folder in folders if (folder / GIT_FILE).is_file()]


def _made(store: Store) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """(Sequence number, name, facts) of every anchor on record."""
    with store.read() as reader:
        rows = reader.tuples("SELECT seq, subject, payload FROM events WHERE kind = ? ORDER BY seq", [MADE])
    for seq, name, payload in rows:
        try:
            facts = json.loads(payload)
            int(facts["size"])
        except (ValueError, KeyError, TypeError):
            continue  # verification names an entry that makes no sense
        yield seq, name, facts


def _stamps(made: Sequence[tuple[int, str, dict[str, Any]]], evidence: Path, trusted: Sequence[Certificate]) -> _Stamps:
    claims: dict[str, list[Checkpoint]] = {}
    findings = []
    for seq, name, facts in made:
        sha256 = facts.get("time_stamp_sha256")
        path = evidence / f"{sha256}.tsr"
        if sha256 is None or not path.is_file():  # a file that is gone is named with the other evidence
            continue
        line = str(facts.get("line", "")).encode()
        checkpoint = parse(line)
        problem = (
            "is not of what it says" if checkpoint is None else stamp_problem(path.read_bytes(), line + b"\n", trusted)
        )
        if checkpoint is None or problem:
            findings.append(Finding(seq, f"ledger entry {seq}: the time stamp {path.name} {problem}"))
        else:
            by_whom = f"{TIME_STAMP} {name}" + (", by a trusted authority" if trusted else "")
            claims.setdefault(by_whom, []).append(checkpoint)
    return _Stamps(tuple(Claim(name, tuple(found)) for name, found in claims.items()), tuple(findings))

"""Verification of the metrics as a record (9.1): who verified which version with what result, and when again.

Metrics are the measuring equipment of the management system. Each has a record of its own, whose versions are its
verifications; it is due again after half a year, and at once when its version or that of aimsight is another one.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from aimsight.aims.registers.service import create, list_records, revise
from aimsight.aims.words import day, instant, listed, plural
from aimsight.metrics.registry import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from aimsight.aims.people import Actor
    from aimsight.metrics.verification.verify import Verification
    from aimsight.store.database import Reader, Transaction
    from aimsight.store.registers import RecordVersion

TYPE = "metric_verification"
INTERVAL = timedelta(days=182)
"""A verification is due again after half a year."""
LIBRARIES = ("numpy", "scipy", "duckdb", "pyarrow", "scikit-learn")
"""Libraries that metrics are computed with; their versions are part of the record."""


@dataclass(frozen=True, slots=True)
class VerificationState:
    """Where the verification of all metrics stands.

    Parameters
    ----------
    at, by
        When the oldest of the latest verifications was made, and by whom; ``None`` before the first.
    due
        Day by which the first of them is due again.
    verified, failed
        How many metrics passed, and the ids of those that did not.
    outdated
        Ids of metrics that were never verified in this version with this version of aimsight.
    """

    at: datetime | None
    by: str | None
    due: date | None
    verified: int
    failed: tuple[str, ...]
    outdated: tuple[str, ...]

    def is_overdue(self, today: date) -> bool:
        """Whether metrics have to be verified now."""
        return self.due is None or self.due < today or bool(self.outdated)


def record_verification(
    tx: Transaction, found: Sequence[Verification], actor: Actor, *, due: date
) -> list[RecordVersion]:
    """Put the verification of every metric that has answers on record, as a new version of its record."""
    now = tx.clock.now()
    known = {one.record for one in list_records(tx, [TYPE])}
    out = []
    for one in found:
        if not one.checks:
            continue
        values = _values(one, now, due)
        name = record_id(one.metric)
        if name in known:
            out.append(revise(tx, TYPE, name, values, actor, expected=None, reason="Verified again"))
        else:
            out.append(create(tx, TYPE, values, actor, record=name))
    return out


def record_id(metric: str) -> str:
    """The id of a metric's verification record: ``MV-performance.f1``."""
    return f"MV-{metric}"


def state(reader: Reader) -> VerificationState:
    """Where the verification of the catalogue stands, from the records."""
    latest = {one.fields["metric"]: one for one in list_records(reader, [TYPE]) if one.status != "withdrawn"}
    mine = {name: one for name, one in latest.items() if name in METRICS}
    oldest = min(mine.values(), key=lambda one: one.recorded_at, default=None)
    return VerificationState(
        at=oldest.recorded_at if oldest else None,
        by=oldest.author if oldest else None,
        due=min((one.due for one in mine.values() if one.due), default=None),
        verified=sum(one.fields["result"] == "passed" for one in mine.values()),
        failed=tuple(name for name, one in mine.items() if one.fields["result"] == "failed"),
        outdated=tuple(name for name, unit in METRICS.items() if not _is_current(mine.get(name), unit.version)),
    )


def _is_current(one: RecordVersion | None, metric_version: int) -> bool:
    return (
        one is not None
        and one.fields["version"] == metric_version
        and one.fields["code_version"] == version("aimsight")
    )


def _values(one: Verification, now: datetime, due: date) -> dict[str, Any]:
    worst = one.worst
    values: dict[str, Any] = {
        "title": f"Verification of {one.metric}",
        "metric": one.metric,
        "version": one.version,
        "code_version": version("aimsight"),
        "libraries": [
            {"name": "python", "version": platform.python_version()},
            *({"name": name, "version": version(name)} for name in LIBRARIES),
        ],
        "cases": len(one.checks),
        "result": "passed" if one.passed else "failed",
        "event_at": now.isoformat(),
        "due": due.isoformat(),
    }
    if worst is not None and worst.deviation is not None and worst.allowed is not None:
        values |= {"deviation": worst.deviation, "tolerance": worst.allowed}
    if not one.passed:
        values["affected"] = f"Every measurement of {one.metric}, version {one.version}, by this installation."
    return values


def state_words(found: VerificationState, zone: ZoneInfo, today: date) -> str:
    """``108 metrics give their known answers; verified 24 Nov 2026, 10:05 by ...; due again on 25 May 2027``."""
    if found.at is None or found.due is None:
        return "not verified in this installation; due now"
    parts = [f"{plural(found.verified, 'metric')} give their known answers"]
    if found.failed:
        parts.append(f"{plural(len(found.failed), 'metric')} do not: {listed(list(found.failed))}")
    text = f"{'; '.join(parts)}; verified {instant(found.at, zone)} by {found.by}"
    if found.due < today:
        return f"{text}; OVERDUE since {day(found.due)}"
    if found.outdated:
        return f"{text}; due now: {plural(len(found.outdated), 'metric')} new or of another version since"
    return f"{text}; due again on {day(found.due)}"

"""What the store itself holds as evidence, by clause: measurements, verdicts, runs, nonconformities, the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimsight.aims.words import count, listed
from aimsight.store.exported import EXPORTED, LAST

if TYPE_CHECKING:
    from datetime import datetime

    from aimsight.store.database import Reader


@dataclass(frozen=True, slots=True)
class Evidence:
    """One kind of evidence for a clause.

    Parameters
    ----------
    what
        What it is, for people: ``measurements``, ``Risk``.
    count
        How much of it counts; ``drafts`` is how much does not yet, because nobody has approved it.
    first, latest
        When the oldest and the newest of it was recorded.
    people
        Who recorded or approved it; ``aimsight`` for what a pipeline wrote.
    items
        Ids of records, so that an auditor can look them up; empty where there are only rows.
    by_pipeline
        Whether a pipeline made it.
    """

    what: str
    count: int
    drafts: int
    first: datetime | None
    latest: datetime | None
    people: tuple[str, ...]
    items: tuple[str, ...]
    by_pipeline: bool

    @property
    def words(self) -> str:
        """What counts, for people: ``measurements: 9,228``, ``risk: RISK-2026-0001 and RISK-2026-0002``."""
        return f"{self.what}: {listed(list(self.items[: self.count]), 3) or count(self.count)}"


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of the store that are evidence: a query for how many, the oldest, the newest and the people."""

    what: str
    clauses: tuple[str, ...]
    sql: str
    by_pipeline: bool = True


_BY_AIMSIGHT = "['aimsight']"
_OF_REVIEWS = (
    "subject IN (SELECT record FROM record_version WHERE record_type = 'management_review' AND approver IS NOT NULL)"
)
_ACTORS = "list_sort(list_distinct(list(actor)))"


def _rows(table: str, moment: str, where: str = "true", count: str = "count(*)") -> str:
    return f"SELECT {count}, min({moment}), max({moment}), {_BY_AIMSIGHT} FROM {table} WHERE {where}"


def _measured(family: str) -> str:
    return _rows("measurement", "computed_at", f"value IS NOT NULL AND ({family})")


def _events(where: str) -> str:
    """Entries of the ledger; exports that nothing has followed yet do not count, so that exporting changes none."""
    columns = f"count(*), min(recorded_at), max(recorded_at), {_ACTORS}"
    return f"SELECT {columns} FROM ledger WHERE seq <= {LAST} AND {where}"


SOURCES: tuple[Source, ...] = (
    Source("versions of objectives", ("6.2", "A.6.1.2", "A.9.3"), _events("kind = 'objective.version'")),
    Source(
        "versions of objectives approved by a second person",
        ("6.2",),
        _events("kind = 'objective.version' AND actor <> 'aimsight'"),
        by_pipeline=False,
    ),
    Source(
        "changes with the past judged again",
        ("6.3",),
        _rows("record_version", "recorded_at", "record_type = 'change' AND content LIKE '%\"compared_verdicts\"%'"),
    ),
    Source("verdicts on objectives", ("6.2", "9.1", "A.9.3"), _rows("evaluation", "evaluated_at")),
    Source("measurements", ("9.1", "A.6.2.6"), _measured("true")),
    Source("performance measurements", ("A.6.2.4",), _measured("metric LIKE 'performance.%'")),
    Source("fairness measurements", ("A.5.4", "8.4"), _measured("metric LIKE 'fairness.%'")),
    Source("drift measurements", ("8.2",), _measured("metric LIKE 'drift.%'")),
    Source("data quality measurements", ("A.7.4",), _measured("metric LIKE 'quality.%'")),
    Source(
        "measurements of inputs outside the declared use",
        ("A.9.4",),
        _measured("metric LIKE 'quality.outside_intended_use%' OR metric LIKE 'quality.out_of_range%'"),
    ),
    Source("runs that measured", ("8.1", "9.1", "A.6.2.6"), _rows("run", "finished_at", "outcome = 'success'")),
    Source("runs over an inference log", ("A.6.2.8",), _rows("run", "finished_at", "rows_scanned > 0")),
    Source("planned windows", ("8.1",), _rows("slot", "planned_at")),
    Source("fingerprints of data read", ("A.7.5", "A.4.3"), _rows("run", "finished_at", "source_fingerprint <> ''")),
    Source("frozen references", ("A.7.5",), _rows("reference", "frozen_at")),
    Source(
        "versions of the measuring program",
        ("A.4.4",),
        _rows("run", "finished_at", count="count(DISTINCT code_version)"),
    ),
    Source("models registered or changed", ("A.6.2.5",), _events("kind IN ('model.registered', 'model.changed')")),
    Source("registered models", ("A.4.2", "A.9.4", "A.6.2.7"), _rows("model", "registered_at")),
    Source("nonconformities", ("10.2", "8.1"), _rows("nonconformity", "opened_at")),
    Source(
        "steps of people in nonconformities",
        ("10.2", "8.3"),
        _events("kind LIKE 'nonconformity.%' AND kind <> 'nonconformity.dossier' AND actor <> 'aimsight'"),
        by_pipeline=False,
    ),
    Source("windows measured after the actions", ("10.2", "8.3"), _rows("effectiveness_window", "judged_at")),
    Source(
        "nonconformities escalated as incidents",
        ("A.8.4",),
        _events("kind = 'nonconformity.escalated'"),
        by_pipeline=False,
    ),
    Source("approved records", ("7.5.2",), _events("kind = 'record.approved'"), by_pipeline=False),
    Source("evidence files", ("7.5.3",), _rows("evidence_file", "created_at")),
    Source("ledger entries", ("7.5.1", "7.5.2", "7.5.3"), _events("true")),
    Source("exports on record", ("7.5.3",), _events(f"kind = '{EXPORTED}'")),
    Source("verifications that found the store whole", ("7.5.3",), _events("kind = 'store.verified'")),
    Source("notices delivered", ("7.4", "A.6.2.6"), _rows("outbox", "delivered_at", "state = 'delivered'")),
    Source("frozen review packs", ("9.3.1", "9.3.2"), _rows("evidence_file", "created_at", "kind = 'review pack'")),
    Source(
        "management reviews signed",
        ("A.2.4",),
        _events(f"kind = 'record.approved' AND {_OF_REVIEWS}"),
        by_pipeline=False,
    ),
)
"""Everything that the store holds without being a register record."""
BY_PIPELINE = frozenset(clause for source in SOURCES if source.by_pipeline for clause in source.clauses)
"""Clauses that a pipeline makes evidence for at all; the others are for people alone, whatever the outline hopes."""


def of_the_store(reader: Reader) -> dict[str, list[Evidence]]:
    """By clause: the evidence that lies in the store's own tables; what there is none of is left out."""
    found: dict[str, list[Evidence]] = {}
    for source in SOURCES:
        ((count, first, latest, people),) = reader.tuples(source.sql)
        if count:
            evidence = Evidence(source.what, count, 0, first, latest, tuple(people), (), source.by_pipeline)
            for clause in source.clauses:
                found.setdefault(clause, []).append(evidence)
    return found

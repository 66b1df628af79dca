"""Evaluations as rows: the judgement of a measurement against the version of an objective in force then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from aimsight.store.records import Record
from aimsight.store.tables import EVALUATION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aimsight.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Evaluation(Record):
    """One verdict; ``value`` and the interval are ``None`` when there was nothing to judge."""

    table = EVALUATION
    run_id: str
    model: str
    objective: str
    objective_version: int
    column_name: str
    segment: str
    window_start: datetime
    window_end: datetime
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    target: str
    tolerance: float
    verdict: str
    reason: str
    revision: int
    evaluated_at: datetime

    @property
    def hash(self) -> str:
        """SHA-256 of the row, as occurrences point at it."""
        return EVALUATION.row_digest(self.row())


def save_evaluations(tx: Transaction, evaluations: Iterable[Evaluation]) -> None:
    """Write the evaluations of claimed runs, before these are finished."""
    for run_id, of_run in groupby(evaluations, lambda evaluation: evaluation.run_id):
        tx.insert_for_run(run_id, EVALUATION, [evaluation.row() for evaluation in of_run])

"""A nonconformity with everything recorded of its handling, as the pure functions of the life cycle see it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import TYPE_CHECKING

from aimsight.aims.lifecycle.dossier import Dossier
from aimsight.aims.lifecycle.states import State
from aimsight.configs.schema import NonconformityConfig
from aimsight.store.records import DossierRow, Nonconformity

if TYPE_CHECKING:
    from datetime import datetime, tzinfo


@dataclass(frozen=True, slots=True)
class Case:
    """One nonconformity: its record, and the dossier with its version, attempt and times."""

    record: Nonconformity
    dossier: Dossier
    version: int
    state_since: datetime
    deadlines_from: datetime
    attempt: int

    @classmethod
    def of(cls, record: Nonconformity, row: DossierRow) -> Case:
        """The case of the rows of the store."""
        return cls(record, Dossier.of(row.content), row.version, row.state_since, row.deadlines_from, row.attempt)

    @property
    def name(self) -> str:
        """The id of the nonconformity."""
        return self.record.nonconformity

    @property
    def state(self) -> State:
        """Where it stands."""
        return State(self.record.state)

    @property
    def row(self) -> DossierRow:
        """The dossier as the store keeps it."""
        return DossierRow(
            self.name, self.version, self.state_since, self.deadlines_from, self.attempt, self.dossier.text
        )

    def but(self, **parts: object) -> Case:
        """The case with these parts of its dossier; each part was validated when it was made."""
        return replace(self, dossier=self.dossier.model_copy(update=parts))


@dataclass(frozen=True, slots=True)
class Context:
    """What the guards have to know beside the case itself.

    Parameters
    ----------
    now
        The moment of the act.
    settings
        Deadlines of the project.
    people
        Ids of the people whom the project knows.
    measured
        The pipeline's verdict on the effect: ``"effective"``, ``"not effective"``, or ``""`` while there is none.
    missing
        What that verdict still waits for, in words.
    suggested
        The severity that the rules give.
    files
        SHA-256 of the files attached to the nonconformity.
    objectives
        Ids of the model's objectives, for criteria that name one.
    metric_problem
        What is wrong with the metric that a criterion names; ``""`` when nothing is.
    worst
        The worst value of the windows that failed so far; ``None`` where there is none.
    zone
        The calendar of the model's windows.
    is_history
        Whether the model's monitoring is a history with an end that is past, whose dates lie before any act of today.
    """

    now: datetime
    settings: NonconformityConfig = field(default_factory=NonconformityConfig)
    people: frozenset[str] = frozenset()
    measured: str = ""
    missing: str = ""
    suggested: str = "minor"
    files: frozenset[str] = frozenset()
    objectives: frozenset[str] = frozenset()
    metric_problem: str = ""
    worst: float | None = None
    zone: tzinfo = UTC
    is_history: bool = False

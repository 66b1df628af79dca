"""Severity and recurrence: how a failure is graded, and when it is one that was thought to be dealt with."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aimsight.aims.lifecycle.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

SYSTEMIC = 3
"""A failure that so many models have at the same time is systemic, and major."""
STEP_UP = {"minor": "major", "major": "major"}


def recurrence_of(past: Sequence[Mapping[str, Any]], now: datetime, watch: timedelta) -> str | None:
    """The closed record of the same subject whose watch period has not ended.

    Parameters
    ----------
    past
        Records of the same key with ``nonconformity``, ``state`` and ``closed_at``, oldest first.
    watch
        How long after the closing the same failure counts as a recurrence. A clock that shows a time before the closing
        is within it.
    """
    closed = [
        row for row in past if row["state"] in (State.CLOSED, State.CORRECTION_ONLY) and row["closed_at"] is not None
    ]
    recent = [row for row in closed if now - row["closed_at"] <= watch]
    return recent[-1]["nonconformity"] if recent else None


def grade(declared: str, *, kind: str, recurs: bool, models: int) -> tuple[str, str]:
    """The severity that the rules give, and why.

    Parameters
    ----------
    declared
        What the objective says of its own failure.
    kind
        The kind of nonconformity.
    recurs
        Whether it was closed before, within the watch period.
    models
        Models with an open nonconformity of this kind, this one included.
    """
    if recurs:
        return STEP_UP[declared], "the same failure had been closed, so it is graded one step up"
    if kind == "monitoring not done":
        return "major", "monitoring is absent"
    if models >= SYSTEMIC:
        return "major", f"{models} models have an open nonconformity of this kind, so it is systemic"
    return declared, "the severity that the objective declares"

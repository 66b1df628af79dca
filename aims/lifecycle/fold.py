"""The present state of every nonconformity from its events alone: what ``verify`` compares the rows with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimsight.store.check_authority import LifeCycle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aimsight.store.findings import Event


def fold(events: Sequence[Event]) -> dict[str, Mapping[str, Any]]:
    """The state of each nonconformity, step by step from its detection.

    Raises
    ------
    ValueError
        When an event does not follow from the one before: a step that its state did not allow, a state that was not the
        one before, a version left out, or a step after the end.
    """
    cycle = LifeCycle()
    for event in events:
        cycle.see(event)
    if cycle.wrong:
        raise ValueError(cycle.wrong[0][1])
    return {name: {"state": state} for name, (state, _) in cycle.states.items()}


FOLDS = {"nonconformity": fold}
"""By table, for ``aimsight.store.verify.verify``."""

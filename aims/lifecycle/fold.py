"""The present state of every nonconformity from its events alone: what ``verify`` compares the rows with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimsight.aims.lifecycle.states import FINISHED, STEPS, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aimsight.store.findings import Event

_BY_EVENT = {f"nonconformity.{step.event}": step for step in STEPS.values()}
DETECTED = "nonconformity.detected"


def fold(events: Sequence[Event]) -> dict[str, Mapping[str, Any]]:
    """The state of each nonconformity, step by step from its detection.

    Raises
    ------
    ValueError
        When an event does not follow from the one before: a step that its state did not allow, a state that was not the
        one before, a version left out, or a step after the end.
    """
    states: dict[str, State] = {}
    versions: dict[str, int] = {}
    for event in events:
        if event.kind == DETECTED:
            states[event.subject] = State(event.payload["row"]["state"])
            versions[event.subject] = 1
            continue
        step = _BY_EVENT.get(event.kind)
        if step is None:
            continue
        before, after = event.payload["before"], event.payload["after"]
        now = states[event.subject]
        place = f"ledger entry {event.seq}: {event.subject}"
        if State(before["state"]) is not now or now in FINISHED:
            raise ValueError(f"{place} was {now}, and the event says {before['state']}")
        if now not in step.sources:
            raise ValueError(f"{place} was {now}, which does not allow {step.name}")
        if step.target is not None and State(after["state"]) is not step.target:
            raise ValueError(f"{place} went to {after['state']} by {step.name}")
        if after["version"] != versions[event.subject] + 1:
            raise ValueError(f"{place} went from version {versions[event.subject]} to {after['version']}")
        states[event.subject] = State(after["state"])
        versions[event.subject] = after["version"]
    return {name: {"state": state.value} for name, state in states.items()}


FOLDS = {"nonconformity": fold}
"""By table, for ``aimsight.store.verify.verify``."""

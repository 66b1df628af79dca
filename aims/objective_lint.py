"""What an objective lacks (6.2): what blocks its approval, and what an auditor will ask for besides."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimsight.configs.targets import Target
from aimsight.metrics.registry import find

if TYPE_CHECKING:
    from datetime import date

    from aimsight.configs.schema import ObjectiveConfig

SHORTEST_RATIONALE = 10
"""Characters; a shorter rationale gives no reason."""


@dataclass(frozen=True, slots=True)
class Lint:
    """Sentences about one objective: ``blocking`` stand against its approval, ``advice`` does not."""

    blocking: tuple[str, ...]
    advice: tuple[str, ...]


def lint(objective: ObjectiveConfig, today: date) -> Lint:
    """What is missing in an objective, as of a day.

    The loader has made sure of indicator, target, owner, due day and rationale; here is what they must be worth.
    """
    return Lint(tuple(_blocking(objective, today)), tuple(_advice(objective)))


def _blocking(objective: ObjectiveConfig, today: date) -> list[str]:
    found = []
    if objective.due < today:
        found.append(f"due {objective.due.isoformat()} has passed: it says until when the target is to be reached")
    if len(objective.rationale) < SHORTEST_RATIONALE:
        found.append("rationale gives no reason for the target: name the risk, the assessment, the release or the law")
    low, high = find(objective.metric).bounds
    least, greatest = (-math.inf if low is None else low), (math.inf if high is None else high)
    target = Target.parse(objective.target)
    widened = max(target.beyond(least), target.beyond(greatest)) - objective.tolerance
    if widened <= 0:
        found.append(
            f"no value of {objective.metric} can miss {objective.target} by more than the tolerance, so it is not "
            "measurable"
        )
    if objective.review is not None and objective.review < today:
        found.append(f"review {objective.review.isoformat()} has passed")
    return found


def _advice(objective: ObjectiveConfig) -> list[str]:
    wanted = {
        "baseline": (objective.baseline, "where the metric stood when the target was set, with its day"),
        "policy_ref": (objective.policy_ref, "the paragraph of the AI policy that it serves"),
        "actions": (objective.actions, "what will be done to reach it"),
        "resources": (objective.resources, "what that takes"),
        "review": (objective.review, "when the objective itself is looked at again"),
        "communicated": (objective.communicated, "to whom it was made known"),
    }
    return [f"{key} is not stated: {what}" for key, (value, what) in wanted.items() if not value and value != 0.0]

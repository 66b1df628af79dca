"""Whether corrective actions were effective: a fold of the windows after them, judged by the pipeline.

The criterion was fixed before the actions. A window without a measured value (no rows, labels that have not come, only
an estimate) never counts as conforming: the watch goes on until there are enough measured windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimsight.aims.lifecycle.dossier import Check, Criterion
    from aimsight.store.records import EffectivenessWindow

EFFECTIVE = "effective"
NOT_EFFECTIVE = "not effective"
MEASURED = (Verdict.CONFORMING, Verdict.AT_RISK, Verdict.NONCONFORMING)
"""Verdicts that rest on a measured value with enough rows."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The verdict so far: *effective*, *not effective*, or ``""`` while the windows do not say, and why."""

    verdict: str
    reason: str


def effect_of(criterion: Criterion, windows: Sequence[EffectivenessWindow], checks: Sequence[Check]) -> Effect:
    """Judge the windows after the actions.

    Returns
    -------
    Effect
        *Effective* once ``criterion.windows`` measured windows in a row conform; *not effective* at the first
        nonconforming one, or when ``criterion.most`` windows were measured without that; else undecided. Windows
        without a measured value extend the watch. A criterion that a person checks follows the last check.
    """
    if criterion.kind == "check":
        return _of_checks(checks)
    measured = [window for window in windows if Verdict(window.verdict) in MEASURED]
    empty = len(windows) - len(measured)
    beside = f"; {plural(empty, 'window')} without a measured value extended the watch" if empty else ""
    row = 0
    for number, window in enumerate(measured, 1):
        verdict = Verdict(window.verdict)
        if verdict is Verdict.NONCONFORMING:
            return Effect(NOT_EFFECTIVE, f"window {number} after the actions is nonconforming: {window.reason}{beside}")
        row = row + 1 if verdict is Verdict.CONFORMING else 0
        if row == criterion.windows:
            return Effect(EFFECTIVE, f"{plural(row, 'measured window')} in a row conform{beside}")
        if number == criterion.most:
            return Effect(
                NOT_EFFECTIVE,
                f"{plural(number, 'window')} were measured and never {criterion.windows} in a row conformed{beside}",
            )
    return Effect("", f"{row} of {criterion.windows} measured windows in a row conform so far{beside}")


def _of_checks(checks: Sequence[Check]) -> Effect:
    if not checks:
        return Effect("", "nobody has checked the effect yet (aimsight nc check)")
    last = checks[-1]
    return Effect(EFFECTIVE if last.met else NOT_EFFECTIVE, f"checked by {last.by}: {last.finding}")

"""`aimsight metrics verify`: every metric against known answers, put on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from aimsight.monitors.cli.running import parse_day

if TYPE_CHECKING:
    from datetime import date

    from rich.console import RenderableType

    from aimsight.metrics.verification.verify import Check, Verification
    from aimsight.monitors.cli.session import Session

VERIFY = "verify"
FAILED = 1
"""Exit code when a metric does not give its known answers."""


def verify_metrics(session: Session, who: str, due: str, *, record: bool) -> None:
    """Verify the catalogue, put it on record where there is a store, and tell."""
    from aimsight.metrics.verification.verify import verify
    from aimsight.monitors.cli.progress import shown
    from aimsight.monitors.cli.session import now

    next_due = parse_day(due) if due else _in_half_a_year(now().date())
    keeps = record and session.store.path.exists()
    actor = session.actor(who) if keeps else None
    with shown(session.aside, wanted=not session.as_json) as report:
        found = verify(tell=report)
    if actor is not None:
        from aimsight.aims.verification import record_verification

        with session.store.write() as tx:
            record_verification(tx, found, actor, due=next_due)
    data = [_data(one) for one in found]
    session.answer(
        {"metrics": data, "recorded": keeps, "next_due": next_due if keeps else None},
        lambda: _for_people(found, next_due if keeps else None),
    )
    if not all(one.passed for one in found):
        raise typer.Exit(FAILED)


def _in_half_a_year(today: date) -> date:
    from aimsight.aims.verification import INTERVAL

    return today + INTERVAL


def _data(one: Verification) -> dict[str, Any]:
    return {
        "metric": one.metric,
        "version": one.version,
        "passed": one.passed,
        "checks": [
            {
                "metric": check.answer.metric,
                "case": check.answer.case,
                "column": check.answer.column,
                "answer": check.answer.value,
                "by": check.answer.by,
                "value": check.value,
                "deviation": check.deviation,
                "allowed": check.allowed,
                "reason": check.reason,
            }
            for check in one.checks
        ],
    }


def _for_people(found: list[Verification], next_due: date | None) -> list[RenderableType]:
    from aimsight.aims.words import day, plural
    from aimsight.monitors.cli.tables import cell, table

    made = table(
        "Metric", "Answers by", "Deviation", "Allowed", "Result", right=["Deviation", "Allowed"], fixed=["Metric"]
    )
    for one in found:
        worst = one.worst
        if worst is None:
            made.add_row(cell(one.metric), "–", "–", "–", "no known answer")
            continue
        by = ", ".join(dict.fromkeys(check.answer.by for check in one.checks))
        made.add_row(
            cell(one.metric), cell(by), _small(worst.deviation), _small(worst.allowed), cell(_result(one, worst))
        )
    passed, answers = sum(one.passed for one in found), sum(len(one.checks) for one in found)
    kept = f"On record; due again on {day(next_due)}." if next_due else "Not put on record."
    return [made, "", f"{passed} of {plural(len(found), 'metric')} give their {answers} known answers. {kept}"]


def _result(one: Verification, worst: Check) -> str:
    if one.passed:
        return "passed"
    return f"failed: {worst.reason or f'{worst.value!r}, not {worst.answer.value!r}'}"


def _small(number: float | None) -> str:
    return "–" if number is None else f"{number:.0e}" if number else "0"

"""Nonconformities: one open record a subject, fed by later failures, followed by a graver one after its closing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from aimsight.aims.evaluation import NOT_MEASURED_RULE, ZERO_TOLERANCE_RULE, OpeningRule
from aimsight.aims.nonconformities import (
    MONITORING_NOT_DONE,
    Failing,
    evidence_hash,
    of_monitoring,
    of_objective,
    record_failure,
    rule_of,
)
from aimsight.aims.objectives import in_force, register
from aimsight.aims.verdicts import Verdict
from aimsight.store.records import nonconformity, save_nonconformity
from aimsight.store.verify import verify

if TYPE_CHECKING:
    from aimsight.store.database import Store
    from aimsight.store.records import ObjectiveVersion
    from aimsight.tests.aims.conftest import Makers
    from aimsight.tests.clocks import SetClock


def failing(makers: Makers, day: int, content: str = "a") -> Failing:
    """The failure of one day."""
    run = makers.run(day, content)
    return Failing(run.run_id, run.window_start, run.window_end, None, None, 0.5, 0.4, 0.6, ">= 0.7")


def version(store: Store, makers: Makers, **changes: Any) -> ObjectiveVersion:
    """A registered objective."""
    model = makers.model(makers.objective(**changes))
    with store.write() as tx:
        register(tx, model, "owner@example.org", makers.now)
    with store.read() as reader:
        return in_force(reader, model, [makers.window(0)])[makers.window(0)][0]


def fail(
    store: Store, makers: Makers, objective: ObjectiveVersion, *days: int, opens: bool = True
) -> tuple[str | None, int]:
    """Record failures, the last of these days being the newest; the record opened and the occurrences attached."""
    subject = of_objective(objective, "1", Verdict.NONCONFORMING)
    with store.write() as tx:
        new, count = record_failure(
            tx,
            subject,
            [failing(makers, day) for day in days],
            opens=opens,
            statement=f"day {days[-1]}",
            now=store.clock.now(),
        )
    return (new.nonconformity if new else None), count


def close(store: Store, name: str, state: str) -> None:
    """A person brings a record to its end."""
    with store.write() as tx:
        record = replace(nonconformity(tx, name), state=state, closed_at=store.clock.now())
        save_nonconformity(tx, record, kind=f"nonconformity.{state}", actor="auditor@example.org")


def test_nothing_opens_before_the_rule_says_so(store: Store, makers: Makers) -> None:
    """A failure alone is on record as a verdict, and as no more than that."""
    assert fail(store, makers, version(store, makers), 0, opens=False) == (None, 0)
    with store.read() as reader:
        assert reader.tuples("SELECT 1 FROM nonconformity") == []


def test_a_record_says_what_who_and_until_when(store: Store, makers: Makers, clock: SetClock) -> None:
    """It holds the requirement, the span of its failures, the owner and the day of containment."""
    objective = version(store, makers, tolerance=0.02)
    assert fail(store, makers, objective, 0, 2) == ("NC-2026-0001", 2)
    with store.read() as reader:
        record = nonconformity(reader, "NC-2026-0001")
    assert record.requirement == (
        "AI objective OBJ-1, version 1 (clause 6.2): Decisions stay right. Accuracy: at least 0.7, tolerance 0.02."
    )
    assert (record.occurred_from, record.occurred_to) == (makers.window(0).start, makers.window(2).end)
    assert (record.state, record.severity, record.source) == ("detected", "minor", "monitoring")
    assert (record.statement, record.owner, record.kind) == ("day 2", "owner@example.org", "performance")
    assert record.due_at == clock.moment + timedelta(days=5)
    assert record.closed_at is None
    assert verify(store).intact


@pytest.mark.parametrize("state", ["detected", "contained", "analysed", "implemented"])
def test_while_a_record_is_open_failures_feed_it(store: Store, makers: Makers, state: str) -> None:
    """Whatever its state before the end, and whether the rule would open again or not."""
    objective = version(store, makers)
    fail(store, makers, objective, 0, 1)
    close(store, "NC-2026-0001", state)
    assert fail(store, makers, objective, 1, 2, opens=False) == (None, 1)
    assert fail(store, makers, objective, 2, 3) == (None, 1)
    with store.read() as reader:
        assert reader.tuples("SELECT count(*) FROM occurrence") == [(4,)]
        assert reader.tuples("SELECT count(*) FROM nonconformity") == [(1,)]


@pytest.mark.parametrize(
    ("state", "severity", "points_back"),
    [
        ("closed", "major", "NC-2026-0001"),
        ("closed_correction_only", "major", "NC-2026-0001"),
        ("rejected", "minor", None),
    ],
)
def test_after_the_end_the_same_failure_opens_another(
    store: Store, makers: Makers, state: str, severity: str, points_back: str | None
) -> None:
    """After a closing it is a recurrence and graver; a rejected record was none, so nothing recurs."""
    objective = version(store, makers)
    fail(store, makers, objective, 0, 1)
    close(store, "NC-2026-0001", state)
    assert fail(store, makers, objective, 5, 6) == ("NC-2026-0002", 2)
    with store.read() as reader:
        record = nonconformity(reader, "NC-2026-0002")
    assert (record.severity, record.recurrence_of) == (severity, points_back)


def test_a_window_of_a_closed_record_opens_nothing(store: Store, makers: Makers) -> None:
    """Judged again, it is the failure that was dealt with; a window is one occurrence, however often it is judged."""
    objective = version(store, makers)
    fail(store, makers, objective, 0, 1)
    subject = of_objective(objective, "1", Verdict.NONCONFORMING)
    for state, content in (("detected", "b"), ("closed", "c")):
        close(store, "NC-2026-0001", state)
        with store.write() as tx:
            again = [failing(makers, 1, content)]
            done = record_failure(tx, subject, again, opens=True, statement="", now=makers.now)
        assert done == (None, 0)


def test_subjects_do_not_mix(store: Store, makers: Makers) -> None:
    """Objectives, models, segments and monitoring that was not done have records of their own."""
    objective = version(store, makers)
    subjects = [
        of_objective(objective, "1", Verdict.NONCONFORMING),
        of_objective(replace(objective, objective="OBJ-2"), "1", Verdict.NONCONFORMING),
        of_objective(replace(objective, model="fraud"), "1", Verdict.NONCONFORMING),
        of_objective(replace(objective, segment="gender=F"), "1", Verdict.NONCONFORMING),
        of_objective(objective, "1", Verdict.NOT_MEASURED),
        of_monitoring("credit", "1", "owner@example.org"),
    ]
    for number, subject in enumerate(subjects, 1):
        with store.write() as tx:
            new, _ = record_failure(tx, subject, [failing(makers, 0)], opens=True, statement="", now=makers.now)
        assert new is not None
        assert new.nonconformity == f"NC-2026-{number:04d}"
    assert [subject.kind for subject in subjects[3:]] == ["performance", MONITORING_NOT_DONE, MONITORING_NOT_DONE]
    assert "in segment gender=F" in subjects[3].requirement
    assert "clause 9.1" in subjects[5].requirement


def test_a_new_version_of_the_objective_is_the_same_subject(store: Store, makers: Makers) -> None:
    """Editing the target does not make the open record vanish, nor open a second one beside it."""
    fail(store, makers, version(store, makers), 0, 1)
    assert fail(store, makers, version(store, makers, target=">= 0.6"), 1, 2) == (None, 1)


def test_numbers_begin_anew_each_year(store: Store, makers: Makers, clock: SetClock) -> None:
    """NC-2026-0001, then NC-2027-0001: from the clock of the record."""
    objective = version(store, makers)
    assert fail(store, makers, objective, 0, 1)[0] == "NC-2026-0001"
    close(store, "NC-2026-0001", "closed")
    clock.moment += timedelta(days=365)
    assert fail(store, makers, objective, 5, 6)[0] == "NC-2027-0001"


def test_the_rule_is_that_of_the_objective(store: Store, makers: Makers) -> None:
    """2 of 3 by default, its own where given, at once with zero tolerance, 2 of 2 for what was not measured."""
    plain = version(store, makers)
    assert rule_of(plain, Verdict.NONCONFORMING) == OpeningRule(2, 3)
    assert rule_of(replace(plain, opens_failures=3, opens_of=5), Verdict.NONCONFORMING) == OpeningRule(3, 5)
    strict = replace(plain, zero_tolerance=True)
    assert rule_of(strict, Verdict.NONCONFORMING) == ZERO_TOLERANCE_RULE == OpeningRule(1, 1)
    assert rule_of(strict, Verdict.NOT_MEASURED) == NOT_MEASURED_RULE == OpeningRule(2, 2)


def test_evidence_is_frozen_by_a_plain_hash(makers: Makers) -> None:
    """SHA-256 over canonical JSON of run, measurement and evaluation: anybody can recompute it."""
    one = replace(failing(makers, 0), measurement_hash="ab", evaluation_hash="cd")
    text = json.dumps({"evidence": [[one.run_id, "ab", "cd"]]}, separators=(",", ":"))
    assert evidence_hash([one]) == hashlib.sha256(text.encode()).hexdigest()

"""Verification of metrics on record: one record a metric, its history, and when it is due again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from aimsight.aims.people import Actor, AuthorityError, Role
from aimsight.aims.registers.service import get
from aimsight.aims.verification import TYPE, record_verification, state, state_words
from aimsight.metrics.registry import METRICS
from aimsight.metrics.verification.verify import Answer, Check, Verification

if TYPE_CHECKING:
    from aimsight.store.database import Store

ENGINEER = Actor("ada@example.org", frozenset({Role.ENGINEER}))
AUDITOR = Actor("dev@example.org", frozenset({Role.AUDITOR}))
DUE = date(2026, 11, 2)
UTC = ZoneInfo("UTC")


def verified(metric: str, *, off: float = 0.0, version: int | None = None) -> Verification:
    """A metric that gives its answer, or is off by so much."""
    answer = Answer(metric, "binary", "", "", 0.5, 0.01, "by hand")
    number = METRICS[metric].version if version is None else version
    return Verification(metric, number, (Check(answer, number, 0.5 + off, off, 0.01, ""),), "d" * 16)


def everything(**changes: Any) -> list[Verification]:
    """Every metric, right; ``changes`` are those of the first."""
    first, *others = METRICS
    return [verified(first, **changes), *map(verified, others)]


def test_every_metric_is_on_record_and_due_again(store: Store) -> None:
    """After a verification of all metrics nothing is due until the day that was set."""
    with store.write() as tx:
        record_verification(tx, everything(), ENGINEER, due=DUE)
    with store.read() as reader:
        found = state(reader)
        one = get(reader, TYPE, "MV-performance.accuracy")
    assert (found.verified, found.failed, found.outdated, found.due) == (len(METRICS), (), (), DUE)
    assert (one.author, one.fields["result"], one.fields["cases"]) == ("ada@example.org", "passed", 1)
    assert {entry["name"] for entry in one.fields["libraries"]} >= {"python", "numpy", "duckdb"}
    assert not found.is_overdue(DUE)
    assert found.is_overdue(DUE + timedelta(days=1))
    assert "due again on 2 Nov 2026" in state_words(found, UTC, DUE)
    assert "OVERDUE since 2 Nov 2026" in state_words(found, UTC, DUE + timedelta(days=1))


def test_a_second_verification_is_a_new_version(store: Store, clock: Any) -> None:
    """The history of an instrument: both verifications stay, the later one counts."""
    with store.write() as tx:
        record_verification(tx, [verified("quality.rows")], ENGINEER, due=DUE)
    clock.moment += timedelta(days=100)
    with store.write() as tx:
        (again,) = record_verification(tx, [verified("quality.rows", off=0.2)], ENGINEER, due=DUE)
    assert (again.version, again.fields["result"]) == (2, "failed")
    with store.read() as reader:
        assert state(reader).failed == ("quality.rows",)
        assert get(reader, TYPE, "MV-quality.rows", 1).fields["result"] == "passed"
        assert "quality.rows" in state_words(state(reader), UTC, DUE)


def test_another_version_of_a_metric_is_due_at_once(store: Store) -> None:
    """A verification of version 1 says nothing about version 2."""
    first = next(iter(METRICS))
    with store.write() as tx:
        record_verification(tx, everything(version=METRICS[first].version + 1), ENGINEER, due=DUE)
    with store.read() as reader:
        found = state(reader)
    assert found.outdated == (first,)
    assert found.is_overdue(date(2026, 5, 5))
    assert "due now: 1 metric" in state_words(found, UTC, date(2026, 5, 5))


def test_without_a_verification_it_is_due_now(store: Store) -> None:
    """A store that has none says so; a metric without answers gets no record."""
    with store.write() as tx:
        assert record_verification(tx, [replace(verified("quality.rows"), checks=())], ENGINEER, due=DUE) == []
    with store.read() as reader:
        found = state(reader)
    assert found.is_overdue(date(2000, 1, 1))
    assert state_words(found, UTC, DUE) == "not verified in this installation; due now"


def test_an_auditor_does_not_verify(store: Store) -> None:
    """Who audits the records does not write them."""
    with store.write() as tx, pytest.raises(AuthorityError):
        record_verification(tx, [verified("quality.rows")], AUDITOR, due=DUE)

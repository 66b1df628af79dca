"""The outbox: delivered once where all goes well, at least once where it does not, and never in the way of a run."""

from __future__ import annotations

import fcntl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.configs.load import Project
from aimsight.configs.schema import AlertRoute, ProjectConfig
from aimsight.monitors.alerts import (
    FAILING_AFTER,
    FIRST_PAUSE,
    GIVE_UP_AFTER,
    LONGEST_PAUSE,
    Delivered,
    deliver,
    enqueue,
    pause,
)
from aimsight.monitors.channels import DeliveryError, Message
from aimsight.monitors.notices import Notice
from aimsight.store.database import Store
from aimsight.store.verify import verify

NOW = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
ROUTES = (AlertRoute(name="ops", url="file:ops.jsonl"), AlertRoute(name="mail", url="mailto://a.example"))


class Wire:
    """Takes messages, or fails for the URLs named in ``down``."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Message]] = []
        self.down: set[str] = set()

    def __call__(self, url: str, message: Message, root: Path) -> None:
        """Deliver one message."""
        if url in self.down:
            raise DeliveryError("the line is dead")
        self.sent.append((url, message))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that is not there yet."""
    return Store(tmp_path / "store" / "test.duckdb")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with two routes."""
    return Project(tmp_path, ProjectConfig(organisation="Test", alerts=ROUTES), {}, {})


def queue(store: Store, *keys: str, now: datetime = NOW) -> int:
    """Queue one notice a key for both routes."""
    with store.write() as tx:
        return enqueue(tx, [Notice("nonconformity", f"S {key}", f"B {key}", key) for key in keys], ROUTES, now)


def states(store: Store) -> set[tuple[str, str, int]]:
    """Route, state and attempts of every notice."""
    with store.read() as reader:
        return {(row[0], row[1], row[2]) for row in reader.tuples("SELECT route, state, attempts FROM outbox")}


def test_the_notices_of_a_run_reach_each_target_as_one_message(store: Store, project: Project) -> None:
    """Three notices, two routes: two messages, each with all three; a second round sends nothing."""
    wire = Wire()
    queue(store, "a", "b", "c")
    assert deliver(store, project, now=NOW, send=wire) == Delivered(sent=6)
    assert [(url, message.keys) for url, message in wire.sent] == [
        ("mailto://a.example", ("a", "b", "c")),
        ("file:ops.jsonl", ("a", "b", "c")),
    ]
    assert deliver(store, project, now=NOW + timedelta(days=1), send=wire) == Delivered()
    assert len(wire.sent) == 2


def test_the_same_notice_is_queued_once_for_ever(store: Store, project: Project) -> None:
    """A run that is repeated does not alarm again, not even after delivery."""
    assert queue(store, "a") == 2
    assert queue(store, "a") == 0
    deliver(store, project, now=NOW, send=Wire())
    assert queue(store, "a", now=NOW + timedelta(days=9)) == 0


def test_a_dead_target_does_not_hold_up_the_other_one_nor_send_it_twice(store: Store, project: Project) -> None:
    """Only what failed is tried again, after its pause, and arrives when the line is back."""
    wire = Wire()
    wire.down = {"mailto://a.example"}
    queue(store, "a")
    assert deliver(store, project, now=NOW, send=wire, chance=lambda: 0.5) == Delivered(sent=1, failed=1)
    assert states(store) == {("ops", "delivered", 1), ("mail", "queued", 1)}
    wire.down = set()
    early = NOW + FIRST_PAUSE - timedelta(seconds=1)
    assert deliver(store, project, now=early, send=wire, chance=lambda: 0.5) == Delivered()
    assert deliver(store, project, now=NOW + FIRST_PAUSE, send=wire, chance=lambda: 0.5) == Delivered(sent=1)
    assert [url for url, _ in wire.sent] == ["file:ops.jsonl", "mailto://a.example"]


def test_a_target_that_keeps_failing_is_on_record_and_given_up_in_the_end(store: Store, project: Project) -> None:
    """One event when the failing lasts, then attempts until the last; the notice stays, with the reason."""
    wire = Wire()
    wire.down = {route.url for route in ROUTES}
    queue(store, "a")
    moment = NOW
    for _ in range(GIVE_UP_AFTER):
        deliver(store, project, now=moment, send=wire, chance=lambda: 0.0)
        moment += LONGEST_PAUSE
    assert states(store) == {("ops", "given up", GIVE_UP_AFTER), ("mail", "given up", GIVE_UP_AFTER)}
    assert deliver(store, project, now=moment + timedelta(days=9), send=wire) == Delivered()
    with store.read() as reader:
        failing = "SELECT subject, count(*) FROM events WHERE kind = 'alert.failing' GROUP BY 1 ORDER BY 1"
        events = reader.tuples(failing)
        errors = reader.tuples("SELECT DISTINCT last_error FROM outbox")
    assert events == [("mail", 1), ("ops", 1)]
    assert errors == [("the line is dead",)]
    assert FAILING_AFTER < GIVE_UP_AFTER
    assert verify(store).intact


def test_a_route_that_is_gone_from_the_configuration_is_a_failure(store: Store, project: Project) -> None:
    """Its notices are not lost in silence."""
    queue(store, "a")
    bare = Project(project.root, ProjectConfig(organisation="Test"), {}, {})
    assert deliver(store, bare, now=NOW, send=Wire()) == Delivered(failed=2)


def test_two_deliverers_do_not_send_the_same_notice_twice(store: Store, project: Project) -> None:
    """While another process delivers, this one leaves the outbox to it."""
    queue(store, "a")
    wire = Wire()
    with store.path.with_name("alerts.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert deliver(store, project, now=NOW, send=wire) == Delivered()
    assert wire.sent == []
    assert deliver(store, project, now=NOW, send=wire) == Delivered(sent=2)


def test_a_crash_after_sending_sends_again(store: Store, project: Project) -> None:
    """What was sent but not marked is sent once more: better twice than never."""
    queue(store, "a")
    sent: list[str] = []

    def crash(url: str, message: Message, root: Path) -> None:
        sent.append(url)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(store, project, now=NOW, send=crash)
    wire = Wire()
    assert deliver(store, project, now=NOW, send=wire) == Delivered(sent=2)
    assert len(sent) == 1


@given(attempts=st.integers(1, 10_000), chance=st.floats(0, 1, exclude_max=True))
def test_pauses_grow_and_stay_bounded(attempts: int, chance: float) -> None:
    """Never shorter than half the first pause, never longer than one and a half of the longest, growing in between."""
    assert FIRST_PAUSE * 0.5 <= pause(attempts, chance) <= LONGEST_PAUSE * 1.5
    assert pause(attempts, chance) <= pause(attempts + 1, chance)
    assert pause(1, 0.5) == FIRST_PAUSE
    assert pause(2, 0.5) == 2 * FIRST_PAUSE

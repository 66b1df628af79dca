"""The outbox: notices are queued in the transaction of a run and delivered afterwards, per target, at least once.

A notice that cannot be delivered is tried again, later and later, and never stops or fails a run. A route that keeps
failing becomes an event of its own in the ledger, because an alert that nobody gets is itself a finding.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from aimsight.configs.errors import StoreBusyError
from aimsight.configs.load import Project
from aimsight.configs.schema import AlertRoute
from aimsight.monitors import channels
from aimsight.monitors.channels import DeliveryError, Message
from aimsight.monitors.notices import Notice, addressed, grouped
from aimsight.store.database import Store, Transaction
from aimsight.store.outbox import Notice as Queued
from aimsight.store.outbox import due_notices, enqueue_notice, mark_notice
from aimsight.store.records import PROGRAM, append_event

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=6)
FAILING_AFTER = 5
"""So many failures in a row (after some ten minutes) put the route's failing on record."""
GIVE_UP_AFTER = 24
"""So many failures (after some four days) end the attempts; the notice stays in the outbox as given up."""

Send = Callable[[str, Message, Path], None]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round of delivery did, counted in notices."""

    sent: int = 0
    failed: int = 0
    given_up: int = 0


def enqueue(tx: Transaction, notices: Iterable[Notice], routes: Sequence[AlertRoute], now: datetime) -> int:
    """Queue notices for the routes that want them, in the transaction of what they tell; how many were new."""
    return sum(
        enqueue_notice(tx, Queued(_id(route, notice), now, route, notice.subject, notice.body, notice.key))
        for route, notice in addressed(notices, routes)
    )


def deliver(
    store: Store,
    project: Project,
    *,
    now: datetime,
    send: Send = channels.send,
    chance: Callable[[], float] = random.random,
) -> Delivered:
    """Deliver what is due, one message a route; what fails is tried again later.

    Parameters
    ----------
    store, project
        Where the outbox lies, and the routes.
    now
        The moment of this attempt.
    send
        What delivers to one target, raising `DeliveryError` when it could not.
    chance
        Numbers in [0, 1) that spread the attempts.

    Returns
    -------
    Delivered
        Nothing when another process is delivering at this moment: it takes all that is due.
    """
    total = Delivered()
    # A busy store only puts the delivery off: what was sent but could not be marked is sent once more.
    with _alone(store.path.with_name("alerts.lock")) as alone, suppress(StoreBusyError):
        if not alone:
            return total
        with store.read() as reader:
            # Within a message by key: nonconformities first, then runs, then verdicts by model and window.
            due = sorted(due_notices(reader, now), key=lambda notice: (notice.route, notice.dedupe_key))
        routes = {route.name: route for route in project.config.alerts}
        for route, notices in groupby(due, key=lambda notice: notice.route):
            outcome = _deliver_route(store, project.root, routes, route, list(notices), now, send, chance)
            total = Delivered(
                total.sent + outcome.sent, total.failed + outcome.failed, total.given_up + outcome.given_up
            )
    return total


def pause(attempts: int, chance: float) -> timedelta:
    """How long to wait after so many failed attempts (at least 1): doubling, capped, spread by ``chance`` in [0, 1).

    The spread is from half to one and a half of the pause, so that many notices do not come back at the same second.
    """
    doubled: timedelta = FIRST_PAUSE * (1 << min(attempts - 1, 20))
    return min(doubled, LONGEST_PAUSE) * (0.5 + chance)


def _deliver_route(  # one round's circumstances, used once
    store: Store,
    root: Path,
    routes: Mapping[str, AlertRoute],
    route: str,
    notices: list[Queued],
    now: datetime,
    send: Send,
    chance: Callable[[], float],
) -> Delivered:
    """One message to one target, outside of any lock of the store; then the record of how it went."""
    subject, body = grouped([(notice.subject, notice.body) for notice in notices])
    error = ""
    try:
        if route not in routes:
            raise DeliveryError("the configuration has no such route any more")
        send(routes[route].url, Message(subject, body, tuple(notice.dedupe_key for notice in notices), now), root)
    except DeliveryError as failure:
        error = str(failure) or type(failure).__name__
    with store.write() as tx:
        if not error:
            for notice in notices:
                mark_notice(tx, notice, delivered_at=now)
            return Delivered(sent=len(notices))
        lost = [notice for notice in notices if notice.attempts + 1 >= GIVE_UP_AFTER]
        for notice in notices:
            again = None if notice in lost else now + pause(notice.attempts + 1, chance())
            mark_notice(tx, notice, error=error, next_attempt_at=again)
        if any(notice.attempts + 1 == FAILING_AFTER for notice in notices):
            payload = {"attempts": FAILING_AFTER, "last_error": error, "waiting": len(notices)}
            append_event(tx, "alert.failing", route, PROGRAM, payload)
        return Delivered(failed=len(notices) - len(lost), given_up=len(lost))


def _id(route: str, notice: Notice) -> str:
    """The identity of a notice on a route: the same notice has the same one, whoever queues it."""
    return hashlib.sha256(f"{route}\n{notice.key}".encode()).hexdigest()[:32]


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether no other process delivers at this moment; the right to deliver, for as long as the block lasts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)

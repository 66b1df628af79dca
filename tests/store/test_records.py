"""Governed records, the outbox, known files and the ledger's entries."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.configs.errors import NotFoundError, StoreError
from aimsight.metrics.engines.sql import quote_ident
from aimsight.store.digests import microseconds
from aimsight.store.files import KnownFile, known_files, remember_files
from aimsight.store.ledger import Head, append, entry_hash, moment_text
from aimsight.store.measurements import measurement_hash, stored_measurement_hash
from aimsight.store.outbox import due_notices, enqueue_notice, mark_notice
from aimsight.store.records import (
    ModelRecord,
    append_event,
    latest_objective,
    next_nonconformity_id,
    nonconformity,
    open_nonconformity,
    register_model,
    save_nonconformity,
    save_objective_version,
)
from aimsight.store.references import is_frozen
from aimsight.store.tables import MEASUREMENT, OBJECTIVE_VERSION
from aimsight.store.verify import verify

if TYPE_CHECKING:
    from aimsight.store.database import Store, Transaction
    from aimsight.tests.store.conftest import Samples

MODEL = ModelRecord("wage-band", "2", "people", "Suggests", "high", "binary", "c0", datetime(2026, 1, 1, tzinfo=UTC))


def kinds(tx: Transaction) -> list[str]:
    """Give the kinds of all events after the founding."""
    return [row[0] for row in tx.tuples("SELECT kind FROM events WHERE seq > 1 ORDER BY seq")]


def test_a_model_is_an_event_when_it_is_new_or_has_changed(store: Store) -> None:
    """Every run may register its model; only a change of what counts is a new event."""
    with store.write() as tx:
        assert register_model(tx, MODEL)
        assert not register_model(tx, replace(MODEL, registered_at=MODEL.registered_at + timedelta(days=1)))
        assert register_model(tx, replace(MODEL, config_hash="c1"), actor="ann")
        assert kinds(tx) == ["model.registered", "model.changed"]
        assert tx.tuples("SELECT config_hash FROM models") == [("c1",)]
    assert verify(store, store.checkpoints).intact


def test_versions_of_an_objective_stay(store: Store, samples: Samples) -> None:
    """A new version is added beside the old one, the newest is in force, and a version is never written twice."""
    with store.write() as tx:
        assert latest_objective(tx, "wage-band", "OBJ-01") is None
        save_objective_version(tx, samples.objective())
        save_objective_version(tx, samples.objective(version=2, target=">= 0.8"), actor="ann")
        assert latest_objective(tx, "wage-band", "OBJ-01") == samples.objective(version=2, target=">= 0.8")
        rows = tx.tuples("SELECT version, is_latest FROM objectives ORDER BY version")
    assert rows == [(1, False), (2, True)]
    with pytest.raises(duckdb.ConstraintException), store.write() as tx:
        save_objective_version(tx, samples.objective())
    assert verify(store, store.checkpoints).intact


def test_a_nonconformity_moves_by_events(store: Store, samples: Samples) -> None:
    """The row shows the present state, the ledger how it came to it, with the actor and the particulars."""
    record = samples.nonconformity()
    with store.write() as tx:
        open_nonconformity(tx, record, details={"failures": 2})
        moved = replace(record, state="open", owner="ann", due_at=samples.start)
        save_nonconformity(tx, moved, kind="nonconformity.open", actor="ann", details={"reason": "confirmed"})
        assert nonconformity(tx, "NC-2026-0001") == moved
        payloads = [json.loads(row[0]) for row in tx.tuples("SELECT payload FROM events WHERE seq > 1 ORDER BY seq")]
        actors = [row[0] for row in tx.tuples("SELECT actor FROM events WHERE seq > 1 ORDER BY seq")]
    assert [(payload["row"]["state"], payload["row"]["owner"]) for payload in payloads] == [
        ("detected", "people-analytics"),
        ("open", "ann"),
    ]
    assert (payloads[0]["failures"], payloads[1]["reason"]) == (2, "confirmed")
    assert payloads[1]["row"]["due_at"] == "2026-01-01T00:00:00.000000Z"
    assert actors == ["aimsight", "ann"]
    assert verify(store, store.checkpoints).intact


def test_an_unknown_nonconformity_is_answered_with_the_known_ones(filled: Store) -> None:
    """A slip in the number is no dead end."""
    with filled.read() as reader, pytest.raises(NotFoundError, match="did you mean NC-2026-0001"):
        nonconformity(reader, "NC-2026-001")


def test_numbers_of_nonconformities_count_within_a_year(store: Store, samples: Samples) -> None:
    """The next number follows the largest of its year, beyond four digits too."""
    with store.write() as tx:
        assert next_nonconformity_id(tx, 2026) == "NC-2026-0001"
        for number in ("NC-2026-0009", "NC-2026-10000", "NC-2025-0077"):
            open_nonconformity(tx, samples.nonconformity(nonconformity=number))
        assert next_nonconformity_id(tx, 2026) == "NC-2026-10001"
        assert next_nonconformity_id(tx, 2027) == "NC-2027-0001"


def test_a_notice_enters_once_and_is_tried_until_it_is_delivered(store: Store, samples: Samples) -> None:
    """Queued, failed with the time of the next attempt, delivered: each an event; the same key never again."""
    now = samples.start
    with store.write() as tx:
        assert enqueue_notice(tx, samples.notice())
        assert not enqueue_notice(tx, samples.notice(id="N-2"))
        assert enqueue_notice(tx, samples.notice(id="N-3", route="mail"))
    with store.write() as tx:
        first, second = due_notices(tx, now)
        later = now + timedelta(minutes=5)
        failed = mark_notice(tx, first, error="connection refused", next_attempt_at=later)
        mark_notice(tx, second, error="no such address")
        assert due_notices(tx, now) == []
        assert due_notices(tx, later) == [failed]
        delivered = mark_notice(tx, failed, delivered_at=later)
        assert due_notices(tx, later + timedelta(days=9)) == []
        assert (delivered.state, delivered.attempts, delivered.last_error) == ("delivered", 2, None)
        assert kinds(tx) == ["alert.queued"] * 2 + ["alert.failed", "alert.given_up", "alert.delivered"]
        assert not enqueue_notice(tx, samples.notice(id="N-4"))
    assert verify(store, store.checkpoints).intact


def test_the_newest_knowledge_of_a_file_replaces_the_old(store: Store, samples: Samples) -> None:
    """One row a path, many at once, the last one said wins; sizes and times of any magnitude."""
    known = KnownFile("data/a.parquet", 10, 2**62, "ab", samples.start, None)
    newer = replace(known, size=11, sha256="cd")
    many = [replace(known, path=f"data/{number}.parquet") for number in range(500)]
    with store.write() as tx:
        remember_files(tx, [])
        remember_files(tx, [known])
        assert known_files(tx) == {known.path: known}
        remember_files(tx, [known, *many, newer])
    with store.read() as reader:
        assert known_files(reader) == {file.path: file for file in (newer, *many)}


def test_what_lies_in_the_store_has_the_hash_of_what_was_measured(filled: Store, samples: Samples) -> None:
    """Evidence that is bound later points at the same row as evidence that was bound at once."""
    run = samples.run()
    with filled.read() as reader:
        stored = stored_measurement_hash(reader, run.run_id, "performance.accuracy", "", "")
        assert stored == measurement_hash(run, samples.measurements()[0], run.started_at)
        assert stored_measurement_hash(reader, run.run_id, "performance.other", "", "") is None
        assert is_frozen(reader, "wage-band", "beef")
        assert not is_frozen(reader, "wage-band", "other")


def test_an_entrys_hash_is_what_the_documentation_says() -> None:
    """Whoever follows the description in the docs with another tool computes the same hash."""
    expected = hashlib.sha256(
        b"aimsight ledger entry v1\n"
        b"\x00\x00\x00\x00\x00\x00\x01\x02" + b"\x07" * 32 + b"\x00\x00\x00\x00\x00\x00\x00\x02" + b"{}"
    ).digest()
    assert entry_hash(258, b"\x07" * 32, b"{}") == expected


@given(st.binary(max_size=8), st.binary(max_size=8), st.integers(1, 2**40), st.integers(1, 2**40))
def test_entries_that_differ_have_different_hashes(one: bytes, two: bytes, a: int, b: int) -> None:
    """Position and content are both bound: the same bytes at another place are another entry."""
    same = (one, a) == (two, b)
    assert (entry_hash(a, bytes(32), one) == entry_hash(b, bytes(32), two)) == same


def test_an_entry_holds_exactly_what_was_said(store: Store) -> None:
    """The stored text is canonical: sorted keys, no white space, names in Unicode form NFC, the time of the clock."""
    with store.write() as tx:
        seq = append_event(tx, "note.taken", "Gro\u0308\u00dfe", "ann", {"b": [1, None, True], "a": "\u00e9"})
        (entry,) = tx.rows("SELECT * FROM events WHERE seq = ?", [seq])
    assert entry["entry"] == (
        '{"actor":"ann","kind":"note.taken","payload":{"a":"\u00e9","b":[1,null,true]},'
        f'"recorded_at":"{moment_text(entry["recorded_at"])}","subject":"Gr\u00f6\u00dfe"}}'
    )
    assert entry["subject"] == "Gr\u00f6\u00dfe"


@pytest.mark.parametrize("payload", [{"x": 0.5}, {"x": float("nan")}, {"x": 2**60}, {"x": "\ud800"}, {"x": b"raw"}])
def test_what_has_no_canonical_form_is_refused(store: Store, payload: dict[str, Any]) -> None:
    """Floats, huge integers, broken text: such a payload never enters, and the transaction is as before."""
    with store.write() as tx:
        head = tx.head
        with pytest.raises((TypeError, ValueError)):
            append(tx, "aimsight", "note.taken", "x", payload)
        assert tx.head == head


@pytest.mark.parametrize("kind", ["", "note", "Note.taken", "note.taken\n", "note taken"])
def test_a_kind_is_words_joined_by_dots(store: Store, kind: str) -> None:
    """Kinds are for machines: no free text."""
    with store.write() as tx, pytest.raises(ValueError, match="no kind of event"):
        append(tx, "aimsight", kind, "x", {})


def test_a_store_without_its_first_entry_takes_nothing_more(filled: Store) -> None:
    """Going on with a beheaded ledger would make the loss look normal."""
    with duckdb.connect(str(filled.path)) as connection:
        connection.execute("DELETE FROM ledger")
    with pytest.raises(StoreError, match="lost its first entry"), filled.write():
        pass


def test_heads_move_by_one(store: Store) -> None:
    """Sequence numbers count 1, 2, 3, within and across transactions, whatever is rolled back between them."""
    with store.write() as tx:
        assert [append(tx, "aimsight", "note.taken", "x", {}) for _ in range(2)] == [2, 3]
    with pytest.raises(RuntimeError), store.write() as tx:  # noqa: PT012  # the error comes after the writing
        append(tx, "aimsight", "note.taken", "x", {})
        raise RuntimeError
    with store.write() as tx:
        assert append(tx, "aimsight", "note.taken", "x", {}) == 4
        assert isinstance(tx.head, Head)
        assert tx.head.seq == 4


def test_moments_need_a_zone_and_days_are_no_moments(samples: Samples) -> None:
    """A naive time would mean another moment on another machine."""
    naive = datetime(2026, 1, 1)  # noqa: DTZ001  # that is the point
    with pytest.raises(ValueError, match="no time zone"):
        samples.evaluation(samples.run(), evaluated_at=naive).row()
    with pytest.raises(TypeError, match="is a moment, not a day"):
        samples.objective(due=samples.start).row()


@given(st.datetimes(timezones=st.timezones()))
def test_microseconds_are_exact(moment: datetime) -> None:
    """No float in between: the text of the moment and its microseconds say the same, to the last digit."""
    back = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds(moment.astimezone(UTC)))
    assert back == moment.astimezone(UTC)
    assert datetime.fromisoformat(moment_text(moment)) == back


def test_names_are_quoted_for_sql() -> None:
    """A name with quotes stays one name."""
    assert quote_ident('a"b') == '"a""b"'
    connection = duckdb.connect()
    hostile = 'x"); DROP TABLE t; --'
    assert connection.execute(f"SELECT 1 AS {quote_ident(hostile)}").description[0][0] == hostile
    connection.close()


def test_a_row_must_have_all_cells() -> None:
    """A missing cell is a bug, never a silent NULL."""
    with pytest.raises(ValueError, match="zip"):
        MEASUREMENT.row((1, 2))
    with pytest.raises(KeyError):
        OBJECTIVE_VERSION.row_of({"model": "x"})

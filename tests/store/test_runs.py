"""Runs: frozen keys, one final outcome a key, attempts that leave a trace, planned slots."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from aimsight.store.measurements import write_measurements
from aimsight.store.runs import (
    abandon_dead,
    begin_attempts,
    claim,
    claim_attempt,
    finish,
    is_done,
    open_slots,
    plan_slots,
    run_key,
)

if TYPE_CHECKING:
    from aimsight.store.database import Store
    from aimsight.tests.store.conftest import Samples

DAY = timedelta(days=1)


def test_the_format_of_the_key_is_frozen() -> None:
    """A key written today is found again by every later version: the bytes behind it never change."""
    text = (
        '{"config_hash":"c0","model":"wage-band","monitor":"main","run_key":1,"source_fingerprint":"f0",'
        '"window_end":"2026-03-30T22:00:00.000000Z","window_start":"2026-03-29T23:00:00.000000Z"}'
    )
    key = run_key(
        "wage-band",
        "main",
        datetime(2026, 3, 29, 23, tzinfo=UTC),
        datetime(2026, 3, 30, 22, tzinfo=UTC),
        "c0",
        "f0",
    )
    assert key == hashlib.sha256(text.encode()).hexdigest()
    assert key == "db73761bb8e1db485b02799a654efbd472bc0427903c0ff56b6e6144a0ed39ec"


def test_the_key_does_not_depend_on_how_a_moment_is_spelled() -> None:
    """Midnight in Vienna and 23:00 in UTC the day before are one window."""
    vienna = timezone(timedelta(hours=1))
    local = run_key("m", "main", datetime(2026, 1, 1, tzinfo=vienna), datetime(2026, 1, 2, tzinfo=vienna), "c", "f")
    start = datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert local == run_key("m", "main", start, start + DAY, "c", "f")


@pytest.mark.parametrize("change", ["model", "monitor", "window_start", "window_end", "config_hash", "source"])
def test_every_part_of_the_key_counts(change: str) -> None:
    """Another model, monitor, window, configuration or source is another run."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    parts = {
        "model": "m",
        "monitor": "main",
        "window_start": start,
        "window_end": start + DAY,
        "config_hash": "c",
        "source": "f",
    }
    other = dict(parts)
    value = other[change]
    other[change] = value + timedelta(microseconds=1) if isinstance(value, datetime) else f"{value}x"
    assert run_key(*parts.values()) != run_key(*other.values())  # type: ignore[arg-type]  # in the order of the parameters


def test_a_key_is_done_once(store: Store, samples: Samples) -> None:
    """The second claim of a finished key gets nothing, in the same transaction and in a later one."""
    with store.write() as tx:
        run = samples.write_run(tx)
        assert claim(tx, samples.run()) is None
    with store.write() as tx:
        assert is_done(tx, run.run_id)
        assert claim(tx, samples.run()) is None
        assert tx.tuples("SELECT count(*) FROM runs") == [(1,)]


def test_a_failed_run_can_be_tried_again(store: Store, samples: Samples) -> None:
    """Every failure is a run of its own; the key stays free until a final outcome, and revisions count on."""
    with store.write() as tx:
        for _ in range(2):
            failed = claim_attempt(tx, samples.run())
            finish(tx, failed.run_id, "error", "source is truncated", 0, samples.start)
    with store.write() as tx:
        run = claim(tx, samples.run())
        assert run is not None
        finish(tx, run.run_id, "success", "", 1, samples.start)
    key = samples.run().run_id
    with store.read() as reader:
        rows = reader.rows("SELECT * FROM runs ORDER BY revision DESC")
    assert [(row["run_id"], row["outcome"], row["revision"]) for row in rows] == [
        (key, "success", 3),
        (f"{key}~2", "error", 2),
        (f"{key}~1", "error", 1),
    ]
    assert {row["run_key"] for row in rows} == {key}


def test_new_labels_make_a_new_revision_of_the_window(store: Store, samples: Samples) -> None:
    """Another source fingerprint is another key for the same window; the newest one is the latest, both stay."""
    with store.write() as tx:
        samples.write_run(tx)
        run = claim(tx, samples.run(run_id="second"))
        assert run is not None
        write_measurements(tx, run, samples.measurements(), run.started_at)
        finish(tx, run.run_id, "success", "", 1, run.started_at)
        rows = tx.tuples("SELECT DISTINCT run_id, revision, is_latest FROM measurements ORDER BY revision")
    assert rows == [(samples.run().run_id, 1, False), ("second", 2, True)]


def test_a_final_outcome_needs_the_key_and_a_failure_must_not_take_it(store: Store, samples: Samples) -> None:
    """A failure under the bare key would stop every later attempt, so it is refused; so is the reverse."""
    with store.write() as tx:
        run = claim(tx, samples.run())
        assert run is not None
        with pytest.raises(ValueError, match="claim_attempt"):
            finish(tx, run.run_id, "error", "", 0, samples.start)
        attempt = claim_attempt(tx, samples.run(1))
        with pytest.raises(ValueError, match="needs claim,"):
            finish(tx, attempt.run_id, "success", "", 0, samples.start)


def test_rows_need_a_claimed_and_unfinished_run(store: Store, samples: Samples) -> None:
    """Rows that no digest of a run would cover cannot be written at all."""
    with store.write() as tx:
        with pytest.raises(ValueError, match="not claimed"):
            write_measurements(tx, samples.run(), samples.measurements(), samples.start)
        run = samples.write_run(tx)
        with pytest.raises(ValueError, match="finished already"):
            write_measurements(tx, run, samples.measurements(), samples.start)
        with pytest.raises(ValueError, match="finished already"):
            finish(tx, run.run_id, "success", "", 0, samples.start)


def test_a_killed_attempt_is_recorded_as_abandoned_and_can_be_repeated(store: Store, samples: Samples) -> None:
    """What a dead process left is an outcome in the end; a living one is left alone; the key stays free."""
    lease = samples.start + 9 * DAY
    with store.write() as tx:
        begin_attempts(tx, [samples.run(0), samples.run(1)], pid=111, host="here", lease_until=lease)
        begin_attempts(tx, [samples.run(2)], pid=222, host="here", lease_until=lease)
        begin_attempts(tx, [samples.run(3)], pid=333, host="there", lease_until=samples.start)
    with store.write() as tx:
        dead = abandon_dead(tx, samples.start + DAY, lambda _, pid: pid != 111)
        assert [run.run_key for run in dead] == [samples.run(day).run_id for day in (0, 1, 3)]
        assert abandon_dead(tx, samples.start + DAY, lambda _, pid: pid != 111) == []
        run = claim(tx, samples.run(0))
        assert run is not None
        finish(tx, run.run_id, "success", "", 1, samples.start)
        outcomes = tx.tuples("SELECT outcome, count(*) FROM runs GROUP BY outcome ORDER BY outcome")
        left = tx.tuples("SELECT pid FROM attempt")
        reason = tx.tuples("SELECT DISTINCT reason FROM runs WHERE outcome = 'abandoned' ORDER BY reason")
    assert outcomes == [("abandoned", 3), ("success", 1)]
    assert left == [(222,)]
    assert reason[0] == ("process 111 on here ended without a result",)


def test_a_finished_run_ends_its_attempt(store: Store, samples: Samples) -> None:
    """Nothing is abandoned that came to its end."""
    with store.write() as tx:
        begin_attempts(tx, [samples.run()], pid=1, host="h", lease_until=samples.start)
    with store.write() as tx:
        samples.write_run(tx)
    with store.write() as tx:
        assert abandon_dead(tx, samples.start + DAY, lambda *_: False) == []


def test_planned_slots_stay_open_until_there_is_any_outcome(store: Store, samples: Samples) -> None:
    """A slot is planned once; a failure is an outcome too, an unrun window is a gap."""
    windows = [(samples.start + day * DAY, samples.start + (day + 1) * DAY) for day in range(3)]
    with store.write() as tx:
        assert plan_slots(tx, "wage-band", "main", windows[:2], samples.start) == 2
        assert plan_slots(tx, "wage-band", "main", windows, samples.start) == 1
        samples.write_run(tx)
        attempt = claim_attempt(tx, samples.run(1))
        finish(tx, attempt.run_id, "error", "the machine was off", 0, samples.start)
    with store.read() as reader:
        gaps = open_slots(reader)
    assert [(gap["window_start"], gap["window_end"]) for gap in gaps] == [windows[2]]

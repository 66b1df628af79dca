"""Data that arrive late: which windows are measured again, what is kept, and what awaits labels."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import Any

from aimsight.tests.monitors.sandbox import Row, Sandbox, binary_rows, ran

DAY = timedelta(days=1)


def seen(rows: list[Row], day: float, sandbox: Sandbox) -> list[Row]:
    """The rows, whose labels are seen so many days after the first day began."""
    return [row | {"seen": sandbox.window(0).start + day * DAY} for row in rows]


def test_late_labels_make_a_new_revision_of_their_windows_only(sandbox: Sandbox) -> None:
    """The day whose labels came late is judged anew, the other is looked at and left; the old verdict can be read."""
    sandbox.model(labels={"delay": "10d", "min_coverage": 0.5})
    sandbox.days(0, 1, 2, 3, 4)
    rows = binary_rows(5, wrong=12)
    sandbox.day(5, rows, labels=False)
    sandbox.run(6)
    assert sandbox.verdicts() == {4: "conforming", 5: "awaiting labels"}
    sandbox.labels(5, rows)
    summary = sandbox.run(6)["credit"]
    assert ran(summary) == {4: "skipped", 5: "success"}
    assert sandbox.outcomes() == {4: ["success", "skipped"], 5: ["success", "success"]}
    assert sandbox.verdicts() == {4: "conforming", 5: "conforming"}
    assert sandbox.verdicts(latest=False) == {5: "awaiting labels"}
    assert sandbox.values("performance.accuracy") == {4: 54 / 60, 5: 48 / 60}
    old = sandbox.rows(
        "SELECT value, undefined_reason FROM measurements WHERE metric = 'performance.accuracy' AND NOT is_latest"
    )
    assert old == [{"value": None, "undefined_reason": "awaiting labels: 0 of 60 rows have one"}]
    reasons = {run.reason for run in summary.runs if run.outcome == "skipped"}
    assert reasons == {"the inputs changed, the results of this window did not"}
    assert sandbox.run(6)["credit"].runs == []
    sandbox.check()


def test_a_window_is_judged_when_enough_labels_are_there(sandbox: Sandbox) -> None:
    """Below the coverage labels are awaited; at it the labelled rows are judged before the delay has passed."""
    sandbox.model(labels={"delay": "10d", "min_coverage": 0.5})
    sandbox.days(0, 1, 2, 3)
    rows = binary_rows(4, wrong=6)
    sandbox.day(4, rows, labels=False)
    mixed = [row for i, row in enumerate(rows) if i // 4 % 2 == 0]
    sandbox.labels(4, mixed[:29])
    sandbox.run(5)
    assert sandbox.verdicts() == {4: "awaiting labels"}
    sandbox.labels(4, mixed[:30])
    sandbox.run(5)
    assert sandbox.values("performance.accuracy") == {4: 26 / 30}


def test_labels_that_come_early_only_where_positive_are_waited_for(sandbox: Sandbox) -> None:
    """The trap of "offended within two years": what comes early is positive, and says nothing of the window.

    Enough labels are there for the configured coverage, all of them positive and every one found: accuracy on them
    would be 1. The window waits until its labels are due; what came then, still one-sided, is called selective.
    """
    sandbox.model(labels={"delay": "2d", "min_coverage": 0.3})
    sandbox.days(0, 1, 2, 3)
    rows = binary_rows(4, wrong=0)
    sandbox.day(4, rows, labels=False)
    sandbox.labels(4, [row for row in rows if row["y"] == 1])
    sandbox.run(5)
    assert sandbox.verdicts() == {4: "awaiting labels"}
    (reason,) = sandbox.rows("SELECT reason FROM evaluations")
    assert reason["reason"].startswith("awaiting labels: 30 of 60 rows have one, and rows with labels differ in ")
    sandbox.run(8)
    late = sandbox.rows("SELECT verdict, reason FROM evaluations WHERE is_latest ORDER BY window_start")[0]
    assert late["verdict"] == "conforming"
    assert "labels for 30 of 60 rows; labels are selective: rows with labels differ in p, yes" in late["reason"]


def test_after_the_delay_missing_labels_are_insufficient_evidence(sandbox: Sandbox) -> None:
    """Nobody waits longer than the delay: the verdict changes on its own when it has passed, and never conforms."""
    sandbox.model(labels={"delay": "3d", "min_coverage": 0.5}, monitor={"end": sandbox.window(5).start.date()})
    sandbox.days(0, 1, 2, 3)
    rows = binary_rows(4)
    sandbox.day(4, rows, labels=False)
    sandbox.labels(4, rows[:10])
    for day in (5, 7):
        sandbox.run(day)
        assert sandbox.verdicts() == {4: "awaiting labels"}
    sandbox.run(8)
    assert sandbox.verdicts() == {4: "insufficient evidence"}
    reason = sandbox.rows("SELECT reason FROM evaluations WHERE is_latest")[0]["reason"]
    assert reason == "labels cover 17% of the rows, below the minimum of 50%"
    assert sandbox.run(9)["credit"].runs == []
    sandbox.check()


def test_a_lookback_shorter_than_the_delay_does_not_leave_windows_waiting(sandbox: Sandbox) -> None:
    """A window that awaits labels stays open to them, however long ago it was."""
    sandbox.model(labels={"delay": "5d", "min_coverage": 0.5}, monitor={"lookback": "1d"})
    sandbox.days(0, 1, 2, 3)
    sandbox.day(4, binary_rows(4), labels=False)
    sandbox.run(5)
    sandbox.labels(4, binary_rows(4))
    sandbox.days(5, 6, 7, 8, 9)
    sandbox.run(10)
    assert sandbox.verdicts()[4] == "conforming"


def test_labels_are_those_that_had_arrived(sandbox: Sandbox) -> None:
    """Run as of an earlier moment, later labels do not count; as of a later one they do, from the very same files."""
    sandbox.model(labels={"arrived_at": "seen", "delay": "20d", "min_coverage": 0.5})
    for day in range(5):
        sandbox.day(day, seen(binary_rows(day), 7.5 if day == 4 else day + 0.9, sandbox))
    assert ran(sandbox.run(5)["credit"]) == {4: "success"}
    assert sandbox.verdicts() == {4: "awaiting labels"}
    assert sandbox.run(5)["credit"].runs == []
    sandbox.run(8)
    assert sandbox.verdicts()[4] == "conforming"
    assert sandbox.values("performance.accuracy")[4] == 54 / 60


def test_labels_within_the_log_have_their_time_too(sandbox: Sandbox) -> None:
    """A label column of the log with its arrival: awaited before it, used after it."""
    sandbox.model(labels={"source": None, "arrived_at": "seen", "delay": "20d", "min_coverage": 0.5})
    for day in range(5):
        sandbox.write(sandbox.path(day), seen(binary_rows(day), 7.5 if day == 4 else day + 0.9, sandbox))
    sandbox.run(5)
    assert sandbox.verdicts() == {4: "awaiting labels"}
    sandbox.run(8)
    assert sandbox.verdicts()[4] == "conforming"


def test_labels_before_their_predictions_are_not_used(sandbox: Sandbox) -> None:
    """A label that was known before the decision is a fault of the data: left out and counted."""
    sandbox.model(labels={"arrived_at": "seen", "min_coverage": 0.5})
    sandbox.days(0, 1, 2, 3)
    for day in range(4):
        sandbox.labels(day, seen(binary_rows(day), day + 1, sandbox))
    rows = binary_rows(4, wrong=6)
    sandbox.day(4, [*seen(rows[:6], 3.5, sandbox), *seen(rows[6:], 5, sandbox)])
    sandbox.run(5)
    assert sandbox.values("performance.accuracy") == {4: 1.0}
    assert sandbox.values("quality.label_coverage") == {4: 54 / 60}
    assert sandbox.rows("SELECT early_labels FROM statistics_window WHERE early_labels > 0") == [{"early_labels": 6}]


def test_late_rows_make_a_new_revision(sandbox: Sandbox) -> None:
    """Rows of an old day in a new file: that day is measured with all of its rows, the result is that of one batch."""
    sandbox.model()
    rows = binary_rows(4, wrong=6)
    sandbox.days(0, 1, 2, 3)
    sandbox.day(4, rows[:40])
    sandbox.days(5)
    sandbox.run(6)
    assert sandbox.values("quality.rows") == {4: 40.0, 5: 60.0}
    late = [{key: cell for key, cell in row.items() if key != "y"} for row in rows[40:]]
    sandbox.write(sandbox.path(4).with_name("late.parquet"), late)
    sandbox.labels(4, rows)
    assert ran(sandbox.run(6)["credit"])[4] == "success"
    batch = sandbox.at(sandbox.root.parent / "batch")
    shutil.copytree(sandbox.root, batch.root, ignore=shutil.ignore_patterns("store"))
    batch.run(6)
    sql = "SELECT metric, column_name, window_start, value, n FROM measurements WHERE is_latest ORDER BY ALL"
    assert sandbox.rows(sql) == batch.rows(sql)
    sandbox.check()


def test_late_data_beyond_the_lookback_change_nothing(sandbox: Sandbox) -> None:
    """Windows that ended before the lookback keep their results."""
    sandbox.model(monitor={"lookback": "2d"})
    sandbox.days(0, 1, 2, 3, 4, 5)
    sandbox.run(6)
    sandbox.days(4, wrong=30)
    sandbox.days(5, wrong=3)
    assert ran(sandbox.run(7)["credit"]) == {5: "success", 6: "success"}
    assert sandbox.values("performance.accuracy")[4] == 54 / 60
    assert sandbox.values("performance.accuracy")[5] == 57 / 60


def test_rows_that_are_gone_do_not_take_results_away(sandbox: Sandbox) -> None:
    """Old files are deleted sooner or later: what was measured stays measured."""
    sandbox.model()
    sandbox.days(*range(6))
    sandbox.run(6)
    sandbox.path(4).unlink()
    assert sandbox.run(6)["credit"].runs == []
    assert sandbox.verdicts() == {4: "conforming", 5: "conforming"}


def test_a_file_changed_and_changed_back_is_what_it_was(sandbox: Sandbox) -> None:
    """The latest result is always about the present data, also when they are the data of before."""
    sandbox.model()
    sandbox.days(*range(5))
    original = sandbox.path(4).read_bytes()
    for wrong, expected in ((30, 30 / 60), (None, 54 / 60), (30, 30 / 60), (None, 54 / 60)):
        sandbox.run(5)
        if wrong is None:
            sandbox.path(4).write_bytes(original)
        else:
            sandbox.days(4, wrong=wrong)
        sandbox.run(5)
        assert sandbox.values("performance.accuracy") == {4: expected}
        assert sandbox.run(5)["credit"].runs == []
    assert sandbox.outcomes()[4] == ["success"] * 5
    sandbox.check()


def test_the_first_window_stays_when_the_log_loses_its_first_days(sandbox: Sandbox) -> None:
    """Without a reference monitoring starts with the first row; later it goes on where it is."""
    sandbox.model(reference=None)
    sandbox.days(2, 3)
    sandbox.run(4)
    sandbox.path(2).unlink()
    sandbox.days(4)
    assert sandbox.run(5)["credit"].problem == ""
    assert sorted(sandbox.outcomes()) == [2, 3, 4]


def test_two_models_over_one_file_read_it_each_in_their_own_way(sandbox: Sandbox) -> None:
    """What is remembered of a file depends on the column that holds its times, and on the zone they are in."""
    common: dict[str, Any] = {"labels": None, "reference": None, "metrics": ["quality.rows"], "objectives": []}
    sandbox.model("decided", log={"source": "data/credit/*.parquet"}, **common)
    sandbox.model("paid", log={"source": "data/credit/*.parquet", "timestamp": "paid_at"}, **common)
    sandbox.write(sandbox.path(2), [row | {"paid_at": row["at"] + 2 * DAY} for row in binary_rows(2)])
    for _ in range(2):
        sandbox.run(5)
        assert sandbox.values("quality.rows", model="decided")[2] == 60.0
        assert sandbox.values("quality.rows", model="paid") == {4: 60.0}

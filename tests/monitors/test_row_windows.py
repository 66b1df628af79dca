"""Windows of so many rows: where they are cut, that a cut stays, and how they run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.configs.errors import ConfigError
from aimsight.configs.window_lengths import ChunkCount, RowCount
from aimsight.metrics.engines.windows import micros
from aimsight.metrics.plan import Window
from aimsight.monitors.row_windows import row_windows
from aimsight.monitors.run import run_model
from aimsight.tests.monitors.sandbox import Sandbox, binary_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from aimsight.monitors.row_windows import Times

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)


def log(minutes: list[int], block: int = 3) -> Times:
    """A log with rows at these minutes, told in blocks."""

    def times(start: datetime, end: datetime) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        at = [micros(START + minute * MINUTE) for minute in minutes if start <= START + minute * MINUTE < end]
        values, counts = np.unique(np.array(at, dtype=np.int64), return_counts=True)
        for first in range(0, values.size, block):
            yield values[first : first + block], counts[first : first + block]

    return times


def held(windows: list[Window], minutes: list[int]) -> list[int]:
    """Rows in each window."""
    return [sum(window.start <= START + minute * MINUTE < window.end for minute in minutes) for window in windows]


def test_a_window_ends_right_after_the_row_that_fills_it() -> None:
    """Seven rows in windows of three: two windows, and one row that waits for more."""
    minutes = [0, 1, 2, 3, 4, 5, 6]
    found = row_windows(RowCount(3), [], START, START + 60 * MINUTE, log(minutes), closed=False)
    assert found == [
        Window(START, START + 2 * MINUTE + TICK),
        Window(START + 2 * MINUTE + TICK, START + 5 * MINUTE + TICK),
    ]


def test_rows_of_one_time_stay_together() -> None:
    """Five rows at once fill a window of three with five."""
    minutes = [0, 1, 1, 1, 1, 1, 2, 3, 4]
    found = row_windows(RowCount(3), [], START, START + 60 * MINUTE, log(minutes), closed=False)
    assert held(found, minutes) == [6, 3]


def test_the_rest_is_a_window_once_monitoring_has_ended() -> None:
    """Seven rows in windows of three, of a history that is closed: the last has one row and lasts to the end."""
    minutes, end = [0, 1, 2, 3, 4, 5, 6], START + 60 * MINUTE
    found = row_windows(RowCount(3), [], START, end, log(minutes), closed=True)
    assert held(found, minutes) == [3, 3, 1]
    assert found[-1].end == end


def test_chunks_share_a_closed_history() -> None:
    """Ten rows in four chunks: three of three rows and one of one; an open history has none yet."""
    minutes, end = list(range(10)), START + 60 * MINUTE
    assert held(row_windows(ChunkCount(4), [], START, end, log(minutes), closed=True), minutes) == [3, 3, 3, 1]
    assert row_windows(ChunkCount(4), [], START, end, log(minutes), closed=False) == []
    assert row_windows(ChunkCount(4), [], START, end, log([]), closed=True) == []


@given(
    minutes=st.lists(st.integers(0, 40), max_size=80),
    rows=st.integers(1, 9),
    block=st.integers(1, 7),
    stops=st.lists(st.integers(1, 50), max_size=4),
)
def test_cutting_step_by_step_is_cutting_at_once(minutes: list[int], rows: int, block: int, stops: list[int]) -> None:
    """However often it is asked on the way, the windows are the same, adjacent, and hold at least their rows."""
    times, known = log(minutes, block), list[Window]()
    for stop in [*sorted(stops), 60]:
        known = row_windows(RowCount(rows), known, START, START + stop * MINUTE, times, closed=False)
    assert known == row_windows(RowCount(rows), [], START, START + 60 * MINUTE, times, closed=False)
    assert all(count >= rows for count in held(known, minutes))
    assert [a.end for a in known[:-1]] == [b.start for b in known[1:]]
    assert len(minutes) - sum(held(known, minutes)) < rows


def test_windows_of_rows_are_run_as_they_fill(sandbox: Sandbox) -> None:
    """Days of 60 rows in windows of 100: after two days one, after four two; asking again changes nothing."""
    sandbox.model(monitor={"window": "100 rows"})
    sandbox.days(0, 1, 2, 3, 4, 5)
    first = sandbox.run(6)["credit"]
    assert [(run.window, run.outcome) for run in first.runs] == [
        (Window(sandbox.window(4).start, sandbox.window(5).start + 39 * 20 * MINUTE + MINUTE + TICK), "success")
    ]
    assert sandbox.rows("SELECT value FROM measurements WHERE metric = 'quality.rows'") == [{"value": 100.0}]
    sandbox.days(6, 7)
    second = sandbox.run(8)["credit"]
    assert [run.outcome for run in second.runs] == ["skipped", "success"]  # new labels touch no row of the first
    assert second.runs[1].window.start == first.runs[0].window.end
    again = sandbox.run(8)["credit"]
    assert (again.runs, again.rows_scanned, again.skipped) == ([], 0, 2)
    sandbox.check()


def test_late_rows_are_counted_in_the_window_of_their_time(sandbox: Sandbox) -> None:
    """A window that was cut keeps its edges; late rows within them are measured again with it."""
    sandbox.model(monitor={"window": "100 rows"})
    sandbox.days(0, 1, 2, 3, 4, 5)
    window = sandbox.run(6)["credit"].runs[0].window
    late = [row | {"id": f"late-{i}"} for i, row in enumerate(binary_rows(4)[:5])]
    sandbox.write(
        sandbox.root / "data" / "credit" / "late.parquet", [{k: v for k, v in r.items() if k != "y"} for r in late]
    )
    run = sandbox.run(6)["credit"].runs[0]
    assert (run.window, run.outcome) == (window, "success")
    found = sandbox.rows("SELECT value FROM measurements WHERE metric = 'quality.rows' AND is_latest")
    assert found == [{"value": 105.0}]


def test_chunks_need_an_end(sandbox: Sandbox) -> None:
    """A history that goes on cannot be cut into a number of windows, which is said before anything runs."""
    sandbox.model(monitor={"window": "4 chunks"})
    with pytest.raises(ConfigError, match="chunks are cut from a history that is closed: add `end`"):
        _ = sandbox.project


def test_a_closed_history_is_run_in_chunks(sandbox: Sandbox) -> None:
    """Three days of 60 rows in two chunks of 90."""
    sandbox.model(monitor={"window": "2 chunks", "end": sandbox.window(7).start.date()})
    sandbox.days(0, 1, 2, 3, 4, 5, 6)
    assert sandbox.run(7)["credit"].runs == []  # the last moment has not passed
    runs = sandbox.run(8)["credit"].runs
    assert [run.outcome for run in runs] == ["success", "success"]
    assert sandbox.rows("SELECT value FROM measurements WHERE metric = 'quality.rows'") == [{"value": 90.0}] * 2


def test_what_was_cut_can_be_measured_again(sandbox: Sandbox) -> None:
    """A backfill of a window of rows, under another configuration, keeps its edges."""
    sandbox.model(monitor={"window": "100 rows"})
    sandbox.days(0, 1, 2, 3, 4, 5)
    window = sandbox.run(6)["credit"].runs[0].window
    sandbox.model(monitor={"window": "100 rows"}, metrics=["performance.*", "quality.rows"])
    summary = run_model(sandbox.project, sandbox.store, "credit", now=sandbox.window(6).start, windows=[window])
    assert [(run.window, run.outcome) for run in summary.runs] == [(window, "success")]


@pytest.mark.parametrize(
    ("text", "near"), [("1,000 row", "1000 rows"), ("5 Chunks", "5 chunks"), ("10rows", "10 rows"), ("3 days", "3d")]
)
def test_a_misspelt_length_gets_a_hint(sandbox: Sandbox, text: str, near: str) -> None:
    """The likely intention is named."""
    sandbox.model(monitor={"window": text})
    with pytest.raises(ConfigError, match=f"did you mean {near}"):
        _ = sandbox.project
